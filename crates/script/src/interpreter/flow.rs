//! Branches, giving up, and the lock times that took over two no-operations.

use cairn_primitives::LockTime;
use cairn_primitives::op::*;

use super::{Machine, Rules};
use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::number;

/// Set in a sequence number that is no relative lock (BIP68).
const SEQUENCE_DISABLED: u32 = 1 << 31;
/// Set in a relative lock that counts time (BIP68).
const SEQUENCE_TIME: u32 = 1 << 22;
/// The bits of a relative lock that count (BIP68).
const SEQUENCE_VALUE: u32 = 0xffff;

impl Machine<'_, '_> {
    /// `OP_NOP` to `OP_RETURN`. `executing` is false in a branch not taken, where only the branch opcodes come here.
    pub(super) fn flow(&mut self, opcode: u8, executing: bool) -> Result<(), ScriptError> {
        match opcode {
            OP_NOP => Ok(()),
            OP_IF | OP_NOTIF => {
                let taken = executing && self.branch_condition()? == (opcode == OP_IF);
                self.conditions.open(taken);
                Ok(())
            }
            OP_ELSE => self.conditions.switch(),
            OP_ENDIF => self.conditions.close(),
            OP_VERIFY => self.verify_top(ScriptError::Verify),
            OP_RETURN => Err(ScriptError::OpReturn),
            // OP_VER, and OP_VERIF and OP_VERNOTIF even in a branch not taken.
            _ => Err(ScriptError::BadOpcode),
        }
    }

    /// Takes the item that decides a branch. In tapscript it is empty or `01` by consensus (BIP342).
    fn branch_condition(&mut self) -> Result<bool, ScriptError> {
        let item = self.stack.pop().map_err(|_| ScriptError::UnbalancedConditional)?;
        let minimal = matches!(item.as_bytes(), [] | [1]);
        match self.rules {
            Rules::Tapscript(_) if !minimal => return Err(ScriptError::TapscriptMinimalIf),
            Rules::WitnessV0 if !minimal && self.flag(ScriptFlags::MINIMALIF) => {
                return Err(ScriptError::MinimalIf);
            }
            _ => {}
        }
        Ok(item.is_true())
    }

    /// `OP_NOP1` to `OP_NOP10`, two of which have become lock times.
    pub(super) fn upgraded(&mut self, opcode: u8) -> Result<(), ScriptError> {
        match opcode {
            OP_CHECKLOCKTIMEVERIFY if self.flag(ScriptFlags::CHECKLOCKTIMEVERIFY) => self.check_lock_time(),
            OP_CHECKSEQUENCEVERIFY if self.flag(ScriptFlags::CHECKSEQUENCEVERIFY) => self.check_sequence(),
            // Not switched on, these two are plain no-operations that nobody is discouraged from using.
            OP_CHECKLOCKTIMEVERIFY | OP_CHECKSEQUENCEVERIFY => Ok(()),
            _ if self.flag(ScriptFlags::DISCOURAGE_UPGRADABLE_NOPS) => {
                Err(ScriptError::DiscourageUpgradableNops)
            }
            _ => Ok(()),
        }
    }

    /// # Consensus
    /// The number on top of the stack, which stays, is a lock time of the transaction's own kind (height or time) and
    /// not above the transaction's; and this input's sequence number lets that lock time count.
    /// Source: BIP65, Core's `CheckLockTime`.
    fn check_lock_time(&mut self) -> Result<(), ScriptError> {
        let wanted = self.lock_operand()?;
        let tx = self.env.cache.transaction();
        let locked = i64::from(tx.lock_time().to_u32());
        let threshold = i64::from(LockTime::THRESHOLD);
        let same_kind = (wanted < threshold) == (locked < threshold);
        let counts = !tx.inputs()[self.env.input].sequence.is_final();
        if same_kind && wanted <= locked && counts { Ok(()) } else { Err(ScriptError::UnsatisfiedLockTime) }
    }

    /// # Consensus
    /// The number on top of the stack, which stays, is a relative lock of the same kind (blocks or time) as this
    /// input's and not above it, in a transaction whose version makes relative locks count. A number with the
    /// disable bit demands nothing.
    /// Source: BIP112, Core's `CheckSequence`.
    fn check_sequence(&mut self) -> Result<(), ScriptError> {
        let wanted = self.lock_operand()?;
        if wanted & i64::from(SEQUENCE_DISABLED) != 0 {
            return Ok(());
        }
        let tx = self.env.cache.transaction();
        let sequence = tx.inputs()[self.env.input].sequence.to_u32();
        // Versions are compared as unsigned numbers: a negative one is a high one.
        let counts = tx.version().cast_unsigned() >= 2 && sequence & SEQUENCE_DISABLED == 0;
        let mask = SEQUENCE_TIME | SEQUENCE_VALUE;
        let (wanted, locked) = (wanted & i64::from(mask), i64::from(sequence & mask));
        let time = i64::from(SEQUENCE_TIME);
        let same_kind = (wanted < time) == (locked < time);
        if counts && same_kind && wanted <= locked { Ok(()) } else { Err(ScriptError::UnsatisfiedLockTime) }
    }

    /// The non-negative number, of up to five bytes, on top of the stack.
    fn lock_operand(&self) -> Result<i64, ScriptError> {
        let item = self.stack.peek(0)?;
        let number =
            number::decode(item.as_bytes(), number::LOCK_TIME_SIZE, self.flag(ScriptFlags::MINIMALDATA))?;
        if number < 0 { Err(ScriptError::NegativeLockTime) } else { Ok(number) }
    }
}
