//! The two transaction forms and their ids.

use cairn_primitives::{
    Amount, Decode, DecodeError, Encode, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut,
    Txid, Witness,
};

use crate::support::{bytes, data};

/// The native P2WPKH example of BIP143, signed and unsigned.
const BIP143_SIGNED: &str = concat!(
    "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc2",
    "6ba6a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4",
    "ecbab4cc618ef3ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff",
    "02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4d",
    "be6a21b2d50ce2f0167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a",
    "0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb",
    "3566bb0ad253f62fc70f07aeee635711000000",
);

fn input(vout: u32, witness: Vec<Vec<u8>>) -> TxIn {
    TxIn {
        previous: OutPoint { txid: Txid::from_bytes([7; 32]), vout },
        script_sig: Script::from_bytes(vec![0x51]),
        sequence: Sequence::FINAL,
        witness: Witness::new(witness),
    }
}

fn output(value: u64) -> TxOut {
    TxOut { value: Amount::from_sat(value), script_pubkey: Script::from_bytes(vec![0x52, 0x53]) }
}

#[test]
fn bip143_s_example_decodes_part_by_part() {
    let signed = bytes(BIP143_SIGNED);
    let tx = Transaction::from_bytes(&signed).unwrap();
    assert_eq!(tx.version(), 1);
    assert_eq!(tx.lock_time(), LockTime::new(17));
    assert!(tx.has_witness());
    assert!(!tx.is_coinbase());
    assert_eq!(
        tx.inputs()[0].previous.to_string(),
        "9f96ade4b41d5433f4eda31e1738ec2b36f6e7d1420d94a6af99801a88f7f7ff:0"
    );
    assert_eq!(tx.inputs()[0].sequence, Sequence::new(0xffff_ffee));
    assert_eq!(tx.inputs()[0].script_sig.len(), 0x49);
    assert!(tx.inputs()[0].witness.is_empty());
    assert_eq!(tx.inputs()[1].script_sig.len(), 0);
    assert_eq!(tx.inputs()[1].witness.len(), 2);
    assert_eq!(tx.inputs()[1].witness.last().unwrap().len(), 33);
    let values: Vec<u64> = tx.outputs().iter().map(|output| output.value.to_sat()).collect();
    assert_eq!(values, [112_340_000, 223_450_000]);
    assert_eq!(tx.to_bytes(), signed);
    assert_eq!(tx.total_size(), signed.len());
    // 2 for marker and flag, 1 for the empty witness, 1 + 1 + 71 + 1 + 33 for the other.
    assert_eq!(tx.base_size(), signed.len() - 2 - 1 - 107);
}

/// A payment of the first block that had one; its txid is known to every explorer.
#[test]
fn the_first_payment_has_its_known_id() {
    let Some(block) = data("blocks/mainnet-000170.bin", "the_first_payment_has_its_known_id") else { return };
    let block = cairn_primitives::Block::from_bytes(&block).unwrap();
    let [coinbase, payment] = block.transactions.as_slice() else { panic!("two transactions") };
    let id = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16";
    assert_eq!(payment.txid().to_string(), id);
    assert_eq!(payment.wtxid().to_string(), id);
    assert_eq!((payment.base_size(), payment.total_size(), payment.vsize()), (275, 275, 275));
    assert!(!payment.has_witness() && !payment.is_coinbase());
    assert!(coinbase.is_coinbase());
}

#[test]
fn a_built_transaction_equals_its_decoded_bytes() {
    for witness in [vec![], vec![vec![]], vec![vec![1, 2], vec![], vec![3; 300]]] {
        let has_witness = !witness.is_empty();
        let inputs = vec![input(0, vec![]), input(1, witness)];
        let tx = Transaction::new(2, inputs, vec![output(5), output(u64::MAX)], LockTime::new(9));
        assert_eq!(tx.has_witness(), has_witness);
        assert_eq!(Transaction::from_bytes(&tx.to_bytes()), Ok(tx.clone()));
        assert_eq!(tx.wtxid().to_bytes() == tx.txid().to_bytes(), !has_witness);
        let (version, inputs, outputs, lock_time) = tx.clone().into_parts();
        assert_eq!(Transaction::new(version, inputs, outputs, lock_time), tx);
    }
}

#[test]
fn a_witness_changes_the_wtxid_alone() {
    let with = |witness| Transaction::new(1, vec![input(0, witness)], vec![output(5)], LockTime::ZERO);
    let (bare, one, other) = (with(vec![]), with(vec![vec![1]]), with(vec![vec![2]]));
    assert_eq!(bare.txid(), one.txid());
    assert_eq!(one.txid(), other.txid());
    assert_ne!(one.wtxid(), other.wtxid());
    assert_ne!(one.wtxid(), bare.wtxid());
    assert_eq!(one.base_size(), bare.total_size());
    assert_eq!(one.total_size(), bare.total_size() + 2 + 3);
}

#[test]
fn a_coinbase_has_one_input_that_names_nothing() {
    let null = |vout| TxIn { previous: OutPoint { txid: Txid::ZERO, vout }, ..input(0, vec![]) };
    let tx = |inputs| Transaction::new(1, inputs, vec![output(1)], LockTime::ZERO);
    assert!(tx(vec![null(u32::MAX)]).is_coinbase());
    assert!(!tx(vec![null(0)]).is_coinbase());
    assert!(!tx(vec![null(u32::MAX), null(u32::MAX)]).is_coinbase());
    assert!(!tx(vec![]).is_coinbase());
}

