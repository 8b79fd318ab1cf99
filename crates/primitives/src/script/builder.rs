//! Writing scripts.

use super::Script;
use super::number;
use super::op::{OP_0, OP_1, OP_1NEGATE, OP_16, OP_PUSHDATA1, OP_PUSHDATA2, OP_PUSHDATA4};

/// Builds a script instruction by instruction.
///
/// ```
/// use cairn_primitives::{ScriptBuilder, op};
///
/// let script = ScriptBuilder::new()
///     .push_int(2)
///     .push_opcode(op::OP_ADD)
///     .push_int(1000)
///     .push_opcode(op::OP_EQUAL)
///     .into_script();
/// assert_eq!(script.to_asm(), "2 OP_ADD 1000 OP_EQUAL");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScriptBuilder {
    bytes: Vec<u8>,
}

impl ScriptBuilder {
    /// Starts empty.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Appends one opcode byte as it is.
    pub fn push_opcode(mut self, opcode: u8) -> Self {
        self.bytes.push(opcode);
        self
    }

    /// Appends the shortest push of `data` (BIP62 rule 3): `OP_0`, `OP_1` to `OP_16` and
    /// `OP_1NEGATE` where they push exactly these bytes, else the shortest length form.
    ///
    /// # Panics
    /// When `data` is longer than `u32::MAX` bytes, which no push can announce.
    pub fn push_slice(self, data: &[u8]) -> Self {
        match *data {
            [] => self.push_opcode(OP_0),
            [number @ 1..=16] => self.push_opcode(OP_1 + number - 1),
            [0x81] => self.push_opcode(OP_1NEGATE),
            _ => self.push_bytes(data),
        }
    }

    /// Appends `data` with the shortest length form, never as a small-number opcode: the push
    /// Bitcoin Core's `CScript << vector` makes, which is not always minimal.
    ///
    /// # Panics
    /// When `data` is longer than `u32::MAX` bytes, which no push can announce.
    pub fn push_bytes(mut self, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).expect("a push announces its length in 32 bits");
        let [a, b, ..] = length.to_le_bytes();
        match length {
            0..0x4c => self.bytes.push(a),
            0x4c..0x100 => self.bytes.extend([OP_PUSHDATA1, a]),
            0x100..0x1_0000 => self.bytes.extend([OP_PUSHDATA2, a, b]),
            _ => {
                self.bytes.push(OP_PUSHDATA4);
                self.bytes.extend(length.to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(data);
        self
    }

    /// Appends the shortest push of a script number: `OP_0`, `OP_1NEGATE`, `OP_1` to `OP_16`,
    /// else its bytes (at most 9; the interpreter reads at most 4).
    pub fn push_int(self, value: i64) -> Self {
        match value {
            0 => self.push_opcode(OP_0),
            -1 => self.push_opcode(OP_1NEGATE),
            1..=16 => self.push_opcode(OP_1 + (value - 1) as u8),
            _ => self.push_bytes(&number::encode(value)),
        }
    }

    /// The script.
    pub fn into_script(self) -> Script {
        Script::from_bytes(self.bytes)
    }
}

/// Whether `opcode` is the shortest way to push `data` (Bitcoin Core's `CheckMinimalPush`).
pub(crate) fn is_minimal_push(opcode: u8, data: &[u8]) -> bool {
    match *data {
        [] => opcode == OP_0,
        [1..=16] => (OP_1..=OP_16).contains(&opcode),
        [0x81] => opcode == OP_1NEGATE,
        _ => match data.len() {
            length @ 0..0x4c => usize::from(opcode) == length,
            0x4c..0x100 => opcode == OP_PUSHDATA1,
            0x100..0x1_0000 => opcode == OP_PUSHDATA2,
            _ => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Instruction, Instructions};
    use super::*;
    use proptest::prelude::*;

    fn head(length: usize) -> Vec<u8> {
        let script = ScriptBuilder::new().push_slice(&vec![7; length]).into_script();
        script.as_bytes()[..script.len() - length].to_vec()
    }

    #[test]
    fn length_forms_change_at_their_boundaries() {
        assert_eq!(head(2), [2]);
        assert_eq!(head(75), [75]);
        assert_eq!(head(76), [OP_PUSHDATA1, 76]);
        assert_eq!(head(255), [OP_PUSHDATA1, 255]);
        assert_eq!(head(256), [OP_PUSHDATA2, 0, 1]);
        assert_eq!(head(65_535), [OP_PUSHDATA2, 255, 255]);
        assert_eq!(head(65_536), [OP_PUSHDATA4, 0, 0, 1, 0]);
    }

    #[test]
    fn numbers_push_in_their_shortest_form() {
        let cases: [(i64, &[u8]); 12] = [
            (0, &[OP_0]),
            (-1, &[OP_1NEGATE]),
            (1, &[OP_1]),
            (16, &[OP_16]),
            (17, &[1, 17]),
            (-2, &[1, 0x82]),
            (127, &[1, 0x7f]),
            (128, &[2, 0x80, 0]),
            (-128, &[2, 0x80, 0x80]),
            (0x7fff, &[2, 0xff, 0x7f]),
            (0x8000, &[3, 0, 0x80, 0]),
            (486_604_799, &[4, 0xff, 0xff, 0x00, 0x1d]),
        ];
        for (value, bytes) in cases {
            assert_eq!(ScriptBuilder::new().push_int(value).into_script().as_bytes(), bytes, "{value}");
        }
    }

    #[test]
    fn single_bytes_take_the_opcode_only_when_minimal_is_asked_for() {
        assert_eq!(ScriptBuilder::new().push_slice(&[4]).into_script().as_bytes(), [OP_1 + 3]);
        assert_eq!(ScriptBuilder::new().push_bytes(&[4]).into_script().as_bytes(), [1, 4]);
        assert_eq!(ScriptBuilder::new().push_slice(&[0]).into_script().as_bytes(), [1, 0]);
        assert_eq!(ScriptBuilder::new().push_slice(&[17]).into_script().as_bytes(), [1, 17]);
    }

    proptest! {
        #[test]
        fn a_pushed_slice_reads_back_and_is_minimal(data in proptest::collection::vec(any::<u8>(), 0..600)) {
            let script = ScriptBuilder::new().push_slice(&data).into_script();
            let mut instructions = Instructions::new(script.as_bytes());
            match instructions.next() {
                Some(Ok(Instruction::Push { opcode, data: read })) => {
                    prop_assert_eq!(read, &data[..]);
                    prop_assert!(is_minimal_push(opcode, &data));
                }
                Some(Ok(Instruction::Op(opcode))) => prop_assert!(is_minimal_push(opcode, &data)),
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert!(instructions.next().is_none());
        }
    }
}
