//! Reading the chain from any thread.

use std::sync::{Arc, RwLockReadGuard};
use std::time::Duration;

use cairn_consensus::{HeaderTree, NextBlock, NodeId, Undo};
use cairn_params::ChainSpec;
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Coin, Header, Height, OutPoint, Sha256, Sha256d, Txid, Work,
};
use crossbeam_channel::Receiver;

use crate::background::Validation;
use crate::block_filter::BlockFilter;
use crate::coin_stats::{CoinStats, CoinSums};
use crate::coins_hash::CoinsHasher;
use crate::error::ChainStateError;
use crate::events::{ChainEvent, Change, EventId, Events};
use crate::index::{
    AddressBalance, AddressCoin, AddressHistory, IndexKind, IndexStatus, SupplyStats, TxInfo,
};
use crate::layout::BlockRow;
use crate::live::{Live, Shared};
use crate::state::Tip;

/// What is known of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderInfo {
    /// Its hash.
    pub hash: BlockHash,
    /// The header.
    pub header: Header,
    /// Its height.
    pub height: Height,
    /// Work of the chain that ends in it.
    pub work: Work,
    /// Blocks of the best chain from this one to the tip, both counted; `None` on any other branch.
    pub confirmations: Option<u32>,
    /// Median time of this block and the ten before it.
    pub median_time_past: BlockTime,
    /// The block after it on the best chain.
    pub next: Option<BlockHash>,
    /// Whether its transactions are here.
    pub has_block: bool,
    /// Whether it is a block of the best chain whose transactions were removed because it is old.
    pub pruned: bool,
    /// Whether it, or a block below it, was found invalid.
    pub invalid: bool,
}

/// How a branch stands to the best chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BranchStatus {
    /// It is the best chain.
    Active,
    /// It was connected once and keeps every rule.
    ValidFork,
    /// Its blocks are here and were never all connected.
    ValidHeaders,
    /// Some of its blocks are not here.
    HeadersOnly,
    /// A block of it breaks a rule.
    Invalid,
}

/// The end of a branch of the header tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchTip {
    /// Hash of its last header.
    pub hash: BlockHash,
    /// Height of its last header.
    pub height: Height,
    /// Headers between it and the best chain; 0 for the best chain.
    pub length: u32,
    /// How it stands.
    pub status: BranchStatus,
}

/// Reads the chain from any thread, while its one writer goes on.
///
/// Each method answers from one moment: a tip with exactly its coins. Two calls may see two moments; for
/// several answers from one, take a [`view`](Self::view). A question to an index waits until the index has read what
/// was committed when it was asked, if it is at most [`FRESH_EVENTS`](crate::FRESH_EVENTS) behind; one that is further
/// behind is being built ([`index_status`](Self::index_status)), and the answer is
/// [`ChainStateError::IndexBehind`] where part of it could be missing. Other answers may be ahead of
/// what is durable while the chain is catching up; [`events`](Self::events) never are.
#[derive(Debug, Clone)]
pub struct ChainReader {
    shared: Arc<Shared>,
}

