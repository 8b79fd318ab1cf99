//! Block signatures of a signet: what a solution covers, how it is written, and what is none.

use cairn_consensus::{BlockError, SIGNET_HEADER, SignetError, SignetTxs, Verdict, check_block};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{
    Block, DecodeError, Encode, Script, ScriptBuilder, Transaction, TxOut, Witness, hash, op,
};
use cairn_script::{ScriptError, SighashCache};
use cairn_testkit::{TestKey, reseal};

use crate::block_rules::{Outcome, check_in_place, commitment_to, first_block, spender, with_coinbase};
use crate::real_blocks::records;
use crate::support::{Side, anyone, bits, data, easy};

const SIGHASH_ALL: u8 = 1;

/// A chain whose blocks satisfy this script.
fn chain(challenge: Script) -> ChainSpec {
    let mut spec = easy();
    let [a, b, c, d, ..] = hash::sha256d(&challenge.to_bytes());
    spec.network.magic = [a, b, c, d];
    spec.deployments.signet_challenge = Some(challenge);
    crate::support::checked(spec)
}

/// The block with `tail` at the end of its commitment's script.
fn with_tail(block: &Block, tail: Script) -> Block {
    let commitment = commitment_to(block, [0; 32]);
    let script = [commitment.script_pubkey.as_bytes(), tail.as_bytes()].concat();
    let output = TxOut { script_pubkey: Script::from_bytes(script), ..commitment };
    with_coinbase(block.clone(), vec![vec![0; 32]], vec![output])
}

/// A push of the header and these bytes.
fn carried(solution: &[u8]) -> Script {
    ScriptBuilder::new().push_bytes(&[&SIGNET_HEADER, solution].concat()).into_script()
}

fn encoded(script_sig: &Script, witness: &Witness) -> Vec<u8> {
    [script_sig.to_bytes(), witness.to_bytes()].concat()
}

/// A block of height 1, with room for a solution.
fn unsigned(spec: &ChainSpec) -> Block {
    let mut unsigned = spec.clone();
    unsigned.deployments.signet_challenge = None;
    with_tail(&first_block(&unsigned, vec![spender(1), spender(2)]), carried(&[]))
}

/// The transactions to sign for the block and the output they spend.
fn to_sign(block: &Block, spec: &ChainSpec) -> (Transaction, TxOut) {
    let challenge = spec.deployments.signet_challenge.as_ref().expect("a signet");
    let txs = SignetTxs::new(block, challenge).expect("there is a commitment");
    (txs.to_sign().clone(), txs.to_spend().outputs()[0].clone())
}

/// A signature for a challenge that is a bare script.
fn signature(block: &Block, spec: &ChainSpec, key: &TestKey) -> Vec<u8> {
    let (tx, output) = to_sign(block, spec);
    let script = output.script_pubkey.as_bytes();
    let digest = SighashCache::new(&tx, vec![&output]).legacy(0, script, u32::from(SIGHASH_ALL));
    [key.secret().sign_ecdsa(&digest).to_der().as_slice(), &[SIGHASH_ALL]].concat()
}

fn pushes(items: &[&[u8]]) -> Script {
    items.iter().fold(ScriptBuilder::new(), |script, item| script.push_slice(item)).into_script()
}

/// A block signed by `key`, which may be the one the chain asks for.
fn signed_by(spec: &ChainSpec, key: &TestKey) -> Block {
    let block = unsigned(spec);
    let script_sig = pushes(&[&signature(&block, spec, key)]);
    with_tail(&block, carried(&encoded(&script_sig, &Witness::default())))
}

/// The right key, and another.
pub(crate) fn signed(side: Side) -> Outcome {
    let spec = chain(TestKey::new(1).p2pk());
    check_in_place(signed_by(&spec, &TestKey::new(side.pick(1, 2))), &spec)
}

/// Why the block does not satisfy the challenge. Every reason marks the block, with one name.
fn refusal(block: Block, spec: &ChainSpec) -> SignetError {
    let error = check_in_place(block, spec).expect_err("not signed");
    assert_eq!((error.code(), error.verdict()), ("bad-signet-blksig", Verdict::Invalid));
    let BlockError::Signet { error } = error else { panic!("{error:?}") };
    error
}

fn wrong(error: ScriptError) -> SignetError {
    SignetError::Script { error }
}

#[test]
fn a_block_without_a_solution_is_refused() {
    let spec = chain(TestKey::new(1).p2pk());
    let block = unsigned(&spec);
    assert_eq!(refusal(block.clone(), &spec), wrong(ScriptError::InvalidStackOperation));
    let bare = with_tail(&block, Script::new());
    assert_eq!(refusal(bare, &spec), wrong(ScriptError::InvalidStackOperation));
    let uncommitted = with_coinbase(block, vec![], vec![]);
    assert_eq!(refusal(uncommitted, &spec), SignetError::CommitmentMissing);
}

