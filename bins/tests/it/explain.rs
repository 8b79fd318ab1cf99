//! `cairn-node explain-tx` on good and bad spends of each type.

use std::process::Output;

use cairn_primitives::{
    Amount, Encode, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, hash, hex, op,
};
use cairn_script::SighashCache;
use cairn_testkit::TestKey;
use serde_json::Value;

use crate::support::{last_json, run, stderr, stdout};

const SIGHASH_ALL: u8 = 1;

const OUTPOINT: OutPoint = OutPoint { txid: Txid::from_bytes([9; 32]), vout: 1 };

/// How an input is satisfied: its script and its witness.
type Satisfaction = (Script, Vec<Vec<u8>>);

/// An output's script and what satisfies it, given a transaction to sign.
struct Case {
    kind: &'static str,
    script_pubkey: Script,
    satisfy: Box<dyn Fn(&SighashCache<'_>) -> Satisfaction>,
    /// Names a bad spend's error: that of the same satisfaction for another amount and lock time.
    code: &'static str,
}

fn key() -> TestKey {
    TestKey::new(1)
}

fn spend(lock_time: u32, (script_sig, witness): Satisfaction) -> Transaction {
    let witness = Witness::new(witness);
    let input = TxIn { previous: OUTPOINT, script_sig, sequence: Sequence::new(0), witness };
    let output = TxOut { value: Amount::from_sat(900), script_pubkey: key().p2pkh() };
    Transaction::new(2, vec![input], vec![output], LockTime::new(lock_time))
}

fn ecdsa(digest: &[u8; 32]) -> Vec<u8> {
    let mut signature = key().secret().sign_ecdsa(digest).to_der();
    signature.push(SIGHASH_ALL);
    signature
}

fn legacy(cache: &SighashCache<'_>, code: &Script) -> Vec<u8> {
    ecdsa(&cache.legacy(0, code.as_bytes(), u32::from(SIGHASH_ALL)))
}

fn witness_v0(cache: &SighashCache<'_>, code: &Script) -> Vec<u8> {
    ecdsa(&cache.segwit_v0(0, code.as_bytes(), u32::from(SIGHASH_ALL)))
}

fn pushes(items: &[&[u8]]) -> Script {
    items.iter().fold(ScriptBuilder::new(), |script, item| script.push_slice(item)).into_script()
}

fn cases() -> Vec<Case> {
    let (p2pk, p2pkh) = (key().p2pk(), key().p2pkh());
    let multisig = Script::multisig(1, &[key().public().as_slice()]);
    let p2wpkh = Script::p2wpkh(key().key_hash());
    let p2tr = {
        let tweaked = key().secret().tap_tweak(None).unwrap().public_key().to_compressed();
        Script::p2tr(tweaked[1..].try_into().unwrap())
    };
    let code = "EVAL_FALSE";
    let case = |kind, script_pubkey: &Script, code, satisfy| Case {
        kind,
        script_pubkey: script_pubkey.clone(),
        satisfy,
        code,
    };
    let (pk, pkh, multi, nested, wpkh) =
        (p2pk.clone(), p2pkh.clone(), multisig.clone(), p2wpkh.clone(), p2pkh.clone());
    let (in_p2sh, in_p2wsh, nested_code) = (p2pk.clone(), p2pk.clone(), p2pkh.clone());
    vec![
        case("pubkey", &p2pk, code, Box::new(move |tx| (pushes(&[&legacy(tx, &pk)]), vec![]))),
        case(
            "pubkeyhash",
            &p2pkh,
            code,
            Box::new(move |tx| (pushes(&[&legacy(tx, &pkh), key().public()]), vec![])),
        ),
        case("multisig", &multisig, code, Box::new(move |tx| (pushes(&[&[], &legacy(tx, &multi)]), vec![]))),
        case(
            "scripthash",
            &Script::p2sh(hash::hash160(p2pk.as_bytes())),
            code,
            Box::new(move |tx| (pushes(&[&legacy(tx, &in_p2sh), in_p2sh.as_bytes()]), vec![])),
        ),
        case(
            "scripthash",
            &Script::p2sh(hash::hash160(p2wpkh.as_bytes())),
            code,
            Box::new(move |tx| {
                (pushes(&[nested.as_bytes()]), vec![witness_v0(tx, &nested_code), key().public().to_vec()])
            }),
        ),
        case(
            "witness_v0_keyhash",
            &p2wpkh,
            code,
            Box::new(move |tx| (Script::new(), vec![witness_v0(tx, &wpkh), key().public().to_vec()])),
        ),
        case(
            "witness_v0_scripthash",
            &Script::p2wsh(hash::sha256(p2pk.as_bytes())),
            code,
            Box::new(move |tx| {
                (Script::new(), vec![witness_v0(tx, &in_p2wsh), in_p2wsh.as_bytes().to_vec()])
            }),
        ),
        case(
            "witness_v1_taproot",
            &p2tr,
            "SCHNORR_SIG",
            Box::new(|tx| {
                let digest = tx.taproot(0, 0, None, None).unwrap();
                let secret = key().secret().tap_tweak(None).unwrap();
                (Script::new(), vec![secret.sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec()])
            }),
        ),
    ]
}

fn explain(tx: &Transaction, script_pubkey: &Script, extra: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let coins = dir.path().join("coins.tsv");
    let script = hex::encode(script_pubkey.as_bytes());
    std::fs::write(&coins, format!("{}\t{}\t1000\t{script}\t-\t-\t-\n", OUTPOINT.txid, OUTPOINT.vout))
        .unwrap();
    let tx = hex::encode(&tx.to_bytes());
    let args = ["explain-tx", "--chain", "bitcoin", "--prevouts", coins.to_str().unwrap(), &tx];
    run(&[&args[..], extra].concat())
}

/// The lines of JSON: the inputs, then the whole.
fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_signed_spend_of_each_type_is_ok_and_for_another_lock_time_it_is_not() {
    for case in cases() {
        let unsigned = spend(0, (Script::new(), vec![]));
        let coin = TxOut { value: Amount::from_sat(1000), script_pubkey: case.script_pubkey.clone() };
        let satisfaction = (case.satisfy)(&SighashCache::new(&unsigned, vec![&coin]));

        let good = explain(&spend(0, satisfaction.clone()), &case.script_pubkey, &["--json"]);
        assert_eq!(good.status.code(), Some(0), "{}: {}", case.kind, stderr(&good));
        let said = lines(&good);
        assert_eq!((&said[0]["type"], &said[0]["ok"]), (&case.kind.into(), &true.into()));
        assert_eq!((&said[1]["ok"], &said[1]["fee"]), (&true.into(), &100.into()));
        assert!(!said[0]["steps"].as_array().unwrap().is_empty(), "{}", case.kind);

        let bad = explain(&spend(1, satisfaction), &case.script_pubkey, &["--json"]);
        assert_eq!(bad.status.code(), Some(1), "{}", case.kind);
        let said = lines(&bad);
        assert_eq!(said[0]["error"]["code"], case.code, "{}", case.kind);
        assert!(
            said[0]["error"]["hint"].as_str().unwrap().contains("this very transaction"),
            "{}",
            case.kind
        );
        assert_eq!(said[1]["failed"], serde_json::json!([0]));
    }
}

#[test]
fn the_steps_are_those_of_the_scripts() {
    let (sig, script) = (pushes(&[&[2], &[3]]), [op::OP_ADD, op::OP_5, op::OP_NUMEQUAL]);
    let tx = spend(0, (sig, vec![]));
    let output = explain(&tx, &Script::from_bytes(script.to_vec()), &[]);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let order =
        ["input 0", "OP_ADD", "[02 03]", "OP_NUMEQUAL", "[05 05]", "ok: it may be spent", "fee         100"];
    let mut at = 0;
    for part in order {
        at += shown[at..].find(part).unwrap_or_else(|| panic!("{part} in {shown}"));
    }
}

#[test]
fn a_failure_names_rule_code_and_remedy() {
    let script = Script::from_bytes(vec![op::OP_VERIFY, op::OP_1]);
    let output = explain(&spend(0, (pushes(&[&[]]), vec![])), &script, &[]);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("fails: VERIFY (OP_VERIFY of something false)"), "{shown}");
    assert!(shown.contains("to satisfy it: Supply items"), "{shown}");
    assert!(stderr(&output).contains("inputs [0] may not be spent like this"));
}

