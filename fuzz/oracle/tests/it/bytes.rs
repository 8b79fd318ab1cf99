//! Transactions and blocks as bytes against the `bitcoin` crate, with Core's deserialiser as the judge.

use bitcoin::consensus::{Decodable, deserialize, serialize};
use cairn_primitives::{Block, Decode, DecodeError, Encode, Reader, Transaction, hex};
use oracle::{Budget, Campaign, Kind, Reading, Rng, case, core_reads, shrink_bytes, wire};

use crate::{is_long, tally};

/// Bytes in a header.
const HEADER: usize = 80;
/// Where the form with witnesses has its mark: behind the version.
const MARKER: usize = 4;

/// The name of an error, for the counts.
fn name(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::UnexpectedEnd { .. } => "UnexpectedEnd",
        DecodeError::NonMinimalCompactSize { .. } => "NonMinimalCompactSize",
        DecodeError::LimitExceeded { .. } => "LimitExceeded",
        DecodeError::TrailingBytes { .. } => "TrailingBytes",
        DecodeError::SuperfluousWitness { .. } => "SuperfluousWitness",
        DecodeError::UnknownTransactionFlags { .. } => "UnknownTransactionFlags",
        DecodeError::InvalidValue { .. } => "InvalidValue",
    }
}

/// Whether the `bitcoin` crate is known to differ from Core on these bytes: where the input count is zero, it reads the
/// form with witnesses though there are none to read, and does not read the form without inputs and outputs.
fn is_known(transaction: &[u8]) -> bool {
    matches!(transaction.get(MARKER..MARKER + 3), Some([0, 0, _] | [0, 1, 0]))
}

/// Cairn and Core agree always, Cairn and the `bitcoin` crate where it is not known to differ from Core.
fn check_transaction(bytes: &[u8]) -> Result<&'static str, String> {
    let (ours, core) = (Transaction::from_bytes(bytes), core_reads(bytes));
    let agreed = match core {
        Reading::Whole => ours.is_ok(),
        Reading::Refused => ours.is_err(),
        Reading::WithoutInputs => {
            Transaction::decode(&mut Reader::new(bytes)).is_ok_and(|tx| tx.inputs().is_empty())
        }
    };
    if !agreed {
        return Err(format!("cairn says {ours:?}, Core says {core:?}"));
    }
    match (ours, deserialize::<bitcoin::Transaction>(bytes)) {
        (Ok(ours), Ok(theirs)) => same_transaction(&ours, &theirs, bytes).map(|()| "read"),
        (Err(error), Err(_)) => Ok(name(&error)),
        _ if is_known(bytes) => Ok("judged-by-Core"),
        (ours, theirs) => Err(format!("cairn says {ours:?}, the bitcoin crate says {theirs:?}")),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{what}: cairn says {ours:?}, the bitcoin crate {theirs:?}"))
    }
}

fn same_transaction(ours: &Transaction, theirs: &bitcoin::Transaction, bytes: &[u8]) -> Result<(), String> {
    same("bytes", &ours.to_bytes()[..], bytes)?;
    same("bytes", &serialize(theirs)[..], bytes)?;
    same("txid", ours.txid().to_string(), theirs.compute_txid().to_string())?;
    same("wtxid", ours.wtxid().to_string(), theirs.compute_wtxid().to_string())?;
    same("weight", ours.weight().to_u64(), theirs.weight().to_wu())?;
    same("vsize", ours.vsize(), theirs.vsize() as u64)?;
    same("total size", ours.total_size(), theirs.total_size())?;
    same("base size", ours.base_size(), theirs.base_size())?;
    same("coinbase", ours.is_coinbase(), theirs.is_coinbase())?;
    same("version", ours.version(), theirs.version.0)?;
    same("lock time", ours.lock_time().to_u32(), theirs.lock_time.to_consensus_u32())?;
    same("inputs", ours.inputs().len(), theirs.input.len())?;
    for (ours, theirs) in ours.inputs().iter().zip(&theirs.input) {
        same("previous", ours.previous.to_string(), theirs.previous_output.to_string())?;
        same("sequence", ours.sequence.to_u32(), theirs.sequence.0)?;
        same("input script", ours.script_sig.as_bytes(), theirs.script_sig.as_bytes())?;
        same("witness", ours.witness.iter().collect::<Vec<_>>(), theirs.witness.iter().collect())?;
    }
    same("outputs", ours.outputs().len(), theirs.output.len())?;
    for (ours, theirs) in ours.outputs().iter().zip(&theirs.output) {
        same("amount", ours.value.to_sat(), theirs.value.to_sat())?;
        same("script", ours.script_pubkey.as_bytes(), theirs.script_pubkey.as_bytes())?;
    }
    Ok(())
}

