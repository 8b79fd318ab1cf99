//! What a wallet reads: PSBTs, its files, words, keys and paths.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use cairn_params::{ChainSpec, presets};
use cairn_primitives::{TxOut, hash, hex};
use cairn_script::{ScriptFlags, SighashCache, verify};
use cairn_wallet::{
    AccountPublic, AccountSecret, DerivationPath, ExtendedPublic, ExtendedSecret, FileError, KdfParams,
    Keystore, MAX_KEYSTORE_LEN, Mnemonic, Psbt, Purpose, SigningRequest, Wallet, sign,
};

pub(crate) static SPEC: LazyLock<Arc<ChainSpec>> = LazyLock::new(|| Arc::new(presets::bitcoin()));

/// The words of BIP84's test vectors.
pub(crate) const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// An account of each purpose, with its secrets.
pub(crate) static SECRETS: LazyLock<Vec<AccountSecret>> = LazyLock::new(|| {
    let seed = Mnemonic::parse(WORDS).expect("BIP84's words are a mnemonic").to_seed("");
    let account = |purpose| AccountSecret::derive(&seed, purpose, 0, &SPEC).expect("the first account");
    Purpose::ALL.map(account).to_vec()
});

pub(crate) static ACCOUNTS: LazyLock<Vec<AccountPublic>> =
    LazyLock::new(|| SECRETS.iter().map(|secret| secret.to_public().expect("an account's key")).collect());

/// A PSBT, binary or as text: both forms write themselves again, and what the wallet signs is a valid spend.
pub fn psbt(data: &[u8]) {
    let psbt = match Psbt::from_bytes(data) {
        Ok(psbt) => {
            assert_eq!(psbt.to_bytes(), data);
            psbt
        }
        Err(_) => {
            let Ok(text) = std::str::from_utf8(data) else { return };
            let Ok(psbt) = text.parse::<Psbt>() else { return };
            assert_eq!(psbt.to_string(), text);
            psbt
        }
    };
    assert_eq!(psbt.to_string().parse().as_ref(), Ok(&psbt));
    let Ok(request) = psbt.to_request(&ACCOUNTS) else { return };
    assert_eq!(request.inputs.len(), psbt.transaction().inputs().len());
    assert_eq!(request.outputs.len(), psbt.transaction().outputs().len());
    let written = Psbt::from_request(&request, &ACCOUNTS, None, &SPEC).expect("all its keys are known");
    if let Ok(again) = written.to_request(&ACCOUNTS) {
        let origins =
            |request: &SigningRequest| request.inputs.iter().map(|input| input.origin).collect::<Vec<_>>();
        assert_eq!((&again.tx, origins(&again)), (&request.tx, origins(&request)));
    }
    signed(&request);
}

/// What is signed is the same transaction, and every input of it is allowed to spend its coin.
fn signed(request: &SigningRequest) {
    let Ok(tx) = sign(request, &SECRETS) else { return };
    assert_eq!(tx.outputs(), request.tx.outputs());
    assert!(
        tx.inputs().iter().map(|input| input.previous).eq(request
            .tx
            .inputs()
            .iter()
            .map(|input| input.previous))
    );
    let coins: Vec<&TxOut> = request.inputs.iter().map(|input| &input.coin).collect();
    let cache = SighashCache::new(&tx, coins);
    let flags = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT | ScriptFlags::CLEANSTACK;
    for input in 0..tx.inputs().len() {
        assert_eq!(verify(&cache, input, flags), Ok(()));
    }
}

/// Text that begins with `{` is a wallet's file or a keystore; other text is words, a path or an extended key.
pub fn wallet(data: &[u8]) {
    if data.first() == Some(&b'{') {
        wallet_file(data);
        keystore(data);
    } else if let Ok(text) = std::str::from_utf8(data) {
        words(text);
        keys(text);
    }
}

/// Most addresses a file may say were used: each is derived when it is read.
const MAX_DERIVED: usize = 3;

/// The wallet in this text, with its checksum set right. One that was read writes itself the same ever after.
fn wallet_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Deriving thousands of addresses is slow and shows nothing new; a number of more digits is above the limits.
    let digits = |field: &str| {
        let numbers = text.split(field).skip(1).map(|rest| {
            let rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ':']);
            rest.bytes().take_while(u8::is_ascii_digit).count()
        });
        numbers.filter(|count| *count < 7).max().unwrap_or(0)
    };
    if ["used\"", "next\"", "gap_limit\""].into_iter().map(digits).max() >= Some(MAX_DERIVED) {
        return;
    }
    let wallet = match Wallet::from_bytes(data, Arc::clone(&SPEC)) {
        Err(FileError::Checksum { got, expected }) => {
            let mended = text.replace(&expected.to_string(), &got.to_string());
            Wallet::from_bytes(mended.as_bytes(), Arc::clone(&SPEC))
        }
        other => other,
    };
    let Ok(wallet) = wallet else { return };
    let written = wallet.to_bytes().expect("no longer than what was read");
    let again = Wallet::from_bytes(&written, Arc::clone(&SPEC)).expect("what was written is read");
    assert_eq!(again.to_bytes().ok(), Some(written));
    assert_eq!((again.balance(), again.coins().len()), (wallet.balance(), wallet.coins().len()));
    assert_eq!(again.next_address(), wallet.next_address());
    assert!(wallet.addresses().iter().all(|known| wallet.owns(&known.address.script_pubkey())));
}

