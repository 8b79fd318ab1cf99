//! Seeded numbers that are the same on every machine.

/// SplitMix64: integers alone, and no library whose next version could draw others. Not for secrets.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The numbers of one stream of a seed. Each block has a stream of its own.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        rng.0 = rng.next();
        rng
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 where the limit is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(limit);
        u64::try_from(product >> 64).expect("the upper half of 128 bits")
    }

    /// A place in a list of `len` items, which is not empty.
    pub(super) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a number that fits")
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn within(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high - low) + 1;
        low + u32::try_from(self.below(span)).expect("below the span of two such numbers")
    }

    /// True in `share` of 1,000 cases.
    pub(super) fn per_mille(&mut self, share: u32) -> bool {
        self.below(1_000) < u64::from(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_splitmix64s() {
        // The first three numbers of the generator's published test for the seed 1234567.
        let mut rng = Rng(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(expected, [rng.next(), rng.next(), rng.next()]);
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Rng::new(seed, stream).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn both_ends_of_a_range_are_drawn_and_nothing_beyond() {
        let mut rng = Rng::new(1, 1);
        let drawn: std::collections::BTreeSet<_> = (0..200).map(|_| rng.within(7, 9)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((rng.below(0), rng.below(1), rng.within(5, 5)), (0, 0, 5));
        assert!(!rng.per_mille(0) && rng.per_mille(1_000));
    }
}
