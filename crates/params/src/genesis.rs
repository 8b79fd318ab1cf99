//! The first block: built from the spec, and mined once in a chain's life.
//!
//! The search itself is the miner's; here are its beginning and its end.
//!
//! ```
//! use cairn_params::{genesis::Unmined, presets};
//!
//! let mut spec = presets::regtest();
//! spec.genesis.message = "A chain of my own".to_owned();
//! let unmined = Unmined::new(spec)?;
//!
//! let mut header = unmined.header();
//! while !unmined.target().is_met_by(header.hash()) {
//!     header.nonce += 1;
//! }
//! let spec = unmined.accept(header)?;
//! assert_eq!(spec.check(), Ok(()));
//! # Ok::<(), cairn_params::SpecError>(())
//! ```

use cairn_primitives::{
    Block, BlockHash, Header, LockTime, MerkleRoot, OutPoint, ScriptBuilder, Sequence, Target, Transaction,
    TxIn, TxOut, Witness,
};

use crate::error::SpecError;
use crate::spec::ChainSpec;

/// The number Bitcoin's genesis coinbase begins with: the bits 1d00ffff.
const COINBASE_NUMBER: i64 = 0x1d00_ffff;

impl ChainSpec {
    /// The first block: a coinbase of Bitcoin's form (the number 486,604,799, the number 4 in one byte, the
    /// message) that pays the reward to the output script, under the spec's header.
    ///
    /// The hash is whatever it comes to; [`check`](Self::check) compares it with the pinned one.
    pub fn genesis_block(&self) -> Block {
        let genesis = &self.genesis;
        let coinbase = self.genesis_coinbase();
        let header = Header {
            version: genesis.version,
            prev: BlockHash::ZERO,
            merkle_root: MerkleRoot::from_bytes(coinbase.txid().to_bytes()),
            time: genesis.time,
            bits: genesis.bits,
            nonce: genesis.nonce,
        };
        Block { header, transactions: vec![coinbase] }
    }

    /// The pinned hash of the first block.
    pub fn genesis_hash(&self) -> BlockHash {
        self.genesis.hash
    }

    fn genesis_coinbase(&self) -> Transaction {
        let genesis = &self.genesis;
        let script_sig = ScriptBuilder::new()
            .push_int(COINBASE_NUMBER)
            .push_bytes(&[4])
            .push_bytes(genesis.message.as_bytes())
            .into_script();
        let input = TxIn {
            previous: OutPoint::NULL,
            script_sig,
            sequence: Sequence::FINAL,
            witness: Witness::default(),
        };
        let output = TxOut { value: genesis.reward, script_pubkey: genesis.output_script.clone() };
        Transaction::new(1, vec![input], vec![output], LockTime::ZERO)
    }
}

/// A spec that is sound but for its first block's nonce and hash, which are still to be found.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmined {
    spec: ChainSpec,
    target: Target,
}

impl Unmined {
    /// Takes a spec whose `genesis.nonce` and `genesis.hash` mean nothing yet.
    ///
    /// # Errors
    /// Any other rule of [`ChainSpec::check`].
    pub fn new(spec: ChainSpec) -> Result<Self, SpecError> {
        spec.check_but_hash()?;
        let target = spec.genesis.bits.to_target().expect("the bits have been checked");
        Ok(Self { spec, target })
    }

    /// Reads a spec file in which `genesis.nonce` and `genesis.hash` may be missing or wrong.
    ///
    /// # Errors
    /// Those of [`ChainSpec::from_toml`], except for the two.
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        ChainSpec::from_toml_unmined(text).and_then(Self::new)
    }

    /// The header to search, with nonce 0. Every nonce may be tried, and after all of them a later time.
    pub fn header(&self) -> Header {
        Header { nonce: 0, ..self.spec.genesis_block().header }
    }

    /// What the header's hash must meet.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The spec with the time and nonce of `found` and its hash pinned.
    ///
    /// # Errors
    /// [`SpecRule::GenesisPow`](crate::SpecRule::GenesisPow) when the hash does not meet the target, and
    /// [`SpecRule::GenesisHash`](crate::SpecRule::GenesisHash) when more than time and nonce were changed.
    pub fn accept(self, found: Header) -> Result<ChainSpec, SpecError> {
        let mut spec = self.spec;
        spec.genesis.time = found.time;
        spec.genesis.nonce = found.nonce;
        spec.genesis.hash = found.hash();
        spec.check()?;
        Ok(spec)
    }
}
