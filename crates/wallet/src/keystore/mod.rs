//! A wallet's words on disk, encrypted.
//!
//! A keystore is a text file of three lines:
//!
//! 1. a JSON header in the clear: `format`, `version`, the chain's name and first block, the key derivation
//!    (argon2id; memory in KiB, passes, lanes, salt) and the cipher (XChaCha20-Poly1305; nonce);
//! 2. the hex form of the encrypted contents, with the first line, byte for byte, as associated data;
//! 3. the SHA-256 in hex of the two lines before it, each with its end.
//!
//! The contents are the words and the BIP39 passphrase, in Unicode form NFKD, each with its length in two
//! little-endian bytes before it, filled with zeros to a multiple of 512 bytes. Later versions keep the three lines,
//! and `format` and `version` in the header.
//!
//! Secrets are wiped from memory when they are dropped, and so are the key and the memory it was derived in. What is
//! beyond reach: copies the libraries leave on the stack, swap space, and a dump of the running process.
//!
//! Every changed byte is refused. The checksum tells damage from a wrong passphrase; against someone who changes the
//! file on purpose stands the cipher.

mod cipher;
mod error;
mod file;
mod format;
mod kdf;

#[cfg(test)]
mod tests;

use core::fmt;
use std::path::{Path, PathBuf};

use cairn_params::ChainSpec;
use cairn_primitives::BlockHash;
use zeroize::Zeroizing;

pub use error::{Damage, FileStep, KdfError, KeystoreError};
pub use kdf::KdfParams;

use crate::mnemonic::{Mnemonic, WordCount, nfkd};
use crate::seed::Seed;
use format::{Header, Sealed};

/// Most bytes of a keystore file.
pub const MAX_KEYSTORE_LEN: usize = 16 * 1024;

/// Most bytes of a passphrase, the keystore's as well as BIP39's, in Unicode form NFKD.
pub const MAX_PASSPHRASE_LEN: usize = 1024;

/// A new English mnemonic from the operating system's random source.
///
/// # Errors
/// [`KeystoreError::Random`].
pub fn fresh_mnemonic(count: WordCount) -> Result<Mnemonic, KeystoreError> {
    let mut entropy = Zeroizing::new(vec![0; count.entropy_len()]);
    getrandom::fill(&mut entropy)?;
    Ok(Mnemonic::generate(count, &entropy)?)
}

/// What a keystore protects: the words, the BIP39 passphrase and the seed they make.
///
/// Wiped from memory when dropped; `Debug` does not show it.
#[derive(Clone)]
pub struct Unlocked {
    mnemonic: Mnemonic,
    passphrase: Zeroizing<String>,
    seed: Seed,
}

impl Unlocked {
    /// From words and a BIP39 passphrase, which may be empty and is not the keystore's.
    pub fn new(mnemonic: Mnemonic, passphrase: &str) -> Self {
        let seed = mnemonic.to_seed(passphrase);
        Self { mnemonic, passphrase: Zeroizing::new(passphrase.to_owned()), seed }
    }

    /// The words.
    pub fn mnemonic(&self) -> &Mnemonic {
        &self.mnemonic
    }

    /// The BIP39 passphrase; empty where there is none.
    pub fn passphrase(&self) -> &str {
        &self.passphrase
    }

    /// The seed of both.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unlocked(redacted)")
    }
}

/// An encrypted wallet in a file. Holds no secret until it is unlocked, and none afterwards.
///
/// ```
/// use cairn_params::presets;
/// use cairn_wallet::{KdfParams, Keystore, KeystoreError, Unlocked, WordCount, fresh_mnemonic};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("wallet.json");
/// // Tests and examples take the cheapest parameters; a wallet takes `KdfParams::default()`.
/// let cheap = KdfParams::new(KdfParams::MIN_MEMORY_KIB, 1, 1)?;
/// let wallet = Unlocked::new(fresh_mnemonic(WordCount::Twelve)?, "");
/// Keystore::create(&path, &wallet, "correct horse", &presets::vito(), cheap)?;
///
/// let keystore = Keystore::open(&path)?;
/// assert!(matches!(keystore.unlock("correct hearse"), Err(KeystoreError::WrongPassphrase)));
/// assert_eq!(keystore.unlock("correct horse")?.seed().as_bytes(), wallet.seed().as_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keystore {
    path: PathBuf,
    sealed: Sealed,
}

impl Keystore {
    /// Encrypts a wallet of the chain of `spec` into a new file, with a fresh salt and nonce.
    ///
    /// The file appears whole, synced, with mode 0600 on Unix; its folder must exist. An empty `passphrase` is taken:
    /// whether that will do is the caller's decision.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] where there is a file, which is left as it is; [`KeystoreError::PassphraseTooLong`];
    /// [`KeystoreError::TooLarge`] for a chain with an absurd name; [`KeystoreError::File`];
    /// [`KeystoreError::OutOfMemory`]; [`KeystoreError::Random`].
    pub fn create(
        path: &Path,
        contents: &Unlocked,
        passphrase: &str,
        spec: &ChainSpec,
        params: KdfParams,
    ) -> Result<Self, KeystoreError> {
        // Asked before the work, and decided when the file is made.
        if path.symlink_metadata().is_ok() {
            return Err(KeystoreError::Exists { path: path.to_owned() });
        }
        let sealed = seal(contents, passphrase, spec.chain.name.clone(), spec.genesis.hash, params)?;
        file::create(path, &bounded(&sealed)?)?;
        Ok(Self { path: path.to_owned(), sealed })
    }

