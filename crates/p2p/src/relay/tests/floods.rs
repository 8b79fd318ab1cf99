//! Whatever peers send and in whatever order, memory stays within its limits and time goes on.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::relay::checks::MAX_CHECKS_HARD;
use crate::relay::orphans::{MAX_ORPHAN_VSIZE, MAX_ORPHANS};
use crate::relay::requests::MAX_ANNOUNCEMENTS;
use crate::relay::serve::MAX_WAITING;

#[derive(Clone, Debug)]
enum Step {
    Join {
        peer: u64,
        inbound: bool,
        by_wtxid: bool,
    },
    Close(u64),
    Inv {
        peer: u64,
        from: u64,
        count: u64,
    },
    Announce {
        peer: u64,
        tx: usize,
    },
    Tx {
        peer: u64,
        tx: usize,
    },
    NotFound {
        peer: u64,
        tx: usize,
    },
    /// The oldest check ends: accepted, known, missing parents, unwanted, stripped, invalid.
    Checked(u8),
    Get {
        peer: u64,
        count: u64,
    },
    MemPool(u64),
    FeeFilter {
        peer: u64,
        rate: u64,
    },
    Tip(usize),
    Active(bool),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let peer = || 0..5_u64;
    let tx = || 0..TXS;
    prop_oneof![
        2 => (peer(), any::<bool>(), any::<bool>())
            .prop_map(|(peer, inbound, by_wtxid)| Step::Join { peer, inbound, by_wtxid }),
        1 => peer().prop_map(Step::Close),
        1 => (peer(), 0..10_000_u64, 0..6_000_u64).prop_map(|(peer, from, count)| Step::Inv { peer, from, count }),
        10 => (peer(), tx()).prop_map(|(peer, tx)| Step::Announce { peer, tx }),
        10 => (peer(), tx()).prop_map(|(peer, tx)| Step::Tx { peer, tx }),
        2 => (peer(), tx()).prop_map(|(peer, tx)| Step::NotFound { peer, tx }),
        12 => (0..6_u8).prop_map(Step::Checked),
        1 => (peer(), 0..8_000_u64).prop_map(|(peer, count)| Step::Get { peer, count }),
        1 => peer().prop_map(Step::MemPool),
        1 => (peer(), any::<u64>()).prop_map(|(peer, rate)| Step::FeeFilter { peer, rate }),
        1 => tx().prop_map(Step::Tip),
        1 => prop::bool::weighted(0.9).prop_map(Step::Active),
        4 => (0..3_000_u16).prop_map(Step::Wait),
    ]
}

const TXS: usize = 150;

/// Chains of five, so that there are orphans.
fn txs() -> Vec<Arc<Transaction>> {
    let mut txs: Vec<Arc<Transaction>> = Vec::new();
    for index in 0..TXS {
        let tx = match index % 5 {
            0 => coin(index as u64),
            _ => build(&[txs[index - 1].txid()], index as u64, 20 * index, index % 2 == 0),
        };
        txs.push(tx);
    }
    txs
}

struct World {
    rig: Rig,
    txs: Vec<Arc<Transaction>>,
    checks: Vec<(u64, Arc<Transaction>)>,
}

impl World {
    fn apply(&mut self, step: &Step) {
        let id = PeerId::new;
        let rig = &mut self.rig;
        match *step {
            Step::Join { peer, inbound, by_wtxid } => {
                rig.close(peer);
                let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
                rig.join_with(peer, direction, |info| info.wtxid_relay = by_wtxid);
            }
            Step::Close(peer) => {
                rig.close(peer);
            }
            Step::Inv { peer, from, count } => {
                rig.inv(peer, &(from..from + count).map(made_up).collect::<Vec<_>>());
            }
            Step::Announce { peer, tx } => {
                let tx = &self.txs[tx];
                rig.inv(peer, &[wtx(tx), TxRef::Txid(tx.txid())]);
            }
            Step::Tx { peer, tx } => {
                let tx = &self.txs[tx];
                rig.tx(peer, tx);
            }
            Step::NotFound { peer, tx } => {
                let ids = [wtx(&self.txs[tx]), TxRef::Txid(self.txs[tx].txid())];
                rig.run(|relay, cx| relay.on_tx_not_found(cx, id(peer), &ids));
            }
            Step::Checked(outcome) => self.end_check(outcome),
            Step::Get { peer, count } => rig.get(peer, &(0..count).map(made_up).collect::<Vec<_>>()),
            Step::MemPool(peer) => rig.run(|relay, cx| relay.on_mempool(cx, id(peer))),
            Step::FeeFilter { peer, rate } => rig.relay.on_fee_filter(id(peer), Amount::from_sat(rate)),
            Step::Tip(tx) => {
                let tx = self.txs[tx].as_ref().clone();
                let header = cairn_params::presets::bitcoin().genesis_block().header;
                rig.blocks(&[Arc::new(Block { header, transactions: vec![tx] })]);
            }
            Step::Active(active) => rig.relay.set_active(active),
            Step::Wait(tenths) => rig.pass(Duration::from_millis(u64::from(tenths) * 100)),
        }
    }

    fn end_check(&mut self, outcome: u8) {
        if self.checks.is_empty() {
            return;
        }
        let (peer, tx) = self.checks.remove(0);
        let parents = tx.inputs().iter().map(|input| input.previous.txid).collect();
        let outcome = match outcome {
            0 | 1 => {
                self.rig.accept(&tx, 1_000);
                TxOutcome::Accepted
            }
            2 => TxOutcome::MissingParents(parents),
            3 => TxOutcome::Unwanted { witness_stripped: false },
            4 => TxOutcome::Unwanted { witness_stripped: true },
            _ => TxOutcome::Invalid { code: "rule" },
        };
        self.rig.checked(peer, &tx, outcome);
    }

    /// Looks at what was sent and at what is kept.
    fn look(&mut self) -> Result<(), TestCaseError> {
        for action in self.rig.actions() {
            if let Action::CheckTx { peer, tx } = action {
                self.checks.push((peer.to_u64(), tx));
            }
        }
        let relay = &self.rig.relay;
        relay.requests.check_books();
        prop_assert!(relay.orphans.len() <= MAX_ORPHANS && relay.orphans.vsize() <= MAX_ORPHAN_VSIZE);
        prop_assert!(relay.checks.len() <= MAX_CHECKS_HARD);
        prop_assert_eq!(relay.checks.len(), self.checks.len());
        for peer in (0..5).map(PeerId::new) {
            prop_assert!(relay.requests.announced_by(peer) <= MAX_ANNOUNCEMENTS);
            prop_assert!(relay.serving.waiting(peer) <= MAX_WAITING);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn memory_stays_bounded_and_checks_are_never_doubled(steps in vec(step(), 1..200)) {
        let mut world = World { rig: Rig::new(), txs: txs(), checks: Vec::new() };
        for peer in 0..5 {
            world.rig.join(peer, if peer % 2 == 0 { Direction::Outbound } else { Direction::Inbound });
        }
        for step in &steps {
            world.apply(step);
            world.look()?;
            let running: BTreeSet<Wtxid> = world.checks.iter().map(|(_, tx)| tx.wtxid()).collect();
            prop_assert_eq!(running.len(), world.checks.len(), "one is checked twice at the same time");
        }
    }
}
