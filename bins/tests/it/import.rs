//! `cairn-node import` on real blocks and headers.

use std::path::Path;

use crate::support::{data, last_json, run, stderr};
use serde_json::Value;

fn import(chain: &str, dir: &Path, extra: &[&str], file: &Path) -> (Option<i32>, Option<Value>, String) {
    let mut args = vec!["import", "--chain", chain, "--datadir", dir.to_str().unwrap(), "--json"];
    args.extend_from_slice(extra);
    args.push(file.to_str().unwrap());
    let output = run(&args);
    let json = output.status.success().then(|| last_json(&output));
    (output.status.code(), json, stderr(&output))
}

#[test]
fn mainnet_to_599_and_nothing_to_do_the_second_time() {
    let Some(file) = data("mainnet_to_599", "blocks/mainnet-000000-000599.dat") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (code, json, log) = import("bitcoin", dir.path(), &[], &file);
    assert_eq!(code, Some(0), "{log}");
    let json = json.unwrap();
    assert_eq!(json["height"], 599);
    assert_eq!(json["blocks"], 600);
    // Height 599's hash and chain work are public facts: 600 blocks of difficulty 1.
    assert_eq!(json["chain_work"], format!("{:064x}", 600u128 * 4_295_032_833));
    assert!(json["tip"].as_str().unwrap().starts_with("00000000"));
    assert!(json["seconds"].as_f64().is_some());

    let (code, json, log) = import("bitcoin", dir.path(), &[], &file);
    assert_eq!(code, Some(0), "{log}");
    let json = json.unwrap();
    assert_eq!((&json["height"], &json["new"]), (&Value::from(599), &Value::from(0)));
    assert!(log.contains("nothing to do"), "{log}");
}

#[test]
fn testnet3_to_400() {
    let Some(file) = data("testnet3_to_400", "blocks/testnet3-000000-000400.dat") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (code, json, log) = import("testnet3", dir.path(), &[], &file);
    assert_eq!(code, Some(0), "{log}");
    let json = json.unwrap();
    assert_eq!((&json["height"], &json["blocks"]), (&Value::from(400), &Value::from(401)));
}

#[test]
fn headers_to_10236_with_the_published_work() {
    let Some(file) = data("headers_to_10236", "headers/mainnet-000000-010236.bin") else { return };
    let Some(works) = data("headers_to_10236", "headers/mainnet-every-2016.tsv") else { return };
    let bytes = std::fs::read(&file).unwrap();
    for line in std::fs::read_to_string(works).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let height: usize = fields[0].parse().unwrap();
        if height > 10_236 {
            break;
        }
        let dir = tempfile::tempdir().unwrap();
        let cut = dir.path().join("headers.bin");
        std::fs::write(&cut, &bytes[..(height + 1) * 80]).unwrap();
        let (code, json, log) = import("bitcoin", dir.path(), &["--headers"], &cut);
        assert_eq!(code, Some(0), "{log}");
        let json = json.unwrap();
        assert_eq!(
            (&json["height"], &json["tip"], &json["chain_work"]),
            (&height.into(), &fields[1].into(), &fields[2].into())
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let (code, json, log) = import("bitcoin", dir.path(), &["--headers"], &file);
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(json.unwrap()["height"], 10_236);
}

#[test]
fn a_truncated_file_names_file_offset_and_keeps_what_was_valid() {
    let Some(file) = data("a_truncated_file", "blocks/mainnet-000000-000599.dat") else { return };
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let cut = dir.path().join("cut.dat");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (code, _, log) = import("bitcoin", dir.path(), &[], &cut);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cut.dat") && log.contains("offset"), "{log}");

    let (code, json, log) = import("bitcoin", dir.path(), &[], &file);
    assert_eq!(code, Some(0), "{log}");
    let json = json.unwrap();
    assert_eq!(json["height"], 599);
    assert!(json["new"].as_u64().unwrap() < 400, "the first half was kept: {json}");
}

#[test]
fn a_changed_byte_names_the_rule() {
    let Some(file) = data("a_changed_byte", "blocks/mainnet-000000-000599.dat") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    // The last byte of the first record after genesis: the lock time of block 1's coinbase.
    let first = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let second = first + 8 + u32::from_le_bytes(bytes[first + 4..first + 8].try_into().unwrap()) as usize;
    bytes[second - 1] ^= 1;
    let bad = dir.path().join("bad.dat");
    std::fs::write(&bad, bytes).unwrap();
    let (code, _, log) = import("bitcoin", dir.path(), &[], &bad);
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("bad-txnmrklroot") && log.contains("bad.dat") && log.contains(&first.to_string()),
        "{log}"
    );
}

#[test]
fn a_directory_of_another_chain_is_refused() {
    let Some(file) = data("a_directory_of_another_chain", "blocks/testnet3-000000-000400.dat") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (code, _, log) = import("testnet3", dir.path(), &[], &file);
    assert_eq!(code, Some(0), "{log}");
    std::fs::rename(dir.path().join("testnet3"), dir.path().join("regtest")).unwrap();
    let (code, _, log) = import("regtest", dir.path(), &[], &file);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("holds the chain testnet3") && log.contains("not regtest"), "{log}");
}
