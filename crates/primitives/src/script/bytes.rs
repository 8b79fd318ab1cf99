//! Script bytes, without an allocation where they are few.

use std::hash::{Hash, Hasher};

/// Most bytes kept in place. Every standard output script but bare multisig and keys fits: pay-to-taproot has 34.
/// With the length and the variant's mark they fill 40 bytes.
const IN_PLACE: usize = 38;

/// Bytes of any number: few in place, more on the heap.
#[derive(Clone)]
pub(super) enum ScriptBytes {
    InPlace { len: u8, bytes: [u8; IN_PLACE] },
    Heap(Box<[u8]>),
}

impl ScriptBytes {
    pub(super) const EMPTY: Self = Self::InPlace { len: 0, bytes: [0; IN_PLACE] };

    /// The bytes in place, if they fit there.
    fn in_place(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; IN_PLACE];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self::InPlace { len: from.len() as u8, bytes })
    }

    /// Bytes allocated besides the value itself.
    pub(super) fn heap_len(&self) -> usize {
        match self {
            Self::InPlace { .. } => 0,
            Self::Heap(bytes) => bytes.len(),
        }
    }
}

impl std::ops::Deref for ScriptBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::InPlace { len, bytes } => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for ScriptBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::in_place(&bytes).unwrap_or_else(|| Self::Heap(bytes.into_boxed_slice()))
    }
}

impl From<&[u8]> for ScriptBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::in_place(bytes).unwrap_or_else(|| Self::Heap(bytes.into()))
    }
}

impl Default for ScriptBytes {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for ScriptBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for ScriptBytes {}

impl Hash for ScriptBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_fits_is_in_place_and_the_next_is_not() {
        assert_eq!(size_of::<ScriptBytes>(), 40);
        for len in 0..=100_usize {
            let bytes: Vec<u8> = (0..len as u8).collect();
            for made in [ScriptBytes::from(bytes.clone()), ScriptBytes::from(&bytes[..])] {
                assert_eq!(*made, bytes[..]);
                assert_eq!(made.heap_len(), if len <= 38 { 0 } else { len });
            }
        }
    }
}