/// An easy challenge asks for no solution, but for the output that would carry it; genesis has neither.
#[test]
fn a_challenge_that_anyone_meets_needs_a_commitment_only() {
    let spec = chain(anyone());
    assert_eq!(check_in_place(with_tail(&unsigned(&spec), Script::new()), &spec), Ok(()));
    assert_eq!(check_in_place(unsigned(&spec), &spec), Ok(()));
    let block = with_coinbase(unsigned(&spec), vec![], vec![]);
    assert_eq!(refusal(block, &spec), SignetError::CommitmentMissing);
    assert!(check_block(spec.genesis_block(), &spec).is_ok());
}

#[test]
fn a_malformed_solution_is_refused() {
    let spec = chain(anyone());
    let block = unsigned(&spec);
    let with = |solution: &[u8]| check_in_place(with_tail(&block, carried(solution)), &spec);
    assert_eq!(with(&[0, 0]), Ok(()), "an empty script and no item");
    let unasked = BlockError::Signet { error: wrong(ScriptError::WitnessUnexpected) };
    assert_eq!(with(&[1, op::OP_1, 1, 2, 8, 9]), Err(unasked), "a script and one item of two bytes");
    let malformed = |solution: &[u8]| match refusal(with_tail(&block, carried(solution)), &spec) {
        SignetError::Malformed { error } => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed(&[0, 0, 7]), DecodeError::TrailingBytes { offset: 2, count: 1 });
    assert!(matches!(malformed(&[0]), DecodeError::UnexpectedEnd { .. }), "no witness");
    assert!(matches!(malformed(&[2, op::OP_1]), DecodeError::UnexpectedEnd { .. }));
    assert!(matches!(malformed(&[0, 1, 2, 8]), DecodeError::UnexpectedEnd { .. }));
    assert!(matches!(malformed(&[0xfd, 0, 0, 0]), DecodeError::NonMinimalCompactSize { .. }));
}

/// Everything in the block but its bits, its nonce and the solution itself.
#[test]
fn a_signature_covers_the_block() {
    let spec = chain(TestKey::new(1).p2pk());
    let good = signed_by(&spec, &TestKey::new(1));
    let try_with = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        check_block(reseal(block), &spec).map(|_| ())
    };
    assert_eq!(try_with(&|block| block.header.nonce += 1), Ok(()));
    let refused = Err(BlockError::Signet { error: wrong(ScriptError::EvalFalse) });
    assert_eq!(try_with(&|block| block.header.version += 1), refused);
    assert_eq!(try_with(&|block| block.header.time = block.header.time.saturating_add(1)), refused);
    assert_eq!(try_with(&|block| block.header.prev = block.header.hash()), refused);
    assert_eq!(try_with(&|block| block.transactions.swap(1, 2)), refused);
    assert_eq!(try_with(&|block| drop(block.transactions.pop())), refused);
    let coinbase = |block: &mut Block| {
        let (version, inputs, mut outputs, lock_time) = block.transactions.remove(0).into_parts();
        outputs[0].script_pubkey = Script::new();
        block.transactions.insert(0, Transaction::new(version, inputs, outputs, lock_time));
    };
    assert_eq!(try_with(&coinbase), refused);
}

/// What peers may do to a good block on its way says nothing about its header.
#[test]
fn damage_in_transit_is_told_from_a_wrong_signature() {
    let spec = chain(TestKey::new(1).p2pk());
    let mut block = signed_by(&spec, &TestKey::new(1));
    block.transactions.swap(1, 2);
    let error = check_block(block.clone(), &spec).unwrap_err();
    assert_eq!((error.code(), error.verdict()), ("bad-txnmrklroot", Verdict::Mutated));
    block.transactions.swap(1, 2);
    block.transactions.push(block.transactions[2].clone());
    let error = check_block(block, &spec).unwrap_err();
    assert_eq!((error.code(), error.verdict()), ("bad-txns-duplicate", Verdict::Mutated));
}

/// The first push that begins with the header and is longer, however its length is written. The others are
/// signed as they stand; what follows a cut push is not.
#[test]
fn the_solution_is_found_among_other_pushes() {
    let (spec, key) = (chain(TestKey::new(1).p2pk()), TestKey::new(1));
    let in_two_bytes = |script: &Script| {
        let data = &script.as_bytes()[2..];
        let length = u16::try_from(data.len()).unwrap().to_le_bytes();
        Script::from_bytes([&[op::OP_PUSHDATA2], length.as_slice(), data].concat())
    };
    let (header, decoy) = (carried(&[]), carried(&[0, 0]));
    for (before, after) in [
        (&[][..], &[][..]),
        (header.as_bytes(), decoy.as_bytes()),
        (&[op::OP_1, 2, 8, 9], &[op::OP_NOP, 1, 7]),
    ] {
        let block = |carrier: &Script, end: &[u8]| {
            let tail = [before, carrier.as_bytes(), after, end].concat();
            with_tail(&unsigned(&spec), Script::from_bytes(tail))
        };
        // The empty solution stands where the signature will.
        let script_sig = pushes(&[&signature(&block(&decoy, &[]), &spec, &key)]);
        let carrier = carried(&encoded(&script_sig, &Witness::default()));
        assert_eq!(carrier.as_bytes()[0], op::OP_PUSHDATA1);
        for carrier in [&carrier, &in_two_bytes(&carrier)] {
            assert_eq!(check_in_place(block(carrier, &[]), &spec), Ok(()));
            assert_eq!(check_in_place(block(carrier, &[op::OP_PUSHDATA1, 9]), &spec), Ok(()));
            assert_eq!(refusal(block(carrier, &[op::OP_0]), &spec), wrong(ScriptError::EvalFalse));
        }
    }
}

