//! Headers that someone wrote on purpose, with the checksum they need: versions, fields, bounds of the work.

use cairn_primitives::{hash, hex};
use cairn_wallet::{Damage, KdfError, KdfParams, Keystore, KeystoreError};

use crate::keystore::{GOLDEN, open_bytes};

/// The golden file with `from` in its header replaced and the checksum mended.
fn forged(from: &str, to: &str) -> String {
    let mut lines = GOLDEN.lines();
    let (header, ciphertext) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(header.matches(from).count(), 1, "{from}");
    sealed(&header.replace(from, to), ciphertext)
}

fn sealed(header: &str, ciphertext: &str) -> String {
    let text = format!("{header}\n{ciphertext}\n");
    format!("{text}{}\n", hex::encode(&hash::sha256(text.as_bytes())))
}

fn open(from: &str, to: &str) -> Result<Keystore, KeystoreError> {
    open_bytes(forged(from, to).as_bytes())
}

#[test]
fn later_versions_and_other_files_are_told_apart() {
    assert!(open("\"version\":1", "\"version\":1").is_ok());
    for got in [0, 2, u64::MAX] {
        let error = open("\"version\":1", &format!("\"version\":{got}")).unwrap_err();
        assert!(matches!(error, KeystoreError::Version { got: said, expected: 1 } if said == got), "{error}");
    }
    // A later version may have any other fields.
    let error =
        open_bytes(sealed("{\"format\":\"cairn-keystore\",\"version\":7}", "").as_bytes()).unwrap_err();
    assert!(matches!(error, KeystoreError::Version { got: 7, .. }), "{error}");
    for header in ["", "{}", "[]", "null", "{\"version\":1}", "{\"format\":\"other\",\"version\":1}"] {
        let error = open_bytes(sealed(header, "00").as_bytes()).unwrap_err();
        assert!(matches!(error, KeystoreError::NotAKeystore), "{header}: {error}");
    }
}

#[test]
fn headers_with_anything_amiss_are_refused() {
    let cases = [
        ("\"chain\":\"bitcoin\",", ""),
        ("\"chain\":\"bitcoin\"", "\"chain\":7"),
        ("\"chain\":", "\"more\":1,\"chain\":"),
        ("\"lanes\":1", "\"lanes\":1,\"more\":1"),
        ("\"lanes\":1", "\"lanes\":1,\"lanes\":1"),
        ("\"lanes\":1", "\"lanes\":-1"),
        ("\"lanes\":1", "\"lanes\":1.5"),
        ("\"lanes\":1", "\"lanes\":18446744073709551616"),
        ("argon2id", "argon2d"),
        ("xchacha20poly1305", "none"),
        ("1c1d1e1f", "1c1d1e"),
        ("1c1d1e1f", "1c1d1e1f20"),
        ("1c1d1e1f", "1c1d1e1g"),
        ("54555657", "545556"),
        ("000000000019d668", "00000000019d668"),
        ("}}", "}}}"),
        ("}}", "}} {}"),
    ];
    for (from, to) in cases {
        let error = open(from, to).unwrap_err();
        assert!(
            matches!(error, KeystoreError::Damaged(Damage::Header) | KeystoreError::NotAKeystore),
            "{to}: {error}"
        );
    }
    let header = GOLDEN.lines().next().unwrap();
    for ciphertext in ["", "0", "zz", "00 00", &"00".repeat(15)] {
        let error = open_bytes(sealed(header, ciphertext).as_bytes()).unwrap_err();
        assert!(matches!(error, KeystoreError::Damaged(Damage::Ciphertext)), "{ciphertext:?}: {error}");
    }
    let least = open_bytes(sealed(header, &"00".repeat(16)).as_bytes()).unwrap();
    assert!(matches!(least.unlock("golden passphrase"), Err(KeystoreError::WrongPassphrase)));
}