impl ChainReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        ChainReader { shared }
    }

    /// The chain as it is now, held still until dropped.
    ///
    /// No block is connected meanwhile, so keep it short. Do not call the reader's own methods while holding a
    /// view of it: ask the view.
    pub fn view(&self) -> ChainView<'_> {
        ChainView { shared: &self.shared, live: self.shared.read() }
    }

    /// The rules of the chain.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.shared.spec
    }

    /// The last block of the best chain.
    pub fn tip(&self) -> Tip {
        self.view().tip()
    }

    /// The header with the most work that is not known to be invalid; its blocks may be missing.
    pub fn best_header(&self) -> Tip {
        self.view().best_header()
    }

    /// The block of the best chain at `height`; `None` above the tip.
    pub fn block_hash_at(&self, height: Height) -> Option<BlockHash> {
        self.view().block_hash_at(height)
    }

    /// What is known of a header; `None` if it is not known.
    pub fn header(&self, hash: &BlockHash) -> Option<HeaderInfo> {
        self.view().header(hash)
    }

    /// Blocks of the best chain whose transactions are not here, lowest first, at most `most`: those below a snapshot the
    /// chain began with, and those whose records were found damaged. Whoever has them is asked for them; they are given to
    /// [`submit_block`](crate::ChainState::submit_block) like any other.
    pub fn wanted(&self, most: usize) -> Vec<(Height, BlockHash)> {
        let mut wanted = self.view().wanted(most);
        let damaged = self.damaged();
        wanted
            .extend(damaged.into_iter().filter(|(height, hash)| self.block_hash_at(*height) == Some(*hash)));
        wanted.sort_unstable();
        wanted.dedup();
        wanted.truncate(most);
        wanted
    }

    /// How far the blocks below the snapshot that the chain began with are checked; `None` without one, and once it is
    /// validated.
    pub fn validation(&self) -> Option<Validation> {
        self.view().validation()
    }

    /// The hash of the coins at the tip in order of their outpoints: Core's `hash_serialized_3`. Reads all of them.
    ///
    /// # Errors
    /// [`ChainStateError::Store`] if the store fails.
    pub fn coins_hash(&self) -> Result<Sha256d, ChainStateError> {
        let mut hasher = CoinsHasher::new();
        self.view().each_coin(|outpoint, coin| hasher.push(outpoint, coin))?;
        Ok(hasher.finish())
    }

    /// Blocks whose record on disk was found damaged when it was read, by height. Given to
    /// [`submit_block`](crate::ChainState::submit_block) once more they are whole again.
    pub fn damaged(&self) -> Vec<(Height, BlockHash)> {
        let damaged = self.shared.damaged().clone();
        let live = self.shared.read();
        let mut blocks: Vec<_> =
            damaged.into_iter().map(|id| (live.tree.height(id), live.tree.hash(id))).collect();
        blocks.sort_unstable();
        blocks
    }

    /// A block on any branch; `None` if its transactions are not here ([`HeaderInfo::pruned`] says whether they were).
    ///
    /// # Errors
    /// [`ChainStateError::RecordDamaged`] with file and offset if it cannot be read back, and what the disk reports.
    pub fn block(&self, hash: &BlockHash) -> Result<Option<Block>, ChainStateError> {
        // The view is let go of before the file is read: a file is only ever appended to, or removed as a whole.
        self.shared.noting(hash, self.read_row(hash, |row| self.shared.files.read_block(row.block, *hash)))
    }

    /// The bytes of a block in their wire form, without decoding them.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    pub fn block_bytes(&self, hash: &BlockHash) -> Result<Option<Vec<u8>>, ChainStateError> {
        let read = |row: BlockRow| self.shared.files.read_block_bytes(row.block, *hash);
        self.shared.noting(hash, self.read_row(hash, read))
    }

    /// The coins that a block spent; `None` if it was never connected, or is not here any more.
    ///
    /// # Errors
    /// As [`block`](Self::block).
    pub fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>, ChainStateError> {
        let found = self.read_row(hash, |row| match row.undo {
            Some(at) => self.shared.files.read_undo(row.block.file, at, *hash).map(Some),
            None => Ok(None),
        });
        found.map(Option::flatten)
    }

    fn read_row<T>(
        &self,
        hash: &BlockHash,
        read: impl FnOnce(BlockRow) -> Result<T, ChainStateError>,
    ) -> Result<Option<T>, ChainStateError> {
        let id = self.view().live.tree.get(hash);
        id.map_or(Ok(None), |id| self.shared.read_row(id, read))
    }

    /// The highest block that was removed because it was old ([`Prune`](crate::Prune)); `None` if none was. Every block
    /// of the best chain above it is here.
    pub fn pruned_to(&self) -> Option<Height> {
        self.view().pruned_to()
    }

    /// The unspent coin at `outpoint`.
    ///
    /// # Errors
    /// [`ChainStateError::Store`] if the store fails.
    pub fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, ChainStateError> {
        self.view().coin(outpoint)
    }

    /// What the blocks up to the tip were allowed to issue. Miners may have claimed less.
    pub fn supply(&self) -> Amount {
        self.view().supply()
    }

    /// The ends of all branches of the header tree, in order of arrival.
    pub fn tips(&self) -> Vec<BranchTip> {
        self.view().tips()
    }

    /// What a block on the tip must look like if it is to carry the time `now`.
    pub fn next_block(&self, now: BlockTime) -> NextBlock {
        self.view().next_block(now)
    }

    /// The transaction and its place, if the best chain has it. Needs the transaction index.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`]; [`ChainStateError::IndexBehind`] if it is not found and the index is being built;
    /// [`ChainStateError::NoData`] if its block was pruned;
    /// [`ChainStateError::IndexStopped`]; and what disk and store report.
    pub fn tx(&self, txid: &Txid) -> Result<Option<TxInfo>, ChainStateError> {
        self.shared.index.tx(&self.shared, txid)
    }

    /// The unspent coins of a script (see [`script_hash`](crate::script_hash)), in order of their outpoints.
    /// Needs the address index.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`], [`ChainStateError::IndexBehind`], [`ChainStateError::IndexStopped`], and what the store reports.
    pub fn address_coins(&self, script: &Sha256) -> Result<Vec<AddressCoin>, ChainStateError> {
        Ok(self.shared.index.address_coins(&self.shared, script)?.1)
    }

    /// What the unspent coins of a script are worth. Needs the address index. Its cost grows with the number of coins
    /// and not with what the script has spent.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`], [`ChainStateError::IndexBehind`], [`ChainStateError::IndexStopped`], and what the store reports.
    pub fn address_balance(&self, script: &Sha256) -> Result<AddressBalance, ChainStateError> {
        self.shared.index.address_balance(&self.shared, script)
    }

    /// The transactions that touch a script, the newest first, without the first `skip` and at most `limit`. As the total
    /// is counted, its cost grows with the length of the history.
    /// Needs the address index.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`], [`ChainStateError::IndexBehind`], [`ChainStateError::IndexStopped`], and what the store reports.
    pub fn address_history(
        &self,
        script: &Sha256,
        skip: usize,
        limit: usize,
    ) -> Result<AddressHistory, ChainStateError> {
        self.shared.index.address_history(&self.shared, script, skip, limit)
    }

    /// The sums and the hash of the coins after the block of the best chain at `height`, and what became of the rest
    /// of the supply; `None` above the block the index has reached. Needs the index of coin statistics.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`], and what the store reports.
    pub fn supply_stats(&self, height: Height) -> Result<Option<SupplyStats>, ChainStateError> {
        self.shared.index.supply_stats(&self.shared, height)
    }

    /// The compact filter of a block of the best chain (BIP158); `None` for any other block. Needs the index of block
    /// filters.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`]; [`ChainStateError::IndexBehind`] if it is not found and the index is being built;
    /// [`ChainStateError::IndexStopped`]; and what the store reports.
    pub fn block_filter(&self, hash: &BlockHash) -> Result<Option<BlockFilter>, ChainStateError> {
        Ok(self.shared.index.filter(&self.shared, hash)?.map(|row| row.filter))
    }

    /// The header of the compact filter of a block of the best chain (BIP157): the hash of the filter and of the header
    /// before it.
    ///
    /// # Errors
    /// As [`block_filter`](Self::block_filter).
    pub fn filter_header(&self, hash: &BlockHash) -> Result<Option<Sha256d>, ChainStateError> {
        Ok(self.shared.index.filter(&self.shared, hash)?.map(|row| row.header))
    }

    /// The sums and the hash of the coins at the tip, from the coins themselves: as
    /// [`ChainView::coin_stats`].
    ///
    /// # Errors
    /// [`ChainStateError::Store`] if the store fails.
    pub fn coin_stats(&self) -> Result<CoinStats, ChainStateError> {
        self.view().coin_stats()
    }

    /// How far an index has come, and how far it is to come.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`], and what the store reports.
    pub fn index_status(&self, index: IndexKind) -> Result<IndexStatus, ChainStateError> {
        self.shared.index.status(&self.shared, index)
    }

    /// The indexes that are on.
    pub fn indexes(&self) -> &[IndexKind] {
        self.shared.index.enabled()
    }

    /// Waits until an index has read all events that are durable now, at most for `limit`; returns how far it is then,
    /// which may be less. Questions near the tip need not call this: they wait themselves.
    ///
    /// # Errors
    /// [`ChainStateError::IndexOff`]; [`ChainStateError::IndexStopped`] if it cannot go on now; and what the store
    /// reports.
    pub fn wait_for_index(&self, index: IndexKind, limit: Duration) -> Result<IndexStatus, ChainStateError> {
        let event = self.last_event();
        self.shared.index.wait_until(&self.shared, index, event, limit)
    }

    /// The durable events after `since`, in order; [`EventId::NONE`] for all of them. None is ever dropped.
    pub fn events(&self, since: EventId) -> Events {
        Events { rows: self.shared.chain.events(since, self.last_event()) }
    }

    /// The block that an event put on or took off, and the coins it spent: what is needed to follow the event, or to take
    /// it back. Also for blocks that left the chain long ago.
    ///
    /// # Errors
    /// [`ChainStateError::UnknownBlock`] for an event of another chain, [`ChainStateError::NoData`] if the block was
    /// pruned, and as [`block`](Self::block).
    pub fn change(&self, event: &ChainEvent) -> Result<Change, ChainStateError> {
        let hash = event.hash;
        if self.header(&hash).is_none() {
            return Err(ChainStateError::UnknownBlock { hash });
        }
        let block = self.block(&hash)?.ok_or(ChainStateError::NoData { hash })?;
        let undo = self.undo(&hash)?.ok_or(ChainStateError::NoData { hash })?;
        Ok(Change { event: *event, block, undo })
    }

    /// The last durable event.
    pub fn last_event(&self) -> EventId {
        self.shared.read().last_event
    }

    /// The events from now on: see [`ChainState::subscribe`](crate::ChainState::subscribe).
    pub fn subscribe(&self) -> Receiver<ChainEvent> {
        self.shared.hub.subscribe()
    }
}

