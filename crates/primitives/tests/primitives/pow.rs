//! Compact targets, targets, work and difficulty against public figures and schoolbook arithmetic.

use cairn_primitives::{BlockHash, CompactError, CompactTarget, HexError, Target, Work};
use proptest::prelude::*;

use crate::support::bytes;

fn be_bytes(hex: &str) -> [u8; 32] {
    bytes(&format!("{hex:0>64}")).try_into().expect("at most 64 digits")
}

fn target(hex: &str) -> Target {
    Target::from_be_bytes(be_bytes(hex))
}

fn work(hex: &str) -> Work {
    Work::from_be_bytes(be_bytes(hex))
}

fn compact(bits: u32) -> CompactTarget {
    CompactTarget::from_bits(bits)
}

/// Values of Bitcoin Core's `arith_uint256` unit test: bits, the target they give, the bits it gives back.
#[test]
fn compact_targets_expand_and_shrink_as_in_core() {
    for (bits, expanded, back) in [
        (0x0112_3456, "12", 0x0112_0000),
        (0x0212_3456, "1234", 0x0212_3400),
        (0x0312_3456, "123456", 0x0312_3456),
        (0x0412_3456, "12345600", 0x0412_3456),
        (0x0500_9234, "92340000", 0x0500_9234),
        (0x2012_3456, "1234560000000000000000000000000000000000000000000000000000000000", 0x2012_3456),
    ] {
        let got = compact(bits).to_target().unwrap();
        assert_eq!(got, target(expanded), "{bits:08x}");
        assert_eq!(got.to_compact(), compact(back), "{bits:08x}");
    }
    // A leading byte of 0x80 and above would be read as a sign.
    assert_eq!(target("80").to_compact(), compact(0x0200_8000));
    assert_eq!(target("0").to_compact(), compact(0));
    assert_eq!(Target::MAX.to_compact(), compact(0x2100_ffff));
}

#[test]
fn compact_zero_is_refused_whatever_its_form() {
    for bits in [
        0,
        0x0012_3456,
        0x0100_3456,
        0x0200_0056,
        0x0300_0000,
        0x0400_0000,
        0x0092_3456,
        0x0180_3456,
        0x0280_0056,
        0x0380_0000,
        0x0480_0000,
        0xff00_0000,
        0xff80_0000,
    ] {
        let got = compact(bits);
        assert_eq!(got.to_target(), Err(CompactError::Zero { got }), "{bits:08x}");
    }
}

#[test]
fn negative_compact_targets_are_refused() {
    for bits in [0x01fe_dcba, 0x0492_3456, 0x1d80_ffff, 0xffff_ffff] {
        let got = compact(bits);
        assert_eq!(got.to_target(), Err(CompactError::Negative { got }), "{bits:08x}");
    }
}

#[test]
fn compact_targets_overflow_past_256_bits_and_not_before() {
    for (fits, overflows) in
        [(0x207f_ffff, 0x217f_ffff), (0x2100_ffff, 0x2101_0000), (0x2200_00ff, 0x2200_0100)]
    {
        assert!(compact(fits).to_target().is_ok(), "{fits:08x}");
        let got = compact(overflows);
        assert_eq!(got.to_target(), Err(CompactError::Overflow { got }), "{overflows:08x}");
    }
    for bits in [0x2300_0001, 0xff12_3456, 0xff7f_ffff] {
        let got = compact(bits);
        assert_eq!(got.to_target(), Err(CompactError::Overflow { got }), "{bits:08x}");
    }
    assert_eq!(
        compact(0x2200_00ff).to_target().unwrap(),
        target("ff00000000000000000000000000000000000000000000000000000000000000")
    );
}

#[test]
fn bits_have_eight_hex_digits() {
    let bits = compact(0x0404_cb00);
    assert_eq!(bits.to_string(), "0404cb00");
    assert_eq!("1d00ffff".parse(), Ok(compact(0x1d00_ffff)));
    assert_eq!("1d00fff".parse::<CompactTarget>(), Err(HexError::WrongLength { got: 7, expected: 8 }));
    assert_eq!(format!("{bits:?}"), "CompactTarget(0404cb00)");
}

