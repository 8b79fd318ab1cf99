//! Numbers as scripts write them: little-endian, sign in the top bit of the last byte, no
//! superfluous byte (`CScriptNum` in Bitcoin Core).

/// The bytes of `value`: empty for zero, at most 9 (`i64::MIN` takes 9).
pub(crate) fn encode(value: i64) -> Vec<u8> {
    let mut magnitude = value.unsigned_abs();
    let mut bytes = Vec::with_capacity(9);
    while magnitude > 0 {
        bytes.push((magnitude & 0xff) as u8);
        magnitude >>= 8;
    }
    let sign = if value < 0 { 0x80 } else { 0 };
    match bytes.last_mut() {
        Some(last) if *last & 0x80 == 0 => *last |= sign,
        Some(_) => bytes.push(sign),
        None => {}
    }
    bytes
}

/// The number in at most 4 bytes, minimal or not; `None` when there are more.
pub(crate) fn decode(bytes: &[u8]) -> Option<i64> {
    let (last, low) = match bytes.split_last() {
        None => return Some(0),
        Some(_) if bytes.len() > 4 => return None,
        Some(split) => split,
    };
    let high = i64::from(*last & 0x7f);
    let magnitude = low.iter().rev().fold(high, |sum, byte| (sum << 8) | i64::from(*byte));
    Some(if last & 0x80 == 0 { magnitude } else { -magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_encodings() {
        // Bitcoin Core's scriptnum tests and the wiki's table of script numbers.
        let known: [(i64, &[u8]); 14] = [
            (0, &[]),
            (1, &[1]),
            (-1, &[0x81]),
            (127, &[0x7f]),
            (-127, &[0xff]),
            (128, &[0x80, 0x00]),
            (-128, &[0x80, 0x80]),
            (255, &[0xff, 0x00]),
            (256, &[0x00, 0x01]),
            (32767, &[0xff, 0x7f]),
            (32768, &[0x00, 0x80, 0x00]),
            (-32768, &[0x00, 0x80, 0x80]),
            (0x7fff_ffff, &[0xff, 0xff, 0xff, 0x7f]),
            (-0x7fff_ffff, &[0xff, 0xff, 0xff, 0xff]),
        ];
        for (value, bytes) in known {
            assert_eq!(encode(value), bytes, "{value}");
            assert_eq!(decode(bytes), Some(value), "{value}");
        }
        assert_eq!(encode(i64::MAX), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(encode(i64::MIN), [0, 0, 0, 0, 0, 0, 0, 0x80, 0x80]);
    }

    #[test]
    fn four_bytes_pass_and_five_do_not() {
        assert_eq!(decode(&[0; 4]), Some(0));
        assert_eq!(decode(&[0; 5]), None);
        assert_eq!(decode(&[0x80]), Some(0), "negative zero is zero");
    }

    proptest! {
        #[test]
        fn four_byte_numbers_come_back(value in -0x7fff_ffff_i64..=0x7fff_ffff) {
            prop_assert_eq!(decode(&encode(value)), Some(value));
        }
    }
}
