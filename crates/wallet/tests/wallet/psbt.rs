//! Partially signed transactions: the vectors of BIP174 and BIP371, and the way to a signer and back.

use std::path::PathBuf;

use cairn_primitives::{Encode, ScriptKind};
use cairn_wallet::{
    AccountPublic, Fingerprint, MAX_PSBT_LEN, Psbt, PsbtError, PsbtPart, Purpose, SignError, SigningRequest,
    TxBuilder, sign,
};

use crate::support::{FakeChain, Owner, rate, sat, spec, stranger};

/// The texts of a list in a file of vectors; nothing, said by name, where the file is missing.
fn vectors(test: &str, file: &str, list: &str) -> Vec<(String, String)> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = root.join("vectors/bips").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {test} needs {}", path.display());
        return Vec::new();
    };
    let data: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entries = data[list].as_array().unwrap();
    assert!(!entries.is_empty());
    let text = |entry: &serde_json::Value, field: &str| entry[field].as_str().unwrap().to_owned();
    entries.iter().map(|entry| (text(entry, "description"), text(entry, "encoded psbt"))).collect()
}

#[test]
fn valid_vectors_read_and_write_back_alike() {
    for file in ["bip174.json", "bip371.json"] {
        for list in ["valid psbts", "signer check failures"] {
            if file == "bip371.json" && list != "valid psbts" {
                continue;
            }
            for (description, text) in vectors("valid_vectors_read_and_write_back_alike", file, list) {
                let psbt: Psbt = text.parse().unwrap_or_else(|error| panic!("{description}: {error}"));
                assert_eq!(psbt.to_string(), text, "{description}");
            }
        }
    }
}

