//! Opcodes that move, copy, measure and compare items.

use cairn_primitives::op::*;

use super::Machine;
use crate::error::ScriptError;
use crate::number;
use crate::stack::Element;

impl Machine<'_, '_> {
    /// `OP_TOALTSTACK` to `OP_TUCK`.
    pub(super) fn rearrange(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let stack = &mut *self.stack;
        match opcode {
            OP_TOALTSTACK => self.alt.push(stack.pop()?),
            OP_FROMALTSTACK => stack.push(self.alt.pop().map_err(|_| ScriptError::InvalidAltstackOperation)?),
            OP_2DROP => stack.drop_top(2)?,
            OP_2DUP => stack.copy_up(1, 2)?,
            OP_3DUP => stack.copy_up(2, 3)?,
            OP_2OVER => stack.copy_up(3, 2)?,
            OP_2ROT => {
                stack.need(6)?;
                let first = stack.remove(5)?;
                let second = stack.remove(4)?;
                stack.push(first);
                stack.push(second);
            }
            OP_2SWAP => {
                stack.swap(0, 2)?;
                stack.swap(1, 3)?;
            }
            OP_IFDUP => {
                let top = stack.peek(0)?;
                if top.is_true() {
                    stack.push(top);
                }
            }
            OP_DEPTH => stack.push(number_of(stack.len())),
            OP_DROP => stack.drop_top(1)?,
            OP_DUP => stack.copy_up(0, 1)?,
            OP_NIP => {
                stack.remove(1)?;
            }
            OP_OVER => stack.copy_up(1, 1)?,
            OP_PICK | OP_ROLL => self.pick(opcode)?,
            OP_ROT => {
                let third = stack.remove(2)?;
                stack.push(third);
            }
            OP_SWAP => stack.swap(0, 1)?,
            OP_TUCK => {
                stack.need(2)?;
                stack.insert(2, stack.peek(0)?)?;
            }
            _ => return Err(ScriptError::BadOpcode),
        }
        Ok(())
    }

    /// `OP_PICK` copies and `OP_ROLL` moves the item whose depth is on top.
    fn pick(&mut self, opcode: u8) -> Result<(), ScriptError> {
        self.stack.need(2)?;
        let depth = self.pop_number()?;
        let depth = usize::try_from(depth).map_err(|_| ScriptError::InvalidStackOperation)?;
        let item = if opcode == OP_ROLL { self.stack.remove(depth)? } else { self.stack.peek(depth)? };
        self.stack.push(item);
        Ok(())
    }

    /// `OP_SIZE`, `OP_EQUAL`, `OP_EQUALVERIFY`.
    pub(super) fn inspect(&mut self, opcode: u8) -> Result<(), ScriptError> {
        if opcode == OP_SIZE {
            let len = self.stack.peek(0)?.as_bytes().len();
            self.stack.push(number_of(len));
            return Ok(());
        }
        self.stack.need(2)?;
        let (a, b) = (self.stack.pop()?, self.stack.pop()?);
        let equal = a.as_bytes() == b.as_bytes();
        match opcode {
            OP_EQUAL => self.stack.push(Element::bool(equal)),
            _ if equal => {}
            _ => return Err(ScriptError::EqualVerify),
        }
        Ok(())
    }
}

fn number_of(count: usize) -> Element<'static> {
    number::encode(i64::try_from(count).expect("items and their sizes are counted in thousands"))
}
