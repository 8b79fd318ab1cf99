//! A chain that is a map of coins, transactions anyone can make, and a check of everything the pool promises.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cairn_consensus::CoinViewError;
use cairn_mempool::{
    ChainView, Entry, FeeRate, MAX_EXTRA_DESCENDANT_VSIZE, Mempool, Outcome, Policy, Rejection,
};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Coin, CompactTarget, Header, Height, LockTime, MerkleRoot, OutPoint,
    Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid, Witness, hash,
};

pub(crate) const START: u32 = 1_300_000_000;
pub(crate) const SPACING: u32 = 600;
pub(crate) const NOW: BlockTime = BlockTime::new(1_700_000_000);
/// The script `OP_TRUE`.
const REDEEM: [u8; 1] = [0x51];

/// A chain of blocks, each with the coins it took away.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestChain {
    pub(crate) coins: HashMap<OutPoint, Coin>,
    pub(crate) height: u32,
    pub(crate) blocks: Vec<(Block, Vec<(OutPoint, Coin)>)>,
    pub(crate) failing: bool,
}

impl ChainView for TestChain {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        if self.failing { Err(CoinViewError::Internal) } else { Ok(self.coins.get(outpoint).cloned()) }
    }

    fn tip_height(&self) -> Height {
        Height::new(self.height)
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        assert!(height.to_u32() <= self.height, "the pool asks for blocks of the chain only");
        BlockTime::new(START + SPACING * height.to_u32())
    }
}

impl TestChain {
    /// A chain at height 200 with `coins` coins of one whole unit, made at height 1.
    pub(crate) fn new(coins: u8) -> Self {
        let mut chain = Self { height: 200, ..Self::default() };
        for index in 0..coins {
            chain.add(root(index), anyone(100_000_000));
        }
        chain
    }

    pub(crate) fn add(&mut self, outpoint: OutPoint, output: TxOut) {
        self.coins.insert(outpoint, Coin { output, height: Height::new(1), coinbase: false });
    }

    pub(crate) fn connect(&mut self, transactions: Vec<Transaction>) -> Block {
        self.height += 1;
        let mut spent = Vec::new();
        for tx in &transactions {
            for input in tx.inputs() {
                let coin = self.coins.remove(&input.previous).expect("blocks of tests spend what is there");
                spent.push((input.previous, coin));
            }
            for (vout, output) in (0..).zip(tx.outputs()) {
                let coin = Coin { output: output.clone(), height: Height::new(self.height), coinbase: false };
                self.coins.insert(OutPoint { txid: tx.txid(), vout }, coin);
            }
        }
        let block = Block { header: header(), transactions };
        self.blocks.push((block.clone(), spent));
        block
    }

    pub(crate) fn disconnect(&mut self) -> Option<Block> {
        let (block, spent) = self.blocks.pop()?;
        self.height -= 1;
        self.coins.extend(spent);
        for tx in &block.transactions {
            for (vout, _) in (0..).zip(tx.outputs()) {
                self.coins.remove(&OutPoint { txid: tx.txid(), vout });
            }
        }
        Some(block)
    }
}

/// The pool looks at the transactions of a block only.
fn header() -> Header {
    Header {
        version: 4,
        prev: BlockHash::ZERO,
        merkle_root: MerkleRoot::ZERO,
        time: BlockTime::new(START),
        bits: CompactTarget::from_bits(0x207f_ffff),
        nonce: 0,
    }
}

pub(crate) fn root(index: u8) -> OutPoint {
    OutPoint { txid: Txid::from_bytes([index + 1; 32]), vout: 0 }
}

pub(crate) fn out(tx: &Transaction, vout: u32) -> OutPoint {
    OutPoint { txid: tx.txid(), vout }
}

/// An output that anyone can spend, in a standard form.
pub(crate) fn anyone(sat: u64) -> TxOut {
    TxOut { value: Amount::from_sat(sat), script_pubkey: Script::p2sh(hash::hash160(&REDEEM)) }
}

