//! Which transactions are standard.

use cairn_primitives::{Amount, Coin, Encode, Instruction, Script, ScriptKind, Transaction, TxIn, TxOut};
use cairn_script::p2sh_sigops;

use crate::policy::{
    BYTES_PER_SIGOP, MAX_BARE_MULTISIG_KEYS, MAX_DATA_SCRIPT, MAX_P2SH_SIGOPS, MAX_P2WSH_ITEMS,
    MAX_P2WSH_SCRIPT, MAX_SCRIPT_SIG, MAX_TX_VERSION, MAX_TX_WEIGHT, MAX_WITNESS_ITEM, MIN_TX_BASE_SIZE,
};
use crate::rate::SatPerKvb;
use crate::rejection::Rejection;

/// First byte of an annex (BIP341).
const ANNEX_TAG: u8 = 0x50;
/// Leaf version of tapscript, and the bits of a control block's first byte that hold it (BIP342).
const TAPSCRIPT_LEAF: u8 = 0xc0;
const LEAF_MASK: u8 = 0xfe;

/// Virtual bytes of a transaction: its weight or 20 for each unit of signature operation cost, whichever is more, over
/// four and rounded up (Core's `GetVirtualTransactionSize`).
pub fn virtual_size(tx: &Transaction, sigop_cost: u64) -> u64 {
    tx.weight().to_u64().max(sigop_cost.saturating_mul(BYTES_PER_SIGOP)).div_ceil(4)
}

/// The least value of an output that costs less to make and spend than it holds, at `rate`. Zero for outputs that can
/// never be spent. A witness program is taken to be spent by 67.75 bytes, everything else by 148 (Core's
/// `GetDustThreshold`).
pub fn dust_limit(output: &TxOut, rate: SatPerKvb) -> Amount {
    if output.script_pubkey.is_unspendable() {
        return Amount::ZERO;
    }
    let spend = match output.script_pubkey.witness_program() {
        Some(_) => 32 + 4 + 1 + 107 / 4 + 4,
        None => 32 + 4 + 1 + 107 + 4,
    };
    rate.fee(output.encoded_len() as u64 + spend)
}

/// Checks what can be said without the coins (Core's `IsStandardTx`, and the smallest size).
pub(crate) fn check_form(tx: &Transaction, dust_rate: SatPerKvb) -> Result<(), Rejection> {
    let version = tx.version() as u32;
    if !(1..=MAX_TX_VERSION).contains(&version) {
        return Err(Rejection::Version { got: version, limit: MAX_TX_VERSION });
    }
    let weight = tx.weight().to_u64();
    if weight > MAX_TX_WEIGHT {
        return Err(Rejection::Weight { got: weight, limit: MAX_TX_WEIGHT });
    }
    for (index, input) in tx.inputs().iter().enumerate() {
        check_script_sig(index, &input.script_sig)?;
    }
    check_outputs(tx, dust_rate)?;
    if tx.base_size() < MIN_TX_BASE_SIZE {
        return Err(Rejection::TooSmall { got: tx.base_size(), limit: MIN_TX_BASE_SIZE });
    }
    Ok(())
}

fn check_script_sig(index: usize, script: &Script) -> Result<(), Rejection> {
    if script.len() > MAX_SCRIPT_SIG {
        return Err(Rejection::ScriptSigSize { index, got: script.len(), limit: MAX_SCRIPT_SIG });
    }
    if !script.is_push_only() {
        return Err(Rejection::ScriptSigNotPushOnly { index });
    }
    Ok(())
}

/// Outputs have a known form and are worth spending; at most one carries data.
fn check_outputs(tx: &Transaction, dust_rate: SatPerKvb) -> Result<(), Rejection> {
    let mut data_outputs = 0;
    for (index, output) in tx.outputs().iter().enumerate() {
        let standard = match output.script_pubkey.kind() {
            ScriptKind::NonStandard => false,
            ScriptKind::Multisig { n, .. } => n <= MAX_BARE_MULTISIG_KEYS,
            ScriptKind::NullData => {
                data_outputs += 1;
                output.script_pubkey.len() <= MAX_DATA_SCRIPT
            }
            ScriptKind::P2pk
            | ScriptKind::P2pkh
            | ScriptKind::P2sh
            | ScriptKind::P2wpkh
            | ScriptKind::P2wsh
            | ScriptKind::P2tr
            | ScriptKind::P2a
            | ScriptKind::WitnessUnknown => true,
        };
        if !standard {
            return Err(Rejection::ScriptPubkey { index });
        }
        let limit = dust_limit(output, dust_rate);
        if output.value < limit {
            return Err(Rejection::Dust { index, got: output.value, limit });
        }
    }
    if data_outputs > 1 { Err(Rejection::MultiOpReturn { got: data_outputs }) } else { Ok(()) }
}

