//! Double SHA-256 of many messages at a time: the nodes of a merkle tree.
//!
//! Which instructions are used is found out at run time. Every way gives the same hashes, and the tests hold each that the
//! machine has against the others.

mod schedule;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::LazyLock;

use bitcoin_hashes::sha256d;

/// Fewer messages than this are hashed as the library does it, whatever is best for more.
const FEWEST: usize = 16;

/// A way to hash. One exists only where the processor has what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Sixteen lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Eight lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What `bitcoin_hashes` has for the machine: the SHA instructions where there are any.
    Library,
    /// One after the other, for any processor.
    Portable,
}

impl Way {
    /// A short name for people.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Library => "library",
            Kind::Portable => "portable",
        }
    }

    /// As [`sha256d_64`], this way.
    ///
    /// # Panics
    /// If there are not as many `outputs` as `inputs`.
    pub fn sha256d_64(self, outputs: &mut [[u8; 32]], inputs: &[[u8; 64]]) {
        assert_eq!(outputs.len(), inputs.len(), "one hash for each message");
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => x86::avx512(outputs, inputs),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::avx2(outputs, inputs),
            Kind::Library => sha256d_64_by_library(outputs, inputs),
            Kind::Portable => {
                let hashes = inputs.iter().map(schedule::portable);
                outputs.iter_mut().zip(hashes).for_each(|(output, hash)| *output = hash);
            }
        }
    }
}

/// Every way this processor has, the fastest first, judged by what was measured where all of them run.
pub fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    #[cfg(target_arch = "x86_64")]
    ways.extend(x86::before_library().into_iter().flatten());
    ways.push(Kind::Library);
    #[cfg(target_arch = "x86_64")]
    ways.extend(x86::after_library().into_iter().flatten());
    ways.push(Kind::Portable);
    ways.into_iter().map(Way).collect()
}

/// The first of [`ways`].
static BEST: LazyLock<Way> = LazyLock::new(|| ways()[0]);

/// The double SHA-256 of each of `inputs`, in their order, the fastest way there is.
///
/// # Panics
/// If there are not as many `outputs` as `inputs`.
pub fn sha256d_64(outputs: &mut [[u8; 32]], inputs: &[[u8; 64]]) {
    let way = if inputs.len() < FEWEST { Way(Kind::Library) } else { *BEST };
    way.sha256d_64(outputs, inputs);
}

fn sha256d_64_by_library(outputs: &mut [[u8; 32]], inputs: &[[u8; 64]]) {
    sha256d::Hash::hash_64_many(outputs, inputs);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_way_is_there_where_it_can_be() {
        let names: Vec<_> = ways().into_iter().map(Way::name).collect();
        assert!(names.contains(&"library") && names.contains(&"portable"));
        #[cfg(target_arch = "x86_64")]
        {
            assert_eq!(names.contains(&"avx2"), std::is_x86_feature_detected!("avx2"));
            assert_eq!(names.contains(&"avx512"), std::is_x86_feature_detected!("avx512f"));
        }
    }

    #[test]
    #[should_panic(expected = "one hash for each message")]
    fn as_many_hashes_as_messages() {
        sha256d_64(&mut [[0; 32]; 2], &[[0; 64]; 3]);
    }

    proptest! {
        /// Of each length around the lanes and rows, every way gives what hashing one message after the other gives.
        #[test]
        fn every_way_agrees(seed: [u8; 32], count in prop_oneof![0_usize..40, 60_usize..140]) {
            let mut inputs = vec![[0; 64]; count];
            let mut last = seed;
            for input in &mut inputs {
                input[32..].copy_from_slice(&last);
                last = crate::hash::sha256(&input[..]);
                input[..32].copy_from_slice(&last);
            }
            let expected: Vec<_> = inputs.iter().map(|input| crate::hash::sha256d(input)).collect();
            for way in ways() {
                let mut outputs = vec![[0; 32]; count];
                way.sha256d_64(&mut outputs, &inputs);
                prop_assert_eq!(&outputs, &expected, "{}", way.name());
            }
            let mut outputs = vec![[0; 32]; count];
            sha256d_64(&mut outputs, &inputs);
            prop_assert_eq!(outputs, expected);
        }
    }
}