#[test]
fn a_file_cannot_ask_for_all_memory_or_an_hour_of_work() {
    let kdf = |error: KeystoreError| match error {
        KeystoreError::Kdf(error) => error,
        other => panic!("{other}"),
    };
    let (min, limit) = (KdfParams::MIN_MEMORY_KIB, KdfParams::MAX_MEMORY_KIB);
    for (asked, got) in [
        (0, 0),
        (u64::from(min) - 1, min - 1),
        (u64::from(limit) + 1, limit + 1),
        (1 << 30, 1 << 30), // a terabyte
        (1 << 32, u32::MAX),
        (u64::MAX, u32::MAX),
    ] {
        let error = kdf(open("\"memory_kib\":8192", &format!("\"memory_kib\":{asked}")).unwrap_err());
        assert_eq!(error, KdfError::Memory { got, min, limit });
    }
    for (asked, got) in [(0, 0), (17, 17), (u64::MAX, u32::MAX)] {
        let error = kdf(open("\"passes\":2", &format!("\"passes\":{asked}")).unwrap_err());
        assert_eq!(error, KdfError::Passes { got, min: 1, limit: 16 });
        let error = kdf(open("\"lanes\":1", &format!("\"lanes\":{asked}")).unwrap_err());
        assert_eq!(error, KdfError::Lanes { got, min: 1, limit: 16 });
    }
    // At the bounds a file is opened; nothing is spent before someone unlocks it.
    for (from, to) in [
        ("\"memory_kib\":8192", "\"memory_kib\":1048576"),
        ("\"passes\":2", "\"passes\":16"),
        ("\"passes\":2", "\"passes\":1"),
        ("\"lanes\":1", "\"lanes\":16"),
    ] {
        assert!(open(from, to).is_ok(), "{to}");
    }
}

#[test]
fn parameters_are_bounded_when_they_are_made_too() {
    let (min, limit) = (KdfParams::MIN_MEMORY_KIB, KdfParams::MAX_MEMORY_KIB);
    assert!(KdfParams::new(min, 1, 1).is_ok() && KdfParams::new(limit, 16, 16).is_ok());
    assert_eq!(KdfParams::new(min - 1, 1, 1), Err(KdfError::Memory { got: min - 1, min, limit }));
    assert_eq!(KdfParams::new(limit + 1, 1, 1), Err(KdfError::Memory { got: limit + 1, min, limit }));
    assert_eq!(KdfParams::new(min, 0, 1), Err(KdfError::Passes { got: 0, min: 1, limit: 16 }));
    assert_eq!(KdfParams::new(min, 17, 1), Err(KdfError::Passes { got: 17, min: 1, limit: 16 }));
    assert_eq!(KdfParams::new(min, 1, 0), Err(KdfError::Lanes { got: 0, min: 1, limit: 16 }));
    assert_eq!(KdfParams::new(min, 1, 17), Err(KdfError::Lanes { got: 17, min: 1, limit: 16 }));
    let default = KdfParams::default();
    assert_eq!((default.memory_kib(), default.passes(), default.lanes()), (65536, 3, 1));
    assert_eq!(KdfParams::new(65536, 3, 1), Ok(default));
}

#[test]
fn a_forged_header_does_not_decrypt() {
    // The checksum is mended, so only the cipher can tell; it cannot tell this from a wrong passphrase.
    let cases = [
        ("\"chain\":\"bitcoin\"", "\"chain\":\"vito\""),
        ("\"chain\":", " \"chain\":"),
        ("000000000019d668", "000000000019d669"),
        ("\"passes\":2", "\"passes\":1"),
        ("1c1d1e1f", "1c1d1e1e"),
        ("54555657", "54555656"),
    ];
    for (from, to) in cases {
        let error = open(from, to).unwrap().unlock("golden passphrase").unwrap_err();
        assert!(matches!(error, KeystoreError::WrongPassphrase), "{to}: {error}");
    }
}
