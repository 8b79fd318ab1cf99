//! What can go wrong with a keystore.

use core::fmt;
use std::io;
use std::path::PathBuf;

use cairn_primitives::BlockHash;
use thiserror::Error;

use crate::mnemonic::MnemonicError;

/// Why parameters of the key derivation are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KdfError {
    /// Too little memory to slow anyone down, or more than a wallet may ask for.
    #[error("{got} KiB of memory for the key derivation, allowed are {min} to {limit}")]
    Memory {
        /// KiB asked for.
        got: u32,
        /// Least.
        min: u32,
        /// Most.
        limit: u32,
    },
    /// No pass over the memory, or more than a wallet may ask for.
    #[error("{got} passes of the key derivation, allowed are {min} to {limit}")]
    Passes {
        /// Passes asked for.
        got: u32,
        /// Fewest.
        min: u32,
        /// Most.
        limit: u32,
    },
    /// No lane, or more than a wallet may ask for.
    #[error("{got} lanes of the key derivation, allowed are {min} to {limit}")]
    Lanes {
        /// Lanes asked for.
        got: u32,
        /// Fewest.
        min: u32,
        /// Most.
        limit: u32,
    },
}

/// Which part of a keystore is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is not three lines of text.
    Layout,
    /// The checksum in the last line is not that of the lines before it.
    Checksum,
    /// The first line is not a keystore's header.
    Header,
    /// The second line is not the hex form of an encrypted wallet.
    Ciphertext,
    /// The right passphrase gave something that is no wallet.
    Contents,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layout => "it is not three lines of text",
            Self::Checksum => "its checksum does not match",
            Self::Header => "its first line is no header",
            Self::Ciphertext => "its second line is no encrypted wallet",
            Self::Contents => "what is inside is no wallet",
        })
    }
}

/// What was being done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStep {
    /// Opening or reading it.
    Read,
    /// Creating, writing or syncing it.
    Write,
    /// Giving it its name.
    Rename,
}

impl fmt::Display for FileStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Rename => "rename",
        })
    }
}

/// Why a keystore was not made, opened, unlocked or changed. No secret is part of it.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// Something is there already, and is left as it is.
    #[error("{} exists and is not overwritten", path.display())]
    Exists {
        /// The path given.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {step} {}: {source}", path.display())]
    File {
        /// What was being done.
        step: FileStep,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is larger than any keystore.
    #[error("a keystore has at most {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A sound file that is no keystore.
    #[error("not a keystore")]
    NotAKeystore,
    /// A keystore of a later program.
    #[error("keystore version {got}, this program reads {expected}")]
    Version {
        /// The version found.
        got: u64,
        /// The version this program reads.
        expected: u64,
    },
    /// Bytes were changed since it was written.
    #[error("the keystore is damaged: {0}")]
    Damaged(Damage),
    /// The key derivation asks for too much or too little.
    #[error(transparent)]
    Kdf(#[from] KdfError),
    /// The passphrase is another one. A file changed by someone who also mended its checksum looks the same.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// A passphrase, of either kind, is too long.
    #[error("{got} bytes of passphrase, {limit} is the limit")]
    PassphraseTooLong {
        /// Bytes in Unicode form NFKD.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The wallet belongs to another chain.
    #[error("this is a wallet of chain {chain} with genesis {got}, not of the one with genesis {expected}")]
    OtherChain {
        /// The name of the wallet's chain.
        chain: String,
        /// The hash of that chain's first block.
        got: BlockHash,
        /// The hash of this chain's first block.
        expected: BlockHash,
    },
    /// The file is no longer the one that was opened; it is left as it is.
    #[error("{} was changed by someone else", path.display())]
    Changed {
        /// Its path.
        path: PathBuf,
    },
    /// The memory for the key derivation is not to be had.
    #[error("{kib} KiB of memory for the key derivation are not to be had")]
    OutOfMemory {
        /// KiB asked for.
        kib: u32,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// Entropy made no mnemonic.
    #[error(transparent)]
    Mnemonic(#[from] MnemonicError),
}
