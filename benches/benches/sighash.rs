//! Transactions with very many inputs: what their signatures sign, and what caches save. The time an input takes does not
//! grow with their number.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;

use cairn_primitives::{
    Amount, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
};
use cairn_script::{CacheUse, Caches, ScriptFlags, SighashCache, verify};
use cairn_testkit::TestKey;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const FLAGS: ScriptFlags = ScriptFlags::P2SH.union(ScriptFlags::WITNESS).union(ScriptFlags::TAPROOT);
const ALL: u32 = 1;
const COUNTS: [u32; 4] = [500, 1_000, 2_000, 5_000];

fn unsigned(count: u32, key: &TestKey) -> Transaction {
    let input = |vout| TxIn {
        previous: OutPoint { txid: Txid::from_bytes([9; 32]), vout },
        script_sig: Script::new(),
        sequence: Sequence::FINAL,
        witness: Witness::default(),
    };
    let output = TxOut { value: Amount::from_sat(1), script_pubkey: key.p2pkh() };
    Transaction::new(2, (0..count).map(input).collect(), vec![output.clone(), output], LockTime::ZERO)
}

fn coin(script_pubkey: Script) -> TxOut {
    TxOut { value: Amount::from_sat(2), script_pubkey }
}

/// The digests of all inputs, hashes they share included.
fn digests(c: &mut Criterion) {
    let key = TestKey::new(1);
    let code = key.p2pkh();
    let kinds = [
        ("digests of all inputs, segwit v0", coin(Script::p2wpkh(key.key_hash())), false),
        ("digests of all inputs, taproot", coin(Script::p2tr([2; 32])), true),
    ];
    for (name, coin, taproot) in &kinds {
        let mut group = c.benchmark_group(*name);
        for count in COUNTS {
            let tx = unsigned(count, &key);
            group.throughput(Throughput::Elements(count.into()));
            group.bench_function(format!("{count} inputs"), |b| {
                b.iter(|| {
                    let cache = SighashCache::new(&tx, vec![coin; count as usize]);
                    let digest = |input| match taproot {
                        true => cache.taproot(input, 0, None, None).expect("type 0 has a meaning"),
                        false => cache.segwit_v0(input, code.as_bytes(), ALL),
                    };
                    (0..count as usize).for_each(|input| _ = black_box(digest(input)));
                });
            });
        }
    }
}

/// One input of a version 0 key hash, checked: without a cache, with one that does not know it, with one that does; and the
/// question whether the whole transaction is known.
fn caches(c: &mut Criterion) {
    let key = TestKey::new(1);
    let coin = coin(Script::p2wpkh(key.key_hash()));
    let unsigned = unsigned(1, &key);
    let digest = SighashCache::new(&unsigned, vec![&coin]).segwit_v0(0, key.p2pkh().as_bytes(), ALL);
    let signature = [&key.secret().sign_ecdsa(&digest).to_der()[..], &[1]].concat();
    let (version, mut inputs, outputs, lock_time) = unsigned.into_parts();
    inputs[0].witness = Witness::new(vec![signature, key.public().to_vec()]);
    let tx = Transaction::new(version, inputs, outputs, lock_time);

    let (cold, warm) = (Caches::new([1; 32], 32 << 20), Caches::new([1; 32], 32 << 20));
    let plain = || SighashCache::new(&tx, vec![&coin]);
    warm.verify_transaction(plain(), FLAGS).expect("it is signed");
    let mut group = c.benchmark_group("check of a P2WPKH input");
    let check = |cache: &SighashCache<'_>| verify(cache, 0, FLAGS).expect("it is signed");
    group.bench_function("no cache", |b| b.iter(|| check(&plain())));
    for (name, caches) in [("signature unknown", &cold), ("signature known", &warm)] {
        group.bench_function(name, |b| {
            b.iter(|| check(&plain().with_signatures(caches.signatures(), CacheUse::Lookup)));
        });
    }
    group.bench_function("transaction known", |b| {
        b.iter(|| assert!(warm.scripts().contains(black_box(&tx.wtxid()), FLAGS)));
    });
}

criterion_group!(benches, digests, caches);
criterion_main!(benches);
