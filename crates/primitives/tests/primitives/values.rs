//! Amounts, heights, times, weights and locks at their limits.

use cairn_primitives::{
    Amount, BlockTime, CompactTarget, Decode, Encode, Height, LockTime, LockTimeKind, OutPoint,
    OutPointParseError, RelativeLock, Sequence, Target, Txid, Weight, Work,
};
use proptest::prelude::*;

const MAX: Amount = Amount::from_sat(u64::MAX);
const ONE: Amount = Amount::from_sat(1);

#[test]
fn amounts_never_wrap() {
    assert_eq!(MAX.checked_add(Amount::ZERO), Some(MAX));
    assert_eq!(MAX.checked_add(ONE), None);
    assert_eq!(ONE.checked_sub(ONE), Some(Amount::ZERO));
    assert_eq!(Amount::ZERO.checked_sub(ONE), None);
    assert_eq!(Amount::from_sat(u64::MAX / 2).checked_mul(2), Some(Amount::from_sat(u64::MAX - 1)));
    assert_eq!(Amount::from_sat(u64::MAX / 2 + 1).checked_mul(2), None);
    assert_eq!(MAX.saturating_add(ONE), MAX);
    assert_eq!(Amount::ZERO.saturating_sub(ONE), Amount::ZERO);
    assert_eq!(Amount::checked_sum([]), Some(Amount::ZERO));
    assert_eq!(Amount::checked_sum([MAX, Amount::ZERO]), Some(MAX));
    assert_eq!(Amount::checked_sum([MAX, ONE]), None);
    // No order of terms hides an overflow.
    assert_eq!(Amount::checked_sum([ONE, MAX, ONE]), None);
}

#[test]
fn amounts_display_exactly() {
    let show = |units, decimals| Amount::from_sat(units).display(decimals).to_string();
    assert_eq!(show(123_000_000, 8), "1.23000000");
    assert_eq!(show(0, 8), "0.00000000");
    assert_eq!(show(1, 8), "0.00000001");
    assert_eq!(show(99_999_999, 8), "0.99999999");
    assert_eq!(show(100_000_000, 8), "1.00000000");
    assert_eq!(show(2_100_000_000_000_000, 8), "21000000.00000000");
    assert_eq!(show(u64::MAX, 8), "184467440737.09551615");
    assert_eq!(show(u64::MAX, 0), "18446744073709551615");
    assert_eq!(show(7, 1), "0.7");
    assert_eq!(show(u64::MAX, 30), "0.000000000018446744073709551615");
    assert_eq!(show(7, u8::MAX).len(), 2 + 255);
    assert_eq!(Amount::from_sat(5_000_000_000).to_string(), "5000000000");
    assert_eq!(format!("{:>12}|", Amount::from_sat(5).display(8)), "  0.00000005|");
}

