//! Signature hashes against the `bitcoin` crate.

use bitcoin::hashes::{Hash, sha256d};
use bitcoin::sighash::{Annex, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash, TapNodeHash, TapTweakHash};
use bitcoin::{Amount, EcdsaSighashType, Script, ScriptBuf, Transaction, TxOut, consensus};
use cairn_crypto::{TapTweak, XOnlyPublicKey};
use cairn_primitives::op::{OP_0, OP_CODESEPARATOR, OP_PUSHDATA1, OP_PUSHDATA4};
use cairn_primitives::{Encode, OutPoint, Txid};
use cairn_script::{TapscriptPosition, annex_hash, tapbranch_hash, tapleaf_hash};
use oracle::{Draft, Input, Rng, key};

use crate::{is_long, tally};

/// A transaction that no script ever ran in, with the outputs it spends; any amounts.
fn some_draft(rng: &mut Rng) -> Draft {
    let amount = |rng: &mut Rng| if rng.chance(80) { rng.below(3_000_000_000) as u64 } else { rng.u64() };
    let script = |rng: &mut Rng| {
        let size = rng.pick(&[0, 1, 22, 25, 34, 252, 253]);
        rng.bytes(size)
    };
    let input = |rng: &mut Rng| Input {
        previous: OutPoint { txid: Txid::from_bytes(rng.hash()), vout: rng.u32() },
        script_sig: script(rng),
        sequence: rng.pick(&[u32::MAX, u32::MAX - 1, 0, 5, 1 << 22]),
        witness: Vec::new(),
        amount: amount(rng),
        script_pubkey: script(rng),
    };
    Draft {
        version: rng.pick(&[1, 2, 3, 0, -1, i32::MIN]),
        lock_time: rng.u32(),
        inputs: (0..rng.within(1, 5)).map(|_| input(rng)).collect(),
        outputs: (0..rng.below(6)).map(|_| (amount(rng), script(rng))).collect(),
    }
}

/// A script that can be read to its end: opcodes, pushes, code separators, and pushes in which separators' bytes stand.
fn some_code(rng: &mut Rng) -> Vec<u8> {
    let mut code = Vec::new();
    for _ in 0..rng.below(12) {
        match rng.below(6) {
            0 => code.push(OP_CODESEPARATOR),
            1 => {
                let size = rng.below(76);
                code.push(size as u8);
                code.extend(if rng.chance(50) { vec![OP_CODESEPARATOR; size] } else { rng.bytes(size) });
            }
            2 => {
                code.extend([OP_PUSHDATA1, 3]);
                code.extend([OP_CODESEPARATOR; 3]);
            }
            _ => code.push(rng.u8().saturating_add(OP_PUSHDATA4 + 1)),
        }
    }
    code
}

/// The code without its separators, which the interpreter around the other crate's hash would have to leave out.
fn without_separators(code: &[u8]) -> ScriptBuf {
    let script = Script::from_bytes(code);
    let places: Vec<_> = script.instruction_indices().map(|place| place.expect("it can be read").0).collect();
    let mut left = Vec::new();
    for (index, start) in places.iter().enumerate() {
        let end = places.get(index + 1).copied().unwrap_or(code.len());
        if code[*start] != OP_CODESEPARATOR {
            left.extend_from_slice(&code[*start..end]);
        }
    }
    left.into()
}

/// Types with a meaning, the odd ones of the first years, and any number.
fn some_type(rng: &mut Rng) -> u32 {
    match rng.below(10) {
        0..=4 => rng.pick(&[1, 2, 3, 0x81, 0x82, 0x83]),
        5..=7 => rng.pick(&[0, 4, 0x1f, 0x20, 0x21, 0x42, 0x43, 0x50, 0x7f, 0x80, 0x84, 0xc1, 0xe3, 0xff]),
        8 => u32::from(rng.u8()),
        _ => rng.u32(),
    }
}

