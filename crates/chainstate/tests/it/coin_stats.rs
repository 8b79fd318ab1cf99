//! What the coins add up to: each way an amount can be lost, and a chain whose hash Core published.

use std::sync::Arc;

use cairn_chainstate::{ChainState, CoinStats, SupplyStats, Unspendable};
use cairn_params::{Activation, ChainSpec, presets};
use cairn_primitives::{
    Address, Amount, Block, Height, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn,
    TxOut, Witness, hash, op,
};

use crate::maker::{Maker, NOW, Plan, open_script, spec, spend};

const COIN: u64 = 100_000_000;

fn at(chain: &ChainState, height: u32) -> SupplyStats {
    chain.reader().supply_stats(Height::new(height)).unwrap().unwrap()
}

fn walk(chain: &ChainState) -> CoinStats {
    chain.reader().coin_stats().unwrap()
}

fn give(chain: &mut ChainState, blocks: &[Block]) {
    for block in blocks {
        chain.submit_block(block.clone(), NOW).unwrap();
    }
}

fn coinbase(block: &Block) -> OutPoint {
    OutPoint { txid: block.transactions[0].txid(), vout: 0 }
}

#[test]
fn the_genesis_output_is_issued_and_no_coin() {
    let chain = ChainState::in_memory(spec());
    let stats = at(&chain, 0);
    assert_eq!(stats.total_subsidy, Amount::from_sat(50 * COIN));
    assert_eq!(
        stats.unspendable,
        Unspendable { genesis: Amount::from_sat(50 * COIN), ..Unspendable::default() }
    );
    assert_eq!((stats.coins.coins, stats.coins.total_amount, stats.coins.bogosize), (0, Amount::ZERO, 0));
    // SHA-256 of the number 1 in 384 bytes, by sha256sum; Core's tests print it for an empty set, too.
    let empty = "dd5ad2a105c2d29495f577245c357409002329b9f4d6182c0af3dc2f462555c8";
    assert_eq!(stats.coins.muhash.to_string(), empty);
    assert_eq!(walk(&chain), stats.coins);
}

#[test]
fn what_is_lost_is_told_apart() {
    let (mut chain, mut maker) = (ChainState::in_memory(spec()), Maker::new(spec()));
    let base = maker.chain(spec().genesis_hash(), 4);
    give(&mut chain, &base);
    let before = at(&chain, 4);
    // 7 to a script that nobody can satisfy, and 5 in fees that the coinbase leaves behind.
    let data = ScriptBuilder::new().push_opcode(op::OP_RETURN).push_slice(b"gone").into_script();
    let paid = spend(&[coinbase(&base[0])], vec![(7, data), (50 * COIN - 12, open_script(1))]);
    let block = maker.block(base[3].hash(), &Plan { txs: vec![paid], ..Plan::paying(0) });
    give(&mut chain, std::slice::from_ref(&block));
    let after = at(&chain, 5);
    assert_eq!(after.unspendable.scripts, Amount::from_sat(7));
    assert_eq!(after.unspendable.unclaimed, Amount::from_sat(5));
    assert_eq!(after.unspendable.bip30, Amount::ZERO);
    assert_eq!(after.coins.total_amount.to_sat(), 5 * 50 * COIN - 12);
    assert_eq!(after.coins.coins, before.coins.coins + 1);
    assert_eq!(walk(&chain), after.coins);
    // Taken off again, all is as it was; and the height has no row.
    chain.invalidate(&block.hash()).unwrap();
    assert_eq!(at(&chain, 4), before);
    assert_eq!(chain.reader().supply_stats(Height::new(5)).unwrap(), None);
    assert_eq!(walk(&chain), before.coins);
}

