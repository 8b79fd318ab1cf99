//! Compact bits, targets and work against the `bitcoin` crate.

use bitcoin::hashes::Hash;
use cairn_primitives::{BlockHash, CompactError, CompactTarget, Target};
use oracle::Rng;

use crate::{is_long, tally};

/// Bits of every exponent, the mantissa mostly at a border.
fn some_bits(rng: &mut Rng) -> u32 {
    let exponent = if rng.chance(70) { rng.below(36) } else { rng.below(256) } as u32;
    let mantissa = match rng.below(6) {
        0 => rng.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7f_ffff]),
        1 => rng.pick(&[0x80_0000, 0x80_0001, 0xff_ffff, 0x80_ffff]),
        _ => rng.u32() & 0xff_ffff,
    };
    exponent << 24 | mantissa
}

/// Core's own words on whether bits overflow (`arith_uint256::SetCompact`), which the `bitcoin` crate does not ask.
fn overflows(bits: u32) -> bool {
    let (size, word) = (bits >> 24, bits & 0x7f_ffff);
    word != 0 && (size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32))
}

/// Whether the number that Core reads, sign aside, is zero.
fn is_zero(bits: u32) -> bool {
    let (size, word) = (bits >> 24, bits & 0x7f_ffff);
    if size <= 3 { word >> (8 * (3 - size)) == 0 } else { word == 0 }
}

fn check_bits(rng: &mut Rng) -> Result<&'static str, String> {
    let bits = some_bits(rng);
    let ours = CompactTarget::from_bits(bits).to_target();
    let theirs = bitcoin::Target::from_compact(bitcoin::CompactTarget::from_consensus(bits));
    let negative = bits & 0x80_0000 != 0;
    let (answer, right) = match ours {
        // Sign and overflow are Core's to judge: the other crate takes a negative number for zero or, below an exponent
        // of three, for a positive one, and cuts off what is above 256 bits.
        Err(CompactError::Zero { .. }) => ("Zero", is_zero(bits)),
        Err(CompactError::Negative { .. }) => ("Negative", !is_zero(bits) && negative),
        Err(CompactError::Overflow { .. }) => ("Overflow", !negative && overflows(bits)),
        Ok(target) => {
            let sound = !is_zero(bits) && !negative && !overflows(bits);
            let again = target.to_compact().to_bits() == theirs.to_compact_lossy().to_consensus();
            ("target", sound && again && target.to_be_bytes() == theirs.to_be_bytes())
        }
    };
    if right {
        Ok(answer)
    } else {
        Err(format!("bits {bits:08x}: cairn says {ours:?}, the bitcoin crate {theirs:x}"))
    }
}

#[test]
fn bits_name_the_same_targets() {
    let tally = tally("compact bits", 200_000, 21, check_bits);
    if is_long(tally.cases()) {
        assert!(["target", "Zero", "Negative", "Overflow"].iter().all(|answer| tally.of(answer) > 1_000));
    }
}

/// Targets of every length: compact form, work, and whether a hash meets them.
fn check_target(rng: &mut Rng) -> Result<&'static str, String> {
    let mut bytes = rng.hash();
    let zeros = rng.below(33);
    bytes[..zeros].fill(0);
    if zeros < 32 && rng.chance(30) {
        bytes[zeros] = rng.pick(&[0x7f, 0x80, 1, 0xff]);
    }
    let (ours, theirs) = (Target::from_be_bytes(bytes), bitcoin::Target::from_be_bytes(bytes));
    let compact = (ours.to_compact().to_bits(), theirs.to_compact_lossy().to_consensus());
    if compact.0 != compact.1 {
        return Err(format!("{theirs:x}: compact forms {:08x} and {:08x}", compact.0, compact.1));
    }
    let mut hash = bytes;
    hash.reverse();
    match rng.below(3) {
        0 => {}
        1 => hash[rng.below(32)] ^= 1 << rng.below(8),
        _ => hash = rng.hash(),
    }
    let met = ours.is_met_by(BlockHash::from_bytes(hash));
    if met != theirs.is_met_by(bitcoin::BlockHash::from_byte_array(hash)) {
        return Err(format!("{theirs:x}: cairn says {met} of the hash {hash:02x?}"));
    }
    let work = ours.to_work().to_be_bytes();
    // Core's `GetBlockProof` counts a target of zero, which no bits give, as no work, the other crate as all there is;
    // and the other crate rounds the work of a target of one, 2^255, up to all there is.
    let small = if ours.to_be_bytes()[..31] == [0; 31] { bytes[31] } else { u8::MAX };
    let right = match small {
        0 => work == [0; 32],
        1 => work[0] == 0x80 && work[1..] == [0; 31],
        _ => work == theirs.to_work().to_be_bytes(),
    };
    if !right {
        return Err(format!("{theirs:x}: work {:?} and {:?}", ours.to_work(), theirs.to_work()));
    }
    Ok(match (small, met) {
        (0, _) => "zero",
        (1, _) => "one",
        (_, true) => "met",
        (_, false) => "missed",
    })
}

#[test]
fn targets_mean_the_same() {
    let tally = tally("targets", 100_000, 22, check_target);
    if is_long(tally.cases()) {
        assert!(["met", "missed", "zero", "one"].iter().all(|answer| tally.of(answer) > 10));
    }
}