/// The same transaction and outputs as the other crate has them.
fn theirs(draft: &Draft) -> (Transaction, Vec<TxOut>) {
    let tx = consensus::deserialize(&draft.transaction().to_bytes()).expect("both read it");
    let spent = draft.inputs.iter().map(|input| TxOut {
        value: Amount::from_sat(input.amount),
        script_pubkey: input.script_pubkey.clone().into(),
    });
    (tx, spent.collect())
}

fn same(what: &str, kind: u32, draft: &Draft, ours: &[u8], theirs: &[u8]) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("{what}, type {kind:#x}: cairn {ours:02x?}, the bitcoin crate {theirs:02x?}, of {draft:?}"))
}

fn legacy(rng: &mut Rng) -> Result<&'static str, String> {
    let (draft, code, kind) = (some_draft(rng), some_code(rng), some_type(rng));
    let input = rng.below(draft.inputs.len());
    let (tx, spent) = (draft.transaction(), draft.spent());
    let ours = cairn_script::SighashCache::new(&tx, spent.iter().collect()).legacy(input, &code, kind);
    let (tx, _) = theirs(&draft);
    let theirs = SighashCache::new(&tx).legacy_signature_hash(input, &without_separators(&code), kind);
    let theirs = theirs.expect("the input is there").to_byte_array();
    same("legacy", kind, &draft, &ours, &theirs)?;
    let one = theirs.iter().skip(1).all(|byte| *byte == 0);
    Ok(if one { "one" } else { "hash" })
}

fn segwit(rng: &mut Rng) -> Result<&'static str, String> {
    let (draft, kind) = (some_draft(rng), some_type(rng));
    let (input, size) = (rng.below(draft.inputs.len()), rng.below(300));
    let code = rng.bytes(size);
    let (tx, spent) = (draft.transaction(), draft.spent());
    let ours = cairn_script::SighashCache::new(&tx, spent.iter().collect()).segwit_v0(input, &code, kind);
    let (tx, outputs) = theirs(&draft);
    let mut message = Vec::new();
    let class = EcdsaSighashType::from_consensus(kind);
    let script = Script::from_bytes(&code);
    let amount = outputs[input].value;
    let written =
        SighashCache::new(&tx).segwit_v0_encode_signing_data_to(&mut message, input, script, amount, class);
    written.expect("the input is there");
    // Its type for odd numbers is the plain one it behaves like; what is hashed last is the number itself.
    let end = message.len() - 4;
    message[end..].copy_from_slice(&kind.to_le_bytes());
    same("segwit", kind, &draft, &ours, &sha256d::Hash::hash(&message).to_byte_array())?;
    Ok(if class.to_u32() == kind { "plain" } else { "odd" })
}

fn taproot(rng: &mut Rng) -> Result<&'static str, String> {
    let draft = some_draft(rng);
    let input = rng.below(draft.inputs.len());
    let usual = rng.pick(&[0, 1, 2, 3, 0x81, 0x82, 0x83]);
    let kind = if rng.chance(80) { usual } else { rng.u8() };
    let size = rng.pick(&[0, 1, 251, 252, 253]);
    let annex = rng.chance(40).then(|| [&[0x50], &rng.bytes(size)[..]].concat());
    let separator = rng.pick(&[0, 1, 7, 0xffff, u32::MAX - 1, u32::MAX]);
    let leaf = rng.chance(60).then(|| (rng.hash(), separator));

    let (tx, spent) = (draft.transaction(), draft.spent());
    let cache = cairn_script::SighashCache::new(&tx, spent.iter().collect());
    let hash = annex.as_deref().map(annex_hash);
    let position = leaf.map(|(leaf_hash, code_separator)| TapscriptPosition { leaf_hash, code_separator });
    let ours = cache.taproot(input, kind, hash.as_ref(), position.as_ref());

    let Ok(class) = TapSighashType::from_consensus_u8(kind) else {
        return if ours.is_err() { Ok("no-type") } else { Err(format!("cairn hashes type {kind:#x}")) };
    };
    let (tx, outputs) = theirs(&draft);
    let theirs = SighashCache::new(&tx).taproot_signature_hash(
        input,
        &Prevouts::All(&outputs),
        annex.as_deref().map(|annex| Annex::new(annex).expect("it begins with 50")),
        leaf.map(|(hash, separator)| (TapLeafHash::from_byte_array(hash), separator)),
        class,
    );
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            same("taproot", u32::from(kind), &draft, &ours, theirs.as_byte_array())?;
            Ok(if leaf.is_some() { "script" } else { "key" })
        }
        (Err(_), Err(_)) => Ok("no-output"),
        (ours, theirs) => {
            Err(format!("taproot, type {kind:#x}: cairn {ours:?}, the bitcoin crate {theirs:?}"))
        }
    }
}

