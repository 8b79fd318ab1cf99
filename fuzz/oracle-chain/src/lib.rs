//! Differential tests: the same blocks to Cairn and to Bitcoin Core's chain engine.
//!
//! [`run()`] makes a regtest chain out of a seed and gives it, block by block, to Cairn's
//! [`ChainState`](cairn_chainstate::ChainState) and to Core's `ChainstateManager` (the crate `bitcoinkernel`). After each
//! block both must have the same tip, must have stored or refused the block alike and must have marked the same blocks as
//! invalid, and a refusal must agree in its class, in Core's reject reason and, where a script failed, in the script
//! error. The chain has
//!
//! - valid blocks with spends of every type, from coins below and from coins of the same block;
//! - forks of 1 to 60 blocks: races of equal work, headers first, blocks out of order, branches that break in the
//!   middle so that the engine goes back;
//! - for every rule that a block on regtest can break a block that breaks it and nothing else, and for every limit a
//!   block that just keeps it. Each is made for one reason, and that reason must come back from both;
//! - blocks changed at random, for whatever comes of it.
//!
//! Now and then both are closed and opened again from their data. At the end the coins that each block of the best chain
//! spent are compared one by one, and what both know of every header that they were given.
//!
//! The only difference allowed is told and counted by [`Duel`].
//!
//! Everything follows from the seed but the last few blocks, which look at the clock: Core's engine reads the machine's.
//!
//! # What cannot be reached on regtest
//! Coins overwritten (BIP30; BIP34 holds from the first block and a height begins no other's script), a transaction
//! larger than a block (the block is refused first), fees or coins spent above the money limit (there is not so much
//! money), a transaction without inputs that has outputs (it cannot be encoded), retargets, checkpoints, the time-warp
//! rule and block signatures. The tests of `cairn-consensus` have them.
//!
//! # Why a package of its own
//! Core's script library (`bitcoinconsensus`, which the package `oracle` uses) and its engine are editions of the same
//! C++ sources: their functions have the same names, so one program cannot hold both.

mod answer;
mod build;
mod duel;
mod fill;
mod flaws;
mod kernel;
#[path = "../../oracle/src/keys.rs"]
mod keys;
mod ledger;
mod lock;
mod ours;
mod report;
#[path = "../../oracle/src/rng.rs"]
mod rng;
mod run;
mod sign;

pub use answer::{Answer, Category, Kept, Refusal, Tip};
pub use duel::{Agreed, Duel, clock};
pub use kernel::Kernel;
pub use keys::{Key, key};
pub use ours::{OurAnswer, Ours};
pub use report::Report;
pub use rng::Rng;
pub use run::{Size, replay, run};