/// Two blocks of Bitcoin repeat an older coinbase. The coin it made before is gone from the set.
#[test]
fn an_overwritten_coin_is_lost() {
    let mut free = ChainSpec::clone(&spec());
    free.deployments.bip34 = Activation::Never;
    let mut maker = Maker::new(spec());
    let base = maker.chain(spec().genesis_hash(), 3);
    let repeat = maker.with_transactions(base[2].hash(), vec![base[0].transactions[0].clone()]);
    free.deployments.bip30_exceptions = vec![(Height::new(4), repeat.hash())];
    let mut chain = ChainState::in_memory(Arc::new(free));
    give(&mut chain, &base);
    let before = at(&chain, 3);
    give(&mut chain, &[repeat]);
    let after = at(&chain, 4);
    assert_eq!(after.unspendable.bip30, Amount::from_sat(50 * COIN));
    assert_eq!(
        (after.coins.coins, after.coins.total_amount),
        (before.coins.coins, before.coins.total_amount)
    );
    assert_ne!(after.coins.muhash, before.coins.muhash, "the coin has a new height");
    assert_eq!(walk(&chain), after.coins);
    let above = maker.chain(after.coins.hash, 1);
    give(&mut chain, &above);
    assert_eq!(walk(&chain), at(&chain, 5).coins);
}

/// A coinbase as Core 30 makes it on regtest: height, one byte of padding up to height 16, locked to the height below.
fn core_coinbase(height: u32, payout: &Script, commitment: [u8; 32]) -> Transaction {
    let script_sig = ScriptBuilder::new().push_int(height.into());
    let script_sig = if height <= 16 { script_sig.push_opcode(op::OP_0) } else { script_sig }.into_script();
    let committed = [&[0xaa, 0x21, 0xa9, 0xed][..], &commitment].concat();
    let commitment = ScriptBuilder::new().push_opcode(op::OP_RETURN).push_slice(&committed).into_script();
    let outputs = vec![
        TxOut { value: Amount::from_sat(50 * COIN), script_pubkey: payout.clone() },
        TxOut { value: Amount::ZERO, script_pubkey: commitment },
    ];
    let witness = Witness::new(vec![vec![0; 32]]);
    let input = TxIn { previous: OutPoint::NULL, script_sig, sequence: Sequence::new(0xffff_fffe), witness };
    Transaction::new(2, vec![input], outputs, LockTime::new(height - 1))
}

/// The chain of Core's functional test `feature_utxo_set_hash.py`: 100 blocks, the first to a script path of a lone OP_TRUE,
/// then a block that spends it and leaves its fee of 31,200 unclaimed. Made again from the rules of Core's test framework; the
/// hash is the one printed there.
#[test]
fn the_hash_that_core_publishes() {
    let spec = Arc::new(presets::regtest());
    let payout = |address: &str| Address::parse(address, &spec.address).unwrap().script_pubkey();
    let anyone = payout("bcrt1p9yfmy5h72durp7zrhlw9lf7jpwjgvwdg0jr0lqmmjtgg83266lqsekaqka");
    let node = payout("mjTkW3DjgyZck4KbiRusZsqTgaYTxdSz6z");
    let (mut chain, mut maker) = (ChainState::in_memory(spec.clone()), Maker::new(spec.clone()));
    let mut tip = spec.genesis_hash();
    let mut first = OutPoint::NULL;
    let of_one = hash::sha256d(&[0; 64]);
    for height in 1..=100 {
        let to = if height == 1 { &anyone } else { &node };
        let block = maker.with_transactions(tip, vec![core_coinbase(height, to, of_one)]);
        if height == 1 {
            first = coinbase(&block);
        }
        tip = block.hash();
        give(&mut chain, &[block]);
    }
    let mut control = vec![0xc0];
    control.extend([0; 31]);
    control.push(1);
    let witness = Witness::new(vec![vec![0x51], control]);
    let input = TxIn { previous: first, script_sig: Script::new(), sequence: Sequence::new(0), witness };
    let output = TxOut { value: Amount::from_sat(50 * COIN - 31_200), script_pubkey: anyone.clone() };
    let spent = Transaction::new(2, vec![input], vec![output], LockTime::ZERO);
    let root = hash::sha256d(&[&[0; 32][..], spent.wtxid().as_bytes()].concat());
    let commitment = hash::sha256d(&[root, [0; 32]].concat());
    let last = maker.with_transactions(tip, vec![core_coinbase(101, &anyone, commitment), spent]);
    give(&mut chain, &[last]);

    let stats = at(&chain, 101);
    let published = "97f341d4226cb4451dd9da2856759fb97659cfc238a0b8d5452e64af6032bd3d";
    assert_eq!(stats.coins.muhash.to_string(), published);
    assert_eq!(stats.coins.coins, 101);
    assert_eq!(stats.unspendable.unclaimed, Amount::from_sat(31_200));
    assert_eq!(walk(&chain), stats.coins);
}
