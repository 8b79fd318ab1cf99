//! Blocks changed anywhere, for whatever comes of it.

use cairn_primitives::{Block, Decode, Encode, Header, Transaction};

use crate::build::{BITS, mine, with_root};
use crate::fill::Maker;
use crate::ledger::Id;
use crate::rng::Rng;

/// Most transactions beside the coinbase.
const TXS: usize = 5;

/// A block of which one thing was changed at random: bytes of a transaction before the block was put together, of its
/// coinbase afterwards, or of its header. It can still be decoded, and proves work unless its bits were hit.
pub(crate) fn soup(maker: &mut Maker, parent: Id) -> Block {
    let mut plan = maker.full_plan(parent, TXS);
    match maker.rng.below(10) {
        0 => {
            let mut block = plan.block();
            block.header = changed_header(&mut maker.rng, &block.header);
            if block.header.bits.to_bits() == BITS { mine(block) } else { block }
        }
        1 | 2 => {
            let mut block = plan.block();
            let at = maker.rng.below(block.transactions.len());
            block.transactions[at] = changed(&mut maker.rng, &block.transactions[at]);
            mine(with_root(block))
        }
        _ => {
            if !plan.txs.is_empty() {
                let at = maker.rng.below(plan.txs.len());
                plan.txs[at] = changed(&mut maker.rng, &plan.txs[at]);
            }
            plan.block()
        }
    }
}

fn changed_header(rng: &mut Rng, header: &Header) -> Header {
    let mut bytes = header.to_array();
    // The parent and the root have their own trials.
    let at = rng.pick(&[0, 1, 2, 3, 68, 69, 70, 71, 72, 73, 74, 75]);
    bytes[at] = other(rng, bytes[at]);
    Header::from_bytes(&bytes).expect("any 80 bytes are a header")
}

fn other(rng: &mut Rng, byte: u8) -> u8 {
    let near = [byte ^ (1 << rng.below(8)), byte.wrapping_add(1), byte.wrapping_sub(1), 0, 0xff, rng.u8()];
    rng.pick(&near)
}

/// A transaction a few bytes away from this one.
fn changed(rng: &mut Rng, tx: &Transaction) -> Transaction {
    let original = tx.to_bytes();
    loop {
        let mut bytes = original.clone();
        let at = rng.below(bytes.len());
        match rng.below(8) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, rng.u8()),
            2 => {
                let end = (at + rng.within(1, 40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = rng.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes[at] = other(rng, bytes[at]),
        }
        match Transaction::from_bytes(&bytes) {
            Ok(changed) if changed != *tx => return changed,
            _ => {}
        }
    }
}
