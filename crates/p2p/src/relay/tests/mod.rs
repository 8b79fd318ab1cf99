//! The relay, driven like the manager drives it, over a pool of a few lines.

mod announcing;
mod asking;
mod floods;
mod orphans;
mod requests;
mod serving;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Header, Height, LockTime, OutPoint, Script, Sequence, Transaction,
    TxIn, TxOut, Txid, Witness, Work, Wtxid,
};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::Relay;
use crate::event::{Action, PeerId, TxOutcome};
use crate::handshake::{Direction, Peer};
use crate::message::{Inventory, Message, PeerEndpoint, Services, UserAgent, Version};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::{Context, Outbox, PeerFacts};
use crate::ports::{ChainPoint, ChainView, HeaderEntry, Local, PoolTx, PoolView, TxRef};

pub(super) const START: Duration = Duration::from_secs(1_700_000_000);

/// A chain that stands still; the relay does not look at it.
struct Still;

impl ChainView for Still {
    fn tip(&self) -> ChainPoint {
        ChainPoint {
            hash: BlockHash::ZERO,
            height: Height::new(0),
            work: Work::ZERO,
            time: BlockTime::new(0),
        }
    }
    fn best_header(&self) -> ChainPoint {
        self.tip()
    }
    fn header(&self, _: &BlockHash) -> Option<HeaderEntry> {
        None
    }
    fn ancestor(&self, _: &BlockHash, _: Height) -> Option<BlockHash> {
        None
    }
    fn fork_point(&self, _: &BlockHash, _: &BlockHash) -> Option<ChainPoint> {
        None
    }
    fn locator(&self, _: &BlockHash) -> Vec<BlockHash> {
        Vec::new()
    }
    fn headers_after(&self, _: &[BlockHash], _: &BlockHash, _: usize) -> Vec<Header> {
        Vec::new()
    }
}

#[derive(Default)]
pub(super) struct Pool {
    txs: BTreeMap<Txid, PoolTx>,
    by_wtxid: BTreeMap<Wtxid, Txid>,
    order: Vec<Txid>,
    pub(super) min_rate: Amount,
    pub(super) confirmed: BTreeSet<Txid>,
}

impl Pool {
    fn insert(&mut self, tx: &Arc<Transaction>, rate: Amount) {
        self.by_wtxid.insert(tx.wtxid(), tx.txid());
        self.txs.insert(tx.txid(), PoolTx { tx: Arc::clone(tx), rate });
        self.order.push(tx.txid());
    }

    pub(super) fn remove(&mut self, tx: &Transaction) {
        self.txs.remove(&tx.txid());
        self.by_wtxid.remove(&tx.wtxid());
        self.order.retain(|txid| *txid != tx.txid());
    }
}

impl PoolView for Pool {
    fn get(&self, id: &TxRef) -> Option<PoolTx> {
        let txid = match id {
            TxRef::Txid(txid) => txid,
            TxRef::Wtxid(wtxid) => self.by_wtxid.get(wtxid)?,
        };
        self.txs.get(txid).cloned()
    }
    fn min_rate(&self) -> Amount {
        self.min_rate
    }
    fn all(&self, limit: usize) -> Vec<PoolTx> {
        self.order.iter().take(limit).map(|txid| self.txs[txid].clone()).collect()
    }
    fn is_confirmed(&self, txid: &Txid) -> bool {
        self.confirmed.contains(txid)
    }
}

/// A relay with its surroundings.
pub(super) struct Rig {
    pub(super) relay: Relay,
    pub(super) pool: Pool,
    pub(super) now: Duration,
    rng: ChaCha12Rng,
    out: Outbox,
}

impl Rig {
    pub(super) fn new() -> Self {
        let rng = ChaCha12Rng::from_seed([1; 32]);
        Self { relay: Relay::new(), pool: Pool::default(), now: START, rng, out: Outbox::default() }
    }

