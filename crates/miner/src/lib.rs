//! From a block template to a solved header.
//!
//! [`BlockTemplate`] is the block to mine: the transactions that fit beside the coinbase, under every limit of the
//! chain. [`Job`] cuts it into headers, one for each extranonce, and [`Workers`] search their nonces on several
//! threads with the fastest [`Kernel`] of the machine. [`Miner`] runs all that on the templates of a
//! [`TemplateSource`], which is the node, and lets go of a job the moment the tip moves.
//!
//! Templates, jobs and kernels read no clock and own no thread. [`Workers`], [`Miner`], [`search_genesis`] and
//! [`bench`](bench()) do; each says where the time comes from.
//!
//! What is *not* here: which transactions are worth a place (the mempool says, and gives them in order), whether they
//! are valid (consensus), any network, and mining in a pool. Version bits are not rolled: the 64-bit extranonce gives
//! more headers than any miner can search.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::AtomicBool;
//!
//! use cairn_consensus::{HeaderTree, check_block};
//! use cairn_miner::{BlockTemplate, Job, kernel, solve};
//! use cairn_params::presets;
//! use cairn_primitives::{BlockTime, Script};
//!
//! let spec = Arc::new(presets::regtest());
//! let tree = HeaderTree::new(Arc::clone(&spec));
//! let now = BlockTime::new(1_700_000_000);
//!
//! let next = tree.next_block(tree.genesis(), now);
//! let payout = Script::op_return(b"nobody");
//! let template = BlockTemplate::new(&spec, &next, &payout, &[])?;
//!
//! let job = Job::new(Arc::new(template), 0);
//! let never = AtomicBool::new(false);
//! let solution = solve(&job, kernel::best().as_ref(), || now, &never)?.expect("nobody stops the search");
//! let block = job.block(&solution);
//! assert!(check_block(block, &spec).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod kernel;

mod bench;
mod clock;
mod genesis;
mod header_job;
mod job;
mod miner;
mod nonces;
mod rate;
mod source;
mod template;
mod workers;

pub use bench::{BenchReport, bench};
pub use clock::{Clock, system_clock};
pub use genesis::{GenesisError, GenesisProgress, search_genesis};
pub use header_job::HeaderJob;
pub use job::{Job, RollError, Solution, Work, solve};
pub use kernel::{Kernel, SearchResult};
pub use miner::{Miner, MinerConfig, MinerError, MinerEvent, MinerStatus};
pub use nonces::NonceRange;
pub use rate::RateMeter;
pub use source::{SourceError, Submission, TemplateSource};
pub use template::{BlockTemplate, Candidate, TemplateError, TemplateParts};
pub use workers::{JobId, WorkerEvent, Workers, WorkersError};
