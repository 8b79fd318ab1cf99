//! Locks of every kind: the script that locks a coin, and what unlocks it.

use cairn_crypto::{Parity, TapTweak, XOnlyPublicKey};
use cairn_primitives::op::OP_CHECKSIG;
use cairn_primitives::{Script, ScriptBuilder, Witness, hash};
use cairn_script::{SighashCache, TapscriptPosition, tapbranch_hash, tapleaf_hash};

use super::keys::{KeyNumber, KeyRing};
use super::shape::SpendKind;

/// The hash type of all ECDSA signatures: everything.
const ALL: u8 = 1;
/// The hash type of all Schnorr signatures: everything, without a byte that says so.
const DEFAULT: u8 = 0;
/// What BIP340 takes instead of fresh random bytes.
const AUX: [u8; 32] = [0; 32];
/// The leaf version of tapscript (BIP342).
const TAPSCRIPT: u8 = 0xc0;

/// How a coin is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) kind: SpendKind,
    /// The first of its keys; the others, if any, follow it in the ring.
    pub(super) key: KeyNumber,
}

/// Input script and witness.
pub(super) type Unlock = (Script, Witness);

impl Lock {
    /// The most an input weighs.
    pub(super) const MAX_INPUT_WEIGHT: u64 = 4 * (36 + 4 + 3) + 4 * (1 + 2 * 73 + 2 + 105) + 1;
    /// The most signature operations an input costs.
    pub(super) const MAX_INPUT_SIGOPS: u64 = 4 * 3;
    /// The most an output weighs, one of data included.
    pub(super) const MAX_OUTPUT_WEIGHT: u64 = 4 * (8 + 1 + 34);
    /// The most signature operations an output costs.
    pub(super) const MAX_OUTPUT_SIGOPS: u64 = 4;

    /// The most that the input weighs which spends the coin: a signature with its type is 72 bytes at most, and the count of
    /// the witness is there whether the input has one or not.
    pub(super) const fn input_weight(self) -> u64 {
        const BARE: u64 = 4 * (36 + 4 + 1) + 1;
        const KEY_WITNESS: u64 = 1 + 72 + 1 + 33;
        const MULTISIG: u64 = 1 + 2 * 73 + 1 + 105;
        match self.kind {
            SpendKind::P2pkh => BARE + 4 * (73 + 34),
            // A script of this length is pushed, and the input script counted, by a longer number.
            SpendKind::P2shMultisig => BARE + 4 * (MULTISIG + 1 + 2),
            SpendKind::P2wpkh => BARE + KEY_WITNESS,
            SpendKind::P2shP2wpkh => BARE + KEY_WITNESS + 4 * 23,
            SpendKind::P2wsh => BARE + MULTISIG,
            SpendKind::P2trKey => BARE + 1 + 64,
            SpendKind::P2trScript => BARE + (1 + 64) + (1 + 34) + (1 + 65),
        }
    }

    /// What the output weighs that makes the coin.
    pub(super) const fn output_weight(self) -> u64 {
        let script = match self.kind {
            SpendKind::P2pkh => 25,
            SpendKind::P2shMultisig | SpendKind::P2shP2wpkh => 23,
            SpendKind::P2wpkh => 22,
            SpendKind::P2wsh | SpendKind::P2trKey | SpendKind::P2trScript => 34,
        };
        4 * (8 + 1 + script)
    }

    /// What the signature operations cost that spend the coin (BIP141).
    pub(super) const fn input_sigops(self) -> u64 {
        match self.kind {
            SpendKind::P2shMultisig => 4 * 3,
            SpendKind::P2wsh => 3,
            SpendKind::P2wpkh | SpendKind::P2shP2wpkh => 1,
            SpendKind::P2pkh | SpendKind::P2trKey | SpendKind::P2trScript => 0,
        }
    }

    /// What the signature operations cost that stand in the output (BIP141).
    pub(super) const fn output_sigops(self) -> u64 {
        match self.kind {
            SpendKind::P2pkh => 4,
            _ => 0,
        }
    }

    /// The script that locks the coin.
    pub(super) fn script(self, keys: &KeyRing) -> Script {
        let key = keys.get(self.key);
        match self.kind {
            SpendKind::P2pkh => Script::p2pkh(key.hash()),
            SpendKind::P2shMultisig => Script::p2sh(hash::hash160(self.multisig(keys).as_bytes())),
            SpendKind::P2wpkh => Script::p2wpkh(key.hash()),
            SpendKind::P2shP2wpkh => Script::p2sh(hash::hash160(Script::p2wpkh(key.hash()).as_bytes())),
            SpendKind::P2wsh => Script::p2wsh(hash::sha256(self.multisig(keys).as_bytes())),
            SpendKind::P2trKey => Script::p2tr(*key.taproot_output()),
            SpendKind::P2trScript => Script::p2tr(Leaf::new(self, keys).output(self, keys).0),
        }
    }

