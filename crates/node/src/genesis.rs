//! The first block of a new chain.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use cairn_miner::{GenesisError, kernel, search_genesis};
use cairn_params::ChainSpec;
use cairn_params::genesis::Unmined;

use crate::error::NodeError;
use crate::stop::Stop;

/// Searches the time and nonce that give a spec's first block its proof of work, with the fastest kernel of this machine, and returns the
/// spec with them. `progress` gets the hashes so far and the rate per second, several times a second.
///
/// # Errors
/// [`NodeError::Interrupted`] if `stop` is asked first, [`NodeError::Genesis`] if there is no solution.
pub fn mine(
    unmined: Unmined,
    threads: NonZeroUsize,
    stop: &Stop,
    mut progress: impl FnMut(u64, f64),
) -> Result<ChainSpec, NodeError> {
    let cancel = AtomicBool::new(false);
    let report = |at: cairn_miner::GenesisProgress| {
        progress(at.hashes, at.hashes as f64 / at.elapsed.as_secs_f64().max(f64::MIN_POSITIVE));
        cancel.store(stop.is_asked(), Ordering::Relaxed);
    };
    search_genesis(unmined, kernel::best(), threads, report, &cancel).map_err(|error| match error {
        GenesisError::Cancelled => NodeError::Interrupted,
        other => NodeError::Genesis(other),
    })
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;

    use super::*;

    fn unmined() -> Unmined {
        let mut spec = presets::regtest();
        spec.genesis.message = "a chain of one's own".to_owned();
        Unmined::new(spec).unwrap()
    }

    #[test]
    fn a_found_genesis_passes_every_check() {
        let spec = mine(unmined(), NonZeroUsize::MIN, &Stop::new(), |_, _| {}).unwrap();
        assert_eq!(spec.check(), Ok(()));
        assert_ne!(spec.genesis.hash, presets::regtest().genesis.hash);
    }

    #[test]
    fn an_interrupt_ends_the_search() {
        let mut spec = presets::bitcoin();
        spec.genesis.message = "needs some four thousand million hashes".to_owned();
        let stop = Stop::new();
        stop.ask();
        let outcome = mine(Unmined::new(spec).unwrap(), NonZeroUsize::MIN, &stop, |_, _| {});
        assert!(matches!(outcome, Err(NodeError::Interrupted)), "{outcome:?}");
    }
}