/// A witness program, nested and bare; NULLDUMMY and strict DER hold, taproot and relay policy do not.
#[test]
fn challenges_of_every_kind() {
    let key = TestKey::new(3);
    let witness_key = Script::p2wpkh(key.key_hash());
    let nested = Script::p2sh(hash::hash160(witness_key.as_bytes()));
    for (challenge, script_sig) in
        [(witness_key.clone(), Script::new()), (nested, pushes(&[witness_key.as_bytes()]))]
    {
        let spec = chain(challenge);
        let block = unsigned(&spec);
        let (tx, output) = to_sign(&block, &spec);
        let cache = SighashCache::new(&tx, vec![&output]);
        let digest = cache.segwit_v0(0, key.p2pkh().as_bytes(), u32::from(SIGHASH_ALL));
        let signature = [key.secret().sign_ecdsa(&digest).to_der().as_slice(), &[SIGHASH_ALL]].concat();
        let witness = Witness::new(vec![signature, key.public().to_vec()]);
        let with = |witness| with_tail(&block, carried(&encoded(&script_sig, &witness)));
        assert_eq!(check_in_place(with(witness), &spec), Ok(()));
        assert_eq!(refusal(with(Witness::default()), &spec), wrong(ScriptError::WitnessProgramMismatch));
    }
    let spec = chain(Script::multisig(1, &[key.public()]));
    let block = unsigned(&spec);
    let signature = signature(&block, &spec, &key);
    let with = |items: &[&[u8]]| with_tail(&block, carried(&encoded(&pushes(items), &Witness::default())));
    assert_eq!(check_in_place(with(&[&[], &signature]), &spec), Ok(()));
    assert_eq!(check_in_place(with(&[&[5], &[], &signature]), &spec), Ok(()), "an item too many is policy");
    assert_eq!(refusal(with(&[&[1], &signature]), &spec), wrong(ScriptError::SigNullDummy));
    let padded = [&signature[..signature.len() - 1], &[0, SIGHASH_ALL]].concat();
    assert_eq!(refusal(with(&[&[], &padded]), &spec), wrong(ScriptError::SigDer));
    let spec = chain(Script::p2tr([7; 32]));
    assert_eq!(check_in_place(unsigned(&spec), &spec), Ok(()), "taproot has no meaning here");
}

/// Sixty signatures that are not ours; none survives a change of any of its bytes.
#[test]
fn real_solutions_do_not_take_a_changed_bit() {
    let Some(file) = data("real_solutions_do_not_take_a_changed_bit", "blocks/signet-000000-000060.dat")
    else {
        return;
    };
    // Bits and nonce are not signed, so that an easier proof of work can take the real one's place.
    let mut spec = presets::signet();
    spec.pow.limit = presets::regtest().pow.limit;
    let (mut checked, mut refused) = (0, 0);
    for mut block in records(&file).into_iter().skip(1) {
        block.header.bits = bits(0x207f_ffff);
        let block = reseal(block);
        assert!(check_block(block.clone(), &spec).is_ok());
        checked += 1;
        let coinbase = &block.transactions[0];
        let holds = |output: &TxOut| output.script_pubkey.as_bytes().windows(4).any(|at| at == SIGNET_HEADER);
        let index = coinbase.outputs().iter().position(holds).expect("it is signed");
        let length = coinbase.outputs()[index].script_pubkey.len();
        for at in (38..length).step_by(7) {
            let mut block = block.clone();
            let (version, inputs, mut outputs, lock_time) = block.transactions.remove(0).into_parts();
            let mut script = outputs[index].script_pubkey.as_bytes().to_vec();
            script[at] ^= 1 << (at % 8);
            outputs[index].script_pubkey = Script::from_bytes(script);
            block.transactions.insert(0, Transaction::new(version, inputs, outputs, lock_time));
            let code = check_block(reseal(block), &spec).expect_err("a bit is wrong").code();
            assert_eq!(code, "bad-signet-blksig", "byte {at}");
            refused += 1;
        }
    }
    println!("signet: {checked} blocks checked, {refused} changed ones refused");
    assert_eq!(checked, 60);
}