#[test]
fn the_rules_are_those_of_the_height() {
    let script = Script::from_bytes(vec![op::OP_CHECKLOCKTIMEVERIFY, op::OP_1]);
    let tx = spend(0, (pushes(&[&[9]]), vec![]));
    assert_eq!(explain(&tx, &script, &["--height", "388380"]).status.code(), Some(0));
    let output = explain(&tx, &script, &["--height", "388381", "--json"]);
    assert_eq!(lines(&output)[0]["error"]["code"], "UNSATISFIED_LOCKTIME");
}

#[test]
fn what_cannot_be_explained_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let coins = dir.path().join("coins.tsv");
    std::fs::write(&coins, "").unwrap();
    let file = dir.path().join("tx.hex");
    let tx = hex::encode(&spend(0, (Script::new(), vec![])).to_bytes());
    std::fs::write(&file, format!("{tx}\n")).unwrap();
    let coinbase = hex::encode(&cairn_params::presets::bitcoin().genesis_block().transactions[0].to_bytes());
    let cases = [
        (file.to_str().unwrap(), 2, "input 0 spends 0909"),
        (&tx[..tx.len() - 2], 1, "no transaction"),
        ("not hex", 2, "in hex or as the path of a file"),
        (&coinbase, 2, "a coinbase spends nothing"),
    ];
    for (tx, code, part) in cases {
        let args = ["explain-tx", "--chain", "bitcoin", "--prevouts", coins.to_str().unwrap(), tx];
        let output = run(&args);
        assert_eq!(output.status.code(), Some(code), "{part}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    let poor = spend(0, (Script::new(), vec![]));
    let output = explain(&poor, &Script::from_bytes(vec![op::OP_0]), &["--json"]);
    assert_eq!(last_json(&output)["failed"], serde_json::json!([0]));
}
