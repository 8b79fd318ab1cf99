//! Blocks and transactions.

use cairn_chainstate::HeaderInfo;
use cairn_consensus::Undo;
use cairn_primitives::{Block, BlockHash, Coin, Height, TxOut, Txid, hex};
use cairn_rpc::{
    ApiError, BlockId, BlockInfo, BlockPage, BlockSummary, FilterInfo, Page, Resource, TxDetail, TxInfo,
    TxProof, TxStatus,
};

use super::{Service, unreadable};

const NO_BLOCK: ApiError = ApiError::NotFound { what: Resource::Block };
const NO_TX: ApiError = ApiError::NotFound { what: Resource::Transaction };

impl Service {
    pub(super) fn block_page(&self, page: Page) -> Result<BlockPage, ApiError> {
        let total = u64::from(self.reader.tip().height.to_u32()) + 1;
        let mut blocks = Vec::new();
        for back in page.offset()..page.offset().saturating_add(u64::from(page.limit())).min(total) {
            let height = u32::try_from(total - 1 - back).map_err(|_| NO_BLOCK)?;
            // A reorganisation between two look-ups can make the chain shorter; the page then ends early.
            let Some(hash) = self.reader.block_hash_at(Height::new(height)) else { break };
            let (info, block) = self.load(hash)?;
            blocks.push(BlockSummary::new(&block, info.height, confirmations(&info), &self.notation));
        }
        Ok(BlockPage { total, limit: page.limit(), offset: page.offset(), blocks })
    }

    pub(super) fn block_info(&self, id: BlockId) -> Result<BlockInfo, ApiError> {
        let hash = match id {
            BlockId::Height(height) => self.reader.block_hash_at(height).ok_or(NO_BLOCK)?,
            BlockId::Hash(hash) => hash,
        };
        let (info, block) = self.load(hash)?;
        let undo = self.reader.undo(&hash).map_err(unreadable)?;
        let status = status(&info);
        let transactions = block
            .transactions
            .iter()
            .enumerate()
            .map(|(index, tx)| TxInfo::new(tx, spent_by(undo.as_ref(), index), status, &self.notation));
        Ok(BlockInfo {
            summary: BlockSummary::new(&block, info.height, confirmations(&info), &self.notation),
            transactions: transactions.collect(),
        })
    }

    pub(super) fn filter_info(&self, id: BlockId) -> Result<FilterInfo, ApiError> {
        let block_hash = match id {
            BlockId::Height(height) => self.reader.block_hash_at(height).ok_or(NO_BLOCK)?,
            BlockId::Hash(hash) => hash,
        };
        let filter = self.reader.block_filter(&block_hash).map_err(unreadable)?.ok_or(NO_BLOCK)?;
        let header = self.reader.filter_header(&block_hash).map_err(unreadable)?.ok_or(NO_BLOCK)?;
        Ok(FilterInfo { block_hash, filter: hex::encode(filter.as_bytes()), header })
    }

    pub(super) fn tx_detail(&self, txid: Txid) -> Result<TxDetail, ApiError> {
        if let Some(unconfirmed) = self.pool_transaction(txid) {
            return Ok(unconfirmed);
        }
        let found = self.reader.tx(&txid).map_err(unreadable)?.ok_or(NO_TX)?;
        let info = self.reader.header(&found.block).ok_or(NO_TX)?;
        let undo = self.reader.undo(&found.block).map_err(unreadable)?;
        let spent = spent_by(undo.as_ref(), found.index as usize);
        Ok(TxDetail::new(TxInfo::new(&found.tx, spent, status(&info), &self.notation), &found.tx))
    }

    pub(super) fn tx_proof(&self, txid: Txid) -> Result<TxProof, ApiError> {
        let found = self.reader.tx(&txid).map_err(unreadable)?.ok_or(NO_TX)?;
        let (_, block) = self.load(found.block)?;
        TxProof::new(&block, found.index as usize).ok_or(NO_TX)
    }

    fn load(&self, hash: BlockHash) -> Result<(HeaderInfo, Block), ApiError> {
        let info = self.reader.header(&hash).ok_or(NO_BLOCK)?;
        let block = self.reader.block(&hash).map_err(unreadable)?;
        // It may have been pruned between the two look-ups.
        let missing = || match self.reader.header(&hash) {
            Some(HeaderInfo { pruned: true, .. }) => ApiError::Pruned,
            _ => NO_BLOCK,
        };
        Ok((info, block.ok_or_else(missing)?))
    }
}

/// Looks up the output that an input of transaction `index` of a block spends, in the block's undo data.
fn spent_by<'u>(undo: Option<&'u Undo>, index: usize) -> impl Fn(usize) -> Option<&'u TxOut> {
    // Undo data has no entry for the coinbase.
    let coins: &'u [Coin] =
        index.checked_sub(1).and_then(|at| undo?.txs.get(at)).map_or(&[], |tx| tx.coins.as_slice());
    move |input| coins.get(input).map(|coin| &coin.output)
}

fn confirmations(info: &HeaderInfo) -> i64 {
    info.confirmations.map_or(-1, i64::from)
}

fn status(info: &HeaderInfo) -> TxStatus {
    match info.confirmations {
        Some(depth) => TxStatus::confirmed(info.height, info.hash, i64::from(depth)),
        None => TxStatus::stale(info.height, info.hash),
    }
}
