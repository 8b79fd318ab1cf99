//! What a transaction is made of.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use thiserror::Error;

use super::Witness;
use crate::hex::HexError;
use crate::{Amount, Decode, DecodeError, Encode, Reader, Script, Sequence, Sink, Txid};

/// Names an output: the transaction that made it and its place there.
///
/// The text form is `txid:vout`. The order is that of the txid's bytes, then of the index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutPoint {
    /// The transaction that made the output.
    pub txid: Txid,
    /// The output's index in it, from 0.
    pub vout: u32,
}

impl OutPoint {
    /// Length of an encoded outpoint in bytes.
    pub const SIZE: usize = 36;

    /// What a coinbase's input names: no output at all.
    pub const NULL: Self = Self { txid: Txid::ZERO, vout: u32::MAX };

    /// Whether it is [`NULL`](Self::NULL).
    pub fn is_null(&self) -> bool {
        *self == Self::NULL
    }
}

impl fmt::Display for OutPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.txid, self.vout)
    }
}

impl fmt::Debug for OutPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutPoint({self})")
    }
}

/// Why a text is no outpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutPointParseError {
    /// There is no colon.
    #[error("an outpoint is written txid:index")]
    NoColon,
    /// The part before the colon is no txid.
    #[error("the outpoint's txid is wrong: {0}")]
    Txid(#[from] HexError),
    /// The part after the colon is no index.
    #[error("the outpoint's index is wrong: {0}")]
    Index(#[from] ParseIntError),
}

impl FromStr for OutPoint {
    type Err = OutPointParseError;

    fn from_str(text: &str) -> Result<Self, OutPointParseError> {
        let (txid, vout) = text.split_once(':').ok_or(OutPointParseError::NoColon)?;
        Ok(Self { txid: txid.parse()?, vout: vout.parse()? })
    }
}

impl Encode for OutPoint {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        self.txid.encode(sink);
        sink.put(&self.vout.to_le_bytes());
    }

    fn encoded_len(&self) -> usize {
        Self::SIZE
    }
}

impl Decode for OutPoint {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { txid: Txid::decode(reader)?, vout: reader.u32_le()? })
    }
}

/// A transaction input.
///
/// Its encoding is that of the base form and leaves the witness out: witnesses stand behind the outputs of the
/// transaction (BIP144), so an input decoded alone has an empty one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TxIn {
    /// The output it spends.
    pub previous: OutPoint,
    /// The script that unlocks it.
    pub script_sig: Script,
    /// The sequence number.
    pub sequence: Sequence,
    /// The witness stack.
    pub witness: Witness,
}

impl TxIn {
    /// The least number of bytes an encoded input takes.
    pub const MIN_SIZE: usize = OutPoint::SIZE + 1 + 4;
}

impl Encode for TxIn {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        self.previous.encode(sink);
        self.script_sig.encode(sink);
        sink.put(&self.sequence.to_u32().to_le_bytes());
    }
}

impl Decode for TxIn {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            previous: OutPoint::decode(reader)?,
            script_sig: Script::decode(reader)?,
            sequence: Sequence::new(reader.u32_le()?),
            witness: Witness::default(),
        })
    }
}

/// A transaction output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TxOut {
    /// How much it holds.
    pub value: Amount,
    /// The script that locks it.
    pub script_pubkey: Script,
}

impl TxOut {
    /// The least number of bytes an encoded output takes.
    pub const MIN_SIZE: usize = 8 + 1;
}

impl Encode for TxOut {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        self.value.encode(sink);
        self.script_pubkey.encode(sink);
    }
}

impl Decode for TxOut {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { value: Amount::decode(reader)?, script_pubkey: Script::decode(reader)? })
    }
}
