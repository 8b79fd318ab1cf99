//! Partially signed transactions, version 0: the form in which an unsigned transaction travels to its signer (BIP174,
//! with the taproot fields of BIP371).

mod base64;
mod error;
mod fields;
mod map;
mod request;

pub use error::{PsbtError, PsbtPart};

use std::fmt;
use std::str::FromStr;

use cairn_primitives::{Reader, Transaction};

use map::Map;

/// Most bytes of a PSBT.
pub const MAX_PSBT_LEN: usize = 32 * 1024 * 1024;

/// First bytes of a PSBT.
const MAGIC: &[u8; 5] = b"psbt\xff";

/// An unsigned transaction with what others know of its inputs and outputs.
///
/// Every field that BIP174 and BIP371 define has been checked for its form; unknown fields are kept. Signatures are
/// kept too, and not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Psbt {
    tx: Transaction,
    global: Map,
    inputs: Vec<Map>,
    outputs: Vec<Map>,
}

impl Psbt {
    /// The unsigned transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.tx
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// [`PsbtError`], each variant but [`PsbtError::Base64`] and those of [`to_request`](Self::to_request).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PsbtError> {
        if bytes.len() > MAX_PSBT_LEN {
            return Err(PsbtError::TooLong { got: bytes.len(), limit: MAX_PSBT_LEN });
        }
        let maps = bytes.strip_prefix(MAGIC).ok_or(PsbtError::Magic)?;
        let mut reader = Reader::new(maps);
        let mut next = |part: PsbtPart| {
            let map = Map::read(&mut reader, part)?;
            fields::check(&map, part)?;
            Ok::<_, PsbtError>(map)
        };
        let global = next(PsbtPart::Global)?;
        let tx = global.get(fields::GLOBAL_TX).ok_or(PsbtError::NoTransaction)?;
        let tx = fields::unsigned_tx(tx)?;
        let inputs =
            (0..tx.inputs().len()).map(|index| next(PsbtPart::Input(index))).collect::<Result<_, _>>()?;
        let outputs =
            (0..tx.outputs().len()).map(|index| next(PsbtPart::Output(index))).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { tx, global, inputs, outputs })
    }

    /// The binary form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        self.global.write(&mut bytes);
        self.inputs.iter().chain(&self.outputs).for_each(|map| map.write(&mut bytes));
        bytes
    }
}

/// The text form, base64.
impl fmt::Display for Psbt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode(&self.to_bytes()))
    }
}

impl FromStr for Psbt {
    type Err = PsbtError;

    /// Reads the text form, base64 without white space.
    ///
    /// # Errors
    /// [`PsbtError::Base64`], and those of [`Psbt::from_bytes`].
    fn from_str(text: &str) -> Result<Self, PsbtError> {
        let limit = MAX_PSBT_LEN.div_ceil(3) * 4;
        if text.len() > limit {
            return Err(PsbtError::TooLong { got: text.len(), limit });
        }
        Self::from_bytes(&base64::decode(text).map_err(|position| PsbtError::Base64 { position })?)
    }
}
