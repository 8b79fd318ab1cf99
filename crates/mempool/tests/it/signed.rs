//! Coins that ask for signatures.

use std::sync::Arc;

use cairn_consensus::script_flags_at;
use cairn_mempool::{ChainView, Class, Mempool, Rejection, STANDARD_FLAGS};
use cairn_primitives::{
    Amount, Coin, Height, OutPoint, Script, ScriptBuilder, Transaction, TxOut, Witness, hash, op,
};
use cairn_script::{Caches, SighashCache};
use cairn_testkit::TestKey;

use crate::support::{Draft, TestChain, check, offer, pool, root, spend};

const VALUE: u64 = 100_000;
const ALL: u8 = 1;

/// A way to lock a coin to a key.
#[derive(Debug, Clone, Copy)]
enum Lock {
    P2wpkh,
    /// Behind the script `<key> OP_CHECKSIG`.
    P2wsh,
    /// By the output key, without a script tree.
    P2tr,
}

const LOCKS: [Lock; 3] = [Lock::P2wpkh, Lock::P2wsh, Lock::P2tr];

fn checksig(key: &TestKey) -> Script {
    ScriptBuilder::new().push_slice(key.public()).push_opcode(op::OP_CHECKSIG).into_script()
}

fn lock(key: &TestKey, lock: Lock) -> Script {
    match lock {
        Lock::P2wpkh => Script::p2wpkh(key.key_hash()),
        Lock::P2wsh => Script::p2wsh(hash::sha256(checksig(key).as_bytes())),
        Lock::P2tr => {
            let tweaked = key.secret().tap_tweak(None).expect("a test key has no bad tweak");
            Script::p2tr(tweaked.public_key().to_x_only().0.to_bytes())
        }
    }
}

/// A chain with one coin under `lock` of the first key.
fn chain(by: Lock) -> TestChain {
    let mut chain = TestChain::new(0);
    chain.add(root(0), TxOut { value: Amount::from_sat(VALUE), script_pubkey: lock(&TestKey::new(1), by) });
    chain
}

fn unsigned() -> Draft {
    let mut draft = spend(&[root(0)], VALUE - 1_000);
    draft.inputs[0].script_sig = Script::new();
    draft
}

/// The witness by which `key` signs the draft's first input.
fn witness(draft: &Draft, coin: &TxOut, key: &TestKey, by: Lock) -> Vec<Vec<u8>> {
    let tx = draft.build();
    let cache = SighashCache::new(&tx, vec![coin]);
    let ecdsa = |script_code: &Script| {
        let digest = cache.segwit_v0(0, script_code.as_bytes(), u32::from(ALL));
        [key.secret().sign_ecdsa(&digest).to_der(), vec![ALL]].concat()
    };
    match by {
        Lock::P2wpkh => vec![ecdsa(&key.p2pkh()), key.public().to_vec()],
        Lock::P2wsh => vec![ecdsa(&checksig(key)), checksig(key).as_bytes().to_vec()],
        Lock::P2tr => {
            let digest = cache.taproot(0, 0, None, None).expect("the default type has a meaning");
            let tweaked = key.secret().tap_tweak(None).expect("a test key has no bad tweak");
            vec![tweaked.sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec()]
        }
    }
}

fn signed(chain: &TestChain, key: &TestKey, by: Lock) -> Transaction {
    let mut draft = unsigned();
    let items = witness(&draft, &chain.coins[&root(0)].output, key, by);
    draft.inputs[0].witness = Witness::new(items);
    draft.build()
}

/// Offers a transaction that must be refused for its script.
fn refused(pool: &mut Mempool, chain: &TestChain, tx: &Transaction) -> Rejection {
    let error = offer(pool, chain, tx).result.unwrap_err();
    assert!(pool.is_empty() && matches!(error, Rejection::Script { index: 0, .. }), "{error:?}");
    error
}

#[test]
fn the_right_signature_is_accepted() {
    for by in LOCKS {
        let (mut pool, chain) = (pool(), chain(by));
        let tx = signed(&chain, &TestKey::new(1), by);
        assert_eq!(offer(&mut pool, &chain, &tx).result.unwrap().fee.to_sat(), 1_000, "{by:?}");
        check(&pool, &chain);
        assert_ne!(tx.wtxid().to_string(), tx.txid().to_string());
        assert_eq!(pool.get_by_wtxid(&tx.wtxid()).unwrap().tx().as_ref(), &tx);
    }
}

#[test]
fn another_keys_signature_is_refused() {
    for by in LOCKS {
        let (mut pool, chain) = (pool(), chain(by));
        let error = refused(&mut pool, &chain, &signed(&chain, &TestKey::new(2), by));
        assert_eq!(
            (error.code(), error.class()),
            ("mandatory-script-verify-flag-failed", Class::Invalid),
            "{by:?}"
        );
    }
}

