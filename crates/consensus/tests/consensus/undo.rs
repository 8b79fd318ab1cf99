//! The bytes of undo data.

use cairn_consensus::{DisconnectError, TxUndo, Undo, disconnect};
use cairn_primitives::{Amount, Coin, Decode, DecodeError, Encode, Height, Script, TxOut, hex};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{easy, height, input, outpoint, output, sat, tx};

fn coin(made_at: u32, coinbase: bool, value: u64, script: &[u8]) -> Coin {
    let output = TxOut { value: sat(value), script_pubkey: Script::from_bytes(script.to_vec()) };
    Coin { output, height: height(made_at), coinbase }
}

/// Written down from the format's description, not from what the code gave.
#[test]
fn golden_bytes() {
    let undo = Undo {
        txs: vec![
            TxUndo { coins: vec![coin(9, true, 5_000_000_000, &[0x51])] },
            TxUndo { coins: vec![coin(126, false, 1, &[]), coin(u32::MAX, true, u64::MAX, &[0x6a, 0x00])] },
        ],
    };
    let expected = concat!(
        "02", // two transactions
        "01", // one coin
        "13",
        "00f2052a01000000",
        "01",
        "51", // 9 * 2 + 1, value, script
        "02", // two coins
        "fc",
        "0100000000000000",
        "00", // 126 * 2
        "ffffffffff01000000",
        "ffffffffffffffff",
        "02",
        "6a00" // (2^32 - 1) * 2 + 1
    );
    assert_eq!(hex::encode(&undo.to_bytes()), expected);
    assert_eq!(Undo::from_bytes(&hex::decode(expected).unwrap()), Ok(undo));
    assert_eq!(Undo::default().to_bytes(), [0]);
}

#[test]
fn heights_end_at_32_bits() {
    let bytes = |code: &str| hex::decode(&format!("0101{code}000000000000000000")).unwrap();
    assert!(Undo::from_bytes(&bytes("ffffffffff01000000")).is_ok());
    let error = Undo::from_bytes(&bytes("ff0000000002000000")).unwrap_err();
    assert_eq!(error, DecodeError::LimitExceeded { offset: 2, got: 1 << 33, limit: (1 << 33) - 1 });
}

#[test]
fn counts_are_believed_only_with_the_bytes_there() {
    for bytes in [vec![0xfe, 0xff, 0xff, 0xff, 0xff], vec![1, 0xfe, 0xff, 0xff, 0xff, 0xff], vec![1, 2, 0]] {
        let error = Undo::from_bytes(&bytes).unwrap_err();
        assert!(matches!(error, DecodeError::UnexpectedEnd { .. }), "{error:?}");
    }
    let error = Undo::from_bytes(&[0xfd, 1, 0, 0]).unwrap_err();
    assert!(matches!(error, DecodeError::NonMinimalCompactSize { .. }));
    assert!(matches!(Undo::from_bytes(&[0, 0]), Err(DecodeError::TrailingBytes { offset: 1, count: 1 })));
}

fn coins() -> impl Strategy<Value = Coin> {
    (any::<u32>(), any::<bool>(), any::<u64>(), vec(any::<u8>(), 0..80)).prop_map(
        |(made_at, coinbase, value, script)| Coin {
            output: TxOut { value: Amount::from_sat(value), script_pubkey: Script::from_bytes(script) },
            height: Height::new(made_at),
            coinbase,
        },
    )
}

fn undos() -> impl Strategy<Value = Undo> {
    vec(vec(coins(), 0..4).prop_map(|coins| TxUndo { coins }), 0..5).prop_map(|txs| Undo { txs })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(undo in undos()) {
        let bytes = undo.to_bytes();
        prop_assert_eq!(bytes.len(), undo.encoded_len());
        prop_assert_eq!(Undo::from_bytes(&bytes), Ok(undo));
    }

    #[test]
    fn cut_bytes_are_an_error(undo in undos(), cut in any::<prop::sample::Index>()) {
        let bytes = undo.to_bytes();
        prop_assert!(Undo::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
    }

    /// Any bytes give an error or a value that encodes to those very bytes.
    #[test]
    fn changed_bytes_are_an_error_or_another_value(undo in undos(), at in any::<prop::sample::Index>(), with: u8) {
        let mut bytes = undo.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Ok(undo) = Undo::from_bytes(&bytes) {
            prop_assert_eq!(undo.to_bytes(), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(undo) = Undo::from_bytes(&bytes) {
            prop_assert_eq!(undo.to_bytes(), bytes);
        }
    }
}

#[test]
fn undo_data_of_another_shape_is_refused() {
    let mut block = easy().genesis_block();
    block.transactions.push(tx(vec![input(outpoint(1)), input(outpoint(2))], vec![output(1)]));
    let with = |counts: &[usize]| {
        let txs = counts.iter().map(|count| TxUndo { coins: vec![coin(1, false, 1, &[]); *count] });
        disconnect(&block, Undo { txs: txs.collect() })
    };
    assert!(with(&[2]).is_ok());
    assert_eq!(with(&[]), Err(DisconnectError::TxCount { got: 0, expected: 1 }));
    assert_eq!(with(&[2, 0]), Err(DisconnectError::TxCount { got: 2, expected: 1 }));
    assert_eq!(with(&[1]), Err(DisconnectError::InputCount { index: 1, got: 1, expected: 2 }));
    assert_eq!(with(&[3]), Err(DisconnectError::InputCount { index: 1, got: 3, expected: 2 }));

    block.transactions.clear();
    assert_eq!(disconnect(&block, Undo::default()), Ok(Default::default()));
}
