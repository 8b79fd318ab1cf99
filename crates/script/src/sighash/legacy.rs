//! The digest of the first script version.

use cairn_primitives::codec::put_compact_size;
use cairn_primitives::{Encode, Sink, Transaction};

use super::memo::{Class, Outputs};
use crate::script_code::put_without_separators;

/// What is signed where the one output to be signed does not exist: the number one, little-endian. Not a hash, so
/// such a signature holds for any transaction; coins were lost to it.
pub(super) const ONE: [u8; 32] = {
    let mut one = [0; 32];
    one[0] = 1;
    one
};

/// Whether the type commits to the output at the input's position and there is none.
pub(super) fn commits_to_missing_output(tx: &Transaction, input: usize, class: Class) -> bool {
    class.outputs == Outputs::Single && input >= tx.outputs().len()
}

/// Writes everything that is hashed but the hash type. Source: Core's `CTransactionSignatureSerializer`.
pub(super) fn put_message<S: Sink + ?Sized>(
    sink: &mut S,
    tx: &Transaction,
    input: usize,
    script_code: &[u8],
    class: Class,
) {
    sink.put(&tx.version().to_le_bytes());
    put_inputs(sink, tx, input, script_code, class);
    put_outputs(sink, tx, input, class);
    sink.put(&tx.lock_time().to_u32().to_le_bytes());
}

fn put_inputs<S: Sink + ?Sized>(
    sink: &mut S,
    tx: &Transaction,
    input: usize,
    script_code: &[u8],
    class: Class,
) {
    let put_signed = |sink: &mut S| {
        let signed = &tx.inputs()[input];
        signed.previous.encode(sink);
        put_without_separators(sink, script_code);
        sink.put(&signed.sequence.to_u32().to_le_bytes());
    };
    if class.anyone_can_pay {
        put_compact_size(sink, 1);
        put_signed(sink);
        return;
    }
    put_compact_size(sink, tx.inputs().len() as u64);
    for (at, other) in tx.inputs().iter().enumerate() {
        if at == input {
            put_signed(sink);
            continue;
        }
        // Outpoint, an empty script, and the sequence number unless others may change it.
        let sequence = if class.outputs == Outputs::All { other.sequence.to_u32() } else { 0 };
        let mut blank = [0; 41];
        blank[..32].copy_from_slice(other.previous.txid.as_bytes());
        blank[32..36].copy_from_slice(&other.previous.vout.to_le_bytes());
        blank[37..].copy_from_slice(&sequence.to_le_bytes());
        sink.put(&blank);
    }
}

fn put_outputs<S: Sink + ?Sized>(sink: &mut S, tx: &Transaction, input: usize, class: Class) {
    match class.outputs {
        Outputs::None => put_compact_size(sink, 0),
        Outputs::All => {
            put_compact_size(sink, tx.outputs().len() as u64);
            tx.outputs().iter().for_each(|output| output.encode(sink));
        }
        Outputs::Single => {
            put_compact_size(sink, input as u64 + 1);
            for _ in 0..input {
                // An output that may change: value -1 and an empty script.
                sink.put(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
            }
            tx.outputs()[input].encode(sink);
        }
    }
}
