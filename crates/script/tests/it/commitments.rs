//! What each signature hash type commits to: a transaction is signed, one part of it is changed, and the signature must
//! hold or fail as the type says. Legacy scripts, version 0 witnesses and taproot keys, every type with a meaning.

use cairn_crypto::SecretKey;
use cairn_primitives::{
    Amount, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
};
use cairn_script::{SighashCache, verify};

use crate::common::with_input;
use crate::spend::{CONSENSUS, key_hash};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Legacy,
    SegwitV0,
    Taproot,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Nothing,
    Version,
    LockTime,
    OwnOutpoint,
    OwnSequence,
    OwnAmount,
    OtherOutpoint,
    OtherSequence,
    OtherAmount,
    OtherSpentScript,
    MoreInputs,
    OwnOutput,
    OtherOutput,
    MoreOutputs,
}

const CHANGES: [Change; 14] = [
    Change::Nothing,
    Change::Version,
    Change::LockTime,
    Change::OwnOutpoint,
    Change::OwnSequence,
    Change::OwnAmount,
    Change::OtherOutpoint,
    Change::OtherSequence,
    Change::OtherAmount,
    Change::OtherSpentScript,
    Change::MoreInputs,
    Change::OwnOutput,
    Change::OtherOutput,
    Change::MoreOutputs,
];

/// The rules as the BIPs tell them: whether a signature of this type survives the change.
fn survives(kind: Kind, sighash_type: u8, change: Change) -> bool {
    let alone = sighash_type & 0x80 != 0;
    let (none, single) = (sighash_type & 3 == 2, sighash_type & 3 == 3);
    match change {
        Change::Nothing => true,
        Change::Version | Change::LockTime | Change::OwnOutpoint | Change::OwnSequence => false,
        Change::OwnAmount => kind == Kind::Legacy,
        Change::OtherOutpoint | Change::MoreInputs => alone,
        // Taproot commits to all sequence numbers whatever the outputs.
        Change::OtherSequence => alone || (kind != Kind::Taproot && (none || single)),
        Change::OtherAmount | Change::OtherSpentScript => alone || kind != Kind::Taproot,
        Change::OwnOutput => none,
        Change::OtherOutput | Change::MoreOutputs => none || single,
    }
}

/// The input that is signed.
const OWN: usize = 1;

fn output(value: u64) -> TxOut {
    TxOut { value: Amount::from_sat(value), script_pubkey: Script::p2wsh([3; 32]) }
}

fn input(number: u8) -> TxIn {
    TxIn {
        previous: OutPoint { txid: Txid::from_bytes([number; 32]), vout: u32::from(number) },
        script_sig: Script::new(),
        sequence: Sequence::new(u32::from(number)),
        witness: Witness::default(),
    }
}

fn changed(tx: Transaction, mut spent: Vec<TxOut>, change: Change) -> (Transaction, Vec<TxOut>) {
    let (mut version, mut inputs, mut outputs, mut lock_time) = tx.into_parts();
    match change {
        Change::Nothing => {}
        Change::Version => version += 1,
        Change::LockTime => lock_time = LockTime::new(lock_time.to_u32() + 1),
        Change::OwnOutpoint => inputs[OWN].previous.vout += 1,
        Change::OwnSequence => inputs[OWN].sequence = Sequence::new(77),
        Change::OwnAmount => spent[OWN].value = Amount::from_sat(77),
        Change::OtherOutpoint => inputs[0].previous.vout += 1,
        Change::OtherSequence => inputs[0].sequence = Sequence::new(77),
        Change::OtherAmount => spent[0].value = Amount::from_sat(77),
        Change::OtherSpentScript => spent[0].script_pubkey = Script::p2wsh([4; 32]),
        Change::MoreInputs => {
            inputs.push(input(9));
            spent.push(output(9));
        }
        Change::OwnOutput => outputs[OWN].value = Amount::from_sat(77),
        Change::OtherOutput => outputs[0].value = Amount::from_sat(77),
        Change::MoreOutputs => outputs.push(output(9)),
    }
    (Transaction::new(version, inputs, outputs, lock_time), spent)
}

fn locked(kind: Kind, secret: &SecretKey) -> Script {
    let key = secret.public_key();
    match kind {
        Kind::Legacy => Script::p2pkh(key_hash(&key)),
        Kind::SegwitV0 => Script::p2wpkh(key_hash(&key)),
        Kind::Taproot => Script::p2tr(secret.tap_tweak(None).unwrap().public_key().to_x_only().0.to_bytes()),
    }
}

