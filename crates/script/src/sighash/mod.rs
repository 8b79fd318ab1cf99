//! What a signature signs.

mod legacy;
mod memo;

pub(crate) use memo::Memo;

use cairn_primitives::{Transaction, TxOut};

use memo::Class;

/// A transaction with the outputs it spends, from which the digests its signatures sign are computed.
///
/// Sharing one between threads is fine; what several inputs have in common is computed once, when first needed.
pub struct SighashCache<'t> {
    tx: &'t Transaction,
    spent: Vec<&'t TxOut>,
}

impl<'t> SighashCache<'t> {
    /// For `tx`, whose inputs spend `spent`: one output for each input, in their order. Nothing is computed yet.
    pub fn new(tx: &'t Transaction, spent: Vec<&'t TxOut>) -> Self {
        Self { tx, spent }
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
}
