//! Random reorganisations: afterwards the pool and the indexes are what they would be had the chain come straight there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::{ChainReader, ChainState, IndexKind, Submitted, script_hash};
use cairn_consensus::CoinViewError;
use cairn_mempool::{ChainView, Mempool, Policy};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Coin, Height, OutPoint, Script, Transaction, Txid,
};
use cairn_script::Caches;
use cairn_testkit::{Forge, Spend, TestKey};
use proptest::prelude::*;

use super::{Follower, Pool};
use crate::writer::{Writer, WriterHandle, now};

/// Blocks that give coins before anything happens.
const FIRST: usize = 24;

/// Far more than an index needs for some blocks.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Fewer than make a line of transactions too long for the pool.
const MAX_STEPS: usize = 24;

#[derive(Debug, Clone)]
enum Step {
    /// Spends a coin of the chain or of the pool that nobody spends yet.
    Offer { pick: prop::sample::Index, fee: u16 },
    /// A block with the first candidates.
    Mine { count: usize },
    /// A better branch from below the tip. `keep`: bit by bit, which transactions of the blocks taken off are in the new ones;
    /// `rival`: also one that spends a coin which a transaction of these blocks or of the pool spends.
    Reorg { depth: usize, more: usize, keep: u32, rival: Option<prop::sample::Index> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any::<prop::sample::Index>(), 1_000_u16..)
            .prop_map(|(pick, fee)| Step::Offer { pick, fee }),
        3 => (0_usize..4).prop_map(|count| Step::Mine { count }),
        2 => (1_usize..7, 1_usize..3, any::<u32>(), prop::option::of(any::<prop::sample::Index>()))
            .prop_map(|(depth, more, keep, rival)| Step::Reorg { depth, more, keep, rival }),
    ]
}

/// What happened, so that the test can tell that it tests something.
#[derive(Debug, Default)]
struct Seen {
    /// Transactions that came back from blocks taken off.
    back: usize,
    /// Transactions that left because the new branch spends their coin, or has not got it.
    gone: usize,
    /// Transactions that both branches hold.
    both: usize,
}

struct World {
    forge: Forge,
    tip: BlockHash,
    key: TestKey,
    pool: Arc<Pool>,
    reader: ChainReader,
    handle: WriterHandle,
    writer: Option<Writer>,
    /// What the pool is to hold, each behind what it spends from.
    expected: Vec<Transaction>,
    /// Every transaction that was ever in a block or in the pool.
    known: BTreeSet<Txid>,
    seen: Seen,
}

/// The chain of the forge as the pool asks for it.
struct ForgeView<'a> {
    forge: &'a Forge,
    tip: BlockHash,
}

impl ChainView for ForgeView<'_> {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        Ok(self.forge.coins(self.tip).get(outpoint).cloned())
    }

    fn tip_height(&self) -> Height {
        self.forge.height(self.tip)
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        let tree = self.forge.tree();
        let tip = tree.get(&self.tip).unwrap();
        tree.median_time_past(tree.ancestor(tip, height).unwrap())
    }
}

fn spec() -> Arc<ChainSpec> {
    let mut spec = presets::regtest();
    // So that a reorganisation of a few blocks takes coins away that were ripe.
    spec.limits.coinbase_maturity = 3;
    Arc::new(spec)
}

/// Whether the transaction may stand in the next block on these coins.
fn fits(coins: &HashMap<OutPoint, Coin>, height: u32, tx: &Transaction) -> bool {
    tx.inputs().iter().all(|input| {
        coins.get(&input.previous).is_some_and(|coin| !coin.coinbase || coin.height.to_u32() + 3 <= height)
    })
}

