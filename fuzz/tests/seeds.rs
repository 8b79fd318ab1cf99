//! Every target on its seeds and on seeds that were damaged by a fixed sequence of random numbers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cairn_fuzz::{TARGETS, seeds};

/// Damaged copies of each seed.
const ROUNDS: u32 = 400;

/// A multiplier and increment of the MMIX generator (Knuth); enough to scatter changes.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// A few bytes changed, cut off, repeated or put in.
fn damage(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.below(256) as u8),
            2 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xfd, 0xff][random.below(6)],
            3 => {
                let end = (at + random.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    bytes
}

#[test]
fn targets_survive_their_seeds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.iter().for_each(|seed| target(seed));
        target(&[]);
    }
}

#[test]
fn targets_survive_damaged_seeds() {
    for (name, target) in TARGETS {
        let mut random = Random(1);
        for (number, seed) in seeds(name).iter().enumerate() {
            for round in 0..ROUNDS {
                let bytes = damage(seed, &mut random);
                let result = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
                assert!(result.is_ok(), "{name}, seed {number}, round {round}: {bytes:02x?}");
            }
        }
    }
}