/// Checks the coins spent and the witnesses that spend them (Core's `AreInputsStandard` and `IsWitnessStandard`).
/// `coins` holds one coin for each input.
pub(crate) fn check_inputs(tx: &Transaction, coins: &[Coin]) -> Result<(), Rejection> {
    let spends = || tx.inputs().iter().zip(coins).map(|(input, coin)| (input, &coin.output.script_pubkey));
    if let Some(index) = spends().position(|(input, script)| !is_standard_spend(input, script)) {
        return Err(Rejection::NonstandardInput { index });
    }
    match spends().position(|(input, script)| !is_standard_witness(input, script)) {
        Some(index) => Err(Rejection::NonstandardWitness { index }),
        None => Ok(()),
    }
}

fn is_standard_spend(input: &TxIn, script_pubkey: &Script) -> bool {
    match script_pubkey.kind() {
        ScriptKind::NonStandard | ScriptKind::WitnessUnknown => false,
        ScriptKind::P2sh => p2sh_sigops(&input.script_sig) <= MAX_P2SH_SIGOPS,
        ScriptKind::P2pk
        | ScriptKind::P2pkh
        | ScriptKind::Multisig { .. }
        | ScriptKind::P2wpkh
        | ScriptKind::P2wsh
        | ScriptKind::P2tr
        | ScriptKind::P2a
        | ScriptKind::NullData => true,
    }
}

fn is_standard_witness(input: &TxIn, script_pubkey: &Script) -> bool {
    if input.witness.is_empty() {
        return true;
    }
    let redeem_script = script_pubkey.is_p2sh().then(|| last_push(&input.script_sig));
    let script = redeem_script.as_ref().unwrap_or(script_pubkey);
    match script.kind() {
        ScriptKind::P2wpkh | ScriptKind::WitnessUnknown => true,
        ScriptKind::P2wsh => is_standard_p2wsh(input),
        // Behind P2SH a version 1 program has no meaning (BIP341).
        ScriptKind::P2tr => redeem_script.is_some() || is_standard_taproot(input),
        // An anchor takes no witness; any other script cannot use one.
        ScriptKind::P2a
        | ScriptKind::P2pk
        | ScriptKind::P2pkh
        | ScriptKind::P2sh
        | ScriptKind::Multisig { .. }
        | ScriptKind::NullData
        | ScriptKind::NonStandard => false,
    }
}

fn is_standard_p2wsh(input: &TxIn) -> bool {
    let items = input.witness.len() - 1;
    let script = input.witness.last().map_or(0, <[u8]>::len);
    script <= MAX_P2WSH_SCRIPT
        && items <= MAX_P2WSH_ITEMS
        && input.witness.iter().take(items).all(|item| item.len() <= MAX_WITNESS_ITEM)
}

fn is_standard_taproot(input: &TxIn) -> bool {
    let items = input.witness.len();
    let last = input.witness.last().unwrap_or_default();
    if items < 2 {
        return true;
    }
    if last.first() == Some(&ANNEX_TAG) {
        return false;
    }
    match last.first() {
        None => false,
        Some(first) if first & LEAF_MASK == TAPSCRIPT_LEAF => {
            input.witness.iter().take(items - 2).all(|item| item.len() <= MAX_WITNESS_ITEM)
        }
        Some(_) => true,
    }
}

/// What the last instruction of an input script pushes; empty where it pushes a number or nothing.
pub(crate) fn last_push(script_sig: &Script) -> Script {
    match script_sig.instructions().last() {
        Some(Ok(Instruction::Push { data, .. })) => Script::from_bytes(data.to_vec()),
        _ => Script::new(),
    }
}
