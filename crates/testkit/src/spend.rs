//! Signed transactions out of coins.

use cairn_primitives::{
    Amount, Coin, LockTime, OutPoint, Script, ScriptBuilder, ScriptKind, Sequence, Transaction, TxIn, TxOut,
    Witness,
};
use cairn_script::SighashCache;

use crate::key::TestKey;

const SIGHASH_ALL: u8 = 1;

/// A transaction under construction. Defaults: version 2, no lock time, final sequences.
#[derive(Debug, Clone)]
pub struct Spend {
    version: i32,
    lock_time: LockTime,
    sequence: Sequence,
    coins: Vec<(OutPoint, Coin)>,
    outputs: Vec<TxOut>,
}

impl Default for Spend {
    fn default() -> Self {
        Self {
            version: 2,
            lock_time: LockTime::ZERO,
            sequence: Sequence::FINAL,
            coins: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

impl Spend {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input.
    #[must_use]
    pub fn from(mut self, outpoint: OutPoint, coin: Coin) -> Self {
        self.coins.push((outpoint, coin));
        self
    }

    /// Adds an output.
    #[must_use]
    pub fn to(mut self, value: Amount, script_pubkey: Script) -> Self {
        self.outputs.push(TxOut { value, script_pubkey });
        self
    }

    /// Sets the version.
    #[must_use]
    pub fn version(mut self, version: i32) -> Self {
        self.version = version;
        self
    }

    /// Sets the lock time.
    #[must_use]
    pub fn lock_time(mut self, lock_time: LockTime) -> Self {
        self.lock_time = lock_time;
        self
    }

    /// Sets the sequence number of every input.
    #[must_use]
    pub fn sequence(mut self, sequence: Sequence) -> Self {
        self.sequence = sequence;
        self
    }

    /// The transaction with empty input scripts.
    pub fn unsigned(&self) -> Transaction {
        self.build(|_| Script::new())
    }

    /// Signs every input with `key`, for coins that are P2PKH or P2PK to it; other coins get an empty
    /// input script (which satisfies, for example, a script that is just `OP_TRUE`).
    pub fn sign(&self, key: &TestKey) -> Transaction {
        let unsigned = self.unsigned();
        let spent = self.coins.iter().map(|(_, coin)| &coin.output).collect();
        let cache = SighashCache::new(&unsigned, spent);
        self.build(|input| {
            let script_pubkey = &self.coins[input].1.output.script_pubkey;
            let signature = || {
                let digest = cache.legacy(input, script_pubkey.as_bytes(), u32::from(SIGHASH_ALL));
                let mut bytes = key.secret().sign_ecdsa(&digest).to_der();
                bytes.push(SIGHASH_ALL);
                bytes
            };
            match script_pubkey.kind() {
                ScriptKind::P2pkh => {
                    ScriptBuilder::new().push_slice(&signature()).push_slice(key.public()).into_script()
                }
                ScriptKind::P2pk => ScriptBuilder::new().push_slice(&signature()).into_script(),
                _ => Script::new(),
            }
        })
    }

    fn build(&self, script_sig: impl Fn(usize) -> Script) -> Transaction {
        let inputs = self.coins.iter().enumerate().map(|(i, (outpoint, _))| TxIn {
            previous: *outpoint,
            script_sig: script_sig(i),
            sequence: self.sequence,
            witness: Witness::default(),
        });
        Transaction::new(self.version, inputs.collect(), self.outputs.clone(), self.lock_time)
    }
}
