//! Proptest strategies for values that decode: well-formed, not necessarily valid.

use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, CompactTarget, Header, LockTime, MerkleRoot, OutPoint, Script,
    Sequence, Transaction, TxIn, TxOut, Txid, Witness,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Scripts: the standard forms with random contents, and random bytes up to `max_len`.
pub fn script(max_len: usize) -> impl Strategy<Value = Script> {
    prop_oneof![
        any::<[u8; 20]>().prop_map(|h| Script::p2pkh(cairn_primitives::Hash160::from_bytes(h))),
        any::<[u8; 20]>().prop_map(|h| Script::p2sh(cairn_primitives::Hash160::from_bytes(h))),
        any::<[u8; 32]>().prop_map(Script::p2wsh),
        any::<[u8; 32]>().prop_map(Script::p2tr),
        vec(any::<u8>(), 0..=80).prop_map(|data| Script::op_return(&data)),
        vec(any::<u8>(), 0..=max_len).prop_map(Script::from_bytes),
    ]
}

/// Outpoints; one in eight is the null outpoint of a coinbase.
pub fn outpoint() -> impl Strategy<Value = OutPoint> {
    prop_oneof![
        7 => (any::<[u8; 32]>(), any::<u32>()).prop_map(|(id, vout)| OutPoint { txid: Txid::from_bytes(id), vout }),
        1 => Just(OutPoint::NULL),
    ]
}

fn witness() -> impl Strategy<Value = Witness> {
    vec(vec(any::<u8>(), 0..80), 0..4).prop_map(Witness::new)
}

/// Transactions with 1 to 4 inputs and 0 to 4 outputs, half of them with witnesses.
pub fn transaction() -> impl Strategy<Value = Transaction> {
    let input = (outpoint(), script(60), any::<u32>(), prop_oneof![Just(Witness::default()), witness()])
        .prop_map(|(previous, script_sig, sequence, witness)| TxIn {
            previous,
            script_sig,
            sequence: Sequence::new(sequence),
            witness,
        });
    let output = (any::<u64>(), script(60))
        .prop_map(|(value, script_pubkey)| TxOut { value: Amount::from_sat(value), script_pubkey });
    (any::<i32>(), vec(input, 1..=4), vec(output, 0..=4), any::<u32>()).prop_map(
        |(version, inputs, outputs, lock)| Transaction::new(version, inputs, outputs, LockTime::new(lock)),
    )
}

/// Headers of any content.
pub fn header() -> impl Strategy<Value = Header> {
    (any::<i32>(), any::<[u8; 32]>(), any::<[u8; 32]>(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(version, prev, root, time, bits, nonce)| Header {
            version,
            prev: BlockHash::from_bytes(prev),
            merkle_root: MerkleRoot::from_bytes(root),
            time: BlockTime::new(time),
            bits: CompactTarget::from_bits(bits),
            nonce,
        },
    )
}

/// Blocks with 0 to `max_txs` transactions.
pub fn block(max_txs: usize) -> impl Strategy<Value = Block> {
    (header(), vec(transaction(), 0..=max_txs))
        .prop_map(|(header, transactions)| Block { header, transactions })
}
