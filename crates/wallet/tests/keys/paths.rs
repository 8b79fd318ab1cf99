//! Child numbers and derivation paths.

use cairn_wallet::{ChildNumber, ChildNumberError, DerivationPath, PathError};
use proptest::prelude::*;

const MAX: u32 = 0x7fff_ffff;

#[test]
fn child_numbers_lie_below_two_to_the_31st() {
    let error = ChildNumberError { got: MAX + 1, limit: MAX };
    assert_eq!(ChildNumber::normal(MAX).unwrap().to_u32(), 0x7fff_ffff);
    assert_eq!(ChildNumber::hardened(MAX).unwrap().to_u32(), 0xffff_ffff);
    assert_eq!(ChildNumber::hardened(0).unwrap().to_u32(), 0x8000_0000);
    assert_eq!(ChildNumber::normal(MAX + 1), Err(error));
    assert_eq!(ChildNumber::hardened(MAX + 1), Err(error));
    let (normal, hardened) = (ChildNumber::from_u32(5), ChildNumber::from_u32(0x8000_0005));
    assert!(!normal.is_hardened() && hardened.is_hardened());
    assert_eq!((normal.index(), hardened.index()), (5, 5));
    assert_eq!((normal.to_string(), hardened.to_string()), ("5".to_owned(), "5'".to_owned()));
}

#[test]
fn paths_are_read_in_every_spelling_and_written_in_one() {
    let cases = [
        ("m", "m"),
        ("m/0", "m/0"),
        ("m/84'/0'/0'", "m/84'/0'/0'"),
        ("m/84h/0H/0'/1/7", "m/84'/0'/0'/1/7"),
        ("m/2147483647'/2147483647", "m/2147483647'/2147483647"),
        ("m/007", "m/7"),
    ];
    for (text, written) in cases {
        let path: DerivationPath = text.parse().unwrap();
        assert_eq!(path.to_string(), written);
    }
}

#[test]
fn malformed_paths_are_refused() {
    let not_a_number = |position| PathError::NotANumber { position };
    let too_large = |position| PathError::TooLarge { position, limit: MAX };
    let cases = [
        ("", PathError::NoRoot),
        ("/", PathError::NoRoot),
        ("0/1", PathError::NoRoot),
        ("M/0", PathError::NoRoot),
        ("m0", PathError::NoRoot),
        (" m", PathError::NoRoot),
        ("m/", not_a_number(1)),
        ("m//0", not_a_number(1)),
        ("m/0/", not_a_number(2)),
        ("m/0/'", not_a_number(2)),
        ("m/0/1''", not_a_number(2)),
        ("m/+1", not_a_number(1)),
        ("m/-1", not_a_number(1)),
        ("m/0x1", not_a_number(1)),
        ("m/1 ", not_a_number(1)),
        ("m/1/\u{661}", not_a_number(2)),
        ("m/2147483648", too_large(1)),
        ("m/0/2147483648'", too_large(2)),
        ("m/99999999999999999999999", too_large(1)),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<DerivationPath>(), Err(error), "{text:?}");
    }
}

#[test]
fn paths_have_at_most_255_steps() {
    let text = |steps| format!("m{}", "/1".repeat(steps));
    let limit = DerivationPath::MAX_LEN;
    assert_eq!(text(limit).parse::<DerivationPath>().unwrap().steps().len(), 255);
    let error = Err(PathError::TooLong { got: 256, limit: 255 });
    assert_eq!(text(limit + 1).parse::<DerivationPath>(), error);
    assert_eq!(DerivationPath::new(vec![ChildNumber::from_u32(1); 256]), error);
}

proptest! {
    #[test]
    fn paths_read_back(steps in proptest::collection::vec(any::<u32>(), 0..20)) {
        let path = DerivationPath::new(steps.into_iter().map(ChildNumber::from_u32).collect()).unwrap();
        prop_assert_eq!(path.to_string().parse::<DerivationPath>(), Ok(path));
    }

    #[test]
    fn any_text_is_handled(text in "m?[/0-9'hH \\PC]{0,40}") {
        if let Ok(path) = text.parse::<DerivationPath>() {
            prop_assert_eq!(path.to_string().parse::<DerivationPath>(), Ok(path));
        }
    }
}
