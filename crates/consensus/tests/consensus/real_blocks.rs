//! Real blocks: alone, with the coins they spend, and whole chains from genesis.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{
    COMMITMENT_PREFIX, HeaderTree, check_block, check_spend, connect, disconnect, sigop_cost,
    witness_commitment,
};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Block, Coin, Decode, Encode, OutPoint, Script, TxOut, hex};
use cairn_script::{ScriptFlags, SighashCache, verify};

use crate::support::{LATE, data, height, sat};

type Coins = HashMap<OutPoint, Coin>;

const SINGLE: &[&str] = &[
    "mainnet-000170",
    "mainnet-057043",
    "mainnet-277647",
    "mainnet-300025",
    "mainnet-403200",
    "mainnet-413567",
    "mainnet-481824",
    "mainnet-702861",
    "testnet3-0928828",
    "testnet3-1087400",
];

fn block(test: &str, name: &str) -> Option<Block> {
    Some(Block::from_bytes(&data(test, &format!("blocks/{name}.bin"))?).expect("a real block decodes"))
}

fn spec_of(name: &str) -> ChainSpec {
    if name.starts_with("mainnet") { presets::bitcoin() } else { presets::testnet3() }
}

#[test]
fn ten_real_blocks_pass_by_themselves() {
    for name in SINGLE {
        let Some(block) = block("ten_real_blocks_pass_by_themselves", name) else { continue };
        let weight = block.weight().to_u64();
        assert!(weight <= 4_000_000, "{name} weighs {weight}");
        let checked = check_block(block, &spec_of(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(checked.hash(), checked.block().hash());
    }
}

/// One bit of any transaction changes the merkle root; one of a witness changes the commitment instead.
#[test]
fn a_real_block_does_not_take_a_changed_bit() {
    let Some(bytes) = data("a_real_block_does_not_take_a_changed_bit", "blocks/mainnet-057043.bin") else {
        return;
    };
    let spec = presets::bitcoin();
    for at in (0..bytes.len()).step_by(97) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let Ok(block) = Block::from_bytes(&bytes) else { continue };
        let code = check_block(block, &spec).expect_err("a bit is wrong").code();
        let expected = if at < 80 { "high-hash" } else { "bad-txnmrklroot" };
        assert_eq!(code, expected, "byte {at}");
    }
}

#[test]
fn real_commitments_match_their_witnesses() {
    for name in ["mainnet-481824", "mainnet-702861", "testnet3-1087400"] {
        let Some(block) = block("real_commitments_match_their_witnesses", name) else { continue };
        let coinbase = &block.transactions[0];
        let nonce = coinbase.inputs()[0].witness.get(0).expect("the block has witnesses").try_into().unwrap();
        let expected = witness_commitment(&block.witness_merkle_root(), &nonce);
        let script = [COMMITMENT_PREFIX.as_slice(), expected.as_bytes()].concat();
        let found = coinbase.outputs().iter().any(|output| output.script_pubkey.as_bytes() == script);
        assert!(found, "{name}: nothing commits to {expected}");
    }
}

/// What `*.prevouts.tsv` says: the coins that a block spends from outside itself. Where it does not know
/// their height they count as old and as nobody's coinbase.
fn prevouts(test: &str, name: &str) -> Option<Coins> {
    let text = String::from_utf8(data(test, &format!("blocks/{name}.prevouts.tsv"))?).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let outpoint = OutPoint { txid: fields[0].parse().unwrap(), vout: fields[1].parse().unwrap() };
        let script_pubkey = Script::from_bytes(hex::decode(fields[3]).unwrap());
        let output = TxOut { value: sat(fields[2].parse().unwrap()), script_pubkey };
        (
            outpoint,
            Coin { output, height: height(fields[4].parse().unwrap_or(0)), coinbase: fields[5] == "1" },
        )
    });
    Some(rows.collect())
}

/// The script rules at a height of a real chain; none of the samples is an exception.
fn flags(spec: &ChainSpec, at: u32) -> ScriptFlags {
    let forks = &spec.deployments;
    let by_height = [
        (ScriptFlags::DERSIG, forks.bip66),
        (ScriptFlags::CHECKLOCKTIMEVERIFY, forks.bip65),
        (ScriptFlags::CHECKSEQUENCEVERIFY, forks.csv),
        (ScriptFlags::NULLDUMMY, forks.segwit),
    ];
    let always = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT;
    by_height
        .iter()
        .filter(|(_, fork)| fork.by_height(height(at)) == Some(true))
        .fold(always, |flags, &(flag, _)| flags | flag)
}

/// Checks values, ages, signature operations and scripts of every transaction, and gives fees and cost.
fn spend_all(block: &Block, mut coins: Coins, spec: &ChainSpec, at: u32) -> (u64, u64) {
    let flags = flags(spec, at);
    let (mut fees, mut cost) = (0, sigop_cost(&block.transactions[0], &[], flags));
    for (index, tx) in block.transactions.iter().enumerate() {
        if index > 0 {
            let take =
                |input: &cairn_primitives::TxIn| coins.remove(&input.previous).expect("the coin is there");
            let spent: Vec<Coin> = tx.inputs().iter().map(take).collect();
            fees += check_spend(tx, &spent, height(at), spec).expect("a real transaction").to_sat();
            cost += sigop_cost(tx, &spent, flags);
            let cache = SighashCache::new(tx, spent.iter().map(|coin| &coin.output).collect());
            for input in 0..tx.inputs().len() {
                assert_eq!(verify(&cache, input, flags), Ok(()), "input {input} of {}", tx.txid());
            }
        }
        coins.extend((0..).zip(tx.outputs()).map(|(vout, output)| {
            let coin = Coin { output: output.clone(), height: height(at), coinbase: index == 0 };
            (OutPoint { txid: tx.txid(), vout }, coin)
        }));
    }
    (fees, cost)
}

