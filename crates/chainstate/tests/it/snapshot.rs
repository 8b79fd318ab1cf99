//! Snapshots: written as Core writes them, loaded only if they are what was asked for, and validated afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_chainstate::snapshot::{SnapshotError, SnapshotFault, SnapshotHeader};
use cairn_chainstate::{
    ChainState, ChainStateConfig, ChainStateError, IndexKind, Refutation, Submitted, ValidationStep, check,
};
use cairn_params::{AssumedCoins, ChainSpec, presets};
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, Header, Height, LockTime, MerkleRoot, OutPoint, ScriptBuilder,
    Sequence, Sha256d, Transaction, TxIn, TxOut, Witness, hash, hex, op,
};

use crate::compare;
use crate::maker::{Maker, NOW, Plan, open_script, spec, spend};
use crate::model::Model;

/// A chain with spends in it, whole; and blocks above it and beside it.
pub(crate) struct World {
    pub(crate) spec: Arc<ChainSpec>,
    pub(crate) maker: Maker,
    pub(crate) model: Model,
    /// The blocks up to the snapshot.
    pub(crate) below: Vec<Block>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) file: PathBuf,
    pub(crate) coins_hash: Sha256d,
    pub(crate) coins: u64,
}

/// A chain of twelve blocks and its snapshot.
pub(crate) fn world() -> World {
    let spec = spec();
    let (mut maker, mut model) = (Maker::new(spec.clone()), Model::new(spec.genesis_block()));
    let mut chain = ChainState::in_memory(spec.clone());
    let mut below = maker.chain(spec.genesis_hash(), 6);
    for n in 0..6 {
        let parent = below.last().unwrap().hash();
        let coin = OutPoint { txid: below[n].transactions[0].txid(), vout: 0 };
        let outputs = (0..5).map(|n| (7 * 100_000_000 + n, open_script(n))).collect();
        let plan = Plan { txs: vec![spend(&[coin], outputs)], ..Plan::paying(n as u64) };
        below.push(maker.block(parent, &plan));
    }
    for block in &below {
        chain.submit_block(block.clone(), NOW).unwrap();
        model.submit(block.clone(), maker.height(block.hash()), true);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("coins.dat");
    let dumped = chain.dump_snapshot(&file, |_| {}).unwrap();
    assert_eq!(dumped.stats, chain.reader().coin_stats().unwrap());
    assert_eq!(dumped.coins_hash, chain.reader().coins_hash().unwrap());
    assert_eq!(dumped.bytes, std::fs::metadata(&file).unwrap().len());
    let (coins_hash, coins) = (dumped.coins_hash, dumped.stats.coins);
    World { spec, maker, model, below, dir, file, coins_hash, coins }
}

impl World {
    /// The spec with the snapshot's hash in it.
    pub(crate) fn listing(&self) -> Arc<ChainSpec> {
        let mut spec = (*self.spec).clone();
        let base = self.below.last().unwrap();
        let height = Height::new(self.below.len() as u32);
        spec.assume.snapshots = vec![AssumedCoins { height, hash: base.hash(), coins_hash: self.coins_hash }];
        Arc::new(spec)
    }

    pub(crate) fn headers(&self, chain: &mut ChainState) {
        for block in &self.below {
            chain.submit_header(block.header, NOW).unwrap();
        }
    }

    /// A chain that knows the headers and nothing else.
    fn fresh(&self, spec: Arc<ChainSpec>) -> ChainState {
        let mut chain = ChainState::in_memory(spec);
        self.headers(&mut chain);
        chain
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.file).unwrap()
    }
}

pub(crate) fn validate_all(chain: &mut ChainState) -> Result<ValidationStep, ChainStateError> {
    loop {
        match chain.validate_next()? {
            ValidationStep::Advanced => {}
            step => return Ok(step),
        }
    }
}

