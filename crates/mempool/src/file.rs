//! The frame of the pool's files: which file it is, its version, and whether its bytes are whole.

use cairn_primitives::DecodeError;
use serde::{Deserialize, Serialize};

/// Bytes before the body: four that name the file, the version and the checksum, each four bytes, least significant first.
const HEADER: usize = 12;
/// Longest file in bytes that is written or read: 1 GiB.
pub const MAX_FILE_BYTES: usize = 1 << 30;

/// The form of the body: bincode with variable-length integers, least significant first. Nothing larger than a file may
/// be announced in it.
const BODY: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_FILE_BYTES>,
> = bincode::config::standard().with_limit::<MAX_FILE_BYTES>();

/// Why the bytes of a file were not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Shorter than what stands before the body.
    #[error("the file has {got} bytes, at least {limit} are needed")]
    TooShort {
        /// Its length in bytes.
        got: usize,
        /// The least.
        limit: usize,
    },
    /// Longer than a file may be.
    #[error("the file has {got} bytes, at most {limit} are read")]
    TooLong {
        /// Its length in bytes.
        got: usize,
        /// [`MAX_FILE_BYTES`].
        limit: usize,
    },
    /// Another kind of file.
    #[error("the file begins with {got:02x?}, not with {expected:02x?}")]
    Magic {
        /// Its first four bytes.
        got: [u8; 4],
        /// What it should begin with.
        expected: [u8; 4],
    },
    /// A version this program does not know.
    #[error("the file has version {got}, this program knows {expected}")]
    Version {
        /// Its version.
        got: u32,
        /// The version known.
        expected: u32,
    },
    /// Bytes were changed or lost.
    #[error("the file's checksum is {got:08x}, its bytes give {expected:08x}: it is damaged")]
    Checksum {
        /// What the file says.
        got: u32,
        /// CRC-32C of its version and body.
        expected: u32,
    },
    /// The checksum holds, but the body is not of the form its version says.
    #[error("the file's body is malformed")]
    Body(#[from] bincode::error::DecodeError),
    /// Bytes follow the body.
    #[error("{count} bytes follow the file's body")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// More transactions than are taken from a file.
    #[error("the file holds {got} transactions, at most {limit} are read")]
    TooManyTransactions {
        /// How many it holds.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes of a transaction are not a transaction.
    #[error("transaction {index} of the file is malformed")]
    Transaction {
        /// Its place in the file.
        index: usize,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A figure of the fee history cannot be what it is.
    #[error("bucket {index} of the fee history holds a figure that cannot be")]
    Bucket {
        /// Number of the bucket.
        index: u64,
    },
}

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
}

impl Kind {
    /// The whole file that holds `body`.
    pub(crate) fn write<T: Serialize>(self, body: &T) -> Vec<u8> {
        let version = self.version.to_le_bytes();
        let body =
            bincode::serde::encode_to_vec(body, BODY).expect("numbers and bytes in memory can be encoded");
        [&self.magic, &version, &checksum(version, &body).to_le_bytes(), body.as_slice()].concat()
    }

    /// The body of the file that `bytes` are, wholly.
    pub(crate) fn read<'b, T: Deserialize<'b>>(self, bytes: &'b [u8]) -> Result<T, FileError> {
        let got = bytes.len();
        if got > MAX_FILE_BYTES {
            return Err(FileError::TooLong { got, limit: MAX_FILE_BYTES });
        }
        let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(FileError::TooShort { got, limit: HEADER });
        };
        let [m0, m1, m2, m3, v0, v1, v2, v3, sum @ ..] = *header;
        let (magic, version, sum) = ([m0, m1, m2, m3], [v0, v1, v2, v3], u32::from_le_bytes(sum));
        if magic != self.magic {
            return Err(FileError::Magic { got: magic, expected: self.magic });
        }
        let expected = checksum(version, body);
        if sum != expected {
            return Err(FileError::Checksum { got: sum, expected });
        }
        let got = u32::from_le_bytes(version);
        if got != self.version {
            return Err(FileError::Version { got, expected: self.version });
        }
        let (value, read) = bincode::serde::borrow_decode_from_slice(body, BODY)?;
        if read != body.len() {
            return Err(FileError::TrailingBytes { count: body.len() - read });
        }
        Ok(value)
    }
}

fn checksum(version: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&version), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { magic: *b"test", version: 1 };

    #[test]
    fn a_file_reads_back() {
        let file = KIND.write(&(7_u32, [1_u8, 2]));
        assert_eq!(&file[..8], b"test\x01\0\0\0");
        assert_eq!(KIND.read::<(u32, [u8; 2])>(&file).unwrap(), (7, [1, 2]));
    }

    #[test]
    fn each_kind_of_damage_is_told() {
        let file = KIND.write(&7_u32);
        let read = |bytes: &[u8]| KIND.read::<u32>(bytes).unwrap_err();
        assert!(matches!(read(&file[..11]), FileError::TooShort { got: 11, limit: 12 }));
        assert!(matches!(read(&file[..12]), FileError::Checksum { .. }));
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            match read(&damaged) {
                FileError::Magic { expected, .. } => assert!(place < 4 && expected == *b"test"),
                FileError::Checksum { .. } => assert!(place >= 4),
                other => panic!("{other}"),
            }
        }
        let newer = Kind { version: 2, ..KIND }.write(&7_u32);
        assert!(matches!(read(&newer), FileError::Version { got: 2, expected: 1 }));
        assert!(matches!(read(&KIND.write(&(7_u32, 1_u8))), FileError::TrailingBytes { count: 1 }));
        assert!(matches!(read(&KIND.write(&u64::MAX)), FileError::Body(_)));
        assert!(matches!(read(&vec![0; MAX_FILE_BYTES + 1]), FileError::TooLong { .. }));
    }
}
