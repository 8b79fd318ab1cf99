//! A transaction with its ids and sizes.

use std::ops::Range;

use super::{TxIn, TxOut, Witness};
use crate::codec::{self, MAX_SIZE};
use crate::hash::{self, Sha256Engine};
use crate::{Decode, DecodeError, Encode, LockTime, Reader, Sink, Txid, Weight, Wtxid};

/// Bytes of the version at the front, and of the lock time at the back.
const WORD: usize = 4;
/// What stands between version and inputs when witnesses follow: an input count of zero, then the flags (BIP144).
const MARKER_AND_FLAG: [u8; 2] = [0, WITNESS_FLAG];
/// The flag that says witnesses follow the outputs; no other is known.
const WITNESS_FLAG: u8 = 1;

/// A transaction. Its parts cannot be changed, and its ids and sizes were computed once, when it was made.
///
/// It is encoded with its witnesses when it has any (BIP144), else in the base form; decoding accepts the same two
/// forms as Core. A transaction without inputs but with outputs can be built and encoded, yet its bytes read as
/// the front of a witness form: Core's format has that same hole, and no valid transaction lacks inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    version: i32,
    inputs: Vec<TxIn>,
    outputs: Vec<TxOut>,
    lock_time: LockTime,
    measured: Measured,
}

/// What the bytes of a transaction give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measured {
    txid: Txid,
    wtxid: Wtxid,
    base_size: usize,
    total_size: usize,
}

impl Measured {
    /// Hashes `bytes`, a whole encoded transaction. `witness` is where its witnesses stand, if it has the form
    /// with witnesses; the base form is then all but them and the marker and flag.
    fn new(bytes: &[u8], witness: Option<Range<usize>>) -> Self {
        let whole = hash::sha256d(bytes);
        let total_size = bytes.len();
        let Some(witness) = witness else {
            return Self {
                txid: Txid::from_bytes(whole),
                wtxid: Wtxid::from_bytes(whole),
                base_size: total_size,
                total_size,
            };
        };
        let mut engine = Sha256Engine::new();
        engine.put(&bytes[..WORD]);
        engine.put(&bytes[WORD + MARKER_AND_FLAG.len()..witness.start]);
        engine.put(&bytes[witness.end..]);
        Self {
            txid: Txid::from_bytes(engine.finish_double()),
            wtxid: Wtxid::from_bytes(whole),
            base_size: total_size - MARKER_AND_FLAG.len() - witness.len(),
            total_size,
        }
    }
}

impl Transaction {
    /// The least number of bytes an encoded transaction takes: no input and no output.
    pub const MIN_SIZE: usize = WORD + 1 + 1 + WORD;

    /// A transaction of these parts.
    pub fn new(version: i32, inputs: Vec<TxIn>, outputs: Vec<TxOut>, lock_time: LockTime) -> Self {
        let parts = Parts { version, inputs: &inputs, outputs: &outputs, lock_time };
        let with_witnesses = inputs.iter().any(|input| !input.witness.is_empty());
        let mut bytes = Vec::new();
        parts.put(&mut bytes, with_witnesses);
        let witness = with_witnesses.then(|| {
            let end = bytes.len() - WORD;
            let length: usize = inputs.iter().map(|input| input.witness.encoded_len()).sum();
            end - length..end
        });
        let measured = Measured::new(&bytes, witness);
        Self { version, inputs, outputs, lock_time, measured }
    }

    /// The version, as Bitcoin's signed number.
    pub const fn version(&self) -> i32 {
        self.version
    }

