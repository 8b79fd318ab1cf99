//! Good examples for each target to start from.

use std::sync::Arc;

use cairn_consensus::{TxUndo, Undo};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::wif::WifKey;
use cairn_primitives::{Address, Amount, Encode, Script, Transaction, TxIn, Witness, hash, op};
use cairn_testkit::{Forge, Spend, TestKey};

use crate::grown;

/// Seeds of the target with this name; none for an unknown name.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "transaction" => transactions().iter().map(Encode::to_bytes).collect(),
        "block" | "check_block" => blocks().iter().map(Encode::to_bytes).collect(),
        "spec" => specs(),
        "values" => [compact_bits(), signatures(), keys(), texts(), addresses()].concat(),
        "spend" => [spends(), scripts()].concat(),
        "message" => grown::messages(&blocks()),
        "saved" => [grown::saved(&transactions()), undos()].concat(),
        "psbt" => grown::psbts(),
        "wallet" => grown::wallets(),
        "import" => imports(),
        "oracle" => grown::cases(),
        _ => Vec::new(),
    }
}

fn key() -> TestKey {
    TestKey::new(1)
}

/// A chain whose last block spends a coin of each kind that the testkit signs, and one by witness.
fn chain() -> (Forge, cairn_primitives::BlockHash) {
    let mut forge = Forge::new(Arc::new(presets::dev()));
    let anyone = vec![op::OP_1];
    let kinds = [key().p2pkh(), key().p2pk(), Script::p2wsh(hash::sha256(&anyone))];
    let tip = kinds.iter().fold(forge.genesis(), |tip, script| forge.extend(tip, 1, script));
    let tip = forge.extend(tip, forge.spec().limits.coinbase_maturity as usize, &key().p2pk());
    let mut draft = forge.draft(tip).pay_to(key().p2pkh());
    for script in &kinds {
        let (outpoint, coin) = forge.spendable(tip, script).remove(0);
        let value = coin.output.value;
        let spend = Spend::new()
            .from(outpoint, coin)
            .to(value, key().p2pkh())
            .to(Amount::ZERO, Script::op_return(b"seed"));
        let mut tx = spend.sign(&key());
        if script.witness_program().is_some() {
            let (version, inputs, outputs, lock_time) = tx.into_parts();
            let with_witness = |input| TxIn { witness: Witness::new(vec![anyone.clone()]), ..input };
            tx =
                Transaction::new(version, inputs.into_iter().map(with_witness).collect(), outputs, lock_time);
        }
        draft = draft.add(tx, Amount::ZERO);
    }
    let block = draft.seal();
    let tip = forge.accept(block).expect("the forge builds valid blocks");
    (forge, tip)
}

fn blocks() -> Vec<cairn_primitives::Block> {
    let (forge, tip) = chain();
    let blocks = forge.chain(tip);
    vec![forge.spec().genesis_block(), blocks[0].clone(), blocks[blocks.len() - 1].clone()]
}

fn transactions() -> Vec<Transaction> {
    blocks().into_iter().flat_map(|block| block.transactions).collect()
}

fn scripts() -> Vec<Vec<u8>> {
    let keys = [key(), TestKey::new(2)];
    let mut scripts: Vec<Vec<u8>> = transactions()
        .iter()
        .flat_map(|tx| {
            let unlocking = tx.inputs().iter().map(|input| input.script_sig.as_bytes().to_vec());
            let locking = tx.outputs().iter().map(|output| output.script_pubkey.as_bytes().to_vec());
            unlocking.chain(locking).collect::<Vec<_>>()
        })
        .collect();
    scripts
        .push(Script::multisig(1, &keys.each_ref().map(|key| key.public().as_slice())).as_bytes().to_vec());
    scripts.push(Script::p2sh(key().key_hash()).as_bytes().to_vec());
    scripts.push(Script::p2tr([7; 32]).as_bytes().to_vec());
    scripts.push([&[op::OP_PUSHDATA2, 0, 1], [9; 256].as_slice(), &[op::OP_DROP]].concat());
    scripts.push(vec![op::OP_IF, op::OP_ELSE, op::OP_ENDIF, op::OP_PUSHDATA4, 1]);
    scripts
}

