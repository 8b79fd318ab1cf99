//! The coins of a node that is not running, to a file and from one. See [`cairn_chainstate::snapshot`].

use std::path::Path;

use cairn_chainstate::snapshot::{self, Dumped, LoadProgress, Loaded};
use cairn_primitives::Sha256d;

use crate::config::Config;
use crate::error::NodeError;

/// Writes the coins after the tip to `path`; `progress` is told how many are written.
///
/// # Errors
/// [`NodeError::Snapshot`]; see [`snapshot::dump`].
pub fn dump(config: &Config, path: &Path, progress: impl FnMut(u64)) -> Result<Dumped, NodeError> {
    Ok(snapshot::dump(config.spec.clone(), &config.chain_state(), path, progress)?)
}

/// Begins the chain with the coins in `path`, which must have the hash that the spec names, or else `coins_hash`.
///
/// # Errors
/// [`NodeError::Snapshot`]; see [`snapshot::load`].
pub fn load(
    config: &Config,
    path: &Path,
    coins_hash: Option<Sha256d>,
    progress: impl FnMut(LoadProgress),
) -> Result<Loaded, NodeError> {
    crate::datadir::create(&config.datadir)?;
    Ok(snapshot::load(config.spec.clone(), &config.chain_state(), path, coins_hash, progress)?)
}
