//! The generated chain: valid to its end, the same everywhere, of the shape it says.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use cairn_chainstate::{ChainState, import};
use cairn_consensus::{HeaderTree, check_block, connect};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, BlockTime, Coin, Decode, OutPoint, ScriptKind, Transaction, TxIn, TxOut, hash, hex,
};
use cairn_testkit::chaingen::{ChainGen, ChainGenConfig, ChainGenTotals, Mix, SpendKind, write_blk};

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn config(blocks: u32, txs_per_block: u32, seed: u64) -> ChainGenConfig {
    ChainGenConfig { threads: threads(2), ..ChainGenConfig::new(blocks, txs_per_block, seed) }
}

fn file(config: ChainGenConfig) -> (Vec<u8>, ChainGenTotals) {
    let mut chain = ChainGen::new(config);
    let spec = Arc::clone(chain.spec());
    let mut bytes = Vec::new();
    assert_eq!(write_blk(&mut bytes, &spec, &mut chain).unwrap(), bytes.len() as u64);
    (bytes, chain.totals())
}

fn digest(config: ChainGenConfig) -> String {
    hex::encode(&hash::sha256(&file(config).0))
}

/// A spent coin as it was found: how it was locked and unlocked, and how many blocks old it was.
struct Spent {
    kind: SpendKind,
    age: u32,
}

/// A chain checked by every rule but those of scripts.
#[derive(Default)]
struct Replay {
    blocks: Vec<Block>,
    coins: HashMap<OutPoint, Coin>,
    spent: Vec<Spent>,
}

impl Replay {
    fn of(chain: &mut ChainGen) -> Self {
        let mut tree = HeaderTree::new(Arc::clone(chain.spec()));
        let mut replay = Self::default();
        for block in chain {
            let checked = Arc::new(check_block(block, tree.spec()).unwrap());
            let header = checked.block().header;
            let id = tree.insert(header, header.time).unwrap().id;
            let connection = connect(&tree, id, Arc::clone(&checked), &replay.coins).unwrap();
            let height = tree.height(id).to_u32();
            replay.note_spent(checked.block(), height);
            connection.into_parts().0.apply(&mut replay.coins);
            replay.blocks.push(checked.block().clone());
        }
        replay
    }

    fn note_spent(&mut self, block: &Block, height: u32) {
        let mut made: HashMap<OutPoint, &TxOut> = HashMap::new();
        for tx in &block.transactions {
            for input in tx.inputs().iter().filter(|input| !input.previous.is_null()) {
                let (output, age) = match made.get(&input.previous) {
                    Some(output) => (*output, 0),
                    None => {
                        let coin = &self.coins[&input.previous];
                        (&coin.output, height - coin.height.to_u32())
                    }
                };
                self.spent.push(Spent { kind: kind(output, input), age });
            }
            let outputs = (0..).zip(tx.outputs());
            made.extend(outputs.map(|(vout, output)| (OutPoint { txid: tx.txid(), vout }, output)));
        }
    }

    /// The payments from the height on at which there are coins enough.
    fn payments(&self, from: usize) -> impl Iterator<Item = &Transaction> {
        self.blocks[from..].iter().flat_map(|block| &block.transactions[1..])
    }
}

/// A chain that two tests look at: making it is most of their time.
static SHARED: LazyLock<(Replay, ChainGenTotals)> = LazyLock::new(|| {
    let mut chain = ChainGen::new(config(220, 60, 2));
    (Replay::of(&mut chain), chain.totals())
});

fn kind(output: &TxOut, input: &TxIn) -> SpendKind {
    match (output.script_pubkey.kind(), input.witness.len()) {
        (ScriptKind::P2pkh, 0) => SpendKind::P2pkh,
        (ScriptKind::P2sh, 0) => SpendKind::P2shMultisig,
        (ScriptKind::P2sh, 2) => SpendKind::P2shP2wpkh,
        (ScriptKind::P2wpkh, 2) => SpendKind::P2wpkh,
        (ScriptKind::P2wsh, 4) => SpendKind::P2wsh,
        (ScriptKind::P2tr, 1) => SpendKind::P2trKey,
        (ScriptKind::P2tr, 3) => SpendKind::P2trScript,
        (kind, witness) => panic!("no kind of ours: {kind:?} with {witness} items of witness"),
    }
}