/// 2^256 / (target + 1) worked out by hand for targets where it is plain.
#[test]
fn work_is_the_expected_number_of_hashes() {
    let hashes = |target: Target| target.to_work().to_decimal();
    assert_eq!(hashes(Target::MAX), "1");
    assert_eq!(hashes(target(&"f".repeat(63))), "16");
    assert_eq!(hashes(target(&format!("7{}", "f".repeat(63)))), "2");
    // Just above a half of all hashes, so one is expected to do, rounded down.
    assert_eq!(hashes(target(&format!("8{}", "0".repeat(63)))), "1");
    assert_eq!(target("1").to_work().to_string(), format!("8{}", "0".repeat(63)));
    // (2^256 - 1) / 3 = 5555…, and 2^256 = 3 * 5555… + 1.
    assert_eq!(target("2").to_work().to_string(), "5".repeat(64));
    assert_eq!(target("0").to_work(), Work::ZERO);
    // Bitcoin's and regtest's easiest, as public explorers show them.
    assert_eq!(hashes(compact(0x1d00_ffff).to_target().unwrap()), "4295032833");
    assert_eq!(hashes(compact(0x207f_ffff).to_target().unwrap()), "2");
}

#[test]
fn difficulty_is_what_explorers_show() {
    let limit = compact(0x1d00_ffff).to_target().unwrap();
    let difficulty = |bits| compact(bits).to_target().unwrap().difficulty(limit);
    assert_eq!(difficulty(0x1d00_ffff), 1.0);
    assert_eq!(difficulty(0x1b04_04cb), 16307.420938523983);
    // Bitcoin Core's own unit test values, to its six digits behind the point.
    assert!((difficulty(0x1f11_1111) - 0.000001).abs() < 1e-6);
    assert!((difficulty(0x1234_5678) / 5913134931067755359633408.0 - 1.0).abs() < 1e-12);
    assert_eq!(target("0").difficulty(limit), f64::INFINITY);
}

#[test]
fn a_hash_is_read_with_its_least_byte_first() {
    let mut hash = [0; 32];
    hash[0] = 0xff;
    assert!(target("ff").is_met_by(BlockHash::from_bytes(hash)));
    assert!(!target("fe").is_met_by(BlockHash::from_bytes(hash)));
    hash[31] = 1;
    assert!(!target("ff").is_met_by(BlockHash::from_bytes(hash)));
    assert!(target("0").is_met_by(BlockHash::ZERO));
}

#[test]
fn works_add_and_subtract_within_256_bits() {
    let max = Work::from_be_bytes([0xff; 32]);
    let one = Work::from_u128(1);
    assert_eq!(max.checked_add(Work::ZERO), Some(max));
    assert_eq!(max.checked_add(one), None);
    assert_eq!(one.checked_sub(one), Some(Work::ZERO));
    assert_eq!(Work::ZERO.checked_sub(one), None);
    let carried = Work::from_u128(u128::MAX).checked_add(one);
    assert_eq!(carried, Some(work(&format!("1{}", "0".repeat(32)))));
    assert!(Work::from_u128(u128::MAX) < max);
}

#[test]
fn floating_point_rounds_to_nearest_even() {
    for (hex, expected) in [
        ("0", 0.0),
        ("1", 1.0),
        ("20000000000001", 9007199254740993.0),
        // 2^64 + 2^11 is a tie: down to even, up with anything more, however far below.
        ("10000000000000800", 18446744073709551616.0),
        ("10000000000000801", 18446744073709555712.0),
        ("1000000000000180000", 4722366482869645213696.0 + 2097152.0),
    ] {
        assert_eq!(work(hex).to_f64(), expected, "{hex}");
    }
    assert_eq!(Work::from_be_bytes([0xff; 32]).to_f64(), 2f64.powi(256));
    let far_below = work(&format!("1000000000000080{}1", "0".repeat(40)));
    assert_eq!(far_below.to_f64(), 2f64.powi(224) + 2f64.powi(172));
}