    pub(super) fn run<T>(&mut self, f: impl FnOnce(&mut Relay, &mut Context<'_>) -> T) -> T {
        let local = Local { chain: &Still, pool: &self.pool };
        let mut cx = Context { now: self.now, local, rng: &mut self.rng, out: &mut self.out };
        f(&mut self.relay, &mut cx)
    }

    pub(super) fn join(&mut self, id: u64, direction: Direction) {
        self.join_with(id, direction, |_| {});
    }

    pub(super) fn join_with(&mut self, id: u64, direction: Direction, change: impl FnOnce(&mut Peer)) {
        let mut facts = facts(id, direction);
        change(&mut facts.info);
        self.run(|relay, cx| relay.on_established(cx, &facts));
    }

    pub(super) fn inv(&mut self, peer: u64, ids: &[TxRef]) {
        self.run(|relay, cx| relay.on_tx_inv(cx, PeerId::new(peer), ids));
    }

    pub(super) fn tx(&mut self, peer: u64, tx: &Arc<Transaction>) {
        self.run(|relay, cx| relay.on_tx(cx, PeerId::new(peer), Arc::clone(tx)));
    }

    pub(super) fn get(&mut self, peer: u64, ids: &[TxRef]) {
        self.run(|relay, cx| relay.on_get_tx_data(cx, PeerId::new(peer), ids));
    }

    pub(super) fn close(&mut self, peer: u64) {
        self.run(|relay, cx| relay.on_closed(cx, PeerId::new(peer)));
    }

    pub(super) fn checked(&mut self, peer: u64, tx: &Arc<Transaction>, outcome: TxOutcome) {
        self.run(|relay, cx| relay.on_tx_checked(cx, PeerId::new(peer), Arc::clone(tx), outcome));
    }

    /// The pool takes a transaction: as from the node's own user, unless a check comes after it.
    pub(super) fn accept(&mut self, tx: &Arc<Transaction>, rate: u64) {
        let rate = Amount::from_sat(rate);
        self.pool.insert(tx, rate);
        self.run(|relay, cx| relay.on_pool_added(cx, tx.txid(), tx.wtxid(), rate));
    }

    pub(super) fn blocks(&mut self, blocks: &[Arc<Block>]) {
        self.run(|relay, cx| relay.on_blocks(cx, blocks));
    }

    /// Lets time go on, with a tick at each deadline.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut at_once = 0;
        while let Some(due) = self.relay.deadline().filter(|due| *due <= end) {
            // One tick does a bounded amount of work, so what waited may take several; but not for ever.
            at_once = if due <= self.now { at_once + 1 } else { 0 };
            assert!(at_once < 100, "a deadline stays in the past");
            self.now = self.now.max(due);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    pub(super) fn tick(&mut self) {
        self.run(|relay, cx| relay.on_tick(cx));
    }

    pub(super) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.out.actions)
    }

    pub(super) fn faults(&mut self) -> Vec<(u64, Misbehaviour)> {
        std::mem::take(&mut self.out.faults).into_iter().map(|(peer, what)| (peer.to_u64(), what)).collect()
    }

    /// What was asked of whom since the last look; drops all other actions.
    pub(super) fn asked(&mut self) -> Vec<(u64, Inventory)> {
        let mut asked = Vec::new();
        for action in self.actions() {
            if let Action::Send { peer, message: Message::GetData(items) } = action {
                asked.extend(items.into_iter().map(|item| (peer.to_u64(), item)));
            }
        }
        asked
    }

    /// What was announced to whom.
    pub(super) fn told(&mut self) -> Vec<(u64, Inventory)> {
        let mut told = Vec::new();
        for action in self.actions() {
            if let Action::Send { peer, message: Message::Inv(items) } = action {
                told.extend(items.into_iter().map(|item| (peer.to_u64(), item)));
            }
        }
        told
    }

    /// What is to be checked.
    pub(super) fn checks(&mut self) -> Vec<Wtxid> {
        let checks = self.actions().into_iter().filter_map(|action| match action {
            Action::CheckTx { tx, .. } => Some(tx.wtxid()),
            _ => None,
        });
        checks.collect()
    }
}

pub(super) fn facts(id: u64, direction: Direction) -> PeerFacts {
    let version = Version {
        protocol: 70_016,
        services: Services::NETWORK.union(Services::WITNESS),
        timestamp: 0,
        receiver: PeerEndpoint::NONE,
        sender: PeerEndpoint::NONE,
        nonce: id,
        user_agent: UserAgent::default(),
        start_height: 0,
        relay: true,
    };
    let info = Peer { version, protocol: 70_016, wtxid_relay: true, addr_v2: true, send_headers: false };
    let [high, low, ..] = (id as u16).to_be_bytes();
    let addr = SocketAddr::from(([20, high, low, 1], 8_333));
    PeerFacts { id: PeerId::new(id), addr, direction, manual: false, info }
}

/// A transaction that spends the first outputs of these; `salt` tells it from others. With a witness, so that its two
/// ids differ.
pub(super) fn spending(parents: &[Txid], salt: u64) -> Arc<Transaction> {
    build(parents, salt, 0, true)
}

/// The same with so many bytes of script more, and with or without a witness.
pub(super) fn build(parents: &[Txid], salt: u64, padding: usize, witness: bool) -> Arc<Transaction> {
    let stack = if witness { Witness::new(vec![vec![1]]) } else { Witness::default() };
    let input = |txid: &Txid| TxIn {
        previous: OutPoint { txid: *txid, vout: 0 },
        script_sig: Script::new(),
        sequence: Sequence::new(0),
        witness: stack.clone(),
    };
    let script_pubkey = Script::from_bytes([salt.to_le_bytes().to_vec(), vec![0; padding]].concat());
    let output = TxOut { value: Amount::from_sat(1), script_pubkey };
    Arc::new(Transaction::new(2, parents.iter().map(input).collect(), vec![output], LockTime::ZERO))
}

/// A transaction with parents that nobody misses.
pub(super) fn coin(salt: u64) -> Arc<Transaction> {
    spending(&[Txid::from_bytes([0xaa; 32])], salt)
}

pub(super) fn wtx(tx: &Transaction) -> TxRef {
    TxRef::Wtxid(tx.wtxid())
}

/// An id that no transaction has.
pub(super) fn made_up(number: u64) -> TxRef {
    let mut bytes = [0x55; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    TxRef::Wtxid(Wtxid::from_bytes(bytes))
}