#[test]
fn invalid_vectors_are_refused() {
    for file in ["bip174.json", "bip371.json"] {
        for (description, text) in vectors("invalid_vectors_are_refused", file, "invalid psbts") {
            assert!(text.parse::<Psbt>().is_err(), "{description}");
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let said = |wanted: &str| {
        let found = ["bip174.json", "bip371.json"]
            .into_iter()
            .flat_map(|file| vectors("what_is_wrong_is_said", file, "invalid psbts"))
            .find(|(description, _)| description.contains(wanted));
        found.map(|(_, text)| text.parse::<Psbt>().unwrap_err())
    };
    let cases = [
        ("not PSBT format", PsbtError::Magic),
        ("without an unsigned tx", PsbtError::NoTransaction),
        ("filled script_sig", PsbtError::SignedTransaction { index: 0 }),
        ("duplicate keys", PsbtError::DuplicateKey { part: PsbtPart::Input(0) }),
        ("invalid witness script typed key", PsbtError::Key { part: PsbtPart::Input(0), kind: 5 }),
        ("invalid pub_key in output BIP 32", PsbtError::Key { part: PsbtPart::Output(0), kind: 2 }),
        ("KEY_SIG signature that is too short", PsbtError::Value { part: PsbtPart::Input(0), kind: 0x13 }),
        ("Control block that is too long", PsbtError::Key { part: PsbtPart::Input(0), kind: 0x15 }),
    ];
    for (wanted, error) in cases {
        if let Some(got) = said(wanted) {
            assert_eq!(got, error, "{wanted}");
        }
    }
}

fn request() -> (FakeChain, Owner, SigningRequest, Vec<AccountPublic>) {
    let chain = FakeChain::new();
    let mut owner = Owner::new(1, &Purpose::ALL);
    for purpose in Purpose::ALL {
        owner.wallet.new_address_of(purpose).unwrap();
        chain.give(&owner.wallet.new_address_of(purpose).unwrap(), 50_000);
    }
    owner.wallet.sync(&chain).unwrap();
    let request = owner.wallet.build(&TxBuilder::new(rate(1)).pay(stranger(1), sat(120_000))).unwrap();
    assert_eq!((request.inputs.len(), request.outputs.len()), (3, 2));
    let accounts = owner.wallet.accounts().cloned().collect();
    (chain, owner, request, accounts)
}

#[test]
fn a_request_travels_to_a_signer_without_a_chain() {
    for master in [None, Some(Fingerprint::from_bytes([0x73, 0xc5, 0xda, 0x0a]))] {
        let (chain, owner, request, accounts) = request();
        let text = Psbt::from_request(&request, &accounts, master, &spec()).unwrap().to_string();
        let psbt: Psbt = text.parse().unwrap();
        assert_eq!(psbt.transaction(), &request.tx);
        let read = psbt.to_request(&accounts).unwrap();
        assert_eq!((read.outputs.clone(), read.fee()), (request.outputs.clone(), request.fee()));
        for (there, here) in read.inputs.iter().zip(&request.inputs) {
            assert_eq!((&there.coin, there.origin), (&here.coin, here.origin));
            let taproot = here.coin.script_pubkey.kind() == ScriptKind::P2tr;
            assert_eq!(there.previous.is_none(), taproot, "only taproot proves its coins itself");
        }
        let signed = sign(&read, &owner.secrets).unwrap();
        assert_eq!(signed, owner.sign(&request));
        chain.offer(&signed).unwrap();
    }
}

#[test]
fn the_keys_of_another_wallet_are_not_found() {
    let (_, _, request, accounts) = request();
    let psbt = Psbt::from_request(&request, &accounts, None, &spec()).unwrap();
    let other: Vec<AccountPublic> = Owner::new(2, &Purpose::ALL).wallet.accounts().cloned().collect();
    assert_eq!(psbt.to_request(&other), Err(PsbtError::NotOwn { index: 0 }));
    assert_eq!(Psbt::from_request(&request, &[], None, &spec()), Err(PsbtError::NotOwn { index: 0 }));
    // A full path is believed no more than its key deserves.
    let master = Some(Fingerprint::from_bytes([1; 4]));
    let psbt = Psbt::from_request(&request, &accounts, master, &spec()).unwrap();
    assert_eq!(psbt.to_request(&other), Err(PsbtError::NotOwn { index: 0 }));
}

/// The bytes of a PSBT with the pairs of one input changed.
fn edited(psbt: &Psbt, from: &[u8], to: &[u8]) -> Vec<u8> {
    let bytes = psbt.to_bytes();
    let at = bytes.windows(from.len()).position(|window| window == from).expect("it is there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn simple(purpose: Purpose) -> (Owner, SigningRequest, Psbt, Vec<AccountPublic>) {
    let chain = FakeChain::new();
    let mut owner = Owner::new(1, &[purpose]);
    chain.give(&owner.wallet.new_address().unwrap(), 50_000);
    owner.wallet.sync(&chain).unwrap();
    let request = owner.wallet.build(&TxBuilder::new(rate(1)).pay(stranger(1), sat(20_000))).unwrap();
    let accounts: Vec<AccountPublic> = owner.wallet.accounts().cloned().collect();
    let psbt = Psbt::from_request(&request, &accounts, None, &spec()).unwrap();
    (owner, request, psbt, accounts)
}

#[test]
fn a_coin_that_lies_about_its_amount_is_not_signed() {
    let (owner, request, psbt, accounts) = simple(Purpose::Bip84);
    let coin = request.inputs[0].coin.to_bytes();
    let mut more = request.inputs[0].coin.clone();
    more.value = sat(49_000);
    let field = |coin: &[u8]| [&[1, 1, coin.len() as u8], coin].concat();
    let lie = Psbt::from_bytes(&edited(&psbt, &field(&coin), &field(&more.to_bytes()))).unwrap();
    let read = lie.to_request(&accounts).unwrap();
    assert_eq!(sign(&read, &owner.secrets), Err(SignError::WrongCoin { index: 0 }));
    // Without the coin itself, its transaction tells.
    let told = Psbt::from_bytes(&edited(&psbt, &field(&coin), &[])).unwrap();
    assert_eq!(told.to_request(&accounts).unwrap().inputs, request.inputs);
}

#[test]
fn a_p2pkh_coin_is_proven_by_its_transaction_or_not_signed() {
    let (owner, request, psbt, accounts) = simple(Purpose::Bip44);
    let previous = request.inputs[0].previous.as_ref().unwrap().to_bytes();
    let proof = [&[1, 0, previous.len() as u8], &previous[..]].concat();
    let coin = request.inputs[0].coin.to_bytes();
    let bare = [&[1, 1, coin.len() as u8], &coin[..]].concat();
    let psbt = Psbt::from_bytes(&edited(&psbt, &proof, &bare)).unwrap();
    let read = psbt.to_request(&accounts).unwrap();
    assert_eq!(sign(&read, &owner.secrets), Err(SignError::PreviousNeeded { index: 0 }));
    let none = Psbt::from_bytes(&edited(&psbt, &bare, &[])).unwrap();
    assert_eq!(none.to_request(&accounts), Err(PsbtError::NoCoin { index: 0 }));
}

#[test]
fn only_signatures_for_the_whole_transaction_are_made() {
    for (purpose, whole) in [(Purpose::Bip44, 1), (Purpose::Bip84, 1), (Purpose::Bip86, 0)] {
        let (owner, request, psbt, accounts) = simple(purpose);
        let asking = |kind: u8| {
            let mut global = vec![1, 0, request.tx.base_size() as u8];
            request.tx.encode_base(&mut global);
            global.push(0);
            let field = [1, 3, 4, kind, 0, 0, 0];
            Psbt::from_bytes(&edited(&psbt, &global, &[&global[..], &field].concat())).unwrap()
        };
        let read = asking(whole).to_request(&accounts).unwrap();
        assert!(sign(&read, &owner.secrets).is_ok());
        let error = asking(3).to_request(&accounts);
        assert_eq!(error, Err(PsbtError::SighashType { index: 0, got: 3 }));
    }
}

#[test]
fn bytes_that_are_no_psbt_are_refused() {
    let (_, _, psbt, _) = simple(Purpose::Bip84);
    let bytes = psbt.to_bytes();
    assert_eq!(Psbt::from_bytes(&bytes).unwrap(), psbt);
    for length in 0..bytes.len() {
        assert!(Psbt::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
    assert!(matches!(Psbt::from_bytes(&[&bytes[..], &[0]].concat()), Err(PsbtError::Bytes(_))));
    assert_eq!("cHNi*".parse::<Psbt>(), Err(PsbtError::Base64 { position: 5 }));
    assert_eq!("cHN*".parse::<Psbt>(), Err(PsbtError::Base64 { position: 3 }));
    let long = vec![0; MAX_PSBT_LEN + 1];
    let (got, limit) = (MAX_PSBT_LEN + 1, MAX_PSBT_LEN);
    assert_eq!(Psbt::from_bytes(&long), Err(PsbtError::TooLong { got, limit }));
    assert_eq!(Psbt::from_bytes(&long[1..]), Err(PsbtError::Magic));
    let version = |number: u8| {
        let field = [1, 0xfb, 4, number, 0, 0, 0];
        Psbt::from_bytes(&edited(&psbt, b"psbt\xff", &[&b"psbt\xff"[..], &field].concat()))
    };
    assert!(version(0).is_ok());
    assert_eq!(version(2), Err(PsbtError::Version { got: 2, expected: 0 }));
}
