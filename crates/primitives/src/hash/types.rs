//! Newtypes over hash bytes, so that a txid is never taken for a block hash.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hex::{self, HexError};
use crate::{Decode, DecodeError, Encode, Reader, Sink};

/// Turns bytes into display order and back: reversed for the double SHA-256 family, as they are for the rest.
macro_rules! display_order {
    (reversed, $bytes:expr) => {{
        let mut bytes = $bytes;
        bytes.reverse();
        bytes
    }};
    (forward, $bytes:expr) => {
        $bytes
    };
}

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $size:literal, $order:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name([u8; $size]);

        /// The bytes without their number, which is always the same.
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write(&self.0);
            }
        }

        impl $name {
            /// Length in bytes.
            pub const SIZE: usize = $size;

            /// All zero bytes.
            pub const ZERO: Self = Self([0; $size]);

            /// The hash with these bytes, in the order a hash function gives them.
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes, in the order a hash function gives them.
            pub const fn to_bytes(self) -> [u8; $size] {
                self.0
            }

            /// The bytes, in the order a hash function gives them.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex::encode(&display_order!($order, self.0)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                let bytes = hex::decode_array(text)?;
                Ok(Self(display_order!($order, bytes)))
            }
        }

        impl Encode for $name {
            fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
                sink.put(&self.0);
            }

            fn encoded_len(&self) -> usize {
                $size
            }
        }

        impl Decode for $name {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                } else {
                    <[u8; $size]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

hash_type! {
    /// A double SHA-256 with no more specific type. Its text form is byte-reversed hex.
    Sha256d, 32, reversed
}
hash_type! {
    /// The double SHA-256 of a block's 80-byte header. Its text form is byte-reversed hex.
    BlockHash, 32, reversed
}
hash_type! {
    /// The double SHA-256 of a transaction without its witness. Its text form is byte-reversed hex.
    Txid, 32, reversed
}
hash_type! {
    /// The double SHA-256 of a transaction with its witness (BIP141); equal to the txid's bytes when it has none.
    /// Its text form is byte-reversed hex.
    Wtxid, 32, reversed
}
hash_type! {
    /// The merkle root of a block's txids, as its header holds it. Its text form is byte-reversed hex.
    MerkleRoot, 32, reversed
}
hash_type! {
    /// A single SHA-256. Its text form is hex in the order of the bytes.
    Sha256, 32, forward
}
hash_type! {
    /// RIPEMD-160 of a SHA-256. Its text form is hex in the order of the bytes.
    Hash160, 20, forward
}
