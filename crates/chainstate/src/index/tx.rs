//! From txid to the block and the place of a transaction of the best chain.
//!
//! The genesis transaction is left out, as in Core: it made no coin and is no ordinary transaction.

use cairn_primitives::{BlockHash, Decode, Header, Height, Transaction, Txid, codec};

use super::{Changes, IndexDb, IndexKind, Place, Row, Step};
use crate::error::ChainStateError;
use crate::events::EventKind;
use crate::layout::TxRow;
use crate::live::Shared;

/// A transaction and where the best chain has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxInfo {
    /// The transaction.
    pub tx: Transaction,
    /// Height of its block.
    pub height: Height,
    /// Its block.
    pub block: BlockHash,
    /// Its place in the block; the coinbase is 0.
    pub index: u32,
}

pub(super) fn add_changes(step: &Step<'_>, changes: &mut Changes) {
    let txs = &step.block.transactions;
    let mut offset = Header::SIZE + codec::compact_size_len(txs.len() as u64);
    for (index, tx) in txs.iter().enumerate() {
        let len = tx.total_size();
        let row = match step.kind {
            EventKind::Connected => Row::Tx(TxRow {
                height: step.height,
                index: index as u32,
                offset: offset as u32,
                len: len as u32,
            }),
            EventKind::Disconnected => Row::Nothing,
        };
        changes.insert(Place::Tx(tx.txid()), row);
        offset += len;
    }
}

impl IndexDb {
    /// The transaction, if the best chain has it.
    pub(crate) fn tx(&self, shared: &Shared, txid: &Txid) -> Result<Option<TxInfo>, ChainStateError> {
        let fresh = self.is_fresh(shared, IndexKind::Tx)?;
        let row = {
            let _still = self.hold();
            self.txs.get(txid.as_bytes())?
        };
        let Some(TxRow { height, index, offset, len }) = row else {
            return if fresh { Ok(None) } else { Err(self.behind(shared, IndexKind::Tx)?) };
        };
        let found = {
            let live = shared.read();
            live.at_height(height).map(|id| (id, live.tree.hash(id)))
        };
        let Some((id, block)) = found else { return Ok(None) };
        let read = shared.read_row(id, |row| shared.files.read_block_bytes(row.block, block))?;
        let bytes = read.ok_or(ChainStateError::NoData { hash: block })?;
        let (from, to) = (offset as usize, offset as usize + len as usize);
        let tx = bytes.get(from..to).and_then(|bytes| Transaction::from_bytes(bytes).ok());
        // The chain may have moved on since the index was read: then another block is at that height.
        Ok(tx.filter(|tx| tx.txid() == *txid).map(|tx| TxInfo { tx, height, block, index }))
    }
}
