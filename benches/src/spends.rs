//! Signed transactions of every common kind of spend, and the same with signatures that cost no curve arithmetic.

use cairn_crypto::{SecretKey, TapTweak, XOnlyPublicKey};
use cairn_primitives::op::{OP_2, OP_3, OP_CHECKMULTISIG, OP_CHECKSIG};
use cairn_primitives::{
    Amount, Encode, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, hash,
};
use cairn_script::{ScriptFlags, SighashCache, TapscriptPosition, tapbranch_hash, tapleaf_hash};
use cairn_testkit::TestKey;

/// What an input spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key hash, by signature and key in the input's script.
    P2pkh,
    /// A key hash, by witness.
    P2wpkh,
    /// Two of three keys behind a script hash; the signatures are by the first and the last.
    P2shMultisig,
    /// A taproot output, by its key.
    TaprootKey,
    /// A taproot output, by one of two leaves, which checks one signature.
    TaprootScript,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::P2pkh, Self::P2wpkh, Self::P2shMultisig, Self::TaprootKey, Self::TaprootScript];

    /// What tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P2pkh => "P2PKH",
            Self::P2wpkh => "P2WPKH",
            Self::P2shMultisig => "P2SH 2-of-3",
            Self::TaprootKey => "P2TR key path",
            Self::TaprootScript => "P2TR script path",
        }
    }

    /// Whether Core's library wants to see the outputs spent by all inputs.
    pub const fn is_taproot(self) -> bool {
        matches!(self, Self::TaprootKey | Self::TaprootScript)
    }

    /// The rules of the newest deployment the kind needs.
    pub fn flags(self) -> ScriptFlags {
        let flags = ScriptFlags::P2SH
            | ScriptFlags::DERSIG
            | ScriptFlags::NULLDUMMY
            | ScriptFlags::CHECKLOCKTIMEVERIFY
            | ScriptFlags::CHECKSEQUENCEVERIFY
            | ScriptFlags::WITNESS;
        if self.is_taproot() { flags | ScriptFlags::TAPROOT } else { flags }
    }
}

/// Whether the signatures are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// They are.
    Valid,
    /// They are refused without curve arithmetic, after the signature hash is computed: an ECDSA signature whose R is
    /// not below the group order under an uncompressed key, a Schnorr signature under a key that is no X of a point.
    Refused,
}

/// One curve operation that checking a spend takes, with everything read from bytes as scripts hold it.
pub enum CurveOperation {
    /// A check of a DER signature, without a hash type, of a digest under a key.
    Ecdsa {
        /// What is signed.
        digest: [u8; 32],
        /// The signature.
        der: Vec<u8>,
        /// The key.
        key: Vec<u8>,
    },
    /// A check of a signature of a digest under a key.
    Schnorr {
        /// What is signed.
        digest: [u8; 32],
        /// The signature.
        signature: [u8; 64],
        /// The key.
        key: [u8; 32],
    },
    /// A check that an output key is an internal key tweaked.
    Tweak {
        /// The internal key.
        internal: [u8; 32],
        /// The tweak.
        tweak: [u8; 32],
        /// The output key.
        output: [u8; 32],
        /// Whether the output key's Y is odd.
        odd: bool,
    },
}

/// A transaction all of whose inputs are of one kind.
pub struct Sample {
    /// The kind.
    pub kind: Kind,
    /// The transaction, encoded.
    pub bytes: Vec<u8>,
    /// The outputs it spends.
    pub spent: Vec<TxOut>,
    /// The curve operations that checking all inputs takes.
    pub operations: Vec<CurveOperation>,
}

impl Sample {
    /// A transaction with `inputs` inputs and two outputs.
    pub fn new(kind: Kind, inputs: usize, signatures: Signatures) -> Self {
        let owners: Vec<_> = (0..inputs).map(|input| Owner::new(kind, input as u64, signatures)).collect();
        let spent: Vec<_> = owners.iter().map(Owner::output).collect();
        let unsigned = transaction(owners.iter().map(|_| (Script::new(), Witness::default())));
        let cache = SighashCache::new(&unsigned, spent.iter().collect());
        let signed: Vec<_> = (0..).zip(&owners).map(|(input, owner)| owner.sign(&cache, input)).collect();
        let operations = owners.iter().zip(&signed).flat_map(|(owner, signed)| owner.operations(signed));
        let operations = operations.collect();
        let bytes =
            transaction(signed.into_iter().map(|signed| (signed.script_sig, signed.witness))).to_bytes();
        Self { kind, bytes, spent, operations }
    }
}