#[test]
fn a_signature_does_not_hold_for_another_amount() {
    for by in LOCKS {
        let (mut pool, mut chain) = (pool(), chain(by));
        let tx = signed(&chain, &TestKey::new(1), by);
        let coin = &chain.coins[&root(0)];
        let output = TxOut { value: Amount::from_sat(VALUE + 1), ..coin.output.clone() };
        let dearer = Coin { output, height: Height::new(1), coinbase: false };
        chain.coins.insert(root(0), dearer);
        assert_eq!(refused(&mut pool, &chain, &tx).class(), Class::Invalid, "{by:?}");
    }
}

#[test]
fn a_stripped_witness_is_told_from_a_bad_one() {
    for by in LOCKS {
        let (mut pool, chain) = (pool(), chain(by));
        let error = refused(&mut pool, &chain, &unsigned().build());
        assert!(matches!(error, Rejection::Script { witness_stripped: true, .. }), "{by:?}");
        assert_eq!(error.class(), Class::Mutated);
        // Nothing is remembered against it.
        let tx = signed(&chain, &TestKey::new(1), by);
        assert!(offer(&mut pool, &chain, &tx).result.is_ok());
    }
}

#[test]
fn several_inputs_are_all_checked() {
    let mut chain = TestChain::new(0);
    let key = TestKey::new(1);
    let coins: Vec<OutPoint> = (0..3).map(root).collect();
    for (coin, by) in coins.iter().zip(LOCKS) {
        chain.add(*coin, TxOut { value: Amount::from_sat(VALUE), script_pubkey: lock(&key, by) });
    }
    let mut draft = spend(&coins, 3 * VALUE - 1_000);
    draft.inputs.iter_mut().for_each(|input| input.script_sig = Script::new());
    let tx = draft.build();
    let cache = SighashCache::new(&tx, coins.iter().map(|coin| &chain.coins[coin].output).collect());
    let ecdsa = |input, script_code: Script| {
        let digest = cache.segwit_v0(input, script_code.as_bytes(), u32::from(ALL));
        [key.secret().sign_ecdsa(&digest).to_der(), vec![ALL]].concat()
    };
    let digest = cache.taproot(2, 0, None, None).unwrap();
    let schnorr = key.secret().tap_tweak(None).unwrap().sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec();
    let witnesses = [
        vec![ecdsa(0, key.p2pkh()), key.public().to_vec()],
        vec![ecdsa(1, checksig(&key)), checksig(&key).as_bytes().to_vec()],
        vec![schnorr],
    ];
    for (input, items) in draft.inputs.iter_mut().zip(witnesses) {
        input.witness = Witness::new(items);
    }
    for input in 0..3 {
        let mut bad = draft.clone();
        let mut items: Vec<Vec<u8>> = bad.inputs[input].witness.iter().map(<[u8]>::to_vec).collect();
        items[0][40] ^= 1;
        bad.inputs[input].witness = Witness::new(items);
        let error = offer(&mut pool(), &chain, &bad.build()).result.unwrap_err();
        assert!(matches!(error, Rejection::Script { index, .. } if index == input), "{error:?}");
    }
    let (mut pool, tx) = (pool(), draft.build());
    assert!(offer(&mut pool, &chain, &tx).result.is_ok());
    check(&pool, &chain);
}

#[test]
fn what_comes_in_is_remembered_under_the_rules_of_the_next_block() {
    for by in LOCKS {
        let caches = Arc::new(Caches::new([7; 32], 1 << 16));
        let (mut pool, chain) = (pool().with_caches(Arc::clone(&caches)), chain(by));
        let next = script_flags_at(pool.spec(), chain.tip_height().next());
        let tally = || (caches.signatures().stats().hits, caches.signatures().stats().misses);

        // A bad one first: nothing is remembered of it.
        let bad = signed(&chain, &TestKey::new(2), by);
        assert_eq!(refused(&mut pool, &chain, &bad).class(), Class::Invalid);
        assert!(!caches.scripts().contains(&bad.wtxid(), next));
        let (hits, before) = tally();
        assert_eq!(hits, 0);

        let good = signed(&chain, &TestKey::new(1), by);
        assert!(offer(&mut pool, &chain, &good).result.is_ok());
        assert!(caches.scripts().contains(&good.wtxid(), next));
        assert!(!caches.scripts().contains(&good.wtxid(), STANDARD_FLAGS), "no block has these rules");
        assert_eq!(tally(), (1, before + 1), "the second time, {by:?}, its signature was known");
    }
}

#[test]
fn with_caches_the_same_is_accepted_and_refused() {
    let caches = Arc::new(Caches::new([7; 32], 1 << 16));
    for by in LOCKS {
        let chain = chain(by);
        for key in [1, 2, 1] {
            let tx = signed(&chain, &TestKey::new(key), by);
            let plain = offer(&mut pool(), &chain, &tx).result;
            let mut cached = pool().with_caches(Arc::clone(&caches));
            assert_eq!(offer(&mut cached, &chain, &tx).result, plain, "{by:?}");
        }
    }
}
