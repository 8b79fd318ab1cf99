//! Every script of real blocks.

use std::collections::HashMap;

use cairn_primitives::{Amount, Block, Decode, OutPoint, Script, TxOut, hex};
use cairn_script::{ScriptFlags, SighashCache, verify};

use crate::common::{flags, read};

/// The rules in force: P2SH and the witness rules as today's nodes apply them from genesis, the others from their
/// heights (Core's `chainparams.cpp`: mainnet 363725, 388381, 419328, 481824; testnet3 330776, 581885, 770112, 834624).
const BLOCKS: [(&str, &str); 7] = [
    ("mainnet-000170", "P2SH,WITNESS,TAPROOT"),
    ("mainnet-057043", "P2SH,WITNESS,TAPROOT"),
    ("mainnet-277647", "P2SH,WITNESS,TAPROOT"),
    ("mainnet-300025", "P2SH,WITNESS,TAPROOT"),
    ("mainnet-403200", "P2SH,WITNESS,TAPROOT,DERSIG,CHECKLOCKTIMEVERIFY"),
    ("testnet3-0928828", "P2SH,WITNESS,TAPROOT,DERSIG,CHECKLOCKTIMEVERIFY,CHECKSEQUENCEVERIFY,NULLDUMMY"),
    ("testnet3-1087400", "P2SH,WITNESS,TAPROOT,DERSIG,CHECKLOCKTIMEVERIFY,CHECKSEQUENCEVERIFY,NULLDUMMY"),
];

/// The outputs in the text form of the data folder: txid, output, value, script, and what is not asked for here.
fn outputs(text: &str) -> HashMap<OutPoint, TxOut> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let outpoint = OutPoint { txid: fields[0].parse().unwrap(), vout: fields[1].parse().unwrap() };
            let script_pubkey = Script::from_bytes(hex::decode(fields[3]).unwrap());
            (outpoint, TxOut { value: Amount::from_sat(fields[2].parse().unwrap()), script_pubkey })
        })
        .collect()
}

fn check_block(block: &Block, mut known: HashMap<OutPoint, TxOut>, rules: ScriptFlags) -> usize {
    let mut inputs = 0;
    for tx in &block.transactions {
        if !tx.is_coinbase() {
            let spent = tx.inputs().iter().map(|input| &known[&input.previous]).collect();
            let cache = SighashCache::new(tx, spent);
            for input in 0..tx.inputs().len() {
                assert_eq!(verify(&cache, input, rules), Ok(()), "{} input {input}", tx.txid());
                inputs += 1;
            }
        }
        let made = (0..)
            .zip(tx.outputs())
            .map(|(vout, output)| (OutPoint { txid: tx.txid(), vout }, output.clone()));
        known.extend(made);
    }
    inputs
}

#[test]
fn scripts_of_real_blocks() {
    for (name, rules) in BLOCKS {
        let Some(bytes) = read("scripts_of_real_blocks", &format!("blocks/{name}.bin")) else { continue };
        let Some(spent) = read("scripts_of_real_blocks", &format!("blocks/{name}.prevouts.tsv")) else {
            continue;
        };
        let block = Block::from_bytes(&bytes).unwrap();
        let inputs = check_block(&block, outputs(str::from_utf8(&spent).unwrap()), flags(rules));
        println!("{name}: {inputs} inputs of {} transactions", block.transactions.len());
    }
}