#[test]
fn a_target_scales_by_a_ratio() {
    let limit = compact(0x1d00_ffff).to_target().unwrap();
    let fortnight = 14 * 24 * 60 * 60;
    assert_eq!(limit.saturating_mul_div(fortnight, fortnight), limit);
    assert_eq!(Target::MAX.saturating_mul_div(u64::MAX, u64::MAX), Target::MAX);
    assert_eq!(Target::MAX.saturating_mul_div(u64::MAX, u64::MAX - 1), Target::MAX);
    assert_eq!(Target::MAX.saturating_mul_div(1, 2), target(&format!("7{}", "f".repeat(63))));
    assert_eq!(target("5").saturating_mul_div(3, 4), target("3"));
    assert_eq!(target("5").saturating_mul_div(0, 4), target("0"));
    assert_eq!(target("5").saturating_mul_div(3, 0), Target::MAX);
}

/// Retargets of Bitcoin Core's `pow_tests`: last bits, actual seconds of the period, next bits.
#[test]
fn retargets_of_core_s_tests_come_out() {
    let fortnight: u64 = 14 * 24 * 60 * 60;
    for (last, seconds, next) in [
        // Blocks 30,240 to 32,255, the first change of difficulty.
        (0x1d00_ffff, 1_262_152_739 - 1_261_130_161, 0x1d00_d86a),
        // Blocks 66,528 to 68,543 are fast beyond the clamp, so the clamp's quarter is what is used.
        (0x1c05_a3f4, fortnight / 4, 0x1c01_68fd),
        // Blocks 44,352 to 46,367 with a made-up first time, clamped at four times.
        (0x1c38_7f6f, fortnight * 4, 0x1d00_e1fd),
    ] {
        let scaled = compact(last).to_target().unwrap().saturating_mul_div(seconds, fortnight);
        assert_eq!(scaled.to_compact(), compact(next), "{last:08x}");
    }
}

#[test]
fn a_target_scales_by_a_power_of_two() {
    assert_eq!(target("3").saturating_mul_pow2(5, 4), target("f0"));
    assert_eq!(target("3").saturating_mul_pow2(5, -1), target("7"));
    assert_eq!(target("3").saturating_mul_pow2(5, -4), target("0"));
    assert_eq!(target("3").saturating_mul_pow2(5, i32::MIN), target("0"));
    assert_eq!(target("3").saturating_mul_pow2(5, i32::MAX), Target::MAX);
    assert_eq!(target("3").saturating_mul_pow2(0, i32::MAX), target("0"));
    assert_eq!(target("1").saturating_mul_pow2(1, 255), target(&format!("8{}", "0".repeat(63))));
    assert_eq!(target("1").saturating_mul_pow2(1, 256), Target::MAX);
    assert_eq!(Target::MAX.saturating_mul_pow2(0x1_0000, -16), Target::MAX);
    assert_eq!(Target::MAX.saturating_mul_pow2(0x1_0001, -16), Target::MAX);
    assert_eq!(Target::MAX.saturating_mul_pow2(0x8000, -16), target(&format!("7{}", "f".repeat(63))));
}

/// `bytes * factor / divisor` one byte at a time, held at all ones: schoolbook arithmetic.
fn naive_mul_div(number: [u8; 32], factor: u64, divisor: u64) -> [u8; 32] {
    let mut product = [0; 41];
    let mut carry: u128 = 0;
    for (at, digit) in number.iter().rev().enumerate() {
        carry += u128::from(*digit) * u128::from(factor);
        product[at] = carry as u8;
        carry >>= 8;
    }
    for digit in &mut product[32..] {
        *digit = carry as u8;
        carry >>= 8;
    }
    let mut rest: u128 = 0;
    for digit in product.iter_mut().rev() {
        rest = rest << 8 | u128::from(*digit);
        *digit = (rest / u128::from(divisor)) as u8;
        rest %= u128::from(divisor);
    }
    if product[32..].iter().any(|digit| *digit != 0) {
        return [0xff; 32];
    }
    let mut quotient = [0; 32];
    quotient.copy_from_slice(&product[..32]);
    quotient.reverse();
    quotient
}

