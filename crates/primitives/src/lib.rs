//! Hashes and values with invariants, their canonical bytes and their text forms.

pub mod codec;
pub mod hash;
pub mod hex;
pub mod merkle;

mod block;
mod coin;
mod header;
mod pow;
mod script;
mod tx;
mod value;

pub use block::Block;
pub use codec::{Decode, DecodeError, Encode, Reader, Sink};
pub use coin::Coin;
pub use hash::{BlockHash, Hash160, MerkleRoot, Sha256, Sha256d, Txid, Wtxid};
pub use header::Header;
pub use hex::HexError;
pub use pow::{CompactError, CompactTarget, Target, Work};
pub use script::op;
pub use script::{
    Instruction, Instructions, MAX_MULTISIG_KEYS, MAX_SCRIPT_SIZE, Script, ScriptBuilder, ScriptDecodeError, ScriptKind,
};
pub use tx::{OutPoint, OutPointParseError, Transaction, TxIn, TxOut, Witness, WitnessIter};
pub use value::{
    Amount, BlockTime, DisplayAmount, Height, LockTime, LockTimeKind, RelativeLock, Sequence, Weight,
};
