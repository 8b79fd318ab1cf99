//! Arithmetic on numbers of at most four bytes; results may take five.

use cairn_primitives::op::*;

use super::Machine;
use crate::error::ScriptError;
use crate::flags::ScriptFlags;
use crate::number;

impl Machine<'_, '_> {
    /// `OP_1ADD` to `OP_WITHIN`.
    pub(super) fn arithmetic(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let result = match opcode {
            OP_1ADD | OP_1SUB | OP_NEGATE..=OP_0NOTEQUAL => self.unary(opcode)?,
            OP_ADD..=OP_MAX => self.binary(opcode)?,
            OP_WITHIN => self.within()?,
            _ => return Err(ScriptError::BadOpcode),
        };
        self.stack.push(number::encode(result));
        match opcode {
            OP_NUMEQUALVERIFY => self.verify_top(ScriptError::NumEqualVerify),
            _ => Ok(()),
        }
    }

    fn unary(&mut self, opcode: u8) -> Result<i64, ScriptError> {
        let a = self.pop_number()?;
        Ok(match opcode {
            OP_1ADD => a + 1,
            OP_1SUB => a - 1,
            OP_NEGATE => -a,
            OP_ABS => a.abs(),
            OP_NOT => i64::from(a == 0),
            _ => i64::from(a != 0),
        })
    }

    fn binary(&mut self, opcode: u8) -> Result<i64, ScriptError> {
        self.stack.need(2)?;
        // The deeper item is read first, so that of two bad numbers it is the one named.
        let a = self.number_at(1)?;
        let b = self.number_at(0)?;
        self.stack.drop_top(2)?;
        Ok(match opcode {
            OP_ADD => a + b,
            OP_SUB => a - b,
            OP_BOOLAND => i64::from(a != 0 && b != 0),
            OP_BOOLOR => i64::from(a != 0 || b != 0),
            OP_NUMEQUAL | OP_NUMEQUALVERIFY => i64::from(a == b),
            OP_NUMNOTEQUAL => i64::from(a != b),
            OP_LESSTHAN => i64::from(a < b),
            OP_GREATERTHAN => i64::from(a > b),
            OP_LESSTHANOREQUAL => i64::from(a <= b),
            OP_GREATERTHANOREQUAL => i64::from(a >= b),
            OP_MIN => a.min(b),
            OP_MAX => a.max(b),
            _ => return Err(ScriptError::BadOpcode),
        })
    }

    fn within(&mut self) -> Result<i64, ScriptError> {
        self.stack.need(3)?;
        let (value, low, high) = (self.number_at(2)?, self.number_at(1)?, self.number_at(0)?);
        self.stack.drop_top(3)?;
        Ok(i64::from((low..high).contains(&value)))
    }

    /// Takes a number of at most four bytes off the stack.
    pub(super) fn pop_number(&mut self) -> Result<i64, ScriptError> {
        let number = self.number_at(0)?;
        self.stack.drop_top(1)?;
        Ok(number)
    }

    /// The number of at most four bytes `depth` below the top.
    pub(super) fn number_at(&self, depth: usize) -> Result<i64, ScriptError> {
        let item = self.stack.peek(depth)?;
        number::decode(item.as_bytes(), number::ARITHMETIC_SIZE, self.flag(ScriptFlags::MINIMALDATA))
    }
}
