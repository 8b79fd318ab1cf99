//! Numbers modulo the prime 2^3072 - 1103717.

/// Bytes of a number.
pub(super) const SIZE: usize = 384;

/// What 2^3072 is modulo the prime.
pub(super) const EXCESS: u64 = 1_103_717;

const LIMBS: usize = SIZE / 8;

/// A number of 3072 bits, little-endian limbs. It stands for its remainder; only [`Num3072::to_bytes`] insists on
/// the one below the prime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Num3072([u64; LIMBS]);

impl Num3072 {
    pub(super) const ONE: Self = {
        let mut limbs = [0; LIMBS];
        limbs[0] = 1;
        Num3072(limbs)
    };

    pub(super) fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        let mut limbs = [0; LIMBS];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *limb = u64::from_le_bytes(*chunk);
        }
        Num3072(limbs)
    }

    /// The remainder below the prime, little-endian.
    pub(super) fn to_bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        for (chunk, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.reduced().0) {
            *chunk = limb.to_le_bytes();
        }
        bytes
    }

    /// The remainder below the prime.
    pub(super) fn reduced(&self) -> Self {
        // Adding the excess carries out of the top exactly when the number is not below the prime.
        let mut sum = self.0;
        if add_small(&mut sum, EXCESS) { Num3072(sum) } else { self.clone() }
    }

    pub(super) fn limbs(&self) -> &[u64; LIMBS] {
        &self.0
    }

    /// The number `limbs + high * 2^3072`.
    pub(super) fn with_high(limbs: [u64; LIMBS], high: u64) -> Self {
        let mut limbs = limbs;
        fold(&mut limbs, high);
        Num3072(limbs)
    }

    /// Multiplies by `other`.
    pub(super) fn multiply(&mut self, other: &Num3072) {
        let product = product(&self.0, &other.0);
        let (low, high) = product.split_at(LIMBS);
        let mut carry = 0_u64;
        for ((limb, low), high) in self.0.iter_mut().zip(low).zip(high) {
            let sum = u128::from(*low) + u128::from(*high) * u128::from(EXCESS) + u128::from(carry);
            *limb = sum as u64;
            carry = (sum >> 64) as u64;
        }
        fold(&mut self.0, carry);
    }
}

/// Row by row: each row adds one limb's multiple of `b`. No sum passes 128 bits: (2^64-1)^2 + 2 (2^64-1).
fn product(a: &[u64; LIMBS], b: &[u64; LIMBS]) -> [u64; 2 * LIMBS] {
    let mut product = [0_u64; 2 * LIMBS];
    for (at, a) in a.iter().enumerate() {
        let row: &mut [u64; LIMBS] =
            (&mut product[at..at + LIMBS]).try_into().expect("a row is as long as the factor");
        let mut carry = 0_u64;
        for (limb, b) in row.iter_mut().zip(b) {
            let sum = u128::from(*a) * u128::from(*b) + u128::from(*limb) + u128::from(carry);
            *limb = sum as u64;
            carry = (sum >> 64) as u64;
        }
        product[at + LIMBS] = carry;
    }
    product
}

/// Adds `high * 2^3072`, for a `high` that is far below 2^43.
fn fold(limbs: &mut [u64; LIMBS], high: u64) {
    if add_small(limbs, high * EXCESS) {
        // What is left after a carry is smaller than what was added, so there is no second one.
        add_small(limbs, EXCESS);
    }
}

/// Adds a number of one limb; `true` if that carries out of the top.
fn add_small(limbs: &mut [u64; LIMBS], number: u64) -> bool {
    let mut carry = number;
    for limb in limbs {
        let (sum, over) = limb.overflowing_add(carry);
        *limb = sum;
        carry = over.into();
        if carry == 0 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(low: u64, rest: u64) -> Num3072 {
        let mut limbs = [rest; LIMBS];
        limbs[0] = low;
        Num3072(limbs)
    }

    #[test]
    fn the_remainder_is_below_the_prime() {
        let top = u64::MAX;
        let prime = number(top - EXCESS + 1, top);
        assert_eq!(prime.reduced(), number(0, 0));
        let below = number(top - EXCESS, top);
        assert_eq!(below.reduced(), below);
        let largest = number(top, top);
        assert_eq!(largest.reduced(), number(EXCESS - 1, 0));
        assert_eq!(Num3072::from_bytes(&largest.to_bytes()), number(EXCESS - 1, 0));
    }

    /// -1 times -1 is 1, for each way to write -1 and 1.
    #[test]
    fn carries_go_all_the_way_up() {
        let top = u64::MAX;
        let mut minus_one = number(top - EXCESS, top);
        minus_one.multiply(&minus_one.clone());
        assert_eq!(minus_one.reduced(), Num3072::ONE);
        let mut largest = number(top, top);
        largest.multiply(&Num3072::ONE);
        assert_eq!(largest.reduced(), number(EXCESS - 1, 0));
        let mut square = number(top, top);
        square.multiply(&number(top, top));
        assert_eq!(square.reduced(), number((EXCESS - 1) * (EXCESS - 1), 0));
        assert_eq!(Num3072::with_high(number(top, top).0, 1).reduced(), number(2 * EXCESS - 1, 0));
    }
}
