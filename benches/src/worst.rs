//! The legal blocks that cost most to check, each filled to the very limit that bounds it.
//!
//! All stand at height 1 of the `regtest` preset, whose weight and signature operation limits are Bitcoin's and
//! where every rule holds from the start. The coins they spend are given with them; making those is not the
//! block's own affair and, where it costs an attacker blocks of preparation, the item says so.

mod scripts;

use std::collections::HashMap;
use std::sync::Arc;

use cairn_consensus::{BlockError, HeaderTree, ScriptChecks, check_block, connect, script_flags};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, Coin, Encode, Height, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut,
    Txid, Witness, hash,
};
use cairn_script::{ScriptError, SighashCache, verify};
use cairn_testkit::Forge;

pub use scripts::HashOp;
use scripts::{
    BARE_CHECKS, REDEEM_CHECKS, WITNESS_CHECKS, bare_script, hashing_leaf, redeem_script, shuffling_leaf,
    witness_script,
};

/// Most signature operation cost of a block (Core's `MAX_BLOCK_SIGOPS_COST`).
pub const SIGOP_LIMIT: u64 = 80_000;

/// Most weight of a block (Core's `MAX_BLOCK_WEIGHT`).
pub const WEIGHT_LIMIT: u64 = 4_000_000;

/// What a block is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// 80,000 ECDSA checks behind version 0 script hashes, which cost 1 each, and behind one taproot output as many
    /// Schnorr checks, which cost weight alone, as fit.
    Checks,
    /// 20,000 ECDSA checks behind P2SH, each of another digest over almost the whole megabyte of the block.
    Quadratic,
    /// A tapscript of this operation on items of 520 bytes, as long as fits.
    Hashing(HashOp),
    /// A tapscript that moves the deepest of a thousand items to the top, as long as fits.
    Shuffling,
    /// Inputs that spend outputs with 201 checks in the output itself, each of another digest over the whole
    /// megabyte. Such operations were counted in the block that made the output and are not counted again.
    Prepared,
}

impl Filling {
    /// All of them, the hashing one with the costliest operation.
    pub const ALL: [Self; 5] =
        [Self::Checks, Self::Quadratic, Self::Hashing(HashOp::Ripemd160), Self::Shuffling, Self::Prepared];

    /// What tables call it.
    pub fn name(self) -> String {
        match self {
            Self::Checks => "checks".into(),
            Self::Quadratic => "quadratic".into(),
            Self::Hashing(operation) => format!("hashing, {}", operation.name()),
            Self::Shuffling => "shuffling".into(),
            Self::Prepared => "prepared".into(),
        }
    }
}

/// By how much a block is to pass the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// It keeps them exactly.
    None,
    /// One signature operation too many: costs 1 in a witness, else 4.
    Sigop,
    /// One unit of weight too many, four where there is no witness.
    Weight,
}

/// A block with the coins it spends.
pub struct Worst {
    /// The block.
    pub block: Block,
    /// The coins.
    pub coins: HashMap<OutPoint, Coin>,
    /// Signature checks that its scripts make.
    pub checks: u64,
    /// Bytes its signature checks hash, or its hash operations.
    pub hashed: u64,
    tree: HeaderTree,
}

/// A block that was connected.
pub struct Connected {
    /// The scripts to run.
    pub scripts: ScriptChecks,
    /// What its signature operations cost.
    pub sigop_cost: u64,
    /// Its weight.
    pub weight: u64,
}

impl Worst {
    /// A block full of `filling`.
    ///
    /// # Panics
    /// If the parts do not fit.
    pub fn new(filling: Filling, excess: Excess) -> Self {
        let (sigop, weight) = (u64::from(excess == Excess::Sigop), u64::from(excess == Excess::Weight));
        match filling {
            Filling::Checks => checks(sigop, weight),
            Filling::Quadratic => quadratic(sigop, weight),
            Filling::Hashing(operation) => leaf(weight, |room| hashing_leaf(operation, room)),
            Filling::Shuffling => leaf(weight, shuffling_leaf),
            Filling::Prepared => prepared(weight),
        }
    }

    /// Everything but the scripts.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn connect(&self) -> Result<Connected, BlockError> {
        let block = Arc::new(check_block(self.block.clone(), self.tree.spec())?);
        let id = self.tree.get(&block.hash()).expect("its header was put there");
        let weight = block.block().weight().to_u64();
        let connection = connect(&self.tree, id, block, &self.coins)?;
        let (scripts, sigop_cost) = (connection.scripts().clone(), connection.sigop_cost());
        Ok(Connected { scripts, sigop_cost, weight })
    }

    /// Inputs of the one transaction besides the coinbase.
    pub fn inputs(&self) -> usize {
        self.block.transactions[1].inputs().len()
    }

    /// Runs the scripts of one input.
    ///
    /// # Errors
    /// The first script rule broken.
    pub fn verify(&self, input: usize) -> Result<(), ScriptError> {
        let tx = &self.block.transactions[1];
        let spent = tx.inputs().iter().map(|input| &self.coins[&input.previous].output).collect();
        let id = self.tree.get(&self.block.header.hash()).expect("its header was put there");
        verify(&SighashCache::new(tx, spent), input, script_flags(&self.tree, id))
    }

    fn seal(mut builder: Builder, checks: u64, hashed: u64) -> Self {
        let forge = Forge::new(Arc::new(presets::regtest()));
        let (mut tree, coins) = (forge.tree().clone(), std::mem::take(&mut builder.coins));
        let block = builder.block(&forge);
        tree.insert(block.header, block.header.time).expect("its header is good");
        Self { block, coins, checks, hashed, tree }
    }
}