/// The chain of one moment; see [`ChainReader::view`].
#[derive(Debug)]
pub struct ChainView<'a> {
    shared: &'a Shared,
    live: RwLockReadGuard<'a, Live>,
}

impl ChainView<'_> {
    /// All headers.
    pub fn tree(&self) -> &HeaderTree {
        &self.live.tree
    }

    /// The tip as an id of [`tree`](Self::tree).
    pub fn tip_id(&self) -> NodeId {
        self.live.tip()
    }

    /// Whether the transactions of the block are here.
    pub fn has_block(&self, id: NodeId) -> bool {
        self.live.row(id).is_some()
    }

    /// As [`ChainReader::validation`].
    pub fn validation(&self) -> Option<Validation> {
        self.live.validation
    }

    /// As [`ChainReader::wanted`].
    pub fn wanted(&self, most: usize) -> Vec<(Height, BlockHash)> {
        let heights = self.live.missing.iter().take(most);
        heights.filter_map(|height| Some((*height, self.block_hash_at(*height)?))).collect()
    }

    /// Whether the block is on the best chain.
    pub fn is_active(&self, id: NodeId) -> bool {
        self.live.is_active(id)
    }

    /// As [`ChainReader::tip`].
    pub fn tip(&self) -> Tip {
        Tip::of(&self.live.tree, self.live.tip())
    }

    /// As [`ChainReader::best_header`].
    pub fn best_header(&self) -> Tip {
        Tip::of(&self.live.tree, self.live.tree.best_header())
    }

    /// As [`ChainReader::pruned_to`].
    pub fn pruned_to(&self) -> Option<Height> {
        self.live.pruned.map(|pruned| pruned.height)
    }

    /// As [`ChainReader::block_hash_at`].
    pub fn block_hash_at(&self, height: Height) -> Option<BlockHash> {
        self.live.at_height(height).map(|id| self.live.tree.hash(id))
    }

    /// As [`ChainReader::header`].
    pub fn header(&self, hash: &BlockHash) -> Option<HeaderInfo> {
        let tree = &self.live.tree;
        let id = tree.get(hash)?;
        let height = tree.height(id);
        let active = self.live.is_active(id);
        let depth = tree.height(self.live.tip()).blocks_above(height);
        Some(HeaderInfo {
            hash: *hash,
            header: *tree.header(id),
            height,
            work: tree.work(id),
            confirmations: depth.filter(|_| active).map(|depth| depth + 1),
            median_time_past: tree.median_time_past(id),
            next: if active { self.block_hash_at(height.next()) } else { None },
            has_block: self.has_block(id),
            pruned: self.live.was_pruned(id),
            invalid: tree.is_invalid(id),
        })
    }

    /// As [`ChainReader::coin`].
    ///
    /// # Errors
    /// As [`ChainReader::coin`].
    pub fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, ChainStateError> {
        self.shared.coin(&self.live, outpoint)
    }

    /// Every unspent coin, in order of outpoints. Reads the whole coin set and holds the chain still all the
    /// while: for checks and tests of small chains.
    ///
    /// # Errors
    /// [`ChainStateError::Store`] if the store fails.
    pub fn coins(&self) -> Result<Vec<(OutPoint, Coin)>, ChainStateError> {
        let mut coins = Vec::new();
        self.each_coin(|outpoint, coin| coins.push((*outpoint, coin.clone())))?;
        Ok(coins)
    }

    /// Every unspent coin, in order of outpoints: those in the store, and in their places those that memory knows better.
    fn each_coin(&self, mut tell: impl FnMut(&OutPoint, &Coin)) -> Result<(), ChainStateError> {
        let mut tell =
            |outpoint: &OutPoint, coin: Option<&Coin>| coin.into_iter().for_each(|coin| tell(outpoint, coin));
        let mut changes = self.live.cache.changes().into_iter().peekable();
        for entry in self.shared.coins.iter() {
            let (outpoint, coin) = entry?;
            while let Some((new, made)) = changes.next_if(|(changed, _)| **changed < outpoint) {
                tell(new, made);
            }
            let changed = changes.next_if(|(changed, _)| **changed == outpoint);
            tell(&outpoint, changed.map_or(Some(&coin), |(_, now)| now));
        }
        changes.for_each(|(new, made)| tell(new, made));
        Ok(())
    }

    /// The sums and the hash of the coins, which are all read: two to three microseconds each. Holds the chain still all the
    /// while.
    ///
    /// # Errors
    /// [`ChainStateError::Store`] if the store fails.
    pub fn coin_stats(&self) -> Result<CoinStats, ChainStateError> {
        let mut sums = CoinSums::default();
        self.each_coin(|outpoint, coin| sums.insert(outpoint, coin))?;
        let tip = self.tip();
        Ok(sums.at(tip.height, tip.hash))
    }

    /// As [`ChainReader::supply`].
    pub fn supply(&self) -> Amount {
        let issued = self.shared.spec.subsidy.issued_through(self.tip().height);
        Amount::from_sat(u64::try_from(issued).unwrap_or(u64::MAX))
    }

    /// As [`ChainReader::tips`].
    pub fn tips(&self) -> Vec<BranchTip> {
        let tree = &self.live.tree;
        let mut ends = tree.tips();
        // The tip of the best chain is an end of its own, also where headers go on above it.
        if !ends.contains(&self.live.tip()) {
            ends.push(self.live.tip());
            ends.sort_unstable();
        }
        let branch = |id| {
            let fork = tree.height(tree.fork_point(id, self.live.tip()));
            let height = tree.height(id);
            let length = height.blocks_above(fork).unwrap_or(0);
            BranchTip { hash: tree.hash(id), height, length, status: self.status(id) }
        };
        ends.into_iter().map(branch).collect()
    }

    /// As [`ChainReader::next_block`].
    pub fn next_block(&self, now: BlockTime) -> NextBlock {
        self.live.tree.next_block(self.live.tip(), now)
    }

    fn status(&self, end: NodeId) -> BranchStatus {
        let tree = &self.live.tree;
        if self.live.is_active(end) {
            return BranchStatus::Active;
        }
        if tree.is_invalid(end) {
            return BranchStatus::Invalid;
        }
        let (mut all_here, mut all_connected) = (true, true);
        let mut at = end;
        while !self.live.is_active(at) {
            let row = self.live.row(at);
            all_here &= row.is_some();
            all_connected &= row.is_some_and(|row| row.undo.is_some());
            at = tree.parent(at).expect("genesis is on the best chain");
        }
        match (all_here, all_connected) {
            (true, true) => BranchStatus::ValidFork,
            (true, false) => BranchStatus::ValidHeaders,
            (false, _) => BranchStatus::HeadersOnly,
        }
    }
}