proptest! {
    #[test]
    fn scaling_agrees_with_schoolbook(number: [u8; 32], factor: u64, divisor in 1..=u64::MAX, small in 1..100_u64) {
        for (factor, divisor) in [(factor, divisor), (small, 64), (64, small)] {
            let got = Target::from_be_bytes(number).saturating_mul_div(factor, divisor);
            prop_assert_eq!(got.to_be_bytes(), naive_mul_div(number, factor, divisor));
        }
    }

    #[test]
    fn compact_form_is_the_target_cut_to_its_leading_bytes(number: [u8; 32], zeros in 0..32_usize) {
        let mut number = number;
        number[..zeros].fill(0);
        number[31] |= 1;
        let target = Target::from_be_bytes(number);
        let bits = target.to_compact();
        let back = bits.to_target().unwrap();
        prop_assert!(back <= target);
        prop_assert_eq!(back.to_compact(), bits);
        // What is kept: three leading bytes, or two when the first would look like a sign.
        let first = number.iter().position(|byte| *byte != 0).unwrap();
        let kept = if number[first] >= 0x80 { 2 } else { 3 };
        let mut cut = number;
        cut[32.min(first + kept)..].fill(0);
        prop_assert_eq!(back.to_be_bytes(), cut);
    }

    #[test]
    fn any_bits_either_expand_or_say_why(bits: u32) {
        let got = compact(bits);
        match got.to_target() {
            Ok(target) => prop_assert!(target.to_be_bytes() != [0; 32]),
            Err(CompactError::Negative { got: at } | CompactError::Overflow { got: at } | CompactError::Zero { got: at }) => {
                prop_assert_eq!(at, got);
            }
        }
    }

    /// work * (target + 1) <= 2^256 < (work + 1) * (target + 1), with small targets so that u128 can tell.
    #[test]
    fn work_is_the_rounded_down_quotient(top in 1..u64::MAX) {
        // target + 1 = top * 2^192, so the work is 2^64 / top.
        let mut number = [0xff; 32];
        number[..8].copy_from_slice(&(top - 1).to_be_bytes());
        let work = Target::from_be_bytes(number).to_work();
        prop_assert_eq!(work, Work::from_u128((1_u128 << 64) / u128::from(top)));
    }

    /// The standard library's decimal parser rounds correctly, so it is the model.
    #[test]
    fn floating_point_agrees_with_the_decimal_parser(number: [u8; 32], keep in 0..=32_usize, shift in 0..32_usize) {
        let mut number = number;
        number[keep..].fill(0);
        number.rotate_right(shift);
        let work = Work::from_be_bytes(number);
        prop_assert_eq!(Ok(work.to_f64()), work.to_decimal().parse());
    }

    #[test]
    fn bytes_order_and_text_agree(a: [u8; 32], b: [u8; 32]) {
        prop_assert_eq!(Target::from_be_bytes(a).cmp(&Target::from_be_bytes(b)), a.cmp(&b));
        prop_assert_eq!(Work::from_be_bytes(a).cmp(&Work::from_be_bytes(b)), a.cmp(&b));
        prop_assert_eq!(Work::from_be_bytes(a).to_string().parse(), Ok(Work::from_be_bytes(a)));
        prop_assert_eq!(Target::from_be_bytes(a).to_string().parse(), Ok(Target::from_be_bytes(a)));
        prop_assert_eq!(Target::from_be_bytes(a).to_be_bytes(), a);
    }
}
