//! Targets for text forms: what parses must print to something that parses to the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use cairn_params::{ChainSpec, presets};
use cairn_primitives::wif::WifKey;
use cairn_primitives::{
    Address, BlockHash, CompactTarget, Hash160, MerkleRoot, OutPoint, Sha256d, Target, Txid, Work, base58,
    hex,
};

fn round_trip<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok().as_ref(), Some(&value));
    }
}

/// Hashes, outpoints, numbers, hex and base58.
pub(crate) fn values(text: &str) {
    round_trip::<BlockHash>(text);
    round_trip::<Txid>(text);
    round_trip::<MerkleRoot>(text);
    round_trip::<Sha256d>(text);
    round_trip::<Hash160>(text);
    round_trip::<OutPoint>(text);
    round_trip::<CompactTarget>(text);
    round_trip::<Target>(text);
    round_trip::<Work>(text);
    if let Ok(bytes) = hex::decode(text) {
        assert_eq!(hex::encode(&bytes), text.to_ascii_lowercase());
    }
    if let Ok(bytes) = base58::decode(text) {
        assert_eq!(base58::encode(&bytes), text);
    }
    if let Ok(bytes) = base58::decode_check(text) {
        assert_eq!(base58::encode_check(&bytes), text);
    }
}

/// Addresses and exported keys of every preset.
pub(crate) fn address(text: &str) {
    for name in presets::NAMES {
        let prefixes = ChainSpec::preset(name).expect("a preset's name").address;
        if let Ok(address) = Address::parse(text, &prefixes) {
            // Bech32 may come in capitals and leaves in small letters.
            let printed = address.encode(&prefixes);
            assert!(printed == text || printed == text.to_ascii_lowercase());
            assert_eq!(Address::from_script(&address.script_pubkey()), Some(address));
        }
        if let Ok(key) = WifKey::parse(text, &prefixes) {
            assert_eq!(key.encode(&prefixes), text);
        }
    }
}

/// A chain spec: what is accepted passes its own check and survives its own text.
pub fn spec(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match ChainSpec::from_toml(text) {
        Ok(spec) => {
            assert_eq!(spec.check(), Ok(()));
            assert_eq!(ChainSpec::from_toml(&spec.to_toml()).as_ref(), Ok(&spec));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
