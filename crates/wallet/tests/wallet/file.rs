//! The wallet's file.

use std::fs;
use std::sync::Arc;

use cairn_params::presets;
use cairn_wallet::{FILE_VERSION, FileError, Purpose, TxBuilder, Wallet, WalletError};

use crate::support::{FakeChain, Owner, rate, sat, spec, stranger};

fn busy() -> (FakeChain, Owner) {
    let chain = FakeChain::new();
    let mut owner = Owner::new(1, &[Purpose::Bip84, Purpose::Bip86]);
    chain.give(&owner.wallet.new_address().unwrap(), 90_000);
    chain.give(&owner.wallet.new_address_of(Purpose::Bip86).unwrap(), 50_000);
    owner.wallet.new_address().unwrap();
    owner.wallet.sync(&chain).unwrap();
    owner.send(&chain, &TxBuilder::new(rate(1)).pay(stranger(1), sat(60_000)));
    (chain, owner)
}

fn same(a: &Wallet, b: &Wallet) {
    assert_eq!((a.coins(), a.history(), a.addresses()), (b.coins(), b.history(), b.addresses()));
    assert_eq!((a.tip(), a.gap_limit(), a.next_address()), (b.tip(), b.gap_limit(), b.next_address()));
}

#[test]
fn what_was_saved_is_read_back() {
    let (chain, mut owner) = busy();
    owner.wallet.set_gap_limit(33).unwrap();
    let bytes = owner.wallet.to_bytes().unwrap();
    let mut read = Wallet::from_bytes(&bytes, spec()).unwrap();
    same(&read, &owner.wallet);
    assert_eq!(read.to_bytes().unwrap(), bytes);
    // It goes on as if nothing had happened.
    let report = read.sync(&chain).unwrap();
    assert_eq!((report.new, report.moved, report.vanished), (vec![], vec![], vec![]));
    let watched = Wallet::watch_address(spec(), stranger(1));
    same(&Wallet::from_bytes(&watched.to_bytes().unwrap(), spec()).unwrap(), &watched);
}

/// The bytes a new wallet of the words `abandon … about` has on disk. The key is that of BIP84's test vectors on
/// test networks; the checksum was computed apart, over the `wallet` object.
#[test]
fn the_form_is_pinned() {
    let owner = Owner::segwit(0);
    let text = String::from_utf8(owner.wallet.to_bytes().unwrap()).unwrap();
    let expected = include_str!("wallet-v1.json");
    assert_eq!(text, expected.trim_end());
    same(&Wallet::from_bytes(expected.as_bytes(), spec()).unwrap(), &owner.wallet);
}

#[test]
fn every_changed_byte_is_noticed() {
    let (_, owner) = busy();
    let bytes = owner.wallet.to_bytes().unwrap();
    for position in 0..bytes.len() {
        for flip in [1, 0x20] {
            let mut damaged = bytes.clone();
            damaged[position] ^= flip;
            match Wallet::from_bytes(&damaged, spec()) {
                Err(FileError::Form(_) | FileError::Checksum { .. } | FileError::Version { .. }) => (),
                // A capital among the digits of a hash, which means the same.
                Ok(read) => assert_eq!(read.to_bytes().unwrap(), bytes, "byte {position} by {flip}"),
                Err(error) => panic!("byte {position} by {flip}: {error}"),
            }
        }
    }
    for length in 0..bytes.len() {
        assert!(matches!(Wallet::from_bytes(&bytes[..length], spec()), Err(FileError::Form(_))), "{length}");
    }
}

/// The file with `from` replaced by `to` in its text, under a checksum that fits.
fn forged(wallet: &Wallet, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(wallet.to_bytes().unwrap()).unwrap();
    assert!(text.contains(from), "{text}");
    let text = text.replace(from, to);
    match Wallet::from_bytes(text.as_bytes(), spec()) {
        Err(FileError::Checksum { got, expected }) => {
            text.replace(&expected.to_string(), &got.to_string()).into_bytes()
        }
        _ => text.into_bytes(),
    }
}

#[test]
fn content_that_makes_no_wallet_is_refused() {
    let (_, owner) = busy();
    let wallet = &owner.wallet;
    let read = |from: &str, to: &str| Wallet::from_bytes(&forged(wallet, from, to), spec()).unwrap_err();
    assert!(matches!(
        read("\"version\":1", "\"version\":2"),
        FileError::Version { got: 2, expected: FILE_VERSION }
    ));
    let error = read("\"purpose\":86", "\"purpose\":85");
    assert!(matches!(error, FileError::Purpose { got: 85 }), "{error}");
    let error = read("\"purpose\":86", "\"purpose\":84");
    assert!(matches!(error, FileError::Wallet(WalletError::DuplicateAccount { .. })), "{error}");
    let error = read("\"gap_limit\":20", "\"gap_limit\":0");
    assert!(matches!(error, FileError::Wallet(WalletError::GapRange { got: 0, .. })), "{error}");
    let error = read("\"gap_limit\":20", "\"gap_limit\":10001");
    assert!(matches!(error, FileError::Wallet(WalletError::GapRange { got: 10_001, .. })), "{error}");
    let error = read("\"next\":2", "\"next\":100001");
    assert!(matches!(error, FileError::Limit { got: 100_001, limit: 100_000, .. }), "{error}");
    let error = read("\"hex\":\"02", "\"hex\":\"0202");
    assert!(matches!(error, FileError::Transaction { index: 0 }), "{error}");
    let error = read("\"address\":null", &format!("\"address\":\"{}\"", stranger(1).encode(&spec().address)));
    assert!(matches!(error, FileError::Contents), "{error}");
    let error = read("tpub", "xpub");
    assert!(matches!(error, FileError::Wallet(WalletError::Key(_))), "{error}");
    let error = read("\"gap_limit\":20", "\"gap_limit\":20,\"more\":1");
    assert!(matches!(error, FileError::Form(_)), "{error}");
}

#[test]
fn a_wallet_of_another_chain_is_refused() {
    let bytes = Owner::segwit(1).wallet.to_bytes().unwrap();
    let vito = presets::vito();
    let error = Wallet::from_bytes(&bytes, Arc::new(vito.clone())).unwrap_err();
    let FileError::OtherChain { got, expected } = error else { panic!("{error}") };
    assert_eq!((got, expected), (spec().genesis.hash, vito.genesis.hash));
}

#[test]
fn the_file_is_replaced_as_a_whole_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.json");
    let (_, owner) = busy();
    Owner::segwit(7).wallet.save(&path).unwrap();
    fs::write(folder.path().join("wallet.json.new"), b"left behind by a crash").unwrap();
    owner.wallet.save(&path).unwrap();
    same(&Wallet::load(&path, spec()).unwrap(), &owner.wallet);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let missing = Wallet::load(&folder.path().join("none"), spec()).unwrap_err();
    assert!(matches!(missing, FileError::Io(_)));
    assert!(matches!(owner.wallet.save(&folder.path().join("none/wallet")), Err(FileError::Io(_))));
}

#[test]
fn it_holds_no_secret() {
    let (_, owner) = busy();
    let text = String::from_utf8(owner.wallet.to_bytes().unwrap()).unwrap();
    for secret in &owner.secrets {
        assert!(!text.contains(&*secret.key().encode(&spec().address)));
        assert!(!text.contains(&cairn_primitives::hex::encode(&secret.key().secret_key().to_bytes()[..])));
    }
    assert!(!text.contains("tprv"));
}
