//! Division modulo the prime: Bernstein and Yang's "Fast constant-time gcd computation and modular inversion"
//! (2019), in the form that takes as many steps as the number needs. Nothing here is secret.
//!
//! A *division step* turns the pair (f, g), f odd, into a smaller one with the same common divisor, and looks at the
//! lowest bits only. So 62 steps at a time are worked out on single words, as a 2×2 matrix, which is then applied to
//! f and g and to their cofactors.

use super::num3072::{EXCESS, Num3072};

/// Bits of a limb. Two bits are left for the sign and for sums.
const BITS: u32 = 62;

/// 50 limbs of 62 bits hold 3100: the 28 above the prime hold multiples of it.
const LIMBS: usize = 50;

const MASK: i64 = (1 << BITS) - 1;

/// The prime is 2^3072 - 1103717, and 3072 = 49 · 62 + 34.
const TOP_SHIFT: u32 = 34;

/// The inverse of -1103717, which is the prime's lowest limb, modulo 2^62.
const PRIME_INVERSE: i64 = inverse_of_limb(-(EXCESS as i64));

/// Upper bound of division steps for 3072 bits, in groups of 62: (49 · 3072 + 57) / 17 = 8858 steps.
const MAX_GROUPS: usize = 143;

/// Σ limb · 2^(62 i). All limbs but the last lie in 0..2^62; the last carries the sign.
type Signed = [i64; LIMBS];

/// What 62 division steps do: (f, g) becomes (u f + v g, q f + r g) / 2^62.
#[derive(Debug, Clone, Copy)]
struct Steps {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// The inverse of `number` modulo the prime; 0 for a multiple of the prime.
pub(super) fn invert(number: &Num3072) -> Num3072 {
    let (mut f, mut g) = (prime(), split(&number.reduced()));
    // Modulo the prime, d · number = f and e · number = g.
    let (mut d, mut e): (Signed, Signed) = ([0; LIMBS], [0; LIMBS]);
    e[0] = 1;
    let mut delta = 1;
    for _ in 0..MAX_GROUPS {
        let steps = divide(&mut delta, low(&f), low(&g));
        (f, g) = apply(&steps, &f, &g);
        (d, e) = apply_modulo(&steps, &d, &e);
        if g == [0; LIMBS] {
            break;
        }
    }
    // f is now ±1, the common divisor, or ±the prime itself if the number was 0 (and then d is 0).
    join(&d, f[LIMBS - 1] < 0)
}

const fn inverse_of_limb(limb: i64) -> i64 {
    // Right in its last 3 bits; each round doubles them.
    let mut inverse = limb;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2_i64.wrapping_sub(limb.wrapping_mul(inverse)));
        round += 1;
    }
    inverse & MASK
}

fn prime() -> Signed {
    let mut limbs = [0; LIMBS];
    limbs[0] = -(EXCESS as i64);
    limbs[LIMBS - 1] = 1 << TOP_SHIFT;
    carry(limbs)
}

/// Brings all limbs but the last into 0..2^62.
fn carry(mut limbs: Signed) -> Signed {
    let mut carry = 0;
    for limb in &mut limbs[..LIMBS - 1] {
        let sum = *limb + carry;
        *limb = sum & MASK;
        carry = sum >> BITS;
    }
    limbs[LIMBS - 1] += carry;
    limbs
}

/// The lowest 64 bits.
fn low(number: &Signed) -> u64 {
    number[0] as u64 | (number[1] as u64) << BITS
}

/// Works out 62 division steps on the lowest bits of f and g.
fn divide(delta: &mut i64, mut f: u64, mut g: u64) -> Steps {
    let mut steps = Steps { u: 1, v: 0, q: 0, r: 1 };
    let mut left = BITS;
    loop {
        // Each zero at the end of g is a step that halves it; a guard bit stops at the end of the group.
        let zeros = (g | u64::MAX << left).trailing_zeros();
        g >>= zeros;
        steps.u <<= zeros;
        steps.v <<= zeros;
        *delta += i64::from(zeros);
        left -= zeros;
        if left == 0 {
            return steps;
        }
        if *delta > 0 {
            *delta = -*delta;
            (f, g) = (g, f.wrapping_neg());
            (steps.u, steps.q) = (steps.q, -steps.u);
            (steps.v, steps.r) = (steps.r, -steps.v);
        }
        // Both are odd, so the sum is even.
        g = g.wrapping_add(f);
        steps.q += steps.u;
        steps.r += steps.v;
    }
}

/// (u f + v g, q f + r g) / 2^62, which divides evenly.
fn apply(steps: &Steps, f: &Signed, g: &Signed) -> (Signed, Signed) {
    (row(steps.u, f, steps.v, g, 0), row(steps.q, f, steps.r, g, 0))
}

