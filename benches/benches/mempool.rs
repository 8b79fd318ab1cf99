//! The pool: what it takes in with its signatures checked, and what it offers to a template. The `bitcoin` crate has none.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use cairn_consensus::CoinViewError;
use cairn_mempool::{ChainView, FeeEstimator, Mempool, Policy};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, BlockTime, Coin, Height, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut,
    Txid, Witness,
};
use cairn_script::SighashCache;
use cairn_testkit::TestKey;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const NOW: BlockTime = BlockTime::new(1_700_000_000);
const VALUE: u64 = 1_000_000;
const SIGHASH_ALL: u8 = 1;

/// Coins of a chain that is 200 blocks high.
struct Coins(HashMap<OutPoint, Coin>);

impl ChainView for Coins {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        Ok(self.0.get(outpoint).cloned())
    }

    fn tip_height(&self) -> Height {
        Height::new(200)
    }

    fn median_time_past(&self, height: Height) -> BlockTime {
        BlockTime::new(1_600_000_000 + 600 * height.to_u32())
    }
}

/// Transactions of one P2WPKH input and two such outputs, and the coins that the first of each line spend.
struct Payments {
    chain: Coins,
    transactions: Vec<Arc<Transaction>>,
}

impl Payments {
    /// `lines` lines of `length` transactions, each spending the second output of the one before. Fees differ.
    fn new(lines: u64, length: u64) -> Self {
        let (payer, payee) = (TestKey::new(1), TestKey::new(2));
        let mut coins = HashMap::new();
        let mut transactions = Vec::new();
        for line in 0..lines {
            let mut id = [7; 32];
            id[..8].copy_from_slice(&line.to_le_bytes());
            let mut outpoint = OutPoint { txid: Txid::from_bytes(id), vout: 0 };
            let mut output = pay(&payer, VALUE);
            coins.insert(outpoint, Coin { output: output.clone(), height: Height::new(1), coinbase: false });
            for place in 0..length {
                let fee = 200 + (line * 7_919 + place * 104_729) % 20_000;
                let value = output.value.to_sat() - fee;
                let tx = signed(&payer, outpoint, &output, [pay(&payee, 1_000), pay(&payer, value - 1_000)]);
                outpoint = OutPoint { txid: tx.txid(), vout: 1 };
                output = tx.outputs()[1].clone();
                transactions.push(Arc::new(tx));
            }
        }
        Self { chain: Coins(coins), transactions }
    }

    fn offer(&self, pool: &mut Mempool) {
        for tx in &self.transactions {
            let outcome = pool.accept(Arc::clone(tx), NOW, &self.chain);
            assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        }
    }

    /// A pool that holds all of them.
    fn pool(&self) -> Mempool {
        let mut pool = empty();
        self.offer(&mut pool);
        pool
    }
}

fn empty() -> Mempool {
    Mempool::new(Arc::new(presets::regtest()), Policy::default())
}

fn pay(key: &TestKey, sat: u64) -> TxOut {
    TxOut { value: Amount::from_sat(sat), script_pubkey: Script::p2wpkh(key.key_hash()) }
}

fn signed(key: &TestKey, previous: OutPoint, spent: &TxOut, outputs: [TxOut; 2]) -> Transaction {
    let build = |witness: Vec<Vec<u8>>| {
        let input = TxIn {
            previous,
            script_sig: Script::new(),
            sequence: Sequence::FINAL,
            witness: Witness::new(witness),
        };
        Transaction::new(2, vec![input], outputs.to_vec(), LockTime::ZERO)
    };
    let unsigned = build(Vec::new());
    let cache = SighashCache::new(&unsigned, vec![spent]);
    let digest = cache.segwit_v0(0, key.p2pkh().as_bytes(), u32::from(SIGHASH_ALL));
    let mut signature = key.secret().sign_ecdsa(&digest).to_der();
    signature.push(SIGHASH_ALL);
    build(vec![signature, key.public().to_vec()])
}

fn accept(c: &mut Criterion) {
    const COUNT: u64 = 1_000;
    for (name, payments) in
        [("alone", Payments::new(COUNT, 1)), ("in lines of 20", Payments::new(COUNT / 20, 20))]
    {
        let mut group = c.benchmark_group(format!("mempool/P2WPKH 1 in 2 out, {name}"));
        group.throughput(Throughput::Elements(COUNT)).sample_size(10);
        group.bench_function("accept", |b| {
            b.iter_batched_ref(empty, |pool| payments.offer(pool), BatchSize::LargeInput);
        });
        // The same without running scripts: what the pool itself costs.
        let pool = payments.pool();
        group.bench_function("look at again after a reorganisation", |b| {
            b.iter_batched_ref(
                || pool.clone(),
                |pool| pool.reorganized::<Block, _>(&[], &[], NOW, &payments.chain),
                BatchSize::LargeInput,
            );
        });
    }
}

fn candidates(c: &mut Criterion) {
    const COUNT: u64 = 10_000;
    for (name, payments) in
        [("alone", Payments::new(COUNT, 1)), ("in lines of 20", Payments::new(COUNT / 20, 20))]
    {
        let pool = payments.pool();
        assert_eq!(pool.len() as u64, COUNT);
        let mut group = c.benchmark_group(format!("mempool/{COUNT} entries, {name}"));
        group.throughput(Throughput::Elements(COUNT)).sample_size(10);
        group.bench_function("candidates, all", |b| b.iter(|| black_box(&pool).candidates().count()));
        group.bench_function("candidates, the first 2,500", |b| {
            b.iter(|| black_box(&pool).candidates().take(2_500).count());
        });
        let estimator = FeeEstimator::new();
        group.bench_function("fee estimates", |b| b.iter(|| estimator.estimates(black_box(&pool), NOW)));
        group.bench_function("save", |b| b.iter(|| black_box(&pool).save()));
        let bytes = pool.save();
        group.bench_function("load", |b| b.iter(|| pool.load(black_box(&bytes), NOW)));
    }
}

criterion_group!(benches, accept, candidates);
criterion_main!(benches);
