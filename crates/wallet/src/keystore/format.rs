//! The bytes of a keystore file.

use cairn_primitives::{BlockHash, hash, hex};
use serde::{Deserialize, Serialize};

use super::cipher::{NONCE_LEN, TAG_LEN};
use super::error::{Damage, KeystoreError};
use super::kdf::{KdfParams, SALT_LEN};

/// What the header calls the file.
const FORMAT: &str = "cairn-keystore";
/// The version of header and contents.
const VERSION: u64 = 1;
/// What the header calls the key derivation.
const KDF: &str = "argon2id";
/// What the header calls the cipher.
const CIPHER: &str = "xchacha20poly1305";

/// What a keystore says in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) chain: String,
    pub(super) genesis: BlockHash,
    pub(super) kdf: KdfParams,
    pub(super) salt: [u8; SALT_LEN],
    pub(super) nonce: [u8; NONCE_LEN],
}

/// A keystore file, taken apart. Nothing in it is secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) header: Header,
    /// The header as it stands in the file: the cipher's associated data.
    pub(super) line: String,
    pub(super) ciphertext: Vec<u8>,
}

impl Sealed {
    /// The file: header, ciphertext and checksum, a line each.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\n{}\n", self.line, hex::encode(&self.ciphertext));
        let sum = checksum(text.as_bytes());
        text.push_str(&sum);
        text.push('\n');
        text.into_bytes()
    }

    /// Reads a file. The checksum comes first: what it does not cover is not looked at.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeystoreError> {
        let (header, ciphertext) = checked_lines(bytes).map_err(KeystoreError::Damaged)?;
        check_version(header)?;
        let ciphertext = hex::decode(ciphertext)
            .ok()
            .filter(|bytes| bytes.len() >= TAG_LEN)
            .ok_or(KeystoreError::Damaged(Damage::Ciphertext))?;
        Ok(Self { header: Header::parse(header)?, line: header.to_owned(), ciphertext })
    }
}

/// The first two lines of three, once the third is found to be their checksum.
fn checked_lines(bytes: &[u8]) -> Result<(&str, &str), Damage> {
    let text = std::str::from_utf8(bytes).map_err(|_| Damage::Layout)?;
    let mut lines = text.strip_suffix('\n').ok_or(Damage::Layout)?.split('\n');
    let (Some(header), Some(ciphertext), Some(sum), None) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        return Err(Damage::Layout);
    };
    let covered = &bytes[..header.len() + ciphertext.len() + 2];
    if checksum(covered) != sum {
        return Err(Damage::Checksum);
    }
    Ok((header, ciphertext))
}

/// SHA-256 in hex. It finds accidents, not attacks: those are the cipher's business.
fn checksum(bytes: &[u8]) -> String {
    hex::encode(&hash::sha256(bytes))
}

/// What every version's header has.
#[derive(Deserialize)]
struct Kind {
    format: String,
    version: u64,
}

fn check_version(line: &str) -> Result<(), KeystoreError> {
    let kind: Kind = serde_json::from_str(line).map_err(|_| KeystoreError::NotAKeystore)?;
    match kind.version {
        _ if kind.format != FORMAT => Err(KeystoreError::NotAKeystore),
        VERSION => Ok(()),
        got => Err(KeystoreError::Version { got, expected: VERSION }),
    }
}

/// The header of version 1 as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderText {
    format: String,
    version: u64,
    chain: String,
    genesis: String,
    kdf: KdfText,
    cipher: CipherText,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KdfText {
    name: String,
    memory_kib: u64,
    passes: u64,
    lanes: u64,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CipherText {
    name: String,
    nonce: String,
}

impl Header {
    /// The header as one line of JSON.
    pub(super) fn to_line(&self) -> String {
        let text = HeaderText {
            format: FORMAT.to_owned(),
            version: VERSION,
            chain: self.chain.clone(),
            genesis: self.genesis.to_string(),
            kdf: KdfText {
                name: KDF.to_owned(),
                memory_kib: self.kdf.memory_kib().into(),
                passes: self.kdf.passes().into(),
                lanes: self.kdf.lanes().into(),
                salt: hex::encode(&self.salt),
            },
            cipher: CipherText { name: CIPHER.to_owned(), nonce: hex::encode(&self.nonce) },
        };
        serde_json::to_string(&text).expect("strings and numbers have a JSON form")
    }

    fn parse(line: &str) -> Result<Self, KeystoreError> {
        let damaged = KeystoreError::Damaged(Damage::Header);
        let Some(text) = serde_json::from_str::<HeaderText>(line)
            .ok()
            .filter(|text| text.kdf.name == KDF && text.cipher.name == CIPHER)
        else {
            return Err(damaged);
        };
        let (Ok(genesis), Ok(salt), Ok(nonce)) =
            (text.genesis.parse(), hex::decode_array(&text.kdf.salt), hex::decode_array(&text.cipher.nonce))
        else {
            return Err(damaged);
        };
        // A number too large for the type is too large for the bounds as well.
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let kdf =
            KdfParams::new(number(text.kdf.memory_kib), number(text.kdf.passes), number(text.kdf.lanes))?;
        Ok(Self { chain: text.chain, genesis, kdf, salt, nonce })
    }
}
