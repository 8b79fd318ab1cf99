//! `cairn-node chain`: from an empty directory to a chain of one's own.

use crate::support::{Node, last_json, run, stderr, stdout};

#[test]
fn a_new_spec_is_mined_checked_shown_and_run() {
    let dir = tempfile::tempdir().unwrap();
    let spec = dir.path().join("own.toml");
    let path = spec.to_str().unwrap();
    let new = run(&["chain", "new", path, "--extends", "mini"]);
    assert!(new.status.success(), "{}", stderr(&new));
    let again = run(&["chain", "new", path]);
    assert_eq!(again.status.code(), Some(1), "an existing file is not replaced");

    let text = std::fs::read_to_string(&spec).unwrap();
    assert!(text.contains('#'), "the file has comments");
    let own = text.replace("name = \"mini\"", "name = \"own\"").replace("message = \"", "message = \"own: ");
    assert_ne!(own, text);
    std::fs::write(&spec, own).unwrap();
    let unmined = run(&["chain", "check", path]);
    assert_eq!(unmined.status.code(), Some(2), "the genesis hash is that of mini: {}", stdout(&unmined));

    let mined = run(&["chain", "mine-genesis", path, "--write", "--json"]);
    assert!(mined.status.success(), "{}", stderr(&mined));
    let hash = last_json(&mined)["hash"].as_str().unwrap().to_owned();
    let check = run(&["chain", "check", path]);
    assert!(check.status.success(), "{}", stderr(&check));
    let show = run(&["chain", "show", path]);
    assert!(stdout(&show).contains(&hash), "{}", stdout(&show));

    let node = Node::start(&["--chain", path, "--datadir", dir.path().to_str().unwrap()]);
    assert_eq!(node.get("/block/0").1["hash"], hash.as_str());
    assert_eq!(node.get("/status").1["network"], "own");
}

#[test]
fn every_preset_checks_and_shows() {
    for name in ["bitcoin", "testnet3", "testnet4", "signet", "regtest", "vito", "mini", "dev"] {
        let check = run(&["chain", "check", name]);
        assert!(check.status.success(), "{name}: {}", stderr(&check));
        let show = run(&["chain", "show", name, "--json"]);
        assert_eq!(last_json(&show)["chain"]["name"], name);
    }
}
