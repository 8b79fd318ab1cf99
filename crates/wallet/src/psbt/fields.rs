//! The fields of BIP174 and BIP371, and the form each must have.

use cairn_crypto::{PublicKey, XOnlyPublicKey};
use cairn_primitives::{Decode, LockTime, Reader, Transaction, TxIn, TxOut, Witness};

use super::error::{PsbtError, PsbtPart};
use super::map::Map;

pub(super) const GLOBAL_TX: u8 = 0x00;
const GLOBAL_XPUB: u8 = 0x01;
const GLOBAL_VERSION: u8 = 0xfb;

pub(super) const IN_PREVIOUS: u8 = 0x00;
pub(super) const IN_COIN: u8 = 0x01;
const IN_PARTIAL_SIG: u8 = 0x02;
pub(super) const IN_SIGHASH: u8 = 0x03;
const IN_REDEEM_SCRIPT: u8 = 0x04;
const IN_WITNESS_SCRIPT: u8 = 0x05;
pub(super) const IN_PATH: u8 = 0x06;
const IN_FINAL_SCRIPT: u8 = 0x07;
const IN_FINAL_WITNESS: u8 = 0x08;
const IN_TAP_KEY_SIG: u8 = 0x13;
const IN_TAP_SCRIPT_SIG: u8 = 0x14;
const IN_TAP_LEAF: u8 = 0x15;
pub(super) const IN_TAP_PATH: u8 = 0x16;
pub(super) const IN_TAP_KEY: u8 = 0x17;
const IN_TAP_ROOT: u8 = 0x18;

const OUT_REDEEM_SCRIPT: u8 = 0x00;
const OUT_WITNESS_SCRIPT: u8 = 0x01;
pub(super) const OUT_PATH: u8 = 0x02;
pub(super) const OUT_TAP_KEY: u8 = 0x05;
const OUT_TAP_TREE: u8 = 0x06;
pub(super) const OUT_TAP_PATH: u8 = 0x07;

/// An extended public key without its checksum (BIP32).
const XPUB_LEN: usize = 78;
/// A control block without a path, a step of its path, and most steps (BIP341).
const CONTROL_BASE: usize = 33;
const CONTROL_STEP: usize = 32;
const CONTROL_STEPS: usize = 128;

/// The version this is.
pub(super) const VERSION: u32 = 0;

/// Which form a field breaks.
enum Broken {
    Key,
    Value,
}

/// Checks every known field of a map. Unknown ones may be anything.
pub(super) fn check(map: &Map, part: PsbtPart) -> Result<(), PsbtError> {
    for pair in map.typed() {
        let (kind, key, value) = pair?;
        let Ok(short) = u8::try_from(kind) else { continue };
        let checked = match part {
            PsbtPart::Global => check_global(short, key, value)?,
            PsbtPart::Input(_) => check_input(short, key, value),
            PsbtPart::Output(_) => check_output(short, key, value),
        };
        match checked {
            Ok(()) => (),
            Err(Broken::Key) => return Err(PsbtError::Key { part, kind }),
            Err(Broken::Value) => return Err(PsbtError::Value { part, kind }),
        }
    }
    Ok(())
}

fn check_global(kind: u8, key: &[u8], value: &[u8]) -> Result<Result<(), Broken>, PsbtError> {
    Ok(match kind {
        GLOBAL_TX => no_key(key),
        GLOBAL_XPUB => key_if(key.len() == XPUB_LEN).and_then(|()| value_if(is_path(value))),
        GLOBAL_VERSION => match (key, value.first_chunk()) {
            ([], Some(bytes)) if value.len() == 4 => match u32::from_le_bytes(*bytes) {
                VERSION => Ok(()),
                got => return Err(PsbtError::Version { got, expected: VERSION }),
            },
            ([], _) => Err(Broken::Value),
            _ => Err(Broken::Key),
        },
        _ => Ok(()),
    })
}

