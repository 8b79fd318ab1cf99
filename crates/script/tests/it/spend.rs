//! Spends made for one question.

use cairn_crypto::{PublicKey, XOnlyPublicKey};
use cairn_primitives::{
    Amount, Hash160, LockTime, OutPoint, Script, Sequence, Transaction, TxIn, TxOut, Txid, Witness, hash, hex,
};
use cairn_script::{ScriptError, ScriptFlags, SighashCache, tapleaf_hash, verify};

/// What a block of today is checked under.
pub(crate) const CONSENSUS: ScriptFlags = ScriptFlags::P2SH
    .union(ScriptFlags::DERSIG)
    .union(ScriptFlags::CHECKLOCKTIMEVERIFY)
    .union(ScriptFlags::CHECKSEQUENCEVERIFY)
    .union(ScriptFlags::WITNESS)
    .union(ScriptFlags::NULLDUMMY)
    .union(ScriptFlags::TAPROOT);

/// The generator's X coordinate: a key whose secret is 1.
pub(crate) const INTERNAL_KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// A transaction with one input, and the output that spends.
#[derive(Clone)]
pub(crate) struct Spend {
    pub(crate) version: i32,
    pub(crate) lock_time: u32,
    pub(crate) sequence: u32,
    pub(crate) script_sig: Script,
    pub(crate) script_pubkey: Script,
    pub(crate) witness: Witness,
}

impl Spend {
    fn new(script_sig: Script, script_pubkey: Script, items: Vec<Vec<u8>>) -> Self {
        let witness = Witness::new(items);
        Self { version: 2, lock_time: 0, sequence: 0, script_sig, script_pubkey, witness }
    }

    /// Legacy, the script in the output.
    pub(crate) fn bare(script_sig: &[u8], script_pubkey: &[u8]) -> Self {
        Self::new(
            Script::from_bytes(script_sig.to_vec()),
            Script::from_bytes(script_pubkey.to_vec()),
            Vec::new(),
        )
    }

    /// Behind P2SH; `pushes` is the part of the input's script before the redeem script.
    pub(crate) fn p2sh(pushes: &[u8], redeem_script: &[u8]) -> Self {
        let script_sig = [pushes, &crate::text::plain_push(redeem_script)].concat();
        Self::bare(&script_sig, Script::p2sh(hash::hash160(redeem_script)).as_bytes())
    }

    /// A version 0 witness script on `items`.
    pub(crate) fn p2wsh(mut items: Vec<Vec<u8>>, script: &[u8]) -> Self {
        items.push(script.to_vec());
        Self::new(Script::new(), Script::p2wsh(hash::sha256(script)), items)
    }

    /// The only leaf of a taproot output on `items`.
    pub(crate) fn tapscript(mut items: Vec<Vec<u8>>, script: &[u8]) -> Self {
        let internal = XOnlyPublicKey::from_bytes(hex::decode_array(INTERNAL_KEY).unwrap()).unwrap();
        let root = tapleaf_hash(0xc0, script);
        let (output, parity) =
            internal.tweak_add(&cairn_crypto::TapTweak::new(&internal, Some(&root))).unwrap();
        items.push(script.to_vec());
        items.push([&[0xc0 | parity.to_bit()], &internal.to_bytes()[..]].concat());
        Self::new(Script::new(), Script::p2tr(output.to_bytes()), items)
    }

    /// The transaction and the output it spends.
    pub(crate) fn build(&self) -> (Transaction, TxOut) {
        let input = TxIn {
            previous: OutPoint { txid: Txid::from_bytes([9; 32]), vout: 1 },
            script_sig: self.script_sig.clone(),
            sequence: Sequence::new(self.sequence),
            witness: self.witness.clone(),
        };
        let output = TxOut { value: Amount::from_sat(1), script_pubkey: Script::p2pkh(Hash160::ZERO) };
        let tx = Transaction::new(self.version, vec![input], vec![output], LockTime::new(self.lock_time));
        (tx, TxOut { value: Amount::from_sat(2), script_pubkey: self.script_pubkey.clone() })
    }

    /// The answer under `flags`.
    pub(crate) fn check(&self, flags: ScriptFlags) -> Result<(), ScriptError> {
        let (tx, spent) = self.build();
        verify(&SighashCache::new(&tx, vec![&spent]), 0, flags)
    }

    /// The code of the answer under today's consensus; `OK` where there is nothing wrong.
    pub(crate) fn code(&self) -> &'static str {
        self.check(CONSENSUS).map_or_else(|error| error.code(), |()| "OK")
    }
}

/// The hash of a compressed key.
pub(crate) fn key_hash(key: &PublicKey) -> Hash160 {
    hash::hash160(&key.to_compressed())
}
