//! The script interpreter and the signature hashes: whether an input may spend the output it names.
//!
//! [`verify`] answers for one input under a set of [`ScriptFlags`]; a refusal is a [`ScriptError`], one variant a rule, with
//! Bitcoin Core's name for it and a hint at what would satisfy it; [`verify_traced`] also says what ran, step by step. [`SighashCache`] holds the transaction and
//! the outputs it spends, and computes what signatures sign, also for those who make them. [`count_sigops`] and its
//! relatives count signature operations. [`Caches`] remember what passed, in a bounded amount of memory.
//!
//! What it deliberately does not do: decide which rules hold at which height, look at amounts, lock times of the
//! transaction itself or anything else outside scripts (that is consensus), own threads, draw the random key of
//! its caches, or remember anything without being given a cache.
//!
//! Bytes hashed grow with the size of a transaction under segwit and taproot, and with the number of its inputs times its
//! size in legacy scripts, where consensus asks for no less: each input hashes the whole transaction, but its own checks
//! share that.
//!
//! ```
//! use cairn_crypto::SecretKey;
//! use cairn_primitives::{Amount, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Witness};
//! use cairn_script::{ScriptFlags, SighashCache, verify};
//!
//! // A coin locked to a key, and a transaction that spends it with this input script.
//! let secret = SecretKey::from_bytes([7; 32])?;
//! let coin = TxOut { value: Amount::from_sat(50), script_pubkey: Script::p2pk(&secret.public_key().to_compressed()) };
//! let spend = |script_sig| {
//!     let input = TxIn { previous: OutPoint::NULL, script_sig, sequence: Sequence::FINAL, witness: Witness::default() };
//!     Transaction::new(1, vec![input], vec![], LockTime::ZERO)
//! };
//!
//! // Sign it (hash type 1: everything).
//! let unsigned = spend(Script::new());
//! let digest = SighashCache::new(&unsigned, vec![&coin]).legacy(0, coin.script_pubkey.as_bytes(), 1);
//! let mut signature = secret.sign_ecdsa(&digest).to_der();
//! signature.push(1);
//! let signed = spend(ScriptBuilder::new().push_slice(&signature).into_script());
//!
//! let rules = ScriptFlags::P2SH | ScriptFlags::DERSIG;
//! assert_eq!(verify(&SighashCache::new(&signed, vec![&coin]), 0, rules), Ok(()));
//! let refused = verify(&SighashCache::new(&unsigned, vec![&coin]), 0, rules).unwrap_err();
//! assert_eq!(refused.code(), "INVALID_STACK_OPERATION");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod checksig;
mod error;
mod flags;
mod hint;
mod interpreter;
mod number;
mod script_code;
mod sighash;
mod sigops;
mod stack;
mod taproot;
mod trace;
mod verify;
mod witness;

pub use cache::{CacheStats, CacheUse, Caches, ScriptCache, SignatureCache};
pub use error::ScriptError;
pub use flags::ScriptFlags;
pub use sighash::{SharedHashes, SighashCache, TapscriptPosition};
pub use sigops::{count_sigops, p2sh_sigops, witness_sigops};
pub use taproot::{annex_hash, tapbranch_hash, tapleaf_hash};
pub use trace::{Action, Program, Step, Trace};
pub use verify::{verify, verify_traced};