fn check_block(bytes: &[u8]) -> Result<&'static str, String> {
    match (Block::from_bytes(bytes), deserialize::<bitcoin::Block>(bytes)) {
        (Ok(ours), Ok(theirs)) => same_block(&ours, &theirs, bytes).map(|()| match ours.merkle().mutated {
            true => "read-mutated",
            false => "read",
        }),
        (Err(error), Err(_)) => Ok(name(&error)),
        _ if first_difference(bytes).is_some_and(is_known) => Ok("known-of-bitcoin-crate"),
        (ours, theirs) => Err(format!("cairn says {:?}, the bitcoin crate {:?}", ours.err(), theirs.err())),
    }
}

/// The first transaction on which the two decoders differ, as long as the one that reads it says.
fn first_difference(block: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(block.get(HEADER..)?);
    let count = reader.compact_size().ok()?;
    let mut rest = reader.take(reader.remaining()).ok()?;
    for _ in 0..count {
        let (mut ours, mut theirs) = (Reader::new(rest), rest);
        let ours = Transaction::decode(&mut ours).ok().map(|_| ours.position());
        let read = bitcoin::Transaction::consensus_decode_from_finite_reader(&mut theirs).ok();
        let theirs = read.map(|_| rest.len() - theirs.len());
        if ours != theirs {
            return Some(&rest[..ours.or(theirs)?]);
        }
        rest = &rest[ours?..];
    }
    None
}

/// The block with nothing in it but the transaction that makes the difference, where that still is one.
fn smaller_block(block: Vec<u8>) -> Vec<u8> {
    let alone = first_difference(&block).map(|culprit| [&block[..HEADER], &[1], culprit].concat());
    alone.filter(|alone| check_block(alone).is_err()).unwrap_or(block)
}

fn same_block(ours: &Block, theirs: &bitcoin::Block, bytes: &[u8]) -> Result<(), String> {
    same("bytes", &ours.to_bytes()[..], bytes)?;
    same("bytes", &serialize(theirs)[..], bytes)?;
    same("hash", ours.hash().to_string(), theirs.block_hash().to_string())?;
    same("time", ours.header.time.to_u32(), theirs.header.time)?;
    same("bits", ours.header.bits.to_bits(), theirs.header.bits.to_consensus())?;
    same("nonce", ours.header.nonce, theirs.header.nonce)?;
    same("version", ours.header.version, theirs.header.version.to_consensus())?;
    same("weight", ours.weight().to_u64(), theirs.weight().to_wu())?;
    same("size", ours.total_size(), theirs.total_size())?;
    same("transactions", ours.transactions.len(), theirs.txdata.len())?;
    if theirs.txdata.is_empty() {
        return Ok(());
    }
    let root = theirs.compute_merkle_root().expect("it has transactions");
    same("merkle root", ours.merkle_root().to_string(), root.to_string())?;
    let root = theirs.witness_root().expect("it has transactions");
    same("witness root", ours.witness_merkle_root().to_string(), root.to_string())
}

/// Runs `check`; what it refuses is made small before it is shown.
fn on_bytes(
    bytes: Vec<u8>,
    check: impl Fn(&[u8]) -> Result<&'static str, String>,
) -> Result<&'static str, String> {
    check(&bytes).map_err(|_| {
        let small = shrink_bytes(bytes, |bytes| check(bytes).is_err());
        format!("{}\nbytes {}", check(&small).expect_err("it held"), hex::encode(&small))
    })
}

#[test]
fn transactions_from_bytes() {
    let tally =
        tally("transaction bytes", 60_000, 11, |rng| on_bytes(wire::transaction(rng), check_transaction));
    assert!(tally.of("read") * 3 > tally.cases(), "hardly anything is read");
    for error in [
        "UnexpectedEnd",
        "NonMinimalCompactSize",
        "LimitExceeded",
        "TrailingBytes",
        "SuperfluousWitness",
        "UnknownTransactionFlags",
        "judged-by-Core",
    ] {
        assert!(tally.of(error) > 0, "{error} was never met");
    }
}