impl World {
    fn new() -> Self {
        let key = TestKey::new(1);
        let mut forge = Forge::new(spec());
        let tip = forge.extend(forge.genesis(), FIRST, &key.p2pkh());
        let mut state = ChainState::in_memory(spec());
        for block in forge.chain(tip) {
            state.submit_block(block.clone(), now()).unwrap();
        }
        let reader = state.reader();
        let estimator = cairn_mempool::FeeEstimator::default();
        let pool = Arc::new(Pool::new(reader.clone(), estimator, Arc::new(Caches::new([1; 32], 1 << 20))));
        let follower = Follower { pool: Arc::clone(&pool), caught_up: Box::new(|| true), then: |_: &_| {} };
        let writer = Writer::start(state, follower, || {}).unwrap();
        let known = forge.chain(tip).into_iter().flat_map(|block| &block.transactions);
        let known = known.map(Transaction::txid).collect();
        Self {
            known,
            handle: writer.handle(),
            writer: Some(writer),
            forge,
            tip,
            key,
            pool,
            reader,
            expected: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn pay(&self, outpoint: OutPoint, coin: Coin, fee: u64) -> Transaction {
        let value = coin.output.value.to_sat() - fee;
        let (half, script) = (Amount::from_sat(value / 2), self.key.p2pkh());
        let spend = Spend::new().from(outpoint, coin).to(half, script.clone());
        spend.to(Amount::from_sat(value - value / 2), script).sign(&self.key)
    }

    /// The coins of the chain and of the pool that the pool does not spend.
    fn free_coins(&self) -> Vec<(OutPoint, Coin)> {
        let mut coins = self.forge.spendable(self.tip, &self.key.p2pkh());
        let height = self.forge.height(self.tip).next();
        for tx in &self.expected {
            coins.extend((0..).zip(tx.outputs()).map(|(vout, output)| {
                let coin = Coin { output: output.clone(), height, coinbase: false };
                (OutPoint { txid: tx.txid(), vout }, coin)
            }));
        }
        let spent: BTreeSet<OutPoint> = self.expected.iter().flat_map(spends).collect();
        coins.retain(|(outpoint, coin)| {
            !spent.contains(outpoint) && coin.output.value > Amount::from_sat(200_000)
        });
        coins
    }

    fn offer(&mut self, pick: prop::sample::Index, fee: u16) {
        let coins = self.free_coins();
        let (outpoint, coin) = pick.get(&coins).clone();
        let tx = self.pay(outpoint, coin, fee.into());
        self.pool.accept(Arc::new(tx.clone()), now()).unwrap();
        self.known.insert(tx.txid());
        self.expected.push(tx);
    }

    /// A block on `parent` with those of `txs` that fit there; none of the same coin twice.
    fn block(&mut self, parent: BlockHash, txs: impl IntoIterator<Item = Transaction>, extra: u64) -> Block {
        let height = self.forge.height(parent).to_u32() + 1;
        let mut coins = self.forge.coins(parent).clone();
        let mut draft = self.forge.draft(parent).pay_to(self.key.p2pkh()).extra(extra);
        for tx in txs {
            if !fits(&coins, height, &tx) {
                continue;
            }
            let taken = tx.inputs().iter().filter_map(|input| coins.remove(&input.previous));
            let got: u64 = taken.map(|coin| coin.output.value.to_sat()).sum();
            let given: u64 = tx.outputs().iter().map(|output| output.value.to_sat()).sum();
            for (vout, output) in (0..).zip(tx.outputs()) {
                let coin = Coin { output: output.clone(), height: Height::new(height), coinbase: false };
                coins.insert(OutPoint { txid: tx.txid(), vout }, coin);
            }
            self.known.insert(tx.txid());
            draft = draft.add(tx, Amount::from_sat(got - given));
        }
        let block = draft.seal();
        self.known.insert(block.transactions[0].txid());
        block
    }

    fn mine(&mut self, count: usize) {
        let (next, candidates) = self.pool.next_block();
        assert_eq!(next.prev, self.tip, "the pool stands on the tip");
        assert_eq!(candidates.len(), self.expected.len());
        let txs: Vec<_> =
            candidates.iter().take(count).map(|candidate| candidate.tx.as_ref().clone()).collect();
        let block = self.block(self.tip, txs, 0);
        self.tip = self.forge.accept(block.clone()).unwrap();
        self.handle.submit(block).unwrap();
        self.expect(Vec::new());
    }

    /// What the pool is to hold now: of what it held, behind what came off the chain, all that a new pool on the tip takes.
    fn expect(&mut self, off: Vec<Transaction>) {
        let mut fresh = Mempool::new(spec(), Policy::default());
        let view = ForgeView { forge: &self.forge, tip: self.tip };
        let chain = self.forge.chain(self.tip);
        let confirmed: BTreeSet<Txid> =
            chain.iter().flat_map(|block| &block.transactions).map(Transaction::txid).collect();
        let held = std::mem::take(&mut self.expected);
        let off_count = off.len();
        for (place, tx) in off.into_iter().chain(held).enumerate() {
            if confirmed.contains(&tx.txid()) {
                self.seen.both += usize::from(place < off_count);
            } else if fresh.accept(Arc::new(tx.clone()), now(), &view).result.is_ok() {
                self.seen.back += usize::from(place < off_count);
                self.expected.push(tx);
            } else {
                self.seen.gone += 1;
            }
        }
    }

    fn reorg(&mut self, depth: usize, more: usize, keep: u32, rival: Option<prop::sample::Index>) {
        let chain: Vec<Block> = self.forge.chain(self.tip).into_iter().cloned().collect();
        let (below, off) = chain.split_at(chain.len() - depth);
        let payments = off.iter().flat_map(|block| block.transactions.iter().skip(1).cloned());
        let off: Vec<Transaction> = payments.collect();
        let mut at = below.last().unwrap().hash();
        let mut kept: Vec<_> = off
            .iter()
            .zip(0..)
            .filter(|(_, bit)| keep >> (bit % 32) & 1 == 1)
            .map(|(tx, _)| tx.clone())
            .collect();
        let contested: Vec<OutPoint> = off.iter().chain(&self.expected).flat_map(spends).collect();
        if let Some(pick) = rival.filter(|_| !contested.is_empty()) {
            let outpoint = *pick.get(&contested);
            if let Some(coin) = self.forge.coins(at).get(&outpoint).cloned() {
                kept.insert(0, self.pay(outpoint, coin, 77_777));
            }
        }
        let (reply, outcomes) = crossbeam_channel::unbounded();
        for number in 0..depth + more {
            // All are tried in each block: some do not fit before others stand.
            let block = self.block(at, kept.clone(), 1 + u64::from(keep) + number as u64);
            let stand: BTreeSet<Txid> = block.transactions.iter().map(Transaction::txid).collect();
            kept.retain(|tx| !stand.contains(&tx.txid()));
            at = self.forge.accept(block.clone()).unwrap();
            let reply = reply.clone();
            self.handle.submit_later(Box::new(block), Box::new(move |outcome| reply.send(outcome).unwrap()));
        }
        drop(reply);
        let last = outcomes.iter().map(Result::unwrap).last();
        assert!(
            last.is_some_and(|last| matches!(last, Submitted::Connected { .. } | Submitted::Reorged { .. }))
        );
        self.tip = at;
        self.expect(off);
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Offer { pick, fee } => self.offer(*pick, *fee),
            Step::Mine { count } => self.mine(*count),
            Step::Reorg { depth, more, keep, rival } => {
                self.reorg(*depth, *more, *keep, *rival);
                self.check_indexes();
            }
        }
        self.check_pool();
    }

    fn check_pool(&self) {
        assert_eq!(self.reader.tip().hash, self.tip);
        let held: BTreeSet<Txid> = self.pool.look(|pool| pool.entries().map(|entry| entry.txid()).collect());
        let expected: BTreeSet<Txid> = self.expected.iter().map(Transaction::txid).collect();
        assert_eq!(held, expected);
        // Each spends what is there: a coin of the chain, or an output of another.
        for outpoint in self.expected.iter().flat_map(spends) {
            let on_chain = self.reader.coin(&outpoint).unwrap().is_some();
            assert!(on_chain || held.contains(&outpoint.txid), "{outpoint:?} is nowhere");
        }
    }

    /// Every answer is that of a chain to which only the best branch was given.
    fn check_indexes(&self) {
        let mut straight = ChainState::in_memory(spec());
        for block in self.forge.chain(self.tip) {
            straight.submit_block(block.clone(), now()).unwrap();
        }
        straight.flush().unwrap();
        let straight = straight.reader();
        assert_eq!(self.reader.tip(), straight.tip());
        assert_eq!(self.reader.view().coins().unwrap(), straight.view().coins().unwrap());
        for index in [IndexKind::Tx, IndexKind::Address, IndexKind::CoinStats] {
            for reader in [&self.reader, &straight] {
                let reached = reader.wait_for_index(index, LONGEST_WAIT).unwrap();
                assert_eq!(reached.hash, self.tip, "{index}");
            }
        }
        for txid in &self.known {
            assert_eq!(self.reader.tx(txid).unwrap(), straight.tx(txid).unwrap(), "{txid}");
        }
        for script in [self.key.p2pkh(), Script::new()].iter().map(script_hash) {
            let of = |reader: &ChainReader| {
                let history = reader.address_history(&script, 0, usize::MAX).unwrap();
                (history, reader.address_coins(&script).unwrap(), reader.address_balance(&script).unwrap())
            };
            assert_eq!(of(&self.reader), of(&straight));
        }
        for height in 0..=self.forge.height(self.tip).to_u32() + 2 {
            let of = |reader: &ChainReader| reader.supply_stats(Height::new(height)).unwrap();
            assert_eq!(of(&self.reader), of(&straight));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let stopped = self.writer.take().map(Writer::stop);
        if !std::thread::panicking() {
            stopped.unwrap().unwrap();
        }
    }
}

fn spends(tx: &Transaction) -> Vec<OutPoint> {
    tx.inputs().iter().map(|input| input.previous).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pool_and_indexes_are_right_after_every_reorg(steps in prop::collection::vec(step(), 1..MAX_STEPS)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
    }
}

/// Steps from a fixed seed reach every kind of change.
#[test]
fn random_reorgs_do_reach_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for _ in 0..16 {
        let steps = prop::collection::vec(step(), MAX_STEPS).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        steps.iter().for_each(|step| world.run(step));
        seen.back += world.seen.back;
        seen.gone += world.seen.gone;
        seen.both += world.seen.both;
    }
    assert!([seen.back, seen.gone, seen.both].iter().all(|count| *count >= 5), "{seen:?}");
}