fn transaction(unlocked: impl Iterator<Item = (Script, Witness)>) -> Transaction {
    let inputs = (0u32..).zip(unlocked).map(|(at, (script_sig, witness))| TxIn {
        previous: OutPoint { txid: Txid::from_bytes(hash::sha256(&at.to_le_bytes())), vout: at % 3 },
        script_sig,
        sequence: Sequence::FINAL,
        witness,
    });
    let pay = |key| TxOut { value: Amount::from_sat(40_000), script_pubkey: TestKey::new(key).p2pkh() };
    Transaction::new(2, inputs.collect(), vec![pay(1_000), pay(1_001)], LockTime::ZERO)
}

/// Hash type: everything.
const ALL: u8 = 1;

/// A coordinate that no point has: it is not below the field's prime.
const NO_POINT: [u8; 32] = [0xff; 32];

/// Who may spend one output.
struct Owner {
    kind: Kind,
    signatures: Signatures,
    keys: Vec<TestKey>,
}

/// What unlocks an input, and the signatures in it as they are checked.
struct Signed {
    script_sig: Script,
    witness: Witness,
    digest: [u8; 32],
    signatures: Vec<Vec<u8>>,
}

/// What a taproot output with two leaves consists of.
struct Tree {
    internal: [u8; 32],
    leaf: Script,
    root: [u8; 32],
    other: [u8; 32],
    output: XOnlyPublicKey,
    odd: bool,
}

impl Owner {
    fn new(kind: Kind, number: u64, signatures: Signatures) -> Self {
        Self { kind, signatures, keys: (0..3).map(|key| TestKey::new(3 * number + key)).collect() }
    }

    fn secret(&self) -> &SecretKey {
        self.keys[0].secret()
    }

    /// Key `index` as scripts hold it.
    fn key(&self, index: usize) -> Vec<u8> {
        match self.signatures {
            Signatures::Valid => self.keys[index].public().to_vec(),
            Signatures::Refused => self.keys[index].secret().public_key().to_uncompressed().to_vec(),
        }
    }

    fn output(&self) -> TxOut {
        let script_pubkey = match self.kind {
            Kind::P2pkh => Script::p2pkh(hash::hash160(&self.key(0))),
            Kind::P2wpkh => Script::p2wpkh(hash::hash160(&self.key(0))),
            Kind::P2shMultisig => Script::p2sh(hash::hash160(self.multisig().as_bytes())),
            Kind::TaprootKey if self.signatures == Signatures::Refused => Script::p2tr(NO_POINT),
            Kind::TaprootKey => Script::p2tr(self.x_only()),
            Kind::TaprootScript => Script::p2tr(self.tree().output.to_bytes()),
        };
        TxOut { value: Amount::from_sat(100_000), script_pubkey }
    }

    fn multisig(&self) -> Script {
        let keys = (0..3).fold(ScriptBuilder::new().push_opcode(OP_2), |script, index| {
            script.push_bytes(&self.key(index))
        });
        keys.push_opcode(OP_3).push_opcode(OP_CHECKMULTISIG).into_script()
    }

    fn x_only(&self) -> [u8; 32] {
        self.secret().public_key().to_x_only().0.to_bytes()
    }

    fn tree(&self) -> Tree {
        let key = if self.signatures == Signatures::Valid { self.x_only() } else { NO_POINT };
        let leaf = ScriptBuilder::new().push_bytes(&key).push_opcode(OP_CHECKSIG).into_script();
        let other = tapleaf_hash(0xc0, &[OP_3]);
        let root = tapbranch_hash(&tapleaf_hash(0xc0, leaf.as_bytes()), &other);
        let (internal, _) = self.keys[1].secret().public_key().to_x_only();
        let (output, parity) = internal
            .tweak_add(&TapTweak::new(&internal, Some(&root)))
            .expect("a hash is a good tweak but for one in 2^128");
        Tree { internal: internal.to_bytes(), leaf, root, other, output, odd: parity.to_bit() == 1 }
    }

    /// The DER signature with its hash type, or one of the same size that is none.
    fn ecdsa(&self, index: usize, digest: &[u8; 32]) -> Vec<u8> {
        let mut bytes = self.keys[index].secret().sign_ecdsa(digest).to_der();
        if self.signatures == Signatures::Refused {
            bytes = [&[0x30, 69, 2, 33, 0][..], &[0xff; 32], &[2, 32], &[0x11; 32]].concat();
        }
        bytes.push(ALL);
        bytes
    }

