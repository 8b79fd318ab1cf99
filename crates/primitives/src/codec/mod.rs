//! Canonical bytes, without I/O: values write themselves into a [`Sink`] and are read from a [`Reader`].
//!
//! The same two paths serve files, sockets, hashing, length counting, tests and fuzzing.

mod error;
mod reader;

pub use error::DecodeError;
pub use reader::Reader;

/// The longest list or byte string Bitcoin's serialisation allows: 32 MiB (Core's `MAX_SIZE`).
///
/// It bounds what a single length may announce; the messages and blocks that carry the bytes have tighter limits.
pub const MAX_SIZE: usize = 0x0200_0000;

/// Takes bytes in order: a `Vec<u8>`, a hash engine, a length counter.
pub trait Sink {
    /// Takes the next bytes. Cannot fail: a sink that does I/O belongs behind a buffer.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A sink that only counts.
struct LengthCounter(usize);

impl Sink for LengthCounter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// A value with one canonical byte form.
pub trait Encode {
    /// Writes the canonical bytes into `sink`.
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S);

    /// Number of bytes [`encode`](Self::encode) writes.
    fn encoded_len(&self) -> usize {
        let mut counter = LengthCounter(0);
        self.encode(&mut counter);
        counter.0
    }

    /// The canonical bytes, in a buffer of exactly their length.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode(&mut bytes);
        bytes
    }
}

/// A value that can be read from its canonical bytes.
pub trait Decode: Sized {
    /// Reads one value and leaves the reader behind it.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the offset; nothing in the bytes makes it panic or allocate beyond what they
    /// justify.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value that fills `bytes` wholly.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`DecodeError::TrailingBytes`] when something follows the value.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Length in bytes of the compact size of `value`: 1, 3, 5 or 9.
pub const fn compact_size_len(value: u64) -> usize {
    match value {
        0..=0xfc => 1,
        0xfd..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Writes `value` as a compact size in its shortest form: one byte below 253, else a marker (`fd`, `fe`, `ff`) and
/// two, four or eight bytes, least significant first.
pub fn put_compact_size<S: Sink + ?Sized>(sink: &mut S, value: u64) {
    let mut bytes = [0; 9];
    bytes[1..].copy_from_slice(&value.to_le_bytes());
    match compact_size_len(value) {
        1 => sink.put(&bytes[1..2]),
        length => {
            bytes[0] = match length {
                3 => 0xfd,
                5 => 0xfe,
                _ => 0xff,
            };
            sink.put(&bytes[..length]);
        }
    }
}

/// Writes `bytes` behind a compact size that counts them.
pub fn put_var_bytes<S: Sink + ?Sized>(sink: &mut S, bytes: &[u8]) {
    put_compact_size(sink, bytes.len() as u64);
    sink.put(bytes);
}

/// Writes `items` behind a compact size that counts them.
pub fn put_list<S: Sink + ?Sized, T: Encode>(sink: &mut S, items: &[T]) {
    put_compact_size(sink, items.len() as u64);
    for item in items {
        item.encode(sink);
    }
}
