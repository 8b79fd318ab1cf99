//! Typed tables, atomic batches and snapshots over an embedded key-value store or memory.
