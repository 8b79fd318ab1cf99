//! Chains, blocks and bytes for tests.
//!
//! - [`TestKey`]: a key made from a number, with its scripts and its signatures.
//! - [`Forge`]: builds real blocks with real proof of work on any known parent, and knows the coins
//!   at every tip. It checks what it builds with `cairn-consensus`, unless told to build a bad block.
//! - [`network`]: a simulated network of real nodes under a virtual clock, with faults and adversaries.
//! - [`flood`]: abuse of a running node over real sockets.
//! - [`generate`]: proptest strategies for scripts, transactions, headers and blocks.
//!
//! For development only: nothing a node is made of depends on it. It is deliberately slow and plain:
//! the coins of every tip are kept as a whole map.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use cairn_params::presets;
//! use cairn_testkit::{Forge, TestKey};
//!
//! let mut forge = Forge::new(Arc::new(presets::regtest()));
//! let key = TestKey::new(1);
//! let block = forge.draft(forge.genesis()).pay_to(key.p2pkh()).seal();
//! let tip = forge.accept(block).expect("the forge builds valid blocks");
//! assert_eq!(forge.height(tip).to_u32(), 1);
//! assert_eq!(forge.coins(tip).len(), 1);
//! ```

pub mod chaingen;
mod draft;
pub mod flood;
mod forge;
pub mod generate;
mod key;
pub mod network;
mod spend;

pub use draft::{Draft, reseal};
pub use forge::Forge;
pub use key::TestKey;
pub use spend::Spend;
