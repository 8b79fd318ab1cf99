//! Addresses of this chain and of others.

use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Address, AddressError, Hash160, WitnessProgram};
use cairn_wallet::{RecipientError, parse_recipient};

fn forms() -> [Address; 3] {
    let program = WitnessProgram::new(0, &[3; 20]).unwrap();
    [
        Address::P2pkh(Hash160::from_bytes([1; 20])),
        Address::P2sh(Hash160::from_bytes([2; 20])),
        Address::Witness(program),
    ]
}

#[test]
fn an_address_of_another_chain_is_named() {
    for here in presets::NAMES {
        let here = ChainSpec::preset(here).unwrap();
        for there in presets::NAMES {
            let there = ChainSpec::preset(there).unwrap();
            for address in forms() {
                let text = address.encode(&there.address);
                let own = address.encode(&here.address) == text;
                match parse_recipient(&text, &here) {
                    Ok(read) => assert!(own && read == address),
                    Err(RecipientError::OtherChain { looks_like }) => {
                        assert!(!own && looks_like.as_slice().contains(&there.chain.name.as_str()));
                        assert!(!looks_like.as_slice().contains(&here.chain.name.as_str()));
                    }
                    Err(error) => panic!("{text}: {error}"),
                }
            }
        }
    }
}

#[test]
fn the_names_are_said_plainly() {
    let vito = presets::vito();
    let on_vito = |text: &str| parse_recipient(text, &vito).unwrap_err().to_string();
    // Addresses of BIP173's and Bitcoin's documentation.
    let bitcoin = "this is an address of another chain: it looks like one of bitcoin";
    assert_eq!(on_vito("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"), bitcoin);
    assert_eq!(on_vito("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), bitcoin);
    let tests = on_vito("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx");
    assert!(tests.ends_with("testnet3, testnet4, signet"), "{tests}");
}

#[test]
fn what_is_no_address_is_not_taken_for_one() {
    let vito = presets::vito();
    for text in
        ["", "hello", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"]
    {
        assert!(matches!(parse_recipient(text, &vito), Err(RecipientError::Address(_))), "{text}");
    }
    let long = "1".repeat(91);
    let error = parse_recipient(&long, &vito).unwrap_err();
    assert_eq!(error, RecipientError::Address(AddressError::TooLong { got: 91, limit: 90 }));
}
