//! Caches change no answer. The vectors and assets are checked with and without one too (`verify_both`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_crypto::SecretKey;
use cairn_primitives::{
    Amount, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
};
use cairn_script::{CacheStats, CacheUse, Caches, ScriptFlags, SighashCache, SignatureCache, verify};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::with_input;
use crate::spend::{CONSENSUS, key_hash};

/// How an output is locked; each is spent by one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Legacy,
    Witness,
    Taproot,
}

use Kind::*;

fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number + 1; 32]).unwrap()
}

/// Of 1,000 and a number, so that no two tests with different numbers sign the same.
fn coin(kind: Kind, number: u8) -> TxOut {
    let key = secret(number).public_key();
    let script_pubkey = match kind {
        Legacy => Script::p2pkh(key_hash(&key)),
        Witness => Script::p2wpkh(key_hash(&key)),
        Taproot => Script::p2tr(key.to_x_only().0.to_bytes()),
    };
    TxOut { value: Amount::from_sat(1_000 + u64::from(number)), script_pubkey }
}

/// A transaction that spends one output of each of `kinds`, and the outputs.
fn spend(kinds: &[Kind], number: u8) -> (Transaction, Vec<TxOut>) {
    let spent: Vec<_> = kinds.iter().map(|kind| coin(*kind, number)).collect();
    let input = |vout| TxIn {
        previous: OutPoint { txid: Txid::from_bytes([number; 32]), vout },
        script_sig: Script::new(),
        sequence: Sequence::FINAL,
        witness: Witness::default(),
    };
    let output = TxOut { value: Amount::from_sat(1), script_pubkey: Script::new() };
    let inputs = (0..).map(input).take(kinds.len()).collect();
    let mut tx = Transaction::new(2, inputs, vec![output], LockTime::ZERO);
    for (at, kind) in kinds.iter().enumerate() {
        tx = signed(&tx, &spent, at, *kind, number);
    }
    (tx, spent)
}

fn signed(tx: &Transaction, spent: &[TxOut], at: usize, kind: Kind, number: u8) -> Transaction {
    let (secret, cache) = (secret(number), SighashCache::new(tx, spent.iter().collect()));
    let key = secret.public_key().to_compressed();
    let code = Script::p2pkh(key_hash(&secret.public_key()));
    let ecdsa = |digest| [&secret.sign_ecdsa(&digest).to_der()[..], &[1]].concat();
    let (script_sig, items) = match kind {
        Legacy => {
            let signature = ecdsa(cache.legacy(at, code.as_bytes(), 1));
            (ScriptBuilder::new().push_slice(&signature).push_slice(&key).into_script(), vec![])
        }
        Witness => (Script::new(), vec![ecdsa(cache.segwit_v0(at, code.as_bytes(), 1)), key.to_vec()]),
        Taproot => {
            let digest = cache.taproot(at, 0, None, None).unwrap();
            (Script::new(), vec![secret.sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec()])
        }
    };
    with_input(tx, at, |input| {
        input.script_sig = script_sig;
        input.witness = Witness::new(items);
    })
}

