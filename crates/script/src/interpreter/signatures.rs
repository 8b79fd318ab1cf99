//! Hashes and signature checks.

use std::borrow::Cow;
use std::ops::Range;

use cairn_primitives::hash;
use cairn_primitives::op::*;

use super::{Machine, Rules};
use crate::checksig;
use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::script_code::without_signature;
use crate::stack::Element;

/// Most keys `OP_CHECKMULTISIG` takes. Source: Core's `MAX_PUBKEYS_PER_MULTISIG`.
const MAX_KEYS: i64 = 20;

impl<'s> Machine<'_, 's> {
    /// `OP_RIPEMD160` to `OP_HASH256`.
    pub(super) fn hash(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let item = self.stack.pop()?;
        let data = item.as_bytes();
        let digest = match opcode {
            OP_RIPEMD160 => Element::hash20(hash::ripemd160(data)),
            OP_SHA1 => Element::hash20(hash::sha1(data)),
            OP_SHA256 => Element::hash32(hash::sha256(data)),
            OP_HASH160 => Element::hash20(hash::hash160(data).to_bytes()),
            _ => Element::hash32(hash::sha256d(data)),
        };
        self.stack.push(digest);
        Ok(())
    }

    /// `OP_CHECKSIG` to `OP_CHECKMULTISIGVERIFY`.
    pub(super) fn signatures(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let valid = match opcode {
            OP_CHECKSIG | OP_CHECKSIGVERIFY => self.check_sig()?,
            _ => self.check_multisig()?,
        };
        match opcode {
            OP_CHECKSIGVERIFY if !valid => Err(ScriptError::CheckSigVerify),
            OP_CHECKMULTISIGVERIFY if !valid => Err(ScriptError::CheckMultisigVerify),
            OP_CHECKSIGVERIFY | OP_CHECKMULTISIGVERIFY => Ok(()),
            _ => {
                self.stack.push(Element::bool(valid));
                Ok(())
            }
        }
    }

    /// Takes a signature and, above it, a key.
    fn check_sig(&mut self) -> Result<bool, ScriptError> {
        self.stack.need(2)?;
        if self.is_tapscript() {
            let valid = self.check_tapscript_sig(&self.stack.peek(1)?, &self.stack.peek(0)?)?;
            self.stack.drop_top(2)?;
            return Ok(valid);
        }
        let code = self.script_code(1..2)?;
        let key = self.stack.pop()?;
        let signature = self.stack.pop()?;
        self.check_encodings(&signature, &key)?;
        let valid = self.is_signed(&signature, &key, &code);
        if !valid && self.flag(ScriptFlags::NULLFAIL) && !signature.is_empty() {
            return Err(ScriptError::NullFail);
        }
        Ok(valid)
    }

    /// Takes, from the top: the number of keys, the keys, the number of signatures, the signatures, one more item.
    ///
    /// Keys and signatures are compared from the top down, each key with one signature only, so signatures must be in
    /// the order of their keys. The order of the checks is observable and therefore consensus.
    /// Source: Core's `EvalScript`, `OP_CHECKMULTISIG`.
    fn check_multisig(&mut self) -> Result<bool, ScriptError> {
        if self.is_tapscript() {
            return Err(ScriptError::TapscriptCheckMultisig);
        }
        let keys = count(self.number_at(0)?, MAX_KEYS)
            .map_err(|got| ScriptError::PubkeyCount { got, limit: MAX_KEYS })?;
        self.count_ops(u32::try_from(keys).expect("at most 20"))?;
        self.stack.need(keys + 2)?;
        let limit = i64::try_from(keys).expect("at most 20");
        let signatures =
            count(self.number_at(keys + 1)?, limit).map_err(|got| ScriptError::SigCount { got, limit })?;
        let first_signature = keys + 2;
        let excess = first_signature + signatures;
        self.stack.need(excess + 1)?;

        let valid = self.match_signatures(1..first_signature - 1, first_signature..excess)?;

        self.stack.drop_top(first_signature)?;
        for _ in 0..signatures {
            let signature = self.stack.pop()?;
            if !valid && self.flag(ScriptFlags::NULLFAIL) && !signature.is_empty() {
                return Err(ScriptError::NullFail);
            }
        }
        let excess = self.stack.pop()?;
        if self.flag(ScriptFlags::NULLDUMMY) && !excess.is_empty() {
            return Err(ScriptError::SigNullDummy);
        }
        Ok(valid)
    }

    /// Whether every signature belongs to a key, in order. Keys and signatures are given by their depths.
    fn match_signatures(
        &mut self,
        mut keys: Range<usize>,
        mut signatures: Range<usize>,
    ) -> Result<bool, ScriptError> {
        let code = self.script_code(signatures.clone())?;
        while !signatures.is_empty() {
            if signatures.len() > keys.len() {
                return Ok(false);
            }
            let (signature, key) = (self.stack.peek(signatures.start)?, self.stack.peek(keys.start)?);
            self.check_encodings(&signature, &key)?;
            if self.is_signed(&signature, &key, &code) {
                signatures.start += 1;
            }
            keys.start += 1;
        }
        Ok(true)
    }

    fn check_encodings(&self, signature: &Element<'_>, key: &Element<'_>) -> Result<(), ScriptError> {
        checksig::check_signature_encoding(signature.as_bytes(), self.env.flags)?;
        let witness = matches!(self.rules, Rules::WitnessV0);
        checksig::check_key_encoding(key.as_bytes(), self.env.flags, witness)
    }

    /// The code that the signatures at these depths commit to. A legacy signature cannot sign itself, so wherever it
    /// stands in the code it is taken out.
    fn script_code(&self, signatures: Range<usize>) -> Result<Cow<'s, [u8]>, ScriptError> {
        let mut code = Cow::Borrowed(&self.script[self.code_start..]);
        if !matches!(self.rules, Rules::Legacy) {
            return Ok(code);
        }
        for depth in signatures {
            if let Some(shorter) = without_signature(&code, self.stack.peek(depth)?.as_bytes()) {
                if self.flag(ScriptFlags::CONST_SCRIPTCODE) {
                    return Err(ScriptError::SigFindAndDelete);
                }
                code = Cow::Owned(shorter);
            }
        }
        Ok(code)
    }

    fn is_signed(&mut self, signature: &Element<'_>, key: &Element<'_>, code: &[u8]) -> bool {
        let key = key.as_bytes();
        let Some((sighash_type, signature)) = checksig::parse_ecdsa(signature.as_bytes(), key) else {
            return false;
        };
        let (cache, input) = (self.env.cache, self.env.input);
        let digest = match self.rules {
            Rules::Legacy => cache.legacy_with(&mut self.memo, input, code, u32::from(sighash_type)),
            _ => cache.segwit_v0_with(&mut self.memo, input, code, u32::from(sighash_type)),
        };
        cache.signatures().check_ecdsa(&digest, key, &signature)
    }
}

/// A count between 0 and `limit`; the number itself where it is not.
fn count(number: i64, limit: i64) -> Result<usize, i64> {
    usize::try_from(number).ok().filter(|_| number <= limit).ok_or(number)
}
