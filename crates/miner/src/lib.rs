//! From a block template to a solved header.

mod bench;
mod header_job;
pub mod kernel;
mod nonces;

pub use bench::{BenchReport, bench};
pub use header_job::HeaderJob;
pub use kernel::{Kernel, SearchResult};
pub use nonces::NonceRange;
