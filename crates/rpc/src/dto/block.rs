//! `/blocks`, `/block/{id}`, `/tx/{txid}`, `/tx/{txid}/proof`.

use cairn_primitives::{
    Address, AddressPrefixes, Amount, Block, BlockHash, BlockTime, CompactTarget, Encode, Header, Height,
    LockTime, MerkleRoot, Sequence, Sha256d, Target, Transaction, TxIn, TxOut, Txid, Work, Wtxid, hex,
    merkle,
};
use serde::{Deserialize, Serialize};

use super::amount::{Currency, Decimal, FieldName, TickerField};

/// Key `value_<t>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueCoins;
impl FieldName for ValueCoins {
    const PREFIX: &'static str = "value";
}

/// `GET /blocks`: the active chain from its tip downwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockPage {
    /// Blocks on the active chain, genesis included.
    pub total: u64,
    /// The most blocks this page may have.
    pub limit: u32,
    /// Blocks skipped, counted from the tip.
    pub offset: u64,
    /// The blocks, highest first.
    pub blocks: Vec<BlockSummary>,
}

/// A block without its transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockSummary {
    /// The block's hash.
    pub hash: BlockHash,
    /// Its height.
    pub height: Height,
    /// Its header.
    pub header: BlockHeader,
    /// Number of transactions.
    pub tx_count: u32,
    /// Bytes, witnesses included.
    pub size: u64,
    /// BIP141 weight units.
    pub weight: u64,
    /// Work of this block alone, 64 hex digits.
    pub work: Work,
    /// 1 for the tip; -1 for a block that is not on the active chain, as in Bitcoin Core.
    pub confirmations: i64,
}

/// A block header's fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockHeader {
    /// Version bits.
    pub version: i32,
    /// Hash of the block before.
    pub prev_hash: BlockHash,
    /// Merkle root of the transaction ids.
    pub merkle_root: MerkleRoot,
    /// The miner's clock, Unix seconds.
    pub timestamp: BlockTime,
    /// The compact target as an integer.
    pub bits: u32,
    /// The same as 8 hex digits.
    pub bits_hex: CompactTarget,
    /// The nonce.
    pub nonce: u32,
    /// The chain's easiest target over this block's target.
    pub difficulty: f64,
}

/// `GET /block/{height or hash}`: a block with its transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockInfo {
    /// Everything but the transactions.
    #[serde(flatten)]
    pub summary: BlockSummary,
    /// The transactions in block order.
    pub transactions: Vec<TxInfo>,
}

/// `GET /tx/{txid}`: a transaction with its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TxDetail {
    /// What it says.
    #[serde(flatten)]
    pub info: TxInfo,
    /// Its bytes, witnesses included, as hex.
    pub hex: String,
}

impl TxDetail {
    /// `tx` as `info` describes it, with its bytes.
    #[must_use]
    pub fn new(info: TxInfo, tx: &Transaction) -> Self {
        Self { info, hex: hex::encode(&tx.to_bytes()) }
    }
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TxInfo {
    /// Hash of the transaction without witnesses.
    pub txid: Txid,
    /// Hash of the transaction with witnesses.
    pub wtxid: Wtxid,
    /// Transaction version.
    pub version: i32,
    /// Lock time: a height below 500,000,000, Unix seconds from there on.
    pub locktime: LockTime,
    /// Whether this is a block's first transaction.
    pub is_coinbase: bool,
    /// What it spends.
    pub inputs: Vec<TxInput>,
    /// What it creates.
    pub outputs: Vec<TxOutput>,
    /// Bytes, witnesses included.
    pub size: u64,
    /// Virtual size: weight over four, rounded up.
    pub vsize: u64,
    /// Fee in the smallest unit; null for a coinbase and where a spent output is not at hand.
    pub fee: Option<Amount>,
    /// Where it stands in the active chain.
    pub status: TxStatus,
}

/// One transaction input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TxInput {
    /// Transaction whose output is spent; null in a coinbase.
    pub txid: Option<Txid>,
    /// Index of the output spent; null in a coinbase.
    pub vout: Option<u32>,
    /// The input script as hex (in a coinbase: height, extra nonce and whatever the miner wrote).
    pub script_sig: String,
    /// The sequence number.
    pub sequence: Sequence,
    /// The witness stack as hex, bottom first.
    pub witness: Vec<String>,
    /// Value of the output spent, in the smallest unit; null where it is not at hand.
    pub value: Option<Amount>,
    /// The same in coins.
    #[serde(flatten)]
    pub coins: TickerField<ValueCoins, Option<Decimal>>,
    /// Address of the output spent; null where it has none or is not at hand.
    pub address: Option<String>,
}

