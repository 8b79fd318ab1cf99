//! Generated values round-trip, and no bytes make a decoder panic or forget what it was given.

use cairn_primitives::{
    Amount, Block, BlockHash, BlockTime, CompactTarget, Decode, Encode, Header, LockTime, MerkleRoot,
    OutPoint, Reader, Script, Sequence, Transaction, TxIn, TxOut, Txid, Witness, hash,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::data;

fn script() -> impl Strategy<Value = Script> {
    prop_oneof![9 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 250..260)].prop_map(Script::from_bytes)
}

fn witness() -> impl Strategy<Value = Witness> {
    prop_oneof![
        2 => Just(Witness::default()),
        3 => vec(prop_oneof![9 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 250..260)], 0..5).prop_map(Witness::new),
    ]
}

fn tx_in() -> impl Strategy<Value = TxIn> {
    (any::<[u8; 32]>(), any::<u32>(), script(), any::<u32>(), witness()).prop_map(
        |(txid, vout, script_sig, sequence, witness)| TxIn {
            previous: OutPoint { txid: Txid::from_bytes(txid), vout },
            script_sig,
            sequence: Sequence::new(sequence),
            witness,
        },
    )
}

fn tx_out() -> impl Strategy<Value = TxOut> {
    (any::<u64>(), script())
        .prop_map(|(value, script_pubkey)| TxOut { value: Amount::from_sat(value), script_pubkey })
}

fn transaction() -> impl Strategy<Value = Transaction> {
    (any::<i32>(), vec(tx_in(), 1..5), vec(tx_out(), 0..5), any::<u32>()).prop_map(
        |(version, inputs, outputs, lock)| Transaction::new(version, inputs, outputs, LockTime::new(lock)),
    )
}

fn header() -> impl Strategy<Value = Header> {
    (any::<i32>(), any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u32; 3]>()).prop_map(
        |(version, prev, root, [time, bits, nonce])| Header {
            version,
            prev: BlockHash::from_bytes(prev),
            merkle_root: MerkleRoot::from_bytes(root),
            time: BlockTime::new(time),
            bits: CompactTarget::from_bits(bits),
            nonce,
        },
    )
}

fn block() -> impl Strategy<Value = Block> {
    (header(), vec(transaction(), 0..6)).prop_map(|(header, transactions)| Block { header, transactions })
}

/// What holds for any decoder on any bytes: what it takes is what it gives back, byte for byte.
fn decodes_canonically<T: Decode + Encode>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut reader = Reader::new(bytes);
    if let Ok(value) = T::decode(&mut reader) {
        prop_assert_eq!(value.to_bytes(), reader.bytes_since(0));
        prop_assert_eq!(value.encoded_len(), reader.position());
    }
    prop_assert!(reader.position() <= bytes.len());
    Ok(())
}

fn every_decoder_is_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    decodes_canonically::<Block>(bytes)?;
    decodes_canonically::<Header>(bytes)?;
    decodes_canonically::<Transaction>(bytes)?;
    decodes_canonically::<TxIn>(bytes)?;
    decodes_canonically::<TxOut>(bytes)?;
    decodes_canonically::<OutPoint>(bytes)?;
    decodes_canonically::<Witness>(bytes)?;
    decodes_canonically::<Script>(bytes)?;
    decodes_canonically::<Amount>(bytes)?;
    decodes_canonically::<Txid>(bytes)
}

/// Bytes that look more like the real thing than noise does: small counts, lengths, markers and flags.
fn structured_noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (0..4_u8).prop_map(|byte| vec![byte]),
        1 => Just(vec![1, 0, 0, 0]),
        1 => Just(vec![0, 1]),
        1 => (0xfc..=0xff_u8).prop_map(|byte| vec![byte]),
        1 => Just(vec![0; 36]),
        2 => vec(any::<u8>(), 0..12),
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn transactions_round_trip(tx in transaction()) {
        let bytes = tx.to_bytes();
        prop_assert_eq!(tx.encoded_len(), bytes.len());
        prop_assert_eq!(Transaction::from_bytes(&bytes), Ok(tx));
    }

    /// Ids and sizes against their definitions, built from the public parts alone.
    #[test]
    fn ids_and_sizes_are_those_of_the_encodings(tx in transaction()) {
        let mut base = tx.version().to_le_bytes().to_vec();
        base.push(tx.inputs().len() as u8);
        tx.inputs().iter().for_each(|input| input.encode(&mut base));
        base.push(tx.outputs().len() as u8);
        tx.outputs().iter().for_each(|output| output.encode(&mut base));
        let mut total = base.clone();
        if tx.inputs().iter().any(|input| !input.witness.is_empty()) {
            total.splice(4..4, [0, 1]);
            tx.inputs().iter().for_each(|input| input.witness.encode(&mut total));
        }
        for form in [&mut base, &mut total] {
            form.extend(tx.lock_time().to_u32().to_le_bytes());
        }
        prop_assert_eq!(tx.txid().to_bytes(), hash::sha256d(&base));
        prop_assert_eq!(tx.wtxid().to_bytes(), hash::sha256d(&total));
        prop_assert_eq!((tx.base_size(), tx.total_size()), (base.len(), total.len()));
        prop_assert_eq!(tx.has_witness(), base != total);
        prop_assert_eq!(tx.to_bytes(), total);
    }

    #[test]
    fn witnesses_keep_their_items(items in vec(vec(any::<u8>(), 0..300), 0..12)) {
        let witness = Witness::new(items.clone());
        prop_assert_eq!(witness.iter().collect::<Vec<_>>(), items.clone());
        let decoded = Witness::from_bytes(&witness.to_bytes()).unwrap();
        prop_assert_eq!(&decoded, &witness);
        for (index, item) in items.iter().enumerate() {
            prop_assert_eq!(decoded.get(index), Some(item.as_slice()));
        }
    }

    #[test]
    fn noise_is_decoded_canonically_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        every_decoder_is_canonical(&bytes)?;
    }

    #[test]
    fn structured_noise_is_decoded_canonically_or_refused(bytes in structured_noise()) {
        every_decoder_is_canonical(&bytes)?;
    }

    #[test]
    fn a_damaged_transaction_is_decoded_canonically_or_refused(
        tx in transaction(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        let mut bytes = tx.to_bytes();
        let position = at.index(bytes.len());
        bytes[position] = byte;
        every_decoder_is_canonical(&bytes)?;
        let whole = tx.to_bytes();
        let cut = &whole[..cut.index(whole.len())];
        prop_assert!(Transaction::from_bytes(cut).is_err());
        every_decoder_is_canonical(cut)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn blocks_round_trip(block in block()) {
        let bytes = block.to_bytes();
        prop_assert_eq!(block.total_size(), bytes.len());
        prop_assert_eq!(Block::from_bytes(&bytes), Ok(block));
    }

    #[test]
    fn real_bytes_damaged_anywhere_never_panic(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut: prop::sample::Index,
    ) {
        let Some(real) = data("blocks/testnet3-1087400.bin", "real_bytes_damaged_anywhere_never_panic") else {
            return Ok(());
        };
        let mut bytes = real;
        for (at, byte) in damage {
            let position = at.index(bytes.len());
            bytes[position] = byte;
        }
        decodes_canonically::<Block>(&bytes)?;
        decodes_canonically::<Block>(&bytes[..cut.index(bytes.len())])?;
    }
}
