//! ECDSA signatures as values.

use core::fmt;

use crate::der;
use crate::error::SignatureError;

/// The order of the group, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
    0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// The largest low S: half the order, rounded down, big-endian.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d,
    0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// An ECDSA signature: the integers R and S, each below the group order.
///
/// Zero is representable and never verifies: it is what an out-of-range integer turns into when read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EcdsaSignature {
    /// R then S, big-endian.
    compact: [u8; 64],
}

impl EcdsaSignature {
    /// Reads the encodings that consensus accepts, also those from before BIP66.
    ///
    /// Any length form, padding, negative integers (taken as positive) and trailing bytes are read. An integer
    /// that is not below the group order makes R and S zero, a signature that never verifies. `bytes` carries
    /// no signature hash type. Source: Bitcoin Core, `ecdsa_signature_parse_der_lax`.
    ///
    /// # Errors
    /// [`SignatureError::Der`] where no two integers are found.
    pub fn from_der_lax(bytes: &[u8]) -> Result<Self, SignatureError> {
        der::parse_lax(bytes).map(Self::from_compact).ok_or(SignatureError::Der)
    }

    /// Reads the one encoding BIP66 allows; out-of-range integers are treated as in
    /// [`from_der_lax`](Self::from_der_lax), for BIP66 does not speak of them.
    ///
    /// # Errors
    /// [`SignatureError::NotStrict`] for any other form.
    pub fn from_der_strict(bytes: &[u8]) -> Result<Self, SignatureError> {
        if !Self::is_strict_der(bytes) {
            return Err(SignatureError::NotStrict);
        }
        Self::from_der_lax(bytes)
    }

    /// Whether `bytes`, without a signature hash type, is in the one encoding BIP66 allows (8 to 72 bytes).
    /// Source: BIP66, Bitcoin Core's `IsValidSignatureEncoding`.
    pub fn is_strict_der(bytes: &[u8]) -> bool {
        der::is_strict(bytes)
    }

    /// R then S, big-endian. An integer that is not below the group order makes both zero.
    pub fn from_compact(compact: [u8; 64]) -> Self {
        let (r, s) = compact.split_at(32);
        let in_range = *r < ORDER[..] && *s < ORDER[..];
        Self { compact: if in_range { compact } else { [0; 64] } }
    }

    /// R then S, big-endian.
    pub fn to_compact(&self) -> [u8; 64] {
        self.compact
    }

    /// Strict DER, at most 72 bytes, without a signature hash type.
    pub fn to_der(&self) -> Vec<u8> {
        der::write(&self.compact)
    }

    /// Whether S is at most half the group order (BIP146, Core's `CheckLowS`). Zero is low.
    pub fn is_low_s(&self) -> bool {
        self.compact[32..] <= HALF_ORDER[..]
    }

    /// The same signature with the low one of its two equivalent S values.
    pub fn normalize_s(&self) -> Self {
        if self.is_low_s() {
            return *self;
        }
        let mut compact = self.compact;
        let mut borrow = 0;
        for i in (0..32).rev() {
            let digit = i32::from(ORDER[i]) - i32::from(self.compact[32 + i]) - borrow;
            borrow = i32::from(digit < 0);
            compact[32 + i] = digit.to_le_bytes()[0];
        }
        Self { compact }
    }
}

impl fmt::Debug for EcdsaSignature {
    /// R and S in hex, 64 digits each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcdsaSignature(")?;
        for (i, byte) in self.compact.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i == 32 { " " } else { "" })?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_s(s: [u8; 32]) -> EcdsaSignature {
        let mut compact = [1; 64];
        compact[32..].copy_from_slice(&s);
        EcdsaSignature::from_compact(compact)
    }

    fn plus_one(mut n: [u8; 32]) -> [u8; 32] {
        n[31] += 1;
        n
    }

    #[test]
    fn half_the_order_is_low_and_one_more_is_high() {
        assert!(with_s(HALF_ORDER).is_low_s());
        let above = with_s(plus_one(HALF_ORDER));
        assert!(!above.is_low_s());
        assert_eq!(above.normalize_s(), with_s(HALF_ORDER), "n - (n/2 + 1) = n/2");
        assert_eq!(with_s(HALF_ORDER).normalize_s(), with_s(HALF_ORDER));
    }

    #[test]
    fn the_order_minus_one_normalises_to_one() {
        let mut top = ORDER;
        top[31] -= 1;
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(with_s(top).normalize_s(), with_s(one));
    }

    #[test]
    fn the_order_itself_zeroes_both() {
        let mut top = ORDER;
        top[31] -= 1;
        assert_ne!(with_s(top).to_compact(), [0; 64]);
        assert_eq!(with_s(ORDER).to_compact(), [0; 64]);
        let mut r_over = [1; 64];
        r_over[..32].copy_from_slice(&ORDER);
        assert_eq!(EcdsaSignature::from_compact(r_over).to_compact(), [0; 64]);
    }

    #[test]
    fn strict_and_lax_differ_on_padding_only() {
        let padded = [0x30, 7, 2, 2, 0, 5, 2, 1, 6];
        assert_eq!(EcdsaSignature::from_der_strict(&padded), Err(SignatureError::NotStrict));
        let lax = EcdsaSignature::from_der_lax(&padded).unwrap();
        assert_eq!(EcdsaSignature::from_der_strict(&lax.to_der()), Ok(lax));
        assert_eq!(EcdsaSignature::from_der_lax(&[0x30]), Err(SignatureError::Der));
    }

    #[test]
    fn debug_shows_r_and_s() {
        let shown = format!("{:?}", with_s(HALF_ORDER));
        assert!(shown.contains(&"01".repeat(32)) && shown.contains("7fffffff"));
    }
}