/// One transaction output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TxOutput {
    /// Value in the smallest unit.
    pub value: Amount,
    /// The same in coins.
    #[serde(flatten)]
    pub coins: TickerField<ValueCoins>,
    /// The output script as hex.
    pub script_pubkey: String,
    /// The script's address; null if it has none.
    pub address: Option<String>,
    /// The script's kind in Bitcoin Core's words, such as `pubkeyhash`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Where a transaction stands in the active chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxStatus {
    /// Whether a block of the active chain holds it.
    pub confirmed: bool,
    /// That block's height.
    pub height: Option<Height>,
    /// That block's hash.
    pub block_hash: Option<BlockHash>,
    /// 1 in the tip, 0 when unconfirmed, -1 when only in a block off the active chain.
    pub confirmations: i64,
}

/// `GET /block/{height or hash}/filter`: the compact filter of a block (BIP157, BIP158).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterInfo {
    /// The block.
    pub block_hash: BlockHash,
    /// The basic filter in its wire form, as hex.
    pub filter: String,
    /// The filter's header, in display order.
    pub header: Sha256d,
}

/// `GET /tx/{txid}/proof`: that a transaction is in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxProof {
    /// The 80-byte block header as hex.
    pub header_hex: String,
    /// Sibling hashes from the leaf's level up, each in display order.
    pub merkle: Vec<Sha256d>,
    /// The transaction's place in the block, 0 for the coinbase.
    pub pos: u32,
}

/// How one chain's values are written: what turns its structures into answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Notation {
    /// Ticker and decimals.
    pub currency: Currency,
    /// Address prefixes.
    pub prefixes: AddressPrefixes,
    /// The chain's easiest target, whose difficulty is 1.
    pub pow_limit: Target,
}

impl Notation {
    /// The address an output script pays to, where it has one.
    #[must_use]
    pub fn address(&self, output: &TxOut) -> Option<String> {
        Address::from_script(&output.script_pubkey).map(|address| address.encode(&self.prefixes))
    }
}

impl BlockHeader {
    /// A header's fields. Bits that are no target, which no checked header has, give difficulty 0.
    #[must_use]
    pub fn new(header: &Header, notation: &Notation) -> Self {
        let difficulty = header.bits.to_target().map_or(0.0, |target| target.difficulty(notation.pow_limit));
        Self {
            version: header.version,
            prev_hash: header.prev,
            merkle_root: header.merkle_root,
            timestamp: header.time,
            bits: header.bits.to_bits(),
            bits_hex: header.bits,
            nonce: header.nonce,
            difficulty,
        }
    }
}

impl BlockSummary {
    /// A block's summary; `confirmations` is 1 for the tip and -1 off the active chain.
    #[must_use]
    pub fn new(block: &Block, height: Height, confirmations: i64, notation: &Notation) -> Self {
        Self {
            hash: block.hash(),
            height,
            header: BlockHeader::new(&block.header, notation),
            tx_count: u32::try_from(block.transactions.len()).unwrap_or(u32::MAX),
            size: size(block.total_size()),
            weight: block.weight().to_u64(),
            work: block.header.bits.to_target().map_or(Work::ZERO, Target::to_work),
            confirmations,
        }
    }
}

