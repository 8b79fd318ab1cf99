//! Targets for the rules: nothing that decodes may make them panic.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cairn_consensus::{Connection, HeaderTree, connect};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Amount, Block, BlockTime, Coin, Decode, Height, Reader, Script, Transaction, TxOut};
use cairn_script::{ScriptFlags, SighashCache, verify};

use crate::bytes::script;
use crate::work::mined;

static SPEC: LazyLock<Arc<ChainSpec>> = LazyLock::new(|| Arc::new(presets::dev()));

/// A transaction, then the script of the one kind of coin that all its inputs spend. Before that, all of it as a script
/// that is taken apart and put together again.
pub fn spend(data: &[u8]) {
    script(data);
    let mut reader = Reader::new(data);
    let Ok(tx) = Transaction::decode(&mut reader) else { return };
    let script_pubkey = Script::from_bytes(data[reader.position()..].to_vec());
    let coin = TxOut { value: Amount::from_sat(1), script_pubkey };
    let cache = SighashCache::new(&tx, vec![&coin; tx.inputs().len()]);
    let consensus = ScriptFlags::P2SH
        | ScriptFlags::WITNESS
        | ScriptFlags::TAPROOT
        | ScriptFlags::DERSIG
        | ScriptFlags::CHECKLOCKTIMEVERIFY
        | ScriptFlags::CHECKSEQUENCEVERIFY
        | ScriptFlags::NULLDUMMY;
    for input in 0..=tx.inputs().len() {
        let strict = verify(&cache, input, consensus);
        // Every rule takes something away: what passes under all of them passes under none but P2SH.
        if strict.is_ok() {
            assert_eq!(verify(&cache, input, ScriptFlags::P2SH), Ok(()));
        }
    }
}

/// A block in place of the first, with its header mended and every coin it spends there. Whatever the
/// verdict, its error has a code, and a block that passes comes off again.
pub fn check_block(data: &[u8]) {
    let Ok(mut block) = Block::from_bytes(data) else { return };
    let mut tree = HeaderTree::new(Arc::clone(&SPEC));
    let genesis = *tree.header(tree.genesis());
    block.header.prev = tree.hash(tree.genesis());
    block.header.bits = genesis.bits;
    if block.header.time <= genesis.time {
        block.header.time = genesis.time.saturating_add(1);
    }
    block.header.merkle_root = block.merkle_root();
    block.header = mined(block.header);
    let coin = |value| {
        let output = TxOut { value: Amount::from_sat(value), script_pubkey: Script::from_bytes(vec![0x51]) };
        Coin { output, height: Height::new(0), coinbase: false }
    };
    let inputs = block.transactions.iter().flat_map(Transaction::inputs).map(|input| input.previous);
    let coins: HashMap<_, _> = inputs.map(|outpoint| (outpoint, coin(50_000))).collect();
    match connect_first(&mut tree, block.clone(), &coins) {
        Err(error) => assert!(!error.code().is_empty() && !error.to_string().is_empty()),
        Ok(connection) => {
            let undo = (**connection.undo()).clone();
            let delta = cairn_consensus::disconnect(&block, undo).expect("its own undo data fits");
            let mut after = coins.clone();
            connection.into_parts().0.apply(&mut after);
            delta.apply(&mut after);
            assert_eq!(after, coins);
        }
    }
}

fn connect_first(
    tree: &mut HeaderTree,
    block: Block,
    coins: &HashMap<cairn_primitives::OutPoint, Coin>,
) -> Result<Connection, cairn_consensus::BlockError> {
    let checked = Arc::new(cairn_consensus::check_block(block, &SPEC)?);
    let id = tree.insert(checked.block().header, BlockTime::new(u32::MAX))?.id;
    connect(tree, id, checked, coins)
}