/// Spends with real scripts and signatures, damaged.
#[test]
fn signed_transactions_from_bytes() {
    tally("signed transaction bytes", 1_500, 12, |rng| {
        let mut bytes = case(Kind::Spend, rng.u64(), 0).draft.transaction().to_bytes();
        (0..rng.below(3)).for_each(|_| wire::damage(&mut bytes, rng));
        on_bytes(bytes, check_transaction)
    });
}

#[test]
fn blocks_from_bytes() {
    let tally = tally("block bytes", 20_000, 13, |rng| {
        let block = wire::block(rng);
        check_block(&block).or_else(|_| on_bytes(smaller_block(block), check_block))
    });
    if is_long(tally.cases()) {
        assert!(tally.of("read") * 4 > tally.cases(), "hardly anything is read");
        assert!(tally.of("read-mutated") > 0 && tally.of("known-of-bitcoin-crate") > 0);
    }
}

/// A transaction of one output with a script of `length` bytes.
fn with_script(length: u32) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, 1];
    bytes.extend([7; 36]);
    bytes.extend([0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe]);
    bytes.extend(length.to_le_bytes());
    bytes.resize(bytes.len() + length as usize, 0x51);
    bytes.extend([0; 4]);
    bytes
}

/// 32 MiB is the longest thing Core reads; the `bitcoin` crate has no such limit.
#[test]
fn the_longest_length_is_cores() {
    for (length, core, bitcoin) in [
        (4_000_000, Reading::Whole, true),
        (4_000_001, Reading::Whole, true),
        (0x0200_0000, Reading::Whole, true),
        (0x0200_0001, Reading::Refused, true),
    ] {
        let bytes = with_script(length);
        assert_eq!(core_reads(&bytes), core, "{length}");
        assert_eq!(Transaction::from_bytes(&bytes).is_ok(), core == Reading::Whole, "{length}");
        assert_eq!(deserialize::<bitcoin::Transaction>(&bytes).is_ok(), bitcoin, "{length}");
    }
}

/// The two forms on which the `bitcoin` crate is not Core, byte by byte.
#[test]
fn transactions_without_inputs() {
    let bare = [2, 0, 0, 0, 0, 0, 9, 0, 0, 0];
    assert_eq!(core_reads(&bare), Reading::WithoutInputs);
    assert!(Transaction::from_bytes(&bare).is_ok() && deserialize::<bitcoin::Transaction>(&bare).is_err());

    let marked = [2, 0, 0, 0, 0, 1, 0, 0, 9, 0, 0, 0];
    assert_eq!(core_reads(&marked), Reading::Refused);
    assert!(
        Transaction::from_bytes(&marked).is_err() && deserialize::<bitcoin::Transaction>(&marked).is_ok()
    );
}

/// `ORACLE_TX` or `ORACLE_BLOCK` holds bytes as a failure prints them.
#[test]
fn replays() {
    let bytes = |name| std::env::var(name).ok().map(|text| hex::decode(&text).expect("it is hex"));
    if let Some(bytes) = bytes("ORACLE_TX") {
        println!("{}", check_transaction(&bytes).unwrap());
    }
    if let Some(bytes) = bytes("ORACLE_BLOCK") {
        println!("{}", check_block(&bytes).unwrap());
    }
}

/// A check that fails is met again and made small.
#[test]
fn failures_are_small_and_can_be_repeated() {
    let check = |bytes: &[u8]| if bytes.contains(&0xab) { Err("it has ab".to_owned()) } else { Ok("fine") };
    let campaign = Campaign { seed: 4, first: 0, budget: Budget::Cases(10_000) };
    let failure = campaign.tally(1, |rng: &mut Rng| on_bytes(rng.bytes(40), check)).unwrap_err();
    assert!(failure.contains("bytes ab\nagain: ORACLE_SEED=4 ORACLE_FIRST="), "{failure}");
    assert!(campaign.tally(1, |_| panic!("a planted panic")).unwrap_err().starts_with("it panicked"));
}
