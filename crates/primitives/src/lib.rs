//! What every other Cairn crate speaks in: hashes and values with invariants, the structures of a chain made of
//! them, their canonical bytes and their text forms.
//!
//! The bytes are Bitcoin's, exactly: what decodes re-encodes to the same bytes, and every other byte string is an
//! error that names its offset. Decoding never panics, and never allocates more than a small multiple of the bytes
//! it was given. A [`Transaction`] knows its ids and sizes from the moment it is decoded or built.
//!
//! What is *not* here: no rule about which headers, blocks or transactions are valid, and no chain's constants
//! (consensus and params have them); no elliptic curve and no running of scripts (crypto and script); no I/O, clock
//! or random source. A [`Block`] of this crate is a shape, not a promise.
//!
//! ```
//! use cairn_primitives::{BlockHash, Decode, Encode, Header, Work, hex};
//!
//! // The header of Bitcoin's first block.
//! let bytes = hex::decode(concat!(
//!     "01000000",
//!     "0000000000000000000000000000000000000000000000000000000000000000",
//!     "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a",
//!     "29ab5f49ffff001d1dac2b7c",
//! ))?;
//! let header = <Header as Decode>::from_bytes(&bytes)?;
//!
//! let hash: BlockHash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f".parse()?;
//! assert_eq!(header.hash(), hash);
//!
//! let target = header.bits.to_target()?;
//! assert!(target.is_met_by(hash));
//! assert_eq!(target.to_work(), Work::from_u128(4_295_032_833));
//!
//! assert_eq!(header.to_bytes(), bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod codec;
pub mod hash;
pub mod hex;
pub mod merkle;

mod address;
mod block;
mod coin;
mod header;
mod pow;
mod script;
mod tx;
mod value;

pub use address::{
    Address, AddressError, AddressPrefixes, Bech32Error, Hrp, HrpError, MAX_ADDRESS_LEN, WitnessProgram,
    WitnessProgramError, base58, wif,
};
pub use block::Block;
pub use codec::{Decode, DecodeError, Encode, Reader, Sink};
pub use coin::Coin;
pub use hash::{BlockHash, Hash160, MerkleRoot, Sha256, Sha256d, Txid, Wtxid};
pub use header::Header;
pub use hex::HexError;
pub use pow::{CompactError, CompactTarget, Target, Work};
pub use script::op;
pub use script::{
    Instruction, Instructions, MAX_MULTISIG_KEYS, MAX_SCRIPT_SIZE, Script, ScriptBuilder, ScriptDecodeError,
    ScriptKind,
};
pub use tx::{OutPoint, OutPointParseError, Transaction, TxIn, TxOut, Witness, WitnessIter};
pub use value::{
    Amount, BlockTime, DisplayAmount, Height, LockTime, LockTimeKind, RelativeLock, Sequence, Weight,
};
