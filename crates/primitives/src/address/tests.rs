use super::*;
use crate::hex;
use crate::wif::{WifError, WifKey};
use proptest::prelude::*;

fn prefixes(p2pkh: u8, p2sh: u8, wif: u8, hrp: &str) -> AddressPrefixes {
    let hrp = Hrp::new(hrp).unwrap();
    AddressPrefixes { p2pkh, p2sh, wif, hrp, xpub: [0; 4], xprv: [0; 4], coin_type: 0 }
}

fn main_net() -> AddressPrefixes {
    prefixes(0, 5, 128, "bc")
}

fn test_net() -> AddressPrefixes {
    prefixes(111, 196, 239, "tb")
}

fn script(hex: &str) -> Script {
    Script::from_bytes(hex::decode(hex).unwrap())
}

// BIP350's list of valid addresses, with the scripts they pay to.
const VALID: [(&str, &str); 8] = [
    ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
    ),
    (
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
    ("BC1SW50QGDZ25J", "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
    (
        "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
        "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
        "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ),
];

// BIP350's list of invalid addresses, with what is wrong with each.
const INVALID: [(&str, Bech32Error); 14] = [
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", Bech32Error::Checksum),
    ("tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf", Bech32Error::Checksum),
    ("BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL", Bech32Error::Checksum),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", Bech32Error::Checksum),
    ("tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47", Bech32Error::Checksum),
    ("bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", Bech32Error::Malformed),
    ("BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", Bech32Error::Version),
    ("bc1pw5dgrnzv", Bech32Error::ProgramLength),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
        Bech32Error::ProgramLength,
    ),
    ("BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", Bech32Error::ProgramLength),
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq", Bech32Error::Malformed),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", Bech32Error::Padding),
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j", Bech32Error::Padding),
    ("bc1gmk9yu", Bech32Error::Checksum),
];

fn network_of(text: &str) -> AddressPrefixes {
    if text.starts_with("tb") { test_net() } else { main_net() }
}

#[test]
fn bip350_valid_addresses_and_their_scripts() {
    for (text, hex) in VALID {
        let prefixes = network_of(text);
        let address = Address::parse(text, &prefixes).unwrap();
        assert_eq!(address.script_pubkey(), script(hex), "{text}");
        assert_eq!(Address::from_script(&script(hex)), Some(address), "{text}");
        assert_eq!(address.encode(&prefixes), text.to_lowercase());
    }
}

#[test]
fn bip350_invalid_addresses_and_what_is_wrong() {
    for (text, error) in INVALID {
        assert_eq!(Address::parse(text, &network_of(text)), Err(AddressError::Bech32(error)), "{text}");
    }
    let foreign = "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut";
    assert_eq!(
        Address::parse(foreign, &main_net()),
        Err(AddressError::WrongHrp { expected: main_net().hrp })
    );
}

#[test]
fn another_chains_address_is_named_as_such() {
    // The address of the genesis coinbase's key, and one of testnet's.
    let (genesis, testnet) = ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn");
    assert!(matches!(Address::parse(genesis, &main_net()), Ok(Address::P2pkh(_))));
    assert_eq!(
        Address::parse(genesis, &test_net()),
        Err(AddressError::Version { got: 0, p2pkh: 111, p2sh: 196 })
    );
    assert_eq!(
        Address::parse(testnet, &main_net()),
        Err(AddressError::Version { got: 111, p2pkh: 0, p2sh: 5 })
    );
    assert_eq!(
        Address::parse("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", &test_net()),
        Err(AddressError::WrongHrp { expected: test_net().hrp })
    );
}

