//! Bitcoin Core's vectors of addresses and private keys, both ways, under each chain's prefixes.

use cairn_primitives::wif::WifKey;
use cairn_primitives::{Address, AddressPrefixes, Hrp, Script, base58};
use serde_json::Value;

use crate::support::{bytes, data};

/// Chain names as the vectors write them, with p2pkh, p2sh, WIF and witness prefixes.
const CHAINS: [(&str, u8, u8, u8, &str); 4] = [
    ("main", 0, 5, 128, "bc"),
    ("test", 111, 196, 239, "tb"),
    ("signet", 111, 196, 239, "tb"),
    ("regtest", 111, 196, 239, "bcrt"),
];

fn prefixes(chain: &str) -> AddressPrefixes {
    let (_, p2pkh, p2sh, wif, hrp) = *CHAINS.iter().find(|entry| entry.0 == chain).expect("a known chain");
    let hrp = Hrp::new(hrp).unwrap();
    AddressPrefixes { p2pkh, p2sh, wif, hrp, xpub: [0; 4], xprv: [0; 4], coin_type: 1 }
}

fn vectors(file: &str, test: &str) -> Vec<Value> {
    let Some(text) = data(&format!("vectors/core/{file}"), test) else { return Vec::new() };
    let cases: Vec<Value> = serde_json::from_slice(&text).unwrap();
    println!("{file}: {} cases", cases.len());
    cases
}

fn swap_case(text: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

#[test]
fn valid_keys_and_addresses() {
    for case in vectors("key_io_valid.json", "valid_keys_and_addresses") {
        let (text, hex) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
        let prefixes = prefixes(case[2]["chain"].as_str().unwrap());
        if case[2]["isPrivkey"].as_bool().unwrap() {
            let key = WifKey::parse(text, &prefixes).unwrap();
            assert_eq!(&key.secret()[..], bytes(hex), "{text}");
            assert_eq!(key.is_compressed(), case[2]["isCompressed"].as_bool().unwrap(), "{text}");
            assert_eq!(key.encode(&prefixes), text);
            assert!(Address::parse(text, &prefixes).is_err(), "{text}");
        } else {
            let script = Script::from_bytes(bytes(hex));
            let address = Address::parse(text, &prefixes).unwrap();
            assert_eq!(address.script_pubkey(), script, "{text}");
            assert_eq!(Address::from_script(&script), Some(address), "{text}");
            assert_eq!(address.encode(&prefixes), text);
            assert!(WifKey::parse(text, &prefixes).is_err(), "{text}");
            let swapped = Address::parse(&swap_case(text), &prefixes);
            let may_swap = case[2].get("tryCaseFlip").is_some_and(|flip| flip.as_bool().unwrap());
            assert_eq!(swapped == Ok(address), may_swap, "{text}");
        }
    }
}

#[test]
fn invalid_keys_and_addresses() {
    for case in vectors("key_io_invalid.json", "invalid_keys_and_addresses") {
        let text = case[0].as_str().unwrap();
        for (chain, ..) in CHAINS {
            assert!(Address::parse(text, &prefixes(chain)).is_err(), "{text} on {chain}");
            assert!(WifKey::parse(text, &prefixes(chain)).is_err(), "{text} on {chain}");
        }
    }
}

#[test]
fn base58_both_ways() {
    for case in vectors("base58_encode_decode.json", "base58_both_ways") {
        let (payload, text) = (bytes(case[0].as_str().unwrap()), case[1].as_str().unwrap());
        assert_eq!(base58::encode(&payload), text);
        assert_eq!(base58::decode(text), Ok(payload));
    }
}
