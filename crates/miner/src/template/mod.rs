//! A block that lacks nothing but its extranonce, its time and its nonce.

mod coinbase;
mod error;
mod parts;
mod select;

pub use error::TemplateError;
pub use parts::TemplateParts;
pub use select::Candidate;

use cairn_consensus::{NextBlock, witness_commitment};
use cairn_params::{ChainSpec, MinDifficulty, Retarget};
use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, CompactTarget, Header, Height, MerkleRoot, Script, Sha256d, Target,
    Transaction, merkle,
};

use coinbase::{Coinbase, WITNESS_RESERVED};

/// A block that lacks nothing but its extranonce, its time and its nonce.
///
/// The transactions are fixed; the coinbase differs from one header to the next in eight bytes, so that a new header
/// costs the hash of the coinbase and one more for each level of the merkle tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTemplate {
    height: Height,
    prev: BlockHash,
    version: i32,
    bits: CompactTarget,
    target: Target,
    time: BlockTime,
    min_time: BlockTime,
    max_time: BlockTime,
    max_future_seconds: u32,
    coinbase: Coinbase,
    transactions: Vec<Candidate>,
    merkle_branch: Vec<[u8; 32]>,
    weight: u64,
    sigop_cost: u64,
}

impl BlockTemplate {
    /// The block to mine at the place `next`, which pays subsidy and fees to `payout`.
    ///
    /// The candidates are taken in their order, each if the block stays within the spec's limits on weight,
    /// signature operations, number of transactions and money. One that spends from a candidate which is not in the
    /// block before it is left out, and so are coinbases, transactions whose lock time has not passed, and witnesses
    /// on a chain without them. Anything else is the caller's promise: that the coins are there and ripe, the
    /// scripts pass, relative locks are open, and fees and sigop costs are what is said.
    ///
    /// # Errors
    /// [`TemplateError`] when even a block of the coinbase alone would break a rule.
    pub fn new(
        spec: &ChainSpec,
        next: &NextBlock,
        payout: &Script,
        candidates: &[Candidate],
    ) -> Result<Self, TemplateError> {
        if spec.deployments.signet_challenge.is_some() {
            return Err(TemplateError::SignedBlocks);
        }
        let target = next.bits.to_target()?;
        let coinbase = |value, commitment| Coinbase::new(next.height, value, payout.clone(), commitment);
        // Sizes do not depend on values, so any value and commitment will do to find what fits.
        let sized = coinbase(next.subsidy, next.witness_commitment.then_some(Sha256d::ZERO)).transaction(0);
        let selection = select::select(spec, next, &sized, candidates)?;
        let value = next.subsidy.saturating_add(selection.fees);
        let commitment = next.witness_commitment.then(|| commitment(&selection.chosen));
        let (min_time, max_time) = time_window(spec, next);
        Ok(Self {
            height: next.height,
            prev: next.prev,
            version: next.version,
            bits: next.bits,
            target,
            time: next.time,
            min_time,
            max_time,
            max_future_seconds: spec.limits.max_future_seconds,
            coinbase: coinbase(value, commitment),
            merkle_branch: merkle_branch(&selection.chosen),
            transactions: selection.chosen,
            weight: selection.weight,
            sigop_cost: selection.sigop_cost,
        })
    }

    /// Height of the block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Hash of the block below.
    pub fn prev(&self) -> BlockHash {
        self.prev
    }

    /// Header version: BIP9's high bits and the bits of the forks that wait for signals, unless whoever made the template
    /// wants another. It is above every version floor.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The bits the header must carry.
    pub fn bits(&self) -> CompactTarget {
        self.bits
    }

    /// What the hash must not exceed: the target of the bits.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The time the block would have carried when the template was made.
    pub fn time(&self) -> BlockTime {
        self.time
    }

    /// The earliest time the header may carry.
    pub fn min_time(&self) -> BlockTime {
        self.min_time
    }

    /// The latest time the header may carry.
    pub fn max_time(&self) -> BlockTime {
        self.max_time
    }

