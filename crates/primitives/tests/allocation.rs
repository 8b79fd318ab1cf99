//! Decoding allocates no more than the bytes it is given justify.
//!
//! The allocator counts per thread, so tests may run side by side.
#![allow(
    unsafe_code,
    reason = "a counting allocator can be written no other way; it only forwards to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use cairn_primitives::{Block, Decode, Encode, Script, Transaction, TxIn, TxOut, Witness};
use proptest::prelude::*;

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn grow(bytes: usize) {
    let live = LIVE.get().saturating_add(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

fn shrink(bytes: usize) {
    LIVE.set(LIVE.get().saturating_sub(bytes));
}

// SAFETY: every call is passed on unchanged to the system allocator, whose contract is the same; the counters are
// plain cells that allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may exist for a moment.
        grow(size);
        shrink(layout.size());
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that lived at once while `T` was decoded from `bytes`, and whether it decoded.
fn peak<T: Decode>(bytes: &[u8]) -> (usize, bool) {
    let before = LIVE.get();
    PEAK.set(before);
    let decoded = T::from_bytes(bytes).is_ok();
    (PEAK.get() - before, decoded)
}

/// A list grows by doubling, so its memory may be three times its items for a moment; the item that gains most is
/// a transaction of nothing, ten bytes encoded.
const MOST_PER_BYTE: usize = 3 * size_of::<Transaction>() / Transaction::MIN_SIZE + 1;

/// Room for the first few items of a list, whatever its length.
const SLACK: usize = 4 * size_of::<Transaction>();

fn all_peaks(bytes: &[u8]) -> [usize; 6] {
    [
        peak::<Block>(bytes).0,
        peak::<Transaction>(bytes).0,
        peak::<TxIn>(bytes).0,
        peak::<TxOut>(bytes).0,
        peak::<Witness>(bytes).0,
        peak::<Script>(bytes).0,
    ]
}

#[test]
fn the_counter_counts() {
    let before = LIVE.get();
    PEAK.set(before);
    let memory: Vec<u8> = Vec::with_capacity(12_345);
    assert_eq!(LIVE.get() - before, 12_345);
    drop(memory);
    assert_eq!((LIVE.get(), PEAK.get()), (before, before + 12_345));
}

/// Each announces the most its field may and brings nothing.
#[test]
fn a_count_without_its_items_costs_nothing() {
    let most = [0xfe, 0, 0, 0, 2];
    let inputs = [&[1, 0, 0, 0], most.as_slice()].concat();
    let outputs = [&[1, 0, 0, 0, 1], [0; 41].as_slice(), &most].concat();
    let transactions = [[0; 80].as_slice(), &most].concat();
    assert_eq!(peak::<Transaction>(&inputs), (0, false));
    assert!(peak::<Transaction>(&outputs).0 <= size_of::<TxIn>());
    assert_eq!(peak::<Block>(&transactions), (0, false));
    assert_eq!(peak::<Witness>(&most), (0, false));
    assert_eq!(peak::<Script>(&most), (0, false));
}

/// The count fits the bytes, but they are no transactions: little is reserved before that shows.
#[test]
fn a_count_with_the_wrong_items_costs_no_more_than_its_bytes() {
    let count = 400_000_u32;
    let mut bytes = [[0; 80].as_slice(), &[0xfe], &count.to_le_bytes()].concat();
    bytes.resize(bytes.len() + count as usize * Transaction::MIN_SIZE, 0xff);
    let (peak, decoded) = peak::<Block>(&bytes);
    assert!(!decoded);
    assert!(peak <= bytes.len(), "{peak} of {}", bytes.len());
}

/// The densest block there is: transactions of nothing.
#[test]
fn the_densest_block_stays_within_the_bound() {
    let count = 40_000_u16;
    let mut bytes = [[0; 80].as_slice(), &[0xfd], &count.to_le_bytes()].concat();
    bytes.resize(bytes.len() + usize::from(count) * Transaction::MIN_SIZE, 0);
    let (peak, decoded) = peak::<Block>(&bytes);
    assert!(decoded);
    assert!(peak <= bytes.len() * MOST_PER_BYTE, "{peak} of {}", bytes.len());
}

/// Many empty items: each is one byte on the wire and one stored end in memory.
#[test]
fn the_densest_witness_stays_within_the_bound() {
    let witness = Witness::new(vec![vec![]; 60_000]).to_bytes();
    let (peak, decoded) = peak::<Witness>(&witness);
    assert!(decoded);
    assert!(peak <= witness.len() * size_of::<u64>(), "{peak} of {}", witness.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_cost_more_than_they_justify(
        front in prop::sample::select(vec![&[][..], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 1], &[0; 80]]),
        noise in prop::collection::vec(prop_oneof![3 => 0..4_u8, 1 => 0xfc..=0xff_u8, 1 => any::<u8>()], 0..600),
    ) {
        let bytes = [front, &noise].concat();
        for peak in all_peaks(&bytes) {
            prop_assert!(peak <= bytes.len() * MOST_PER_BYTE + SLACK, "{} of {}", peak, bytes.len());
        }
    }
}
