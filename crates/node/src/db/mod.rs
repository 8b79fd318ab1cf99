//! The data of a node that is not running: checked, counted, made again, converted. See [`cairn_chainstate::check`].

use cairn_chainstate::check::{self, Depth, IndexState, Progress, Report, Stats};
use cairn_chainstate::convert::{self, ConvertProgress, Converted};
use cairn_chainstate::{ChainState, Engine, IndexKind, Rebuilt};

use crate::config::Config;
use crate::error::NodeError;

/// Checks the data of the chain that `config` names; damage is in the report. Changes nothing.
///
/// # Errors
/// [`NodeError::Chain`] where there is no data, another process uses it, or it cannot be looked into any further.
pub fn check(config: &Config, depth: Depth, progress: impl FnMut(Progress)) -> Result<Report, NodeError> {
    Ok(check::check(config.spec.clone(), &config.chain_state(), depth, progress)?)
}

/// Heights, sizes, and the sums of the coins. Changes nothing.
///
/// # Errors
/// As [`check()`].
pub fn stats(config: &Config) -> Result<Stats, NodeError> {
    Ok(check::stats(config.spec.clone(), &config.chain_state())?)
}

/// The indexes that are on disk and how far each has come, whether they are switched on or not.
///
/// # Errors
/// As [`check()`].
pub fn indexes(config: &Config) -> Result<Vec<IndexState>, NodeError> {
    Ok(cairn_chainstate::indexes(config.spec.clone(), &config.chain_state())?)
}

/// Deletes an index from disk and returns how many rows it had; see [`cairn_chainstate::drop_index`].
///
/// # Errors
/// As [`check()`].
pub fn drop_index(config: &Config, index: IndexKind, progress: impl FnMut(u64)) -> Result<u64, NodeError> {
    Ok(cairn_chainstate::drop_index(&config.chain_state(), index, progress)?)
}

/// Makes coins, indexes and damaged undo data again from the block files; see [`ChainState::rebuild`].
///
/// # Errors
/// As [`check()`], and for a block that cannot be read, with file and offset.
pub fn rebuild(config: &Config, progress: impl FnMut(Progress)) -> Result<Rebuilt, NodeError> {
    Ok(ChainState::rebuild(config.spec.clone(), &config.chain_state(), progress)?)
}

/// Gives the stores the engine `to`; see [`convert`](convert::convert).
///
/// # Errors
/// As [`check()`], and for a program that was built without the engine.
pub fn convert(
    config: &Config,
    to: Engine,
    progress: impl FnMut(ConvertProgress),
) -> Result<Converted, NodeError> {
    Ok(convert::convert(&config.spec, &config.chain_state(), to, progress)?)
}
