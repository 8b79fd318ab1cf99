//! Programs to start from; each is one file in `examples/examples`.
//!
//! | program | shows |
//! |---|---|
//! | `validate_headers` | the pure rules alone: headers in, best chain out |
//! | `custom_chain` | a chain of one's own in memory: spec, genesis, blocks |
//! | `embed_node` | a whole node inside another program |