impl TxInfo {
    /// A transaction. `spent` gives the output that input `i` spends, where it is at hand; it is not asked for a
    /// coinbase.
    #[must_use]
    pub fn new<'a>(
        tx: &Transaction,
        spent: impl Fn(usize) -> Option<&'a TxOut>,
        status: TxStatus,
        notation: &Notation,
    ) -> Self {
        let is_coinbase = tx.is_coinbase();
        let spent: Vec<Option<&TxOut>> =
            (0..tx.inputs().len()).map(|i| if is_coinbase { None } else { spent(i) }).collect();
        let inputs = tx.inputs().iter().zip(&spent);
        Self {
            txid: tx.txid(),
            wtxid: tx.wtxid(),
            version: tx.version(),
            locktime: tx.lock_time(),
            is_coinbase,
            inputs: inputs.map(|(input, spent)| TxInput::new(input, is_coinbase, *spent, notation)).collect(),
            outputs: tx.outputs().iter().map(|output| TxOutput::new(output, notation)).collect(),
            size: size(tx.total_size()),
            vsize: tx.vsize(),
            fee: fee(tx, &spent),
            status,
        }
    }
}

/// Inputs minus outputs; `None` where an input's value is missing, as all of a coinbase's are.
fn fee(tx: &Transaction, spent: &[Option<&TxOut>]) -> Option<Amount> {
    let values: Option<Vec<Amount>> = spent.iter().map(|output| output.map(|output| output.value)).collect();
    let paid = Amount::checked_sum(tx.outputs().iter().map(|output| output.value))?;
    Amount::checked_sum(values?)?.checked_sub(paid)
}

impl TxInput {
    fn new(input: &TxIn, is_coinbase: bool, spent: Option<&TxOut>, notation: &Notation) -> Self {
        let value = spent.map(|output| output.value);
        Self {
            txid: (!is_coinbase).then_some(input.previous.txid),
            vout: (!is_coinbase).then_some(input.previous.vout),
            script_sig: hex::encode(input.script_sig.as_bytes()),
            sequence: input.sequence,
            witness: input.witness.iter().map(hex::encode).collect(),
            value,
            coins: notation.currency.optional_field(value),
            address: spent.and_then(|output| notation.address(output)),
        }
    }
}

impl TxOutput {
    /// An output.
    #[must_use]
    pub fn new(output: &TxOut, notation: &Notation) -> Self {
        Self {
            value: output.value,
            coins: notation.currency.field(output.value),
            script_pubkey: hex::encode(output.script_pubkey.as_bytes()),
            address: notation.address(output),
            kind: output.script_pubkey.kind().name().to_owned(),
        }
    }
}

impl TxStatus {
    /// In no block.
    pub const UNCONFIRMED: Self = Self { confirmed: false, height: None, block_hash: None, confirmations: 0 };

    /// In the active chain's block `block_hash` at `height`, below `confirmations - 1` others.
    #[must_use]
    pub fn confirmed(height: Height, block_hash: BlockHash, confirmations: i64) -> Self {
        Self { confirmed: true, height: Some(height), block_hash: Some(block_hash), confirmations }
    }

    /// Only in a block off the active chain.
    #[must_use]
    pub fn stale(height: Height, block_hash: BlockHash) -> Self {
        Self { confirmed: false, height: Some(height), block_hash: Some(block_hash), confirmations: -1 }
    }
}

impl TxProof {
    /// That the transaction at `pos` is in `block`; `None` if the block has no such transaction.
    #[must_use]
    pub fn new(block: &Block, pos: usize) -> Option<Self> {
        let leaves: Vec<[u8; 32]> = block.transactions.iter().map(|tx| tx.txid().to_bytes()).collect();
        (pos < leaves.len()).then(|| Self {
            header_hex: hex::encode(&block.header.to_bytes()),
            merkle: merkle::branch(&leaves, pos).into_iter().map(Sha256d::from_bytes).collect(),
            pos: u32::try_from(pos).unwrap_or(u32::MAX),
        })
    }
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
