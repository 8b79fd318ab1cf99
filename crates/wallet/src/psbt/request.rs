//! From a signing request to a PSBT and back.

use cairn_params::ChainSpec;
use cairn_primitives::{Decode, Encode, Script, ScriptKind, Transaction, TxOut};

use super::error::PsbtError;
use super::fields::{
    GLOBAL_TX, IN_COIN, IN_PATH, IN_PREVIOUS, IN_SIGHASH, IN_TAP_KEY, IN_TAP_PATH, OUT_PATH, OUT_TAP_KEY,
    OUT_TAP_PATH, path, tap_path,
};
use super::map::Map;
use super::{Psbt, PsbtPart};
use crate::keys::{AccountPublic, Branch, ChildNumber, DeriveError, Fingerprint, Purpose};
use crate::request::{RequestInput, SigningRequest};
use crate::wallet::KeyOrigin;

/// Commits to everything; the second is taproot's form of it, which takes no byte.
const SIGHASH_ALL: u32 = 1;
const SIGHASH_DEFAULT: u32 = 0;

/// The fields of a key path: the key and its path, for ECDSA and for taproot, and taproot's internal key.
struct PathFields {
    ecdsa: u8,
    taproot: u8,
    internal: u8,
}

const INPUT: PathFields = PathFields { ecdsa: IN_PATH, taproot: IN_TAP_PATH, internal: IN_TAP_KEY };
const OUTPUT: PathFields = PathFields { ecdsa: OUT_PATH, taproot: OUT_TAP_PATH, internal: OUT_TAP_KEY };

/// Writes key paths.
struct Writer<'a> {
    accounts: &'a [AccountPublic],
    /// The fingerprint of the root key, and the chain's coin type.
    master: Option<(Fingerprint, u32)>,
}

impl Psbt {
    /// The PSBT of a request whose keys belong to `accounts`.
    ///
    /// With the fingerprint of the root key, paths begin there, as hardware signers want them: `m/84'/0'/0'/0/5`.
    /// Without, they begin at the account's key, whose own fingerprint stands with them: `m/0/5`.
    ///
    /// # Errors
    /// [`PsbtError::NotOwn`] where no account is that of an input's key; [`PsbtError::Derive`], which cannot be met
    /// in practice.
    pub fn from_request(
        request: &SigningRequest,
        accounts: &[AccountPublic],
        master: Option<Fingerprint>,
        spec: &ChainSpec,
    ) -> Result<Self, PsbtError> {
        let master = master.map(|fingerprint| (fingerprint, spec.address.coin_type));
        let writer = Writer { accounts, master };
        let mut global = Map::default();
        let mut tx = Vec::new();
        request.tx.encode_base(&mut tx);
        global.push(GLOBAL_TX, &[], tx);

        let mut inputs = Vec::with_capacity(request.inputs.len());
        for (index, input) in request.inputs.iter().enumerate() {
            let mut map = Map::default();
            let kind = input.coin.script_pubkey.kind();
            // A taproot signature commits to every coin, so that nothing else must prove them (BIP371).
            if let Some(previous) = input.previous.as_ref().filter(|_| kind != ScriptKind::P2tr) {
                map.push(IN_PREVIOUS, &[], previous.to_bytes());
            }
            if kind != ScriptKind::P2pkh {
                map.push(IN_COIN, &[], input.coin.to_bytes());
            }
            if !writer.put(&mut map, &INPUT, &input.origin)? {
                return Err(PsbtError::NotOwn { index });
            }
            inputs.push(map);
        }
        let mut outputs = Vec::with_capacity(request.outputs.len());
        for origin in &request.outputs {
            let mut map = Map::default();
            if let Some(origin) = origin {
                writer.put(&mut map, &OUTPUT, origin)?;
            }
            outputs.push(map);
        }
        Ok(Self { tx: request.tx.clone(), global, inputs, outputs })
    }

