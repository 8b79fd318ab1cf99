//! Every rule a header, block or transaction must keep, and which chain is best.
//!
//! The crate decides and does nothing else: it reads no clock, no disk and no socket, and owns no
//! thread. The time comes in as an argument, coins come in through [`CoinView`], and what is left to
//! do goes out as values.
//!
//! # Three levels of validity
//! | level | question | function | gives |
//! |---|---|---|---|
//! | alone | is the block well-formed? | [`check_block`] | [`CheckedBlock`] |
//! | in place | does it fit the headers below it? | [`check_context`] | (part of the next) |
//! | connected | are its coins there, its values right? | [`connect`] | [`Connection`]: coin delta, undo, scripts to run |
//!
//! [`connect_outside`] asks the same of a block whose chain is not at hand, as far as that can be.
//!
//! Headers have a level of their own: [`HeaderTree::insert`] takes none that breaks a header rule, and
//! the tree then answers which tip is best and how to get there ([`ReorgPlan`]).
//!
//! # Errors
//! One variant for each rule ([`HeaderError`], [`TxError`], [`BlockError`]), each with a stable
//! `code()` (Core's reject reason) and a [`Verdict`].
//!
//! # What it does not do
//! It keeps nothing (see `cairn-chainstate`), has no opinion about unconfirmed transactions beyond
//! the rules (see the mempool), and signs nothing: [`SignetTxs`] says what the signer of a signet block signs.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use cairn_consensus::HeaderTree;
//! use cairn_params::presets;
//! use cairn_primitives::{BlockTime, Height};
//!
//! let tree = HeaderTree::new(Arc::new(presets::bitcoin()));
//! let next = tree.next_block(tree.genesis(), BlockTime::new(1_231_469_665));
//! assert_eq!(next.height, Height::new(1));
//! assert_eq!(next.bits.to_bits(), 0x1d00ffff);
//! assert_eq!(next.subsidy.to_sat(), 50 * 100_000_000);
//! ```

mod assume;
mod block;
mod checks;
mod coins;
mod connect;
mod context;
mod error;
mod header;
mod locks;
mod outside;
mod place;
mod retarget;
mod signals;
mod signet;
mod sigops;
mod tree;
mod tx;
mod undo;

pub use block::{CheckedBlock, check_block};
pub use checks::ScriptChecks;
pub use coins::{CoinDelta, CoinView};
pub use connect::{Connection, connect, script_flags, script_flags_on};
pub use context::{COMMITMENT_PREFIX, COMMITMENT_SCRIPT_LEN, check_context, witness_commitment};
pub use error::{BlockError, CoinViewError, HeaderError, SignetError, TxError, Verdict};
pub use header::check_pow;
pub use locks::{LOCKTIME_THRESHOLD, check_final, check_sequence_locks};
pub use outside::{Outside, OutsideConnection, check_outside, connect_outside, script_flags_at};
pub use signals::DeploymentState;
pub use signet::{SIGNET_HEADER, SignetTxs};
pub use sigops::{legacy_sigops, sigop_cost};
pub use tree::{HeaderTree, Inserted, NextBlock, NodeId, ReorgPlan};
pub use tx::{COINBASE_SCRIPT_LEN, WITNESS_SCALE_FACTOR, check_spend, check_transaction};
pub use undo::{DisconnectError, TxUndo, Undo, disconnect};
