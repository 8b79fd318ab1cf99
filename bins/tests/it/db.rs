//! `cairn-node db`: damage found, named and made good.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{Node, data, last_json, run, stderr, stdout};

/// A directory with the first 600 blocks of Bitcoin and all indexes.
struct Data {
    dir: tempfile::TempDir,
}

const INDEXES: [&str; 3] = ["--txindex", "--addrindex", "--coinstatsindex"];

impl Data {
    fn imported(test: &str) -> Option<Self> {
        let file = data(test, "blocks/mainnet-000000-000599.dat")?;
        let this = Self { dir: tempfile::tempdir().unwrap() };
        let mut args = vec!["import", "--chain", "bitcoin", "--datadir", this.path()];
        args.extend(INDEXES);
        args.push(file.to_str().unwrap());
        let output = run(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        Some(this)
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    fn db(&self, command: &[&str]) -> Output {
        let mut args = vec!["db"];
        args.extend(command);
        args.extend(["--chain", "bitcoin", "--datadir", self.path()]);
        run(&args)
    }

    fn ok(&self, command: &[&str]) -> Value {
        let output = self.db(command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", stderr(&output));
        last_json(&output)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("bitcoin/blocks").join(name)
    }
}

fn flip(file: &Path, offset: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[offset] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn whole_data_is_counted_and_checked() {
    let Some(data) = Data::imported("whole_data") else { return };
    let stats = data.ok(&["stats", "--json"]);
    assert_eq!(
        (&stats["height"], &stats["blocks"], &stats["headers"]),
        (&599.into(), &600.into(), &600.into())
    );
    // Every one of these blocks claimed its 50 coins, and the output of genesis is none.
    let (block, issued) = (5_000_000_000_u64, 599 * 5_000_000_000_u64);
    assert_eq!(stats["coins"]["total_amount"], issued);
    assert_eq!(stats["supply"]["total_subsidy"], issued + block);
    assert_eq!(stats["supply"]["unspendable"]["genesis_block"], block);
    assert_eq!(stats["supply"]["coins"], stats["coins"], "the index and the coins say the same");
    assert_eq!(stats["indexes"].as_array().unwrap().len(), 3);
    assert!(stats["bytes"]["blocks"].as_u64().unwrap() > 100_000);
    let text = stdout(&data.db(&["stats"]));
    let muhash = stats["coins"]["muhash"].as_str().unwrap();
    assert!(text.contains(muhash) && text.contains("29950.00000000"), "{text}");

    for command in [&["check", "--json"][..], &["check", "--deep", "--json"]] {
        let report = data.ok(command);
        assert_eq!((&report["ok"], &report["damaged"]), (&true.into(), &0.into()));
        assert_eq!((&report["blocks"], &report["undo"]), (&600.into(), &599.into()));
        assert_eq!(report["coins"], stats["coins"]);
    }
    assert!(stdout(&data.db(&["check", "--deep"])).contains("those that the blocks make"));
    let rebuilt = data.ok(&["rebuild", "--json", "--txindex", "--addrindex", "--coinstatsindex"]);
    assert_eq!((&rebuilt["height"], &rebuilt["undo_repaired"]), (&599.into(), &0.into()));
    assert_eq!(data.ok(&["stats", "--json"])["supply"], stats["supply"]);
}

#[test]
fn flipped_bytes_are_found_and_what_can_be_is_made_again() {
    let Some(data) = Data::imported("flipped_bytes") else { return };
    let before = data.ok(&["stats", "--json"]);
    let undo = data.file("rev00000.dat");
    let middle = std::fs::metadata(&undo).unwrap().len() as usize / 2;
    flip(&undo, middle);
    let output = data.db(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("one place is damaged") && stderr(&output).contains("db rebuild"));
    let report = last_json(&output);
    let offset = report["damage"][0]["offset"].as_u64().unwrap() as usize;
    assert!(offset <= middle && middle < offset + 200, "{report}");
    assert!(report["damage"][0]["file"].as_str().unwrap().ends_with("rev00000.dat"));
    let text = stdout(&data.db(&["check"]));
    assert!(text.contains("rev00000.dat") && text.contains(&format!("offset {offset}")), "{text}");

    let rebuilt = data.ok(&["rebuild", "--json", "--txindex", "--addrindex", "--coinstatsindex"]);
    assert_eq!(rebuilt["undo_repaired"], 1);
    assert_eq!(data.ok(&["check", "--deep", "--json"])["ok"], true);
    assert_eq!(data.ok(&["stats", "--json"])["coins"], before["coins"]);

    // A block has no other source here.
    let blocks = data.file("blk00000.dat");
    let middle = std::fs::metadata(&blocks).unwrap().len() as usize / 2;
    flip(&blocks, middle);
    let output = data.db(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("blk00000.dat"), "{}", stdout(&output));
    let output = data.db(&["rebuild"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("blk00000.dat") && stderr(&output).contains("offset"));
    flip(&blocks, middle);
    data.ok(&["rebuild", "--json"]);
    assert_eq!(data.ok(&["check", "--deep", "--json"])["ok"], true);
}

#[test]
fn data_in_use_and_no_data_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    for command in ["check", "stats", "rebuild"] {
        let output = run(&["db", command, "--chain", "mini", "--datadir", dir]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("holds no chain"), "{}", stderr(&output));
        let output = run(&["db", command, "--chain", "nochain", "--datadir", dir]);
        assert_eq!(output.status.code(), Some(2));
    }
    let node = Node::start(&["--chain", "mini", "--datadir", dir, "--coinstatsindex"]);
    for command in ["check", "stats", "rebuild"] {
        let output = run(&["db", command, "--chain", "mini", "--datadir", dir]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
    }
    let (status, _) = node.signal("TERM");
    assert!(status.success());
    let output = run(&["db", "stats", "--chain", "mini", "--datadir", dir]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("coin statistics at height 0"));
}
