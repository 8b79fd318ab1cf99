//! What a signature signs.

mod common;
#[cfg(test)]
mod engine;
mod legacy;
#[cfg(test)]
mod linear;
mod memo;
mod segwit;
mod shared;
mod taproot;

pub(crate) use memo::Memo;
pub use shared::SharedHashes;
pub use taproot::TapscriptPosition;

use cairn_primitives::{Transaction, TxOut};

#[cfg(not(test))]
use cairn_primitives::hash::Sha256Engine as Engine;
#[cfg(test)]
use engine::Engine;
use memo::Class;
use taproot::Signed;

use crate::cache::{CacheUse, SignatureCache, Signatures};
use crate::error::ScriptError;

/// A transaction with the outputs it spends, from which the digests its signatures sign are computed.
///
/// Sharing one between threads is fine; what several inputs have in common is computed once, when first needed.
pub struct SighashCache<'t> {
    tx: &'t Transaction,
    spent: Vec<&'t TxOut>,
    /// Used where there are none to share.
    own: SharedHashes,
    shared: Option<&'t SharedHashes>,
    signatures: Signatures<'t>,
}

impl<'t> SighashCache<'t> {
    /// For `tx`, whose inputs spend `spent`: one output for each input, in their order. Nothing is computed yet.
    pub fn new(tx: &'t Transaction, spent: Vec<&'t TxOut>) -> Self {
        Self { tx, spent, own: SharedHashes::new(tx), shared: None, signatures: Signatures::default() }
    }

    /// Uses `hashes`, which others may use and may have filled already. All of them must have been given the same outputs
    /// spent, which are those that the inputs name.
    ///
    /// # Panics
    /// If `hashes` are those of another transaction.
    #[must_use]
    pub fn with_hashes(self, hashes: &'t SharedHashes) -> Self {
        assert!(hashes.is_of(self.tx), "hashes are shared by those who work on one transaction");
        Self { shared: Some(hashes), ..self }
    }

    /// Has signatures that `cache` knows not checked again, and remembers the others as `usage` says. No answer changes.
    #[must_use]
    pub fn with_signatures(self, cache: &'t SignatureCache, usage: CacheUse) -> Self {
        Self { signatures: Signatures(Some((cache, usage))), ..self }
    }

    /// The transaction.
    pub fn transaction(&self) -> &'t Transaction {
        self.tx
    }

    /// The outputs spent, as given.
    pub fn spent(&self) -> &[&'t TxOut] {
        &self.spent
    }

    /// The digest that a signature in a legacy script signs: the double SHA-256 of the transaction with `script_code`
    /// in the place of this input's script and nothing in the others', cut down as `sighash_type` says, and the type.
    ///
    /// `OP_CODESEPARATOR`s are left out of `script_code` here; starting it behind the last one that ran, and taking
    /// the signature out of it, is the caller's. The type is the whole number that is hashed; a script gives its
    /// signature's last byte. A type that commits to one output (`SIGHASH_SINGLE`) where there is none at this
    /// position signs the number one instead, little-endian. Source: Core's `SignatureHash`, version `BASE`.
    ///
    /// # Panics
    /// If `input` is not below the number of inputs.
    pub fn legacy(&self, input: usize, script_code: &[u8], sighash_type: u32) -> [u8; 32] {
        self.legacy_with(&mut Memo::default(), input, script_code, sighash_type)
    }

    /// [`legacy`](Self::legacy), remembering in `memo` what the checks of one script have in common.
    pub(crate) fn legacy_with(
        &self,
        memo: &mut Memo,
        input: usize,
        script_code: &[u8],
        sighash_type: u32,
    ) -> [u8; 32] {
        let class = Class::of(sighash_type);
        if legacy::commits_to_missing_output(self.tx, input, class) {
            return legacy::ONE;
        }
        let put = |engine: &mut _| legacy::put_message(engine, self.tx, input, script_code, class);
        memo.finish(class, script_code, sighash_type, put)
    }

    /// The digest that a signature in a version 0 witness signs: this input with the amount it spends and
    /// `script_code`, and as much of the rest as `sighash_type` says.
    ///
    /// `script_code` starts behind the last `OP_CODESEPARATOR` that ran; for P2WPKH it is the P2PKH script of the key's
    /// hash. The type is the whole number that is hashed; a script gives its signature's last byte.
    /// After the first call on a transaction the cost does not depend on its size. Source: BIP143.
    ///
    /// # Panics
    /// If `input` is not below the number of inputs and of outputs spent.
    pub fn segwit_v0(&self, input: usize, script_code: &[u8], sighash_type: u32) -> [u8; 32] {
        self.segwit_v0_with(&mut Memo::default(), input, script_code, sighash_type)
    }

    /// [`segwit_v0`](Self::segwit_v0), remembering in `memo` what the checks of one script have in common.
    pub(crate) fn segwit_v0_with(
        &self,
        memo: &mut Memo,
        input: usize,
        script_code: &[u8],
        sighash_type: u32,
    ) -> [u8; 32] {
        let class = Class::of(sighash_type);
        let shared = self.hashes().doubled(self.tx);
        let value = self.spent[input].value;
        let put = |engine: &mut _| {
            segwit::put_message(engine, (self.tx, shared), input, value, script_code, class);
        };
        memo.finish(class, script_code, sighash_type, put)
    }

    /// The digest that a taproot signature signs: for a signature by the output key where `position` is `None`, else for
    /// one checked at that position of a tapscript. `sighash_type` is 0 for a signature of 64 bytes, else its 65th.
    ///
    /// After the first call on a transaction the cost does not depend on its size. Source: BIP341, BIP342.
    ///
    /// # Errors
    /// [`ScriptError::SchnorrSigHashType`] for a type without meaning, and for one that commits to the output at the
    /// input's position where there is none.
    ///
    /// # Panics
    /// If `input` is not below the number of inputs and of outputs spent.
    pub fn taproot(
        &self,
        input: usize,
        sighash_type: u8,
        annex_hash: Option<&[u8; 32]>,
        position: Option<&TapscriptPosition>,
    ) -> Result<[u8; 32], ScriptError> {
        self.taproot_with(&mut Memo::default(), input, sighash_type, annex_hash, position)
    }

    /// [`taproot`](Self::taproot), remembering in `memo` what the checks of one script have in common.
    pub(crate) fn taproot_with(
        &self,
        memo: &mut Memo,
        input: usize,
        sighash_type: u8,
        annex_hash: Option<&[u8; 32]>,
        position: Option<&TapscriptPosition>,
    ) -> Result<[u8; 32], ScriptError> {
        let shared = self.hashes().taproot(&self.spent);
        let common = self.hashes().common(self.tx);
        let signed = Signed { tx: self.tx, input, spent: self.spent[input], annex_hash, position };
        taproot::digest(&signed, common, shared, sighash_type, &mut memo.output)
            .ok_or(ScriptError::SchnorrSigHashType { got: sighash_type })
    }

    pub(crate) fn signatures(&self) -> Signatures<'t> {
        self.signatures
    }

    fn hashes(&self) -> &SharedHashes {
        self.shared.unwrap_or(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_may_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<SighashCache<'_>>();
    }
}