#[test]
fn amounts_are_eight_little_endian_bytes() {
    let amount = Amount::from_sat(0x0102_0304_0506_0708);
    assert_eq!(amount.to_bytes(), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(amount.encoded_len(), 8);
    assert_eq!(Amount::from_bytes(&[0xff; 8]), Ok(MAX));
}

#[test]
fn heights_stay_between_genesis_and_their_type() {
    let top = Height::new(u32::MAX);
    assert_eq!(Height::GENESIS.prev(), None);
    assert_eq!(Height::GENESIS.next(), Height::new(1));
    assert_eq!(Height::new(1).prev(), Some(Height::GENESIS));
    assert_eq!(top.next(), top);
    assert_eq!(top.checked_add(0), Some(top));
    assert_eq!(top.checked_add(1), None);
    assert_eq!(Height::new(5).checked_sub(5), Some(Height::GENESIS));
    assert_eq!(Height::new(5).checked_sub(6), None);
    assert_eq!(Height::new(5).blocks_above(Height::new(3)), Some(2));
    assert_eq!(Height::new(3).blocks_above(Height::new(5)), None);
    assert_eq!(Height::new(481_824).to_string(), "481824");
}

#[test]
fn times_stay_within_a_header() {
    let last = BlockTime::new(u32::MAX);
    assert_eq!(last.checked_add(0), Some(last));
    assert_eq!(last.checked_add(1), None);
    assert_eq!(last.saturating_add(1), last);
    assert_eq!(BlockTime::new(5).saturating_sub(6), BlockTime::new(0));
    assert_eq!(BlockTime::new(5).seconds_since(BlockTime::new(7)), -2);
    assert_eq!(last.seconds_since(BlockTime::new(0)), 4_294_967_295);
    assert_eq!(BlockTime::new(1_231_006_505).to_string(), "1231006505");
}

#[test]
fn virtual_size_rounds_up() {
    for (weight, vsize) in [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (4_000_000, 1_000_000)] {
        assert_eq!(Weight::new(weight).to_vsize(), vsize);
    }
    assert_eq!(Weight::new(u64::MAX).to_vsize(), 1 << 62);
    assert_eq!(Weight::from_sizes(10, 15), Weight::new(45));
    assert_eq!(Weight::new(u64::MAX).checked_add(Weight::new(1)), None);
    assert_eq!(Weight::new(3).checked_add(Weight::new(4)), Some(Weight::new(7)));
    assert_eq!(Weight::from_sizes(usize::MAX, 1).to_u64(), u64::MAX);
}

#[test]
fn sequences_signal_replacement_and_finality() {
    assert!(Sequence::FINAL.is_final());
    assert!(!Sequence::FINAL.is_rbf());
    assert!(!Sequence::new(0xffff_fffe).is_final());
    assert!(!Sequence::new(0xffff_fffe).is_rbf());
    assert!(Sequence::new(0xffff_fffd).is_rbf());
    assert!(Sequence::new(0).is_rbf());
}

/// The bits that BIP68 assigns: 31 disables, 22 chooses the unit, the low 16 count.
#[test]
fn relative_locks_are_those_of_bip68() {
    for (bits, lock) in [
        (0, RelativeLock::Blocks(0)),
        (0xffff, RelativeLock::Blocks(0xffff)),
        (0x0001_0000, RelativeLock::Blocks(0)),
        (0x7fbf_0001, RelativeLock::Blocks(1)),
        (0x0040_0000, RelativeLock::Units512s(0)),
        (0x0040_1234, RelativeLock::Units512s(0x1234)),
        (0x7fff_ffff, RelativeLock::Units512s(0xffff)),
        (0x8000_0000, RelativeLock::Disabled),
        (0x8040_0001, RelativeLock::Disabled),
        (0xffff_ffff, RelativeLock::Disabled),
    ] {
        assert_eq!(Sequence::new(bits).relative_lock(), lock, "{bits:08x}");
    }
}

#[test]
fn lock_times_turn_from_heights_to_times_at_the_threshold() {
    assert_eq!(LockTime::ZERO.kind(), LockTimeKind::Height(Height::GENESIS));
    assert_eq!(LockTime::new(499_999_999).kind(), LockTimeKind::Height(Height::new(499_999_999)));
    assert_eq!(LockTime::new(500_000_000).kind(), LockTimeKind::Time(BlockTime::new(500_000_000)));
    assert_eq!(LockTime::new(u32::MAX).kind(), LockTimeKind::Time(BlockTime::new(u32::MAX)));
}

#[test]
fn outpoints_have_a_text_form() {
    let text = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b:7";
    let outpoint: OutPoint = text.parse().unwrap();
    assert_eq!(outpoint.vout, 7);
    assert_eq!(outpoint.to_string(), text);
    assert_eq!(format!("{outpoint:?}"), format!("OutPoint({text})"));
    assert_eq!("00".parse::<OutPoint>(), Err(OutPointParseError::NoColon));
    assert!(matches!("00:7".parse::<OutPoint>(), Err(OutPointParseError::Txid(_))));
    assert!(matches!(
        text.replace(":7", ":4294967296").parse::<OutPoint>(),
        Err(OutPointParseError::Index(_))
    ));
    assert!(matches!(text.replace(":7", ":").parse::<OutPoint>(), Err(OutPointParseError::Index(_))));
}

#[test]
fn the_null_outpoint_is_no_output() {
    assert!(OutPoint::NULL.is_null());
    assert!(!OutPoint { txid: Txid::ZERO, vout: 0 }.is_null());
    assert!(!OutPoint { txid: Txid::from_bytes([1; 32]), vout: u32::MAX }.is_null());
    assert_eq!(OutPoint::NULL.to_bytes(), [[0; 32].as_slice(), &[0xff; 4]].concat());
}

#[test]
fn serde_forms_are_plain() {
    let json = |value: &dyn Fn() -> serde_json::Result<String>| value().unwrap();
    assert_eq!(json(&|| serde_json::to_string(&MAX)), u64::MAX.to_string());
    assert_eq!(json(&|| serde_json::to_string(&Height::new(7))), "7");
    assert_eq!(json(&|| serde_json::to_string(&BlockTime::new(7))), "7");
    assert_eq!(json(&|| serde_json::to_string(&Weight::new(7))), "7");
    assert_eq!(json(&|| serde_json::to_string(&Sequence::FINAL)), "4294967295");
    assert_eq!(json(&|| serde_json::to_string(&LockTime::new(7))), "7");
    assert_eq!(json(&|| serde_json::to_string(&CompactTarget::from_bits(0x1d00_ffff))), "\"1d00ffff\"");
    let work = Work::from_u128(0x1_0001_0001);
    let text = format!("\"{:064x}\"", 0x1_0001_0001_u64);
    assert_eq!(json(&|| serde_json::to_string(&work)), text);
    assert_eq!(serde_json::from_str::<Work>(&text).unwrap(), work);
    assert_eq!(serde_json::from_str::<Target>(&text).unwrap().to_be_bytes(), work.to_be_bytes());
    assert_eq!(serde_json::from_str::<Amount>("12").unwrap(), Amount::from_sat(12));
    assert!(serde_json::from_str::<Amount>("-1").is_err());
    assert!(serde_json::from_str::<Height>("4294967296").is_err());
    assert!(serde_json::from_str::<CompactTarget>("\"1d00fff\"").is_err());
    assert!(serde_json::from_str::<CompactTarget>("486604799").is_err());

    let config = bincode::config::standard();
    let value = (CompactTarget::from_bits(0x1d00_ffff), work);
    let binary = bincode::serde::encode_to_vec(value, config).unwrap();
    assert_eq!(bincode::serde::decode_from_slice(&binary, config).unwrap(), (value, binary.len()));
    assert_eq!(binary[binary.len() - 32..], work.to_be_bytes());
}

proptest! {
    #[test]
    fn amount_arithmetic_agrees_with_wide_integers(a: u64, b: u64) {
        let (x, y) = (Amount::from_sat(a), Amount::from_sat(b));
        let narrow = |wide: u128| u64::try_from(wide).ok().map(Amount::from_sat);
        prop_assert_eq!(x.checked_add(y), narrow(u128::from(a) + u128::from(b)));
        prop_assert_eq!(x.checked_mul(b), narrow(u128::from(a) * u128::from(b)));
        prop_assert_eq!(x.checked_sub(y).is_some(), a >= b);
        prop_assert_eq!(x.saturating_add(y), x.checked_add(y).unwrap_or(MAX));
        prop_assert_eq!(x.saturating_sub(y), x.checked_sub(y).unwrap_or(Amount::ZERO));
    }

    #[test]
    fn displayed_amounts_read_back(units: u64, decimals in 1..25_u8) {
        let text = Amount::from_sat(units).display(decimals).to_string();
        let (whole, fraction) = text.split_once('.').unwrap();
        prop_assert_eq!(fraction.len(), usize::from(decimals));
        prop_assert!(whole == "0" || !whole.starts_with('0'));
        prop_assert_eq!(format!("{whole}{fraction}").parse::<u64>(), Ok(units));
    }
}