pub(crate) fn pool() -> Mempool {
    pool_with(Policy::default())
}

pub(crate) fn pool_with(policy: Policy) -> Mempool {
    Mempool::new(Arc::new(presets::regtest()), policy)
}

/// A transaction under construction; its inputs spend outputs of [`anyone`].
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) version: i32,
    pub(crate) lock_time: u32,
    pub(crate) inputs: Vec<TxIn>,
    pub(crate) outputs: Vec<TxOut>,
}

/// Spends `coins` to one output of `sat`. Signals no replacement.
pub(crate) fn spend(coins: &[OutPoint], sat: u64) -> Draft {
    let script_sig = ScriptBuilder::new().push_slice(&REDEEM).into_script();
    let input = |previous: &OutPoint| TxIn {
        previous: *previous,
        script_sig: script_sig.clone(),
        sequence: Sequence::FINAL,
        witness: Witness::default(),
    };
    Draft { version: 2, lock_time: 0, inputs: coins.iter().map(input).collect(), outputs: vec![anyone(sat)] }
}

impl Draft {
    pub(crate) fn sequence(mut self, bits: u32) -> Self {
        self.inputs.iter_mut().for_each(|input| input.sequence = Sequence::new(bits));
        self
    }

    /// Signals that it may be replaced.
    pub(crate) fn replaceable(self) -> Self {
        self.sequence(0xffff_fffd)
    }

    pub(crate) fn output(mut self, output: TxOut) -> Self {
        self.outputs.push(output);
        self
    }

    /// Adds bytes by outputs of 32 bytes each until the size without witness is at least `size`.
    pub(crate) fn padded(mut self, size: usize) -> Self {
        let missing = size.saturating_sub(self.build().base_size());
        self.outputs.extend((0..missing.div_ceil(32)).map(|_| anyone(600)));
        self
    }

    /// Adds bytes until the size without witness is exactly `size`, the last of them in a data output.
    pub(crate) fn sized(self, size: usize) -> Self {
        let draft = self.padded(size - 80);
        // A data output of 11 bytes and what it carries.
        let data = size - draft.build().base_size() - 11;
        let script_pubkey = ScriptBuilder::new().push_opcode(0x6a).push_slice(&vec![7; data]).into_script();
        draft.output(TxOut { value: Amount::ZERO, script_pubkey })
    }

    pub(crate) fn build(&self) -> Transaction {
        let lock_time = LockTime::new(self.lock_time);
        Transaction::new(self.version, self.inputs.clone(), self.outputs.clone(), lock_time)
    }
}

pub(crate) fn offer(pool: &mut Mempool, chain: &TestChain, tx: &Transaction) -> Outcome {
    pool.accept(Arc::new(tx.clone()), NOW, chain)
}

/// Offers a transaction that must be accepted.
pub(crate) fn take(pool: &mut Mempool, chain: &TestChain, draft: &Draft) -> Transaction {
    let tx = draft.build();
    offer(pool, chain, &tx).result.unwrap();
    check(pool, chain);
    tx
}

/// Offers a transaction that must be refused, and changes nothing.
pub(crate) fn refuse(pool: &mut Mempool, chain: &TestChain, draft: &Draft) -> Rejection {
    let before = pool.len();
    let outcome = offer(pool, chain, &draft.build());
    assert!(outcome.removed.is_empty());
    assert_eq!(pool.len(), before);
    check(pool, chain);
    outcome.result.unwrap_err()
}

/// The entries reached from `txid` by their links, itself included, found without the pool's own totals.
fn reach(pool: &Mempool, txid: Txid, links: impl Fn(&Entry) -> Vec<Txid>) -> BTreeSet<Txid> {
    let mut found = BTreeSet::from([txid]);
    let mut open = vec![txid];
    while let Some(id) = open.pop() {
        open.extend(links(pool.get(&id).unwrap()).into_iter().filter(|next| found.insert(*next)));
    }
    found
}

