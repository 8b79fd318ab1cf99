//! A process that is ended at any step of writing a wallet leaves the old file or the new one.
//!
//! The process is this test program, told by the environment which of its tests shall write.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use cairn_params::presets;
use cairn_primitives::{Address, Hash160};
use cairn_wallet::{KdfParams, Keystore, Mnemonic, Unlocked, Wallet};

const DIR: &str = "CAIRN_WALLET_CRASH_DIR";
const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

fn cheap() -> KdfParams {
    KdfParams::new(KdfParams::MIN_MEMORY_KIB, 1, 1).unwrap()
}

fn unlocked() -> Unlocked {
    Unlocked::new(Mnemonic::parse(WORDS).unwrap(), "")
}

fn keys(dir: &Path) -> PathBuf {
    dir.join("one.keys")
}

fn wallet(number: u8) -> Wallet {
    Wallet::watch_address(Arc::new(presets::regtest()), Address::P2pkh(Hash160::from_bytes([number; 20])))
}

fn create(dir: &Path) {
    Keystore::create(&keys(dir), &unlocked(), "first", &presets::regtest(), cheap()).unwrap();
}

/// Where the environment says that this process is to write.
fn told_to_write() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

/// Runs `test` of this program in another process, which writes to `dir`.
fn process(test: &str, dir: &Path, orders: [(&str, &str); 1]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(DIR, dir).envs(orders);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
}

/// Ends the process of `test` at each place and phase; `begin` makes what is there before, `look` checks what is left.
fn at_each_step(test: &str, begin: impl Fn(&Path), look: impl Fn(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let place = dir.path().join(name);
        std::fs::create_dir(&place).unwrap();
        begin(&place);
        place
    };
    let log = dir.path().join("log");
    process(test, &place("whole"), [("CAIRN_FAILPOINT_LOG", log.to_str().unwrap())]);
    let log = std::fs::read_to_string(log).unwrap();
    let mut times = BTreeMap::new();
    let mut kills = 0;
    for name in log.lines().filter_map(|line| line.strip_prefix("hit ")?.split(' ').next()) {
        let time = times.entry(name).or_insert(0);
        *time += 1;
        for phase in ["before", "middle", "after"] {
            let here = place(&format!("{kills}"));
            process(test, &here, [("CAIRN_FAILPOINT_DIE", &format!("{name}:{time}:{phase}"))]);
            look(&here);
            kills += 1;
        }
    }
    assert!(kills >= 12, "{kills} steps");
}

#[test]
fn a_new_keystore_is_there_whole_or_not_at_all() {
    if let Some(dir) = told_to_write() {
        return create(&dir);
    }
    at_each_step(
        "a_new_keystore_is_there_whole_or_not_at_all",
        |_| (),
        |dir| {
            if !keys(dir).exists() {
                create(dir);
            }
            Keystore::open(&keys(dir)).unwrap().unlock("first").unwrap();
        },
    );
}

#[test]
fn a_changed_keystore_is_the_old_one_or_the_new_one() {
    if let Some(dir) = told_to_write() {
        return Keystore::open(&keys(&dir)).unwrap().change_passphrase("first", "second", cheap()).unwrap();
    }
    at_each_step("a_changed_keystore_is_the_old_one_or_the_new_one", create, |dir| {
        let keystore = Keystore::open(&keys(dir)).unwrap();
        assert!(keystore.unlock("first").is_ok() || keystore.unlock("second").is_ok());
    });
}

#[test]
fn a_saved_wallet_is_the_old_one_or_the_new_one() {
    let path = |dir: &Path| dir.join("one.wallet");
    if let Some(dir) = told_to_write() {
        return wallet(2).save(&path(&dir)).unwrap();
    }
    at_each_step(
        "a_saved_wallet_is_the_old_one_or_the_new_one",
        |dir| wallet(1).save(&path(dir)).unwrap(),
        |dir| {
            let found = Wallet::load(&path(dir), Arc::new(presets::regtest())).unwrap();
            let found = found.to_bytes().unwrap();
            assert!([1, 2].iter().any(|number| wallet(*number).to_bytes().unwrap() == found));
            wallet(3).save(&path(dir)).unwrap();
        },
    );
}
