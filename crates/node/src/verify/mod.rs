//! Single blocks and transactions, checked outside a chain with the coins they spend given.
//!
//! [`verify_block`] says whether a block keeps the rules of its height, [`Explainer`] why each input of a transaction may be spent or not, step by
//! step. [`Prevouts`] is what both read the spent coins from.
//!
//! # Example
//! ```
//! use cairn_node::verify::{BlockQuery, Prevouts, verify_block};
//! use cairn_params::presets;
//! use cairn_primitives::Height;
//!
//! let spec = presets::bitcoin();
//! let query = BlockQuery { height: Some(Height::new(0)), prevouts: Some(&Prevouts::default()), median_time_past: None };
//! let report = verify_block(&spec, spec.genesis_block(), &query, &|_, _| ());
//! assert!(report.outcome.is_ok());
//! ```

mod block;
mod error;
mod explain;
mod file;
mod prevouts;
mod scripts;

pub use block::{BlockQuery, BlockReport, Unchecked, verify_block};
pub use error::{Field, PrevoutsError, VerifyError};
pub use explain::{Explainer, InputReport};
pub use file::{MAX_BLOCK_FILE, MAX_TX_FILE, read_block, read_tx};
pub use prevouts::{MAX_PREVOUTS_FILE, Prevout, Prevouts};