fn compact_bits() -> Vec<Vec<u8>> {
    let bits = [0x1d00_ffff_u32, 0x207f_ffff, 0x0300_0001, 0x0180_0000, 0x2200_0001];
    bits.map(|bits| bits.to_le_bytes().to_vec()).to_vec()
}

fn texts() -> Vec<Vec<u8>> {
    let genesis = presets::bitcoin().genesis_block();
    let txid = genesis.transactions[0].txid();
    let bits = genesis.header.bits;
    let work = bits.to_target().map(|target| target.to_work().to_string()).unwrap_or_default();
    let mut texts = vec![genesis.hash().to_string(), format!("{txid}:0"), bits.to_string(), work];
    texts.push(key().key_hash().to_string());
    texts.push(cairn_primitives::base58::encode_check(b"\x00seed"));
    texts.into_iter().map(String::into_bytes).collect()
}

fn addresses() -> Vec<Vec<u8>> {
    let scripts = [
        key().p2pkh(),
        Script::p2sh(key().key_hash()),
        Script::p2wpkh(key().key_hash()),
        Script::p2tr([2; 32]),
    ];
    let mut texts = Vec::new();
    for name in presets::NAMES {
        let prefixes = ChainSpec::preset(name).expect("a preset's name").address;
        let addresses = scripts.iter().filter_map(Address::from_script);
        texts.extend(addresses.map(|address| address.encode(&prefixes)));
        texts.push(WifKey::new([1; 32], true).encode(&prefixes));
        texts.push(WifKey::new([1; 32], false).encode(&prefixes));
    }
    texts.into_iter().map(String::into_bytes).collect()
}

fn specs() -> Vec<Vec<u8>> {
    let presets =
        presets::NAMES.iter().map(|name| ChainSpec::preset(name).expect("a preset's name").to_toml());
    let short = "extends = \"dev\"\n\n[chain]\nname = \"pebble\"\nticker = \"PEB\"\n".to_owned();
    presets.chain([short]).map(String::into_bytes).collect()
}

fn undos() -> Vec<Vec<u8>> {
    let (forge, tip) = chain();
    let coins: Vec<_> = forge.coins(tip).values().take(4).cloned().collect();
    let undo = Undo { txs: vec![TxUndo { coins: coins[..1].to_vec() }, TxUndo { coins }] };
    [undo, Undo::default()].map(|undo| [vec![3], undo.to_bytes()].concat()).to_vec()
}

fn imports() -> Vec<Vec<u8>> {
    let (forge, tip) = chain();
    let blocks: Vec<_> = forge.chain(tip).into_iter().cloned().collect();
    grown::imports(&blocks)
}

fn signatures() -> Vec<Vec<u8>> {
    let der = key().secret().sign_ecdsa(&[7; 32]).to_der();
    let schnorr = key().secret().sign_schnorr(b"seed", &[0; 32]).to_bytes().to_vec();
    // A length written in two bytes, which only the lax parser takes.
    let lax = [&[0x30, 0x81, der[1]], &der[2..]].concat();
    vec![der, lax, schnorr]
}

fn keys() -> Vec<Vec<u8>> {
    let public = key().secret().public_key();
    let full = public.to_uncompressed();
    let mut hybrid = full;
    hybrid[0] = 6 | (full[64] & 1);
    vec![
        public.to_compressed().to_vec(),
        full.to_vec(),
        hybrid.to_vec(),
        public.to_x_only().0.to_bytes().to_vec(),
    ]
}

fn spends() -> Vec<Vec<u8>> {
    let locking =
        [key().p2pkh(), key().p2pk(), Script::p2wsh(hash::sha256(&[op::OP_1])), Script::p2tr([2; 32])];
    let with_each =
        |tx: &Transaction| locking.clone().map(|script| [&tx.to_bytes(), script.as_bytes()].concat());
    transactions().iter().flat_map(with_each).collect()
}
