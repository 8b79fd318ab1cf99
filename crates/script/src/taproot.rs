//! Taproot outputs (BIP341) and what tapscript adds to running a script (BIP342).

use cairn_crypto::{Parity, XOnlyPublicKey};
use cairn_primitives::codec::{put_compact_size, put_var_bytes};
use cairn_primitives::hash::{Sha256Engine, tagged};
use cairn_primitives::op::*;
use cairn_primitives::{Encode, Instructions, Witness};

use crate::checksig;
use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::interpreter::{Env, Rules, Tapscript};
use crate::sighash::Memo;
use crate::witness::execute;

/// First byte of an annex.
const ANNEX_TAG: u8 = 0x50;
/// The bits of a control block's first byte that give the leaf version; the other is the output key's parity.
const LEAF_VERSION: u8 = 0xfe;
/// The leaf version of tapscript.
const TAPSCRIPT: u8 = 0xc0;
/// A control block without a path: leaf version and parity, internal key.
const CONTROL_BASE_SIZE: usize = 33;
/// Bytes in a step of a control block's path.
const CONTROL_NODE_SIZE: usize = 32;
/// Most steps in a control block's path.
const CONTROL_MAX_NODES: usize = 128;
/// What a tapscript's signature budget has over the size of its witness.
const WEIGHT_OFFSET: i64 = 50;

/// The hash of a leaf of a script tree. `version` has its lowest bit clear; tapscript's is `c0`. Source: BIP341.
pub fn tapleaf_hash(version: u8, script: &[u8]) -> [u8; 32] {
    let mut head = vec![version];
    put_compact_size(&mut head, script.len() as u64);
    tagged(b"TapLeaf", &[&head, script])
}

/// The hash of two subtrees of a script tree, in whichever order they are given. Source: BIP341.
pub fn tapbranch_hash(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    tagged(b"TapBranch", &[a.min(b), a.max(b)])
}

/// The hash of an annex, its first byte (`50`) included, that taproot signatures commit to. Source: BIP341.
pub fn annex_hash(annex: &[u8]) -> [u8; 32] {
    let mut engine = Sha256Engine::new();
    put_var_bytes(&mut engine, annex);
    engine.finish()
}

/// # Consensus
/// A version 1 program of 32 bytes, not behind P2SH, is a key. It is spent by a signature of that key, or by a script
/// that the key commits to together with proof of that. Before that an annex, a last item that begins with `50`, is
/// set aside; signatures commit to it. Source: BIP341.
pub(crate) fn verify(env: &Env<'_>, program: &[u8; 32], witness: &Witness) -> Result<(), ScriptError> {
    let mut items = witness.iter();
    let last = witness.last().ok_or(ScriptError::WitnessProgramWitnessEmpty)?;
    let mut annex = None;
    if items.len() >= 2 && last.first() == Some(&ANNEX_TAG) {
        items.next_back();
        annex = Some(annex_hash(last));
    }
    let control = items.next_back().expect("an annex is set aside only where another item is left");
    let Some(script) = items.next_back() else {
        return checksig::check_schnorr(env, &mut Memo::default(), control, program, annex.as_ref(), None);
    };
    let version = control_version(control)?;
    let leaf = tapleaf_hash(version, script);
    if !is_committed(control, program, leaf) {
        return Err(ScriptError::WitnessProgramMismatch);
    }
    if version != TAPSCRIPT {
        let refused = env.flags.contains(ScriptFlags::DISCOURAGE_UPGRADABLE_TAPROOT_VERSION);
        return if refused {
            Err(ScriptError::DiscourageUpgradableTaprootVersion { version })
        } else {
            Ok(())
        };
    }
    if has_success(script, env.flags)? {
        return Ok(());
    }
    let weight = i64::try_from(witness.encoded_len()).expect("a witness fits into memory");
    let rules = Rules::Tapscript(Tapscript::new(leaf, annex, weight + WEIGHT_OFFSET));
    execute(env, rules, script, items)
}

