//! Hashes and values with invariants, their canonical bytes and their text forms.
