//! Addresses: the text forms of output scripts people hand to each other.

pub mod base58;
mod prefixes;
mod program;
pub mod wif;

pub use prefixes::{AddressPrefixes, Hrp, HrpError};
pub use program::{WitnessProgram, WitnessProgramError};

use base58::Base58Error;
use bech32::primitives::decode::SegwitHrpstringError;
use bech32::segwit;
use thiserror::Error;

use crate::Hash160;
use crate::script::{Script, ScriptBuilder, ScriptKind};

/// Longest address, in characters (BIP173; Base58Check addresses are shorter).
pub const MAX_ADDRESS_LEN: usize = 90;

/// Bytes of a Base58Check address: version and hash.
const BASE58_PAYLOAD_LEN: usize = 21;

/// Where a payment goes, in a form that has a text.
///
/// The chain is not part of it: the prefixes are given when it is read and when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// To the owner of the public key with this hash.
    P2pkh(Hash160),
    /// To whoever satisfies the script with this hash (BIP16).
    P2sh(Hash160),
    /// To a witness program (BIP141).
    Witness(WitnessProgram),
}

/// Why a text is not an address of this chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// More text than any address has.
    #[error("{got} characters, an address has at most {limit}")]
    TooLong {
        /// Length of the text in bytes.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// Neither Base58Check nor anything that looks like a witness address.
    #[error("not an address: {0}")]
    Base58(#[from] Base58Error),
    /// Base58Check of too few or too many bytes.
    #[error("{got} bytes where an address has {expected}")]
    PayloadLength {
        /// Bytes decoded, checksum excluded.
        got: usize,
        /// Bytes of an address.
        expected: usize,
    },
    /// The version byte belongs to another chain, or to something that is no address.
    #[error("address version {got} is not of this chain: expected {p2pkh} or {p2sh}")]
    Version {
        /// The version byte found.
        got: u8,
        /// This chain's version of pay-to-public-key-hash addresses.
        p2pkh: u8,
        /// This chain's version of pay-to-script-hash addresses.
        p2sh: u8,
    },
    /// A sound witness address of another chain.
    #[error("witness address of another chain: its prefix is not {expected}")]
    WrongHrp {
        /// The human-readable part of this chain's witness addresses.
        expected: Hrp,
    },
    /// This chain's witness prefix, and something wrong after it.
    #[error("not a witness address: {0}")]
    Bech32(#[from] Bech32Error),
}

/// What is wrong with a witness address (BIP173, BIP350).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Bech32Error {
    /// A character outside the alphabet, capitals and small letters mixed, or nothing after the separator.
    #[error("malformed text")]
    Malformed,
    /// Wrong checksum, or the checksum of the other witness versions (bech32 for bech32m or the reverse).
    #[error("checksum mismatch")]
    Checksum,
    /// The witness version is above 16.
    #[error("unknown witness version")]
    Version,
    /// More than 4 bits of padding, or padding that is not zero.
    #[error("bad padding")]
    Padding,
    /// Not 2 to 40 bytes, or not 20 or 32 in version 0.
    #[error("bad program length")]
    ProgramLength,
}

impl Address {
    /// Reads an address of the chain with these prefixes (Bitcoin Core's `DecodeDestination`).
    /// Witness addresses may be all capitals. White space is not skipped.
    ///
    /// # Errors
    /// [`AddressError`], one variant for each way to be wrong.
    pub fn parse(text: &str, prefixes: &AddressPrefixes) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_LEN {
            return Err(AddressError::TooLong { got: text.len(), limit: MAX_ADDRESS_LEN });
        }
        // Each form has a checksum, so a text is hardly ever both; when it is neither, the error is
        // that of the form it looks like.
        match base58::decode_check(text) {
            Ok(payload) => Self::from_base58_payload(&payload, prefixes),
            Err(base58) => match segwit::decode(text) {
                Ok((hrp, version, program)) if hrp.to_lowercase() == prefixes.hrp.as_str() => {
                    let program = WitnessProgram::new(version.to_u8(), &program);
                    Ok(Self::Witness(program.map_err(|_| Bech32Error::ProgramLength)?))
                }
                Ok(_) => Err(AddressError::WrongHrp { expected: prefixes.hrp }),
                Err(error) if has_prefix(text, prefixes.hrp) => Err(bech32_error(&error.0).into()),
                Err(_) => Err(base58.into()),
            },
        }
    }

    /// The text form with this chain's prefixes: Base58Check, bech32 for witness version 0, bech32m for
    /// the others. Witness addresses come in small letters.
    pub fn encode(&self, prefixes: &AddressPrefixes) -> String {
        match self {
            Self::P2pkh(hash) => base58_address(prefixes.p2pkh, *hash),
            Self::P2sh(hash) => base58_address(prefixes.p2sh, *hash),
            Self::Witness(program) => {
                let hrp = bech32::Hrp::parse(prefixes.hrp.as_str()).expect("an Hrp is one of BIP173's");
                let version =
                    bech32::Fe32::try_from(program.version()).expect("a witness version is below 32");
                segwit::encode(hrp, version, program.as_bytes())
                    .expect("a program has an allowed length, and fits with any Hrp")
            }
        }
    }

    /// The output script that pays to this address.
    pub fn script_pubkey(&self) -> Script {
        match self {
            Self::P2pkh(hash) => Script::p2pkh(*hash),
            Self::P2sh(hash) => Script::p2sh(*hash),
            Self::Witness(program) => {
                let version = i64::from(program.version());
                ScriptBuilder::new().push_int(version).push_bytes(program.as_bytes()).into_script()
            }
        }
    }

    /// The address an output script pays to; `None` when its form has none, as bare keys and bare
    /// multisig do not (Bitcoin Core's `ExtractDestination`).
    pub fn from_script(script: &Script) -> Option<Self> {
        let bytes = script.as_bytes();
        let hash = |from: usize| bytes.get(from..from + 20)?.try_into().ok().map(Hash160::from_bytes);
        match script.kind() {
            ScriptKind::P2pkh => hash(3).map(Self::P2pkh),
            ScriptKind::P2sh => hash(2).map(Self::P2sh),
            _ => {
                let (version, program) = script.witness_program()?;
                WitnessProgram::new(version, program).ok().map(Self::Witness)
            }
        }
    }

    fn from_base58_payload(payload: &[u8], prefixes: &AddressPrefixes) -> Result<Self, AddressError> {
        let length = AddressError::PayloadLength { got: payload.len(), expected: BASE58_PAYLOAD_LEN };
        let (&version, hash) = payload.split_first().ok_or(length)?;
        let hash = Hash160::from_bytes(hash.try_into().map_err(|_| length)?);
        match version {
            _ if version == prefixes.p2pkh => Ok(Self::P2pkh(hash)),
            _ if version == prefixes.p2sh => Ok(Self::P2sh(hash)),
            got => Err(AddressError::Version { got, p2pkh: prefixes.p2pkh, p2sh: prefixes.p2sh }),
        }
    }
}

fn base58_address(version: u8, hash: Hash160) -> String {
    let mut payload = [version; BASE58_PAYLOAD_LEN];
    payload[1..].copy_from_slice(hash.as_bytes());
    base58::encode_check(&payload)
}

/// Whether the text begins with the human-readable part and its separator, in either case.
fn has_prefix(text: &str, hrp: Hrp) -> bool {
    let hrp = hrp.as_str();
    text.as_bytes().get(hrp.len()) == Some(&b'1')
        && text.as_bytes()[..hrp.len()].eq_ignore_ascii_case(hrp.as_bytes())
}

fn bech32_error(error: &SegwitHrpstringError) -> Bech32Error {
    match error {
        SegwitHrpstringError::Checksum(_) => Bech32Error::Checksum,
        SegwitHrpstringError::InvalidWitnessVersion(_) => Bech32Error::Version,
        SegwitHrpstringError::Padding(_) => Bech32Error::Padding,
        SegwitHrpstringError::WitnessLength(_) => Bech32Error::ProgramLength,
        _ => Bech32Error::Malformed,
    }
}

#[cfg(test)]
mod tests;
