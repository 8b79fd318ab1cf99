//! Unconfirmed transactions under a stated policy.
//!
//! [`Mempool::accept`] takes a transaction if consensus and the [`Policy`] allow it; otherwise it says why: a
//! [`Rejection`], one variant a rule, with Bitcoin Core's reject reason and a [`Class`] that says what to think of the
//! transaction. No two entries spend the same coin: a second spend is refused, or replaces the first by BIP125's rules.
//! [`Mempool::block_connected`] and [`Mempool::reorganized`] follow the chain; a full pool evicts what pays least with
//! its descendants and raises its floor; [`Mempool::candidates`] gives entries in the order a block wants them.
//!
//! [`FeeEstimator`] learns what fee rate was enough, and always answers. [`Mempool::save`] and [`FeeEstimator::to_bytes`]
//! give the bytes of `mempool.dat` and `fees.dat`; what reads them refuses damage with a [`FileError`].
//!
//! The pool decides and does nothing else: time comes in as an argument, coins through [`ChainView`], and it reads no
//! clock, no disk and no random source. Every limit is a constant of this crate or a field of [`Policy`].
//!
//! # What is not here
//! Transactions whose parents are missing are refused, not kept. Packages are not accepted as one; version 3 transactions
//! (BIP431) and ephemeral dust are not standard here. No entry is given another priority than its fee. Bytes are
//! estimated, not measured. The estimator has one horizon of 48 blocks, where Core has three of up to 1,008, and what waits
//! when it is saved is not learned from.
//!
//! # Example
//! ```
//! use std::collections::HashMap;
//! use std::sync::Arc;
//! use cairn_consensus::CoinViewError;
//! use cairn_mempool::{ChainView, Class, Mempool, Policy};
//! use cairn_params::presets;
//! use cairn_primitives::{
//!     Amount, BlockTime, Coin, Height, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn,
//!     TxOut, Txid, Witness, hash,
//! };
//!
//! struct Chain(HashMap<OutPoint, Coin>);
//!
//! impl ChainView for Chain {
//!     fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
//!         Ok(self.0.get(outpoint).cloned())
//!     }
//!     fn tip_height(&self) -> Height {
//!         Height::new(200)
//!     }
//!     fn median_time_past(&self, height: Height) -> BlockTime {
//!         BlockTime::new(1_300_000_000 + 600 * height.to_u32())
//!     }
//! }
//!
//! // A coin locked to the hash of the script `OP_TRUE`, and a spend of it.
//! let redeem_script = [0x51];
//! let output = |sat| TxOut { value: Amount::from_sat(sat), script_pubkey: Script::p2sh(hash::hash160(&redeem_script)) };
//! let outpoint = OutPoint { txid: Txid::from_bytes([7; 32]), vout: 0 };
//! let coin = Coin { output: output(100_000), height: Height::new(1), coinbase: false };
//! let chain = Chain(HashMap::from([(outpoint, coin)]));
//! let spend = |sat| {
//!     let script_sig = ScriptBuilder::new().push_slice(&redeem_script).into_script();
//!     let input = TxIn { previous: outpoint, script_sig, sequence: Sequence::FINAL, witness: Witness::default() };
//!     Arc::new(Transaction::new(2, vec![input], vec![output(sat)], LockTime::ZERO))
//! };
//!
//! let mut pool = Mempool::new(Arc::new(presets::regtest()), Policy::default());
//! let now = BlockTime::new(1_400_000_000);
//! let accepted = pool.accept(spend(99_000), now, &chain).result?;
//! assert_eq!(accepted.fee, Amount::from_sat(1_000));
//!
//! let refused = pool.accept(spend(90_000), now, &chain).result.unwrap_err();
//! assert_eq!(refused.code(), "txn-mempool-conflict");
//! assert_eq!(refused.class(), Class::Pool);
//! assert_eq!(pool.candidates().count(), 1);
//! # Ok::<(), cairn_mempool::Rejection>(())
//! ```

mod admit;
mod candidates;
mod chain;
mod entry;
mod estimate;
mod file;
mod floor;
mod graph;
mod mempool;
mod policy;
mod rate;
mod rejection;
mod replace;
mod save;
mod standard;

pub use candidates::Candidates;
pub use chain::ChainView;
pub use entry::{Entry, Totals};
pub use estimate::{
    Estimate, EstimateSource, Estimates, FAST_TARGET, FeeEstimator, MAX_TARGET, SLOW_TARGET, STANDARD_TARGET,
};
pub use file::{FileError, MAX_FILE_BYTES};
pub use mempool::{Accepted, Mempool, Outcome, RemovalReason, Removed, Reorganized};
pub use policy::{
    BYTES_PER_SIGOP, MANDATORY_FLAGS, MAX_BARE_MULTISIG_KEYS, MAX_DATA_SCRIPT, MAX_EXTRA_DESCENDANT_VSIZE,
    MAX_P2SH_SIGOPS, MAX_P2WSH_ITEMS, MAX_P2WSH_SCRIPT, MAX_REPLACED, MAX_SCRIPT_SIG, MAX_TX_SIGOP_COST,
    MAX_TX_VERSION, MAX_TX_WEIGHT, MAX_WITNESS_ITEM, MIN_TX_BASE_SIZE, Policy, STANDARD_FLAGS,
};
pub use rate::{FeeRate, SatPerKvb};
pub use rejection::{Class, Rejection};
pub use save::{MAX_SAVED, Saved};
pub use standard::{dust_limit, virtual_size};
