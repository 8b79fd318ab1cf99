//! The keystore as a file: what protects it, and what it protects from.

use std::fs;
use std::path::{Path, PathBuf};

use cairn_params::presets;
use cairn_wallet::{
    Damage, FileStep, KdfParams, Keystore, KeystoreError, Language, MAX_KEYSTORE_LEN, MAX_PASSPHRASE_LEN,
    Mnemonic, Unlocked, WordCount, fresh_mnemonic,
};
use tempfile::TempDir;

use crate::common::ABANDON;

pub(crate) const GOLDEN: &str = include_str!("keystore-v1.txt");

fn cheap() -> KdfParams {
    KdfParams::new(KdfParams::MIN_MEMORY_KIB, 1, 1).unwrap()
}

fn wallet() -> Unlocked {
    Unlocked::new(Mnemonic::parse(ABANDON).unwrap(), "TREZOR")
}

/// A fresh folder, and the path of a file in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.json");
    (folder, path)
}

fn create(path: &Path, passphrase: &str) -> Result<Keystore, KeystoreError> {
    Keystore::create(path, &wallet(), passphrase, &presets::vito(), cheap())
}

pub(crate) fn open_bytes(bytes: &[u8]) -> Result<Keystore, KeystoreError> {
    let (_folder, path) = place();
    fs::write(&path, bytes).unwrap();
    Keystore::open(&path)
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_goes_in_comes_out() {
    let spec = presets::vito();
    for (mnemonic, extra) in [
        (Mnemonic::parse(ABANDON).unwrap(), ""),
        (
            Mnemonic::from_entropy(Language::Japanese, &[0xff; 32]).unwrap(),
            "メートルガバヴァぱばぐゞちぢ十人十色",
        ),
        (fresh_mnemonic(WordCount::TwentyFour).unwrap(), &"x".repeat(MAX_PASSPHRASE_LEN)),
    ] {
        let (folder, path) = place();
        let wallet = Unlocked::new(mnemonic.clone(), extra);
        let made = Keystore::create(&path, &wallet, "pass", &spec, cheap()).unwrap();
        let opened = Keystore::open(&path).unwrap();
        for keystore in [made, opened] {
            let unlocked = keystore.unlock("pass").unwrap();
            assert_eq!(unlocked.mnemonic().phrase(), mnemonic.phrase());
            assert_eq!(unlocked.seed().as_bytes(), mnemonic.to_seed(extra).as_bytes());
            assert_eq!(keystore.chain(), "vito");
            assert_eq!(keystore.genesis(), spec.genesis.hash);
            assert_eq!(keystore.params(), cheap());
            assert_eq!(keystore.path(), path);
        }
        assert_eq!(names(&folder), ["wallet.json"], "nothing else is left behind");
    }
}

#[test]
fn the_golden_file_opens() {
    let keystore = open_bytes(GOLDEN.as_bytes()).unwrap();
    assert_eq!(keystore.chain(), "bitcoin");
    assert_eq!(keystore.params(), KdfParams::new(8192, 2, 1).unwrap());
    let unlocked = keystore.unlock("golden passphrase").unwrap();
    assert_eq!(*unlocked.mnemonic().phrase(), ABANDON);
    assert_eq!(unlocked.passphrase(), "TREZOR");
    // The seed of BIP39's first vector.
    let seed = cairn_primitives::hex::encode(unlocked.seed().as_bytes());
    assert!(seed.starts_with("c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a698"));
}

#[test]
fn another_passphrase_is_refused() {
    let keystore = open_bytes(GOLDEN.as_bytes()).unwrap();
    for wrong in ["", "golden", "Golden passphrase", "golden passphrase ", "golden passphrasf"] {
        let error = keystore.unlock(wrong).unwrap_err();
        assert!(matches!(error, KeystoreError::WrongPassphrase), "{wrong:?}: {error}");
    }
}

#[test]
fn a_passphrase_is_the_same_in_every_unicode_form() {
    let (_folder, path) = place();
    let keystore = create(&path, "caf\u{e9}").unwrap();
    assert!(keystore.unlock("cafe\u{301}").is_ok());
    assert!(matches!(keystore.unlock("cafe"), Err(KeystoreError::WrongPassphrase)));
}

#[test]
fn passphrases_have_a_limit() {
    let limit = MAX_PASSPHRASE_LEN;
    let refused = |result: Result<(), KeystoreError>| matches!(result, Err(KeystoreError::PassphraseTooLong { got, limit: said }) if got == limit + 1 && said == limit);
    let (folder, path) = place();
    let (longest, longer) = ("p".repeat(limit), "p".repeat(limit + 1));
    assert!(refused(create(&path, &longer).map(drop)));
    let words = Unlocked::new(Mnemonic::parse(ABANDON).unwrap(), &longer);
    assert!(refused(Keystore::create(&path, &words, "", &presets::vito(), cheap()).map(drop)));
    assert!(names(&folder).is_empty(), "a refused keystore leaves no file");
    let keystore = create(&path, &longest).unwrap();
    assert!(keystore.unlock(&longest).is_ok());
    assert!(refused(keystore.unlock(&longer).map(drop)));
}

#[test]
fn a_changed_file_is_refused() {
    // Each byte and each length is tried beside the reader, in src/keystore/tests.rs.
    let mut bytes = GOLDEN.as_bytes().to_vec();
    bytes[700] ^= 1;
    assert!(matches!(open_bytes(&bytes), Err(KeystoreError::Damaged(Damage::Checksum))));
    assert!(matches!(open_bytes(&GOLDEN.as_bytes()[..700]), Err(KeystoreError::Damaged(Damage::Layout))));
    assert!(matches!(open_bytes(b""), Err(KeystoreError::Damaged(Damage::Layout))));
}

#[test]
fn a_file_too_large_is_refused_unread() {
    let limit = MAX_KEYSTORE_LEN;
    assert!(matches!(open_bytes(&vec![b' '; limit]), Err(KeystoreError::Damaged(Damage::Layout))));
    let error = open_bytes(&vec![b' '; limit + 1]).unwrap_err();
    assert!(matches!(error, KeystoreError::TooLarge { limit: said } if said == limit));
    // What could not be read is not written.
    let (folder, path) = place();
    let mut spec = presets::vito();
    spec.chain.name = "n".repeat(limit);
    let error = Keystore::create(&path, &wallet(), "", &spec, cheap()).unwrap_err();
    assert!(matches!(error, KeystoreError::TooLarge { .. }));
    assert!(names(&folder).is_empty());
}

#[test]
fn nothing_is_overwritten() {
    let (folder, path) = place();
    for content in ["", "precious"] {
        fs::write(&path, content).unwrap();
        let error = create(&path, "pass").unwrap_err();
        assert!(matches!(error, KeystoreError::Exists { path: said } if said == path));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(names(&folder), ["wallet.json"]);
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_not_followed() {
    let (folder, path) = place();
    let target = folder.path().join("elsewhere");
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert!(matches!(create(&path, "pass"), Err(KeystoreError::Exists { .. })));
    assert!(!target.exists());
}

#[test]
fn of_two_at_once_one_makes_the_file() {
    let (folder, path) = place();
    let results = std::thread::scope(|scope| {
        let path = &path;
        let threads = ["a", "b", "c", "d"].map(|name| scope.spawn(move || create(path, name).map(|_| name)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let made: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(made.len(), 1, "{results:?}");
    assert!(Keystore::open(&path).unwrap().unlock(made[0]).is_ok());
    assert_eq!(names(&folder), ["wallet.json"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut keystore = create(&path, "old").unwrap();
    assert_eq!(mode(&path), 0o600);
    keystore.change_passphrase("old", "new", cheap()).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_missing_file_or_folder_is_named() {
    let (folder, path) = place();
    let nowhere = folder.path().join("none").join("wallet.json");
    for (error, expected) in [
        (Keystore::open(&path).unwrap_err(), FileStep::Read),
        (create(&nowhere, "pass").unwrap_err(), FileStep::Write),
    ] {
        let KeystoreError::File { step, source, .. } = error else { panic!("{error}") };
        assert_eq!((step, source.kind()), (expected, std::io::ErrorKind::NotFound));
    }
}

#[test]
fn the_passphrase_can_be_changed() {
    let (folder, path) = place();
    let mut keystore = create(&path, "old").unwrap();
    let before = fs::read_to_string(&path).unwrap();
    let error = keystore.change_passphrase("other", "new", cheap()).unwrap_err();
    assert!(matches!(error, KeystoreError::WrongPassphrase));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);

    let stronger = KdfParams::new(KdfParams::MIN_MEMORY_KIB + 1024, 2, 1).unwrap();
    keystore.change_passphrase("old", "new", stronger).unwrap();
    for keystore in [keystore, Keystore::open(&path).unwrap()] {
        assert!(matches!(keystore.unlock("old"), Err(KeystoreError::WrongPassphrase)));
        let unlocked = keystore.unlock("new").unwrap();
        assert_eq!(unlocked.seed().as_bytes(), wallet().seed().as_bytes());
        assert_eq!((keystore.params(), keystore.chain()), (stronger, "vito"));
    }
    assert_eq!(names(&folder), ["wallet.json"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_keystore_stays_a_link() {
    let (folder, path) = place();
    create(&path, "old").unwrap();
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    Keystore::open(&link).unwrap().change_passphrase("old", "new", cheap()).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(Keystore::open(&path).unwrap().unlock("new").is_ok());
    assert_eq!(names(&folder), ["link.json", "wallet.json"]);
}

#[test]
fn a_file_changed_meanwhile_is_left_alone() {
    let (_folder, path) = place();
    let mut keystore = create(&path, "old").unwrap();
    Keystore::open(&path).unwrap().change_passphrase("old", "theirs", cheap()).unwrap();
    let theirs = fs::read(&path).unwrap();
    let error = keystore.change_passphrase("old", "ours", cheap()).unwrap_err();
    assert!(matches!(error, KeystoreError::Changed { .. }));
    assert_eq!(fs::read(&path).unwrap(), theirs);
}

#[test]
fn salt_nonce_and_words_are_fresh() {
    let file = || {
        let (_folder, path) = place();
        create(&path, "same").unwrap();
        fs::read_to_string(&path).unwrap()
    };
    let (one, other) = (file(), file());
    let field = |file: &str, name: &str| -> String {
        let from = file.find(name).expect("each header has it") + name.len();
        file[from..].chars().take(32).collect()
    };
    for name in ["\"salt\":\"", "\"nonce\":\""] {
        assert_ne!(field(&one, name), field(&other, name), "{name}");
    }
    assert_ne!(one.lines().nth(1), other.lines().nth(1));
    let phrase = || fresh_mnemonic(WordCount::Twelve).unwrap().phrase();
    assert_ne!(phrase(), phrase());
}

#[test]
fn a_wallet_knows_its_chain() {
    let (_folder, path) = place();
    let keystore = create(&path, "").unwrap();
    keystore.check_chain(&presets::vito()).unwrap();
    let error = keystore.check_chain(&presets::bitcoin()).unwrap_err();
    let KeystoreError::OtherChain { chain, got, expected } = error else { panic!("{error}") };
    assert_eq!(chain, "vito");
    assert_eq!((got, expected), (presets::vito().genesis.hash, presets::bitcoin().genesis.hash));
}

#[test]
fn nothing_secret_is_printed_or_written_in_the_clear() {
    let (_folder, path) = place();
    let wallet = Unlocked::new(Mnemonic::parse(ABANDON).unwrap(), "secret extra");
    let keystore = Keystore::create(&path, &wallet, "secret pass", &presets::vito(), cheap()).unwrap();
    assert_eq!(format!("{wallet:?}"), "Unlocked(redacted)");
    let seed = cairn_primitives::hex::encode(wallet.seed().as_bytes());
    let file = fs::read_to_string(&path).unwrap();
    let shown =
        format!("{keystore:?} {:?} {:?}", keystore.unlock("secret pas"), keystore.unlock("secret pass"));
    for text in [file, shown] {
        for secret in ["secret", "abandon", "about", &seed, &cairn_primitives::hex::encode(b"abandon")] {
            assert!(!text.contains(secret), "{secret:?} in {text}");
        }
    }
}
