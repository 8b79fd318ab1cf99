//! Spending: transactions whose every input is satisfied.

use std::sync::Arc;

use cairn_primitives::{
    Amount, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Transaction, TxIn, TxOut, Witness,
};
use cairn_script::{SighashCache, TapscriptPosition, annex_hash};

use crate::keys::{high_s, key};
use crate::lock::{Item, Lock, Wrap, key_hash};
use crate::rng::Rng;

/// The hash types with a meaning, the first most often.
const TYPES: [u8; 8] = [1, 1, 1, 2, 3, 0x81, 0x82, 0x83];

/// A coin that can be spent.
#[derive(Clone, Debug)]
pub(crate) struct Coin {
    pub(crate) value: u64,
    pub(crate) lock: Arc<Lock>,
    pub(crate) height: u32,
    pub(crate) coinbase: bool,
}

/// A transaction before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Spend {
    pub(crate) version: i32,
    pub(crate) lock_time: u32,
    pub(crate) coins: Vec<(OutPoint, Coin)>,
    /// One for each coin.
    pub(crate) sequences: Vec<u32>,
    pub(crate) outputs: Vec<TxOut>,
    /// Signatures take forms that are unusual and valid.
    pub(crate) odd: bool,
    /// Bytes of annex in taproot inputs.
    pub(crate) annex: Option<usize>,
}

impl Spend {
    /// A transaction that spends these coins and keeps their conditions of time.
    pub(crate) fn new(coins: Vec<(OutPoint, Coin)>, outputs: Vec<TxOut>) -> Self {
        let sequences = coins.iter().map(|(_, coin)| coin.lock.sequence.unwrap_or(u32::MAX)).collect();
        let lock_time = coins.iter().filter_map(|(_, coin)| coin.lock.lock_time).max().unwrap_or(0);
        Self { version: 2, lock_time, coins, sequences, outputs, odd: false, annex: None }
    }

    /// Value of the coins.
    pub(crate) fn value(&self) -> u64 {
        self.coins.iter().map(|(_, coin)| coin.value).sum()
    }

    /// The signed transaction.
    pub(crate) fn sign(&self, rng: &mut Rng) -> Transaction {
        let unsigned = self.build(|_| (Script::new(), Vec::new()));
        let spent = self.spent();
        let cache = SighashCache::new(&unsigned, spent.iter().collect());
        let parts: Vec<_> = (0..self.coins.len())
            .map(|input| Signer { spend: self, cache: &cache, input }.unlock(rng))
            .collect();
        self.build(|input| parts[input].clone())
    }

    /// The outputs it spends.
    pub(crate) fn spent(&self) -> Vec<TxOut> {
        self.coins.iter().map(|(_, coin)| pay(coin.value, &coin.lock)).collect()
    }

    fn build(&self, parts: impl Fn(usize) -> (Script, Vec<Vec<u8>>)) -> Transaction {
        let inputs = self.coins.iter().zip(&self.sequences).enumerate();
        let inputs = inputs.map(|(index, ((outpoint, _), sequence))| {
            let (script_sig, witness) = parts(index);
            let sequence = Sequence::new(*sequence);
            TxIn { previous: *outpoint, script_sig, sequence, witness: Witness::new(witness) }
        });
        let lock_time = LockTime::new(self.lock_time);
        Transaction::new(self.version, inputs.collect(), self.outputs.clone(), lock_time)
    }
}

/// An output to a lock.
pub(crate) fn pay(value: u64, lock: &Lock) -> TxOut {
    TxOut { value: Amount::from_sat(value), script_pubkey: lock.script_pubkey() }
}

/// An input script of these pushes.
pub(crate) fn pushes(items: &[Vec<u8>]) -> Script {
    items.iter().fold(ScriptBuilder::new(), |script, item| script.push_slice(item)).into_script()
}

struct Signer<'a> {
    spend: &'a Spend,
    cache: &'a SighashCache<'a>,
    input: usize,
}