    /// The request to sign this with the keys of `accounts`, which must be all that it takes. A key path is believed
    /// only if the key it leads to locks the coin.
    ///
    /// What it pays, and to whom, is for the caller to show and for the owner to judge.
    ///
    /// # Errors
    /// [`PsbtError::NoCoin`], [`PsbtError::NotOwn`] and [`PsbtError::SighashType`]; [`PsbtError::Derive`], which
    /// cannot be met in practice. That the coins are as their transactions made them is checked by
    /// [`sign`](crate::sign).
    pub fn to_request(&self, accounts: &[AccountPublic]) -> Result<SigningRequest, PsbtError> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for (index, map) in self.inputs.iter().enumerate() {
            inputs.push(self.request_input(index, map, accounts)?);
        }
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (output, map) in self.tx.outputs().iter().zip(&self.outputs) {
            outputs.push(origin(map, &OUTPUT, &output.script_pubkey, accounts)?);
        }
        Ok(SigningRequest::new(self.tx.clone(), inputs, outputs))
    }

    fn request_input(
        &self,
        index: usize,
        map: &Map,
        accounts: &[AccountPublic],
    ) -> Result<RequestInput, PsbtError> {
        let malformed = |kind: u8| PsbtError::Value { part: PsbtPart::Input(index), kind: u64::from(kind) };
        let previous = map.get(IN_PREVIOUS).map(Transaction::from_bytes).transpose();
        let previous = previous.map_err(|_| malformed(IN_PREVIOUS))?;
        let stated = map.get(IN_COIN).map(TxOut::from_bytes).transpose();
        let stated = stated.map_err(|_| malformed(IN_COIN))?;
        let vout = self.tx.inputs()[index].previous.vout as usize;
        let made = previous.as_ref().and_then(|tx| tx.outputs().get(vout)).cloned();
        let coin = stated.or(made).ok_or(PsbtError::NoCoin { index })?;

        let taproot = coin.script_pubkey.kind() == ScriptKind::P2tr;
        if let Some(bytes) = map.get(IN_SIGHASH).and_then(<[u8]>::first_chunk) {
            let got = u32::from_le_bytes(*bytes);
            let wanted = if taproot { SIGHASH_DEFAULT } else { SIGHASH_ALL };
            if got != wanted {
                return Err(PsbtError::SighashType { index, got });
            }
        }
        let origin = origin(map, &INPUT, &coin.script_pubkey, accounts)?;
        Ok(RequestInput { coin, origin: origin.ok_or(PsbtError::NotOwn { index })?, previous })
    }
}

impl Writer<'_> {
    /// Whether there is an account with that key.
    fn put(&self, map: &mut Map, fields: &PathFields, origin: &KeyOrigin) -> Result<bool, DeriveError> {
        let wanted = (origin.purpose, origin.account);
        let named = |account: &&AccountPublic| (account.purpose(), account.account()) == wanted;
        let Some(account) = self.accounts.iter().find(named) else { return Ok(false) };
        let key = account.public_key(origin.branch, origin.index)?;
        let value = self.path(account, origin);
        if origin.purpose == Purpose::Bip86 {
            let internal = key.to_x_only().0.to_bytes();
            // The key by itself stands in no leaf. Fields stand in the order of their types.
            let path = [vec![0], value].concat();
            if fields.taproot < fields.internal {
                map.push(fields.taproot, &internal, path);
                map.push(fields.internal, &[], internal.to_vec());
            } else {
                map.push(fields.internal, &[], internal.to_vec());
                map.push(fields.taproot, &internal, path);
            }
        } else {
            map.push(fields.ecdsa, &key.to_compressed(), value);
        }
        Ok(true)
    }

    fn path(&self, account: &AccountPublic, origin: &KeyOrigin) -> Vec<u8> {
        let below = [origin.branch.child().to_u32(), origin.index];
        let (fingerprint, above) = match self.master {
            Some((master, coin_type)) => {
                (master, account_steps(origin.purpose, coin_type, origin.account).to_vec())
            }
            None => (account.key().fingerprint(), Vec::new()),
        };
        let mut value = fingerprint.to_bytes().to_vec();
        above.into_iter().chain(below).for_each(|step| value.extend(step.to_le_bytes()));
        value
    }
}

const HARDENED: u32 = 1 << 31;

fn account_steps(purpose: Purpose, coin_type: u32, account: u32) -> [u32; 3] {
    [purpose.number(), coin_type, account].map(|step| step | HARDENED)
}

/// Where the key that locks `script` stands, by a key path of the map that leads to one of the accounts.
fn origin(
    map: &Map,
    fields: &PathFields,
    script: &Script,
    accounts: &[AccountPublic],
) -> Result<Option<KeyOrigin>, DeriveError> {
    let ecdsa = map.all(fields.ecdsa).filter_map(|(_, value)| path(value));
    let taproot = map.all(fields.taproot).filter_map(|(_, value)| tap_path(value));
    for (fingerprint, steps) in ecdsa.chain(taproot) {
        for account in accounts {
            let Some((branch, index)) = place(account, fingerprint, &steps) else { continue };
            if account.script(branch, index)? == *script {
                let (purpose, account) = (account.purpose(), account.account());
                return Ok(Some(KeyOrigin { purpose, account, branch, index }));
            }
        }
    }
    Ok(None)
}

/// Branch and index of a path from the root through this account, or from this account's key.
fn place(account: &AccountPublic, fingerprint: [u8; 4], steps: &[u32]) -> Option<(Branch, u32)> {
    let (branch, index) = match *steps {
        [branch, index] if account.key().fingerprint().to_bytes() == fingerprint => (branch, index),
        [purpose, _, number, branch, index] => {
            let [own_purpose, _, own_number] = account_steps(account.purpose(), 0, account.account());
            ((purpose, number) == (own_purpose, own_number)).then_some((branch, index))?
        }
        _ => return None,
    };
    let branch = Branch::ALL.into_iter().find(|known| known.child().to_u32() == branch)?;
    (index <= ChildNumber::MAX_INDEX).then_some((branch, index))
}