    fn sign(&self, cache: &SighashCache<'_>, input: usize) -> Signed {
        match self.kind {
            Kind::P2pkh | Kind::P2wpkh => self.sign_key_hash(cache, input),
            Kind::P2shMultisig => {
                let redeem_script = self.multisig();
                let digest = cache.legacy(input, redeem_script.as_bytes(), u32::from(ALL));
                let signatures = vec![self.ecdsa(0, &digest), self.ecdsa(2, &digest)];
                let script =
                    signatures.iter().fold(ScriptBuilder::new().push_slice(&[]), |script, signature| {
                        script.push_slice(signature)
                    });
                let script_sig = script.push_slice(redeem_script.as_bytes()).into_script();
                Signed { script_sig, witness: Witness::default(), digest, signatures }
            }
            Kind::TaprootKey | Kind::TaprootScript => self.sign_taproot(cache, input),
        }
    }

    fn sign_key_hash(&self, cache: &SighashCache<'_>, input: usize) -> Signed {
        let code = Script::p2pkh(hash::hash160(&self.key(0)));
        let digest = match self.kind {
            Kind::P2pkh => cache.legacy(input, code.as_bytes(), u32::from(ALL)),
            _ => cache.segwit_v0(input, code.as_bytes(), u32::from(ALL)),
        };
        let (signature, key) = (self.ecdsa(0, &digest), self.key(0));
        let signatures = vec![signature.clone()];
        if self.kind == Kind::P2wpkh {
            let witness = Witness::new(vec![signature, key]);
            return Signed { script_sig: Script::new(), witness, digest, signatures };
        }
        let script_sig = ScriptBuilder::new().push_slice(&signature).push_slice(&key).into_script();
        Signed { script_sig, witness: Witness::default(), digest, signatures }
    }

    fn sign_taproot(&self, cache: &SighashCache<'_>, input: usize) -> Signed {
        let tree = self.tree();
        let leaf_hash = tapleaf_hash(0xc0, tree.leaf.as_bytes());
        let position = TapscriptPosition { leaf_hash, code_separator: u32::MAX };
        let by_script = self.kind == Kind::TaprootScript;
        let digest = cache
            .taproot(input, 0, None, by_script.then_some(&position))
            .expect("the default hash type always has a meaning");
        let signature = self.secret().sign_schnorr(&digest, &[0; 32]).to_bytes().to_vec();
        let mut items = vec![signature.clone()];
        if by_script {
            let control = [&[0xc0 | u8::from(tree.odd)][..], &tree.internal, &tree.other].concat();
            items.extend([tree.leaf.as_bytes().to_vec(), control]);
        }
        let (script_sig, witness) = (Script::new(), Witness::new(items));
        Signed { script_sig, witness, digest, signatures: vec![signature] }
    }

    /// In the order in which they are done. A multisig check tries the last key with the last signature first.
    fn operations(&self, signed: &Signed) -> Vec<CurveOperation> {
        let digest = signed.digest;
        let ecdsa = |signature: usize, key: usize| {
            let with_type = &signed.signatures[signature];
            let der = with_type[..with_type.len() - 1].to_vec();
            CurveOperation::Ecdsa { digest, der, key: self.key(key) }
        };
        match self.kind {
            Kind::P2pkh | Kind::P2wpkh => vec![ecdsa(0, 0)],
            Kind::P2shMultisig => vec![ecdsa(1, 2), ecdsa(0, 1), ecdsa(0, 0)],
            Kind::TaprootKey => vec![self.schnorr(signed)],
            Kind::TaprootScript => {
                let tree = self.tree();
                let internal = XOnlyPublicKey::from_bytes(tree.internal).expect("the key of a secret");
                let tweak = TapTweak::new(&internal, Some(&tree.root)).to_bytes();
                let (output, odd) = (tree.output.to_bytes(), tree.odd);
                let check = CurveOperation::Tweak { internal: tree.internal, tweak, output, odd };
                vec![check, self.schnorr(signed)]
            }
        }
    }

    fn schnorr(&self, signed: &Signed) -> CurveOperation {
        let signature = signed.signatures[0].as_slice().try_into().expect("a Schnorr signature is 64 bytes");
        let key = if self.signatures == Signatures::Valid { self.x_only() } else { NO_POINT };
        CurveOperation::Schnorr { digest: signed.digest, signature, key }
    }
}
