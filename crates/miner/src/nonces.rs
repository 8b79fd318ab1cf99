//! Stretches of the 32-bit nonce space.

/// Number of values a header's nonce can take.
const SPACE: u64 = 1 << 32;

/// A run of consecutive nonces, possibly empty, possibly all 2³² of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceRange {
    /// May be 2³² in an empty range.
    first: u64,
    /// One past the last; at most 2³².
    end: u64,
}

impl NonceRange {
    /// Every nonce there is.
    pub const FULL: Self = Self { first: 0, end: SPACE };

    /// `count` nonces from `first` on, or as many as there are from there to the highest.
    pub fn new(first: u32, count: u64) -> Self {
        let first = u64::from(first);
        Self { first, end: first.saturating_add(count).min(SPACE) }
    }

    /// The lowest nonce; `None` when the range is empty.
    pub fn first(self) -> Option<u32> {
        // Not empty means below `end`, so below 2^32.
        if self.is_empty() { None } else { Some(self.first as u32) }
    }

    /// How many nonces there are, at most 2³².
    pub fn len(self) -> u64 {
        self.end - self.first
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.first == self.end
    }

    /// Removes up to `count` nonces from the front and returns them.
    pub fn take_front(&mut self, count: u64) -> Self {
        let front = Self { first: self.first, end: self.first.saturating_add(count).min(self.end) };
        self.first = front.end;
        front
    }

    /// Share `index` of the range cut into `parts` shares whose lengths differ by at most one. The shares do not
    /// overlap and together are the whole range; a share past the last is empty.
    pub fn share(self, index: usize, parts: usize) -> Self {
        let parts = (parts as u64).max(1);
        let index = (index as u64).min(parts);
        // The length is at most 2^32 and the index is held at `parts`; 128 bits for any number of parts.
        let at = |i: u64| self.first + (u128::from(self.len()) * u128::from(i) / u128::from(parts)) as u64;
        Self { first: at(index), end: at((index + 1).min(parts)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_range_ends_at_the_highest_nonce() {
        let range = NonceRange::new(u32::MAX, 5);
        assert_eq!((range.first(), range.len()), (Some(u32::MAX), 1));
        assert_eq!(NonceRange::new(0, u64::MAX), NonceRange::FULL);
        assert_eq!(NonceRange::FULL.len(), 1 << 32);
        assert_eq!(NonceRange::new(7, 0).first(), None);
    }

    #[test]
    fn taking_from_the_front_empties_the_range() {
        let mut range = NonceRange::new(u32::MAX - 2, 3);
        assert_eq!(range.take_front(2), NonceRange::new(u32::MAX - 2, 2));
        assert_eq!(range.take_front(2), NonceRange::new(u32::MAX, 1));
        assert!(range.is_empty());
        assert!(range.take_front(1).is_empty());
    }

    proptest! {
        #[test]
        fn shares_are_the_range_cut_evenly(first: u32, count in 0..=SPACE, parts in 1_usize..200) {
            let range = NonceRange::new(first, count);
            let mut end = range.first;
            for index in 0..parts {
                let share = range.share(index, parts);
                prop_assert_eq!(share.first, end);
                prop_assert!(share.len().abs_diff(range.len() / parts as u64) <= 1);
                end = share.end;
            }
            prop_assert_eq!(end, range.end);
            prop_assert!(range.share(parts, parts).is_empty());
        }
    }
}
