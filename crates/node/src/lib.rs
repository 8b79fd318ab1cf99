//! The composition root: configuration, adapters and supervision.
