//! The digest of taproot signatures (BIP341, BIP342).

use cairn_primitives::hash::sha256;
use cairn_primitives::{Encode, Sink, Transaction, TxOut};

use super::Engine;
use super::common::{Common, hash_all};

/// Where in a tapscript a signature is checked; it commits to that (BIP342).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapscriptPosition {
    /// The hash of the leaf that runs ([`tapleaf_hash`](crate::tapleaf_hash)).
    pub leaf_hash: [u8; 32],
    /// Position of the last `OP_CODESEPARATOR` that ran, counted in instructions from 0; `u32::MAX` where none has.
    pub code_separator: u32,
}

/// Commit to all outputs, like [`ALL`], in a signature without a hash type byte.
const DEFAULT: u8 = 0;
/// Commit to all outputs.
const ALL: u8 = 1;
/// Commit to the output at the position of the input.
const SINGLE: u8 = 3;
/// The bits that choose the outputs.
const OUTPUTS: u8 = 3;
/// Set where only this input is committed to.
const ANYONE_CAN_PAY: u8 = 0x80;
/// The version of keys in tapscript (BIP342).
const KEY_VERSION: u8 = 0;

/// What all inputs share besides [`Common`].
pub(super) struct Shared {
    /// Has hashed the tag and the epoch, which is 0.
    start: Engine,
    amounts: [u8; 32],
    /// The scripts spent, with their lengths.
    scripts: [u8; 32],
    /// Hashed for all this.
    pub(super) bytes: u64,
}

impl Shared {
    pub(super) fn new(spent: &[&TxOut]) -> Self {
        let mut start = Engine::new();
        let tag = sha256(b"TapSighash");
        start.put(&tag);
        start.put(&tag);
        start.put(&[0]);
        let mut bytes = 0;
        let amounts =
            hash_all(spent, &mut bytes, |sink, output| sink.put(&output.value.to_sat().to_le_bytes()));
        let scripts = hash_all(spent, &mut bytes, |sink, output| output.script_pubkey.encode(sink));
        Self { start, amounts, scripts, bytes }
    }
}

/// The input that is signed.
pub(super) struct Signed<'a> {
    pub(super) tx: &'a Transaction,
    pub(super) input: usize,
    /// The output it spends.
    pub(super) spent: &'a TxOut,
    pub(super) annex_hash: Option<&'a [u8; 32]>,
    pub(super) position: Option<&'a TapscriptPosition>,
}

/// `None` for a type without meaning, and for one that commits to an output that is not there. `output` remembers the
/// hash of the output at the input's position. Source: BIP341, Core's `SignatureHashSchnorr`.
pub(super) fn digest(
    signed: &Signed<'_>,
    common: &Common,
    shared: &Shared,
    sighash_type: u8,
    output: &mut Option<[u8; 32]>,
) -> Option<[u8; 32]> {
    if !matches!(sighash_type, 0..=3 | 0x81..=0x83) {
        return None;
    }
    let Signed { tx, input, spent, annex_hash, position } = *signed;
    let outputs = if sighash_type == DEFAULT { ALL } else { sighash_type & OUTPUTS };
    let mut engine = shared.start.clone();
    engine.put(&[sighash_type]);
    engine.put(&tx.version().to_le_bytes());
    engine.put(&tx.lock_time().to_u32().to_le_bytes());
    if sighash_type & ANYONE_CAN_PAY == 0 {
        for hash in [&common.prevouts, &shared.amounts, &shared.scripts, &common.sequences] {
            engine.put(hash);
        }
    }
    if outputs == ALL {
        engine.put(&common.outputs);
    }
    engine.put(&[u8::from(position.is_some()) << 1 | u8::from(annex_hash.is_some())]);
    if sighash_type & ANYONE_CAN_PAY == 0 {
        let index = u32::try_from(input).expect("a transaction has fewer than 2^32 inputs");
        engine.put(&index.to_le_bytes());
    } else {
        tx.inputs()[input].previous.encode(&mut engine);
        spent.encode(&mut engine);
        engine.put(&tx.inputs()[input].sequence.to_u32().to_le_bytes());
    }
    if let Some(hash) = annex_hash {
        engine.put(hash);
    }
    if outputs == SINGLE {
        let at_input = tx.outputs().get(input)?;
        engine.put(
            output.get_or_insert_with(|| hash_all(&[at_input], &mut 0, |sink, output| output.encode(sink))),
        );
    }
    if let Some(position) = position {
        engine.put(&position.leaf_hash);
        engine.put(&[KEY_VERSION]);
        engine.put(&position.code_separator.to_le_bytes());
    }
    Some(engine.finish())
}
