//! Random sequences of everything that can happen keep every invariant.

use cairn_consensus::TxError;
use cairn_mempool::{Entry, Mempool, Policy, Rejection};
use cairn_primitives::{BlockTime, OutPoint, Transaction};
use proptest::prelude::*;

use crate::support::{NOW, TestChain, anyone, check, pool_with, root, spend};

#[derive(Debug, Clone)]
enum Step {
    /// Spends some of the coins known at the time, whether spent or not: new, double spend or replacement.
    Offer { coins: Vec<prop::sample::Index>, fee: u64, outputs: u64, replaceable: bool },
    /// Mines the first candidates; with `rival`, also a transaction that spends what an entry spends.
    Mine { count: usize, rival: Option<prop::sample::Index> },
    /// Takes blocks off, and puts the same number and one more of empty ones on, or none.
    Reorg { depth: usize, replace: bool },
    /// Time goes by.
    Wait { seconds: u32 },
    /// The pool is saved, some time goes by, and another loads it.
    Restart { seconds: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let coins = prop::collection::vec(any::<prop::sample::Index>(), 1..4);
    prop_oneof![
        12 => (coins, 0_u64..60_000, 1_u64..4, any::<bool>())
            .prop_map(|(coins, fee, outputs, replaceable)| Step::Offer { coins, fee, outputs, replaceable }),
        2 => (0_usize..6, prop::option::of(any::<prop::sample::Index>()))
            .prop_map(|(count, rival)| Step::Mine { count, rival }),
        1 => (1_usize..4, any::<bool>()).prop_map(|(depth, replace)| Step::Reorg { depth, replace }),
        1 => (1_u32..4_000).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0_u32..2_000).prop_map(|seconds| Step::Restart { seconds }),
    ]
}

struct World {
    pool: Mempool,
    chain: TestChain,
    now: BlockTime,
    /// Every coin that ever was, with its value.
    known: Vec<(OutPoint, u64)>,
    seen: Seen,
}

/// What happened, so that the test can tell that it tests something.
#[derive(Debug, Default)]
struct Seen {
    accepted: usize,
    replaced: usize,
    evicted: usize,
    expired: usize,
    confirmed: usize,
    conflicted: usize,
    entered: usize,
    reloaded: usize,
    lost: usize,
    extra: usize,
}

fn policy() -> Policy {
    Policy {
        max_usage: 11_000,
        max_ancestors: 5,
        max_descendants: 3,
        expiry_seconds: 6_000,
        ..Policy::default()
    }
}

impl World {
    fn new() -> Self {
        let known = (0..8).map(|index| (root(index), 100_000_000)).collect();
        Self { pool: pool_with(policy()), chain: TestChain::new(8), now: NOW, known, seen: Seen::default() }
    }

    fn learn(&mut self, tx: &Transaction) {
        for (vout, output) in (0..).zip(tx.outputs()) {
            let coin = (OutPoint { txid: tx.txid(), vout }, output.value.to_sat());
            if !self.known.contains(&coin) {
                self.known.push(coin);
            }
        }
    }

    fn count(&mut self, removed: &[cairn_mempool::Removed]) {
        use cairn_mempool::RemovalReason as R;
        for gone in removed {
            match gone.reason {
                R::Replaced => self.seen.replaced += 1,
                R::SizeLimit => self.seen.evicted += 1,
                R::Expiry => self.seen.expired += 1,
                R::Block => self.seen.confirmed += 1,
                R::Conflict => self.seen.conflicted += 1,
                R::Reorg => {}
            }
        }
    }

    fn offer(&mut self, picks: &[prop::sample::Index], fee: u64, outputs: u64, replaceable: bool) {
        let mut coins: Vec<(OutPoint, u64)> = picks.iter().map(|pick| *pick.get(&self.known)).collect();
        coins.sort_unstable();
        coins.dedup();
        let value: u64 = coins.iter().map(|(_, value)| value).sum();
        let each = value.saturating_sub(fee) / outputs;
        let outpoints: Vec<OutPoint> = coins.iter().map(|(outpoint, _)| *outpoint).collect();
        let mut draft = spend(&outpoints, each);
        for _ in 1..outputs {
            draft = draft.output(anyone(each));
        }
        let draft = if replaceable { draft.replaceable() } else { draft };
        let tx = draft.build();
        let outcome = self.pool.accept(tx.clone().into(), self.now, &self.chain);
        self.count(&outcome.removed);
        assert!(outcome.removed.iter().all(|gone| self.pool.get(&gone.tx.txid()).is_none()));
        if outcome.result.is_ok() {
            assert!(self.pool.get(&tx.txid()).is_some());
            self.seen.accepted += 1;
            let is_extra = |entry: &Entry| entry.descendants().count > policy().max_descendants;
            self.seen.extra += usize::from(self.pool.entries().any(is_extra));
            self.learn(&tx);
        }
    }

