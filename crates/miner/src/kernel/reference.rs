//! The kernel that takes no short cut.

use std::sync::atomic::AtomicBool;

use super::{Kernel, SearchResult, search_in_batches};
use crate::{HeaderJob, NonceRange};

/// Hashes each header in full with the library's own SHA-256: what the other kernels are tested and measured
/// against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Kernel for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn search(&self, job: &HeaderJob, nonces: NonceRange, stop: &AtomicBool) -> SearchResult {
        search_in_batches(job, nonces, stop, |first, count| {
            (0..count).find(|&distance| job.is_solved_by(first.wrapping_add(distance)))
        })
    }
}
