//! `cairn-node verify-block` on real blocks, whole and damaged.

use std::path::{Path, PathBuf};
use std::process::Output;

use cairn_primitives::{Block, Decode, TxIn};
use serde_json::Value;

use crate::support::{data, last_json, run, stderr, stdout};

/// Name, chain, height, whether the coins it spends are known.
const BLOCKS: [(&str, &str, &str, bool); 10] = [
    ("mainnet-000170", "bitcoin", "170", true),
    ("mainnet-057043", "bitcoin", "57043", true),
    ("mainnet-277647", "bitcoin", "277647", true),
    ("mainnet-300025", "bitcoin", "300025", true),
    ("mainnet-403200", "bitcoin", "403200", true),
    ("mainnet-413567", "bitcoin", "413567", false),
    ("mainnet-481824", "bitcoin", "481824", false),
    ("mainnet-702861", "bitcoin", "702861", false),
    ("testnet3-0928828", "testnet3", "928828", true),
    ("testnet3-1087400", "testnet3", "1087400", true),
];

fn verify(chain: &str, extra: &[&str], block: &Path) -> Output {
    let block = block.to_str().unwrap();
    run(&[&["verify-block", "--chain", chain, "--json", block], extra].concat())
}

fn file(name: &str, kind: &str) -> Option<PathBuf> {
    data(name, &format!("blocks/{name}.{kind}"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file of this content in a directory that lasts as long as what is returned.
fn saved(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

#[test]
fn every_real_block_with_its_coins_is_ok_at_its_height() {
    for (name, chain, height, _) in BLOCKS.into_iter().filter(|block| block.3) {
        let (Some(block), Some(coins)) = (file(name, "bin"), file(name, "prevouts.tsv")) else { continue };
        let output = verify(chain, &["--height", height, "--prevouts", text(&coins)], &block);
        let json = last_json(&output);
        assert_eq!(output.status.code(), Some(0), "{name}: {json}");
        assert_eq!((&json["ok"], &json["error"]), (&Value::Bool(true), &Value::Null), "{name}");
        for field in ["txs", "inputs", "weight", "sigop_cost", "fees"] {
            assert!(json[field].as_u64().is_some(), "{name}: {field} in {json}");
        }
        assert!(json["seconds"].as_f64().is_some());
        println!("{name}: {json}");
    }
}

#[test]
fn every_real_block_passes_what_needs_no_coins_and_says_so() {
    for (name, chain, height, _) in BLOCKS {
        let Some(block) = file(name, "bin") else { continue };
        for extra in [&[][..], &["--height", height]] {
            let output = verify(chain, extra, &block);
            let json = last_json(&output);
            assert_eq!((output.status.code(), &json["ok"]), (Some(0), &Value::Bool(true)), "{name}: {json}");
            assert_eq!((&json["fees"], &json["sigop_cost"]), (&Value::Null, &Value::Null), "{name}");
            let unchecked = json["unchecked"].to_string();
            assert!(unchecked.contains("needs the coins spent"), "{name}: {unchecked}");
            assert_eq!(unchecked.contains("depends on the height"), extra.is_empty(), "{name}: {unchecked}");
        }
    }
}

#[test]
fn the_first_payment_is_counted_as_everybody_can() {
    let name = "mainnet-000170";
    let (Some(block), Some(coins)) = (file(name, "bin"), file(name, "prevouts.tsv")) else { return };
    let args = ["--height", "170", "--prevouts", text(&coins)];
    let json = last_json(&verify("bitcoin", &args, &block));
    // 490 bytes without witness; P2PK in two coinbase outputs' and two payments' scripts.
    assert_eq!((&json["txs"], &json["inputs"], &json["fees"]), (&2.into(), &1.into(), &0.into()));
    assert_eq!((&json["weight"], &json["sigop_cost"]), (&(490 * 4).into(), &(3 * 4).into()));

    let plain = run(&[&["verify-block", "--chain", "bitcoin", text(&block)], &args[..]].concat());
    let shown = stdout(&plain);
    assert!(
        shown.contains("verdict     ok")
            && shown.contains("00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee"),
        "{shown}"
    );
}

#[test]
fn a_changed_byte_names_the_rule() {
    let Some(path) = file("mainnet-000170", "bin") else { return };
    let good = std::fs::read(path).unwrap();
    for (at, code) in [(79, "high-hash"), (good.len() - 10, "bad-txnmrklroot")] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let (_dir, bad) = saved("bad.bin", bytes);
        let output = verify("bitcoin", &["--height", "170"], &bad);
        let json = last_json(&output);
        assert_eq!((output.status.code(), &json["ok"]), (Some(1), &Value::Bool(false)));
        assert!(json["error"].as_str().unwrap().starts_with(&format!("{code}: ")), "{json}");
        assert!(stderr(&output).contains(code));
    }
    let (_dir, cut) = saved("cut.bin", &good[..good.len() - 1]);
    let output = verify("bitcoin", &[], &cut);
    assert_eq!(output.status.code(), Some(1));
    assert!(last_json(&output)["error"].as_str().unwrap().starts_with("decode: "));
    assert!(stderr(&output).contains("cut.bin is no block"));
}

#[test]
fn another_height_another_rule() {
    let Some(path) = file("mainnet-413567", "bin") else { return };
    let json = last_json(&verify("bitcoin", &["--height", "413568"], &path));
    assert!(json["error"].as_str().unwrap().starts_with("bad-cb-height: "), "{json}");
}

#[test]
fn a_wrong_or_missing_coin_says_what_is_wrong() {
    let name = "mainnet-000170";
    let (Some(block), Some(coins)) = (file(name, "bin"), file(name, "prevouts.tsv")) else { return };
    let good = std::fs::read_to_string(coins).unwrap();
    let cases = [
        (good.replace("5000000000", "4999999999"), "bad-txns-in-belowout"),
        (good.replace("410411db93e1", "410411db93e2"), "mandatory-script-verify-flag-failed"),
        (good.replace("\t9\t1\t", "\t71\t1\t"), "bad-txns-premature-spend-of-coinbase"),
        (String::new(), "bad-txns-inputs-missingorspent"),
    ];
    for (text_of, code) in cases {
        assert_ne!(text_of, good);
        let (_dir, bad) = saved("coins.tsv", text_of);
        let output = verify("bitcoin", &["--height", "170", "--prevouts", text(&bad)], &block);
        let json = last_json(&output);
        assert_eq!(output.status.code(), Some(1), "{json}");
        assert!(json["error"].as_str().unwrap().starts_with(&format!("{code}: ")), "{json}");
    }
}

/// Witness signatures sign the amount, so a wrong one shows in a script even where the fees still suffice.
#[test]
fn a_wrong_amount_breaks_a_witness_signature() {
    let name = "testnet3-1087400";
    let (Some(block), Some(coins)) = (file(name, "bin"), file(name, "prevouts.tsv")) else { return };
    let bytes = std::fs::read(&block).unwrap();
    let spending = Block::from_bytes(&bytes).unwrap();
    let mut inputs = spending.transactions.iter().skip(1).flat_map(|tx| tx.inputs());
    let good = std::fs::read_to_string(coins).unwrap();
    let line_of = |input: &TxIn| {
        let start = format!("{}\t{}\t", input.previous.txid, input.previous.vout);
        good.lines().find(|line| line.starts_with(&start))
    };
    let signed = inputs.find_map(|input| (!input.witness.is_empty()).then(|| line_of(input)).flatten());
    let line = signed.expect("the block spends a coin with a witness");
    let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
    fields[2] = (fields[2].parse::<u64>().unwrap() + 1).to_string();
    let (_dir, bad) = saved("coins.tsv", good.replace(line, &fields.join("\t")));
    let output = verify("testnet3", &["--height", "1087400", "--prevouts", text(&bad)], &block);
    let json = last_json(&output);
    assert!(json["error"].as_str().unwrap().starts_with("mandatory-script-verify-flag-failed"), "{json}");
}

#[test]
fn what_makes_no_sense_is_bad_usage() {
    let Some(block) = file("mainnet-000170", "bin") else { return };
    let (_dir, bad) = saved("coins.tsv", "#header\nabc\t0\t1\t51\t-\t-\t-\n");
    let output = verify("bitcoin", &["--height", "170", "--prevouts", text(&bad)], &block);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("coins.tsv") && said.contains("line 2") && said.contains("txid"), "{said}");

    let without_height = verify("bitcoin", &["--prevouts", text(&bad)], &block);
    assert_eq!(without_height.status.code(), Some(2));
    let missing = verify("bitcoin", &[], Path::new("/nowhere/block.bin"));
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("/nowhere/block.bin"));
    assert_eq!(verify("bitcoim", &[], &block).status.code(), Some(2));
}
