//! What the answers say of real blocks.

use std::collections::HashMap;
use std::path::PathBuf;

use cairn_primitives::{
    Amount, Block, CompactTarget, Decode, Header, Height, MerkleRoot, OutPoint, Script, Transaction, TxOut,
    hex, merkle,
};
use cairn_rpc::{BlockHeader, BlockSummary, TxInfo, TxProof, TxStatus};

use crate::fake::notation;

/// A file of the shared test data; says which test is skipped where it is missing.
fn data(test: &str, name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = root.join("blocks").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: {test} needs {}", path.display());
    }
    bytes
}

fn prevouts(text: &str) -> HashMap<OutPoint, TxOut> {
    let mut spent = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap();
        let outpoint = OutPoint { txid: cell().parse().unwrap(), vout: cell().parse().unwrap() };
        let value = Amount::from_sat(cell().parse().unwrap());
        let script_pubkey = Script::from_bytes(hex::decode(cell()).unwrap());
        spent.insert(outpoint, TxOut { value, script_pubkey });
    }
    spent
}

fn infos(block: &Block, mut spent: HashMap<OutPoint, TxOut>) -> Vec<TxInfo> {
    for tx in &block.transactions {
        for (vout, output) in tx.outputs().iter().enumerate() {
            spent.insert(OutPoint { txid: tx.txid(), vout: vout as u32 }, output.clone());
        }
    }
    let info = |tx: &Transaction| {
        let spent_by = |i: usize| spent.get(&tx.inputs()[i].previous);
        TxInfo::new(tx, spent_by, TxStatus::UNCONFIRMED, &notation())
    };
    block.transactions.iter().map(info).collect()
}

#[test]
fn the_first_payment_reads_as_it_was() {
    let test = "the_first_payment_reads_as_it_was";
    let (Some(block), Some(spent)) =
        (data(test, "mainnet-000170.bin"), data(test, "mainnet-000170.prevouts.tsv"))
    else {
        return;
    };
    let block = <Block as Decode>::from_bytes(&block).unwrap();
    let infos = infos(&block, prevouts(std::str::from_utf8(&spent).unwrap()));
    let payment = &infos[1];
    assert_eq!(payment.txid.to_string(), "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16");
    assert_eq!(payment.inputs[0].value, Some(Amount::from_sat(5_000_000_000)));
    let values: Vec<u64> = payment.outputs.iter().map(|output| output.value.to_sat()).collect();
    assert_eq!(values, [1_000_000_000, 4_000_000_000]);
    assert_eq!(payment.outputs[1].coins.value.to_string(), "40.00000000");
    assert_eq!(
        (payment.fee, payment.size, payment.outputs[0].kind.as_str()),
        (Some(Amount::ZERO), 275, "pubkey")
    );
    assert_eq!((infos[0].is_coinbase, infos[0].fee), (true, None));
    let summary = BlockSummary::new(&block, Height::new(170), 1, &notation());
    assert_eq!(summary.hash.to_string(), "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee");
    assert_eq!((summary.tx_count, summary.size), (2, 490));
}

#[test]
fn the_fees_of_a_full_block_are_what_its_miner_took() {
    let test = "the_fees_of_a_full_block_are_what_its_miner_took";
    let (Some(bytes), Some(spent)) =
        (data(test, "mainnet-403200.bin"), data(test, "mainnet-403200.prevouts.tsv"))
    else {
        return;
    };
    let block = <Block as Decode>::from_bytes(&bytes).unwrap();
    let infos = infos(&block, prevouts(std::str::from_utf8(&spent).unwrap()));
    let fees = Amount::checked_sum(infos[1..].iter().map(|info| info.fee.unwrap())).unwrap();
    let taken = Amount::checked_sum(infos[0].outputs.iter().map(|output| output.value)).unwrap();
    // 25 coins a block from height 210,000 to 419,999.
    assert_eq!(taken.checked_sub(fees), Some(Amount::from_sat(2_500_000_000)));
    assert_eq!(BlockSummary::new(&block, Height::new(403_200), 1, &notation()).size, bytes.len() as u64);
    for pos in (0..block.transactions.len()).step_by(97) {
        let proof = TxProof::new(&block, pos).unwrap();
        let branch: Vec<[u8; 32]> = proof.merkle.iter().map(|hash| hash.to_bytes()).collect();
        let root = merkle::root_from_branch(block.transactions[pos].txid().to_bytes(), &branch, pos);
        assert_eq!(MerkleRoot::from_bytes(root), block.header.merkle_root);
    }
    assert_eq!(TxProof::new(&block, block.transactions.len()), None);
}

#[test]
fn difficulty_is_the_limit_over_the_target() {
    let genesis = hex::decode(&crate::fake::GENESIS[..160]).unwrap();
    let header = <Header as Decode>::from_bytes(&genesis).unwrap();
    assert!((BlockHeader::new(&header, &notation()).difficulty - 1.0).abs() < 1e-12);
    // The worked example of the Bitcoin wiki's page on difficulty.
    let harder = Header { bits: CompactTarget::from_bits(0x1b04_04cb), ..header };
    let shown = BlockHeader::new(&harder, &notation());
    assert!((shown.difficulty - 16_307.420_938_523_983).abs() < 1e-6, "{}", shown.difficulty);
    assert_eq!((shown.bits, shown.bits_hex.to_string().as_str()), (0x1b04_04cb, "1b0404cb"));
    let impossible = Header { bits: CompactTarget::from_bits(0), ..header };
    assert!(BlockHeader::new(&impossible, &notation()).difficulty.abs() < 1e-12);
}