/// One transaction under construction, which is all the block has besides the coinbase. Coins are worth nothing.
#[derive(Clone, Default)]
struct Builder {
    inputs: Vec<TxIn>,
    coins: HashMap<OutPoint, Coin>,
    outputs: Vec<TxOut>,
}

impl Builder {
    /// Spends a coin locked by `script_pubkey`.
    fn spend(&mut self, script_pubkey: Script, script_sig: Script, witness: Witness) {
        let number = (self.inputs.len() as u64).to_le_bytes();
        let previous = OutPoint { txid: Txid::from_bytes(hash::sha256(&number)), vout: 0 };
        let output = TxOut { value: Amount::ZERO, script_pubkey };
        self.coins.insert(previous, Coin { output, height: Height::new(0), coinbase: false });
        self.inputs.push(TxIn { previous, script_sig, sequence: Sequence::FINAL, witness });
    }

    /// An output of `size` zero bytes behind `OP_RETURN`.
    fn pad_outputs(&mut self, size: usize) {
        let script = [&[cairn_primitives::op::OP_RETURN][..], &vec![0; size]].concat();
        self.outputs = vec![TxOut { value: Amount::ZERO, script_pubkey: Script::from_bytes(script) }];
    }

    fn transaction(&self) -> Transaction {
        Transaction::new(2, self.inputs.clone(), self.outputs.clone(), LockTime::ZERO)
    }

    fn block(self, forge: &Forge) -> Block {
        forge.draft(forge.genesis()).add(self.transaction(), Amount::ZERO).seal()
    }

    /// Adds what `fill` makes of a size, with the size at which the block weighs as much as it may and `excess` units
    /// more. Each unit of size weighs `weight`.
    fn fill(mut self, excess: u64, weight: u64, fill: impl Fn(&mut Self, usize)) -> (Self, usize) {
        if self.outputs.is_empty() {
            self.pad_outputs(0);
        }
        let forge = Forge::new(Arc::new(presets::regtest()));
        // The coins may be far larger than the block.
        let coins = std::mem::take(&mut self.coins);
        let target = WEIGHT_LIMIT + excess * weight;
        let mut size: u64 = 300_000;
        // Lengths in front of what is filled in grow with it, so the first estimate is a little off.
        for _ in 0..8 {
            let mut filled = self.clone();
            fill(&mut filled, usize::try_from(size).expect("a size in memory"));
            let got = filled.clone().block(&forge).weight().to_u64();
            if got == target {
                filled.coins.extend(coins);
                return (filled, usize::try_from(size).expect("a size in memory"));
            }
            size = (size * weight + target).saturating_sub(got) / weight;
        }
        panic!("no size fills the block exactly");
    }
}

/// The most ECDSA checks that are counted, and as many Schnorr checks as the weight left pays for.
fn checks(sigop: u64, weight: u64) -> Worst {
    let mut builder = Builder::default();
    let mut left = SIGOP_LIMIT + sigop;
    while left > 0 {
        let count = left.min(WITNESS_CHECKS);
        let script = witness_script(count);
        let program = Script::p2wsh(hash::sha256(script.as_bytes()));
        builder.spend(program, Script::new(), Witness::new(vec![script.as_bytes().to_vec()]));
        left -= count;
    }
    let (builder, size) = builder.fill(weight, 1, scripts::spend_schnorr);
    let schnorr = scripts::schnorr_checks(size) as u64;
    Worst::seal(scripts::sign_schnorr(builder), SIGOP_LIMIT + sigop + schnorr, 0)
}

/// As many checks as P2SH has, each of another code in a transaction as long as fits.
fn quadratic(sigop: u64, weight: u64) -> Worst {
    let mut builder = Builder::default();
    let mut left = SIGOP_LIMIT / 4 + sigop;
    let checks = left;
    while left > 0 {
        let count = left.min(REDEEM_CHECKS);
        let script = redeem_script(count);
        let push = cairn_primitives::ScriptBuilder::new().push_slice(script.as_bytes()).into_script();
        builder.spend(Script::p2sh(hash::hash160(script.as_bytes())), push, Witness::default());
        left -= count;
    }
    let (builder, size) = builder.fill(weight, 4, Builder::pad_outputs);
    // Outpoint, empty script and sequence of each input, the output, and the code.
    let message = builder.inputs.len() * 41 + size + 300;
    Worst::seal(builder, checks, checks * message as u64)
}

/// One tapscript as long as fits; `script` makes one out of the room there is, and says what it hashes.
fn leaf(weight: u64, script: impl Fn(usize) -> (Vec<u8>, u64)) -> Worst {
    let (builder, size) = Builder::default().fill(weight, 1, |builder, size| {
        scripts::spend_leaf(builder, script(size).0, Vec::new(), Vec::new());
    });
    Worst::seal(builder, 0, script(size).1)
}

/// As many inputs as fit, 41 bytes each, and the rest in the output.
fn prepared(weight: u64) -> Worst {
    // What the header, the counts, the coinbase and an output without padding take is well below this.
    const REST: u64 = 400;
    let count = (WEIGHT_LIMIT / 4 - REST) / 41;
    let script = bare_script();
    let mut builder = Builder::default();
    for _ in 0..count {
        builder.spend(script.clone(), Script::new(), Witness::default());
    }
    let (builder, _) = builder.fill(weight, 4, Builder::pad_outputs);
    let checks = count * BARE_CHECKS;
    let message = builder.transaction().encoded_len() + script.len();
    Worst::seal(builder, checks, checks * message as u64)
}
