//! The digest of version 0 witnesses (BIP143).

use cairn_primitives::codec::put_var_bytes;
use cairn_primitives::hash::sha256d;
use cairn_primitives::{Amount, Encode, Sink, Transaction};

use super::common::Common;
use super::memo::{Class, Outputs};

/// Stands for what is not committed to.
const NOTHING: [u8; 32] = [0; 32];

/// Writes everything that is hashed but the hash type. `shared` holds the double hashes. Source: BIP143.
pub(super) fn put_message<S: Sink + ?Sized>(
    sink: &mut S,
    (tx, shared): (&Transaction, &Common),
    input: usize,
    value: Amount,
    script_code: &[u8],
    class: Class,
) {
    let signed = &tx.inputs()[input];
    let all_inputs = !class.anyone_can_pay;
    sink.put(&tx.version().to_le_bytes());
    sink.put(if all_inputs { &shared.prevouts } else { &NOTHING });
    let all_sequences = all_inputs && class.outputs == Outputs::All;
    sink.put(if all_sequences { &shared.sequences } else { &NOTHING });
    signed.previous.encode(sink);
    put_var_bytes(sink, script_code);
    sink.put(&value.to_sat().to_le_bytes());
    sink.put(&signed.sequence.to_u32().to_le_bytes());
    let outputs = match (class.outputs, tx.outputs().get(input)) {
        (Outputs::All, _) => shared.outputs,
        (Outputs::Single, Some(output)) => sha256d(&output.to_bytes()),
        (Outputs::Single, None) | (Outputs::None, _) => NOTHING,
    };
    sink.put(&outputs);
    sink.put(&tx.lock_time().to_u32().to_le_bytes());
}
