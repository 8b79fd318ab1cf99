//! The shape of the chain, as tables. Shares are of 1,000.
//!
//! What is called measured was counted in a block of mainnet: block 702,861 (2,499 payments, 6,517 inputs, 6,013 outputs)
//! for counts and types, block 403,200 (1,037 inputs from outside itself) for the ages of coins. One block is one block: the
//! long tail of a single one is left out, as said below. Everything else is a stated shape and no measurement.

use super::rng::Rng;

/// A share of all cases, spread evenly over a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    share: u32,
    low: u32,
    high: u32,
}

const fn band(share: u32, low: u32, high: u32) -> Band {
    Band { share, low, high }
}

/// A number out of a table.
pub(super) fn draw(table: &[Band], rng: &mut Rng) -> u32 {
    let shares: u32 = table.iter().map(|band| band.share).sum();
    let mut at = rng.below(u64::from(shares));
    for band in table {
        match at.checked_sub(u64::from(band.share)) {
            None => return rng.within(band.low, band.high),
            Some(rest) => at = rest,
        }
    }
    unreachable!("the draw is below the sum of all shares")
}

/// Inputs of a payment: measured, but for the three of more than 256 inputs, which count as of 129 to 256.
pub(super) const INPUTS: &[Band] = &[
    band(758, 1, 1),
    band(142, 2, 2),
    band(40, 3, 3),
    band(18, 4, 4),
    band(14, 5, 5),
    band(12, 6, 8),
    band(6, 9, 16),
    band(5, 17, 32),
    band(3, 33, 64),
    band(1, 65, 128),
    band(1, 129, 256),
];

/// Outputs of a payment: measured, but for the one of 272 outputs, which is left out.
pub(super) const OUTPUTS: &[Band] = &[
    band(162, 1, 1),
    band(792, 2, 2),
    band(14, 3, 3),
    band(9, 4, 4),
    band(6, 5, 5),
    band(3, 6, 8),
    band(2, 9, 16),
    band(9, 17, 32),
    band(2, 33, 64),
    band(1, 65, 128),
];

/// Ages, in blocks, of coins spent from outside the block: measured. The last band is open there and ends at a million here.
/// Where no coin is as old, it may be any.
pub(super) const AGES: &[Band] = &[
    band(139, 1, 1),
    band(40, 2, 3),
    band(164, 4, 6),
    band(133, 7, 12),
    band(95, 13, 36),
    band(200, 37, 144),
    band(103, 145, 1_008),
    band(79, 1_009, 4_320),
    band(39, 4_321, 26_000),
    band(8, 26_001, 1_000_000),
];

/// Coins that are never spent, because they are lost or kept for decades: a stated shape. So there are unspent coins of
/// every age.
pub(super) const HELD: u32 = 20;

/// Payments that spend one coin of their own block: 124 of 1,000, measured; that 24 of these spend a coin of one that does so
/// itself is a stated shape. The first number is of the former, the second of the latter.
pub(super) const IN_BLOCK: [u32; 2] = [100, 24];

/// Payments in a block, of 1,000 of the mean: a stated shape. Few blocks are empty, some half full, most full.
pub(super) const FULLNESS: &[Band] =
    &[band(10, 0, 0), band(50, 100, 900), band(700, 960, 1_040), band(240, 1_042, 1_250)];

/// Payments of version 2, the others being of version 1: measured.
pub(super) const VERSION_2: u32 = 711;

/// Payments locked to the height of the last block, as wallets do against fee sniping: measured.
pub(super) const LOCKED: u32 = 197;

/// Payments that signal that they may be replaced (BIP125): measured.
pub(super) const REPLACEABLE: u32 = 136;

/// Payments with an output that carries data, in the mix of mainnet: measured, as four outputs of 1,000.
pub(super) const WITH_DATA: u32 = 10;

/// Outputs to one of the [`BUSY_KEYS`]: measured, as the outputs whose script was in the block before.
pub(super) const TO_BUSY_KEY: u32 = 43;

/// Keys paid again and again, as exchanges' are: a stated shape.
pub(super) const BUSY_KEYS: u32 = 16;

/// Fee rates in smallest units for each virtual byte: a stated shape.
pub(super) const FEE_RATES: &[Band] =
    &[band(300, 1, 2), band(400, 3, 12), band(250, 13, 60), band(50, 61, 200)];

/// Seconds between blocks: the middles of the eight equal parts of an exponential distribution whose mean is 600, to each of which up
/// to [`SPREAD`] is added, so that the mean is 600 again.
pub(super) const INTERVALS: [u32; 8] = [39, 125, 225, 345, 496, 698, 1_004, 1_664];

