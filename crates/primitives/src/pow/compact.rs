//! The four-byte floating-point form of a target that headers carry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::Target;
use super::u256::U256;
use crate::hex::{self, HexError};

/// A target as a header's `bits` hold it: a sign-and-magnitude number in base 256 with a one-byte exponent and a
/// 23-bit mantissa.
///
/// Any bits can be held; what they mean is asked with [`to_target`](Self::to_target). The text form is eight hex
/// digits, most significant first (`1d00ffff`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompactTarget(u32);

/// Why bits name no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompactError {
    /// The mantissa's sign bit is set on a number that is not zero.
    #[error("bits {got} encode a negative target")]
    Negative {
        /// The bits.
        got: CompactTarget,
    },
    /// The number takes more than 256 bits.
    #[error("bits {got} encode a target above 256 bits")]
    Overflow {
        /// The bits.
        got: CompactTarget,
    },
    /// The number is zero, which no hash could meet.
    #[error("bits {got} encode a target of zero")]
    Zero {
        /// The bits.
        got: CompactTarget,
    },
}

impl CompactTarget {
    const SIGN: u32 = 0x0080_0000;
    const MANTISSA: u32 = 0x007f_ffff;

    /// The compact target with these bits (as a number, not as the header's bytes).
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits, as a number.
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The target the bits stand for, as Core's `arith_uint256::SetCompact` reads them.
    ///
    /// # Errors
    /// [`CompactError`] for a negative, an over-large or a zero target. Whether the target is also within the
    /// chain's limit is a rule of consensus.
    pub fn to_target(self) -> Result<Target, CompactError> {
        let exponent = self.0 >> 24;
        let mantissa = self.0 & Self::MANTISSA;
        // Exponents below three cut bytes off the mantissa, and only what remains has a sign or a size.
        let word = if exponent <= 3 { mantissa >> (8 * (3 - exponent)) } else { mantissa };
        if word == 0 {
            return Err(CompactError::Zero { got: self });
        }
        if self.0 & Self::SIGN != 0 {
            return Err(CompactError::Negative { got: self });
        }
        let shift = 8 * exponent.saturating_sub(3);
        if shift + (32 - word.leading_zeros()) > 256 {
            return Err(CompactError::Overflow { got: self });
        }
        Ok(Target::from_u256(U256::from(word) << shift))
    }

    /// The compact form of a number, as Core's `arith_uint256::GetCompact` writes it: what does not fit in the
    /// mantissa is cut off.
    pub(super) fn from_u256(value: U256) -> Self {
        let mut size = value.bits().div_ceil(8) as u32;
        let mut word = if size <= 3 {
            value.low_u32() << (8 * (3 - size))
        } else {
            (value >> (8 * (size - 3))).low_u32()
        };
        // A mantissa that reaches the sign bit gives up a byte of precision instead.
        if word & Self::SIGN != 0 {
            word >>= 8;
            size += 1;
        }
        Self(word | size << 24)
    }
}

impl fmt::Display for CompactTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:08x}", self.0))
    }
}

impl fmt::Debug for CompactTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompactTarget({self})")
    }
}

impl FromStr for CompactTarget {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::decode_array(text).map(|bytes| Self(u32::from_be_bytes(bytes)))
    }
}

impl Serialize for CompactTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for CompactTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            u32::deserialize(deserializer).map(Self)
        }
    }
}
