//! Blocks and headers from files, into the chain that a configuration names.

use std::ops::ControlFlow;
use std::path::PathBuf;

use cairn_chainstate::ChainState;
use cairn_chainstate::import::{self, Progress, Summary};

use crate::config::Config;
use crate::error::NodeError;
use crate::writer::now;

/// Imports block files (`blkNNNNN.dat`) in order. See [`cairn_chainstate::import::blocks`].
///
/// # Errors
/// [`NodeError::Chain`] if the chain cannot be opened or written, [`NodeError::Import`] at the first record that cannot be used; what
/// came before it stays.
pub fn blocks(
    config: &Config,
    files: &[PathBuf],
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, NodeError> {
    let mut chain = open(config)?;
    let outcome = import::blocks(&mut chain, files, now(), progress);
    finish(chain, outcome)
}

/// Imports raw headers of 80 bytes. See [`cairn_chainstate::import::headers`].
///
/// # Errors
/// As [`blocks`].
pub fn headers(
    config: &Config,
    files: &[PathBuf],
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, NodeError> {
    let mut chain = open(config)?;
    let outcome = import::headers(&mut chain, files, now(), progress);
    finish(chain, outcome)
}

pub(crate) fn open(config: &Config) -> Result<ChainState, NodeError> {
    crate::datadir::create(&config.datadir)?;
    Ok(ChainState::open(config.spec.clone(), &config.chain_state())?)
}

fn finish(chain: ChainState, outcome: Result<Summary, import::ImportError>) -> Result<Summary, NodeError> {
    // What is valid stays, also after an error; and the error is what the caller wants to hear of first.
    let closed = chain.close();
    let summary = outcome?;
    closed?;
    Ok(summary)
}
