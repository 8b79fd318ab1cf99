//! How much new coin each block may make.

use cairn_primitives::{Amount, Height};

/// How much new coin the coinbase of a block may make besides the fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsidy {
    /// `initial`, halved every `interval` blocks and rounded down each time (Bitcoin: 50 coins, 210,000).
    Halving {
        /// Subsidy of the first blocks.
        initial: Amount,
        /// Blocks between two halvings, at least 1.
        interval: u32,
    },
    /// The same in every block, without end.
    Constant {
        /// The subsidy.
        amount: Amount,
    },
}

impl Subsidy {
    /// # Consensus
    /// The subsidy of the block at `height`. After 64 halvings it is nothing. Source: Core's
    /// `GetBlockSubsidy`.
    pub fn at(&self, height: Height) -> Amount {
        match *self {
            Self::Constant { amount } => amount,
            Self::Halving { initial, interval } => {
                let halvings = height.to_u32() / interval.max(1);
                Amount::from_sat(initial.to_sat().checked_shr(halvings).unwrap_or(0))
            }
        }
    }

    /// The subsidies of all blocks from 0 to `height`, in smallest units. This is what may have been
    /// issued; miners may have claimed less.
    pub fn issued_through(&self, height: Height) -> u128 {
        let blocks = u128::from(height.to_u32()) + 1;
        match *self {
            Self::Constant { amount } => u128::from(amount.to_sat()) * blocks,
            Self::Halving { initial, interval } => {
                let interval = u128::from(interval.max(1));
                let mut issued = 0;
                for halvings in 0..u64::BITS {
                    let start = u128::from(halvings) * interval;
                    let each = u128::from(initial.to_sat() >> halvings);
                    if start >= blocks || each == 0 {
                        break;
                    }
                    issued += each * interval.min(blocks - start);
                }
                issued
            }
        }
    }

    /// The most coin there can ever be, in smallest units; `None` if there is no end to it.
    pub fn max_supply(&self) -> Option<u128> {
        match *self {
            Self::Halving { .. } => Some(self.issued_through(Height::new(u32::MAX))),
            Self::Constant { amount } if amount == Amount::ZERO => Some(0),
            Self::Constant { .. } => None,
        }
    }

    /// The height of the next halving above `height`; `None` if the subsidy never changes again.
    pub fn next_halving(&self, height: Height) -> Option<Height> {
        match *self {
            Self::Constant { .. } => None,
            Self::Halving { interval, .. } if self.at(height) > Amount::ZERO => {
                let era = height.to_u32() / interval.max(1);
                era.checked_add(1)?.checked_mul(interval.max(1)).map(Height::new)
            }
            Self::Halving { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITCOIN: Subsidy = Subsidy::Halving { initial: Amount::from_sat(5_000_000_000), interval: 210_000 };

    #[test]
    fn bitcoin_halves_at_each_interval_and_ends_after_64() {
        assert_eq!(BITCOIN.at(Height::new(209_999)).to_sat(), 5_000_000_000);
        assert_eq!(BITCOIN.at(Height::new(210_000)).to_sat(), 2_500_000_000);
        assert_eq!(BITCOIN.at(Height::new(33 * 210_000 - 1)).to_sat(), 1);
        assert_eq!(BITCOIN.at(Height::new(33 * 210_000)).to_sat(), 0);
        assert_eq!(BITCOIN.at(Height::new(64 * 210_000)).to_sat(), 0);
    }

    #[test]
    fn bitcoin_ends_below_twenty_one_million() {
        // The sum Core's `subsidy_limit_test` asserts.
        assert_eq!(BITCOIN.max_supply(), Some(2_099_999_997_690_000));
    }

    #[test]
    fn issued_sums_the_blocks() {
        for height in [0, 1, 209_999, 210_000, 210_001, 420_000] {
            let naive: u128 = (0..=height).map(|h| u128::from(BITCOIN.at(Height::new(h)).to_sat())).sum();
            assert_eq!(BITCOIN.issued_through(Height::new(height)), naive);
        }
        let constant = Subsidy::Constant { amount: Amount::from_sat(7) };
        assert_eq!(constant.issued_through(Height::new(9)), 70);
        assert_eq!(constant.max_supply(), None);
    }

    #[test]
    fn next_halving_is_above_the_height() {
        assert_eq!(BITCOIN.next_halving(Height::new(0)), Some(Height::new(210_000)));
        assert_eq!(BITCOIN.next_halving(Height::new(210_000)), Some(Height::new(420_000)));
        assert_eq!(BITCOIN.next_halving(Height::new(33 * 210_000)), None);
    }
}