/// Each of these miners claimed the subsidy and every fee, so their own arithmetic checks ours.
#[test]
fn real_fees_and_scripts() {
    const TEST: &str = "real_fees_and_scripts";
    for (name, at) in [
        ("mainnet-000170", 170),
        ("mainnet-057043", 57_043),
        ("mainnet-277647", 277_647),
        ("mainnet-300025", 300_025),
        ("mainnet-403200", 403_200),
        ("testnet3-0928828", 928_828),
        ("testnet3-1087400", 1_087_400),
    ] {
        let (Some(block), Some(coins)) = (block(TEST, name), prevouts(TEST, name)) else { continue };
        let spec = spec_of(name);
        let (fees, cost) = spend_all(&block, coins, &spec, at);
        assert!(cost <= 80_000, "{name}: {cost}");
        let paid: u64 = block.transactions[0].outputs().iter().map(|output| output.value.to_sat()).sum();
        assert_eq!(paid, spec.subsidy.at(height(at)).to_sat() + fees, "{name}");
    }
}

/// The blocks in a file of Core's framing: magic, length, block.
pub(crate) fn records(file: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = file;
    while let [_, _, _, _, a, b, c, d, tail @ ..] = rest {
        let (block, after) = tail.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
        blocks.push(Block::from_bytes(block).expect("a real block decodes"));
        rest = after;
    }
    assert!(rest.is_empty(), "the file ends inside a record");
    blocks
}

/// Connects a chain from genesis in memory with every script, takes it off again, and gives the coins at
/// its tip.
fn connect_all(spec: ChainSpec, blocks: Vec<Block>) -> (HeaderTree, Coins) {
    let mut tree = HeaderTree::new(Arc::new(spec));
    let (mut coins, mut stack) = (Coins::new(), Vec::new());
    for block in blocks {
        let id = tree.insert(block.header, LATE).expect("a real header").id;
        let at = tree.height(id);
        let checked = Arc::new(check_block(block, tree.spec()).expect("a real block"));
        let connection = connect(&tree, id, Arc::clone(&checked), &coins);
        let connection = connection.unwrap_or_else(|error| panic!("height {at}: {error}"));
        assert!(!connection.scripts_assumed_valid());
        connection.scripts().run_all().unwrap_or_else(|error| panic!("height {at}: {error}"));
        let (delta, undo) = connection.into_parts();
        let before = (at.to_u32() % 50 == 1).then(|| coins.clone());
        delta.apply(&mut coins);
        stack.push((checked, undo, before));
    }
    let at_tip = coins.clone();
    for (block, undo, before) in stack.into_iter().rev() {
        disconnect(block.block(), (*undo).clone()).expect("it belongs to the block").apply(&mut coins);
        assert!(before.is_none_or(|before| before == coins), "below {}", block.hash());
    }
    assert!(coins.is_empty());
    (tree, at_tip)
}

fn total(coins: &Coins) -> u64 {
    coins.values().map(|coin| coin.output.value.to_sat()).sum()
}

/// Every coin of fifty was claimed, and genesis' own is not one.
#[test]
fn mainnet_0_to_599() {
    let Some(file) = data("mainnet_0_to_599", "blocks/mainnet-000000-000599.dat") else { return };
    let blocks = records(&file);
    let outputs: usize =
        blocks[1..].iter().flat_map(|block| &block.transactions).map(|tx| tx.outputs().len()).sum();
    let spends = blocks.iter().flat_map(|block| &block.transactions[1..]);
    let inputs: usize = spends.map(|tx| tx.inputs().len()).sum();
    let (tree, coins) = connect_all(presets::bitcoin(), blocks);
    assert_eq!(tree.height(tree.best_header()), height(599));
    assert_eq!(total(&coins), 599 * 5_000_000_000);
    assert_eq!(coins.len(), outputs - inputs);
}

#[test]
fn testnet3_0_to_400() {
    let Some(file) = data("testnet3_0_to_400", "blocks/testnet3-000000-000400.dat") else { return };
    let (tree, coins) = connect_all(presets::testnet3(), records(&file));
    assert_eq!(tree.height(tree.best_header()), height(400));
    assert!(total(&coins) <= 400 * 5_000_000_000);
}

/// Each block is signed by the keepers of the default signet.
#[test]
fn signet_0_to_60() {
    let Some(file) = data("signet_0_to_60", "blocks/signet-000000-000060.dat") else { return };
    let (tree, coins) = connect_all(presets::signet(), records(&file));
    assert_eq!(tree.height(tree.best_header()), height(60));
    assert!(total(&coins) <= 60 * 5_000_000_000);
}

#[test]
fn real_undo_data_is_read_again() {
    let Some(file) = data("real_undo_data_is_read_again", "blocks/mainnet-000000-000599.dat") else { return };
    let mut tree = HeaderTree::new(Arc::new(presets::bitcoin()));
    let mut coins = Coins::new();
    for block in records(&file).into_iter().take(200) {
        let id = tree.insert(block.header, LATE).unwrap().id;
        let connection =
            connect(&tree, id, Arc::new(check_block(block, tree.spec()).unwrap()), &coins).unwrap();
        let bytes = connection.undo().to_bytes();
        assert_eq!(cairn_consensus::Undo::from_bytes(&bytes).as_ref(), Ok(&**connection.undo()));
        connection.into_parts().0.apply(&mut coins);
    }
}
