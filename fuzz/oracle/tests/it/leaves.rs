//! Leaf version 50, which is the first byte of an annex too.

use cairn_crypto::{TapTweak, XOnlyPublicKey};
use cairn_primitives::op::OP_0;
use cairn_primitives::{OutPoint, Script, Txid};
use cairn_script::{ScriptError, ScriptFlags, tapleaf_hash};
use oracle::{Case, Draft, Input, key};

/// What an annex begins with.
const ANNEX: u8 = 0x50;

/// A spend by a leaf whose version is 50 and whose script, were it run, would fail. The internal key of the numbers from 0
/// on with an even output key is taken: the parity stands in the same byte.
fn spend(annex: Option<Vec<u8>>) -> Case {
    let script = vec![OP_0];
    let leaf = tapleaf_hash(ANNEX, &script);
    let output = |number| {
        let internal = XOnlyPublicKey::from_bytes(key(number).x_only).expect("it is a key");
        internal.tweak_add(&TapTweak::new(&internal, Some(&leaf))).expect("a hash is a tweak")
    };
    let number = (0..24).find(|number| output(*number).1.to_bit() == 0).expect("half of the keys are even");
    let control = [&[ANNEX], &key(number).x_only[..]].concat();
    let input = Input {
        previous: OutPoint { txid: Txid::from_bytes([3; 32]), vout: 0 },
        script_sig: Vec::new(),
        sequence: 0,
        witness: [script, control].into_iter().chain(annex).collect(),
        amount: 1,
        script_pubkey: Script::p2tr(output(number).0.to_bytes()).as_bytes().to_vec(),
    };
    let draft = Draft { version: 2, lock_time: 0, inputs: vec![input], outputs: vec![] };
    let case = Case { draft, input: 0, flags: ScriptFlags::NONE };
    case.with_flags(ScriptFlags::WITNESS | ScriptFlags::TAPROOT)
}

/// A control block of that version is one only below an annex; alone it is the annex itself, and what is left is no
/// signature.
#[test]
fn version_50_needs_an_annex() {
    assert_eq!(spend(Some(vec![ANNEX])).compare(), Ok(Ok(())));
    assert!(matches!(spend(None).compare(), Ok(Err(ScriptError::SchnorrSigSize { .. }))));
}
