//! Mistakes a person makes on the command line: one sentence, what to do, exit code 1 or 2.

use crate::support::{run, stderr};

fn fails(args: &[&str], code: i32, parts: &[&str]) {
    let output = run(args);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{args:?}: {part:?} is not in {message:?}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

#[test]
fn an_unknown_chain_lists_the_known_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    fails(&["--chain", "bitcoim", "--datadir", path], 2, &["bitcoim", "bitcoin", "vito", "mini"]);
    fails(&["import", "--chain", "nope", "--datadir", path, "x.dat"], 2, &["nope", "regtest"]);
    fails(&["--datadir", path], 2, &["--chain", "--dev"]);
}

#[test]
fn pruning_below_the_least_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    fails(&["--chain", "mini", "--datadir", path, "--prune", "549"], 2, &["549", "550", "--prune"]);
    // At the limit there is nothing to complain of but that there is no chain to look at.
    fails(&["db", "stats", "--chain", "mini", "--datadir", path, "--prune", "550"], 1, &["holds no chain"]);
    fails(&["db", "index", "drop", "nope", "--chain", "mini"], 2, &["nope", "coinstats"]);
}

#[test]
fn an_unknown_flag_is_bad_usage() {
    fails(&["--no-such-flag"], 2, &["--no-such-flag"]);
    fails(&["import"], 2, &["FILE"]);
}

#[test]
fn a_bad_spec_names_line_field_and_rule() {
    let dir = tempfile::tempdir().unwrap();
    let spec = dir.path().join("bad.toml");
    std::fs::write(&spec, "extends = \"mini\"\n\n[pow]\nspacing = 0\n").unwrap();
    fails(&["chain", "check", spec.to_str().unwrap()], 2, &["bad.toml", "line 4", "spacing"]);
    std::fs::write(&spec, "extends = \"mini\"\n[pow\n").unwrap();
    fails(&["chain", "check", spec.to_str().unwrap()], 2, &["bad.toml", "line 2"]);
    std::fs::write(&spec, "extends = \"mini\"\n[pow]\nspaicng = 5\n").unwrap();
    fails(&["chain", "check", spec.to_str().unwrap()], 2, &["spaicng", "line 3"]);
    fails(&["chain", "check", dir.path().join("none.toml").to_str().unwrap()], 2, &["none.toml"]);
}

#[test]
fn bad_settings_name_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cairn.toml"), "threads = 1\nthreds = 2\n").unwrap();
    let path = dir.path().to_str().unwrap();
    fails(&["--dev", "--datadir", path], 2, &["cairn.toml", "threds"]);
}

#[test]
fn an_address_of_another_chain_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let bitcoin = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
    fails(&["--chain", "vito", "--datadir", path, "--mine", bitcoin], 2, &[bitcoin, "vito"]);
}

#[test]
fn an_unwritable_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("data");
    fails(
        &["--dev", "--datadir", inside.to_str().unwrap(), "--rpc-bind", "127.0.0.1:0"],
        1,
        &["file", "--datadir"],
    );
}

#[test]
fn help_and_version_are_there() {
    for args in [&["--help"][..], &["import", "--help"], &["chain", "new", "--help"], &["--version"]] {
        let output = run(args);
        assert!(output.status.success(), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
}