#[test]
fn base58_addresses_go_wrong_in_named_ways() {
    let parse = |text: &str| Address::parse(text, &main_net()).unwrap_err();
    assert_eq!(parse(""), AddressError::Base58(Base58Error::NoChecksum { got: 0, expected: 4 }));
    assert_eq!(parse("1A1zP1eP0"), AddressError::Base58(Base58Error::NotADigit { position: 8 }));
    assert_eq!(
        parse(" 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        AddressError::Base58(Base58Error::NotADigit { position: 0 })
    );
    assert!(matches!(
        parse("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
        AddressError::Base58(Base58Error::Checksum { .. })
    ));
    for length in [0, 1, 20, 22] {
        let text = base58::encode_check(&vec![0; length]);
        assert_eq!(parse(&text), AddressError::PayloadLength { got: length, expected: 21 });
    }
}

#[test]
fn ninety_characters_are_looked_at_and_no_more() {
    // The longest human-readable part with the longest program fills the limit exactly.
    let prefixes = prefixes(0, 5, 128, "abcdefghijklmnopqr");
    let address = Address::Witness(WitnessProgram::new(16, &[7; 40]).unwrap());
    let text = address.encode(&prefixes);
    assert_eq!(text.len(), MAX_ADDRESS_LEN);
    assert_eq!(Address::parse(&text, &prefixes), Ok(address));
    let longer = format!("{text}q");
    assert_eq!(Address::parse(&longer, &prefixes), Err(AddressError::TooLong { got: 91, limit: 90 }));
}

#[test]
fn hrp_rules() {
    assert_eq!(Hrp::new(&"a".repeat(18)).unwrap().as_str(), "a".repeat(18));
    assert_eq!(Hrp::new(""), Err(HrpError::Length { got: 0, limit: 18 }));
    assert_eq!(Hrp::new(&"a".repeat(19)), Err(HrpError::Length { got: 19, limit: 18 }));
    assert_eq!(Hrp::new("vIto"), Err(HrpError::Character { got: b'I', position: 1 }));
    assert_eq!(Hrp::new("a b"), Err(HrpError::Character { got: b' ', position: 1 }));
    assert_eq!(Hrp::new("\u{7f}"), Err(HrpError::Character { got: 0x7f, position: 0 }));
    assert_eq!("a1~!".parse::<Hrp>().unwrap().to_string(), "a1~!");
}

#[test]
fn program_rules() {
    for (version, length) in [(0, 20), (0, 32), (1, 2), (1, 40), (16, 32)] {
        assert!(WitnessProgram::new(version, &vec![1; length]).is_ok());
    }
    for (version, length) in [(0, 2), (0, 21), (0, 40), (1, 1), (1, 41), (16, 0)] {
        let error = WitnessProgramError::Length { version, got: length };
        assert_eq!(WitnessProgram::new(version, &vec![1; length]), Err(error));
    }
    assert_eq!(WitnessProgram::new(17, &[1; 32]), Err(WitnessProgramError::Version { got: 17, limit: 16 }));
}

#[test]
fn forms_without_an_address_have_none() {
    let key = hex::decode("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798").unwrap();
    for script in [Script::new(), Script::p2pk(&key), Script::multisig(1, &[&key]), Script::op_return(b"x")] {
        assert_eq!(Address::from_script(&script), None, "{script:?}");
    }
    // The anchor form has one: Bitcoin Core prints this text for it.
    let anchor = Address::from_script(&script("51024e73")).unwrap();
    assert_eq!(anchor.encode(&main_net()), "bc1pfeessrawgf");
}

#[test]
fn base58_text_is_limited() {
    assert_eq!(base58::decode(&"1".repeat(base58::MAX_TEXT_LEN)).unwrap(), vec![0; base58::MAX_TEXT_LEN]);
    assert_eq!(
        base58::decode(&"1".repeat(base58::MAX_TEXT_LEN + 1)),
        Err(Base58Error::TooLong { got: base58::MAX_TEXT_LEN + 1, limit: base58::MAX_TEXT_LEN })
    );
    assert_eq!(base58::decode("ä"), Err(Base58Error::NotADigit { position: 0 }));
}

#[test]
fn wif_goes_wrong_in_named_ways() {
    // The wiki's example of the format.
    let text = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ";
    let key = WifKey::parse(text, &main_net()).unwrap();
    assert_eq!(hex::encode(key.secret()), "0c28fca386c7a227600b2fe50b7cae11ec86d3bf1fbe471be89827e19d72aa1d");
    assert!(!key.is_compressed());
    assert_eq!(key.encode(&main_net()), text);
    assert_eq!(WifKey::parse(text, &test_net()), Err(WifError::Version { got: 128, expected: 239 }));
    assert!(!format!("{key:?}").contains("28"), "the secret is not printed");

    let parse = |payload: &[u8]| WifKey::parse(&base58::encode_check(payload), &main_net());
    assert!(parse(&[128; 33]).is_ok());
    let mut compressed = [128; 34];
    compressed[33] = 1;
    assert!(parse(&compressed).unwrap().is_compressed());
    compressed[33] = 2;
    assert_eq!(parse(&compressed), Err(WifError::Form { got: 34 }));
    for length in [0, 1, 32, 35] {
        assert_eq!(parse(&vec![128; length]), Err(WifError::Form { got: length }));
    }
}

fn any_address() -> impl Strategy<Value = Address> {
    let hash = any::<[u8; 20]>().prop_map(Hash160::from_bytes);
    let program = |version, bytes: Vec<u8>| WitnessProgram::new(version, &bytes).expect("allowed length");
    prop_oneof![
        hash.clone().prop_map(Address::P2pkh),
        hash.prop_map(Address::P2sh),
        any::<[u8; 20]>().prop_map(move |bytes| Address::Witness(program(0, bytes.to_vec()))),
        any::<[u8; 32]>().prop_map(move |bytes| Address::Witness(program(0, bytes.to_vec()))),
        (1..=16_u8, proptest::collection::vec(any::<u8>(), 2..=40))
            .prop_map(move |(version, bytes)| Address::Witness(program(version, bytes))),
    ]
}

proptest! {
    #[test]
    fn text_and_script_lead_back(address in any_address(), upper: bool) {
        // A made-up chain whose addresses begin with V.
        let prefixes = prefixes(70, 132, 198, "vito");
        let mut text = address.encode(&prefixes);
        if upper && matches!(address, Address::Witness(_)) { text.make_ascii_uppercase(); }
        prop_assert_eq!(Address::parse(&text, &prefixes), Ok(address));
        prop_assert_eq!(Address::from_script(&address.script_pubkey()), Some(address));
        if matches!(address, Address::P2pkh(_)) { prop_assert!(text.starts_with('V')); }
    }

    #[test]
    fn a_changed_character_is_noticed(address in any_address(), at in any::<prop::sample::Index>(), to in "[0-9a-zA-Z]") {
        let mut text = address.encode(&main_net());
        let at = at.index(text.len());
        prop_assume!(text[at..=at] != to);
        text.replace_range(at..=at, &to);
        prop_assert!(Address::parse(&text, &main_net()).is_err());
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,100}", near in "(bc1|BC1|1|3)[0-9a-zA-Z]{0,95}") {
        for text in [text, near] {
            let _ = Address::parse(&text, &main_net());
            let _ = WifKey::parse(&text, &main_net());
            let _ = base58::decode_check(&text);
            let _ = Hrp::new(&text);
        }
    }

    #[test]
    fn base58_leads_back(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(base58::decode(&base58::encode(&bytes)), Ok(bytes.clone()));
        prop_assert_eq!(base58::decode_check(&base58::encode_check(&bytes)), Ok(bytes));
    }
}