#[test]
fn our_chain_state_imports_a_chain_to_its_end() {
    let (bytes, totals) = file(config(135, 25, 7));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaingen-import.dat");
    std::fs::write(&path, bytes).unwrap();
    let mut chain = ChainState::in_memory(Arc::new(presets::regtest()));
    let now = BlockTime::new(1_400_000_000);
    let summary =
        import::blocks(&mut chain, std::slice::from_ref(&path), now, |_| ControlFlow::Continue(())).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!((summary.tip.height.to_u32(), summary.blocks, summary.new), (135, 136, 135));

    let coins = chain.reader().view().coins().unwrap();
    let value = Amount::checked_sum(coins.iter().map(|(_, coin)| coin.output.value)).unwrap();
    assert_eq!((coins.len() as u64, value), (totals.coins, totals.value));
    assert_eq!(totals.value.to_sat(), 135 * 50 * 100_000_000, "no coin is lost and no fee left");
    assert!(totals.payments > 600, "{totals:?}");
}

#[test]
fn the_bytes_of_a_small_chain_are_these() {
    // Whatever the machine and the back end of the signatures.
    let expected = "a439d5e6f0672c64774d304b2a359b1fe2e189ba0998981f2847c70fa36c5ea6";
    assert_eq!(digest(config(125, 20, 1)), expected);
}

#[test]
fn neither_a_second_run_nor_the_threads_change_a_byte() {
    let chain = |seed, count| digest(ChainGenConfig { threads: threads(count), ..config(112, 40, seed) });
    let first = chain(1, 1);
    for count in [1, 2, 5] {
        assert_eq!(chain(1, count), first, "{count} threads");
    }
    assert_ne!(chain(2, 1), first, "another seed");
}

#[test]
fn a_longer_chain_begins_as_a_shorter_one() {
    let (short, long) = (file(config(108, 10, 3)).0, file(config(110, 10, 3)).0);
    assert!(long.len() > short.len() && long.starts_with(&short));
}

#[test]
fn every_kind_is_spent_in_its_share_and_ages_reach_back() {
    let (replay, totals) = &*SHARED;
    assert_eq!(replay.coins.len() as u64, totals.coins);
    assert_eq!(replay.spent.len() as u64, totals.inputs);

    let mut kinds: BTreeMap<SpendKind, usize> = BTreeMap::new();
    replay.spent.iter().for_each(|spent| *kinds.entry(spent.kind).or_default() += 1);
    assert_eq!(kinds.len(), SpendKind::ALL.len(), "{kinds:?}");
    let share = |kind| kinds[&kind] * 1_000 / replay.spent.len();
    assert!((300..380).contains(&share(SpendKind::P2wpkh)), "{kinds:?}");
    assert!((90..150).contains(&share(SpendKind::P2trKey)), "{kinds:?}");
    assert!((15..50).contains(&share(SpendKind::P2trScript)), "{kinds:?}");
    let twofold = kinds[&SpendKind::P2shMultisig] + kinds[&SpendKind::P2wsh];
    assert_eq!(totals.signatures, (replay.spent.len() + twofold) as u64);

    let aged = |ages: std::ops::Range<u32>| {
        replay.spent.iter().filter(|spent| ages.contains(&spent.age)).count() * 1_000 / replay.spent.len()
    };
    assert!((35..90).contains(&aged(0..1)), "of their own block: {}", aged(0..1));
    assert!((80..180).contains(&aged(1..2)), "of the block before: {}", aged(1..2));
    assert!(aged(37..1_000) > 50, "old: {}", aged(37..1_000));
    let old = replay.coins.values().filter(|coin| coin.height.to_u32() <= 110).count();
    assert!(old > 20, "{old} coins have been there from the beginning");
}

