//! The stack of byte strings that unlocks a segregated-witness output.

use std::fmt;
use std::iter::FusedIterator;

use crate::codec::{self, MAX_SIZE};
use crate::{Decode, DecodeError, Encode, Reader, Sink, hex};

/// Bytes that hold the end of one item.
const END_SIZE: usize = size_of::<u64>();

/// An input's witness: a list of byte strings (BIP141).
///
/// All items share one allocation, and an empty witness has none. The encoding is a compact size that counts the
/// items, then each behind a compact size that counts its bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Witness {
    /// The items one after the other, then the end of each as a little-endian `u64`.
    data: Box<[u8]>,
    /// Number of items.
    count: usize,
}

impl Witness {
    /// A witness of these items, in order.
    pub fn new(items: Vec<Vec<u8>>) -> Self {
        Self::collect(items.len(), items.iter().map(Vec::as_slice))
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of items.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// The item at `index`, from 0 at the bottom of the stack.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        if index >= self.count {
            return None;
        }
        let start = index.checked_sub(1).map_or(0, |before| self.end(before));
        self.data.get(start..self.end(index))
    }

    /// The item on top of the stack.
    pub fn last(&self) -> Option<&[u8]> {
        self.get(self.count.checked_sub(1)?)
    }

    /// The items from the bottom of the stack to its top.
    pub const fn iter(&self) -> WitnessIter<'_> {
        WitnessIter { witness: self, front: 0, back: self.count }
    }

    /// Where item `index`, which must be there, ends.
    fn end(&self, index: usize) -> usize {
        let at = self.data.len() - (self.count - index) * END_SIZE;
        let bytes = self.data[at..].first_chunk().expect("one end is stored for each item");
        usize::try_from(u64::from_le_bytes(*bytes)).expect("ends are lengths of memory")
    }

    fn collect<'a>(count: usize, items: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let length: usize = items.clone().map(<[u8]>::len).sum();
        let mut data = Vec::with_capacity(length + count * END_SIZE);
        for item in items.clone() {
            data.extend_from_slice(item);
        }
        let mut end = 0;
        for item in items {
            end += item.len() as u64;
            data.extend_from_slice(&end.to_le_bytes());
        }
        Self { data: data.into_boxed_slice(), count }
    }
}

impl<'a> IntoIterator for &'a Witness {
    type Item = &'a [u8];
    type IntoIter = WitnessIter<'a>;

    fn into_iter(self) -> WitnessIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(hex::encode)).finish()
    }
}

impl Encode for Witness {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        codec::put_compact_size(sink, self.count as u64);
        for item in self {
            codec::put_var_bytes(sink, item);
        }
    }
}

impl Decode for Witness {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.list_len(1, MAX_SIZE)?;
        if count == 0 {
            return Ok(Self::default());
        }
        // Walk the items once to see that they are all there, and only then make room for them.
        let items = reader.clone();
        for _ in 0..count {
            skip_item(reader)?;
        }
        Ok(Self::collect(count, Items { reader: items, left: count }))
    }
}

fn skip_item<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.list_len(1, MAX_SIZE)?;
    reader.take(length)
}

/// Items that have been seen to decode.
#[derive(Clone)]
struct Items<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        skip_item(&mut self.reader).ok()
    }
}

/// The items of a [`Witness`], from the bottom of the stack to its top.
#[derive(Clone, Debug)]
pub struct WitnessIter<'a> {
    witness: &'a Witness,
    front: usize,
    back: usize,
}

impl<'a> Iterator for WitnessIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.front == self.back {
            return None;
        }
        self.front += 1;
        self.witness.get(self.front - 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.back - self.front;
        (left, Some(left))
    }
}

impl DoubleEndedIterator for WitnessIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        self.back -= 1;
        self.witness.get(self.back)
    }
}

impl ExactSizeIterator for WitnessIter<'_> {}
impl FusedIterator for WitnessIter<'_> {}
