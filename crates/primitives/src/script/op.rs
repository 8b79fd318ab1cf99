//! Opcode values and the names Bitcoin Core prints for them (`GetOpName` in Core's `script.cpp`).
//!
//! An opcode is a plain `u8` here: every byte value can stand in a script, and what an
//! unassigned one does is for the interpreter to decide.

macro_rules! opcodes {
    ($($code:literal $id:ident $text:literal $doc:literal;)*) => {
        $(#[doc = concat!("`", stringify!($code), "`: ", $doc)] pub const $id: u8 = $code;)*

        /// The name Bitcoin Core prints for `code`, as it stands in a disassembly.
        ///
        /// The small-number pushes are printed as their numbers (`0`, `-1`, `1` to `16`);
        /// direct pushes (1 to 75) have no name of their own and, like unassigned bytes, give
        /// `OP_UNKNOWN`.
        pub const fn name(code: u8) -> &'static str {
            match code {
                $($code => $text,)*
                _ => "OP_UNKNOWN",
            }
        }

        /// Every named opcode with its name, in ascending order.
        #[cfg(test)]
        pub(crate) const NAMED: &[(u8, &str)] = &[$(($code, $text)),*];
    };
}

opcodes! {
    // Pushes.
    0x00 OP_0 "0" "pushes the empty byte string, which is zero and false.";
    0x4c OP_PUSHDATA1 "OP_PUSHDATA1" "the next byte is the length of the data to push.";
    0x4d OP_PUSHDATA2 "OP_PUSHDATA2" "the next 2 bytes (little-endian) are the length of the data to push.";
    0x4e OP_PUSHDATA4 "OP_PUSHDATA4" "the next 4 bytes (little-endian) are the length of the data to push.";
    0x4f OP_1NEGATE "-1" "pushes the number -1.";
    0x50 OP_RESERVED "OP_RESERVED" "fails when executed; counted as a push by the push-only rule.";
    0x51 OP_1 "1" "pushes the number 1.";
    0x52 OP_2 "2" "pushes the number 2.";
    0x53 OP_3 "3" "pushes the number 3.";
    0x54 OP_4 "4" "pushes the number 4.";
    0x55 OP_5 "5" "pushes the number 5.";
    0x56 OP_6 "6" "pushes the number 6.";
    0x57 OP_7 "7" "pushes the number 7.";
    0x58 OP_8 "8" "pushes the number 8.";
    0x59 OP_9 "9" "pushes the number 9.";
    0x5a OP_10 "10" "pushes the number 10.";
    0x5b OP_11 "11" "pushes the number 11.";
    0x5c OP_12 "12" "pushes the number 12.";
    0x5d OP_13 "13" "pushes the number 13.";
    0x5e OP_14 "14" "pushes the number 14.";
    0x5f OP_15 "15" "pushes the number 15.";
    0x60 OP_16 "16" "pushes the number 16.";
    // Flow.
    0x61 OP_NOP "OP_NOP" "does nothing.";
    0x62 OP_VER "OP_VER" "fails when executed.";
    0x63 OP_IF "OP_IF" "opens a branch taken when the top item is true.";
    0x64 OP_NOTIF "OP_NOTIF" "opens a branch taken when the top item is false.";
    0x65 OP_VERIF "OP_VERIF" "makes the script invalid even in a branch not taken.";
    0x66 OP_VERNOTIF "OP_VERNOTIF" "makes the script invalid even in a branch not taken.";
    0x67 OP_ELSE "OP_ELSE" "switches to the other branch.";
    0x68 OP_ENDIF "OP_ENDIF" "closes a branch.";
    0x69 OP_VERIFY "OP_VERIFY" "fails unless the top item is true.";
    0x6a OP_RETURN "OP_RETURN" "fails; an output that begins with it can never be spent.";
    // Stack.
    0x6b OP_TOALTSTACK "OP_TOALTSTACK" "moves the top item to the alternative stack.";
    0x6c OP_FROMALTSTACK "OP_FROMALTSTACK" "moves an item back from the alternative stack.";
    0x6d OP_2DROP "OP_2DROP" "drops two items.";
    0x6e OP_2DUP "OP_2DUP" "copies the top two items.";
    0x6f OP_3DUP "OP_3DUP" "copies the top three items.";
    0x70 OP_2OVER "OP_2OVER" "copies the third and fourth items to the top.";
    0x71 OP_2ROT "OP_2ROT" "moves the fifth and sixth items to the top.";
    0x72 OP_2SWAP "OP_2SWAP" "swaps the top two pairs.";
    0x73 OP_IFDUP "OP_IFDUP" "copies the top item when it is true.";
    0x74 OP_DEPTH "OP_DEPTH" "pushes the number of items.";
    0x75 OP_DROP "OP_DROP" "drops the top item.";
    0x76 OP_DUP "OP_DUP" "copies the top item.";
    0x77 OP_NIP "OP_NIP" "drops the second item.";
    0x78 OP_OVER "OP_OVER" "copies the second item to the top.";
    0x79 OP_PICK "OP_PICK" "copies the n-th item to the top.";
    0x7a OP_ROLL "OP_ROLL" "moves the n-th item to the top.";
    0x7b OP_ROT "OP_ROT" "moves the third item to the top.";
    0x7c OP_SWAP "OP_SWAP" "swaps the top two items.";
    0x7d OP_TUCK "OP_TUCK" "copies the top item below the second.";
    // Bytes.
    0x7e OP_CAT "OP_CAT" "disabled.";
    0x7f OP_SUBSTR "OP_SUBSTR" "disabled.";
    0x80 OP_LEFT "OP_LEFT" "disabled.";
    0x81 OP_RIGHT "OP_RIGHT" "disabled.";
    0x82 OP_SIZE "OP_SIZE" "pushes the length of the top item, which stays.";
    // Bits.
    0x83 OP_INVERT "OP_INVERT" "disabled.";
    0x84 OP_AND "OP_AND" "disabled.";
    0x85 OP_OR "OP_OR" "disabled.";
    0x86 OP_XOR "OP_XOR" "disabled.";
    0x87 OP_EQUAL "OP_EQUAL" "whether the top two items are the same bytes.";
    0x88 OP_EQUALVERIFY "OP_EQUALVERIFY" "fails unless the top two items are the same bytes.";
    0x89 OP_RESERVED1 "OP_RESERVED1" "fails when executed.";
    0x8a OP_RESERVED2 "OP_RESERVED2" "fails when executed.";
    // Numbers.
    0x8b OP_1ADD "OP_1ADD" "adds one.";
    0x8c OP_1SUB "OP_1SUB" "subtracts one.";
    0x8d OP_2MUL "OP_2MUL" "disabled.";
    0x8e OP_2DIV "OP_2DIV" "disabled.";
    0x8f OP_NEGATE "OP_NEGATE" "changes the sign.";
    0x90 OP_ABS "OP_ABS" "the absolute value.";
    0x91 OP_NOT "OP_NOT" "1 for 0, 0 for anything else.";
    0x92 OP_0NOTEQUAL "OP_0NOTEQUAL" "0 for 0, 1 for anything else.";
    0x93 OP_ADD "OP_ADD" "the sum.";
    0x94 OP_SUB "OP_SUB" "the difference.";
    0x95 OP_MUL "OP_MUL" "disabled.";
    0x96 OP_DIV "OP_DIV" "disabled.";
    0x97 OP_MOD "OP_MOD" "disabled.";
    0x98 OP_LSHIFT "OP_LSHIFT" "disabled.";
    0x99 OP_RSHIFT "OP_RSHIFT" "disabled.";
    0x9a OP_BOOLAND "OP_BOOLAND" "whether both numbers are non-zero.";
    0x9b OP_BOOLOR "OP_BOOLOR" "whether either number is non-zero.";
    0x9c OP_NUMEQUAL "OP_NUMEQUAL" "whether the numbers are equal.";
    0x9d OP_NUMEQUALVERIFY "OP_NUMEQUALVERIFY" "fails unless the numbers are equal.";
    0x9e OP_NUMNOTEQUAL "OP_NUMNOTEQUAL" "whether the numbers differ.";
    0x9f OP_LESSTHAN "OP_LESSTHAN" "whether the second is below the top.";
    0xa0 OP_GREATERTHAN "OP_GREATERTHAN" "whether the second is above the top.";
    0xa1 OP_LESSTHANOREQUAL "OP_LESSTHANOREQUAL" "whether the second is at most the top.";
    0xa2 OP_GREATERTHANOREQUAL "OP_GREATERTHANOREQUAL" "whether the second is at least the top.";
    0xa3 OP_MIN "OP_MIN" "the smaller number.";
    0xa4 OP_MAX "OP_MAX" "the larger number.";
    0xa5 OP_WITHIN "OP_WITHIN" "whether a number lies in a half-open range.";
    // Hashes and signatures.
    0xa6 OP_RIPEMD160 "OP_RIPEMD160" "the RIPEMD-160 hash.";
    0xa7 OP_SHA1 "OP_SHA1" "the SHA-1 hash.";
    0xa8 OP_SHA256 "OP_SHA256" "the SHA-256 hash.";
    0xa9 OP_HASH160 "OP_HASH160" "RIPEMD-160 of SHA-256.";
    0xaa OP_HASH256 "OP_HASH256" "SHA-256 of SHA-256.";
    0xab OP_CODESEPARATOR "OP_CODESEPARATOR" "signatures that follow cover the script from here on.";
    0xac OP_CHECKSIG "OP_CHECKSIG" "whether a signature is the key's.";
    0xad OP_CHECKSIGVERIFY "OP_CHECKSIGVERIFY" "fails unless a signature is the key's.";
    0xae OP_CHECKMULTISIG "OP_CHECKMULTISIG" "whether m signatures are of m of n keys, in order.";
    0xaf OP_CHECKMULTISIGVERIFY "OP_CHECKMULTISIGVERIFY" "fails unless m signatures are of m of n keys, in order.";
    // Room for soft forks.
    0xb0 OP_NOP1 "OP_NOP1" "does nothing.";
    0xb1 OP_CHECKLOCKTIMEVERIFY "OP_CHECKLOCKTIMEVERIFY" "fails before an absolute lock time (BIP65).";
    0xb2 OP_CHECKSEQUENCEVERIFY "OP_CHECKSEQUENCEVERIFY" "fails before a relative lock time (BIP112).";
    0xb3 OP_NOP4 "OP_NOP4" "does nothing.";
    0xb4 OP_NOP5 "OP_NOP5" "does nothing.";
    0xb5 OP_NOP6 "OP_NOP6" "does nothing.";
    0xb6 OP_NOP7 "OP_NOP7" "does nothing.";
    0xb7 OP_NOP8 "OP_NOP8" "does nothing.";
    0xb8 OP_NOP9 "OP_NOP9" "does nothing.";
    0xb9 OP_NOP10 "OP_NOP10" "does nothing.";
    0xba OP_CHECKSIGADD "OP_CHECKSIGADD" "adds one when a signature is the key's (BIP342, tapscript only).";
    0xff OP_INVALIDOPCODE "OP_INVALIDOPCODE" "never valid.";
}

