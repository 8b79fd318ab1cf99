//! Script checks: what their tasks share, and what caches save them.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{BlockError, Connection, HeaderTree, check_block, connect};
use cairn_primitives::{Coin, OutPoint, Script, Transaction, TxIn, TxOut, Txid, Witness};
use cairn_script::{Caches, ScriptError, ScriptFlags, SighashCache};
use cairn_testkit::{Forge, TestKey};

use crate::support::{LATE, anyone, easy, height, input, output, sat, tx};

/// What spends a coin with one signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Witness,
    Taproot,
}

fn key() -> TestKey {
    TestKey::new(1)
}

fn script(kind: Kind) -> Script {
    match kind {
        Kind::Witness => Script::p2wpkh(key().key_hash()),
        Kind::Taproot => Script::p2tr(key().secret().public_key().to_x_only().0.to_bytes()),
    }
}

/// A signed transaction that spends `count` coins of that kind into one output, and the coins.
fn spend(kind: Kind, count: u32) -> (Transaction, HashMap<OutPoint, Coin>) {
    let outpoint = |vout| OutPoint { txid: Txid::from_bytes([kind as u8 + 1; 32]), vout };
    let spent = TxOut { value: sat(10), script_pubkey: script(kind) };
    let unsigned = tx((0..count).map(|vout| input(outpoint(vout))).collect(), vec![output(1)]);
    let cache = SighashCache::new(&unsigned, vec![&spent; count as usize]);
    let secret = key();
    let sign = |at: usize| match kind {
        Kind::Witness => {
            let digest = cache.segwit_v0(at, secret.p2pkh().as_bytes(), 1);
            let signature = [&secret.secret().sign_ecdsa(&digest).to_der()[..], &[1]].concat();
            vec![signature, secret.public().to_vec()]
        }
        Kind::Taproot => {
            let digest = cache.taproot(at, 0, None, None).unwrap();
            vec![secret.secret().sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec()]
        }
    };
    let signed = |(at, input): (usize, &TxIn)| TxIn { witness: Witness::new(sign(at)), ..input.clone() };
    let inputs = unsigned.inputs().iter().enumerate().map(signed).collect();
    let coin = Coin { output: spent.clone(), height: height(0), coinbase: false };
    (tx(inputs, vec![output(1)]), (0..count).map(|vout| (outpoint(vout), coin.clone())).collect())
}

/// A block of height 1 with these transactions, on its coins.
fn connected(transactions: &[&Transaction], coins: &HashMap<OutPoint, Coin>) -> Connection {
    let spec = Arc::new(easy());
    let forge = Forge::new(Arc::clone(&spec));
    let draft = forge.draft(forge.genesis()).pay_to(anyone());
    let block = transactions.iter().fold(draft, |draft, tx| draft.add((*tx).clone(), sat(0))).seal();
    let mut tree = HeaderTree::new(Arc::clone(&spec));
    let checked = Arc::new(check_block(block, &spec).unwrap());
    let id = tree.insert(checked.block().header, LATE).unwrap().id;
    connect(&tree, id, checked, coins).unwrap()
}

fn sighashes<'t>(tx: &'t Transaction, coins: &'t HashMap<OutPoint, Coin>) -> SighashCache<'t> {
    SighashCache::new(tx, tx.inputs().iter().map(|input| &coins[&input.previous].output).collect())
}

/// Signature checks that hit and that missed.
fn tally(caches: &Caches) -> (u64, u64) {
    let stats = caches.signatures().stats();
    (stats.hits, stats.misses)
}

/// Inputs, outputs and what they spend are hashed once, not once for each of 79 tasks.
#[test]
fn the_tasks_of_a_transaction_of_5000_inputs_hash_it_once() {
    // Outpoint and sequence; for taproot also amount, and a script of 34 bytes with its length. One output of value, length
    // and one byte.
    for (kind, per_input) in [(Kind::Witness, 40), (Kind::Taproot, 40 + 8 + 35)] {
        let (tx, coins) = spend(kind, 5_000);
        let connection = connected(&[&tx], &coins);
        let checks = connection.scripts();
        assert_eq!((checks.len(), checks.shared_bytes_hashed()), (79, 0));
        let tasks: Vec<usize> = (0..checks.len()).collect();
        std::thread::scope(|scope| {
            for tasks in tasks.chunks(40) {
                scope.spawn(|| assert!(tasks.iter().all(|task| checks.run(*task) == Ok(()))));
            }
        });
        assert_eq!(checks.shared_bytes_hashed(), 5_000 * per_input + 10);
    }
}