/// Leaves, branches, and the tweak of a key by the root.
fn trees(rng: &mut Rng) -> Result<&'static str, String> {
    let size = rng.pick(&[0, 1, 34, 252, 253, 600]);
    let (script, version) = (rng.bytes(size), rng.u8() & 0xfe);
    // 50 begins an annex, so that the other crate has no such leaf version; `leaves` asks Core about it.
    let version = if version == 0x50 { 0xc0 } else { version };
    let theirs = LeafVersion::from_consensus(version).expect("it is even and not 50");
    let theirs = TapLeafHash::from_script(Script::from_bytes(&script), theirs);
    let ours = tapleaf_hash(version, &script);
    if ours != theirs.to_byte_array() {
        return Err(format!("leaf of version {version:#x}, {script:02x?}"));
    }
    let other = rng.hash();
    let root = tapbranch_hash(&ours, &other);
    let theirs = TapNodeHash::from_node_hashes(theirs.into(), TapNodeHash::from_byte_array(other));
    if root != theirs.to_byte_array() {
        return Err(format!("branch of {ours:02x?} and {other:02x?}"));
    }
    let internal = key(rng.below(24)).x_only;
    let root = rng.chance(70).then_some(root);
    let ours = TapTweak::new(&XOnlyPublicKey::from_bytes(internal).expect("it is a key"), root.as_ref());
    let internal = bitcoin::XOnlyPublicKey::from_slice(&internal).expect("it is a key");
    let theirs = TapTweakHash::from_key_and_tweak(internal, root.map(TapNodeHash::from_byte_array));
    if ours.to_bytes() == theirs.to_byte_array() {
        Ok("tree")
    } else {
        Err(format!("tweak of {internal}, {root:?}"))
    }
}

#[test]
fn legacy_hashes() {
    let tally = tally("legacy hashes", 20_000, 41, legacy);
    if is_long(tally.cases()) {
        assert!(tally.of("one") > 0, "no type ever committed to a missing output");
    }
}

#[test]
fn segwit_hashes() {
    let tally = tally("segwit hashes", 20_000, 42, segwit);
    if is_long(tally.cases()) {
        assert!(tally.of("odd") * 5 > tally.cases());
    }
}

#[test]
fn taproot_hashes() {
    let tally = tally("taproot hashes", 20_000, 43, taproot);
    if is_long(tally.cases()) {
        assert!(["key", "script", "no-type", "no-output"].iter().all(|answer| tally.of(answer) > 500));
    }
}

#[test]
fn script_trees() {
    tally("script trees", 10_000, 44, trees);
}

/// The check of separators itself: one outside of pushes goes, one inside stays.
#[test]
fn separators_in_pushes_stay() {
    let code = [OP_CODESEPARATOR, 1, OP_CODESEPARATOR, OP_0, OP_CODESEPARATOR];
    assert_eq!(without_separators(&code).as_bytes(), [1, OP_CODESEPARATOR, OP_0]);
}