/// # Consensus
/// A control block is 33 bytes and 32 for each of at most 128 steps. Source: BIP341.
fn control_version(control: &[u8]) -> Result<u8, ScriptError> {
    let got = control.len();
    let path = got.checked_sub(CONTROL_BASE_SIZE).ok_or(ScriptError::TaprootWrongControlSize { got })?;
    if path % CONTROL_NODE_SIZE != 0 || path / CONTROL_NODE_SIZE > CONTROL_MAX_NODES {
        return Err(ScriptError::TaprootWrongControlSize { got });
    }
    Ok(control[0] & LEAF_VERSION)
}

/// # Consensus
/// The output key is the control block's internal key, tweaked by the root to which its path leads from the leaf, and
/// has the parity it names. Source: BIP341, Core's `VerifyTaprootCommitment`.
fn is_committed(control: &[u8], output: &[u8; 32], leaf: [u8; 32]) -> bool {
    let (head, path) = control.split_at(CONTROL_BASE_SIZE);
    let (nodes, _) = path.as_chunks::<CONTROL_NODE_SIZE>();
    let root = nodes.iter().fold(leaf, |hash, node| tapbranch_hash(&hash, node));
    let internal = head[1..].try_into().expect("33 bytes but one");
    let parity = Parity::from_odd(head[0] & 1 == 1);
    XOnlyPublicKey::from_bytes(internal).is_ok_and(|key| key.check_tap_tweak(Some(&root), output, parity))
}

/// # Consensus
/// A tapscript with an `OP_SUCCESS` opcode anywhere, even behind one, succeeds whatever else it says; so a later
/// rule can give the opcode any meaning. What is cut off inside a push before one is found fails.
/// Source: BIP342, Core's `ExecuteWitnessScript`.
fn has_success(script: &[u8], flags: ScriptFlags) -> Result<bool, ScriptError> {
    for instruction in Instructions::new(script) {
        let opcode = instruction.map_err(|_| ScriptError::BadOpcode)?.opcode();
        if is_success(opcode) {
            let refused = flags.contains(ScriptFlags::DISCOURAGE_OP_SUCCESS);
            return if refused { Err(ScriptError::DiscourageOpSuccess { opcode }) } else { Ok(true) };
        }
    }
    Ok(false)
}

/// Source: BIP342, Core's `IsOpSuccess`.
fn is_success(opcode: u8) -> bool {
    matches!(
        opcode,
        OP_RESERVED
            | OP_VER
            | OP_CAT..=OP_RIGHT
            | OP_INVERT..=OP_XOR
            | OP_RESERVED1
            | OP_RESERVED2
            | OP_2MUL
            | OP_2DIV
            | OP_MUL..=OP_RSHIFT
            | 0xbb..=0xfe
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::hash::sha256;

    #[test]
    fn success_opcodes_are_bip342s() {
        // The list as the BIP prints it.
        let listed = |opcode: u8| matches!(opcode, 80 | 98 | 126..=129 | 131..=134 | 137..=138 | 141..=142 | 149..=153 | 187..=254);
        assert!((0..=255).all(|opcode| is_success(opcode) == listed(opcode)));
    }

    #[test]
    fn control_block_sizes() {
        let size = |len: usize| control_version(&vec![0xc1; len]);
        assert_eq!(size(33), Ok(0xc0));
        assert_eq!(size(33 + 32 * 128), Ok(0xc0));
        for got in [0, 32, 34, 64, 33 + 32 * 128 + 1, 33 + 32 * 129] {
            assert_eq!(size(got), Err(ScriptError::TaprootWrongControlSize { got }));
        }
    }

    #[test]
    fn branches_do_not_depend_on_the_order() {
        let (a, b) = (sha256(b"a"), sha256(b"b"));
        assert_eq!(tapbranch_hash(&a, &b), tapbranch_hash(&b, &a));
        assert_ne!(tapbranch_hash(&a, &b), tapbranch_hash(&a, &a));
    }
}
