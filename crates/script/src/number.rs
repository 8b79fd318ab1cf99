//! Numbers on the stack: little-endian, the top bit of the last byte is the sign. Source: Core's `CScriptNum`.

use crate::error::ScriptError;
use crate::stack::Element;

/// Most bytes of a number that arithmetic takes.
pub(crate) const ARITHMETIC_SIZE: usize = 4;

/// Most bytes of a number that lock times take (BIP65, BIP112): enough for any unsigned 32-bit value.
pub(crate) const LOCK_TIME_SIZE: usize = 5;

/// The number in `bytes`, at most `limit` (≤ 8) of them; in its shortest form where `minimal`.
pub(crate) fn decode(bytes: &[u8], limit: usize, minimal: bool) -> Result<i64, ScriptError> {
    if bytes.len() > limit {
        return Err(ScriptError::NumberSize { got: bytes.len(), limit });
    }
    let Some((last, low)) = bytes.split_last() else { return Ok(0) };
    // Nothing but the sign in the last byte: only right where the byte before has its top bit taken.
    if minimal && last & 0x7f == 0 && low.last().is_none_or(|byte| byte & 0x80 == 0) {
        return Err(ScriptError::NumberNotMinimal);
    }
    let magnitude = low.iter().rev().fold(i64::from(last & 0x7f), |sum, byte| sum << 8 | i64::from(*byte));
    Ok(if last & 0x80 == 0 { magnitude } else { -magnitude })
}

/// `value` in its shortest form: at most 9 bytes.
pub(crate) fn encode(value: i64) -> Element<'static> {
    let mut bytes = [0; 32];
    let mut len = 0;
    let mut magnitude = value.unsigned_abs();
    while magnitude > 0 {
        bytes[len] = magnitude.to_le_bytes()[0];
        magnitude >>= 8;
        len += 1;
    }
    if len > 0 && bytes[len - 1] & 0x80 != 0 {
        len += 1;
    }
    if value < 0 {
        bytes[len - 1] |= 0x80;
    }
    Element::inline(bytes, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value and bytes, from Core's `scriptnum_tests` and BIP62's examples.
    const KNOWN: &[(i64, &[u8])] = &[
        (0, &[]),
        (1, &[0x01]),
        (-1, &[0x81]),
        (127, &[0x7f]),
        (-127, &[0xff]),
        (128, &[0x80, 0x00]),
        (-128, &[0x80, 0x80]),
        (255, &[0xff, 0x00]),
        (256, &[0x00, 0x01]),
        (-256, &[0x00, 0x81]),
        (32767, &[0xff, 0x7f]),
        (32768, &[0x00, 0x80, 0x00]),
        (0x7fff_ffff, &[0xff, 0xff, 0xff, 0x7f]),
        (-0x7fff_ffff, &[0xff, 0xff, 0xff, 0xff]),
        (0x8000_0000, &[0x00, 0x00, 0x00, 0x80, 0x00]),
        (0xffff_ffff, &[0xff, 0xff, 0xff, 0xff, 0x00]),
    ];

    #[test]
    fn known_values_both_ways() {
        for (value, bytes) in KNOWN {
            assert_eq!(encode(*value).as_bytes(), *bytes, "{value}");
            assert_eq!(decode(bytes, LOCK_TIME_SIZE, true), Ok(*value), "{bytes:02x?}");
        }
        assert_eq!(encode(i64::MIN).as_bytes(), [0, 0, 0, 0, 0, 0, 0, 0x80, 0x80]);
    }

    #[test]
    fn four_bytes_pass_and_five_fail() {
        assert_eq!(decode(&[1, 2, 3, 4], ARITHMETIC_SIZE, true), Ok(0x0403_0201));
        let expected = Err(ScriptError::NumberSize { got: 5, limit: 4 });
        assert_eq!(decode(&[1, 2, 3, 4, 0], ARITHMETIC_SIZE, false), expected);
    }

    #[test]
    fn padding_passes_only_where_minimal_form_is_not_asked() {
        let padded: [(&[u8], i64); 6] =
            [(&[0], 0), (&[0x80], 0), (&[1, 0], 1), (&[1, 0x80], -1), (&[0, 0], 0), (&[0x7f, 0, 0], 0x7f)];
        for (bytes, value) in padded {
            assert_eq!(decode(bytes, ARITHMETIC_SIZE, false), Ok(value), "{bytes:02x?}");
            assert_eq!(
                decode(bytes, ARITHMETIC_SIZE, true),
                Err(ScriptError::NumberNotMinimal),
                "{bytes:02x?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn round_trip(value in -0xff_ffff_ffff_i64..=0xff_ffff_ffff) {
            let bytes = encode(value);
            proptest::prop_assert_eq!(decode(bytes.as_bytes(), 8, true), Ok(value));
        }
    }
}
