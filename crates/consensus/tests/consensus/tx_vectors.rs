//! Bitcoin Core's `tx_valid.json` and `tx_invalid.json`, whole: the rules of a transaction and its scripts.

use std::collections::HashMap;

use cairn_consensus::check_transaction;
use cairn_params::presets;
use cairn_primitives::{Decode, OutPoint, Transaction, TxOut, Txid, hex};
use cairn_script::{ScriptFlags, SighashCache, verify};
use serde_json::Value;

use crate::script_text::parse;
use crate::support::{data, sat};

/// What Core's tests name a row that is broken as a transaction, whatever its scripts.
const BROKEN_TX: &str = "BADTX";

struct Row {
    tx: Transaction,
    coins: HashMap<OutPoint, TxOut>,
    /// The script rules the row breaks (valid) or is refused under (invalid), or [`BROKEN_TX`].
    names: String,
}

/// The rows `[[[txid, output, script, amount?]…], transaction, rules]` of a file; comments are shorter.
fn rows(test: &str, file: &str) -> Option<Vec<Row>> {
    let json: Value = serde_json::from_slice(&data(test, file)?).expect("the file is JSON");
    let rows = json.as_array().unwrap().iter().filter(|row| row[0].is_array());
    Some(rows.map(read_row).collect())
}

fn read_row(row: &Value) -> Row {
    let bytes = hex::decode(row[1].as_str().unwrap()).unwrap();
    Row {
        tx: Transaction::from_bytes(&bytes).unwrap(),
        coins: row[0].as_array().unwrap().iter().map(read_coin).collect(),
        names: row[2].as_str().unwrap().to_owned(),
    }
}

fn read_coin(coin: &Value) -> (OutPoint, TxOut) {
    let txid: Txid = coin[0].as_str().unwrap().parse().unwrap();
    // -1 stands for the output that no transaction has.
    let vout = u32::try_from(coin[1].as_i64().unwrap() & 0xffff_ffff).unwrap();
    let value = sat(coin[3].as_u64().unwrap_or(0));
    (OutPoint { txid, vout }, TxOut { value, script_pubkey: parse(coin[2].as_str().unwrap()) })
}

fn flags(names: &str) -> ScriptFlags {
    let names = names.split(',').filter(|name| !matches!(*name, "" | "NONE"));
    names.map(|name| ScriptFlags::from_name(name).unwrap()).fold(ScriptFlags::NONE, |all, flag| all | flag)
}

impl Row {
    /// The first refusal of the transaction, then of its scripts.
    fn run(&self, flags: ScriptFlags) -> Result<(), &'static str> {
        check_transaction(&self.tx, &presets::bitcoin()).map_err(|error| error.code())?;
        self.run_scripts(flags)
    }

    fn run_scripts(&self, flags: ScriptFlags) -> Result<(), &'static str> {
        let inputs = self.tx.inputs();
        let spent = inputs.iter().map(|input| &self.coins[&input.previous]).collect();
        let cache = SighashCache::new(&self.tx, spent);
        (0..inputs.len()).try_for_each(|input| verify(&cache, input, flags).map_err(|error| error.code()))
    }
}

#[test]
fn core_tx_valid() {
    let Some(rows) = rows("core_tx_valid", "vectors/core/tx_valid.json") else { return };
    let mut passed = 0;
    for row in &rows {
        assert_eq!(row.run(ScriptFlags::ALL.without(flags(&row.names))), Ok(()), "{}", row.tx.txid());
        passed += 1;
    }
    println!("tx_valid: {passed} of {}", rows.len());
    assert_eq!(passed, 120);
}

#[test]
fn core_tx_invalid() {
    let Some(rows) = rows("core_tx_invalid", "vectors/core/tx_invalid.json") else { return };
    let (mut broken, mut refused) = (Vec::new(), 0);
    for row in &rows {
        if row.names == BROKEN_TX {
            broken.push(row.run(ScriptFlags::NONE).expect_err("broken as a transaction"));
        } else {
            let alone = check_transaction(&row.tx, &presets::bitcoin());
            assert_eq!(alone, Ok(()), "only its scripts are wrong: {}", row.tx.txid());
            assert!(row.run_scripts(flags(&row.names)).is_err(), "{}", row.tx.txid());
            refused += 1;
        }
    }
    println!(
        "tx_invalid: {} of {}, {} as transactions and {refused} for their scripts",
        broken.len() + refused,
        rows.len(),
        broken.len()
    );
    // The comments above these rows say what is wrong with them.
    let expected = [
        "bad-txns-vout-empty",
        "bad-txns-vout-negative",
        "bad-txns-vout-toolarge",
        "bad-txns-txouttotal-toolarge",
        "bad-txns-inputs-duplicate",
        "bad-cb-length",
        "bad-cb-length",
        "bad-txns-prevout-null",
        "bad-txns-prevout-null",
    ];
    assert_eq!((broken.as_slice(), refused), (expected.as_slice(), 84));
}