    /// What spends the coin at `input` of the transaction in `cache`.
    pub(super) fn unlock(self, keys: &KeyRing, cache: &SighashCache<'_>, input: usize) -> Unlock {
        let key = keys.get(self.key);
        match self.kind {
            SpendKind::P2pkh => {
                let code = Script::p2pkh(key.hash());
                let digest = cache.legacy(input, code.as_bytes(), u32::from(ALL));
                let pushes = ScriptBuilder::new().push_bytes(&self.ecdsa(keys, 0, &digest));
                (pushes.push_bytes(key.public()).into_script(), Witness::default())
            }
            SpendKind::P2shMultisig => {
                let redeem = self.multisig(keys);
                let digest = cache.legacy(input, redeem.as_bytes(), u32::from(ALL));
                let [first, second] = self.two_of_three(keys, &digest);
                let pushes = ScriptBuilder::new().push_slice(&[]).push_bytes(&first).push_bytes(&second);
                (pushes.push_bytes(redeem.as_bytes()).into_script(), Witness::default())
            }
            SpendKind::P2wpkh => (Script::new(), self.key_witness(keys, cache, input)),
            SpendKind::P2shP2wpkh => {
                let redeem = ScriptBuilder::new().push_bytes(Script::p2wpkh(key.hash()).as_bytes());
                (redeem.into_script(), self.key_witness(keys, cache, input))
            }
            SpendKind::P2wsh => {
                let script = self.multisig(keys);
                let digest = cache.segwit_v0(input, script.as_bytes(), u32::from(ALL));
                let [first, second] = self.two_of_three(keys, &digest);
                let items = vec![Vec::new(), first, second, script.as_bytes().to_vec()];
                (Script::new(), Witness::new(items))
            }
            SpendKind::P2trKey => {
                let digest = cache.taproot(input, DEFAULT, None, None).expect("a hash type with a meaning");
                let signature = key.taproot_secret().sign_schnorr(&digest, &AUX);
                (Script::new(), Witness::new(vec![signature.to_bytes().to_vec()]))
            }
            SpendKind::P2trScript => (Script::new(), self.leaf_witness(keys, cache, input)),
        }
    }

    /// Signatures in what unlocks the coin.
    pub(super) const fn signatures(self) -> u64 {
        match self.kind {
            SpendKind::P2shMultisig | SpendKind::P2wsh => 2,
            _ => 1,
        }
    }

    fn key_witness(self, keys: &KeyRing, cache: &SighashCache<'_>, input: usize) -> Witness {
        let key = keys.get(self.key);
        let code = Script::p2pkh(key.hash());
        let digest = cache.segwit_v0(input, code.as_bytes(), u32::from(ALL));
        Witness::new(vec![self.ecdsa(keys, 0, &digest), key.public().to_vec()])
    }

    fn leaf_witness(self, keys: &KeyRing, cache: &SighashCache<'_>, input: usize) -> Witness {
        let leaf = Leaf::new(self, keys);
        let position = TapscriptPosition { leaf_hash: leaf.hash, code_separator: u32::MAX };
        let digest = cache.taproot(input, DEFAULT, None, Some(&position));
        let digest = digest.expect("a hash type with a meaning");
        let signature = keys.get(self.number(1)).secret().sign_schnorr(&digest, &AUX);
        let mut control = vec![TAPSCRIPT | leaf.output(self, keys).1.to_bit()];
        control.extend(keys.get(self.key).x_only());
        control.extend(leaf.sibling);
        Witness::new(vec![signature.to_bytes().to_vec(), leaf.script.as_bytes().to_vec(), control])
    }

    /// The script that wants two of three keys.
    fn multisig(self, keys: &KeyRing) -> Script {
        let public = |place| keys.get(self.number(place)).public().as_slice();
        Script::multisig(2, &[public(0), public(1), public(2)])
    }

    /// The signatures of two of the three keys; which two depends on the lock.
    fn two_of_three(self, keys: &KeyRing, digest: &[u8; 32]) -> [Vec<u8>; 2] {
        let [first, second] = [[0, 1], [0, 2], [1, 2]][usize::from(self.key % 3)];
        [self.ecdsa(keys, first, digest), self.ecdsa(keys, second, digest)]
    }

    fn ecdsa(self, keys: &KeyRing, place: KeyNumber, digest: &[u8; 32]) -> Vec<u8> {
        let mut bytes = keys.get(self.number(place)).secret().sign_ecdsa(digest).to_der();
        bytes.push(ALL);
        bytes
    }

    const fn number(self, place: KeyNumber) -> KeyNumber {
        self.key.wrapping_add(place)
    }
}

/// A leaf of a tree of two, each of which wants the signature of one key.
struct Leaf {
    script: Script,
    hash: [u8; 32],
    sibling: [u8; 32],
}

impl Leaf {
    /// The leaf of the lock's second key, beside that of its third.
    fn new(lock: Lock, keys: &KeyRing) -> Self {
        let script = |place| {
            let key = keys.get(lock.number(place)).x_only();
            ScriptBuilder::new().push_bytes(key).push_opcode(OP_CHECKSIG).into_script()
        };
        let (script, sibling) = (script(1), script(2));
        let hash = tapleaf_hash(TAPSCRIPT, script.as_bytes());
        Self { hash, sibling: tapleaf_hash(TAPSCRIPT, sibling.as_bytes()), script }
    }

    /// The output key that commits to the tree, and which Y it has.
    fn output(&self, lock: Lock, keys: &KeyRing) -> ([u8; 32], Parity) {
        let internal = *keys.get(lock.key).x_only();
        let internal = XOnlyPublicKey::from_bytes(internal).expect("it is a key");
        let tweak = TapTweak::new(&internal, Some(&tapbranch_hash(&self.hash, &self.sibling)));
        let (output, parity) = internal.tweak_add(&tweak).expect("a hash is a tweak but for one in 2^128");
        (output.to_bytes(), parity)
    }
}
