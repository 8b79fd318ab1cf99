//! One map of a PSBT: keys with values.

use std::collections::HashSet;

use cairn_primitives::codec::{MAX_SIZE, put_var_bytes};
use cairn_primitives::{DecodeError, Reader};

use super::error::{PsbtError, PsbtPart};

/// The pairs of a map in the order they stand in; no key twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Map {
    /// Reads pairs up to the empty key that ends the map.
    pub(super) fn read(reader: &mut Reader<'_>, part: PsbtPart) -> Result<Self, PsbtError> {
        let (mut pairs, mut keys) = (Vec::new(), HashSet::new());
        loop {
            let key = var_bytes(reader)?;
            if key.is_empty() {
                return Ok(Self { pairs });
            }
            if !keys.insert(key) {
                return Err(PsbtError::DuplicateKey { part });
            }
            pairs.push((key.to_vec(), var_bytes(reader)?.to_vec()));
        }
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for (key, value) in &self.pairs {
            put_var_bytes(bytes, key);
            put_var_bytes(bytes, value);
        }
        bytes.push(0);
    }

    /// Adds a pair; its type must be below those of a compact size of more than one byte.
    pub(super) fn push(&mut self, kind: u8, key: &[u8], value: Vec<u8>) {
        self.pairs.push(([&[kind], key].concat(), value));
    }

    /// The value of the type without key data.
    pub(super) fn get(&self, kind: u8) -> Option<&[u8]> {
        self.pairs.iter().find(|(key, _)| key[..] == [kind]).map(|(_, value)| &value[..])
    }

    /// Key data and value of every pair of a type.
    pub(super) fn all(&self, kind: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
        let of_kind = move |(key, _): &&(Vec<u8>, Vec<u8>)| key[0] == kind;
        self.pairs.iter().filter(of_kind).map(|(key, value)| (&key[1..], &value[..]))
    }

    /// Type, key data and value of every pair. A type is a compact size.
    pub(super) fn typed(&self) -> impl Iterator<Item = Result<(u64, &[u8], &[u8]), DecodeError>> {
        self.pairs.iter().map(|(key, value)| {
            let mut reader = Reader::new(key);
            let kind = reader.compact_size()?;
            Ok((kind, &key[reader.position()..], &value[..]))
        })
    }
}

fn var_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.list_len(1, MAX_SIZE)?;
    reader.take(length)
}
