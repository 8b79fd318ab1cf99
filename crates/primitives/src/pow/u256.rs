//! 256-bit integers, and a 320-bit one for products with a 64-bit factor.
#![allow(unreachable_pub, missing_docs, reason = "the macro writes public items; the module is private")]
#![allow(clippy::manual_div_ceil, reason = "the macro's code, not ours")]

use uint::construct_uint;

construct_uint! {
    pub struct U256(4);
}

construct_uint! {
    pub struct U320(5);
}

impl U320 {
    /// `value`, widened.
    pub(super) const fn widen(value: U256) -> Self {
        let U256([a, b, c, d]) = value;
        Self([a, b, c, d, 0])
    }

    /// The low 256 bits, or all ones if there are more.
    pub(super) const fn narrow_saturating(self) -> U256 {
        match self.0 {
            [a, b, c, d, 0] => U256([a, b, c, d]),
            _ => U256::MAX,
        }
    }
}

impl U256 {
    /// The nearest `f64`, ties to even.
    pub(super) fn to_f64_nearest(self) -> f64 {
        let shift = self.bits().saturating_sub(64);
        let mut top = (self >> shift).low_u64();
        // What is shifted out can only break a tie: it is enough to know that there is some.
        if shift > 0 && (self << (256 - shift)) != Self::zero() {
            top |= 1;
        }
        // A power of two up to 2^192 is exact, and scaling by it does not round.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        let value = top as f64 * 2f64.powi(shift as i32);
        value
    }
}