/// The transaction with a signature of this type in its input `OWN`.
fn signed(
    kind: Kind,
    secret: &SecretKey,
    tx: &Transaction,
    spent: &[TxOut],
    sighash_type: u8,
) -> Transaction {
    let cache = SighashCache::new(tx, spent.iter().collect());
    let code = Script::p2pkh(key_hash(&secret.public_key()));
    let key = secret.public_key().to_compressed();
    let ecdsa = |digest| [&secret.sign_ecdsa(&digest).to_der()[..], &[sighash_type]].concat();
    let whole = u32::from(sighash_type);
    match kind {
        Kind::Legacy => {
            let signature = ecdsa(cache.legacy(OWN, code.as_bytes(), whole));
            let script_sig = ScriptBuilder::new().push_slice(&signature).push_slice(&key).into_script();
            with_input(tx, OWN, |input| input.script_sig = script_sig)
        }
        Kind::SegwitV0 => {
            let signature = ecdsa(cache.segwit_v0(OWN, code.as_bytes(), whole));
            with_input(tx, OWN, |input| input.witness = Witness::new(vec![signature, key.to_vec()]))
        }
        Kind::Taproot => {
            let digest = cache.taproot(OWN, sighash_type, None, None).unwrap();
            let mut signature =
                secret.tap_tweak(None).unwrap().sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec();
            if sighash_type != 0 {
                signature.push(sighash_type);
            }
            with_input(tx, OWN, |input| input.witness = Witness::new(vec![signature]))
        }
    }
}

#[test]
fn signatures_commit_to_what_their_type_says() {
    let secret = SecretKey::from_bytes([5; 32]).unwrap();
    for kind in [Kind::Legacy, Kind::SegwitV0, Kind::Taproot] {
        let spent =
            vec![output(10), TxOut { value: Amount::from_sat(20), script_pubkey: locked(kind, &secret) }];
        let inputs = vec![input(1), input(2)];
        let tx = Transaction::new(2, inputs, vec![output(1), output(2)], LockTime::new(3));
        let types: &[u8] = if kind == Kind::Taproot {
            &[0, 1, 2, 3, 0x81, 0x82, 0x83]
        } else {
            &[1, 2, 3, 0x81, 0x82, 0x83]
        };
        for sighash_type in types {
            let signed = signed(kind, &secret, &tx, &spent, *sighash_type);
            for change in CHANGES {
                let (tx, spent) = changed(signed.clone(), spent.clone(), change);
                let result = verify(&SighashCache::new(&tx, spent.iter().collect()), OWN, CONSENSUS);
                let expected = survives(kind, *sighash_type, change);
                assert_eq!(
                    result.is_ok(),
                    expected,
                    "{kind:?} type {sighash_type:#x} {change:?}: {result:?}"
                );
            }
        }
    }
}

#[test]
fn a_missing_single_output_signs_the_number_one() {
    // Input 1 of a transaction with one output: the signature is of a constant and holds for any such transaction.
    let secret = SecretKey::from_bytes([5; 32]).unwrap();
    let spent =
        [output(10), TxOut { value: Amount::from_sat(20), script_pubkey: locked(Kind::Legacy, &secret) }];
    let mut one = [0; 32];
    one[0] = 1;
    let signature = [&secret.sign_ecdsa(&one).to_der()[..], &[3]].concat();
    let key = secret.public_key().to_compressed();
    let script_sig = ScriptBuilder::new().push_slice(&signature).push_slice(&key).into_script();
    for (outputs, holds) in [(1, true), (2, false)] {
        for version in [1, 2] {
            let mut inputs = vec![input(1), input(2)];
            inputs[OWN].script_sig = script_sig.clone();
            let tx = Transaction::new(version, inputs, vec![output(1); outputs], LockTime::ZERO);
            let result = verify(&SighashCache::new(&tx, spent.iter().collect()), OWN, CONSENSUS);
            assert_eq!(result.is_ok(), holds, "{outputs} outputs");
        }
    }
    // Version 0 witnesses sign a zero in the place of the output; taproot refuses the type.
    let one_output = Transaction::new(2, vec![input(1), input(2)], vec![output(1)], LockTime::ZERO);
    let cache = SighashCache::new(&one_output, spent.iter().collect());
    assert_eq!(cache.taproot(OWN, 3, None, None).unwrap_err().code(), "SCHNORR_SIG_HASHTYPE");
    assert!(cache.taproot(0, 3, None, None).is_ok());
}