/// The value pushed by `OP_1` to `OP_16`, or `None` for any other opcode.
pub const fn small_number(code: u8) -> Option<u8> {
    match code {
        OP_1..=OP_16 => Some(code - OP_1 + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_ascend_without_duplicates() {
        assert!(NAMED.windows(2).all(|pair| pair[0].0 < pair[1].0));
        // 4 pushes with a length, OP_1NEGATE..OP_NOP10 without a gap, OP_CHECKSIGADD and the invalid one.
        assert_eq!(NAMED.len(), 4 + (0xb9 - 0x4f + 1) + 2);
    }

    #[test]
    fn names_are_cores() {
        assert_eq!(name(OP_0), "0");
        assert_eq!(name(OP_1NEGATE), "-1");
        assert_eq!(name(OP_16), "16");
        assert_eq!(name(OP_RESERVED), "OP_RESERVED");
        assert_eq!(name(OP_CHECKSIGADD), "OP_CHECKSIGADD");
        assert_eq!(name(0xff), "OP_INVALIDOPCODE");
        for code in [0x01, 0x4b, 0xbb, 0xfe] {
            assert_eq!(name(code), "OP_UNKNOWN");
        }
    }

    #[test]
    fn small_numbers_are_one_to_sixteen() {
        let found: Vec<_> = (0..=255).filter_map(small_number).collect();
        assert_eq!(found, (1..=16).collect::<Vec<u8>>());
    }
}
