//! The text form of extended keys: BIP32's test vector 5, other chains, any text.

use cairn_crypto::{PublicKeyError, SecretKeyError};
use cairn_primitives::base58::{self, Base58Error};
use cairn_wallet::{ExtendedKeyError, ExtendedPublic, ExtendedSecret};
use proptest::prelude::*;

use crate::common::bitcoin;

const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";
const XPRV: &str = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";

fn public(text: &str) -> ExtendedKeyError {
    ExtendedPublic::parse(text, &bitcoin()).unwrap_err()
}

fn secret(text: &str) -> ExtendedKeyError {
    ExtendedSecret::parse(text, &bitcoin()).unwrap_err()
}

#[test]
fn vector_five_public_keys() {
    let cases = [
        (
            "pubkey version, prvkey mismatch",
            "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6LBpB85b3D2yc8sfvZU521AAwdZafEz7mnzBBsz4wKY5fTtTQBm",
            ExtendedKeyError::PublicKey(PublicKeyError::Header { got: 0 }),
        ),
        (
            "invalid pubkey prefix 04",
            "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6Txnt3siSujt9RCVYsx4qHZGc62TG4McvMGcAUjeuwZdduYEvFn",
            ExtendedKeyError::PublicKey(PublicKeyError::Length { got: 33 }),
        ),
        (
            "invalid pubkey prefix 01",
            "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6N8ZMMXctdiCjxTNq964yKkwrkBJJwpzZS4HS2fxvyYUA4q2Xe4",
            ExtendedKeyError::PublicKey(PublicKeyError::Header { got: 1 }),
        ),
        (
            "zero depth with non-zero parent fingerprint",
            "xpub661no6RGEX3uJkY4bNnPcw4URcQTrSibUZ4NqJEw5eBkv7ovTwgiT91XX27VbEXGENhYRCf7hyEbWrR3FewATdCEebj6znwMfQkhRYHRLpJ",
            ExtendedKeyError::RootWithParent,
        ),
        (
            "zero depth with non-zero index",
            "xpub661MyMwAuDcm6CRQ5N4qiHKrJ39Xe1R1NyfouMKTTWcguwVcfrZJaNvhpebzGerh7gucBvzEQWRugZDuDXjNDRmXzSZe4c7mnTK97pTvGS8",
            ExtendedKeyError::RootWithParent,
        ),
        (
            "unknown extended key version",
            "DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8XnmdfHPmHJiEDXkTiJTVV9rHEBUem2mwVbbNfvT2MTcAqj3nesx8uBf9",
            ExtendedKeyError::Version { got: 0x0101_0101, expected: 0x0488_b21e },
        ),
        (
            "invalid pubkey, X is 7",
            "xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6Q5JXayek4PRsn35jii4veMimro1xefsM58PgBMrvdYre8QyULY",
            ExtendedKeyError::PublicKey(PublicKeyError::NotOnCurve),
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(public(text), expected, "{name}");
        assert!(ExtendedSecret::parse(text, &bitcoin()).is_err(), "{name}");
    }
}

#[test]
fn vector_five_secret_keys() {
    let cases = [
        (
            "prvkey version, pubkey mismatch",
            "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFGTQQD3dC4H2D5GBj7vWvSQaaBv5cxi9gafk7NF3pnBju6dwKvH",
            ExtendedKeyError::SecretPrefix { got: 3, expected: 0 },
        ),
        (
            "invalid prvkey prefix 04",
            "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFGpWnsj83BHtEy5Zt8CcDr1UiRXuWCmTQLxEK9vbz5gPstX92JQ",
            ExtendedKeyError::SecretPrefix { got: 4, expected: 0 },
        ),
        (
            "invalid prvkey prefix 01",
            "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFAzHGBP2UuGCqWLTAPLcMtD9y5gkZ6Eq3Rjuahrv17fEQ3Qen6J",
            ExtendedKeyError::SecretPrefix { got: 1, expected: 0 },
        ),
        (
            "zero depth with non-zero parent fingerprint",
            "xprv9s2SPatNQ9Vc6GTbVMFPFo7jsaZySyzk7L8n2uqKXJen3KUmvQNTuLh3fhZMBoG3G4ZW1N2kZuHEPY53qmbZzCHshoQnNf4GvELZfqTUrcv",
            ExtendedKeyError::RootWithParent,
        ),
        (
            "zero depth with non-zero index",
            "xprv9s21ZrQH4r4TsiLvyLXqM9P7k1K3EYhA1kkD6xuquB5i39AU8KF42acDyL3qsDbU9NmZn6MsGSUYZEsuoePmjzsB3eFKSUEh3Gu1N3cqVUN",
            ExtendedKeyError::RootWithParent,
        ),
        (
            "private key 0",
            "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzF93Y5wvzdUayhgkkFoicQZcP3y52uPPxFnfoLZB21Teqt1VvEHx",
            ExtendedKeyError::SecretKey(SecretKeyError::OutOfRange),
        ),
        (
            "private key n",
            "xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFAzHGBP2UuGCqWLTAPLcMtD5SDKr24z3aiUvKr9bJpdrcLg1y3G",
            ExtendedKeyError::SecretKey(SecretKeyError::OutOfRange),
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(secret(text), expected, "{name}");
        assert!(ExtendedPublic::parse(text, &bitcoin()).is_err(), "{name}");
    }
    let unknown = "DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8XnmdfHGMQzT7ayAmfo4z3gY5KfbrZWZ6St24UVf2Qgo6oujFktLHdHY4";
    assert_eq!(secret(unknown), ExtendedKeyError::Version { got: 0x0101_0101, expected: 0x0488_ade4 });
    let checksum = XPRV.replace("MPHi", "MPHL");
    assert!(matches!(secret(&checksum), ExtendedKeyError::Base58(Base58Error::Checksum { .. })));
}

#[test]
fn the_wrong_kind_is_named() {
    assert_eq!(public(XPRV), ExtendedKeyError::IsSecret);
    assert_eq!(secret(XPUB), ExtendedKeyError::IsPublic);
    assert!(!public(XPRV).to_string().contains("xprv"), "nothing of a secret is repeated");
}

#[test]
fn the_keys_of_other_chains_are_refused() {
    let vito = cairn_params::presets::vito().address;
    let version = |got, expected| ExtendedKeyError::Version { got, expected };
    let xpub = u32::from_be_bytes(bitcoin().xpub);
    let (own_public, own_secret) = (u32::from_be_bytes(vito.xpub), u32::from_be_bytes(vito.xprv));
    assert_eq!(ExtendedPublic::parse(XPUB, &vito).unwrap_err(), version(xpub, own_public));
    assert_eq!(ExtendedSecret::parse(XPUB, &vito).unwrap_err(), version(xpub, own_secret));
    // Written for the other chain it is another text and the same key.
    let key = ExtendedPublic::parse(XPUB, &bitcoin()).unwrap();
    let text = key.encode(&vito);
    assert_ne!(text, XPUB);
    assert_eq!(ExtendedPublic::parse(&text, &vito), Ok(key));
}

#[test]
fn any_other_length_is_refused() {
    let payload = base58::decode_check(XPUB).unwrap();
    for got in (0..100).filter(|got| *got != 78) {
        let mut payload = payload.clone();
        payload.resize(got, 0);
        let error = public(&base58::encode_check(&payload));
        assert_eq!(error, ExtendedKeyError::Length { got, expected: 78 });
    }
    assert!(matches!(public(&"1".repeat(100_000)), ExtendedKeyError::Base58(Base58Error::TooLong { .. })));
    assert!(matches!(public(""), ExtendedKeyError::Base58(Base58Error::NoChecksum { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_payload_is_refused_or_written_back(mut payload in proptest::collection::vec(any::<u8>(), 78), keep in 0usize..46) {
        for (text, is_public) in [(XPUB, true), (XPRV, false)] {
            payload[..keep].copy_from_slice(&base58::decode_check(text).unwrap()[..keep]);
            let text = base58::encode_check(&payload);
            let written = match is_public {
                true => ExtendedPublic::parse(&text, &bitcoin()).map(|key| key.encode(&bitcoin())),
                false => ExtendedSecret::parse(&text, &bitcoin()).map(|key| key.encode(&bitcoin()).to_string()),
            };
            if let Ok(written) = written {
                prop_assert_eq!(written, text);
            }
        }
    }

    #[test]
    fn any_text_is_handled(text in "\\PC{0,130}") {
        let _ = ExtendedPublic::parse(&text, &bitcoin());
        let _ = ExtendedSecret::parse(&text, &bitcoin());
    }
}
