//! The exponential retarget against the public vectors of `aserti3-2d`: those that Bitcoin Cash Node
//! generated for its specification, runs 1 to 5, 8 and 9. Of the long runs a row here and there.

use super::*;

/// The vectors' chain: ten minutes a block, a half-life of two days, Bitcoin's limit.
const SPACING: i128 = 600;
const HALF_LIFE: u32 = 2 * 24 * 60 * 60;

struct Run {
    anchor_bits: u32,
    anchor_height: u64,
    anchor_parent_time: i128,
    /// Height and time of a block, and the bits of the next.
    rows: &'static [(u64, i128, u32)],
}

fn bitcoin_limit() -> Target {
    let mut bytes = [0xff; 32];
    bytes[..4].fill(0);
    Target::from_be_bytes(bytes)
}

fn target(bits: u32) -> Target {
    CompactTarget::from_bits(bits).to_target().unwrap()
}

fn bits(half_life: u32, anchor_bits: u32, behind: i128) -> u32 {
    Asert { half_life, limit: bitcoin_limit() }.scale(target(anchor_bits), behind).to_compact().to_bits()
}

impl Run {
    fn check(&self) {
        for &(height, time, expected) in self.rows {
            let blocks = i128::from(height - self.anchor_height) + 1;
            let behind = time - self.anchor_parent_time - SPACING * blocks;
            let got = bits(HALF_LIFE, self.anchor_bits, behind);
            assert_eq!(got, expected, "height {height}: {got:08x}, not {expected:08x}");
        }
    }
}

#[test]
fn steady_blocks_keep_the_target() {
    for anchor_bits in [0x1d00_ffff, 0x1a2b_3c4d, 0x0101_0000] {
        for height in 2..12 {
            let behind = 600 * i128::from(height) - SPACING * i128::from(height);
            assert_eq!(bits(HALF_LIFE, anchor_bits, behind), anchor_bits);
        }
    }
}

#[test]
fn a_half_life_late_doubles_from_the_least_target_to_the_limit() {
    let rows = &[
        (2, 174_000, 0x0102_0000),
        (3, 347_400, 0x0104_0000),
        (7, 1_041_000, 0x0140_0000),
        (8, 1_214_400, 0x0200_8000),
        (9, 1_387_800, 0x0201_0000),
        (33, 5_549_400, 0x0501_0000),
        (118, 20_288_400, 0x0f20_0000),
        (119, 20_461_800, 0x0f40_0000),
        (120, 20_635_200, 0x1000_8000),
        (224, 38_668_800, 0x1d00_8000),
        (225, 38_842_200, 0x1d00_ffff),
        (226, 39_015_600, 0x1d00_ffff),
    ];
    Run { anchor_bits: 0x0101_0000, anchor_height: 1, anchor_parent_time: 0, rows }.check();
}

#[test]
fn a_half_life_early_halves_from_the_limit_to_one() {
    let rows = &[
        (2, 0, 0x1d00_fec5),
        (290, 0, 0x1c7f_62c0),
        (578, 0, 0x1c3f_b160),
        (866, 0, 0x1c1f_d8b0),
        (1_154, 0, 0x1c0f_ec58),
        (1_442, 0, 0x1c07_f62c),
        (1_730, 0, 0x1c03_fb16),
        (2_018, 0, 0x1c01_fd8b),
        (2_306, 0, 0x1c00_fec5),
        (30_242, 0, 0x0f7f_62c0),
        (59_906, 0, 0x0300_fec5),
        (60_194, 0, 0x027f_6200),
        (62_210, 0, 0x0200_fe00),
        (62_498, 0, 0x017f_0000),
        (63_938, 0, 0x0103_0000),
        (64_226, 0, 0x0101_0000),
        (64_514, 0, 0x0101_0000),
    ];
    Run { anchor_bits: 0x1d00_ffff, anchor_height: 1, anchor_parent_time: 0, rows }.check();
}

#[test]
fn random_times_with_falling_hash_rate() {
    let rows = &[
        (2, 1_200, 0x1802_aee8),
        (3, 1_310, 0x1802_ad91),
        (4, 1_327, 0x1802_abf8),
        (9, 7_099, 0x1802_b39c),
        (10, 7_099, 0x1802_b1f2),
        (31, 46_761, 0x1803_011f),
        (51, 96_281, 0x1803_7de7),
        (101, 333_916, 0x1808_07f0),
        (151, 665_153, 0x181a_e33b),
        (186, 1_073_114, 0x187e_f4ed),
        (187, 1_078_358, 0x1900_8158),
        (251, 2_114_311, 0x191b_a03b),
        (280, 2_501_718, 0x1979_dde2),
        (281, 2_529_858, 0x1a00_881c),
        (351, 3_912_900, 0x1a73_4b80),
        (352, 3_950_808, 0x1b00_85ea),
        (401, 4_883_769, 0x1b13_9eeb),
        (451, 6_069_321, 0x1c07_e59a),
        (480, 6_774_168, 0x1c7c_75fc),
        (481, 6_842_136, 0x1d00_a31a),
        (484, 6_930_238, 0x1d00_e688),
        (485, 6_993_399, 0x1d00_ffff),
        (501, 7_462_933, 0x1d00_ffff),
    ];
    Run { anchor_bits: 0x1802_aee8, anchor_height: 1, anchor_parent_time: 0, rows }.check();
}

#[test]
fn heights_past_31_bits() {
    let rows = &[
        (2_147_483_643, 1_234_568_190, 0x1802_ae16),
        (2_147_483_644, 1_234_568_490, 0x1802_ad44),
        (2_147_483_645, 1_234_568_790, 0x1802_ac71),
        (2_147_483_646, 1_234_569_090, 0x1802_ab9e),
        (2_147_483_647, 1_234_569_390, 0x1802_aacd),
        (2_147_483_648, 1_234_569_690, 0x1802_a9fa),
        (2_147_483_649, 1_234_569_990, 0x1802_a929),
        (2_147_483_650, 1_234_570_290, 0x1802_a858),
        (2_147_483_651, 1_234_570_590, 0x1802_a787),
        (2_147_483_652, 1_234_570_890, 0x1802_a6b7),
    ];
    let anchor = (2_147_483_642, 1_234_567_290);
    Run { anchor_bits: 0x1802_aee8, anchor_height: anchor.0, anchor_parent_time: anchor.1, rows }.check();
}

#[test]
fn no_schedule_and_no_half_life_overflows() {
    let furthest = i128::from(u32::MAX) * i128::from(u32::MAX);
    for half_life in [1, HALF_LIFE, u32::MAX] {
        assert_eq!(bits(half_life, 0x1d00_ffff, furthest), 0x1d00_ffff);
        assert_eq!(bits(half_life, 0x1d00_ffff, -furthest), 0x0101_0000);
    }
}

/// The cubic stays within the error that the specification states for it, 0.013 %.
#[test]
fn the_cubic_is_near_the_power_of_two() {
    let anchor = target(0x1a2b_3c4d);
    let rule = Asert { half_life: HALF_LIFE, limit: bitcoin_limit() };
    for behind in (-400_000..400_000).step_by(997) {
        let got = anchor.difficulty(rule.scale(anchor, behind));
        let expected = 2f64.powf(behind as f64 / f64::from(HALF_LIFE)).recip();
        assert!((got * expected - 1.0).abs() < 0.000_2, "{behind} s: {got} against {expected}");
    }
}
