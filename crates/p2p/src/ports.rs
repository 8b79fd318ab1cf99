//! What the peers' side asks of the chain and of the pool.

use std::sync::Arc;

use cairn_primitives::{Amount, BlockHash, Header, Height, Transaction, Txid, Work, Wtxid};

/// A block by its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainPoint {
    /// Its hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Work of the chain that ends in it.
    pub work: Work,
    /// The time its header carries.
    pub time: cairn_primitives::BlockTime,
}

/// What is known of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderEntry {
    /// Where it stands.
    pub point: ChainPoint,
    /// The header.
    pub header: Header,
    /// Whether the block's transactions are here.
    pub has_block: bool,
    /// Whether it is on the best chain.
    pub active: bool,
    /// Whether it, or a block below it, was found invalid.
    pub invalid: bool,
}

/// The chain as its readers see it. Two calls may see two moments.
pub trait ChainView {
    /// The last block of the best chain, all of whose blocks are here, but for those that are [`wanted`](Self::wanted).
    fn tip(&self) -> ChainPoint;

    /// The header with the most work that is not known to be invalid; its blocks may be missing.
    fn best_header(&self) -> ChainPoint;

    /// What is known of a header; `None` if it is not known.
    fn header(&self, hash: &BlockHash) -> Option<HeaderEntry>;

    /// The block at `height` below (or at) the known header `of`; `None` if `of` is not known or is lower.
    fn ancestor(&self, of: &BlockHash, height: Height) -> Option<BlockHash>;

    /// The highest header that both known headers have below (or at) them; `None` if one is not known.
    fn fork_point(&self, a: &BlockHash, b: &BlockHash) -> Option<ChainPoint>;

    /// Hashes from the known header `from` down to genesis, ever further apart, at most 101 (Core's `LocatorEntries`).
    fn locator(&self, from: &BlockHash) -> Vec<BlockHash>;

    /// Blocks of the best chain whose transactions are not here, lowest first, at most `most`: those below a snapshot of the
    /// coins, and those lost to damage. A chain that always has all its blocks has none.
    fn wanted(&self, most: usize) -> Vec<(Height, BlockHash)> {
        let _ = most;
        Vec::new()
    }

    /// Headers of the best chain, lowest first, from the one after the first hash of `locator` that is on it (genesis
    /// if none is) up to `stop` (included; zero for no stop), at most `limit`. An empty locator asks for the header
    /// `stop` alone, on whatever branch.
    fn headers_after(&self, locator: &[BlockHash], stop: &BlockHash, limit: usize) -> Vec<Header>;
}

/// A transaction by one of its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TxRef {
    /// Without its witness.
    Txid(Txid),
    /// With its witness.
    Wtxid(Wtxid),
}

/// A transaction of the pool.
#[derive(Clone, Debug)]
pub struct PoolTx {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// What it pays for 1,000 virtual bytes.
    pub rate: Amount,
}

/// The pool as its readers see it.
pub trait PoolView {
    /// The transaction, if the pool has it.
    fn get(&self, id: &TxRef) -> Option<PoolTx>;

    /// What a transaction must pay for 1,000 virtual bytes to come in now.
    fn min_rate(&self) -> Amount;

    /// At most `limit` transactions, each after those it spends from.
    fn all(&self, limit: usize) -> Vec<PoolTx>;

    /// Whether all outputs of this txid that are looked at are unspent in the best chain: it is confirmed.
    fn is_confirmed(&self, txid: &Txid) -> bool;
}

/// What is on this side of the connections.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// The chain.
    pub chain: &'a dyn ChainView,
    /// The pool.
    pub pool: &'a dyn PoolView,
}