    fn mine(&mut self, count: usize, rival: Option<prop::sample::Index>) {
        let mut txs: Vec<Transaction> =
            self.pool.candidates().take(count).map(|entry| entry.tx().as_ref().clone()).collect();
        let spent: Vec<OutPoint> =
            txs.iter().flat_map(|tx| tx.inputs()).map(|input| input.previous).collect();
        // A coin of the chain that an entry outside the block spends.
        let mut contested: Vec<OutPoint> = self
            .pool
            .entries()
            .flat_map(|entry| entry.tx().inputs())
            .map(|input| input.previous)
            .filter(|coin| self.chain.coins.contains_key(coin) && !spent.contains(coin))
            .collect();
        contested.sort_unstable();
        if let Some(pick) = rival.filter(|_| !contested.is_empty()) {
            let coin = *pick.get(&contested);
            let value = self.chain.coins[&coin].output.value.to_sat();
            let tx = spend(&[coin], value - 777).build();
            self.learn(&tx);
            txs.push(tx);
        }
        let block = self.chain.connect(txs);
        let removed = self.pool.block_connected(&block, self.now);
        self.count(&removed);
        for tx in &block.transactions {
            assert!(self.pool.get(&tx.txid()).is_none(), "what is confirmed leaves");
        }
    }

    fn reorg(&mut self, depth: usize, replace: bool) {
        let before: Vec<_> = self.pool.entries().map(|entry| entry.txid()).collect();
        let off: Vec<_> = (0..depth).map_while(|_| self.chain.disconnect()).collect();
        let on: Vec<_> = match replace {
            true => (0..=off.len()).map(|_| self.chain.connect(Vec::new())).collect(),
            false => Vec::new(),
        };
        let outcome = self.pool.reorganized(&off, &on, self.now, &self.chain);
        self.seen.entered += outcome.entered.len();
        self.count(&outcome.removed);
        let gone: Vec<_> = outcome.removed.iter().map(|gone| gone.tx.txid()).collect();
        for txid in &before {
            assert_ne!(
                self.pool.get(txid).is_some(),
                gone.contains(txid),
                "each stays or is told to have left"
            );
        }
        assert!(outcome.entered.iter().all(|txid| self.pool.get(txid).is_some() && !before.contains(txid)));
    }

    /// Each entry comes back with its time, unless it has expired, pays less than the floor of a new pool (it came back from
    /// a block), is a child more than was let in where it stood, or rests on one of these.
    fn restart(&mut self, seconds: u32) {
        let bytes = self.pool.save();
        self.now = self.now.saturating_add(seconds);
        let mut fresh = pool_with(policy());
        let saved = fresh.load(&bytes, self.now).unwrap();
        let kept: Vec<_> = saved.iter().map(|saved| saved.tx.txid()).collect();
        for entry in self.pool.entries() {
            let oldest = self.now.saturating_sub(policy().expiry_seconds);
            assert_eq!(kept.contains(&entry.txid()), entry.time() >= oldest);
        }
        for saved in saved {
            let before = self.pool.get(&saved.tx.txid()).unwrap();
            let outcome = fresh.accept_at(saved.tx, saved.time, self.now, &self.chain);
            assert!(outcome.removed.is_empty());
            match outcome.result {
                Ok(accepted) => {
                    let entry = fresh.get(&accepted.txid).unwrap();
                    assert_eq!((entry.time(), entry.fee()), (before.time(), before.fee()));
                    self.seen.reloaded += 1;
                }
                Err(Rejection::MinRelayFee { .. } | Rejection::DescendantCount { .. }) => self.seen.lost += 1,
                Err(Rejection::Consensus(TxError::MissingOrSpent { outpoint, .. })) => {
                    assert!(fresh.get(&outpoint.txid).is_none());
                    assert!(self.pool.get(&outpoint.txid).is_some());
                    self.seen.lost += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        self.pool = fresh;
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Offer { coins, fee, outputs, replaceable } => {
                self.offer(coins, *fee, *outputs, *replaceable)
            }
            Step::Mine { count, rival } => self.mine(*count, *rival),
            Step::Reorg { depth, replace } => self.reorg(*depth, *replace),
            Step::Wait { seconds } => {
                self.now = self.now.saturating_add(*seconds);
                let removed = self.pool.expire(self.now);
                self.count(&removed);
            }
            Step::Restart { seconds } => self.restart(*seconds),
        }
        check(&self.pool, &self.chain);
        self.check_candidates();
    }

    /// Every entry once, none before one it spends from.
    fn check_candidates(&self) {
        let order: Vec<_> = self.pool.candidates().map(|entry| entry.txid()).collect();
        assert_eq!(order.len(), self.pool.len());
        for (place, txid) in order.iter().enumerate() {
            let parents = self.pool.get(txid).unwrap().parents();
            assert!(parents.iter().all(|parent| order[..place].contains(parent)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_invariant_holds_after_every_step(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
    }
}

/// The same steps from a fixed seed reach every kind of change.
#[test]
fn random_steps_do_reach_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for _ in 0..80 {
        let steps = prop::collection::vec(step(), 80).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        steps.iter().for_each(|step| world.run(step));
        seen.accepted += world.seen.accepted;
        seen.replaced += world.seen.replaced;
        seen.evicted += world.seen.evicted;
        seen.expired += world.seen.expired;
        seen.confirmed += world.seen.confirmed;
        seen.conflicted += world.seen.conflicted;
        seen.entered += world.seen.entered;
        seen.reloaded += world.seen.reloaded;
        seen.lost += world.seen.lost;
        seen.extra += world.seen.extra;
    }
    let counts = [
        seen.accepted,
        seen.replaced,
        seen.evicted,
        seen.expired,
        seen.confirmed,
        seen.conflicted,
        seen.entered,
        seen.reloaded,
        seen.lost,
        seen.extra,
    ];
    assert!(counts.iter().all(|count| *count >= 10), "{seen:?}");
}
