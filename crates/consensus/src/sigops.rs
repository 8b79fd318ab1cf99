//! The cost of signature operations.

use cairn_primitives::{Coin, Transaction};
use cairn_script::ScriptFlags;

use crate::tx::WITNESS_SCALE_FACTOR;

/// Signature operations in the scripts a transaction carries, each `OP_CHECKMULTISIG` counted as 20
/// whatever its keys (Core's `GetLegacySigOpCount`). Not scaled.
pub fn legacy_sigops(tx: &Transaction) -> u64 {
    let inputs = tx.inputs().iter().map(|input| &input.script_sig);
    let outputs = tx.outputs().iter().map(|output| &output.script_pubkey);
    inputs.chain(outputs).map(|script| u64::from(cairn_script::count_sigops(script.as_bytes(), false))).sum()
}

/// # Consensus
/// A signature operation costs 4 in a legacy or P2SH script and 1 in a witness script. `coins` holds
/// one coin for each input and is not looked at for a coinbase. Source: BIP141, Core's
/// `GetTransactionSigOpCost`.
pub fn sigop_cost(tx: &Transaction, coins: &[Coin], flags: ScriptFlags) -> u64 {
    let legacy = legacy_sigops(tx) * WITNESS_SCALE_FACTOR;
    if tx.is_coinbase() {
        return legacy;
    }
    let of_inputs = tx.inputs().iter().zip(coins).map(|(input, coin)| {
        let script_pubkey = &coin.output.script_pubkey;
        let p2sh = match flags.contains(ScriptFlags::P2SH) && script_pubkey.is_p2sh() {
            true => u64::from(cairn_script::p2sh_sigops(&input.script_sig)),
            false => 0,
        };
        let witness = cairn_script::witness_sigops(&input.script_sig, script_pubkey, &input.witness, flags);
        p2sh * WITNESS_SCALE_FACTOR + u64::from(witness)
    });
    legacy + of_inputs.sum::<u64>()
}
