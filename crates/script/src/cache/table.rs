//! A set of digests that never grows.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Places in a bucket. Divides 256, so that a cursor of eight bits goes round without a jump.
const WAYS: usize = 8;

/// Bytes a bucket takes: eight digests and its cursor.
const BUCKET_BYTES: usize = WAYS * 32 + 1;

/// Remembers 32-byte digests in a fixed amount of memory, the older ones only for a while.
///
/// A digest belongs to one bucket of eight places. In a full bucket a new one takes the place of that which came
/// first. All methods may be called from any number of threads; nobody ever waits.
///
/// # Why no lock is needed
/// A digest is four 64-bit words, and each word is read and written whole. Nothing else is: two threads that write to one place,
/// or one that reads what another is writing, can find words of several digests side by side. A lost entry costs a
/// check that is run again. The other way round, a digest that was never added is found only if it has each of its
/// four words in common with some digest that once stood in that place, at the same position. The caller's digests are outputs
/// of SHA-256 under a key that nobody outside the process knows, so nobody can look for such a digest, and by chance it
/// is as likely as guessing 256 bits, times the ways to pick four out of the digests ever added: even after 2^40 of
/// them below 2^-96, and that only for words that were written in the same instant. Memory that was never
/// written reads as zeros, which SHA-256 gives with the probability 2^-256.
///
/// Words are not ordered against other memory (`Relaxed`), for there is none they tell of: a digest that is found is
/// the whole message.
pub(super) struct DigestSet {
    buckets: Box<[Bucket]>,
    /// For each bucket, counted round: the place that is taken next.
    cursors: Box<[AtomicU8]>,
}

/// As wide as four lines of a processor's cache, and in step with them.
#[repr(align(64))]
struct Bucket([[AtomicU64; 4]; WAYS]);

impl DigestSet {
    /// A set that takes at most `bytes` of memory, all of it now. With less than one bucket's it stays empty.
    pub(super) fn new(bytes: usize) -> Self {
        let buckets = bytes / BUCKET_BYTES;
        let empty = || Bucket(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))));
        Self {
            buckets: (0..buckets).map(|_| empty()).collect(),
            cursors: (0..buckets).map(|_| AtomicU8::new(0)).collect(),
        }
    }

    /// Most digests it can hold.
    pub(super) fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// Whether `digest` was added and has not been pushed out. May forget, never invents.
    pub(super) fn contains(&self, digest: &[u8; 32]) -> bool {
        let words = words(digest);
        self.buckets.get(self.bucket_of(words)).is_some_and(|bucket| bucket.contains(words))
    }

    /// Adds `digest`, which pushes out the one of its bucket that came first if the bucket is full.
    pub(super) fn insert(&self, digest: &[u8; 32]) {
        let words = words(digest);
        let at = self.bucket_of(words);
        let (Some(bucket), Some(cursor)) = (self.buckets.get(at), self.cursors.get(at)) else { return };
        if bucket.contains(words) {
            return;
        }
        let place = usize::from(cursor.fetch_add(1, Relaxed)) % WAYS;
        bucket.0[place].iter().zip(words).for_each(|(kept, word)| kept.store(word, Relaxed));
    }

    /// Spreads the first word's range evenly over the buckets. Below their number, unless there is none.
    fn bucket_of(&self, words: [u64; 4]) -> usize {
        let scaled = (u128::from(words[0]) * self.buckets.len() as u128) >> 64;
        usize::try_from(scaled).expect("at most the number of buckets")
    }
}

impl Bucket {
    fn contains(&self, words: [u64; 4]) -> bool {
        self.0.iter().any(|place| place.iter().zip(words).all(|(kept, word)| kept.load(Relaxed) == word))
    }
}