/// Core reads an input count of zero, then flags of zero, as a transaction of nothing.
#[test]
fn a_transaction_without_inputs_and_outputs_decodes() {
    let empty = bytes("01000000000000000000");
    let tx = Transaction::from_bytes(&empty).unwrap();
    assert_eq!(empty.len(), Transaction::MIN_SIZE);
    assert!(tx.inputs().is_empty() && tx.outputs().is_empty());
    assert_eq!(tx.to_bytes(), empty);
    assert_eq!(tx, Transaction::new(1, vec![], vec![], LockTime::ZERO));
}

#[test]
fn a_transaction_without_outputs_decodes() {
    for witness in [vec![], vec![vec![1]]] {
        let tx = Transaction::new(1, vec![input(0, witness)], vec![], LockTime::ZERO);
        assert_eq!(Transaction::from_bytes(&tx.to_bytes()), Ok(tx));
    }
}

/// Without inputs the output count stands where the flag would, so the bytes mean something else to every reader.
#[test]
fn a_transaction_without_inputs_but_with_outputs_does_not_read_back() {
    let tx = |outputs| Transaction::new(1, vec![], outputs, LockTime::ZERO).to_bytes();
    let error = DecodeError::UnknownTransactionFlags { offset: 5, got: 2 };
    assert_eq!(Transaction::from_bytes(&tx(vec![output(1), output(2)])), Err(error));
    assert!(Transaction::from_bytes(&tx(vec![output(1)])).is_err());
}

#[test]
fn a_witness_form_without_a_witness_is_refused() {
    let mut tx = bytes("010000000001");
    tx.push(1);
    input(0, vec![]).encode(&mut tx);
    tx.push(1);
    output(1).encode(&mut tx);
    tx.push(0);
    tx.extend([0; 4]);
    assert_eq!(Transaction::from_bytes(&tx), Err(DecodeError::SuperfluousWitness { offset: 5 }));
    // Nor one with no input to have a witness.
    let empty = bytes("0100000000010000");
    assert_eq!(Transaction::from_bytes(&empty), Err(DecodeError::SuperfluousWitness { offset: 5 }));
}

#[test]
fn every_flag_but_the_witness_s_is_refused() {
    let signed = bytes(BIP143_SIGNED);
    for flags in 2..=255 {
        let mut damaged = signed.clone();
        damaged[5] = flags;
        let error = DecodeError::UnknownTransactionFlags { offset: 5, got: flags };
        assert_eq!(Transaction::from_bytes(&damaged), Err(error));
    }
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_at_once() {
    // 2^25 inputs announced, none there.
    let inputs = bytes("01000000fe00000002");
    let error = DecodeError::UnexpectedEnd { offset: 9, needed: 41 << 25, available: 0 };
    assert_eq!(Transaction::from_bytes(&inputs), Err(error));
    let one_more = bytes("01000000fe01000002");
    let error = DecodeError::LimitExceeded { offset: 4, got: (1 << 25) + 1, limit: 1 << 25 };
    assert_eq!(Transaction::from_bytes(&one_more), Err(error));
}

#[test]
fn ids_do_not_depend_on_where_the_bytes_lie() {
    let signed = bytes(BIP143_SIGNED);
    let tx = Transaction::from_bytes(&signed).unwrap();
    let framed = [&[0xaa; 13], signed.as_slice(), &[0xbb; 5]].concat();
    let mut reader = cairn_primitives::Reader::new(&framed);
    reader.take(13).unwrap();
    assert_eq!(Transaction::decode(&mut reader), Ok(tx));
    assert_eq!(reader.remaining(), 5);
}

#[test]
fn a_witness_is_read_from_both_ends() {
    let items = vec![vec![1, 2, 3], vec![], vec![4]];
    let witness = Witness::new(items.clone());
    assert_eq!(witness.len(), 3);
    assert_eq!(witness.iter().collect::<Vec<_>>(), items);
    assert_eq!(witness.iter().rev().collect::<Vec<_>>(), [[4].as_slice(), &[], &[1, 2, 3]]);
    assert_eq!(witness.iter().len(), 3);
    let mut both = witness.iter();
    assert_eq!((both.next(), both.next_back()), (Some([1, 2, 3].as_slice()), Some([4].as_slice())));
    assert_eq!(both.len(), 1);
    assert_eq!((both.next_back(), both.next(), both.next_back()), (Some([].as_slice()), None, None));
    assert_eq!(
        (witness.get(1), witness.get(2), witness.get(3)),
        (Some([].as_slice()), Some([4].as_slice()), None)
    );
    assert_eq!(witness.get(usize::MAX), None);
    assert_eq!(witness.last(), Some([4].as_slice()));
    assert_eq!((&witness).into_iter().count(), 3);
    assert_eq!(witness.to_bytes(), [3, 3, 1, 2, 3, 0, 1, 4]);
    assert_eq!(Witness::from_bytes(&witness.to_bytes()), Ok(witness.clone()));
    assert_eq!(format!("{witness:?}"), r#"["010203", "", "04"]"#);
    // The split between items counts, not only their bytes.
    assert_ne!(Witness::new(vec![vec![1, 2], vec![3], vec![4]]), witness);
}

#[test]
fn an_empty_witness_has_no_items() {
    let empty = Witness::default();
    assert!(empty.is_empty());
    assert_eq!(empty, Witness::new(vec![]));
    assert_eq!(empty.to_bytes(), [0]);
    assert_eq!(Witness::from_bytes(&[0]), Ok(empty.clone()));
    assert_eq!((empty.last(), empty.get(0), empty.iter().next()), (None, None, None));
    // One empty item is not no item.
    let one = Witness::new(vec![vec![]]);
    assert!(!one.is_empty());
    assert_eq!(one.last(), Some([].as_slice()));
    assert_ne!(one, empty);
}