/// The first input that fails, and its code.
type Answer = Result<(), (usize, &'static str)>;

fn plain(tx: &Transaction, spent: &[TxOut], flags: ScriptFlags) -> Answer {
    let cache = SighashCache::new(tx, spent.iter().collect());
    (0..spent.len()).try_for_each(|at| verify(&cache, at, flags).map_err(|error| (at, error.code())))
}

fn cached(caches: &Caches, tx: &Transaction, spent: &[TxOut], flags: ScriptFlags) -> Answer {
    let cache = SighashCache::new(tx, spent.iter().collect());
    caches.verify_transaction(cache, flags).map_err(|(at, error)| (at, error.code()))
}

fn tally(stats: CacheStats) -> (u64, u64) {
    (stats.hits, stats.misses)
}

#[test]
fn what_passed_is_not_checked_again() {
    let (tx, spent) = spend(&[Legacy, Witness, Taproot, Witness], 0);
    let caches = Caches::new([1; 32], 1 << 16);
    assert_eq!(cached(&caches, &tx, &spent, CONSENSUS), Ok(()));
    assert_eq!(tally(caches.signatures().stats()), (0, 4));
    assert_eq!(tally(caches.scripts().stats()), (0, 1));
    assert!(caches.scripts().contains(&tx.wtxid(), CONSENSUS));
    // The whole is known: no signature is asked for.
    assert_eq!(cached(&caches, &tx, &spent, CONSENSUS), Ok(()));
    assert_eq!(tally(caches.signatures().stats()), (0, 4));
    // Under other flags the scripts run, and each signature is known.
    let other = CONSENSUS.without(ScriptFlags::NULLDUMMY);
    assert!(!caches.scripts().contains(&tx.wtxid(), other));
    assert_eq!(cached(&caches, &tx, &spent, other), Ok(()));
    assert_eq!(tally(caches.signatures().stats()), (4, 4));
}

#[test]
fn a_disabled_cache_checks_everything_and_says_the_same() {
    let (tx, spent) = spend(&[Legacy, Witness, Taproot], 0);
    let caches = Caches::new([1; 32], 0);
    assert!((0..3).all(|_| cached(&caches, &tx, &spent, CONSENSUS) == Ok(())));
    assert_eq!(caches.signatures().stats(), CacheStats { hits: 0, misses: 9, capacity: 0 });
    assert_eq!(caches.scripts().stats(), CacheStats { hits: 0, misses: 3, capacity: 0 });
}

#[test]
fn blocks_look_up_and_leave_nothing_behind() {
    let (tx, spent) = spend(&[Witness], 0);
    let signatures = SignatureCache::new([1; 32], 1 << 16);
    let check = |usage| {
        let cache = SighashCache::new(&tx, spent.iter().collect()).with_signatures(&signatures, usage);
        assert_eq!(verify(&cache, 0, CONSENSUS), Ok(()));
        tally(signatures.stats())
    };
    assert_eq!(check(CacheUse::Lookup), (0, 1));
    assert_eq!(check(CacheUse::Lookup), (0, 2));
    assert_eq!(check(CacheUse::Store), (0, 3));
    assert_eq!(check(CacheUse::Lookup), (1, 3));
}

/// Anybody may spend a version 0 output where there is no segwit, nobody without a signature where there is.
#[test]
fn a_pass_under_some_flags_says_nothing_about_others() {
    let (tx, spent) = spend(&[Witness], 0);
    let stripped = with_input(&tx, 0, |input| input.witness = Witness::default());
    let before = ScriptFlags::P2SH | ScriptFlags::DERSIG;
    let caches = Caches::new([1; 32], 1 << 16);
    assert_eq!(cached(&caches, &stripped, &spent, before), Ok(()));
    assert!(caches.scripts().contains(&stripped.wtxid(), before));
    for flags in [before | ScriptFlags::WITNESS, CONSENSUS] {
        assert!(!caches.scripts().contains(&stripped.wtxid(), flags));
        assert_eq!(cached(&caches, &stripped, &spent, flags), Err((0, "WITNESS_PROGRAM_MISMATCH")));
    }
    // Fewer are not the same either: each set is asked for itself.
    assert!(!caches.scripts().contains(&stripped.wtxid(), ScriptFlags::P2SH));
}

/// The signature is in the cache, and still the forms that flags ask for are looked at each time.
#[test]
fn a_known_signature_is_held_to_the_forms_of_the_flags() {
    let (tx, spent) = spend(&[Legacy], 0);
    let caches = Caches::new([1; 32], 1 << 16);
    assert_eq!(cached(&caches, &tx, &spent, CONSENSUS), Ok(()));
    // One byte more behind the same numbers: no strict DER, and the same digest, for no signature signs itself.
    let script = tx.inputs()[0].script_sig.as_bytes();
    let (der, rest) = script[1..].split_at(usize::from(script[0]) - 1);
    let padded = [&[script[0] + 1], der, &[0], rest].concat();
    let padded = with_input(&tx, 0, |input| input.script_sig = Script::from_bytes(padded));
    assert_eq!(cached(&caches, &padded, &spent, ScriptFlags::P2SH), Ok(()));
    assert_eq!(tally(caches.signatures().stats()), (1, 1));
    assert_eq!(cached(&caches, &padded, &spent, CONSENSUS), Err((0, "SIG_DER")));
}

#[test]
fn a_transaction_that_fails_is_never_known() {
    let (good, spent) = spend(&[Witness, Witness], 0);
    let bad = with_input(&good, 1, |input| {
        let mut items: Vec<_> = input.witness.iter().map(<[u8]>::to_vec).collect();
        items[0][40] ^= 1;
        input.witness = Witness::new(items);
    });
    let caches = Caches::new([1; 32], 1 << 16);
    for round in 0..3 {
        assert_eq!(cached(&caches, &bad, &spent, CONSENSUS), Err((1, "EVAL_FALSE")));
        assert_eq!(tally(caches.signatures().stats()), (round, round + 2), "only the first input's is known");
        assert!(!caches.scripts().contains(&bad.wtxid(), CONSENSUS));
    }
    assert_eq!(cached(&caches, &good, &spent, CONSENSUS), Ok(()));
    assert_eq!(cached(&caches, &bad, &spent, CONSENSUS), Err((1, "EVAL_FALSE")), "after its twin passed");
}

#[test]
fn caches_with_different_keys_know_nothing_of_each_other() {
    let (tx, spent) = spend(&[Taproot], 0);
    let caches = [Caches::new([1; 32], 1 << 16), Caches::new([2; 32], 1 << 16)];
    assert_eq!(cached(&caches[0], &tx, &spent, CONSENSUS), Ok(()));
    assert!(caches[0].scripts().contains(&tx.wtxid(), CONSENSUS));
    assert!(!caches[1].scripts().contains(&tx.wtxid(), CONSENSUS));
}

#[test]
fn old_entries_go_and_nothing_breaks() {
    // Room for eight signatures and eight transactions.
    let caches = Caches::new([1; 32], 2 * 257);
    assert_eq!(caches.signatures().stats().capacity, 8);
    let spends: Vec<_> = (0..20).map(|number| spend(&[Witness], number)).collect();
    for (tx, spent) in &spends {
        assert_eq!(cached(&caches, tx, spent, CONSENSUS), Ok(()));
    }
    let known = |range: &[(Transaction, Vec<TxOut>)]| {
        range.iter().filter(|(tx, _)| caches.scripts().contains(&tx.wtxid(), CONSENSUS)).count()
    };
    assert_eq!((known(&spends[..12]), known(&spends[12..])), (0, 8));
    assert!(spends.iter().all(|(tx, spent)| cached(&caches, tx, spent, CONSENSUS) == Ok(())));
}

/// `tx` with one bit of input `at` turned: of its script, or of a witness item.
fn damaged(tx: &Transaction, at: usize, bit: usize) -> Transaction {
    with_input(tx, at, |input| {
        if input.witness.is_empty() {
            let mut script = input.script_sig.as_bytes().to_vec();
            let bit = bit % (script.len() * 8);
            script[bit / 8] ^= 1 << (bit % 8);
            input.script_sig = Script::from_bytes(script);
            return;
        }
        let mut items: Vec<_> = input.witness.iter().map(<[u8]>::to_vec).collect();
        let item = bit % items.len();
        let bit = bit / items.len() % (items[item].len() * 8);
        items[item][bit / 8] ^= 1 << (bit % 8);
        input.witness = Witness::new(items);
    })
}

/// One for all cases, too small for what they put into it.
fn crowded() -> &'static Caches {
    static CACHES: OnceLock<Caches> = OnceLock::new();
    CACHES.get_or_init(|| Caches::new([3; 32], 4 * 2 * 257))
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Legacy), Just(Witness), Just(Taproot)]
}

