//! Blocks and transactions from files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cairn_primitives::{Block, Decode, Transaction, hex};

use super::error::VerifyError;

/// Largest block file that is read, bytes: no block of a chain that can be described is larger.
pub const MAX_BLOCK_FILE: u64 = 64 << 20;

/// Largest file with a transaction that is read, bytes; as hex it takes two for one.
pub const MAX_TX_FILE: u64 = 16 << 20;

/// A file's bytes, of which there may be `limit`.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, VerifyError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|source| VerifyError::Unreadable { path: path.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(VerifyError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// The block in a file: its bytes as they are on the wire, nothing before or behind them.
///
/// # Errors
/// [`VerifyError::Unreadable`], [`VerifyError::TooLarge`] past [`MAX_BLOCK_FILE`], [`VerifyError::Block`].
pub fn read_block(path: &Path) -> Result<Block, VerifyError> {
    let bytes = read(path, MAX_BLOCK_FILE)?;
    Block::from_bytes(&bytes).map_err(|source| VerifyError::Block { path: path.to_owned(), source })
}

/// The transaction in a file, as bytes or as hex, or the one whose hex is given where there is no such file.
///
/// # Errors
/// [`VerifyError::Unreadable`], [`VerifyError::TooLarge`] past [`MAX_TX_FILE`], [`VerifyError::Hex`], [`VerifyError::Tx`].
pub fn read_tx(hex_or_path: &str) -> Result<Transaction, VerifyError> {
    let bytes = match read(Path::new(hex_or_path), MAX_TX_FILE) {
        Ok(bytes) => match std::str::from_utf8(&bytes).map(|text| hex::decode(text.trim())) {
            Ok(Ok(decoded)) => decoded,
            _ => bytes,
        },
        // No file of this name; a long name cannot even be asked for.
        Err(VerifyError::Unreadable { source, .. }) if is_no_file(&source) => {
            hex::decode(hex_or_path.trim()).map_err(VerifyError::Hex)?
        }
        Err(error) => return Err(error),
    };
    Transaction::from_bytes(&bytes).map_err(VerifyError::Tx)
}

fn is_no_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput
    )
}
