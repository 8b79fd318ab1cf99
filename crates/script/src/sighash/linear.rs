//! How much is hashed for transactions with very many inputs and scripts with very many checks. Counted, not timed.

use cairn_crypto::SecretKey;
use cairn_primitives::op::*;
use cairn_primitives::{
    Amount, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    hash,
};

use super::engine::bytes_hashed;
use super::{SharedHashes, SighashCache};
use crate::flags::ScriptFlags;
use crate::verify::verify;

const FLAGS: ScriptFlags = ScriptFlags::P2SH.union(ScriptFlags::WITNESS).union(ScriptFlags::TAPROOT);
/// Two outputs with a script of 22 bytes: 8 for the value and 1 for the length.
const OUTPUTS: u64 = 2 * 31;

fn secret() -> SecretKey {
    SecretKey::from_bytes([3; 32]).unwrap()
}

fn key_hash() -> cairn_primitives::Hash160 {
    hash::hash160(&secret().public_key().to_compressed())
}

fn unsigned(inputs: usize) -> Transaction {
    let input = |vout| TxIn {
        previous: OutPoint { txid: Txid::from_bytes([9; 32]), vout },
        script_sig: Script::new(),
        sequence: Sequence::FINAL,
        witness: Witness::default(),
    };
    let output = TxOut { value: Amount::from_sat(1), script_pubkey: Script::p2wpkh(key_hash()) };
    let inputs = (0..).map(input).take(inputs).collect();
    Transaction::new(2, inputs, vec![output.clone(), output], LockTime::ZERO)
}

fn coin(script_pubkey: Script) -> TxOut {
    TxOut { value: Amount::from_sat(2), script_pubkey }
}

/// `tx` with `sign`'s witness in each input.
fn with_witnesses(tx: &Transaction, mut sign: impl FnMut(usize) -> Vec<Vec<u8>>) -> Transaction {
    let (version, mut inputs, outputs, lock_time) = tx.clone().into_parts();
    inputs.iter_mut().enumerate().for_each(|(at, input)| input.witness = Witness::new(sign(at)));
    Transaction::new(version, inputs, outputs, lock_time)
}

fn with_script(tx: &Transaction, script_sig: Script) -> Transaction {
    let (version, mut inputs, outputs, lock_time) = tx.clone().into_parts();
    inputs[0].script_sig = script_sig;
    Transaction::new(version, inputs, outputs, lock_time)
}

/// Pays from `count` version 0 key hashes, and the coins.
fn segwit(count: usize) -> (Transaction, TxOut) {
    let (tx, coin, secret) = (unsigned(count), coin(Script::p2wpkh(key_hash())), secret());
    let cache = SighashCache::new(&tx, vec![&coin; count]);
    let code = Script::p2pkh(key_hash());
    let signed = with_witnesses(&tx, |input| {
        let mut signature = secret.sign_ecdsa(&cache.segwit_v0(input, code.as_bytes(), 1)).to_der();
        signature.push(1);
        vec![signature, secret.public_key().to_compressed().to_vec()]
    });
    (signed, coin)
}

/// Pays from `count` taproot keys, and the coins.
fn taproot(count: usize) -> (Transaction, TxOut) {
    let (tx, secret) = (unsigned(count), secret());
    let coin = coin(Script::p2tr(secret.public_key().to_x_only().0.to_bytes()));
    let cache = SighashCache::new(&tx, vec![&coin; count]);
    let signed = with_witnesses(&tx, |input| {
        let digest = cache.taproot(input, 0, None, None).unwrap();
        vec![secret.sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec()]
    });
    (signed, coin)
}

/// Bytes hashed to check every input, which passes.
fn check(cache: &SighashCache<'_>) -> u64 {
    let inputs = cache.transaction().inputs().len();
    let (passed, bytes) = bytes_hashed(|| (0..inputs).all(|input| verify(cache, input, FLAGS) == Ok(())));
    assert!(passed);
    bytes
}

#[test]
fn a_transaction_of_5000_inputs_is_hashed_in_linear_time_under_segwit() {
    for count in [1, 5_000] {
        let (tx, coin) = segwit(count);
        // BIP143: outpoints, sequences and outputs once; for each input 182 bytes, 26 of them the script code.
        let shared = 40 * count as u64 + OUTPUTS;
        let cache = SighashCache::new(&tx, vec![&coin; count]);
        assert_eq!(check(&cache), shared + 182 * count as u64);
        assert_eq!(check(&cache), 182 * count as u64, "what is shared is not hashed again");
    }
}

#[test]
fn a_transaction_of_5000_inputs_is_hashed_in_linear_time_under_taproot() {
    for count in [1, 5_000] {
        let (tx, coin) = taproot(count);
        // BIP341: outpoints, sequences, amounts, scripts of 34 bytes with their length, outputs; tags and epoch.
        let shared = (40 + 8 + 35) * count as u64 + OUTPUTS;
        let cache = SighashCache::new(&tx, vec![&coin; count]);
        assert_eq!(check(&cache), shared + 65 + 174 * count as u64);
        assert_eq!(check(&cache), 174 * count as u64);
    }
}

#[test]
fn every_hash_type_is_linear_in_both() {
    let run = |count: usize| {
        let (tx, coin) = (unsigned(count), coin(Script::p2wpkh(key_hash())));
        let cache = SighashCache::new(&tx, vec![&coin; count]);
        let digests = || {
            for input in 0..count {
                (0..=0xff).for_each(|sighash_type| {
                    let _ = cache.segwit_v0(input, &[OP_1], sighash_type);
                });
                (0..=0xff).for_each(|sighash_type| {
                    let _ = cache.taproot(input, sighash_type, None, None);
                });
            }
        };
        bytes_hashed(digests).1
    };
    let (once, twice) = (run(200), run(400));
    assert!(twice <= 2 * once, "{once} bytes for half of what takes {twice}");
}

