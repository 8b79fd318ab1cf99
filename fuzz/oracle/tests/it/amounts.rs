//! Coins of 2^63 and above, which Core takes for negative.
//!
//! Neither implementation lets such a coin come to be: Core's `CheckTransaction` refuses an output below zero or above
//! its greatest amount, `cairn_consensus` the same output, whatever the chain's `max_money`, which itself is below
//! 2^63; and both look at each coin's amount again before a script runs. Asked all the same, Core's library treats the
//! amount as not known and fails each signature check of a version 0 witness, where Cairn hashes the eight bytes.

use cairn_primitives::op::{OP_1, OP_CHECKSIG};
use cairn_primitives::{OutPoint, Script, ScriptBuilder, Txid, hash};
use cairn_script::{ScriptFlags, SighashCache};
use oracle::{Case, Draft, Input, key};

/// The least amount that Core takes for negative.
const NEGATIVE: u64 = 1 << 63;

fn draft(amount: u64, script_pubkey: &Script) -> Draft {
    let input = Input {
        previous: OutPoint { txid: Txid::from_bytes([9; 32]), vout: 0 },
        script_sig: Vec::new(),
        sequence: u32::MAX,
        witness: Vec::new(),
        amount,
        script_pubkey: script_pubkey.as_bytes().to_vec(),
    };
    Draft { version: 2, lock_time: 0, inputs: vec![input], outputs: vec![(1, vec![OP_1])] }
}

fn judged(draft: Draft, flags: ScriptFlags) -> Case {
    Case { draft, input: 0, flags: ScriptFlags::NONE }.with_flags(flags)
}

fn p2pk(amount: u64) -> Case {
    let lock = Script::p2pk(&key(0).compressed);
    let mut draft = draft(amount, &lock);
    let (tx, spent) = (draft.transaction(), draft.spent());
    let digest = SighashCache::new(&tx, spent.iter().collect()).legacy(0, lock.as_bytes(), 1);
    let signature = [key(0).secret.sign_ecdsa(&digest).to_der(), vec![1]].concat();
    draft.inputs[0].script_sig =
        ScriptBuilder::new().push_slice(&signature).into_script().as_bytes().to_vec();
    judged(draft, ScriptFlags::P2SH)
}

fn p2wpkh(amount: u64) -> Case {
    let owner = hash::hash160(&key(0).compressed);
    let mut draft = draft(amount, &Script::p2wpkh(owner));
    let (tx, spent) = (draft.transaction(), draft.spent());
    let cache = SighashCache::new(&tx, spent.iter().collect());
    let digest = cache.segwit_v0(0, Script::p2pkh(owner).as_bytes(), 1);
    let signature = [key(0).secret.sign_ecdsa(&digest).to_der(), vec![1]].concat();
    draft.inputs[0].witness = vec![signature, key(0).compressed.to_vec()];
    judged(draft, ScriptFlags::WITNESS)
}

/// A witness script that is true and checks no signature.
fn p2wsh(amount: u64) -> Case {
    let script = vec![OP_1];
    let mut draft = draft(amount, &Script::p2wsh(hash::sha256(&script)));
    draft.inputs[0].witness = vec![script];
    judged(draft, ScriptFlags::WITNESS)
}

fn p2tr(amount: u64) -> Case {
    let secret = key(0).secret.tap_tweak(None).expect("a hash is a tweak");
    let (output, _) = secret.public_key().to_x_only();
    let mut draft = draft(amount, &Script::p2tr(output.to_bytes()));
    let (tx, spent) = (draft.transaction(), draft.spent());
    let digest =
        SighashCache::new(&tx, spent.iter().collect()).taproot(0, 0, None, None).expect("type 0 signs all");
    draft.inputs[0].witness = vec![secret.sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec()];
    judged(draft, ScriptFlags::WITNESS | ScriptFlags::TAPROOT)
}

/// Both accept each spend of the greatest amount that is not negative.
#[test]
fn the_greatest_amount_is_spent_alike() {
    for case in [p2pk, p2wpkh, p2wsh, p2tr].map(|spend| spend(NEGATIVE - 1)) {
        assert_eq!(case.compare(), Ok(Ok(())));
    }
}

/// Of negative amounts the answers differ where a version 0 witness checks a signature, and nowhere else.
#[test]
fn negative_amounts_differ_in_version_0_signatures_only() {
    for amount in [NEGATIVE, u64::MAX] {
        for case in [p2pk, p2wsh, p2tr].map(|spend| spend(amount)) {
            assert_eq!(case.compare(), Ok(Ok(())));
        }
        let disagreement = p2wpkh(amount).compare().unwrap_err();
        assert_eq!(disagreement.ours, Some(Ok(())));
        assert_eq!(disagreement.theirs, Err(bitcoinconsensus::Error::ERR_SCRIPT));
    }
}

/// Outputs may be as negative as they like: no script looks at what is paid but through its hash.
#[test]
fn negative_outputs_are_hashed_alike() {
    let script = ScriptBuilder::new().push_slice(&key(1).compressed).push_opcode(OP_CHECKSIG).into_script();
    for paid in [NEGATIVE, u64::MAX] {
        let mut draft = draft(5, &Script::p2wsh(hash::sha256(script.as_bytes())));
        draft.outputs[0].0 = paid;
        let (tx, spent) = (draft.transaction(), draft.spent());
        let digest = SighashCache::new(&tx, spent.iter().collect()).segwit_v0(0, script.as_bytes(), 1);
        let signature = [key(1).secret.sign_ecdsa(&digest).to_der(), vec![1]].concat();
        draft.inputs[0].witness = vec![signature, script.as_bytes().to_vec()];
        assert_eq!(judged(draft, ScriptFlags::WITNESS).compare(), Ok(Ok(())));
    }
}
