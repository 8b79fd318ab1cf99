//! How keys and values become bytes.

/// A key whose bytes sort as the key does.
///
/// The store orders entries by the bytes alone, so an implementation must keep this law: `a < b` exactly when
/// the bytes of `a` are lower than the bytes of `b`. Integers are therefore written big-endian.
pub trait Key: Sized {
    /// Appends the key's bytes to `out`; at most [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES).
    fn write_key(&self, out: &mut Vec<u8>);

    /// Reads a key back from all of `bytes`.
    ///
    /// # Errors
    /// [`ValueError`] when the bytes are no such key.
    fn read_key(bytes: &[u8]) -> Result<Self, ValueError>;
}

/// A value as the bytes that stand in the store.
pub trait Value: Sized {
    /// Appends the value's bytes to `out`; at most [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    fn write_value(&self, out: &mut Vec<u8>);

    /// Reads a value back from all of `bytes`.
    ///
    /// # Errors
    /// [`ValueError`] when the bytes are no such value.
    fn read_value(bytes: &[u8]) -> Result<Self, ValueError>;
}

/// Bytes in a table that are not what the table's type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The type has another length.
    #[error("{got} bytes where {expected} are expected")]
    Length {
        /// How many bytes stand there.
        got: usize,
        /// How many the type takes.
        expected: usize,
    },
    /// The bytes end before, or go on after, the field named.
    #[error("field {field} does not fit its bytes")]
    Malformed {
        /// The field at which reading stopped.
        field: &'static str,
    },
}

/// Copies `bytes` into an array when the length is right: for keys and values of one fixed size.
///
/// # Errors
/// [`ValueError::Length`] on any other length.
pub fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ValueError> {
    bytes.try_into().map_err(|_| ValueError::Length { got: bytes.len(), expected: N })
}

macro_rules! integer {
    ($($int:ty),*) => {$(
        impl Key for $int {
            fn write_key(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn read_key(bytes: &[u8]) -> Result<Self, ValueError> {
                exact(bytes).map(<$int>::from_be_bytes)
            }
        }
        impl Value for $int {
            fn write_value(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
                exact(bytes).map(<$int>::from_le_bytes)
            }
        }
    )*};
}

integer!(u8, u16, u32, u64);

impl<const N: usize> Key for [u8; N] {
    fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read_key(bytes: &[u8]) -> Result<Self, ValueError> {
        exact(bytes)
    }
}

impl<const N: usize> Value for [u8; N] {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        exact(bytes)
    }
}

impl Key for Vec<u8> {
    fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read_key(bytes: &[u8]) -> Result<Self, ValueError> {
        Ok(bytes.to_vec())
    }
}

impl Value for Vec<u8> {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        Ok(bytes.to_vec())
    }
}

/// No bytes: for tables that are sets.
impl Value for () {
    fn write_value(&self, _out: &mut Vec<u8>) {}
    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        exact::<0>(bytes).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_bytes<K: Key>(key: &K) -> Vec<u8> {
        let mut out = Vec::new();
        key.write_key(&mut out);
        out
    }

    proptest! {
        #[test]
        fn integer_keys_sort_as_the_integers(a: u64, b: u64) {
            prop_assert_eq!(a.cmp(&b), key_bytes(&a).cmp(&key_bytes(&b)));
            prop_assert_eq!(u64::read_key(&key_bytes(&a)), Ok(a));
        }

        #[test]
        fn byte_keys_sort_as_the_bytes(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a.cmp(&b), key_bytes(&a).cmp(&key_bytes(&b)));
        }
    }

    #[test]
    fn a_wrong_length_is_refused() {
        assert_eq!(u32::read_key(&[0; 3]), Err(ValueError::Length { got: 3, expected: 4 }));
        assert_eq!(u32::read_value(&[0; 5]), Err(ValueError::Length { got: 5, expected: 4 }));
        assert_eq!(<[u8; 2]>::read_value(&[1]), Err(ValueError::Length { got: 1, expected: 2 }));
        assert_eq!(<()>::read_value(&[1]), Err(ValueError::Length { got: 1, expected: 0 }));
    }

    #[test]
    fn golden_bytes() {
        assert_eq!(key_bytes(&0x0102_0304_u32), [1, 2, 3, 4]);
        let mut out = Vec::new();
        0x0102_0304_u32.write_value(&mut out);
        assert_eq!(out, [4, 3, 2, 1]);
    }
}
