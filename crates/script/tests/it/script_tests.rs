//! Bitcoin Core's `script_tests.json`: every row with the exact error it names.

use cairn_primitives::{
    Amount, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut, Witness, hex, op,
};
use cairn_script::{ScriptFlags, SighashCache};
use serde_json::Value;

use crate::common::{flags, json, verify_both};
use crate::text::parse;

struct Row {
    witness: Witness,
    amount: Amount,
    script_sig: Script,
    script_pubkey: Script,
    flags: ScriptFlags,
    expected: String,
}

impl Row {
    /// `[[witness…, amount]?, scriptSig, scriptPubKey, flags, expected, comment?]`; comments are shorter.
    fn read(row: &Value) -> Option<Self> {
        let fields = row.as_array().unwrap();
        if fields.len() < 4 {
            return None;
        }
        let (witness, fields) = match fields[0].as_array() {
            Some(witness) => (&witness[..], &fields[1..]),
            None => (&[][..], &fields[..]),
        };
        let (amount, items) = match witness.split_last() {
            Some((amount, items)) => (coins(amount.as_f64().unwrap()), items),
            None => (Amount::ZERO, witness),
        };
        let text = |at: usize| fields[at].as_str().unwrap();
        Some(Self {
            witness: Witness::new(
                items.iter().map(|item| hex::decode(item.as_str().unwrap()).unwrap()).collect(),
            ),
            amount,
            script_sig: parse(text(0)),
            script_pubkey: parse(text(1)),
            flags: flags(text(2)),
            expected: text(3).to_owned(),
        })
    }

    /// Runs the row as Core's test does: a transaction that pays to the script, and one that spends that.
    fn run(&self) -> &'static str {
        let output = TxOut { value: self.amount, script_pubkey: self.script_pubkey.clone() };
        let credit_input = TxIn {
            previous: OutPoint::NULL,
            script_sig: Script::from_bytes(vec![op::OP_0, op::OP_0]),
            sequence: Sequence::FINAL,
            witness: Witness::default(),
        };
        let credit = Transaction::new(1, vec![credit_input], vec![output.clone()], LockTime::ZERO);
        let input = TxIn {
            previous: OutPoint { txid: credit.txid(), vout: 0 },
            script_sig: self.script_sig.clone(),
            sequence: Sequence::FINAL,
            witness: self.witness.clone(),
        };
        let back = TxOut { value: self.amount, script_pubkey: Script::new() };
        let spend = Transaction::new(1, vec![input], vec![back], LockTime::ZERO);
        let cache = SighashCache::new(&spend, vec![&output]);
        verify_both(&cache, 0, self.flags).map_or_else(|error| error.code(), |()| "OK")
    }
}

/// Smallest units from a decimal number of coins with eight digits.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the data hold small non-negative numbers"
)]
fn coins(value: f64) -> Amount {
    Amount::from_sat((value * 1e8).round() as u64)
}

#[test]
fn script_vectors() {
    let Some(rows) = json("script_vectors", "vectors/core/script_tests.json") else { return };
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().filter_map(|row| Row::read(row).map(|test| (row, test))).collect();
    let mut passed = 0;
    for (row, test) in &rows {
        assert_eq!(test.run(), test.expected, "{row}");
        passed += 1;
    }
    assert_eq!(passed, 1207);
    println!("script_tests: {passed} of {}", rows.len());
}