/// The same of the cofactors, after adding the multiple of the prime that makes it divide evenly.
fn apply_modulo(steps: &Steps, d: &Signed, e: &Signed) -> (Signed, Signed) {
    let multiple = |a: i64, b: i64| {
        let lowest = a.wrapping_mul(d[0]).wrapping_add(b.wrapping_mul(e[0]));
        lowest.wrapping_neg().wrapping_mul(PRIME_INVERSE) & MASK
    };
    let (first, second) = (multiple(steps.u, steps.v), multiple(steps.q, steps.r));
    (row(steps.u, d, steps.v, e, first), row(steps.q, d, steps.r, e, second))
}

/// (a x + b y + multiple · prime) / 2^62.
///
/// |a| + |b| is at most 2^62 and the multiple is below it, so no sum passes 2^126. Each group adds at most one
/// prime to the larger of two cofactors: 143 of them fit the 28 bits above it many times over.
fn row(a: i64, x: &Signed, b: i64, y: &Signed, multiple: i64) -> Signed {
    let (a, b, multiple) = (i128::from(a), i128::from(b), i128::from(multiple));
    let mut limbs = [0; LIMBS];
    let mut sum = a * i128::from(x[0]) + b * i128::from(y[0]) - multiple * i128::from(EXCESS);
    debug_assert_eq!(sum as i64 & MASK, 0, "divides evenly");
    sum >>= BITS;
    for at in 1..LIMBS {
        sum += a * i128::from(x[at]) + b * i128::from(y[at]);
        if at == LIMBS - 1 {
            sum += multiple << TOP_SHIFT;
        }
        limbs[at - 1] = sum as i64 & MASK;
        sum >>= BITS;
    }
    limbs[LIMBS - 1] = sum as i64;
    limbs
}

/// A number in limbs of 62 bits.
fn split(number: &Num3072) -> Signed {
    let limbs = number.limbs();
    let mut parts = [0; LIMBS];
    for (at, part) in parts.iter_mut().enumerate() {
        let bit = at * BITS as usize;
        let (limb, shift) = (bit / 64, bit % 64);
        let above = limbs.get(limb + 1).copied().unwrap_or(0);
        let wide = u128::from(limbs[limb]) | u128::from(above) << 64;
        *part = (wide >> shift) as i64 & MASK;
    }
    parts
}

/// The number from its parts, negated if asked, modulo the prime.
fn join(parts: &Signed, negate: bool) -> Num3072 {
    /// More primes than the 143 a cofactor can have gathered.
    const PRIMES: i64 = 256;
    let mut sum = if negate { parts.map(|part| -part) } else { *parts };
    sum[0] -= PRIMES * EXCESS as i64;
    sum[LIMBS - 1] += PRIMES << TOP_SHIFT;
    let sum = carry(sum);
    let mut limbs = [0_u64; 48];
    for (at, limb) in limbs.iter_mut().enumerate() {
        let bit = at * 64;
        let (part, shift) = (bit / BITS as usize, bit as u32 % BITS);
        // At least 2 bits of the first, since the shift is even and below 62, and up to 62 of the second.
        *limb = (sum[part] as u64) >> shift | (sum[part + 1] as u64) << (BITS - shift);
    }
    Num3072::with_high(limbs, sum[LIMBS - 1] as u64 >> TOP_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(bytes: &[u8]) -> Num3072 {
        let mut all = [0; super::super::num3072::SIZE];
        all[..bytes.len()].copy_from_slice(bytes);
        Num3072::from_bytes(&all)
    }

    fn inverts(number: &Num3072) {
        let mut product = invert(number);
        product.multiply(number);
        assert_eq!(product.reduced(), Num3072::ONE);
    }

    #[test]
    fn borders() {
        for byte in 1..=255 {
            inverts(&number(&[byte]));
        }
        inverts(&number(&[0xff; 384]));
        for bytes in 1..384 {
            let mut power = vec![0; bytes];
            power.push(1);
            inverts(&number(&power));
            inverts(&number(&vec![0xff; bytes]));
        }
        // -1: the largest below the prime.
        let mut minus_one = [0xff; 384];
        minus_one[..8].copy_from_slice(&(u64::MAX - EXCESS).to_le_bytes());
        inverts(&number(&minus_one));
        assert_eq!(invert(&number(&minus_one)).reduced(), number(&minus_one));
        assert_eq!(invert(&number(&[])).reduced(), number(&[]));
    }

    proptest! {
        #[test]
        fn any_number_times_its_inverse_is_one(bytes in prop::collection::vec(any::<u8>(), 384)) {
            inverts(&number(&bytes));
        }
    }
}
