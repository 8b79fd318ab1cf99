//! Signing, and what is refused.

use cairn_primitives::{Script, Transaction};
use cairn_wallet::{Purpose, SignError, SigningRequest, TxBuilder, sign};

use crate::support::{FakeChain, Owner, rate, sat, stranger};

fn request(purpose: Purpose) -> (Owner, SigningRequest) {
    let chain = FakeChain::new();
    let mut owner = Owner::new(1, &[purpose]);
    chain.give(&owner.wallet.new_address().unwrap(), 50_000);
    chain.give(&owner.wallet.new_address().unwrap(), 60_000);
    owner.wallet.sync(&chain).unwrap();
    let request = owner.wallet.build(&TxBuilder::new(rate(1)).pay(stranger(1), sat(100_000))).unwrap();
    (owner, request)
}

fn error(owner: &Owner, request: &SigningRequest) -> SignError {
    sign(request, &owner.secrets).unwrap_err()
}

#[test]
fn the_same_request_gives_the_same_transaction() {
    for purpose in Purpose::ALL {
        let (owner, request) = request(purpose);
        let tx = owner.sign(&request);
        assert_eq!(tx, owner.sign(&request));
        assert_eq!(tx.inputs().len(), 2);
        if purpose != Purpose::Bip44 {
            assert_eq!(tx.txid(), request.tx.txid(), "witnesses are not part of the id");
        }
    }
}

#[test]
fn several_kinds_of_coins_are_signed_together() {
    let chain = FakeChain::new();
    let mut owner = Owner::new(4, &Purpose::ALL);
    for purpose in Purpose::ALL {
        chain.give(&owner.wallet.new_address_of(purpose).unwrap(), 40_000);
    }
    owner.wallet.sync(&chain).unwrap();
    let request = owner.wallet.build(&TxBuilder::new(rate(1)).pay(stranger(1), sat(110_000))).unwrap();
    assert_eq!(request.tx.inputs().len(), 3);
    chain.offer(&owner.sign(&request)).unwrap();
    owner.secrets.remove(1);
    assert!(
        matches!(error(&owner, &request), SignError::NoSecret { origin, .. } if origin.purpose == Purpose::Bip84)
    );
}

#[test]
fn secrets_of_another_wallet_sign_nothing() {
    for purpose in Purpose::ALL {
        let (_, request) = request(purpose);
        let other = Owner::new(2, &[purpose]);
        assert_eq!(error(&other, &request), SignError::WrongKey { index: 0 });
        assert!(matches!(sign(&request, &[]), Err(SignError::NoSecret { index: 0, .. })));
    }
}

#[test]
fn a_coin_that_is_not_as_its_transaction_made_it_is_refused() {
    let (owner, good) = request(Purpose::Bip84);
    let mut bad = good.clone();
    bad.inputs[1].coin.value = sat(70_000);
    assert_eq!(error(&owner, &bad), SignError::WrongCoin { index: 1 });
    let mut bad = good.clone();
    bad.inputs.swap(0, 1);
    assert!(matches!(error(&owner, &bad), SignError::WrongPrevious { index: 0, .. }));
    let mut bad = good.clone();
    bad.inputs.pop();
    assert_eq!(error(&owner, &bad), SignError::InputCount { got: 1, expected: 2 });
}

#[test]
fn only_p2pkh_needs_the_transaction_that_made_the_coin() {
    for purpose in Purpose::ALL {
        let (owner, mut request) = request(purpose);
        request.inputs.iter_mut().for_each(|input| input.previous = None);
        let result = sign(&request, &owner.secrets);
        match purpose {
            Purpose::Bip44 => assert_eq!(result, Err(SignError::PreviousNeeded { index: 0 })),
            Purpose::Bip84 | Purpose::Bip86 => assert!(result.is_ok()),
        }
    }
}

#[test]
fn coins_that_hold_less_than_the_outputs_are_refused() {
    let (owner, mut request) = request(Purpose::Bip84);
    let with = |value: u64| {
        let (version, inputs, mut outputs, lock_time) = request.tx.clone().into_parts();
        outputs.truncate(1);
        outputs[0].value = sat(value);
        Transaction::new(version, inputs, outputs, lock_time)
    };
    let (all, more) = (with(110_000), with(110_001));
    request.tx = all;
    assert_eq!(request.fee(), Some(sat(0)));
    assert!(sign(&request, &owner.secrets).is_ok(), "the signer is not the one who judges fees");
    request.tx = more;
    assert_eq!(error(&owner, &request), SignError::NegativeFee);
}

#[test]
fn a_coin_of_a_form_the_wallet_cannot_spend_is_refused() {
    let (owner, mut request) = request(Purpose::Bip84);
    request.inputs[0].previous = None;
    request.inputs[0].coin.script_pubkey = Script::p2wsh([1; 32]);
    assert_eq!(error(&owner, &request), SignError::WrongKey { index: 0 });
}
