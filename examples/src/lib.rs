//! Package of Cairn's examples.
