//! Signing, and checking what was signed.

use cairn_crypto::SecretKey;
use cairn_primitives::{Script, ScriptBuilder, ScriptKind, Transaction, TxIn, Txid, Witness, hash};
use cairn_script::{ScriptError, ScriptFlags, SighashCache, verify};
use thiserror::Error;

use crate::keys::{AccountSecret, DeriveError};
use crate::request::{RequestInput, SigningRequest};
use crate::wallet::KeyOrigin;

/// The hash type that commits to everything.
const SIGHASH_ALL: u8 = 1;
/// Taproot's hash type that commits to everything and takes no byte (BIP341).
const SIGHASH_DEFAULT: u8 = 0;

/// Why a request is not signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// It does not say what each input spends.
    #[error("the request describes {got} inputs, the transaction has {expected}")]
    InputCount {
        /// Inputs described.
        got: usize,
        /// Inputs of the transaction.
        expected: usize,
    },
    /// Its coins do not hold what its outputs pay.
    #[error("the coins hold less than the outputs pay")]
    NegativeFee,
    /// The transaction given as the one that made a coin is another.
    #[error("input {index}: transaction {got} was given where {expected} made the coin")]
    WrongPrevious {
        /// The position of the input.
        index: usize,
        /// The id of what was given.
        got: Txid,
        /// The id the input names.
        expected: Txid,
    },
    /// The transaction that made a coin does not make it as described.
    #[error("input {index}: the coin is not as its transaction made it")]
    WrongCoin {
        /// The position of the input.
        index: usize,
    },
    /// A P2PKH signature does not commit to the amount, so the transaction that made the coin must prove it.
    #[error("input {index}: the transaction that made the coin is needed")]
    PreviousNeeded {
        /// The position of the input.
        index: usize,
    },
    /// The secrets given have no account for this input.
    #[error("input {index}: no secret for account {} of purpose {}", origin.account, origin.purpose.number())]
    NoSecret {
        /// The position of the input.
        index: usize,
        /// Where its key should stand.
        origin: KeyOrigin,
    },
    /// The key at that place is not the one the coin asks for: the secrets are another wallet's.
    #[error("input {index}: the coin is not locked to the key of this wallet")]
    WrongKey {
        /// The position of the input.
        index: usize,
    },
    /// A key cannot be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// A signed input does not pass verification. It is not handed out.
    #[error("input {index} was signed, but does not verify: {error}")]
    Invalid {
        /// The position of the input.
        index: usize,
        /// The rule it breaks.
        #[source]
        error: ScriptError,
    },
}

/// Signs every input of `request` with the keys of `secrets`, and gives the transaction, ready to be sent.
///
/// P2PKH, P2WPKH and P2TR (by its output key) coins are signed, each for the whole transaction. What the request says
/// of its coins is checked against the transactions that made them, where it has those; each signed input is run
/// through the interpreter under every rule before the transaction is handed out. ECDSA nonces come from RFC6979 and
/// BIP340's auxiliary bytes are zeros, so the same request gives the same transaction.
///
/// Whether the payment is wanted is for the caller to say: [`SigningRequest::fee`] and the outputs are what to show.
///
/// # Errors
/// [`SignError`].
pub fn sign(request: &SigningRequest, secrets: &[AccountSecret]) -> Result<Transaction, SignError> {
    check(request)?;
    let spent: Vec<_> = request.inputs.iter().map(|input| &input.coin).collect();
    let cache = SighashCache::new(&request.tx, spent.clone());
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (index, described) in request.inputs.iter().enumerate() {
        let key = find_key(index, described, secrets)?;
        let (script_sig, witness) = unlock(&cache, index, &key)?;
        let TxIn { previous, sequence, .. } = request.tx.inputs()[index];
        inputs.push(TxIn { previous, script_sig, sequence, witness });
    }
    let (version, _, outputs, lock_time) = request.tx.clone().into_parts();
    let signed = Transaction::new(version, inputs, outputs, lock_time);
    let cache = SighashCache::new(&signed, spent);
    for index in 0..signed.inputs().len() {
        verify(&cache, index, ScriptFlags::ALL).map_err(|error| SignError::Invalid { index, error })?;
    }
    Ok(signed)
}

