//! Reading a script one instruction at a time.

use super::op::{OP_PUSHDATA1, OP_PUSHDATA2, OP_PUSHDATA4};
use std::iter::FusedIterator;
use thiserror::Error;

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction<'a> {
    /// Bytes pushed by `OP_0`, a direct push (1 to 75) or one of the `OP_PUSHDATA`s.
    Push {
        /// The opcode that pushed them, which says how the length was written.
        opcode: u8,
        /// What is pushed; empty for `OP_0`.
        data: &'a [u8],
    },
    /// Any other opcode, `OP_1NEGATE` and `OP_1` to `OP_16` included.
    Op(u8),
}

impl Instruction<'_> {
    /// The opcode byte.
    pub const fn opcode(&self) -> u8 {
        match *self {
            Self::Push { opcode, .. } | Self::Op(opcode) => opcode,
        }
    }
}

/// A script that ends inside an instruction. All figures are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScriptDecodeError {
    /// The length that follows an `OP_PUSHDATA` is cut off.
    #[error("the push at byte {offset} needs {expected} bytes for its length, the script has {got}")]
    TruncatedLength {
        /// Where the instruction begins.
        offset: usize,
        /// Bytes the length takes.
        expected: usize,
        /// Bytes left after the opcode.
        got: usize,
    },
    /// Fewer bytes are left than the push announces.
    #[error("the push at byte {offset} announces {expected} bytes, the script has {got}")]
    TruncatedData {
        /// Where the instruction begins.
        offset: usize,
        /// Bytes announced.
        expected: usize,
        /// Bytes left after the length.
        got: usize,
    },
}

/// The instructions of any bytes, in order (Bitcoin Core's `GetScriptOp`).
///
/// Ends after the first error. Nothing is copied.
#[derive(Clone, Debug)]
pub struct Instructions<'a> {
    bytes: &'a [u8],
    position: usize,
    failed: bool,
}

impl<'a> Instructions<'a> {
    /// Starts at the first byte of `script`.
    pub const fn new(script: &'a [u8]) -> Self {
        Self { bytes: script, position: 0, failed: false }
    }

    /// Offset of the next instruction; after an error, of the instruction that failed.
    pub const fn position(&self) -> usize {
        self.position
    }

    fn read(&mut self, opcode: u8) -> Result<Instruction<'a>, ScriptDecodeError> {
        let offset = self.position;
        let rest = &self.bytes[offset + 1..];
        let length_bytes = match opcode {
            0..OP_PUSHDATA1 => 0,
            OP_PUSHDATA1 => 1,
            OP_PUSHDATA2 => 2,
            OP_PUSHDATA4 => 4,
            _ => {
                self.position += 1;
                return Ok(Instruction::Op(opcode));
            }
        };
        let Some((length, rest)) = rest.split_at_checked(length_bytes) else {
            return Err(ScriptDecodeError::TruncatedLength {
                offset,
                expected: length_bytes,
                got: rest.len(),
            });
        };
        let expected = match length_bytes {
            0 => usize::from(opcode),
            _ => length.iter().rev().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
        };
        let Some(data) = rest.get(..expected) else {
            return Err(ScriptDecodeError::TruncatedData { offset, expected, got: rest.len() });
        };
        self.position += 1 + length_bytes + expected;
        Ok(Instruction::Push { opcode, data })
    }
}

impl<'a> Iterator for Instructions<'a> {
    type Item = Result<Instruction<'a>, ScriptDecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let opcode = *self.bytes.get(self.position)?;
        let result = self.read(opcode);
        self.failed = result.is_err();
        Some(result)
    }
}

impl FusedIterator for Instructions<'_> {}

#[cfg(test)]
mod tests {
    use super::super::op::*;
    use super::*;
    use proptest::prelude::*;

    fn all(script: &[u8]) -> Vec<Result<Instruction<'_>, ScriptDecodeError>> {
        Instructions::new(script).collect()
    }

    #[test]
    fn reads_every_form_of_push() {
        assert_eq!(all(&[OP_0]), [Ok(Instruction::Push { opcode: OP_0, data: &[] })]);
        assert_eq!(
            all(&[2, 7, 8, OP_DUP]),
            [Ok(Instruction::Push { opcode: 2, data: &[7, 8] }), Ok(Instruction::Op(OP_DUP)),]
        );
        for head in [&[OP_PUSHDATA1, 1][..], &[OP_PUSHDATA2, 1, 0], &[OP_PUSHDATA4, 1, 0, 0, 0]] {
            let script = [head, &[9]].concat();
            assert_eq!(all(&script), [Ok(Instruction::Push { opcode: head[0], data: &[9] })]);
        }
        let mut long = vec![OP_PUSHDATA2, 0x01, 0x02];
        long.extend([5; 0x0201]);
        assert_eq!(all(&long), [Ok(Instruction::Push { opcode: OP_PUSHDATA2, data: &[5; 0x0201] })]);
        assert_eq!(
            all(&[OP_1NEGATE, OP_16, 0xff]),
            [OP_1NEGATE, OP_16, 0xff].map(|op| Ok(Instruction::Op(op)))
        );
    }

    #[test]
    fn a_cut_push_is_an_error_and_the_end() {
        let cases: [(&[u8], ScriptDecodeError); 5] = [
            (&[3, 1, 2], ScriptDecodeError::TruncatedData { offset: 0, expected: 3, got: 2 }),
            (&[OP_PUSHDATA1], ScriptDecodeError::TruncatedLength { offset: 0, expected: 1, got: 0 }),
            (&[OP_PUSHDATA2, 1], ScriptDecodeError::TruncatedLength { offset: 0, expected: 2, got: 1 }),
            (&[OP_PUSHDATA4, 1, 0, 0], ScriptDecodeError::TruncatedLength { offset: 0, expected: 4, got: 3 }),
            (
                &[OP_PUSHDATA4, 255, 255, 255, 255, 0],
                ScriptDecodeError::TruncatedData { offset: 0, expected: 0xffff_ffff, got: 1 },
            ),
        ];
        for (script, error) in cases {
            let mut instructions = Instructions::new(script);
            assert_eq!(instructions.next(), Some(Err(error)));
            assert_eq!(instructions.position(), 0);
            assert_eq!(instructions.next(), None);
        }
    }

    proptest! {
        // What is read, written back in the form it was read in, is the script up to the first error.
        #[test]
        fn reading_covers_the_bytes(script in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut instructions = Instructions::new(&script);
            let mut written = Vec::new();
            while let Some(Ok(instruction)) = instructions.next() {
                written.push(instruction.opcode());
                if let Instruction::Push { opcode, data } = instruction {
                    let bytes = match opcode { OP_PUSHDATA1 => 1, OP_PUSHDATA2 => 2, OP_PUSHDATA4 => 4, _ => 0 };
                    written.extend_from_slice(&(data.len() as u32).to_le_bytes()[..bytes]);
                    written.extend_from_slice(data);
                }
                prop_assert_eq!(instructions.position(), written.len());
            }
            prop_assert_eq!(&script[..written.len()], &written[..]);
            prop_assert!(instructions.next().is_none());
        }
    }
}