#[test]
fn each_large_transaction_has_hashes_of_its_own() {
    let ((one, mut coins), (other, more)) = (spend(Kind::Witness, 65), spend(Kind::Taproot, 129));
    coins.extend(more);
    let connection = connected(&[&one, &other], &coins);
    let checks = connection.scripts();
    assert_eq!((checks.len(), checks.inputs()), (2 + 3, 65 + 129));
    assert_eq!(checks.run_all(), Ok(()));
    assert_eq!(checks.shared_bytes_hashed(), (65 * 40 + 10) + (129 * 83 + 10));
    // One of 64 inputs is one task and shares with nobody.
    let (tx, coins) = spend(Kind::Witness, 64);
    let connection = connected(&[&tx], &coins);
    assert_eq!((connection.scripts().len(), connection.scripts().run_all()), (1, Ok(())));
    assert_eq!(connection.scripts().shared_bytes_hashed(), 0);
}

#[test]
fn a_transaction_that_is_known_runs_nothing() {
    let (tx, coins) = spend(Kind::Witness, 65);
    let connection = connected(&[&tx], &coins);
    let checks = connection.scripts();
    let caches = Caches::new([1; 32], 1 << 20);
    caches.verify_transaction(sighashes(&tx, &coins), checks.flags()).unwrap();
    assert_eq!(tally(&caches), (0, 65));
    assert_eq!(checks.run_all_with(&caches), Ok(()));
    assert_eq!(tally(&caches), (0, 65), "no signature was asked for");
    assert_eq!(checks.shared_bytes_hashed(), 0, "nor a digest made");
}

/// What passed under other flags is run, with the signatures it is known to have; and blocks add nothing.
#[test]
fn other_flags_run_the_scripts_with_known_signatures() {
    let (tx, coins) = spend(Kind::Taproot, 3);
    let connection = connected(&[&tx], &coins);
    let checks = connection.scripts();
    let caches = Caches::new([1; 32], 1 << 20);
    assert_eq!(checks.run_all_with(&caches), Ok(()));
    assert_eq!(checks.run_all_with(&caches), Ok(()));
    assert_eq!(tally(&caches), (0, 6), "what blocks show is not remembered");
    let other = checks.flags().without(ScriptFlags::NULLDUMMY);
    caches.verify_transaction(sighashes(&tx, &coins), other).unwrap();
    assert_eq!(tally(&caches), (0, 9));
    for round in 1..=2 {
        assert_eq!(checks.run_all_with(&caches), Ok(()));
        assert_eq!(tally(&caches), (3 * round, 9), "the whole is still not known");
    }
}

/// Under rules without witnesses anybody may spend such an output. That it passed there helps nobody here.
#[test]
fn what_passed_before_segwit_does_not_pass_after_it() {
    let (tx, coins) = spend(Kind::Witness, 1);
    let (version, mut inputs, outputs, lock_time) = tx.into_parts();
    inputs[0].witness = Witness::default();
    let stripped = Transaction::new(version, inputs, outputs, lock_time);
    let connection = connected(&[&stripped], &coins);
    let checks = connection.scripts();
    let caches = Caches::new([1; 32], 1 << 20);
    let before = checks.flags().without(ScriptFlags::WITNESS | ScriptFlags::TAPROOT);
    caches.verify_transaction(sighashes(&stripped, &coins), before).unwrap();
    assert!(caches.scripts().contains(&stripped.wtxid(), before));
    let error = ScriptError::WitnessProgramMismatch;
    assert_eq!(
        checks.run_all_with(&caches),
        Err(BlockError::Script { txid: stripped.txid(), input: 0, error })
    );
}

/// A transaction and its twin with a bad signature have one txid: only the wtxid tells them apart.
#[test]
fn a_known_twin_does_not_vouch_for_a_bad_witness() {
    let (good, coins) = spend(Kind::Taproot, 2);
    let (version, mut inputs, outputs, lock_time) = good.clone().into_parts();
    let mut items: Vec<_> = inputs[1].witness.iter().map(<[u8]>::to_vec).collect();
    items[0][63] ^= 1;
    inputs[1].witness = Witness::new(items);
    let bad = Transaction::new(version, inputs, outputs, lock_time);
    assert_eq!(bad.txid(), good.txid());
    let connection = connected(&[&bad], &coins);
    let checks = connection.scripts();
    let caches = Caches::new([1; 32], 1 << 20);
    caches.verify_transaction(sighashes(&good, &coins), checks.flags()).unwrap();
    let expected = Err(BlockError::Script { txid: bad.txid(), input: 1, error: ScriptError::SchnorrSig });
    assert_eq!(checks.run_all(), expected);
    assert_eq!(checks.run_all_with(&caches), expected);
    assert_eq!(tally(&caches), (1, 3));
}