/// Core's `rpc_dumptxoutset.py`: a hundred blocks that its test framework mines with the clock one second past genesis.
/// Block, coins and file have the hashes that stand there.
#[test]
fn cores_own_snapshot_of_regtest() {
    let spec = Arc::new(presets::regtest());
    let mut chain = ChainState::in_memory(spec.clone());
    for height in 1..=100_i64 {
        let tip = chain.reader().header(&chain.tip().hash).unwrap();
        let time = BlockTime::new(1_296_688_603.max(tip.median_time_past.to_u32() + 1));
        let block = block_of_core(tip.hash, height, time);
        chain.submit_block(block, NOW).unwrap();
    }
    let base = "09abf0e7b510f61ca6cf33bab104e9ee99b3528b371d27a2d4b39abb800fba7e";
    assert_eq!(chain.tip().hash.to_string(), base);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("txoutset.dat");
    let dumped = chain.dump_snapshot(&file, |_| {}).unwrap();
    assert_eq!(dumped.stats.coins, 100);
    let coins_hash = "a0b7baa3bf5ccbd3279728f230d7ca0c44a76e9923fca8f32dbfd08d65ea496a";
    assert_eq!(dumped.coins_hash.to_string(), coins_hash);
    let digest = hash::sha256(&std::fs::read(&file).unwrap());
    assert_eq!(hex::encode(&digest), "31fcdd0cf542a4b1dfc13c3c05106620ce48951ef62907dd8e5e8c15a0aa993b");
}

/// A block as Core's miner makes it for its first test node.
fn block_of_core(prev: BlockHash, height: i64, time: BlockTime) -> Block {
    let script_sig = ScriptBuilder::new().push_int(height).push_opcode(op::OP_0).into_script();
    let input = TxIn {
        previous: OutPoint::NULL,
        script_sig,
        sequence: Sequence::FINAL,
        witness: Witness::new(vec![vec![0; 32]]),
    };
    let script = |text: &str| cairn_primitives::Script::from_bytes(hex::decode(text).unwrap());
    let pays = script("76a9142b4569203694fc997e13f2c0a1383b9e16c77a0d88ac");
    let commits = script("6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9");
    let outputs = vec![
        TxOut { value: Amount::from_sat(5_000_000_000), script_pubkey: pays },
        TxOut { value: Amount::ZERO, script_pubkey: commits },
    ];
    let coinbase = Transaction::new(2, vec![input], outputs, LockTime::ZERO);
    let bits = presets::regtest().genesis.bits;
    let header = Header { version: 0x2000_0000, prev, merkle_root: MerkleRoot::ZERO, time, bits, nonce: 0 };
    let mut block = Block { header, transactions: vec![coinbase] };
    block.header.merkle_root = block.merkle_root();
    // The limit is half of all hashes: the top bit of the last byte is zero.
    while block.hash().as_bytes()[31] & 0x80 != 0 {
        block.header.nonce += 1;
    }
    block
}

