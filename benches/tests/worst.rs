//! The costly blocks are as legal as they are said to be, and fill their limit to the last unit.

use cairn_benches::worst::{Connected, Excess, Filling, SIGOP_LIMIT, WEIGHT_LIMIT, Worst};
use cairn_consensus::BlockError;

fn connect(filling: Filling, excess: Excess) -> Result<Connected, BlockError> {
    Worst::new(filling, excess).connect()
}

#[test]
fn filled_to_the_limit_they_are_valid() {
    for filling in Filling::ALL {
        let connected = connect(filling, Excess::None).unwrap_or_else(|error| panic!("{filling:?}: {error}"));
        assert_eq!(connected.weight, WEIGHT_LIMIT, "{filling:?}");
        let counted = matches!(filling, Filling::Checks | Filling::Quadratic);
        assert_eq!(connected.sigop_cost, if counted { SIGOP_LIMIT } else { 0 }, "{filling:?}");
    }
}

#[test]
fn one_more_signature_operation_is_refused() {
    for (filling, cost) in [(Filling::Checks, 1), (Filling::Quadratic, 4)] {
        match connect(filling, Excess::Sigop) {
            Err(BlockError::Sigops { got, limit }) => {
                assert_eq!((got, limit), (SIGOP_LIMIT + cost, SIGOP_LIMIT), "{filling:?}");
            }
            other => panic!("{filling:?}: {:?}", other.err()),
        }
    }
}

#[test]
fn one_more_unit_of_weight_is_refused() {
    for filling in
        [Filling::Checks, Filling::Hashing(cairn_benches::worst::HashOp::Sha256), Filling::Shuffling]
    {
        match connect(filling, Excess::Weight) {
            Err(BlockError::Weight { got, limit }) => {
                assert_eq!((got, limit), (WEIGHT_LIMIT + 1, WEIGHT_LIMIT), "{filling:?}");
            }
            other => panic!("{filling:?}: {:?}", other.err()),
        }
    }
    // Without witnesses it is a byte of the size, which is looked at first.
    for filling in [Filling::Quadratic, Filling::Prepared] {
        match connect(filling, Excess::Weight) {
            Err(BlockError::Length { base_size, limit, .. }) => {
                assert_eq!((base_size as u64 * 4, limit), (WEIGHT_LIMIT + 4, WEIGHT_LIMIT), "{filling:?}");
            }
            other => panic!("{filling:?}: {:?}", other.err()),
        }
    }
}

/// The first input of each, and of the checks also the last, which is the taproot one.
#[test]
fn their_scripts_pass() {
    for filling in Filling::ALL {
        let worst = Worst::new(filling, Excess::None);
        let last = worst.inputs() - 1;
        let inputs = if filling == Filling::Checks { vec![0, last] } else { vec![0] };
        for input in inputs {
            assert_eq!(worst.verify(input), Ok(()), "{filling:?}, input {input}");
        }
    }
}
