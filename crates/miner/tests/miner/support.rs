//! Where the real data is, kernels, and places to mine at.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cairn_consensus::{HeaderTree, NextBlock};
use cairn_miner::kernel::{Portable, kernels};
use cairn_miner::{BlockTemplate, Candidate, Clock, Kernel};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{
    Amount, BlockTime, CompactTarget, Decode, Header, LockTime, OutPoint, Script, Sequence, Transaction,
    TxIn, TxOut, Txid, Witness, hash,
};
use crossbeam_channel::Receiver;

/// Bytes of a file of real data, or `None` with a word on the test that goes without.
pub(crate) fn data(test: &str, file: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            println!("skipped: {test} needs {}", path.display());
            None
        }
    }
}

/// The headers of a file of 80-byte headers.
pub(crate) fn headers(test: &str, file: &str) -> Option<Vec<Header>> {
    let bytes = data(test, file)?;
    Some(bytes.chunks_exact(Header::SIZE).map(|bytes| Header::from_bytes(bytes).unwrap()).collect())
}

/// The kernels under test: whatever the machine runs, the portable one always among them.
pub(crate) fn all_kernels() -> Vec<Arc<dyn Kernel>> {
    kernels()
}

/// The portable kernel.
pub(crate) fn portable() -> Arc<dyn Kernel> {
    Arc::new(Portable)
}

/// How long a test waits for what must come before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a channel gives; a test fails where it would wait for ever.
pub(crate) fn next<T>(channel: &Receiver<T>) -> T {
    channel.recv_timeout(PATIENCE).unwrap()
}

/// Waits for what another thread brings about.
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE);
        thread::yield_now();
    }
}

/// Some time after the first block of every preset.
pub(crate) const NOW: BlockTime = BlockTime::new(1_800_000_000);

/// A clock that stands still.
pub(crate) fn stopped_clock() -> Clock {
    Arc::new(|| NOW)
}

/// Where the second block of a chain goes.
pub(crate) fn place(spec: &ChainSpec) -> NextBlock {
    let tree = HeaderTree::new(Arc::new(spec.clone()));
    tree.next_block(tree.genesis(), NOW)
}

/// A script to pay to, without signature operations.
pub(crate) fn payout() -> Script {
    Script::op_return(b"payout")
}

/// A template without transactions on regtest's first block.
pub(crate) fn easy_template() -> BlockTemplate {
    let spec = presets::regtest();
    BlockTemplate::new(&spec, &place(&spec), &payout(), &[]).unwrap()
}

/// The same with bits that no nonce of this universe solves.
pub(crate) fn hopeless_template() -> BlockTemplate {
    let spec = presets::regtest();
    let next = NextBlock { bits: CompactTarget::from_bits(0x0300_0001), ..place(&spec) };
    BlockTemplate::new(&spec, &next, &payout(), &[]).unwrap()
}

/// A transaction that spends outputs of `parents` and is told from others by `seed`. Whether it is valid is for
/// nobody to say.
pub(crate) fn spend(parents: &[Txid], seed: u64, script_len: usize) -> Transaction {
    spend_with(parents, seed, script_len, LockTime::ZERO, Witness::default())
}

/// As [`spend`], with a lock time that holds and a witness for the first input.
pub(crate) fn spend_with(
    parents: &[Txid],
    seed: u64,
    script_len: usize,
    lock_time: LockTime,
    witness: Witness,
) -> Transaction {
    let mut inputs: Vec<TxIn> = parents
        .iter()
        .map(|&txid| TxIn {
            previous: OutPoint { txid, vout: 0 },
            script_sig: Script::new(),
            sequence: Sequence::new(0),
            witness: Witness::default(),
        })
        .collect();
    inputs[0].witness = witness;
    let outputs = vec![TxOut {
        value: Amount::from_sat(seed),
        script_pubkey: Script::from_bytes(vec![0x6a; script_len]),
    }];
    Transaction::new(2, inputs, outputs, lock_time)
}

/// An id of a transaction that is in no block here.
pub(crate) fn elsewhere(seed: u64) -> Txid {
    Txid::from_bytes(hash::sha256(&seed.to_le_bytes()))
}

/// A candidate with a fee and no signature operations.
pub(crate) fn candidate(tx: Transaction, fee: u64) -> Candidate {
    Candidate { tx: Arc::new(tx), fee: Amount::from_sat(fee), sigop_cost: 0 }
}

/// `count` candidates that have nothing to do with each other.
pub(crate) fn unrelated(count: u64) -> Vec<Candidate> {
    (0..count).map(|seed| candidate(spend(&[elsewhere(seed)], seed, 10), 1)).collect()
}