#[test]
fn a_loaded_chain_ends_as_one_that_checked_everything() {
    let mut world = world();
    let mut chain = world.fresh(world.listing());
    let loaded = chain.load_snapshot(&world.file, None, |_| {}).unwrap();
    let base = world.below.last().unwrap().hash();
    assert_eq!((loaded.base.hash, loaded.coins, loaded.coins_hash), (base, world.coins, world.coins_hash));
    let reader = chain.reader();
    compare::same(&reader, &world.model);
    assert_eq!(reader.index_status(IndexKind::Tx).unwrap().height, Height::GENESIS);
    assert_eq!(reader.wanted(100).len(), world.below.len());
    assert_eq!(reader.wanted(1), [(Height::new(1), world.below[0].hash())]);
    let validation = reader.validation().unwrap();
    assert_eq!((validation.base, validation.height), (base, Height::GENESIS));
    assert_eq!(chain.validate_next().unwrap(), ValidationStep::Idle);

    // It follows the tip, and turns above the snapshot.
    let first = world.maker.chain(base, 2);
    let mut second = world.maker.chain(base, 3);
    second.push(world.maker.block(second[2].hash(), &Plan::paying(3)));
    for block in first.iter().chain(&second) {
        chain.submit_block(block.clone(), NOW).unwrap();
        world.model.submit(block.clone(), world.maker.height(block.hash()), true);
    }
    compare::same(&reader, &world.model);
    assert_eq!(reader.index_status(IndexKind::Tx).unwrap().height, Height::GENESIS, "waits for block 1");

    // The old blocks come, the higher ones first; the second time they are known.
    for block in world.below.iter().rev() {
        assert_eq!(chain.submit_block(block.clone(), NOW).unwrap(), Submitted::Stored);
        assert_eq!(chain.submit_block(block.clone(), NOW).unwrap(), Submitted::AlreadyKnown);
    }
    assert!(reader.wanted(100).is_empty());
    let events = reader.last_event();
    assert_eq!(validate_all(&mut chain).unwrap(), ValidationStep::Done);
    assert_eq!((reader.validation(), reader.last_event()), (None, events));
    for index in IndexKind::ALL {
        assert_eq!(reader.index_status(index).unwrap().hash, reader.tip().hash, "{index}");
    }
    compare::same(&reader, &world.model);
    assert_eq!(chain.validate_next().unwrap(), ValidationStep::Idle);
}