    /// The inputs, in order.
    pub fn inputs(&self) -> &[TxIn] {
        &self.inputs
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> &[TxOut] {
        &self.outputs
    }

    /// The lock time.
    pub const fn lock_time(&self) -> LockTime {
        self.lock_time
    }

    /// The hash of the base form.
    pub const fn txid(&self) -> Txid {
        self.measured.txid
    }

    /// The hash of the form with witnesses (BIP141); the txid's bytes when there are none.
    pub const fn wtxid(&self) -> Wtxid {
        self.measured.wtxid
    }

    /// Length of the base form in bytes.
    pub const fn base_size(&self) -> usize {
        self.measured.base_size
    }

    /// Encoded length in bytes, with witnesses.
    pub const fn total_size(&self) -> usize {
        self.measured.total_size
    }

    /// The weight (BIP141): three times the base size plus the total size.
    pub const fn weight(&self) -> Weight {
        Weight::from_sizes(self.measured.base_size, self.measured.total_size)
    }

    /// The weight in virtual bytes, rounded up.
    pub const fn vsize(&self) -> u64 {
        self.weight().to_vsize()
    }

    /// Whether it has the form of a coinbase: one input, which names no output.
    pub fn is_coinbase(&self) -> bool {
        matches!(self.inputs.as_slice(), [input] if input.previous.is_null())
    }

    /// Whether any input has a witness that is not empty.
    pub const fn has_witness(&self) -> bool {
        self.measured.base_size != self.measured.total_size
    }

    /// Takes the transaction apart: version, inputs, outputs, lock time, as [`new`](Self::new) takes them.
    pub fn into_parts(self) -> (i32, Vec<TxIn>, Vec<TxOut>, LockTime) {
        (self.version, self.inputs, self.outputs, self.lock_time)
    }

    /// Writes the base form: no marker, no flag, no witnesses.
    pub fn encode_base<S: Sink + ?Sized>(&self, sink: &mut S) {
        self.parts().put(sink, false);
    }

    fn parts(&self) -> Parts<'_> {
        let Self { version, inputs, outputs, lock_time, .. } = self;
        Parts { version: *version, inputs, outputs, lock_time: *lock_time }
    }
}

impl Encode for Transaction {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        self.parts().put(sink, self.has_witness());
    }

    fn encoded_len(&self) -> usize {
        self.total_size()
    }
}

impl Decode for Transaction {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.position();
        let version = reader.i32_le()?;
        let mut inputs: Vec<TxIn> = reader.list(TxIn::MIN_SIZE, MAX_SIZE)?;
        // No inputs: either the marker of the form with witnesses, or a base form without inputs, whose output
        // count is then read as flags. Core's deserialiser takes only zero for the latter, so it ends there.
        let flags = if inputs.is_empty() { Some((reader.position(), reader.u8()?)) } else { None };
        let mut outputs = Vec::new();
        let mut witness = None;
        match flags {
            None => outputs = reader.list(TxOut::MIN_SIZE, MAX_SIZE)?,
            Some((_, 0)) => {}
            Some((offset, WITNESS_FLAG)) => {
                inputs = reader.list(TxIn::MIN_SIZE, MAX_SIZE)?;
                outputs = reader.list(TxOut::MIN_SIZE, MAX_SIZE)?;
                witness = Some(decode_witnesses(reader, &mut inputs, offset)?);
            }
            Some((offset, got)) => return Err(DecodeError::UnknownTransactionFlags { offset, got }),
        }
        let lock_time = LockTime::new(reader.u32_le()?);
        let witness = witness.map(|range| range.start - start..range.end - start);
        let measured = Measured::new(reader.bytes_since(start), witness);
        Ok(Self { version, inputs, outputs, lock_time, measured })
    }
}

/// Reads one witness for each input, and says where they stood.
fn decode_witnesses(
    reader: &mut Reader<'_>,
    inputs: &mut [TxIn],
    flag_offset: usize,
) -> Result<Range<usize>, DecodeError> {
    let start = reader.position();
    for input in inputs.iter_mut() {
        input.witness = Witness::decode(reader)?;
    }
    if inputs.iter().all(|input| input.witness.is_empty()) {
        return Err(DecodeError::SuperfluousWitness { offset: flag_offset });
    }
    Ok(start..reader.position())
}

/// The parts of a transaction, to be written in either form.
struct Parts<'a> {
    version: i32,
    inputs: &'a [TxIn],
    outputs: &'a [TxOut],
    lock_time: LockTime,
}

impl Parts<'_> {
    fn put<S: Sink + ?Sized>(&self, sink: &mut S, with_witnesses: bool) {
        sink.put(&self.version.to_le_bytes());
        if with_witnesses {
            sink.put(&MARKER_AND_FLAG);
        }
        codec::put_list(sink, self.inputs);
        codec::put_list(sink, self.outputs);
        if with_witnesses {
            for input in self.inputs {
                input.witness.encode(sink);
            }
        }
        sink.put(&self.lock_time.to_u32().to_le_bytes());
    }
}