fn words(digest: &[u8; 32]) -> [u64; 4] {
    let (words, _) = digest.as_chunks::<8>();
    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet, VecDeque};
    use std::sync::atomic::AtomicUsize;

    use cairn_primitives::hash::sha256;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn digest(number: u64) -> [u8; 32] {
        sha256(&number.to_le_bytes())
    }

    #[test]
    fn memory_stays_within_its_bound() {
        for bytes in [0, 1, 256, 257, 513, 514, 1 << 20] {
            let set = DigestSet::new(bytes);
            let used = size_of_val(&*set.buckets) + size_of_val(&*set.cursors);
            assert!(used <= bytes && bytes - used < BUCKET_BYTES, "{used} of {bytes}");
            assert_eq!(set.capacity(), used / BUCKET_BYTES * WAYS);
            (0..1_000).for_each(|number| set.insert(&digest(number)));
            let kept = (0..1_000).filter(|number| set.contains(&digest(*number))).count();
            assert!(kept <= set.capacity(), "{kept} of {}", set.capacity());
        }
    }

    #[test]
    fn below_one_bucket_nothing_is_kept() {
        let set = DigestSet::new(BUCKET_BYTES - 1);
        set.insert(&digest(1));
        assert!(!set.contains(&digest(1)));
        let set = DigestSet::new(BUCKET_BYTES);
        set.insert(&digest(1));
        assert!(set.contains(&digest(1)));
    }

    #[test]
    fn the_oldest_of_a_bucket_goes_first() {
        let set = DigestSet::new(BUCKET_BYTES);
        (0..8).for_each(|number| set.insert(&digest(number)));
        assert!((0..8).all(|number| set.contains(&digest(number))));
        // What is there already takes no second place.
        (0..8).for_each(|number| set.insert(&digest(number)));
        assert!((0..8).all(|number| set.contains(&digest(number))));
        // Past the cursor's 256, too.
        for newest in 8..1_000 {
            set.insert(&digest(newest));
            assert!(!set.contains(&digest(newest - 8)));
            assert!((newest - 7..=newest).all(|number| set.contains(&digest(number))));
        }
    }

    #[test]
    fn digests_are_spread_over_all_buckets() {
        let set = DigestSet::new(1_000 * BUCKET_BYTES);
        assert_eq!(set.bucket_of([0; 4]), 0);
        assert_eq!(set.bucket_of([u64::MAX; 4]), 999);
        let filled: HashSet<_> = (0..10_000).map(|number| set.bucket_of(words(&digest(number)))).collect();
        assert!(filled.len() > 990, "{}", filled.len());
    }

    proptest! {
        /// Against lists that hold the last eight of each bucket.
        #[test]
        fn a_set_is_as_many_short_queues(
            buckets in 1usize..5, steps in vec((any::<bool>(), 0u64..80), 0..400),
        ) {
            let set = DigestSet::new(buckets * BUCKET_BYTES);
            let mut model: HashMap<usize, VecDeque<u64>> = HashMap::new();
            for (insert, number) in steps {
                let queue = model.entry(set.bucket_of(words(&digest(number)))).or_default();
                prop_assert_eq!(set.contains(&digest(number)), queue.contains(&number));
                if insert && !queue.contains(&number) {
                    queue.push_back(number);
                    if queue.len() > WAYS {
                        queue.pop_front();
                    }
                }
                if insert {
                    set.insert(&digest(number));
                }
            }
        }
    }

    /// Eight threads write into one bucket, which tears digests all the time. What nobody added is never found: neither
    /// other digests nor mixtures of two that were added, except those that really stand there in pieces.
    #[test]
    fn threads_that_tear_digests_apart_never_make_one_up() {
        const EACH: u64 = 20_000;
        let set = DigestSet::new(BUCKET_BYTES);
        let (wrong, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let set = &set;
                scope.spawn(move || {
                    (thread * EACH..(thread + 1) * EACH).for_each(|number| set.insert(&digest(number)));
                });
            }
            for thread in 0..4 {
                let (set, wrong, found) = (&set, &wrong, &found);
                scope.spawn(move || {
                    for number in thread * EACH..(thread + 1) * EACH {
                        found.fetch_add(usize::from(set.contains(&digest(number))), Relaxed);
                        let never = number + 100 * EACH;
                        wrong.fetch_add(usize::from(set.contains(&digest(never))), Relaxed);
                    }
                });
            }
        });
        assert_eq!(wrong.into_inner(), 0);
        // When all is quiet, the words of each place are those of digests that were added.
        let added: HashSet<[u64; 4]> = (0..4 * EACH).map(|number| words(&digest(number))).collect();
        let by_word: [HashSet<u64>; 4] =
            std::array::from_fn(|at| added.iter().map(|words| words[at]).collect());
        for place in &set.buckets[0].0 {
            let kept: [u64; 4] = std::array::from_fn(|at| place[at].load(Relaxed));
            assert!((0..4).all(|at| by_word[at].contains(&kept[at])));
        }
    }
}
