//! Bitcoin Core's `tx_valid.json` and `tx_invalid.json`, the part of them that is about scripts.

use std::collections::HashMap;

use cairn_primitives::{Amount, OutPoint, Script, Transaction, TxOut, Txid};
use cairn_script::ScriptFlags;
use serde_json::Value;

use crate::common::{fill, flags, json, transaction, trim, verify_all};
use crate::text::parse;

struct Row {
    tx: Transaction,
    spent: Vec<TxOut>,
    names: String,
}

impl Row {
    /// `[[[txid, output, script, amount?]…], transaction, rules]`; comments are shorter.
    fn read(row: &Value) -> Option<Self> {
        let fields = row.as_array().unwrap();
        let inputs = fields[0].as_array()?;
        let coins: HashMap<OutPoint, TxOut> = inputs.iter().map(read_coin).collect();
        let tx = transaction(fields[1].as_str().unwrap());
        let names = fields[2].as_str().unwrap().to_owned();
        let spent = tx.inputs().iter().map(|input| coins[&input.previous].clone()).collect();
        Some(Self { tx, spent, names })
    }

    fn run(&self, set: ScriptFlags) -> Result<(), &'static str> {
        verify_all(&self.tx, &self.spent, set)
    }
}

fn read_coin(input: &Value) -> (OutPoint, TxOut) {
    let txid: Txid = input[0].as_str().unwrap().parse().unwrap();
    // -1 stands for the output that no transaction has.
    let vout = u32::try_from(input[1].as_i64().unwrap() & 0xffff_ffff).unwrap();
    let value = Amount::from_sat(input[3].as_u64().unwrap_or(0));
    let script_pubkey: Script = parse(input[2].as_str().unwrap());
    (OutPoint { txid, vout }, TxOut { value, script_pubkey })
}

/// Every rule on its own.
fn each_rule() -> impl Iterator<Item = ScriptFlags> {
    ScriptFlags::ALL.names().map(|name| ScriptFlags::from_name(name).unwrap())
}

#[test]
fn valid_transactions() {
    let Some(rows) = json("valid_transactions", "vectors/core/tx_valid.json") else { return };
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().filter_map(|row| Row::read(row).map(|test| (row, test))).collect();
    let mut passed = 0;
    for (row, test) in &rows {
        // The row names the rules it breaks.
        let broken = flags(&test.names);
        let kept = ScriptFlags::ALL.without(broken);
        assert_eq!(test.run(kept), Ok(()), "{row}");
        for rule in each_rule() {
            assert_eq!(test.run(trim(kept.without(rule))), Ok(()), "without {rule:?}: {row}");
            let more = kept | rule;
            if broken.contains(rule) && fill(more) == more {
                assert!(test.run(more).is_err(), "with {rule:?}: {row}");
            }
        }
        passed += 1;
    }
    assert_eq!(passed, 120);
    println!("tx_valid: {passed} of {}", rows.len());
}

#[test]
fn invalid_transactions() {
    let Some(rows) = json("invalid_transactions", "vectors/core/tx_invalid.json") else { return };
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().filter_map(|row| Row::read(row).map(|test| (row, test))).collect();
    let (mut passed, mut not_scripts) = (0, 0);
    for (row, test) in &rows {
        if test.names == "BADTX" {
            // Broken as a transaction, which scripts know nothing of.
            not_scripts += 1;
            continue;
        }
        let set = flags(&test.names);
        assert_eq!(fill(set), set, "{row}");
        assert!(test.run(set).is_err(), "{row}");
        for rule in each_rule() {
            assert!(test.run(fill(set | rule)).is_err(), "with {rule:?}: {row}");
            let less = trim(set.without(rule));
            if less != set {
                assert_eq!(test.run(less), Ok(()), "without {rule:?}: {row}");
            }
        }
        passed += 1;
    }
    assert_eq!(passed + not_scripts, 93);
    println!("tx_invalid: {passed} of {}, {not_scripts} are not about scripts", rows.len());
}
