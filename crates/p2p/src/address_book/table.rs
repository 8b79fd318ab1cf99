//! Tables of buckets, and where in them an address belongs.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use cairn_primitives::hash::siphash24;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use crate::manager::group::NetGroup;

/// Buckets of the new table (Core's `ADDRMAN_NEW_BUCKET_COUNT`).
pub(super) const NEW_BUCKETS: u16 = 1_024;
/// Buckets of the tried table (Core's `ADDRMAN_TRIED_BUCKET_COUNT`).
pub(super) const TRIED_BUCKETS: u16 = 256;
/// Slots of a bucket (Core's `ADDRMAN_BUCKET_SIZE`).
pub(super) const BUCKET_SIZE: u8 = 64;
/// Buckets of the new table that the sources of one network reach (Core's
/// `ADDRMAN_NEW_BUCKETS_PER_SOURCE_GROUP`).
pub(super) const NEW_BUCKETS_PER_SOURCE: u64 = 64;
/// Buckets of the tried table that the addresses of one network reach (Core's `ADDRMAN_TRIED_BUCKETS_PER_GROUP`).
pub(super) const TRIED_BUCKETS_PER_GROUP: u64 = 8;

/// A place in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) bucket: u16,
    pub(super) place: u8,
}

/// A table of buckets. It takes memory only for slots that hold something.
#[derive(Clone, Debug)]
pub(super) struct Table {
    slots: BTreeMap<Slot, SocketAddr>,
    /// How many slots of each bucket hold something.
    counts: Vec<u8>,
}

impl Table {
    pub(super) fn new(buckets: u16) -> Self {
        Self { slots: BTreeMap::new(), counts: vec![0; usize::from(buckets)] }
    }

    pub(super) fn get(&self, slot: Slot) -> Option<SocketAddr> {
        self.slots.get(&slot).copied()
    }

    /// Puts an address into a slot and gives what was there.
    pub(super) fn put(&mut self, slot: Slot, addr: SocketAddr) -> Option<SocketAddr> {
        let before = self.slots.insert(slot, addr);
        if before.is_none() {
            self.counts[usize::from(slot.bucket)] += 1;
        }
        before
    }

    pub(super) fn clear(&mut self, slot: Slot) {
        if self.slots.remove(&slot).is_some() {
            self.counts[usize::from(slot.bucket)] -= 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// A random address of a random bucket, so that a network that fills few buckets is seldom drawn, however many
    /// addresses it has. `None` if the table is empty.
    pub(super) fn draw(&self, rng: &mut ChaCha12Rng) -> Option<SocketAddr> {
        let filled = || (0_u16..).zip(&self.counts).filter(|(_, count)| **count > 0);
        let buckets = filled().count();
        if buckets == 0 {
            return None;
        }
        let (bucket, count) = filled().nth(rng.random_range(0..buckets))?;
        let range = Slot { bucket, place: 0 }..=Slot { bucket, place: BUCKET_SIZE - 1 };
        self.slots.range(range).nth(rng.random_range(0..usize::from(*count))).map(|(_, addr)| *addr)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, SocketAddr)> {
        self.slots.iter().map(|(slot, addr)| (*slot, *addr))
    }
}

/// The key that decides where addresses go; nobody outside knows it, so nobody can aim.
#[derive(Clone, Debug)]
pub(super) struct Key {
    bytes: [u8; 32],
    halves: [u64; 4],
}

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        let (quarters, _) = bytes.as_chunks::<8>();
        let mut halves = [0; 4];
        for (half, quarter) in halves.iter_mut().zip(quarters) {
            *half = u64::from_le_bytes(*quarter);
        }
        Self { bytes, halves }
    }

    pub(super) const fn bytes(&self) -> [u8; 32] {
        self.bytes
    }

    /// Where in the new table `source` puts `addr`: its network reaches 64 buckets, and each network it tells of goes
    /// into one of them.
    pub(super) fn new_slot(&self, addr: SocketAddr, source: IpAddr) -> Slot {
        let (of, from) = (NetGroup::of(addr.ip()).to_bytes(), NetGroup::of(source).to_bytes());
        let turn = self.hash(0, &[of, from].concat()) % NEW_BUCKETS_PER_SOURCE;
        let bucket = self.hash(1, &[&from[..], &turn.to_le_bytes()].concat());
        self.new_slot_in(remainder(bucket, NEW_BUCKETS), addr)
    }

    /// The one slot of a bucket of the new table that may hold `addr`.
    pub(super) fn new_slot_in(&self, bucket: u16, addr: SocketAddr) -> Slot {
        self.slot(2, bucket, addr)
    }

    /// The one slot of the tried table that may hold `addr`: its network reaches 8 buckets.
    pub(super) fn tried_slot(&self, addr: SocketAddr) -> Slot {
        let turn = self.hash(3, &bytes(addr)) % TRIED_BUCKETS_PER_GROUP;
        let bucket = self.hash(4, &[&NetGroup::of(addr.ip()).to_bytes()[..], &turn.to_le_bytes()].concat());
        self.slot(5, remainder(bucket, TRIED_BUCKETS), addr)
    }

    /// Throws a die of `sides` sides, the `turn`th time, with the half of the key that places nothing.
    pub(super) fn die(&self, turn: u64, sides: u64) -> u64 {
        let [_, _, k0, k1] = self.halves;
        siphash24(k0, k1, &turn.to_le_bytes()) % sides
    }

    fn slot(&self, purpose: u8, bucket: u16, addr: SocketAddr) -> Slot {
        let place = self.hash(purpose, &[&bucket.to_le_bytes()[..], &bytes(addr)].concat());
        let place = u8::try_from(place % u64::from(BUCKET_SIZE)).expect("the remainder is below 64");
        Slot { bucket, place }
    }

    fn hash(&self, purpose: u8, data: &[u8]) -> u64 {
        let [k0, k1, ..] = self.halves;
        siphash24(k0, k1, &[&[purpose], data].concat())
    }
}

fn remainder(hash: u64, buckets: u16) -> u16 {
    u16::try_from(hash % u64::from(buckets)).expect("the remainder is below a u16")
}

/// Address and port, as an IPv6 endpoint of 18 bytes.
fn bytes(addr: SocketAddr) -> [u8; 18] {
    let v6 = match addr.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let mut bytes = [0; 18];
    bytes[..16].copy_from_slice(&v6.octets());
    bytes[16..].copy_from_slice(&addr.port().to_be_bytes());
    bytes
}
