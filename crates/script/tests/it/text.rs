//! The text form of scripts in Bitcoin Core's test data (`ParseScript` of its `core_read.cpp`).

use std::collections::HashMap;
use std::sync::LazyLock;

use cairn_primitives::{Script, ScriptBuilder, hex, op};

/// Words: a decimal number is pushed, `0x…` stands for raw bytes, `'…'` for pushed text, the rest are opcodes with
/// or without `OP_`. Only opcodes from `OP_NOP` on have names here.
pub(crate) fn parse(text: &str) -> Script {
    let mut bytes = Vec::new();
    for word in text.split_ascii_whitespace() {
        if let Ok(number) = word.parse::<i64>() {
            bytes.extend(ScriptBuilder::new().push_int(number).into_script().as_bytes());
        } else if let Some(raw) = word.strip_prefix("0x") {
            bytes.extend(hex::decode(raw).unwrap());
        } else if let Some(quoted) = word.strip_prefix('\'') {
            bytes.extend(plain_push(quoted.strip_suffix('\'').expect("a closing quote").as_bytes()));
        } else {
            bytes.push(opcode(word).unwrap_or_else(|| panic!("no opcode {word}")));
        }
    }
    Script::from_bytes(bytes)
}

/// A push by length, never by a number opcode.
pub(crate) fn plain_push(data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap().to_le_bytes();
    let head = match data.len() {
        0..=75 => vec![len[0]],
        76..=255 => vec![op::OP_PUSHDATA1, len[0]],
        256..=65_535 => vec![op::OP_PUSHDATA2, len[0], len[1]],
        _ => [&[op::OP_PUSHDATA4], &len[..]].concat(),
    };
    [&head, data].concat()
}

fn opcode(word: &str) -> Option<u8> {
    static NAMES: LazyLock<HashMap<&str, u8>> = LazyLock::new(|| {
        let named =
            (op::OP_NOP..=0xfe).map(|code| (op::name(code), code)).filter(|(name, _)| *name != "OP_UNKNOWN");
        named.flat_map(|(name, code)| [(name, code), (name.trim_start_matches("OP_"), code)]).collect()
    });
    match word {
        "RESERVED" | "OP_RESERVED" => Some(op::OP_RESERVED),
        _ => NAMES.get(word).copied(),
    }
}