/// Where this process keeps the file it asks the keystore to open.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| crate::folder("keystore"));

/// A keystore of these two lines, with the checksum that belongs below them. It opens with parameters within their
/// bounds and for the chain it names.
fn keystore(data: &[u8]) {
    let lines = data.strip_suffix(b"\n").unwrap_or(data);
    let lines = [lines, b"\n"].concat();
    let file = [lines.as_slice(), hex::encode(&hash::sha256(&lines)).as_bytes(), b"\n"].concat();
    let path = FOLDER.join("keystore");
    std::fs::write(&path, &file).expect("the temporary folder takes files");
    let Ok(keystore) = Keystore::open(&path) else { return };
    assert!(file.len() <= MAX_KEYSTORE_LEN);
    let params = keystore.params();
    assert_eq!(KdfParams::new(params.memory_kib(), params.passes(), params.lanes()).ok(), Some(params));
    assert_eq!(keystore.check_chain(&SPEC).is_ok(), keystore.genesis() == SPEC.genesis.hash);
}

/// A mnemonic is read again from its own words, with the same seed.
fn words(text: &str) {
    let Ok(mnemonic) = Mnemonic::parse(text) else { return };
    let again = Mnemonic::parse(&mnemonic.phrase()).expect("its own words");
    assert_eq!(*again.phrase(), *mnemonic.phrase());
    assert!(mnemonic.words().eq(again.words()));
    assert!(matches!(mnemonic.words().count(), 12 | 15 | 18 | 21 | 24));
}

/// A path or an extended key writes itself again.
fn keys(text: &str) {
    if let Ok(path) = text.parse::<DerivationPath>() {
        assert!(path.steps().len() <= DerivationPath::MAX_LEN);
        assert_eq!(path.to_string().parse().as_ref(), Ok(&path));
    }
    for name in ["bitcoin", "testnet3"] {
        let prefixes = ChainSpec::preset(name).expect("a preset's name").address;
        if let Ok(key) = ExtendedSecret::parse(text, &prefixes) {
            assert_eq!(*key.encode(&prefixes), text);
            let public = key.to_public();
            let read = ExtendedPublic::parse(&public.encode(&prefixes), &prefixes);
            assert_eq!(read.map(|read| read.fingerprint()), Ok(key.fingerprint()));
        }
        if let Ok(key) = ExtendedPublic::parse(text, &prefixes) {
            assert_eq!(key.encode(&prefixes), text);
            for purpose in Purpose::ALL {
                if let Ok(account) = AccountPublic::new(purpose, key.clone()) {
                    assert_eq!(account.key(), &key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the target would never come to signing.
    #[test]
    fn every_seed_is_a_request_that_can_be_signed() {
        for seed in crate::grown::psbts() {
            let text = || std::str::from_utf8(&seed).unwrap().parse::<Psbt>().unwrap();
            let psbt = Psbt::from_bytes(&seed).unwrap_or_else(|_| text());
            let request = psbt.to_request(&ACCOUNTS).unwrap();
            assert!(request.fee().is_some());
            assert!(sign(&request, &SECRETS).is_ok());
            signed(&request);
        }
    }

    #[test]
    fn a_changed_wallet_is_read_once_its_checksum_is_mended() {
        let seed = crate::grown::wallets().remove(0);
        let changed = String::from_utf8(seed).unwrap().replace("\"gap_limit\":2", "\"gap_limit\":3");
        let Err(FileError::Checksum { got, expected }) =
            Wallet::from_bytes(changed.as_bytes(), Arc::clone(&SPEC))
        else {
            panic!("a changed file is refused")
        };
        let mended = changed.replace(&expected.to_string(), &got.to_string());
        assert_eq!(Wallet::from_bytes(mended.as_bytes(), Arc::clone(&SPEC)).unwrap().gap_limit(), 3);
        wallet_file(changed.as_bytes());
    }

    #[test]
    fn the_keystore_without_its_checksum_opens() {
        let seeds = crate::grown::wallets();
        let seed = seeds.iter().find(|seed| seed.starts_with(b"{\"format\"")).unwrap();
        keystore(seed);
        assert!(Keystore::open(&FOLDER.join("keystore")).is_ok());
    }
}
