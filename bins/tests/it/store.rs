//! `--store` and `cairn-node db convert`: which engine holds the data.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{cairn_node, data, last_json, run, stderr, stdout};

fn with_place(dir: &Path, args: &[&str]) -> Output {
    let mut all = args.to_vec();
    all.extend(["--chain", "bitcoin", "--datadir", dir.to_str().unwrap()]);
    run(&all)
}

fn ok(dir: &Path, args: &[&str]) -> Value {
    let output = with_place(dir, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    last_json(&output)
}

fn import(dir: &Path, file: &Path, flags: &[&str]) -> Value {
    let mut args = vec!["import", "--json", "--txindex", "--addrindex", "--coinstatsindex"];
    args.extend(flags);
    args.push(file.to_str().unwrap());
    ok(dir, &args)
}

/// What `db stats` says of the chain, without the sizes, which each engine has of its own.
fn stats(dir: &Path) -> Value {
    let mut stats = ok(dir, &["db", "stats", "--json", "--txindex", "--addrindex", "--coinstatsindex"]);
    stats.as_object_mut().unwrap().remove("bytes").unwrap();
    stats
}

fn blocks(test: &str) -> Option<PathBuf> {
    data(test, "blocks/mainnet-000000-000599.dat")
}

#[test]
fn converted_data_is_the_same_chain() {
    let Some(file) = blocks("converted_data") else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    import(first.path(), &file, &["--store", "fjall"]);
    import(second.path(), &file, &[]);
    let expected = stats(second.path());
    assert_eq!(stats(first.path()), expected, "both engines make the same chain of the same blocks");

    let to_sled = ok(first.path(), &["db", "convert", "--to", "sled", "--json"]);
    assert_eq!((&to_sled["from"], &to_sled["to"]), (&"fjall".into(), &"sled".into()));
    assert!(to_sled["rows"]["coins"].as_u64().unwrap() > 500);
    assert_eq!(stats(first.path()), expected);
    let to_fjall = ok(first.path(), &["db", "convert", "--to", "fjall", "--json"]);
    assert_eq!(to_fjall["rows"], to_sled["rows"]);
    assert_eq!(stats(first.path()), expected);

    // Nothing to do, and the rest of the work goes on where it was.
    let again = with_place(first.path(), &["db", "convert", "--to", "fjall"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(stdout(&again).contains("the engine fjall already"), "{}", stdout(&again));
    let known = import(first.path(), &file, &["--store", "fjall"]);
    assert_eq!(known["height"], 599);
    let check = ok(
        first.path(),
        &["db", "check", "--deep", "--json", "--txindex", "--addrindex", "--coinstatsindex"],
    );
    assert_eq!(check["ok"], true);
}

#[test]
fn another_engine_is_refused_with_the_way_out() {
    let Some(file) = blocks("another_engine") else { return };
    let dir = tempfile::tempdir().unwrap();
    import(dir.path(), &file, &["--store", "fjall"]);
    let refused = with_place(dir.path(), &["db", "stats", "--store", "sled"]);
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains("has the store fjall, not sled"), "{message}");
    assert!(message.contains("db convert --to sled"), "{message}");
    // The variable and the file ask as the flag does, and the flag wins over both.
    let stats = ["db", "stats", "--chain", "bitcoin", "--datadir", dir.path().to_str().unwrap()];
    let by_variable = |flags: &[&str]| {
        cairn_node().args(stats).args(flags).env("CAIRN_STORE", "sled").output().unwrap().status.code()
    };
    assert_eq!(by_variable(&[]), Some(1));
    assert_eq!(by_variable(&["--store", "fjall"]), Some(0));
    std::fs::write(dir.path().join("cairn.toml"), "store = \"sled\"\n").unwrap();
    assert_eq!(run(&stats).status.code(), Some(1));
    std::fs::write(dir.path().join("cairn.toml"), "store = \"fjall\"\n").unwrap();
    assert_eq!(run(&stats).status.code(), Some(0));
}

#[test]
fn an_unknown_engine_is_bad_usage() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = with_place(dir.path(), &["db", "stats", "--store", "rocks"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("use --store sled or --store fjall"), "{}", stderr(&unknown));
    let unknown = with_place(dir.path(), &["db", "convert", "--to", "rocks"]);
    assert_eq!(unknown.status.code(), Some(2));
    let nothing = with_place(dir.path(), &["db", "convert", "--to", "fjall"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("holds no chain"), "{}", stderr(&nothing));
}
