//! Package of Cairn's benches.
