//! A cursor over untrusted bytes.

use super::{Decode, DecodeError};

/// Reads canonical values from a byte slice, front to back.
///
/// No method panics or allocates on account of what the bytes say: a length is believed only after the bytes it
/// speaks of have been seen to be there. After an error the position is unspecified (but inside the slice), and
/// the reader should be dropped.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A reader that stands at the first byte of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// What was read between `start` (an earlier [`position`](Self::position)) and now. A `start` past the
    /// present position gives an empty slice.
    pub fn bytes_since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.position).unwrap_or(&[])
    }

    /// The next `count` bytes, without copying them.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.position..];
        let Some(taken) = rest.get(..count) else {
            return Err(self.end(count as u64));
        };
        self.position += count;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = &self.bytes[self.position..];
        let Some(taken) = rest.first_chunk::<N>() else {
            return Err(self.end(N as u64));
        };
        self.position += N;
        Ok(*taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when none is left.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, least significant first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn u16_le(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, least significant first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn u32_le(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Four bytes in two's complement, least significant first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn i32_le(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_le_bytes)
    }

    /// Eight bytes, least significant first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn u64_le(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Eight bytes in two's complement, least significant first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when fewer are left.
    pub fn i64_le(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A compact size: one, three, five or nine bytes (Core's `ReadCompactSize` without its range check, which is
    /// the limit of [`list_len`](Self::list_len)).
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`] when it is cut short, [`DecodeError::NonMinimalCompactSize`] when a shorter
    /// form holds the same value.
    pub fn compact_size(&mut self) -> Result<u64, DecodeError> {
        let offset = self.position;
        let (value, least) = match self.u8()? {
            small @ 0..=0xfc => return Ok(u64::from(small)),
            0xfd => (u64::from(self.u16_le()?), 0xfd),
            0xfe => (u64::from(self.u32_le()?), 0x1_0000),
            0xff => (self.u64_le()?, 0x1_0000_0000),
        };
        if value < least {
            return Err(DecodeError::NonMinimalCompactSize { offset, value });
        }
        Ok(value)
    }

    /// A compact size that counts items, each of which takes at least `min_item_bytes` (zero counts as one).
    ///
    /// The count returned never exceeds what the bytes still to be read could hold, so a loop over it ends and a
    /// reservation for it is bounded by the input. To collect the items, prefer [`list`](Self::list).
    ///
    /// # Errors
    /// As [`compact_size`](Self::compact_size); [`DecodeError::LimitExceeded`] when the count is above `limit`;
    /// [`DecodeError::UnexpectedEnd`] when that many smallest items would not fit in the bytes left.
    pub fn list_len(&mut self, min_item_bytes: usize, limit: usize) -> Result<usize, DecodeError> {
        let offset = self.position;
        let got = self.compact_size()?;
        if got > limit as u64 {
            return Err(DecodeError::LimitExceeded { offset, got, limit: limit as u64 });
        }
        let needed = got.saturating_mul(min_item_bytes.max(1) as u64);
        if needed > self.remaining() as u64 {
            return Err(self.end(needed));
        }
        usize::try_from(got).map_err(|_| self.end(needed))
    }

    /// A counted list of values, each of which takes at least `min_item_bytes` when encoded.
    ///
    /// Memory is reserved for one value, or for as many as would occupy the bytes left to read; a longer list grows
    /// as its items are really decoded.
    ///
    /// # Errors
    /// As [`list_len`](Self::list_len), and whatever decoding an item gives.
    pub fn list<T: Decode>(&mut self, min_item_bytes: usize, limit: usize) -> Result<Vec<T>, DecodeError> {
        let count = self.list_len(min_item_bytes, limit)?;
        let justified = (self.remaining() / size_of::<T>().max(1)).max(1);
        let mut items = Vec::with_capacity(count.min(justified));
        for _ in 0..count {
            items.push(T::decode(self)?);
        }
        Ok(items)
    }

    /// Says that nothing may follow what has been read.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] when something does.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { offset: self.position, count }),
        }
    }

    const fn end(&self, needed: u64) -> DecodeError {
        DecodeError::UnexpectedEnd { offset: self.position, needed, available: self.remaining() }
    }
}