/// Checks that the request agrees with itself.
fn check(request: &SigningRequest) -> Result<(), SignError> {
    let (got, expected) = (request.inputs.len(), request.tx.inputs().len());
    if got != expected {
        return Err(SignError::InputCount { got, expected });
    }
    for (index, (input, described)) in request.tx.inputs().iter().zip(&request.inputs).enumerate() {
        let Some(previous) = &described.previous else {
            if described.coin.script_pubkey.kind() == ScriptKind::P2pkh {
                return Err(SignError::PreviousNeeded { index });
            }
            continue;
        };
        let expected = input.previous.txid;
        if previous.txid() != expected {
            return Err(SignError::WrongPrevious { index, got: previous.txid(), expected });
        }
        if previous.outputs().get(input.previous.vout as usize) != Some(&described.coin) {
            return Err(SignError::WrongCoin { index });
        }
    }
    request.fee().map(drop).ok_or(SignError::NegativeFee)
}

/// The key that the coin is locked to.
fn find_key(
    index: usize,
    described: &RequestInput,
    secrets: &[AccountSecret],
) -> Result<SecretKey, SignError> {
    let origin = described.origin;
    let wanted = (origin.purpose, origin.account);
    let mut accounts =
        secrets.iter().filter(|secret| (secret.purpose(), secret.account()) == wanted).peekable();
    if accounts.peek().is_none() {
        return Err(SignError::NoSecret { index, origin });
    }
    for account in accounts {
        let key = account.signing_key(origin.branch, origin.index)?;
        if script_of(&key, described.coin.script_pubkey.kind()).as_ref()
            == Some(&described.coin.script_pubkey)
        {
            return Ok(key);
        }
    }
    Err(SignError::WrongKey { index })
}

/// The script of this form that is locked to a key; for P2TR the key is the output key.
fn script_of(key: &SecretKey, kind: ScriptKind) -> Option<Script> {
    let public = key.public_key();
    let key_hash = || hash::hash160(&public.to_compressed());
    match kind {
        ScriptKind::P2pkh => Some(Script::p2pkh(key_hash())),
        ScriptKind::P2wpkh => Some(Script::p2wpkh(key_hash())),
        ScriptKind::P2tr => Some(Script::p2tr(public.to_x_only().0.to_bytes())),
        _ => None,
    }
}

/// The input script and the witness that spend the coin of an input by one signature of `key`.
fn unlock(cache: &SighashCache<'_>, index: usize, key: &SecretKey) -> Result<(Script, Witness), SignError> {
    let public = key.public_key().to_compressed();
    let script_pubkey = &cache.spent()[index].script_pubkey;
    let ecdsa = |digest: [u8; 32]| {
        let mut signature = key.sign_ecdsa(&digest).to_der();
        signature.push(SIGHASH_ALL);
        signature
    };
    Ok(match script_pubkey.kind() {
        ScriptKind::P2pkh => {
            let signature = ecdsa(cache.legacy(index, script_pubkey.as_bytes(), u32::from(SIGHASH_ALL)));
            let script = ScriptBuilder::new().push_slice(&signature).push_slice(&public).into_script();
            (script, Witness::default())
        }
        ScriptKind::P2wpkh => {
            let script_code = Script::p2pkh(hash::hash160(&public));
            let digest = cache.segwit_v0(index, script_code.as_bytes(), u32::from(SIGHASH_ALL));
            (Script::new(), Witness::new(vec![ecdsa(digest), public.to_vec()]))
        }
        ScriptKind::P2tr => {
            let digest = cache
                .taproot(index, SIGHASH_DEFAULT, None, None)
                .map_err(|error| SignError::Invalid { index, error })?;
            let signature = key.sign_schnorr(&digest, &[0; 32]);
            (Script::new(), Witness::new(vec![signature.to_bytes().to_vec()]))
        }
        _ => return Err(SignError::WrongKey { index }),
    })
}