fn check_input(kind: u8, key: &[u8], value: &[u8]) -> Result<(), Broken> {
    match kind {
        IN_PREVIOUS => no_key(key).and_then(|()| value_if(is::<Transaction>(value))),
        IN_COIN => no_key(key).and_then(|()| value_if(is::<TxOut>(value))),
        IN_PARTIAL_SIG => key_if(is_public_key(key)).and_then(|()| value_if((9..=73).contains(&value.len()))),
        IN_SIGHASH => no_key(key).and_then(|()| value_if(value.len() == 4)),
        IN_REDEEM_SCRIPT | IN_WITNESS_SCRIPT | IN_FINAL_SCRIPT => no_key(key),
        IN_FINAL_WITNESS => no_key(key).and_then(|()| value_if(is::<Witness>(value))),
        IN_PATH => key_if(is_public_key(key)).and_then(|()| value_if(is_path(value))),
        IN_TAP_KEY_SIG => no_key(key).and_then(|()| value_if(is_schnorr(value))),
        IN_TAP_SCRIPT_SIG => key_if(key.len() == 64).and_then(|()| value_if(is_schnorr(value))),
        IN_TAP_LEAF => key_if(is_control(key)).and_then(|()| value_if(!value.is_empty())),
        IN_TAP_PATH => key_if(is_x_only(key)).and_then(|()| value_if(tap_path(value).is_some())),
        IN_TAP_KEY => no_key(key).and_then(|()| value_if(value.len() == 32)),
        IN_TAP_ROOT => no_key(key).and_then(|()| value_if(value.len() == 32)),
        _ => Ok(()),
    }
}

fn check_output(kind: u8, key: &[u8], value: &[u8]) -> Result<(), Broken> {
    match kind {
        OUT_REDEEM_SCRIPT | OUT_WITNESS_SCRIPT => no_key(key),
        OUT_PATH => key_if(is_public_key(key)).and_then(|()| value_if(is_path(value))),
        OUT_TAP_KEY => no_key(key).and_then(|()| value_if(value.len() == 32)),
        OUT_TAP_TREE => no_key(key).and_then(|()| value_if(!value.is_empty())),
        OUT_TAP_PATH => key_if(is_x_only(key)).and_then(|()| value_if(tap_path(value).is_some())),
        _ => Ok(()),
    }
}

/// Reads the unsigned transaction: the form without witnesses, also where there are no inputs.
pub(super) fn unsigned_tx(bytes: &[u8]) -> Result<Transaction, PsbtError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i32_le()?;
    let inputs: Vec<TxIn> = reader.list(TxIn::MIN_SIZE, bytes.len())?;
    let outputs: Vec<TxOut> = reader.list(TxOut::MIN_SIZE, bytes.len())?;
    let lock_time = LockTime::new(reader.u32_le()?);
    reader.finish()?;
    match inputs.iter().position(|input| !input.script_sig.is_empty()) {
        Some(index) => Err(PsbtError::SignedTransaction { index }),
        None => Ok(Transaction::new(version, inputs, outputs, lock_time)),
    }
}

/// Fingerprint and steps of a key path.
pub(super) fn path(value: &[u8]) -> Option<([u8; 4], Vec<u32>)> {
    let (fingerprint, steps) = value.split_first_chunk::<4>()?;
    let (steps, []) = steps.as_chunks::<4>() else { return None };
    Some((*fingerprint, steps.iter().map(|step| u32::from_le_bytes(*step)).collect()))
}

/// Fingerprint and steps of the key path of a taproot key, behind the leaves it stands in.
pub(super) fn tap_path(value: &[u8]) -> Option<([u8; 4], Vec<u32>)> {
    let mut reader = Reader::new(value);
    let leaves = reader.list_len(32, value.len()).ok()?;
    reader.take(leaves * 32).ok()?;
    path(&value[reader.position()..])
}

fn is_path(value: &[u8]) -> bool {
    path(value).is_some()
}

fn is<T: Decode>(value: &[u8]) -> bool {
    T::from_bytes(value).is_ok()
}

fn is_public_key(key: &[u8]) -> bool {
    PublicKey::from_slice(key).is_ok()
}

fn is_x_only(key: &[u8]) -> bool {
    key.try_into().is_ok_and(|bytes| XOnlyPublicKey::from_bytes(bytes).is_ok())
}

fn is_schnorr(value: &[u8]) -> bool {
    matches!(value.len(), 64 | 65)
}

fn is_control(key: &[u8]) -> bool {
    let steps = key.len().checked_sub(CONTROL_BASE);
    steps.is_some_and(|len| len.is_multiple_of(CONTROL_STEP) && len / CONTROL_STEP <= CONTROL_STEPS)
}

fn no_key(key: &[u8]) -> Result<(), Broken> {
    key_if(key.is_empty())
}

fn key_if(fits: bool) -> Result<(), Broken> {
    if fits { Ok(()) } else { Err(Broken::Key) }
}

fn value_if(fits: bool) -> Result<(), Broken> {
    if fits { Ok(()) } else { Err(Broken::Value) }
}
