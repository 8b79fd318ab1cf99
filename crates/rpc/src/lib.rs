//! One node API, served over HTTP.
