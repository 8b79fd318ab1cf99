//! The script a legacy signature commits to: what is cut out of it.

use cairn_primitives::codec::put_compact_size;
use cairn_primitives::op::{OP_CODESEPARATOR, OP_PUSHDATA1, OP_PUSHDATA2, OP_PUSHDATA4};
use cairn_primitives::{Instruction, Instructions, ScriptDecodeError, Sink};

/// `code` without the pushes of `signature`, or `None` where there is none.
///
/// A push counts where an instruction begins and its bytes are exactly those of the plain push of the signature.
/// For the empty signature that is every `OP_0`. Source: Core's `FindAndDelete`.
pub(crate) fn without_signature(code: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let push = PlainPush::new(signature);
    if push.len() > code.len() {
        return None;
    }
    let mut kept: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    loop {
        if push.begins(&code[at..]) {
            let kept = kept.get_or_insert_with(|| Vec::with_capacity(code.len()));
            kept.extend_from_slice(&code[copied..at]);
            at += push.len();
            copied = at;
            // What follows is looked at as it stands, even where it is no instruction any more.
            continue;
        }
        let mut rest = Instructions::new(&code[at..]);
        match rest.next() {
            Some(Ok(_)) => at += rest.position(),
            Some(Err(_)) | None => break,
        }
    }
    kept.map(|mut kept| {
        kept.extend_from_slice(&code[copied..]);
        kept
    })
}

/// The push of some bytes with the shortest length form, never as a number opcode.
struct PlainPush<'a> {
    head: [u8; 5],
    head_len: usize,
    data: &'a [u8],
}

impl<'a> PlainPush<'a> {
    fn new(data: &'a [u8]) -> Self {
        let len = u32::try_from(data.len()).expect("an item is at most 520 bytes");
        let [a, b, c, d] = len.to_le_bytes();
        let (head, head_len) = match len {
            0..=75 => ([a, 0, 0, 0, 0], 1),
            76..=0xff => ([OP_PUSHDATA1, a, 0, 0, 0], 2),
            0x100..=0xffff => ([OP_PUSHDATA2, a, b, 0, 0], 3),
            _ => ([OP_PUSHDATA4, a, b, c, d], 5),
        };
        Self { head, head_len, data }
    }

    fn len(&self) -> usize {
        self.head_len + self.data.len()
    }

    fn begins(&self, bytes: &[u8]) -> bool {
        bytes.strip_prefix(&self.head[..self.head_len]).is_some_and(|rest| rest.starts_with(self.data))
    }
}

/// Writes `code` with its length, leaving out every `OP_CODESEPARATOR` among its instructions.
///
/// Where the code ends inside a push, only the part up to the missing bytes is written although the length
/// counts them: no script with such an end can succeed, but what its signature checks see before they get there is
/// fixed by this. Source: Core's `SerializeScriptCode`.
pub(crate) fn put_without_separators<S: Sink + ?Sized>(sink: &mut S, code: &[u8]) {
    let separators =
        Instructions::new(code).filter(|next| matches!(next, Ok(Instruction::Op(OP_CODESEPARATOR)))).count();
    put_compact_size(sink, (code.len() - separators) as u64);
    let mut instructions = Instructions::new(code);
    let (mut start, mut end) = (0, 0);
    while let Some(next) = instructions.next() {
        match next {
            Ok(instruction) => {
                end = instructions.position();
                if instruction == Instruction::Op(OP_CODESEPARATOR) {
                    sink.put(&code[start..end - 1]);
                    start = end;
                }
            }
            // Core's reader has consumed the opcode and, where it is whole, the length.
            Err(ScriptDecodeError::TruncatedLength { offset, .. }) => end = offset + 1,
            Err(ScriptDecodeError::TruncatedData { got, .. }) => end = code.len() - got,
        }
    }
    sink.put(&code[start..end]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::op::*;

    #[test]
    fn deletes_whole_pushes_at_instruction_borders() {
        // After Core's script_tests, `script_FindAndDelete`.
        struct Case<'a>(&'a [u8], &'a [u8], Option<&'a [u8]>);
        let cases = [
            Case(&[OP_1, OP_2], &[9], None),
            Case(&[1, 9, OP_2], &[9], Some(&[OP_2])),
            Case(&[OP_2, 1, 9, 1, 9, OP_3, 1, 9], &[9], Some(&[OP_2, OP_3])),
            Case(&[2, 1, 9, OP_2], &[9], None),
            Case(&[OP_PUSHDATA1, 1, 9], &[9], None),
            Case(&[OP_0, OP_1, OP_0], &[], Some(&[OP_1])),
            Case(&[1, 0, OP_1], &[], None),
            // A push inside the data of a push that the deletion uncovers.
            Case(&[1, 9, 1, 9, 3, 1, 9], &[9], Some(&[3, 1, 9])),
            Case(&[1], &[9], None),
        ];
        for Case(code, signature, expected) in cases {
            assert_eq!(without_signature(code, signature).as_deref(), expected, "{code:02x?}");
        }
    }

    #[test]
    fn deletes_the_long_push_forms() {
        for (len, head) in [(75, vec![75]), (76, vec![OP_PUSHDATA1, 76]), (256, vec![OP_PUSHDATA2, 0, 1])] {
            let signature = vec![7; len];
            let code = [&head[..], &signature, &[OP_1]].concat();
            assert_eq!(without_signature(&code, &signature), Some(vec![OP_1]), "{len}");
        }
    }

    fn written(code: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_without_separators(&mut out, code);
        out
    }

    #[test]
    fn leaves_out_separators_but_not_their_byte_in_pushes() {
        let s = OP_CODESEPARATOR;
        assert_eq!(written(&[]), [0]);
        assert_eq!(written(&[s]), [0]);
        assert_eq!(written(&[s, OP_1, s, s, OP_2, s]), [2, OP_1, OP_2]);
        assert_eq!(written(&[1, s, OP_1]), [3, 1, s, OP_1]);
    }

    #[test]
    fn stops_where_the_code_is_cut_off() {
        let s = OP_CODESEPARATOR;
        assert_eq!(written(&[s, OP_1, 3, s, s]), [4, OP_1, 3], "data cut off");
        assert_eq!(written(&[OP_1, OP_PUSHDATA2, 9]), [3, OP_1, OP_PUSHDATA2], "length cut off");
        assert_eq!(written(&[OP_PUSHDATA1, 9, 1]), [3, OP_PUSHDATA1, 9], "length whole, data cut off");
    }
}
