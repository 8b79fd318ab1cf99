//! What is inside a keystore, and the cipher around it: XChaCha20-Poly1305 with the header as associated data.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::error::{Damage, KeystoreError};
use super::format::{Header, Sealed};
use super::kdf::KEY_LEN;
use super::{Unlocked, limited};
use crate::mnemonic::Mnemonic;

/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 24;
/// Bytes the cipher adds.
pub(super) const TAG_LEN: usize = 16;
/// The contents are filled up to a multiple of this, so that the file's size does not tell how many words there are.
const BLOCK_LEN: usize = 512;

/// The contents under `key`, bound to `header`.
pub(super) fn seal(
    contents: &Unlocked,
    key: &[u8; KEY_LEN],
    header: Header,
) -> Result<Sealed, KeystoreError> {
    let line = header.to_line();
    let mut buffer = pack(contents)?;
    XChaCha20Poly1305::new(key.into())
        .encrypt_in_place(&header.nonce.into(), line.as_bytes(), &mut *buffer)
        .expect("the cipher takes gigabytes");
    // Only ciphertext is left in it, so it need not be wiped.
    let ciphertext = std::mem::take(&mut *buffer);
    Ok(Sealed { header, line, ciphertext })
}

/// The contents, if `key` is the one they were sealed under and neither header nor ciphertext has changed.
pub(super) fn unseal(sealed: &Sealed, key: &[u8; KEY_LEN]) -> Result<Unlocked, KeystoreError> {
    let mut buffer = Zeroizing::new(sealed.ciphertext.clone());
    XChaCha20Poly1305::new(key.into())
        .decrypt_in_place(&sealed.header.nonce.into(), sealed.line.as_bytes(), &mut *buffer)
        .map_err(|_| KeystoreError::WrongPassphrase)?;
    unpack(&buffer).ok_or(KeystoreError::Damaged(Damage::Contents))
}

/// Words and BIP39 passphrase, each with its length in two little-endian bytes before it; then zeros.
fn pack(contents: &Unlocked) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let texts = [contents.mnemonic().phrase(), limited(contents.passphrase())?];
    let len: usize = texts.iter().map(|text| 2 + text.len()).sum();
    // As long as it gets, so that it never moves and leaves a copy behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(len.next_multiple_of(BLOCK_LEN) + TAG_LEN));
    for text in texts {
        let len = u16::try_from(text.len()).expect("the limits of both texts are far below 65,536");
        buffer.extend(len.to_le_bytes());
        buffer.extend(text.as_bytes());
    }
    buffer.resize(len.next_multiple_of(BLOCK_LEN), 0);
    Ok(buffer)
}

fn unpack(buffer: &[u8]) -> Option<Unlocked> {
    let (phrase, rest) = text(buffer)?;
    let (passphrase, rest) = text(rest)?;
    if rest.len() >= BLOCK_LEN || rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(Unlocked::new(Mnemonic::parse(phrase).ok()?, passphrase))
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}
