//! Files a node writes for itself: peers, the pool, the fee history, undo data.

use std::sync::{Arc, LazyLock};

use cairn_mempool::{FeeEstimator, Mempool, Policy};
use cairn_p2p::{MAX_ADDRESSES, PeersFile};
use cairn_params::presets;
use cairn_primitives::{BlockTime, Encode};

static POOL: LazyLock<Mempool> =
    LazyLock::new(|| Mempool::new(Arc::new(presets::regtest()), Policy::default()));

/// Magic of each kind of file with a frame; all are version 1.
const MAGICS: [[u8; 4]; 3] = [*b"cper", *b"cmem", *b"cfee"];

/// A file of `kind` with this body and a checksum that holds.
fn file(kind: usize, body: &[u8]) -> Vec<u8> {
    let version = 1_u32.to_le_bytes();
    let sum = crc32c::crc32c_append(crc32c::crc32c(&version), body).to_le_bytes();
    [&MAGICS[kind], &version, &sum, body].concat()
}

/// The first byte names the kind of file, and in its top bit whether the rest is the whole file or only the body,
/// which then gets a frame (undo data has none here). What is read is written as the same bytes ever after.
pub fn saved(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let kind = usize::from(how & 0x7f) % (MAGICS.len() + 1);
    if kind == MAGICS.len() {
        return crate::bytes::undo(rest);
    }
    let bytes = if how & 0x80 == 0 { file(kind, rest) } else { rest.to_vec() };
    match kind {
        0 => peers(&bytes),
        1 => pool(&bytes),
        _ => fees(&bytes),
    }
}

fn peers(bytes: &[u8]) {
    let Ok(read) = PeersFile::from_bytes(bytes) else { return };
    assert!(read.book.len() <= MAX_ADDRESSES);
    let written = PeersFile::to_bytes(&read.book, &read.bans);
    let again = PeersFile::from_bytes(&written).expect("what was written is read");
    assert_eq!(again.book.len(), read.book.len());
    assert_eq!(PeersFile::to_bytes(&again.book, &again.bans), written);
}

fn pool(bytes: &[u8]) {
    let Ok(all) = POOL.load(bytes, BlockTime::new(0)) else { return };
    let size: usize = all.iter().map(|saved| saved.tx.total_size()).sum();
    assert!(size <= bytes.len());
    assert!(all.iter().all(|saved| saved.tx.to_bytes().len() == saved.tx.total_size()));
    let now = BlockTime::new(1 << 30);
    let left = POOL.load(bytes, now).expect("the time decides what is left, not what is read");
    let mut rest = all.iter();
    assert!(left.iter().all(|saved| rest.any(|other| other == saved)), "some of all, in their order");
}

fn fees(bytes: &[u8]) {
    let Ok(read) = FeeEstimator::from_bytes(bytes) else { return };
    assert_eq!(read.followed(), 0);
    let written = read.to_bytes();
    let again = FeeEstimator::from_bytes(&written).expect("what was written is read");
    assert_eq!(again.to_bytes(), written);
    let now = BlockTime::new(0);
    let estimates = read.estimates(&POOL, now);
    assert_eq!(again.estimates(&POOL, now), estimates);
    assert!(estimates.slow.rate <= estimates.standard.rate && estimates.standard.rate <= estimates.fast.rate);
    assert!(estimates.slow.rate >= POOL.min_fee_rate(now));
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::Decode;

    #[test]
    fn every_seed_is_read() {
        for seed in crate::seeds("saved") {
            let bytes = if seed[0] & 0x80 == 0 && seed[0] < 3 {
                file(seed[0].into(), &seed[1..])
            } else {
                seed[1..].to_vec()
            };
            match seed[0] & 0x7f {
                0 => assert!(PeersFile::from_bytes(&bytes).unwrap().book.len() > 3),
                1 => assert!(!POOL.load(&bytes, BlockTime::new(0)).unwrap().is_empty()),
                2 => assert!(FeeEstimator::from_bytes(&bytes).is_ok()),
                _ => assert!(cairn_consensus::Undo::from_bytes(&bytes).is_ok()),
            }
        }
    }
}
