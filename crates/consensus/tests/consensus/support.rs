//! What several test modules need.

use std::path::PathBuf;
use std::sync::Arc;

use cairn_consensus::{HeaderTree, NodeId};
use cairn_params::{Activation, ChainSpec, MinDifficulty, Retarget, presets};
use cairn_primitives::{
    Amount, BlockTime, CompactTarget, Decode, Header, Height, LockTime, MerkleRoot, OutPoint, Script,
    Sequence, Transaction, TxIn, TxOut, Txid, Witness, op,
};

/// Which side of a rule's limit a case stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    At,
    Past,
}

impl Side {
    /// `at` at the limit, `past` past it.
    pub(crate) fn pick<T>(self, at: T, past: T) -> T {
        match self {
            Self::At => at,
            Self::Past => past,
        }
    }
}

/// Two tests for each variant of an error: a case at the limit passes, and the same case past it fails
/// with that variant, code and verdict. `TESTED` lists the variants for the inventory.
macro_rules! rules {
    ($error:ident: $($variant:ident $code:literal $verdict:ident $case:ident;)*) => {
        pub(crate) const TESTED: &[&str] = &[$(stringify!($variant)),*];

        /// Each variant with the code that its case past the limit is seen to give.
        pub(crate) const CODES: &[(&str, &str)] =
            &[$((concat!(stringify!($error), "::", stringify!($variant)), $code)),*];

        mod at_the_limit {
            $(#[test]
            fn $case() {
                let result = super::$case($crate::support::Side::At);
                assert!(result.is_ok(), "{:?}", result.err());
            })*
        }

        mod past_the_limit {
            $(#[test]
            fn $case() {
                let error = super::$case($crate::support::Side::Past).expect_err("past the limit");
                assert!(matches!(error, cairn_consensus::$error::$variant { .. }), "{error:?}");
                assert_eq!(error.code(), $code);
                assert_eq!(error.verdict(), cairn_consensus::Verdict::$verdict);
                assert!(!error.to_string().is_empty());
            })*
        }
    };
}
pub(crate) use rules;

/// The file `name` of the real data, or `None` after saying which test is skipped.
pub(crate) fn data(test: &str, name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("CAIRN_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = root.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {test} needs {}", path.display());
    }
    bytes
}

/// As [`data`], for 80-byte headers.
pub(crate) fn headers(test: &str, name: &str) -> Option<Vec<Header>> {
    let bytes = data(test, name)?;
    assert_eq!(bytes.len() % Header::SIZE, 0, "{name} holds whole headers");
    Some(bytes.chunks(Header::SIZE).map(|chunk| Header::from_bytes(chunk).unwrap()).collect())
}

/// A clock far ahead of every header.
pub(crate) const LATE: BlockTime = BlockTime::new(u32::MAX);

/// Regtest with every fork from the first block on, so that any version will do and coinbases are ripe after two blocks.
pub(crate) fn easy() -> ChainSpec {
    let mut spec = presets::regtest();
    let forks = &mut spec.deployments;
    for fork in [&mut forks.bip34, &mut forks.bip65, &mut forks.bip66, &mut forks.csv, &mut forks.segwit] {
        *fork = Activation::Always;
    }
    spec.limits.coinbase_maturity = 2;
    checked(spec)
}

/// As [`easy`], with a retarget every `window` blocks.
pub(crate) fn with_epochs(window: u32, clamp: u32, from_first: bool) -> ChainSpec {
    let mut spec = easy();
    spec.pow.retarget = Retarget::Epoch { window, clamp, from_first };
    spec.pow.min_difficulty = MinDifficulty::Never;
    checked(spec)
}

/// The spec, having passed its own check.
pub(crate) fn checked(spec: ChainSpec) -> ChainSpec {
    spec.check().expect("a test's spec is a good one");
    spec
}

pub(crate) fn tree(spec: ChainSpec) -> HeaderTree {
    HeaderTree::new(Arc::new(checked(spec)))
}

pub(crate) fn height(height: u32) -> Height {
    Height::new(height)
}

pub(crate) fn time(seconds: u32) -> BlockTime {
    BlockTime::new(seconds)
}

pub(crate) fn bits(bits: u32) -> CompactTarget {
    CompactTarget::from_bits(bits)
}

pub(crate) fn sat(units: u64) -> Amount {
    Amount::from_sat(units)
}

/// The header with the first nonce that gives a proof of work.
pub(crate) fn mined(mut header: Header) -> Header {
    let target = header.bits.to_target().expect("bits are a target");
    while !target.is_met_by(header.hash()) {
        header.nonce += 1;
    }
    header
}

/// An unmined header on `parent` with the bits that belong there.
pub(crate) fn child_at(tree: &HeaderTree, parent: NodeId, time: BlockTime) -> Header {
    let root = MerkleRoot::from_bytes([tree.len() as u8; 32]);
    let bits = tree.next_bits(parent, time);
    Header { version: 0x2000_0000, prev: tree.hash(parent), merkle_root: root, time, bits, nonce: 0 }
}

/// An unmined header on `parent`, one spacing later.
pub(crate) fn child(tree: &HeaderTree, parent: NodeId) -> Header {
    child_at(tree, parent, tree.header(parent).time.saturating_add(tree.spec().pow.spacing))
}

/// Adds `count` valid headers on `parent` and returns the last.
pub(crate) fn extend(tree: &mut HeaderTree, parent: NodeId, count: usize) -> NodeId {
    (0..count).fold(parent, |tip, _| {
        let header = mined(child(tree, tip));
        tree.insert(header, LATE).expect("the header is valid").id
    })
}

/// An outpoint that belongs to a number.
pub(crate) fn outpoint(n: u8) -> OutPoint {
    OutPoint { txid: Txid::from_bytes([n; 32]), vout: u32::from(n) }
}

/// The script that anyone may spend.
pub(crate) fn anyone() -> Script {
    Script::from_bytes(vec![op::OP_1])
}

pub(crate) fn input(previous: OutPoint) -> TxIn {
    TxIn { previous, script_sig: Script::new(), sequence: Sequence::FINAL, witness: Witness::default() }
}

pub(crate) fn output(value: u64) -> TxOut {
    TxOut { value: sat(value), script_pubkey: anyone() }
}

/// A version 2 transaction without lock time.
pub(crate) fn tx(inputs: Vec<TxIn>, outputs: Vec<TxOut>) -> Transaction {
    Transaction::new(2, inputs, outputs, LockTime::ZERO)
}
