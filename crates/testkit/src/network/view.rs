//! The ports of peers and pool over a chain reader.

use std::sync::Arc;

use cairn_chainstate::ChainReader;
use cairn_consensus::{CoinViewError, NodeId, script_flags_on};
use cairn_mempool::{Entry, Mempool};
use cairn_p2p::limits::MAX_HEADERS;
use cairn_p2p::{ChainPoint, HeaderEntry, PoolTx, TxRef};
use cairn_primitives::{Amount, BlockHash, BlockTime, Coin, Header, Height, OutPoint, Txid};
use cairn_script::ScriptFlags;

/// The chain of a node as its peers' side and its pool see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainPort<'a>(pub(super) &'a ChainReader);

impl ChainPort<'_> {
    fn point(view: &cairn_chainstate::ChainView<'_>, id: NodeId) -> ChainPoint {
        let tree = view.tree();
        let time = tree.header(id).time;
        ChainPoint { hash: tree.hash(id), height: tree.height(id), work: tree.work(id), time }
    }
}

impl cairn_p2p::ChainView for ChainPort<'_> {
    fn tip(&self) -> ChainPoint {
        let view = self.0.view();
        Self::point(&view, view.tip_id())
    }

    fn best_header(&self) -> ChainPoint {
        let view = self.0.view();
        Self::point(&view, view.tree().best_header())
    }

    fn header(&self, hash: &BlockHash) -> Option<HeaderEntry> {
        let view = self.0.view();
        let id = view.tree().get(hash)?;
        Some(HeaderEntry {
            point: Self::point(&view, id),
            header: *view.tree().header(id),
            has_block: view.has_block(id),
            active: view.is_active(id),
            invalid: view.tree().is_invalid(id),
        })
    }

    fn ancestor(&self, of: &BlockHash, height: Height) -> Option<BlockHash> {
        let view = self.0.view();
        let tree = view.tree();
        Some(tree.hash(tree.ancestor(tree.get(of)?, height)?))
    }

    fn fork_point(&self, a: &BlockHash, b: &BlockHash) -> Option<ChainPoint> {
        let view = self.0.view();
        let tree = view.tree();
        let fork = tree.fork_point(tree.get(a)?, tree.get(b)?);
        Some(Self::point(&view, fork))
    }

    fn locator(&self, from: &BlockHash) -> Vec<BlockHash> {
        let view = self.0.view();
        view.tree().get(from).map(|id| view.tree().locator(id)).unwrap_or_default()
    }

    fn headers_after(&self, locator: &[BlockHash], stop: &BlockHash, limit: usize) -> Vec<Header> {
        let view = self.0.view();
        let tree = view.tree();
        if locator.is_empty() {
            return tree.get(stop).map(|id| *tree.header(id)).into_iter().collect();
        }
        let fork = tree.find_fork(locator, view.tip_id());
        let from = tree.height(fork).next().to_u32();
        let mut headers = Vec::new();
        for height in from..=tree.height(view.tip_id()).to_u32() {
            let Some(hash) = view.block_hash_at(Height::new(height)) else { break };
            if headers.len() == limit.min(MAX_HEADERS) {
                break;
            }
            headers.extend(tree.get(&hash).map(|id| *tree.header(id)));
            if hash == *stop {
                break;
            }
        }
        headers
    }
}

impl cairn_mempool::ChainView for ChainPort<'_> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        self.0.coin(outpoint).map_err(|_| CoinViewError::Internal)
    }

    fn tip_height(&self) -> Height {
        self.0.tip().height
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        let view = self.0.view();
        let tree = view.tree();
        let at = tree.ancestor(view.tip_id(), height).unwrap_or(view.tip_id());
        tree.median_time_past(at)
    }

    fn next_script_flags(&self) -> Option<ScriptFlags> {
        let view = self.0.view();
        Some(script_flags_on(view.tree(), view.tip_id()))
    }
}

/// The pool of a node as its peers' side sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolPort<'a> {
    pub(super) pool: &'a Mempool,
    pub(super) chain: &'a ChainReader,
    pub(super) now: BlockTime,
}

fn pool_tx(entry: &Entry) -> PoolTx {
    PoolTx { tx: Arc::clone(entry.tx()), rate: rate(entry) }
}

/// What an entry pays for 1,000 virtual bytes.
pub(super) fn rate(entry: &Entry) -> Amount {
    Amount::from_sat(entry.fee_rate().to_sat_per_kvb().to_sat())
}

impl cairn_p2p::PoolView for PoolPort<'_> {
    fn get(&self, id: &TxRef) -> Option<PoolTx> {
        let entry = match id {
            TxRef::Txid(txid) => self.pool.get(txid),
            TxRef::Wtxid(wtxid) => self.pool.get_by_wtxid(wtxid),
        };
        entry.map(pool_tx)
    }

    fn min_rate(&self) -> Amount {
        Amount::from_sat(self.pool.min_fee_rate(self.now).to_sat())
    }

    fn all(&self, limit: usize) -> Vec<PoolTx> {
        self.pool.candidates().take(limit).map(pool_tx).collect()
    }

    fn is_confirmed(&self, txid: &Txid) -> bool {
        (0..2).any(|vout| matches!(self.chain.coin(&OutPoint { txid: *txid, vout }), Ok(Some(_))))
    }
}