    /// How far a header's time may be ahead of a node's clock, in seconds.
    pub fn max_future_seconds(&self) -> u32 {
        self.max_future_seconds
    }

    /// What the coinbase pays: subsidy and fees.
    pub fn coinbase_value(&self) -> Amount {
        self.coinbase.value()
    }

    /// The transactions after the coinbase, in block order.
    pub fn transactions(&self) -> &[Candidate] {
        &self.transactions
    }

    /// The hashes beside the path from the coinbase to the merkle root, lowest first.
    pub fn merkle_branch(&self) -> &[[u8; 32]] {
        &self.merkle_branch
    }

    /// Script of the output that commits to the witnesses, where the chain has them (BIP141).
    pub fn commitment_script(&self) -> Option<&Script> {
        self.coinbase.commitment_script()
    }

    /// Weight units of the whole block.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Cost of the signature operations of the whole block.
    pub fn sigop_cost(&self) -> u64 {
        self.sigop_cost
    }

    /// The coinbase with this extranonce.
    pub fn coinbase(&self, extranonce: u64) -> Transaction {
        self.coinbase.transaction(extranonce)
    }

    /// The time a header made at `now` carries: `now`, moved into what the chain allows. On a chain where a late
    /// block has other bits (the minimum-difficulty exception) it is always the template's own time.
    ///
    /// `None` when even the earliest time is further ahead of `now` than other nodes accept.
    pub fn time_at(&self, now: BlockTime) -> Option<BlockTime> {
        let time = now.clamp(self.min_time, self.max_time);
        (time <= now.saturating_add(self.max_future_seconds)).then_some(time)
    }

    /// The earliest `now` for which [`time_at`](Self::time_at) gives a time.
    pub fn open_from(&self) -> BlockTime {
        self.min_time.saturating_sub(self.max_future_seconds)
    }

    /// The header with this extranonce and time, and a nonce of zero.
    pub fn header(&self, extranonce: u64, time: BlockTime) -> Header {
        let leaf = self.coinbase.txid(extranonce);
        Header {
            version: self.version,
            prev: self.prev,
            merkle_root: MerkleRoot::from_bytes(merkle::root_from_branch(leaf, &self.merkle_branch, 0)),
            time,
            bits: self.bits,
            nonce: 0,
        }
    }

    /// The whole block under `header`, which came from [`header`](Self::header) with the same extranonce.
    pub fn block(&self, header: Header, extranonce: u64) -> Block {
        let mut transactions = Vec::with_capacity(1 + self.transactions.len());
        transactions.push(self.coinbase(extranonce));
        transactions.extend(self.transactions.iter().map(|candidate| (*candidate.tx).clone()));
        Block { header, transactions }
    }
}

/// The earliest and the latest time for which the place's bits are right.
fn time_window(spec: &ChainSpec, next: &NextBlock) -> (BlockTime, BlockTime) {
    let by_time = matches!(spec.pow.retarget, Retarget::Epoch { .. })
        && spec.pow.min_difficulty == MinDifficulty::AfterTwiceSpacing;
    if by_time { (next.time, next.time) } else { (next.min_time, BlockTime::new(u32::MAX)) }
}

/// The hashes beside the path of the coinbase, whose own id they do not depend on.
fn merkle_branch(chosen: &[Candidate]) -> Vec<[u8; 32]> {
    merkle::branch(&leaves(chosen, |tx| tx.txid().to_bytes()), 0)
}

fn commitment(chosen: &[Candidate]) -> Sha256d {
    // The coinbase's own witness id counts as zero (BIP141).
    let root = merkle::root(&leaves(chosen, |tx| tx.wtxid().to_bytes())).root;
    witness_commitment(&Sha256d::from_bytes(root), &WITNESS_RESERVED)
}

/// Leaves of a merkle tree over the block, zero for the coinbase.
fn leaves(chosen: &[Candidate], id: impl Fn(&Transaction) -> [u8; 32]) -> Vec<[u8; 32]> {
    let mut leaves = vec![[0; 32]];
    leaves.extend(chosen.iter().map(|candidate| id(&candidate.tx)));
    leaves
}