#[test]
fn a_branch_from_below_the_snapshot_waits_until_it_is_validated() {
    let mut world = world();
    let mut chain = world.fresh(world.spec.clone());
    chain.load_snapshot(&world.file, Some(world.coins_hash), |_| {}).unwrap();
    let base = world.below.last().unwrap().hash();
    let fork = world.below[world.below.len() - 3].hash();
    let branch = world.maker.chain(fork, 5);
    for block in &branch {
        assert_eq!(chain.submit_block(block.clone(), NOW).unwrap(), Submitted::Stored);
    }
    assert_eq!(chain.tip().hash, base);
    let refused = chain.invalidate(&fork).unwrap_err();
    assert!(matches!(refused, ChainStateError::SnapshotUnvalidated { base: of } if of == base));
    for block in &world.below {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    assert_eq!(validate_all(&mut chain).unwrap(), ValidationStep::Done);
    assert_eq!(chain.tip().hash, branch[4].hash());
    let blocks: Vec<_> = world.below[..10].iter().chain(&branch).cloned().collect();
    let mut model = Model::new(world.spec.genesis_block());
    for block in blocks {
        let height = world.maker.height(block.hash());
        model.submit(block, height, true);
    }
    compare::same(&chain.reader(), &model);
    chain.invalidate(&fork).unwrap();
}

/// The error of a load of changed bytes into a fresh chain, which is then as it was.
fn refused(world: &World, bytes: &[u8]) -> SnapshotError {
    let mut chain = world.fresh(world.listing());
    let error = load_bytes(world, &mut chain, bytes).unwrap_err();
    assert_eq!(chain.tip().height, Height::GENESIS);
    assert!(chain.reader().view().coins().unwrap().is_empty());
    // And it can still begin with the right one.
    chain.load_snapshot(&world.file, None, |_| {}).unwrap();
    error
}

fn load_bytes(world: &World, chain: &mut ChainState, bytes: &[u8]) -> Result<(), SnapshotError> {
    let path = world.write("changed.dat", bytes);
    chain.load_snapshot(&path, None, |_| {}).map(|_| ())
}

fn fault(error: SnapshotError) -> (u64, SnapshotFault) {
    match error {
        SnapshotError::File { offset, source, .. } => (offset, source),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_no_snapshot_of_this_chain_is_refused() {
    let world = world();
    let whole = world.bytes();
    let changed = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let got = *b"utxp\xff";
    assert_eq!(fault(refused(&world, &changed(3, b'p'))), (5, SnapshotFault::Magic { got }));
    let version = SnapshotFault::Version { got: 1, expected: 2 };
    assert_eq!(fault(refused(&world, &changed(5, 1))), (7, version));
    let expected = world.spec.network.magic;
    let mut got = expected;
    got[0] ^= 1;
    assert_eq!(fault(refused(&world, &changed(7, got[0]))), (11, SnapshotFault::Network { got, expected }));
    for len in [0, 4, 30, 50, 51, 60, 90, whole.len() - 1] {
        assert_eq!(fault(refused(&world, &whole[..len])).1, SnapshotFault::Truncated, "{len}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(fault(refused(&world, &longer)), (whole.len() as u64 + 1, SnapshotFault::Trailing));
    let unknown = refused(&world, &changed(11, whole[11] ^ 1));
    assert!(matches!(unknown, SnapshotError::UnknownBase { .. }), "{unknown}");
    // One coin fewer than there are: the rest is too much. One more: it is missing.
    let count = SnapshotHeader::SIZE - 8;
    let fewer = refused(&world, &changed(count, whole[count] - 1));
    assert!(matches!(fault(fewer).1, SnapshotFault::Trailing | SnapshotFault::Count { .. }));
    assert_eq!(fault(refused(&world, &changed(count, whole[count] + 1))).1, SnapshotFault::Truncated);
    let missing = world.fresh(world.listing()).load_snapshot(Path::new("/no/such/file"), None, |_| {});
    assert!(matches!(missing, Err(SnapshotError::Io { .. })));
}

#[test]
fn a_snapshot_with_any_byte_changed_is_refused() {
    let world = world();
    let whole = world.bytes();
    let mut chain = world.fresh(world.listing());
    for at in SnapshotHeader::SIZE..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let error = load_bytes(&world, &mut chain, &bytes).unwrap_err();
        assert!(
            matches!(error, SnapshotError::CoinsHash { .. } | SnapshotError::File { .. }),
            "{at}: {error}"
        );
    }
    assert_eq!(chain.tip().height, Height::GENESIS);
}

#[test]
fn a_hash_is_asked_for() {
    let world = world();
    let base = world.below.last().unwrap().hash();
    let mut chain = world.fresh(world.spec.clone());
    let unlisted = chain.load_snapshot(&world.file, None, |_| {}).unwrap_err();
    assert!(matches!(unlisted, SnapshotError::NotListed { hash } if hash == base));
    let wrong = Sha256d::from_bytes([1; 32]);
    let other = chain.load_snapshot(&world.file, Some(wrong), |_| {}).unwrap_err();
    let matches = |error: &SnapshotError, a, b| matches!(error, SnapshotError::CoinsHash { got, expected } if (*got, *expected) == (a, b));
    assert!(matches(&other, world.coins_hash, wrong));
    // What the spec says is not overruled.
    let mut listed = world.fresh(world.listing());
    let overruled = listed.load_snapshot(&world.file, Some(wrong), |_| {}).unwrap_err();
    assert!(matches(&overruled, wrong, world.coins_hash));
    listed.load_snapshot(&world.file, Some(world.coins_hash), |_| {}).unwrap();
    let again = listed.load_snapshot(&world.file, None, |_| {}).unwrap_err();
    assert!(matches!(again, SnapshotError::Begun));
    let mut marked = world.fresh(world.spec.clone());
    marked.invalidate(&world.below[3].hash()).unwrap();
    let invalid = marked.load_snapshot(&world.file, Some(world.coins_hash), |_| {}).unwrap_err();
    assert!(matches!(invalid, SnapshotError::InvalidBase { hash } if hash == base));
}

/// One block short of it is early enough, at it is too late, and another branch does not lead there.
#[test]
fn a_chain_on_its_way_to_the_snapshot_takes_it() {
    let world = world();
    let load = |chain: &mut ChainState| chain.load_snapshot(&world.file, Some(world.coins_hash), |_| {});
    let at = Height::new(12);
    let mut there = world.fresh(world.spec.clone());
    for block in &world.below {
        there.submit_block(block.clone(), NOW).unwrap();
    }
    let late = load(&mut there).unwrap_err();
    assert!(matches!(late, SnapshotError::NotBelow { height, base } if (height, base) == (at, at)));
    let mut aside = world.fresh(world.spec.clone());
    let mut block = world.below[0].clone();
    block.header.time = block.header.time.saturating_add(1);
    aside.submit_block(cairn_testkit::reseal(block), NOW).unwrap();
    let beside = load(&mut aside).unwrap_err();
    assert!(matches!(beside, SnapshotError::NotBelow { height, .. } if height == Height::new(1)));
    let mut chain = world.fresh(world.spec.clone());
    let (last, short) = world.below.split_last().unwrap();
    for block in short {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    load(&mut chain).unwrap();
    assert_eq!(chain.reader().wanted(10), [(at, last.hash())]);
    chain.submit_block(last.clone(), NOW).unwrap();
    assert_eq!(validate_all(&mut chain).unwrap(), ValidationStep::Done);
    compare::same(&chain.reader(), &world.model);
}

/// A snapshot whose last coin is worth one unit less, and its hash.
fn lie(world: &World) -> (PathBuf, Sha256d) {
    let mut bytes = world.bytes();
    // The last coin's script takes up the end: push of 8 bytes, OP_DROP, OP_1, with a length byte before it.
    let at = bytes.len() - 13;
    bytes[at] ^= 1;
    let path = world.write("lie.dat", &bytes);
    let mut chain = world.fresh(world.spec.clone());
    match chain.load_snapshot(&path, Some(Sha256d::ZERO), |_| {}).unwrap_err() {
        SnapshotError::CoinsHash { got, .. } => (path, got),
        other => panic!("{other}"),
    }
}

#[test]
fn a_lie_that_the_operator_vouched_for_is_found_out() {
    let world = world();
    let (file, hash) = lie(&world);
    assert_ne!(hash, world.coins_hash);
    let dir = tempfile::tempdir().unwrap();
    let config = ChainStateConfig { script_threads: 1, ..ChainStateConfig::new(dir.path()) };
    let mut chain = ChainState::open(world.spec.clone(), &config).unwrap();
    world.headers(&mut chain);
    chain.load_snapshot(&file, Some(hash), |_| {}).unwrap();
    for block in &world.below {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    let base = world.below.last().unwrap().hash();
    let expected = Refutation::CoinsDiffer { got: world.coins_hash, expected: hash };
    let is_it = |error: ChainStateError| {
        assert!(
            matches!(error, ChainStateError::SnapshotRefuted { base: of, why } if of == base && why == expected),
            "{error}"
        );
    };
    is_it(validate_all(&mut chain).unwrap_err());
    assert!(matches!(chain.validate_next(), Err(ChainStateError::Halted)));
    drop(chain);
    is_it(ChainState::open(world.spec.clone(), &config).unwrap_err());
    // What the error says to do, done: no block has to come again.
    for name in ["chain", "coins", "coins-background", "index"] {
        let _ = std::fs::remove_dir_all(dir.path().join(name));
    }
    let chain = ChainState::open(world.spec.clone(), &config).unwrap();
    compare::same(&chain.reader(), &world.model);
}

#[test]
fn an_invalid_block_below_a_snapshot_is_found_out() {
    let world = world();
    let spec = world.spec.clone();
    let mut maker = Maker::new(spec.clone());
    let mut below = maker.chain(spec.genesis_hash(), 4);
    let parent = below[3].hash();
    below.push(maker.block(parent, &Plan { overpay: 1, ..Plan::paying(1) }));
    let bad = below[4].hash();
    below.extend(maker.chain(bad, 2));
    let base = below[6].hash();
    // Any coins will do: the block is found first.
    let mut bytes = world.bytes();
    let header = SnapshotHeader { network: spec.network.magic, base, coins: 0 };
    bytes.truncate(0);
    bytes.extend(header.to_bytes());
    let file = world.write("none.dat", &bytes);
    let hash = Sha256d::from_bytes(hash::sha256d(b""));
    let mut chain = ChainState::in_memory(spec);
    for block in &below {
        chain.submit_header(block.header, NOW).unwrap();
    }
    chain.load_snapshot(&file, Some(hash), |_| {}).unwrap();
    for block in &below {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    let refuted = validate_all(&mut chain).unwrap_err();
    let why = Refutation::BlockInvalid { hash: bad };
    assert!(matches!(refuted, ChainStateError::SnapshotRefuted { why: found, .. } if found == why));
}

#[test]
fn a_dump_leaves_other_files_alone() {
    let world = world();
    let before = world.bytes();
    let mut chain = ChainState::in_memory(world.spec.clone());
    let refused = chain.dump_snapshot(&world.file, |_| {}).unwrap_err();
    assert!(matches!(refused, SnapshotError::Exists { .. }));
    assert_eq!(world.bytes(), before);
    let nowhere = chain.dump_snapshot(Path::new("/no/such/place/x"), |_| {}).unwrap_err();
    assert!(matches!(nowhere, SnapshotError::Io { .. }));
    // Genesis makes no coin: a header and nothing else. What an earlier dump left is written over.
    let path = world.dir.path().join("empty.dat");
    std::fs::write(world.dir.path().join("empty.dat.incomplete"), [7; 1000]).unwrap();
    let dumped = chain.dump_snapshot(&path, |_| {}).unwrap();
    assert_eq!(dumped.stats.coins, 0);
    let base = world.spec.genesis_hash();
    let header = SnapshotHeader { network: world.spec.network.magic, base, coins: 0 };
    assert_eq!(std::fs::read(&path).unwrap(), header.to_bytes());
    assert!(!world.dir.path().join("empty.dat.incomplete").exists());
}

#[test]
fn on_disk_between_load_and_validation() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let config = ChainStateConfig {
        txindex: true,
        addrindex: true,
        coinstatsindex: true,
        script_threads: 1,
        ..ChainStateConfig::new(dir.path())
    };
    let open = || ChainState::open(world.spec.clone(), &config).unwrap();
    let mut chain = open();
    world.headers(&mut chain);
    chain.load_snapshot(&world.file, Some(world.coins_hash), |_| {}).unwrap();
    for block in &world.below[..6] {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    assert_eq!(validate_all(&mut chain).unwrap(), ValidationStep::Idle);
    chain.close().unwrap();
    // Nothing is damaged though blocks are missing, and nothing can be made again from them.
    let report = check::check(world.spec.clone(), &config, check::Depth::Full, |_| {}).unwrap();
    assert_eq!(report.damaged, 0, "{:?}", report.damage);
    let refused = ChainState::rebuild(world.spec.clone(), &config, |_| {}).unwrap_err();
    assert!(matches!(refused, ChainStateError::SnapshotUnvalidated { .. }), "{refused}");
    let mut chain = open();
    assert_eq!(chain.reader().wanted(100).len(), 6);
    for block in &world.below[6..] {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
    assert_eq!(validate_all(&mut chain).unwrap(), ValidationStep::Done);
    assert!(!dir.path().join("coins-background").exists());
    compare::same(&chain.reader(), &world.model);
    chain.close().unwrap();
    let report = check::check(world.spec.clone(), &config, check::Depth::Full, |_| {}).unwrap();
    assert_eq!((report.damaged, report.undo), (0, 12), "{:?}", report.damage);
    ChainState::rebuild(world.spec.clone(), &config, |_| {}).unwrap();
    compare::same(&open().reader(), &world.model);
}