/// See [`INTERVALS`].
pub(super) const SPREAD: u32 = 51;

/// How a coin is locked, and so how it is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpendKind {
    /// The hash of a key.
    P2pkh,
    /// The hash of a script that wants two of three keys.
    P2shMultisig,
    /// The hash of a key, by witness.
    P2wpkh,
    /// The same behind the hash of a script.
    P2shP2wpkh,
    /// The hash of a script that wants two of three keys, by witness.
    P2wsh,
    /// A taproot key, without scripts.
    P2trKey,
    /// A taproot key with two scripts, spent by one of them.
    P2trScript,
}

impl SpendKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::P2pkh,
        Self::P2shMultisig,
        Self::P2wpkh,
        Self::P2shP2wpkh,
        Self::P2wsh,
        Self::P2trKey,
        Self::P2trScript,
    ];
}

/// How many coins of each kind are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// In the order of [`SpendKind::ALL`]; their sum is not 0.
    shares: [u32; SpendKind::ALL.len()],
    data: u32,
}

impl Mix {
    /// The kinds of inputs counted in block 702,861 of mainnet (17 of 1,000 spent a witness script behind a script hash and
    /// count as P2WSH here), all cut by 15 of 100 for taproot, which did not hold there yet: that share is a stated shape. Ten
    /// payments of 1,000 carry data.
    pub const MAINNET: Self = Self { shares: [141, 134, 338, 206, 31, 120, 30], data: WITH_DATA };

    /// Coins of one kind alone, and no data.
    pub const fn only(kind: SpendKind) -> Self {
        let mut shares = [0; SpendKind::ALL.len()];
        shares[kind as usize] = 1;
        Self { shares, data: 0 }
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> SpendKind {
        let mut at = rng.below(self.shares.iter().map(|share| u64::from(*share)).sum());
        for (share, kind) in self.shares.iter().zip(SpendKind::ALL) {
            match at.checked_sub(u64::from(*share)) {
                None => return kind,
                Some(rest) => at = rest,
            }
        }
        unreachable!("the draw is below the sum of all shares")
    }

    /// Whether this payment carries data.
    pub(super) fn carries_data(&self, rng: &mut Rng) -> bool {
        self.data > 0 && rng.per_mille(self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(table: &[Band]) -> u32 {
        table.iter().map(|band| band.share).sum()
    }

    /// The mean of a table, in thousandths.
    fn mean(table: &[Band]) -> u64 {
        table.iter().map(|band| u64::from(band.share * (band.low + band.high)) / 2).sum()
    }

    #[test]
    fn shares_are_of_a_thousand_and_bands_do_not_overlap() {
        for table in [INPUTS, OUTPUTS, AGES, FULLNESS, FEE_RATES] {
            assert_eq!(shares(table), 1_000);
            assert!(table.windows(2).all(|pair| pair[0].high < pair[1].low), "{table:?}");
        }
        assert_eq!(Mix::MAINNET.shares.iter().sum::<u32>(), 1_000);
    }

    #[test]
    fn more_coins_are_made_than_spent() {
        let (spent, made) = (mean(INPUTS), mean(OUTPUTS) * u64::from(1_000 - HELD) / 1_000);
        assert!(made > spent + 200, "{made} {spent}");
    }

    #[test]
    fn blocks_and_intervals_have_the_mean_they_say() {
        assert!((998_000..1_002_000).contains(&mean(FULLNESS)), "{}", mean(FULLNESS));
        let eightfold = INTERVALS.iter().sum::<u32>() + 8 * SPREAD / 2;
        assert!((8 * 597..8 * 603).contains(&eightfold), "{eightfold}");
    }

    #[test]
    fn a_table_is_drawn_by_its_shares() {
        let mut rng = Rng::new(3, 3);
        let drawn: Vec<_> = (0..100_000).map(|_| draw(INPUTS, &mut rng)).collect();
        let ones = drawn.iter().filter(|inputs| **inputs == 1).count();
        assert!((75_000..76_600).contains(&ones), "{ones}");
        assert!((200..=256).contains(drawn.iter().max().expect("some were drawn")));
    }

    #[test]
    fn a_mix_of_one_kind_draws_no_other() {
        let mut rng = Rng::new(4, 4);
        for kind in SpendKind::ALL {
            assert!((0..50).all(|_| Mix::only(kind).draw(&mut rng) == kind));
            assert!((0..50).all(|_| !Mix::only(kind).carries_data(&mut rng)));
        }
        let drawn: Vec<_> = (0..2_000).map(|_| Mix::MAINNET.draw(&mut rng)).collect();
        assert!(SpendKind::ALL.iter().all(|kind| drawn.contains(kind)));
    }
}