#[test]
fn counts_of_inputs_and_outputs_keep_their_means() {
    let replay = &SHARED.0;
    let payments = replay.payments(110).count();
    let per_mille = |count: usize| count * 1_000 / payments;
    // The tables have 2.02 and 2.31.
    let inputs = per_mille(replay.payments(110).map(|tx| tx.inputs().len()).sum());
    let outputs = per_mille(replay.payments(110).map(|tx| tx.outputs().len()).sum());
    assert!((1_750..2_300).contains(&inputs), "{inputs}");
    assert!((2_150..2_500).contains(&outputs), "{outputs}");
    let blocks = replay.blocks.len() - 110;
    assert!((55 * blocks..65 * blocks).contains(&payments), "{payments} payments in {blocks} blocks");
    let sizes: BTreeSet<_> = replay.blocks[110..].iter().map(|block| block.transactions.len()).collect();
    assert!(sizes.first().unwrap() < &50 && sizes.last().unwrap() > &64, "{sizes:?}");

    let share =
        |test: &dyn Fn(&Transaction) -> bool| per_mille(replay.payments(110).filter(|tx| test(tx)).count());
    assert!((680..740).contains(&share(&|tx| tx.version() == 2)));
    assert!((170..225).contains(&share(&|tx| tx.lock_time().to_u32() > 0)));
    assert!((110..165).contains(&share(&|tx| tx.inputs()[0].sequence.is_rbf())));
    let data = |output: &TxOut| output.script_pubkey.is_unspendable();
    assert!((4..18).contains(&share(&|tx| tx.outputs().iter().any(data))));
    let poor = replay.coins.values().filter(|coin| coin.output.value.to_sat() < 1_000).count();
    assert!(poor * 50 < replay.coins.len(), "{poor} of {} coins are next to nothing", replay.coins.len());
}

#[test]
fn more_payments_than_fit_fill_a_block_and_no_more() {
    let mix = Mix::only(SpendKind::P2shMultisig);
    let mut chain = ChainGen::new(ChainGenConfig { mix, ..config(105, 2_000, 6) });
    let limit = chain.spec().limits.block_weight;
    let replay = Replay::of(&mut chain);
    let heaviest = replay.blocks.iter().map(|block| block.weight().to_u64()).max().unwrap();
    assert!((limit - 60_000..=limit).contains(&heaviest), "{heaviest}");
}

#[test]
fn a_chain_of_one_kind_has_no_other() {
    let mix = Mix::only(SpendKind::P2pkh);
    let mut chain = ChainGen::new(ChainGenConfig { mix, ..config(112, 30, 1) });
    let replay = Replay::of(&mut chain);
    assert!(replay.spent.len() > 200);
    assert!(replay.spent.iter().all(|spent| spent.kind == SpendKind::P2pkh));
    let mut outputs = replay.blocks.iter().flat_map(|block| &block.transactions).flat_map(|tx| tx.outputs());
    assert!(outputs.all(|output| output.script_pubkey.kind() == ScriptKind::P2pkh));
    assert!(replay.blocks.iter().flat_map(|block| &block.transactions).all(|tx| !tx.has_witness()));
}

#[test]
fn the_smallest_chains_are_chains() {
    let genesis = presets::regtest().genesis_block();
    let (bytes, totals) = file(config(0, 10, 1));
    assert_eq!(bytes[..4], presets::regtest().network.magic);
    assert_eq!(bytes[4..8], (genesis.total_size() as u32).to_le_bytes());
    assert_eq!(Block::from_bytes(&bytes[8..]).unwrap(), genesis);
    assert_eq!(totals, ChainGenTotals::default());

    let mut empty = ChainGen::new(config(103, 0, 1));
    let replay = Replay::of(&mut empty);
    assert!(replay.payments(0).count() <= 3, "coinbases are shared out, no more");
    let mut sparse = ChainGen::new(config(130, 1, 1));
    assert!(Replay::of(&mut sparse).payments(101).count() > 15);
}

#[test]
fn what_the_writer_cannot_take_is_an_error() {
    struct Full(usize);
    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let write = |room| {
        let chain = ChainGen::new(config(3, 1, 1));
        let spec = Arc::clone(chain.spec());
        write_blk(&mut Full(room), &spec, chain)
    };
    let whole = write(10_000).unwrap();
    assert_eq!(write(usize::try_from(whole).unwrap()).unwrap(), whole);
    assert_eq!(write(usize::try_from(whole).unwrap() - 1).unwrap_err().kind(), io::ErrorKind::StorageFull);
}
