//! Package of Cairn's bins.