impl Signer<'_> {
    fn unlock(&self, rng: &mut Rng) -> (Script, Vec<Vec<u8>>) {
        let lock = &*self.spend.coins[self.input].1.lock;
        let redeem = pushes(&[lock.witness_program().as_bytes().to_vec()]);
        match &lock.wrap {
            Wrap::Bare => (pushes(&self.items(rng, lock)), Vec::new()),
            Wrap::P2sh => {
                let mut items = self.items(rng, lock);
                items.push(lock.script.clone());
                (pushes(&items), Vec::new())
            }
            Wrap::P2wsh(nested) => {
                let mut items = self.items(rng, lock);
                items.push(lock.script.clone());
                (if *nested { redeem } else { Script::new() }, items)
            }
            Wrap::P2wpkh(number, nested) => {
                let code = Script::p2pkh(key_hash(*number));
                let signature = self.ecdsa(rng, *number, code.as_bytes(), true);
                let witness = vec![signature, key(*number).compressed.to_vec()];
                (if *nested { redeem } else { Script::new() }, witness)
            }
            Wrap::TapKey(number, root) => {
                let secret = key(*number).secret.tap_tweak(root.as_ref());
                let secret = secret.expect("hashes are tweaks but for one in 2^128");
                let annex = self.annex();
                let hash = annex.as_deref().map(annex_hash);
                let signature = self.schnorr(rng, &secret, hash.as_ref(), None);
                (Script::new(), [signature].into_iter().chain(annex).collect())
            }
            Wrap::Tap(leaf) => {
                let mut items = self.items(rng, lock);
                items.push(lock.script.clone());
                items.push(leaf.control(&lock.script));
                items.extend(self.annex());
                (Script::new(), items)
            }
            Wrap::Program(..) => (Script::new(), vec![rng.bytes(3)]),
        }
    }

    fn annex(&self) -> Option<Vec<u8>> {
        self.spend.annex.map(|size| [vec![0x50], vec![7; size]].concat())
    }

    fn items(&self, rng: &mut Rng, lock: &Lock) -> Vec<Vec<u8>> {
        let make = |item: &Item| match (item, &lock.wrap) {
            (Item::Bytes(bytes), _) => bytes.clone(),
            (Item::Sig(number), Wrap::Tap(leaf)) => {
                let position =
                    TapscriptPosition { leaf_hash: leaf.hash(&lock.script), code_separator: u32::MAX };
                let annex = self.annex().as_deref().map(annex_hash);
                self.schnorr(rng, &key(*number).secret, annex.as_ref(), Some(&position))
            }
            (Item::Sig(number), wrap) => {
                self.ecdsa(rng, *number, &lock.script, matches!(wrap, Wrap::P2wsh(_)))
            }
        };
        lock.items.iter().map(make).collect()
    }

    fn ecdsa(&self, rng: &mut Rng, number: usize, code: &[u8], witness: bool) -> Vec<u8> {
        let sighash_type = match self.spend.odd && rng.chance(30) {
            // Any byte is a type: only policy asks for one with a meaning.
            true => rng.u8(),
            false => rng.pick(&TYPES),
        };
        let digest = match witness {
            true => self.cache.segwit_v0(self.input, code, u32::from(sighash_type)),
            false => self.cache.legacy(self.input, code, u32::from(sighash_type)),
        };
        let signature = key(number).secret.sign_ecdsa(&digest);
        let high = self.spend.odd && rng.chance(30);
        let mut bytes = if high { high_s(&signature) } else { signature }.to_der();
        bytes.push(sighash_type);
        bytes
    }

    fn schnorr(
        &self,
        rng: &mut Rng,
        secret: &cairn_crypto::SecretKey,
        annex: Option<&[u8; 32]>,
        position: Option<&TapscriptPosition>,
    ) -> Vec<u8> {
        let wanted = if rng.chance(50) { 0 } else { rng.pick(&TYPES) };
        // A signature for one output that is not there cannot be made.
        let single = wanted & 3 == 3 && self.input >= self.spend.outputs.len();
        let sighash_type = if single { 0 } else { wanted };
        let digest = self.cache.taproot(self.input, sighash_type, annex, position);
        let digest = digest.expect("the type has a meaning and its output");
        let mut bytes = secret.sign_schnorr(&digest, &rng.hash()).to_bytes().to_vec();
        if sighash_type != 0 {
            bytes.push(sighash_type);
        }
        bytes
    }
}
