//! Whether the store of the headers can be used, and if not, whether the block files are those of the chain.

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Decode, Header};
use cairn_store::StoreError;

use crate::config::ChainStateConfig;
use crate::error::{ChainStateError, OtherChain};
use crate::flatfile::FRAME;
use crate::open::readable;
use crate::storage::FileId;

fn first_file(dir: &Path) -> PathBuf {
    dir.join("blocks").join(FileId::blocks(0).name())
}

/// Whether there is a first block file.
pub(crate) fn has_block_files(dir: &Path) -> bool {
    first_file(dir).is_file()
}

/// Whether headers, positions, marks and state can be read back; `false` if they are gone or damaged.
///
/// # Errors
/// What says nothing about damage: another chain, another disk form, another engine, a directory in use, a disk that
/// refuses.
pub(crate) fn is_usable(spec: &Arc<ChainSpec>, config: &ChainStateConfig) -> Result<bool, ChainStateError> {
    if config.must_exist().is_err() {
        return Ok(false);
    }
    // An engine that finds its own files damaged may panic; nothing of it is used afterwards.
    let Ok(read) = catch_unwind(AssertUnwindSafe(|| readable(spec, config))) else { return Ok(false) };
    match read {
        Ok(None) => Ok(true),
        Ok(Some(pruned)) => Err(ChainStateError::RebuildPruned { height: pruned.height }),
        Err(
            error @ (ChainStateError::NothingThere { .. }
            | ChainStateError::SavedHeader { .. }
            | ChainStateError::SavedState { .. }
            | ChainStateError::Store(
                StoreError::Corrupt { .. }
                | StoreError::Engine { .. }
                | StoreError::Decode { .. }
                | StoreError::TableMismatch { .. },
            )),
        ) => {
            tracing::error!(%error, "the store of headers and positions is of no use");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Makes sure that the first block file begins with the chain's genesis: it is written first.
///
/// # Errors
/// [`ChainStateError::NothingThere`] without a block file, [`ChainStateError::OtherChain`] for one of another chain, and
/// what the disk reports.
pub(crate) fn is_of_chain(spec: &ChainSpec, dir: &Path) -> Result<(), ChainStateError> {
    if !has_block_files(dir) {
        return Err(ChainStateError::NothingThere { dir: dir.to_owned() });
    }
    let path = first_file(dir);
    let mut bytes = [0; FRAME + Header::SIZE];
    let mut file = File::open(&path).map_err(|source| ChainStateError::Io { path: path.clone(), source })?;
    // A file that is shorter leaves zeros, which are no chain's magic.
    let _ = file.read_exact(&mut bytes);
    let found = match Header::from_bytes(&bytes[FRAME..]) {
        Ok(header) => header.hash(),
        Err(_) => BlockHash::ZERO,
    };
    let expected = spec.genesis_hash();
    if found == expected {
        return Ok(());
    }
    Err(ChainStateError::OtherChain(Box::new(OtherChain {
        dir: dir.to_owned(),
        found: "unknown".to_owned(),
        found_genesis: found,
        expected: spec.chain.name.clone(),
        expected_genesis: expected,
    })))
}
