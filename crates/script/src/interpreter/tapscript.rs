//! Signature checks in tapscript (BIP342).

use super::{Machine, Rules};
use crate::checksig;
use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::number;
use crate::sighash::TapscriptPosition;
use crate::stack::Element;

/// What a check of a signature that is not empty takes from the budget. Source: BIP342.
const WEIGHT_PER_CHECK: i64 = 50;

/// What tapscript keeps besides the stacks.
pub(crate) struct Tapscript {
    /// What signatures commit to; the machine moves the code separator on.
    pub(super) position: TapscriptPosition,
    annex_hash: Option<[u8; 32]>,
    /// What is left of the signature budget.
    weight_left: i64,
}

impl Tapscript {
    /// At the start of the leaf with this hash, with this signature budget.
    pub(crate) fn new(leaf_hash: [u8; 32], annex_hash: Option<[u8; 32]>, weight: i64) -> Self {
        let position = TapscriptPosition { leaf_hash, code_separator: u32::MAX };
        Self { position, annex_hash, weight_left: weight }
    }
}

impl Machine<'_, '_> {
    /// `OP_CHECKSIGADD`: takes a signature, above it a number and above that a key; gives the number, one higher
    /// where the signature is the key's. Only tapscript knows it.
    pub(super) fn check_sig_add(&mut self) -> Result<(), ScriptError> {
        if !matches!(self.rules, Rules::Tapscript(_)) {
            return Err(ScriptError::BadOpcode);
        }
        self.stack.need(3)?;
        let number = self.number_at(1)?;
        let (key, signature) = (self.stack.peek(0)?, self.stack.peek(2)?);
        let valid = self.check_tapscript_sig(&signature, &key)?;
        self.stack.drop_top(3)?;
        self.stack.push(number::encode(number + i64::from(valid)));
        Ok(())
    }

    /// # Consensus
    /// An empty signature is a check that fails. Any other costs 50 of the budget and, for a key of 32 bytes, must be
    /// valid; for a key of another size, but for none at all, it counts as valid until such keys get a meaning.
    /// Source: BIP342, Core's `EvalChecksigTapscript`.
    pub(super) fn check_tapscript_sig(
        &mut self,
        signature: &Element<'_>,
        key: &Element<'_>,
    ) -> Result<bool, ScriptError> {
        let Rules::Tapscript(tapscript) = &mut self.rules else { return Err(ScriptError::BadOpcode) };
        let given = !signature.is_empty();
        if given {
            tapscript.weight_left -= WEIGHT_PER_CHECK;
            if tapscript.weight_left < 0 {
                return Err(ScriptError::TapscriptValidationWeight);
            }
        }
        let got = key.as_bytes().len();
        match <&[u8; 32]>::try_from(key.as_bytes()) {
            Ok(key) if given => {
                let (annex, position) = (tapscript.annex_hash.as_ref(), Some(&tapscript.position));
                checksig::check_schnorr(
                    self.env,
                    &mut self.memo,
                    signature.as_bytes(),
                    key,
                    annex,
                    position,
                )?;
            }
            Ok(_) => {}
            Err(_) if got == 0 => return Err(ScriptError::TapscriptEmptyPubkey),
            Err(_) if self.env.flags.contains(ScriptFlags::DISCOURAGE_UPGRADABLE_PUBKEYTYPE) => {
                return Err(ScriptError::DiscourageUpgradablePubkeyType { got });
            }
            Err(_) => {}
        }
        Ok(given)
    }
}