fn flags() -> impl Strategy<Value = ScriptFlags> {
    prop_oneof![
        Just(CONSENSUS),
        Just(CONSENSUS.without(ScriptFlags::TAPROOT)),
        Just(ScriptFlags::P2SH),
        Just(ScriptFlags::ALL),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A spend, the same with a bit turned, and both in any order, many times over, under changing rules.
    #[test]
    fn with_and_without_caches_the_answers_are_the_same(
        kinds in vec(kind(), 1..4), number in 0u8..20, at in any::<prop::sample::Index>(), bit in any::<usize>(),
        questions in vec((any::<bool>(), flags()), 1..8),
    ) {
        let (good, spent) = spend(&kinds, number);
        let bad = damaged(&good, at.index(kinds.len()), bit);
        for (ask_good, flags) in questions {
            let tx = if ask_good { &good } else { &bad };
            prop_assert_eq!(cached(crowded(), tx, &spent, flags), plain(tx, &spent, flags));
        }
    }
}

/// Threads that share one crowded cache, each asking about good and bad spends in its own order.
#[test]
fn threads_agree_with_those_who_have_no_cache() {
    let caches = Caches::new([5; 32], 2 * 257);
    let cases: Vec<_> = (0u8..24)
        .map(|number| {
            let (good, spent) = spend(&[[Legacy, Witness, Taproot][usize::from(number) % 3]], number);
            let tx = if number % 2 == 0 { good } else { damaged(&good, 0, 8 * usize::from(number) + 160) };
            let answer = plain(&tx, &spent, CONSENSUS);
            (tx, spent, answer)
        })
        .collect();
    assert!(cases.iter().any(|case| case.2.is_ok()) && cases.iter().any(|case| case.2.is_err()));
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (caches, cases, wrong) = (&caches, &cases, &wrong);
            scope.spawn(move || {
                for step in 0..400 {
                    let (tx, spent, answer) = &cases[(step * (2 * thread + 5) + thread) % cases.len()];
                    let same = cached(caches, tx, spent, CONSENSUS) == *answer;
                    wrong.fetch_add(usize::from(!same), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 0);
    let stats = caches.signatures().stats();
    assert!(stats.misses > 0 && caches.scripts().stats().hits > 0, "{stats:?}");
}
