//! The chain and the pool as the peers' side asks for them.

use std::sync::Arc;

use cairn_chainstate::{ChainReader, KEEP_BLOCKS};
use cairn_consensus::{HeaderTree, NodeId};
use cairn_mempool::Entry;
use cairn_p2p::{ChainPoint, ChainView, HeaderEntry, PoolTx, PoolView, TxRef};
use cairn_primitives::{Amount, BlockHash, Header, Height, OutPoint, Txid};

use crate::pool::Pool;
use crate::writer::now;

/// Outputs of a transaction that are looked up to see whether it is confirmed; one that is spent by then says nothing.
const PROBES: u32 = 2;

/// The chain, each answer from one moment.
#[derive(Debug, Clone)]
pub(crate) struct Chain(pub(crate) ChainReader);

fn point(tree: &HeaderTree, id: NodeId) -> ChainPoint {
    ChainPoint {
        hash: tree.hash(id),
        height: tree.height(id),
        work: tree.work(id),
        time: tree.header(id).time,
    }
}

/// Whether a pruned node keeps the block to itself: what is deeper than all pruned nodes serve would tell it apart
/// (BIP159, and Core's two blocks more for peers that are a little behind).
fn is_too_deep(view: &cairn_chainstate::ChainView<'_>, id: NodeId) -> bool {
    let depth = view.tip().height.blocks_above(view.tree().height(id));
    view.is_active(id) && view.pruned_to().is_some() && depth.is_some_and(|depth| depth > KEEP_BLOCKS + 2)
}

impl ChainView for Chain {
    fn tip(&self) -> ChainPoint {
        let view = self.0.view();
        point(view.tree(), view.tip_id())
    }

    fn best_header(&self) -> ChainPoint {
        let view = self.0.view();
        point(view.tree(), view.tree().best_header())
    }

    fn header(&self, hash: &BlockHash) -> Option<HeaderEntry> {
        let view = self.0.view();
        let tree = view.tree();
        let id = tree.get(hash)?;
        Some(HeaderEntry {
            point: point(tree, id),
            header: *tree.header(id),
            has_block: view.has_block(id) && !is_too_deep(&view, id),
            active: view.is_active(id),
            invalid: tree.is_invalid(id),
        })
    }

    fn ancestor(&self, of: &BlockHash, height: Height) -> Option<BlockHash> {
        let view = self.0.view();
        let tree = view.tree();
        let at = tree.ancestor(tree.get(of)?, height)?;
        Some(tree.hash(at))
    }

    fn fork_point(&self, a: &BlockHash, b: &BlockHash) -> Option<ChainPoint> {
        let view = self.0.view();
        let tree = view.tree();
        let fork = tree.fork_point(tree.get(a)?, tree.get(b)?);
        Some(point(tree, fork))
    }

    fn locator(&self, from: &BlockHash) -> Vec<BlockHash> {
        let view = self.0.view();
        let tree = view.tree();
        tree.get(from).map(|id| tree.locator(id)).unwrap_or_default()
    }

    fn wanted(&self, most: usize) -> Vec<(Height, BlockHash)> {
        self.0.wanted(most)
    }

    fn headers_after(&self, locator: &[BlockHash], stop: &BlockHash, limit: usize) -> Vec<Header> {
        let view = self.0.view();
        let tree = view.tree();
        if locator.is_empty() {
            return tree.get(stop).map(|id| *tree.header(id)).into_iter().take(limit).collect();
        }
        let fork = tree.find_fork(locator, view.tip_id());
        let mut headers = Vec::new();
        let mut height = tree.height(fork).next();
        while headers.len() < limit {
            let Some(hash) = view.block_hash_at(height) else { break };
            let id = tree.get(&hash).expect("a block of the best chain is in the tree");
            headers.push(*tree.header(id));
            if hash == *stop {
                break;
            }
            height = height.next();
        }
        headers
    }
}

/// The pool.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) pool: Arc<Pool>,
    pub(crate) reader: ChainReader,
}

fn waiting(entry: &Entry) -> PoolTx {
    let rate = entry.fee_rate().to_sat_per_kvb().to_sat();
    PoolTx { tx: Arc::clone(entry.tx()), rate: Amount::from_sat(rate) }
}

impl PoolView for Waiting {
    fn get(&self, id: &TxRef) -> Option<PoolTx> {
        self.pool.look(|mempool| {
            let entry = match id {
                TxRef::Txid(txid) => mempool.get(txid),
                TxRef::Wtxid(wtxid) => mempool.get_by_wtxid(wtxid),
            };
            entry.map(waiting)
        })
    }

    fn min_rate(&self) -> Amount {
        self.pool.look(|mempool| Amount::from_sat(mempool.min_fee_rate(now()).to_sat()))
    }

    fn all(&self, limit: usize) -> Vec<PoolTx> {
        self.pool.look(|mempool| mempool.candidates().take(limit).map(waiting).collect())
    }

    fn is_confirmed(&self, txid: &Txid) -> bool {
        let unspent =
            |vout| self.reader.coin(&OutPoint { txid: *txid, vout }).is_ok_and(|coin| coin.is_some());
        (0..PROBES).any(unspent)
    }
}
