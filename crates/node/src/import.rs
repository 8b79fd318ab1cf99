//! Blocks and headers from files, into the chain that a configuration names.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use cairn_chainstate::import::{self, Progress, Summary};
use cairn_chainstate::{ChainState, ChainStateError};

use crate::config::Config;
use crate::error::NodeError;
use crate::writer::now;

/// How long an index is waited for at a time.
const INDEX_WAIT: Duration = Duration::from_secs(10);

/// Imports block files (`blkNNNNN.dat`) in order, and returns once the indexes that are on have them too. See
/// [`cairn_chainstate::import::blocks`]. Block records of the chain that are damaged are written again from the
/// files, also if the chain does not open because of them.
///
/// # Errors
/// [`NodeError::Chain`] if the chain cannot be opened or written, [`NodeError::Import`] at the first record that cannot be used; what
/// came before it stays.
pub fn blocks(
    config: &Config,
    files: &[PathBuf],
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, NodeError> {
    let mut chain = match open(config) {
        // It has to read a block to go on, and the files may have that block.
        Err(NodeError::Chain(
            ChainStateError::RecordDamaged { .. } | ChainStateError::RecordUndecodable { .. },
        )) => {
            ChainState::repair(config.spec.clone(), &config.chain_state(), files)?;
            open(config)?
        }
        opened => opened?,
    };
    let outcome = import::blocks(&mut chain, files, now(), progress);
    if matches!(outcome, Ok(Summary { stopped: false, .. })) {
        build_indexes(&chain)?;
    }
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

/// Waits until the indexes have come as far as the chain.
fn build_indexes(chain: &ChainState) -> Result<(), NodeError> {
    let reader = chain.reader();
    for &index in reader.indexes() {
        while reader.wait_for_index(index, INDEX_WAIT)?.behind() > 0 {
            tracing::debug!(%index, "waiting for an index");
        }
    }
    Ok(())
}

fn finish(chain: ChainState, outcome: Result<Summary, import::ImportError>) -> Result<Summary, NodeError> {
    // What is valid stays, also after an error; and the error is what the caller wants to hear of first.
    let closed = chain.close();
    let summary = outcome?;
    closed?;
    Ok(summary)
}