fn totals(pool: &Mempool, ids: &BTreeSet<Txid>) -> (u64, u64, u64) {
    let entries: Vec<_> = ids.iter().map(|id| pool.get(id).unwrap()).collect();
    (
        entries.len() as u64,
        entries.iter().map(|entry| entry.vsize()).sum(),
        entries.iter().map(|entry| entry.fee().to_sat()).sum(),
    )
}

/// Recomputes everything the pool keeps from its transactions and the chain alone, and holds it to its limits.
pub(crate) fn check(pool: &Mempool, chain: &TestChain) {
    let ids: BTreeSet<Txid> = pool.entries().map(|entry| entry.txid()).collect();
    assert_eq!(ids.len(), pool.len());
    let mut spent = HashMap::new();
    let mut children: HashMap<Txid, BTreeSet<Txid>> = HashMap::new();
    for entry in pool.entries() {
        let mut value_in = 0;
        for input in entry.tx().inputs() {
            let previous = input.previous;
            assert_eq!(spent.insert(previous, entry.txid()), None, "two entries spend {previous}");
            assert_eq!(pool.spender(&previous), Some(entry.txid()));
            let output = match pool.get(&previous.txid) {
                Some(parent) => {
                    children.entry(previous.txid).or_default().insert(entry.txid());
                    parent.tx().outputs()[previous.vout as usize].clone()
                }
                None => chain.coins.get(&previous).expect("no orphan").output.clone(),
            };
            value_in += output.value.to_sat();
        }
        let value_out: u64 = entry.tx().outputs().iter().map(|output| output.value.to_sat()).sum();
        assert_eq!(entry.fee().to_sat(), value_in - value_out);
    }
    for entry in pool.entries() {
        let parents: BTreeSet<Txid> = entry.tx().inputs().iter().map(|input| input.previous.txid).collect();
        assert_eq!(entry.parents(), &parents.intersection(&ids).copied().collect());
        assert_eq!(entry.children(), &children.get(&entry.txid()).cloned().unwrap_or_default());
        assert_eq!(pool.get_by_wtxid(&entry.wtxid()).map(Entry::txid), Some(entry.txid()));
        check_totals(pool, entry);
    }
    let rates: Vec<_> = pool.by_fee_rate().map(worth).collect();
    assert!(rates.len() == pool.len() && rates.is_sorted_by(|before, after| before >= after));
    assert_eq!((pool.len() as u64, pool.vsize(), pool.total_fee().to_sat()), totals(pool, &ids));
    assert_eq!(pool.usage(), pool.entries().map(Entry::usage).sum::<u64>());
    assert!(pool.usage() <= pool.policy().max_usage);
}

/// The rate that an entry, or it and all its descendants together, pays.
fn worth(entry: &Entry) -> FeeRate {
    entry.fee_rate().max(entry.descendants().rate())
}

fn check_totals(pool: &Mempool, entry: &Entry) {
    let above = totals(pool, &reach(pool, entry.txid(), |e| e.parents().iter().copied().collect()));
    let below = totals(pool, &reach(pool, entry.txid(), |e| e.children().iter().copied().collect()));
    let (ancestors, descendants) = (entry.ancestors(), entry.descendants());
    assert_eq!((ancestors.count, ancestors.vsize, ancestors.fee.to_sat()), above);
    assert_eq!((descendants.count, descendants.vsize, descendants.fee.to_sat()), below);
    let policy = pool.policy();
    assert!(ancestors.count <= policy.max_ancestors && ancestors.vsize <= policy.max_ancestor_vsize);
    // One child more may come in, and a larger one.
    assert!(descendants.count <= policy.max_descendants + 1);
    assert!(descendants.vsize <= policy.max_descendant_vsize + MAX_EXTRA_DESCENDANT_VSIZE);
}