#[test]
fn those_who_share_hashes_compute_them_once() {
    const COUNT: usize = 300;
    for (tx, coin, shared) in [
        (segwit(COUNT).0, segwit(1).1, 40 * COUNT as u64 + OUTPUTS),
        (taproot(COUNT).0, taproot(1).1, 83 * COUNT as u64 + OUTPUTS),
    ] {
        let hashes = SharedHashes::new(&tx);
        assert_eq!(hashes.hashed_bytes(), 0);
        let task = |first: usize| {
            let cache = SighashCache::new(&tx, vec![&coin; COUNT]).with_hashes(&hashes);
            bytes_hashed(|| (first..first + 10).all(|input| verify(&cache, input, FLAGS) == Ok(())))
        };
        let counts: Vec<_> = (0..COUNT).step_by(10).map(task).collect();
        assert!(counts.iter().all(|(passed, _)| *passed));
        assert!(counts[0].1 >= shared && counts[1..].iter().all(|(_, bytes)| *bytes == counts[1].1));
        assert!(counts[1].1 < 2_000, "ten digests: {}", counts[1].1);
        assert_eq!(hashes.hashed_bytes(), shared);
    }
}

#[test]
#[should_panic(expected = "one transaction")]
fn hashes_of_another_transaction_are_not_used() {
    let (one, other) = (unsigned(1), unsigned(2));
    let _ = SighashCache::new(&one, vec![]).with_hashes(&SharedHashes::new(&other));
}

/// A legacy signature hashes the whole transaction with its own script in it: no two inputs share anything, and the
/// bytes grow with the square of the inputs. Consensus asks for that, of Core as well; blocks bound it by their size.
#[test]
fn legacy_is_quadratic_by_consensus() {
    // All inputs blank with 41 bytes, the signed one with the code of 25 besides; counts of inputs above 252 take three
    // bytes.
    let message = |count: u64| 4 + 3 + 41 * count + 25 + 1 + OUTPUTS + 4 + 4;
    for count in [253, 506] {
        let tx = unsigned(count);
        let cache = SighashCache::new(&tx, vec![]);
        let code = Script::p2pkh(key_hash());
        let (_, bytes) = bytes_hashed(|| {
            (0..count).for_each(|input| {
                let _ = cache.legacy(input, code.as_bytes(), 1);
            });
        });
        assert_eq!(bytes, count as u64 * message(count as u64));
    }
}

/// Bytes of the message that input 0 of `tx` signs with `code` and type 1, the type left out.
fn message_len(tx: &Transaction, code: &[u8]) -> u64 {
    let cache = SighashCache::new(tx, vec![]);
    bytes_hashed(|| cache.legacy(0, code, 1)).1 - 4
}

#[test]
fn many_checks_in_one_legacy_input_hash_once_for_each_class() {
    // The least that reads as a signature, and signs nothing, with a type of each of three classes in turn.
    let signature = |sighash_type| [0x30, 6, 2, 1, 1, 2, 1, 1, sighash_type];
    let key = secret().public_key().to_compressed();
    let script = |types: &[u8]| {
        let checks = (0..200).fold(ScriptBuilder::new(), |script, check| {
            script
                .push_slice(&signature(types[check % types.len()]))
                .push_slice(&key)
                .push_opcode(OP_CHECKSIG)
        });
        checks.push_opcode(OP_1).into_script()
    };
    let tx = unsigned(1_000);
    for (types, hashed) in [(&[1][..], 2), (&[1, 0x81], 3), (&[1, 2, 0x83], 4)] {
        let coin = coin(script(types));
        let cache = SighashCache::new(&tx, vec![&coin; 1_000]);
        let (result, bytes) = bytes_hashed(|| verify(&cache, 0, ScriptFlags::NONE));
        assert_eq!(result, Ok(()));
        // The first check keeps nothing, so its class is hashed twice.
        let most = hashed * message_len(&tx, coin.script_pubkey.as_bytes()) + 200 * 4;
        assert!(bytes <= most, "{bytes} of {most} with {types:?}");
    }
}

#[test]
fn a_multisig_of_15_of_20_hashes_twice() {
    let secrets: Vec<_> = (1..=20).map(|byte| SecretKey::from_bytes([byte; 32]).unwrap()).collect();
    let script = secrets
        .iter()
        .fold(ScriptBuilder::new().push_opcode(OP_15), |script, secret| {
            script.push_slice(&secret.public_key().to_compressed())
        })
        .push_slice(&[20])
        .push_opcode(OP_CHECKMULTISIG)
        .into_script();
    let tx = unsigned(1_000);
    let digest = SighashCache::new(&tx, vec![]).legacy(0, script.as_bytes(), 1);
    // The first fifteen keys sign, so each of the twenty is tried.
    let script_sig = secrets[..15].iter().fold(ScriptBuilder::new().push_opcode(OP_0), |script, secret| {
        script.push_slice(&[&secret.sign_ecdsa(&digest).to_der()[..], &[1]].concat())
    });
    let (tx, coin) = (with_script(&tx, script_sig.into_script()), coin(script));
    let cache = SighashCache::new(&tx, vec![&coin; 1_000]);
    let (result, bytes) = bytes_hashed(|| verify(&cache, 0, ScriptFlags::NONE));
    assert_eq!(result, Ok(()));
    assert_eq!(bytes, 2 * message_len(&tx, coin.script_pubkey.as_bytes()) + 20 * 4);
}