    /// Reads a keystore file and checks everything that needs no passphrase.
    ///
    /// # Errors
    /// [`KeystoreError::File`], [`TooLarge`](KeystoreError::TooLarge), [`Damaged`](KeystoreError::Damaged),
    /// [`NotAKeystore`](KeystoreError::NotAKeystore), [`Version`](KeystoreError::Version) or
    /// [`Kdf`](KeystoreError::Kdf).
    pub fn open(path: &Path) -> Result<Self, KeystoreError> {
        let sealed = Sealed::parse(&file::read(path)?)?;
        Ok(Self { path: path.to_owned(), sealed })
    }

    /// Decrypts the wallet. Takes as long and as much memory as [`params`](Self::params) say.
    ///
    /// # Errors
    /// [`KeystoreError::WrongPassphrase`]; [`KeystoreError::PassphraseTooLong`]; [`KeystoreError::Damaged`] where the
    /// contents are no wallet; [`KeystoreError::OutOfMemory`].
    pub fn unlock(&self, passphrase: &str) -> Result<Unlocked, KeystoreError> {
        let Header { kdf, salt, .. } = &self.sealed.header;
        cipher::unseal(&self.sealed, &*kdf.derive(passphrase, salt)?)
    }

    /// Encrypts the wallet anew under another passphrase, with a fresh salt and nonce, and replaces the file: after a
    /// crash there is the old one or the new one. Copies made before, and what the disk keeps of the old file, still
    /// open with the old passphrase.
    ///
    /// # Errors
    /// Those of [`unlock`](Self::unlock) and [`create`](Self::create); [`KeystoreError::Changed`] where the file is no
    /// longer the one that was opened. The file is then the old one; only after [`KeystoreError::File`] it may be the
    /// new one.
    pub fn change_passphrase(
        &mut self,
        old: &str,
        new: &str,
        params: KdfParams,
    ) -> Result<(), KeystoreError> {
        let contents = self.unlock(old)?;
        let Header { chain, genesis, .. } = self.sealed.header.clone();
        let sealed = seal(&contents, new, chain, genesis, params)?;
        let bytes = bounded(&sealed)?;
        if file::read(&self.path)? != self.sealed.to_bytes() {
            return Err(KeystoreError::Changed { path: self.path.clone() });
        }
        file::replace(&self.path, &bytes)?;
        self.sealed = sealed;
        Ok(())
    }

    /// Whether this is a wallet of the chain of `spec`, by its first block.
    ///
    /// # Errors
    /// [`KeystoreError::OtherChain`].
    pub fn check_chain(&self, spec: &ChainSpec) -> Result<(), KeystoreError> {
        let (got, expected) = (self.genesis(), spec.genesis.hash);
        if got != expected {
            return Err(KeystoreError::OtherChain { chain: self.chain().to_owned(), got, expected });
        }
        Ok(())
    }

    /// The name of its chain.
    pub fn chain(&self) -> &str {
        &self.sealed.header.chain
    }

    /// The hash of its chain's first block.
    pub fn genesis(&self) -> BlockHash {
        self.sealed.header.genesis
    }

    /// How much work a guess of its passphrase costs.
    pub fn params(&self) -> KdfParams {
        self.sealed.header.kdf
    }

    /// Where its file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystore")
            .field("path", &self.path)
            .field("chain", &self.chain())
            .field("params", &self.params())
            .finish_non_exhaustive()
    }
}

fn seal(
    contents: &Unlocked,
    passphrase: &str,
    chain: String,
    genesis: BlockHash,
    kdf: KdfParams,
) -> Result<Sealed, KeystoreError> {
    let mut header = Header { chain, genesis, kdf, salt: [0; _], nonce: [0; _] };
    getrandom::fill(&mut header.salt)?;
    getrandom::fill(&mut header.nonce)?;
    let key = kdf.derive(passphrase, &header.salt)?;
    cipher::seal(contents, &key, header)
}

fn bounded(sealed: &Sealed) -> Result<Vec<u8>, KeystoreError> {
    let bytes = sealed.to_bytes();
    if bytes.len() > MAX_KEYSTORE_LEN {
        return Err(KeystoreError::TooLarge { limit: MAX_KEYSTORE_LEN });
    }
    Ok(bytes)
}

/// A passphrase in Unicode form NFKD, in which it is the same on every keyboard.
fn limited(passphrase: &str) -> Result<Zeroizing<String>, KeystoreError> {
    let passphrase = nfkd(passphrase);
    let (got, limit) = (passphrase.len(), MAX_PASSPHRASE_LEN);
    if got > limit {
        return Err(KeystoreError::PassphraseTooLong { got, limit });
    }
    Ok(passphrase)
}
