//! The bytes of a keystore, pinned, and what the cipher refuses once the checksum is mended.

use proptest::prelude::*;

use super::cipher::{seal, unseal};
use super::*;

/// A keystore made apart from this code: OpenSSL's argon2id and ChaCha20-Poly1305, and HChaCha20 as its draft has it.
const GOLDEN: &str = include_str!("../../tests/keys/keystore-v1.txt");

const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

fn golden_contents() -> Unlocked {
    Unlocked::new(Mnemonic::parse(WORDS).unwrap(), "TREZOR")
}

fn golden_header() -> Header {
    Header {
        chain: "bitcoin".to_owned(),
        genesis: cairn_params::presets::bitcoin().genesis.hash,
        kdf: KdfParams::new(8192, 2, 1).unwrap(),
        salt: std::array::from_fn(|i| 0x10 + i as u8),
        nonce: std::array::from_fn(|i| 0x40 + i as u8),
    }
}

#[test]
fn the_format_is_pinned() {
    let header = golden_header();
    let key = header.kdf.derive("golden passphrase", &header.salt).unwrap();
    let sealed = seal(&golden_contents(), &key, header.clone()).unwrap();
    assert_eq!(String::from_utf8(sealed.to_bytes()).unwrap(), GOLDEN);

    let read = Sealed::parse(GOLDEN.as_bytes()).unwrap();
    assert_eq!(read.header, header);
    let unlocked = unseal(&read, &key).unwrap();
    assert_eq!(*unlocked.mnemonic().phrase(), WORDS);
    assert_eq!(unlocked.passphrase(), "TREZOR");
}

#[test]
fn each_changed_byte_of_a_file_is_refused() {
    for at in 0..GOLDEN.len() {
        for bit in 0..8 {
            let mut bytes = GOLDEN.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let error = Sealed::parse(&bytes).err().expect("a changed file is refused");
            assert!(
                matches!(error, KeystoreError::Damaged(Damage::Layout | Damage::Checksum)),
                "bit {bit} of byte {at}: {error}"
            );
        }
    }
}

#[test]
fn missing_and_added_bytes_are_refused() {
    for len in 0..GOLDEN.len() {
        assert!(
            matches!(Sealed::parse(&GOLDEN.as_bytes()[..len]), Err(KeystoreError::Damaged(_))),
            "{len} bytes"
        );
    }
    for extra in ["\n", " ", "x", "x\n", "\r\n"] {
        let longer = format!("{GOLDEN}{extra}");
        assert!(matches!(Sealed::parse(longer.as_bytes()), Err(KeystoreError::Damaged(_))), "{extra:?}");
    }
    let windows = GOLDEN.replace('\n', "\r\n");
    assert!(matches!(Sealed::parse(windows.as_bytes()), Err(KeystoreError::Damaged(Damage::Checksum))));
}

#[test]
fn the_cipher_refuses_each_changed_byte_of_header_and_ciphertext() {
    let key = [7; 32];
    let sealed = seal(&golden_contents(), &key, golden_header()).unwrap();
    assert!(unseal(&sealed, &key).is_ok());
    for at in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext[at] ^= 1;
        assert!(
            matches!(unseal(&changed, &key), Err(KeystoreError::WrongPassphrase)),
            "ciphertext byte {at}"
        );
    }
    for at in 0..sealed.line.len() {
        let mut changed = sealed.clone();
        let mut line = changed.line.into_bytes();
        line[at] ^= 1;
        changed.line = String::from_utf8(line).unwrap();
        assert!(matches!(unseal(&changed, &key), Err(KeystoreError::WrongPassphrase)), "header byte {at}");
    }
    for at in 0..sealed.header.nonce.len() {
        let mut changed = sealed.clone();
        changed.header.nonce[at] ^= 1;
        assert!(matches!(unseal(&changed, &key), Err(KeystoreError::WrongPassphrase)), "nonce byte {at}");
    }
    for len in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext.truncate(len);
        assert!(matches!(unseal(&changed, &key), Err(KeystoreError::WrongPassphrase)), "{len} bytes");
    }
    assert!(matches!(unseal(&sealed, &[8; 32]), Err(KeystoreError::WrongPassphrase)));
}

#[test]
fn the_size_does_not_tell_how_many_words_there_are() {
    let len = |entropy: &[u8]| {
        let mnemonic = Mnemonic::from_entropy(crate::Language::English, entropy).unwrap();
        seal(&Unlocked::new(mnemonic, ""), &[7; 32], golden_header()).unwrap().to_bytes().len()
    };
    assert_eq!(len(&[0x5a; 16]), len(&[0xa5; 32]));
}

#[test]
fn contents_that_are_no_wallet_are_damage() {
    use chacha20poly1305::{KeyInit, XChaCha20Poly1305, aead::AeadInOut};
    let text = |text: &str| [&(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
    let padded = |mut bytes: Vec<u8>, fill: u8| {
        bytes.resize(512, fill);
        bytes
    };
    let good = [text(WORDS), text("")].concat();
    let cases: [(&str, Vec<u8>, bool); 8] = [
        ("as it should be", padded(good.clone(), 0), true),
        ("no padding is needed", good.clone(), true),
        ("nothing at all", vec![], false),
        ("a length past the end", vec![0xff, 0xff, b'a'], false),
        ("a wrong checksum", padded([text(&WORDS.replace("about", "able")), text("")].concat(), 0), false),
        ("padding that is not zero", padded(good.clone(), 1), false),
        ("padding for a whole block", [&padded(good.clone(), 0)[..], &[0; 512]].concat(), false),
        ("bytes that are no text", padded([text(WORDS), vec![1, 0, 0xff]].concat(), 0), false),
    ];
    for (name, mut bytes, sound) in cases {
        let header = golden_header();
        let line = header.to_line();
        XChaCha20Poly1305::new(&[7; 32].into())
            .encrypt_in_place(&header.nonce.into(), line.as_bytes(), &mut bytes)
            .unwrap();
        let result = unseal(&Sealed { header, line, ciphertext: bytes }, &[7; 32]);
        match result {
            Ok(_) => assert!(sound, "{name}"),
            Err(KeystoreError::Damaged(Damage::Contents)) => assert!(!sound, "{name}"),
            Err(other) => panic!("{name}: {other}"),
        }
    }
}

/// `header` and `ciphertext` with the checksum they need.
fn with_checksum(header: &str, ciphertext: &str) -> String {
    let text = format!("{header}\n{ciphertext}\n");
    let sum = cairn_primitives::hash::sha256(text.as_bytes());
    format!("{text}{}\n", cairn_primitives::hex::encode(&sum))
}

proptest! {
    #[test]
    fn any_bytes_are_handled(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Sealed::parse(&bytes).is_err());
    }

    #[test]
    fn any_sound_file_reads_back(at in 0usize..300, with in "[ -~]{0,6}", ciphertext in "([0-9a-f]{2}){0,40}") {
        let mut header = GOLDEN.lines().next().unwrap().to_owned();
        header.replace_range(at..at + 2, &with);
        let file = with_checksum(&header, &ciphertext);
        if let Ok(sealed) = Sealed::parse(file.as_bytes()) {
            prop_assert_eq!(sealed.to_bytes(), file.into_bytes());
        }
    }
}
