//! Listing and dropping indexes of a chain that no process has open.

use std::sync::Arc;

use cairn_failpoint as failpoint;
use cairn_params::ChainSpec;
use cairn_store::{Store, StoreOptions};

use super::{IndexDb, IndexKind};
use crate::check::{IndexState, Look};
use crate::config::{ChainStateConfig, Indexing, StoreName};
use crate::convert::Exchange;
use crate::error::ChainStateError;
use crate::lock::DirLock;

/// The indexes that have something on disk in `config.dir`, switched on or not, and how far each has come.
///
/// # Errors
/// As [`check::check`](crate::check::check).
pub fn indexes(spec: Arc<ChainSpec>, config: &ChainStateConfig) -> Result<Vec<IndexState>, ChainStateError> {
    Look::open(spec, config)?.indexes()
}

/// Deletes the rows of an index in `config.dir`, in bounded batches, and returns how many there were. `progress` is
/// told how many are gone so far. Cut short it leaves no index, and called again it deletes what is left.
///
/// # Errors
/// [`ChainStateError::NothingThere`] without data, [`ChainStateError::InUse`] while another process has the directory,
/// and what the store reports.
pub fn drop_index(
    config: &ChainStateConfig,
    index: IndexKind,
    mut progress: impl FnMut(u64),
) -> Result<u64, ChainStateError> {
    config.must_exist()?;
    let _lock = DirLock::take(&config.dir)?;
    let [_, _, dir] = config.store_dirs();
    Exchange::of(&config.dir).settle()?;
    let engine = config.engine_in_use()?;
    let cache_bytes = config.page_cache_bytes(StoreName::Index);
    let store = Store::open(&dir, StoreOptions { engine, cache_bytes })?;
    let db = IndexDb::open(store, vec![index], Indexing::WithCommits)?;
    let rows = db.empty(index, &mut progress)?;
    failpoint::around("index.drop-sync", || db.store.sync())?;
    Ok(rows)
}
