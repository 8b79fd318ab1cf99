use super::op::*;
use super::*;
use proptest::prelude::*;

fn script(hex: &str) -> Script {
    Script::from_bytes(bytes(hex))
}

fn bytes(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

const KEY: &str = "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112\
                   de5c384df7ba0b8d578a4c702b6bf11d5f";
const COMPRESSED: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

#[test]
fn disassembly_of_known_scripts() {
    // The genesis coinbase as block explorers and Bitcoin Core print it.
    assert_eq!(script(&format!("41{KEY}ac")).to_asm(), format!("{KEY} OP_CHECKSIG"));
    let cases = [
        ("", ""),
        ("04ffff001d0104", "486604799 4"),
        (
            "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac",
            "OP_DUP OP_HASH160 751e76e8199196d454941c45d1b3a323f1433bd6 OP_EQUALVERIFY OP_CHECKSIG",
        ),
        ("00144c9c3dfac4207d5d8cb89df5722cb3d712385e3f", "0 4c9c3dfac4207d5d8cb89df5722cb3d712385e3f"),
        ("5152ae", "1 2 OP_CHECKMULTISIG"),
        ("4f01810180", "-1 -1 0"),
        ("04ffffffff05ffffffff00", "-2147483647 ffffffff00"),
        ("6a0568656c6c6f", "OP_RETURN 68656c6c6f"),
        ("b1b2bafebb", "OP_CHECKLOCKTIMEVERIFY OP_CHECKSEQUENCEVERIFY OP_CHECKSIGADD OP_UNKNOWN OP_UNKNOWN"),
        ("7605aabb", "OP_DUP [error]"),
        ("4c", "[error]"),
        ("4c0101", "1"),
    ];
    for (hex, asm) in cases {
        assert_eq!(script(hex).to_asm(), asm, "{hex}");
    }
    assert_eq!(format!("{:?}", script("51ac")), "Script(1 OP_CHECKSIG)");
}

#[test]
fn classification_of_each_form() {
    let hash = "751e76e8199196d454941c45d1b3a323f1433bd6";
    let wide = "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262";
    let cases = [
        (format!("41{KEY}ac"), ScriptKind::P2pk),
        (format!("21{COMPRESSED}ac"), ScriptKind::P2pk),
        (format!("76a914{hash}88ac"), ScriptKind::P2pkh),
        (format!("a914{hash}87"), ScriptKind::P2sh),
        (format!("0014{hash}"), ScriptKind::P2wpkh),
        (format!("0020{wide}"), ScriptKind::P2wsh),
        (format!("5120{wide}"), ScriptKind::P2tr),
        ("51024e73".into(), ScriptKind::P2a),
        ("51024e74".into(), ScriptKind::WitnessUnknown),
        (format!("5220{wide}"), ScriptKind::WitnessUnknown),
        (format!("6020{wide}"), ScriptKind::WitnessUnknown),
        (format!("5114{hash}"), ScriptKind::WitnessUnknown),
        ("6a".into(), ScriptKind::NullData),
        ("6a04deadbeef51".into(), ScriptKind::NullData),
        (format!("5121{COMPRESSED}51ae"), ScriptKind::Multisig { m: 1, n: 1 }),
        (format!("5121{COMPRESSED}41{KEY}52ae"), ScriptKind::Multisig { m: 1, n: 2 }),
    ];
    for (hex, kind) in cases {
        assert_eq!(script(&hex).kind(), kind, "{hex}");
    }
}

#[test]
fn near_misses_are_nonstandard() {
    let hash = "751e76e8199196d454941c45d1b3a323f1433bd6";
    let cases = [
        String::new(),
        // A key whose first byte does not fit its length.
        format!("2105{}ac", &COMPRESSED[2..]),
        format!("4102{}ac", &KEY[2..]),
        // The hash pushed by OP_PUSHDATA1.
        format!("76a94c14{hash}88ac"),
        format!("a94c14{hash}87"),
        // Version 0 of another length; a program too short or too long is no program at all.
        format!("0015{hash}00"),
        "510101".into(),
        format!("5129{}", "00".repeat(41)),
        // Data after OP_RETURN that is cut, or no push.
        "6a02ff".into(),
        "6a61".into(),
        // Multisig: none required, too many required, count wrong, trailing byte, padded number.
        format!("0021{COMPRESSED}51ae"),
        format!("5221{COMPRESSED}51ae"),
        format!("5121{COMPRESSED}52ae"),
        format!("5121{COMPRESSED}51aeae"),
        format!("010121{COMPRESSED}51ae"),
        "51ae".into(),
    ];
    for hex in cases {
        assert_eq!(script(&hex).kind(), ScriptKind::NonStandard, "{hex}");
    }
}

#[test]
fn multisig_takes_twenty_keys_and_no_more() {
    let key = bytes(COMPRESSED);
    for (m, n) in [(1, 1), (16, 16), (17, 17), (1, 20), (20, 20)] {
        let keys = vec![&key[..]; usize::from(n)];
        assert_eq!(Script::multisig(m, &keys).kind(), ScriptKind::Multisig { m, n });
    }
    assert_eq!(Script::multisig(1, &[&key[..]; 21]).kind(), ScriptKind::NonStandard);
    // Key pushes may use a longer length form; numbers may not.
    let odd = ScriptBuilder::new().push_int(1).push_opcode(OP_PUSHDATA1).push_bytes(&key);
    let odd = odd.push_int(1).push_opcode(OP_CHECKMULTISIG).into_script();
    assert_eq!(odd.kind(), ScriptKind::Multisig { m: 1, n: 1 });
}

#[test]
fn names_are_cores_type_strings() {
    let names = [
        (ScriptKind::P2pk, "pubkey"),
        (ScriptKind::P2pkh, "pubkeyhash"),
        (ScriptKind::P2sh, "scripthash"),
        (ScriptKind::Multisig { m: 1, n: 2 }, "multisig"),
        (ScriptKind::P2wpkh, "witness_v0_keyhash"),
        (ScriptKind::P2wsh, "witness_v0_scripthash"),
        (ScriptKind::P2tr, "witness_v1_taproot"),
        (ScriptKind::P2a, "anchor"),
        (ScriptKind::WitnessUnknown, "witness_unknown"),
        (ScriptKind::NullData, "nulldata"),
        (ScriptKind::NonStandard, "nonstandard"),
    ];
    for (kind, name) in names {
        assert_eq!(kind.name(), name);
    }
}

#[test]
fn a_witness_program_has_two_to_forty_bytes() {
    for length in [2_u8, 40] {
        let program = vec![1; usize::from(length)];
        let script = Script::from_bytes([&[OP_16, length], &program[..]].concat());
        assert_eq!(script.witness_program(), Some((16, &program[..])));
    }
    for length in [1_u8, 41] {
        let script = Script::from_bytes([&[OP_16, length], &vec![1; usize::from(length)][..]].concat());
        assert_eq!(script.witness_program(), None);
    }
    assert_eq!(script("4f020101").witness_program(), None, "-1 is no version");
    assert_eq!(script("51020101ac").witness_program(), None, "nothing may follow");
}

#[test]
fn push_only_ends_at_sixteen() {
    assert!(Script::new().is_push_only());
    assert!(script("0001ff4f5060").is_push_only());
    assert!(!script("61").is_push_only());
    assert!(!script("02ff").is_push_only(), "a cut push");
}

#[test]
fn unspendable_by_its_first_byte_or_its_length() {
    assert!(script("6a").is_unspendable());
    assert!(!script("516a").is_unspendable());
    assert!(!Script::from_bytes(vec![0x51; MAX_SCRIPT_SIZE]).is_unspendable());
    assert!(Script::from_bytes(vec![0x51; MAX_SCRIPT_SIZE + 1]).is_unspendable());
}

#[test]
fn constructors_make_their_kind() {
    let key = bytes(COMPRESSED);
    assert_eq!(Script::p2pk(&key), script(&format!("21{COMPRESSED}ac")));
    let (hash, wide) = (Hash160::from_bytes([0x11; 20]), [0x22; 32]);
    assert_eq!(Script::p2pkh(hash), script(&format!("76a914{}88ac", "11".repeat(20))));
    assert_eq!(Script::p2sh(hash), script(&format!("a914{}87", "11".repeat(20))));
    assert_eq!(Script::p2wpkh(hash), script(&format!("0014{}", "11".repeat(20))));
    assert_eq!(Script::p2wsh(wide), script(&format!("0020{}", "22".repeat(32))));
    assert_eq!(Script::p2tr(wide), script(&format!("5120{}", "22".repeat(32))));
    assert_eq!(Script::op_return(b"hello"), script("6a0568656c6c6f"));
    assert_eq!(Script::op_return(b""), script("6a00"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let script = Script::from_bytes(bytes.clone());
        let _ = (script.kind().name(), script.to_asm(), script.witness_program(), script.is_unspendable());
        let decodes = script.instructions().all(|next| next.is_ok());
        prop_assert_eq!(script.to_asm().ends_with("[error]"), !decodes);
        prop_assert_eq!(script.instructions().count(), script.to_asm().split_whitespace().count());
        prop_assert_eq!(script.as_bytes(), &bytes[..]);
    }

    // Bytes near the standard forms, where an off-by-one would show as an index out of range.
    #[test]
    fn cut_and_changed_forms_never_panic(form in 0..6_usize, cut in 0..40_usize, at in 0..40_usize, byte: u8) {
        let key = bytes(COMPRESSED);
        let forms = [
            Script::p2pk(&key),
            Script::multisig(2, &[&key, &key, &key]),
            Script::op_return(&key),
            script(&format!("0014{}", "11".repeat(20))),
            script(&format!("a914{}87", "11".repeat(20))),
            script(&format!("76a914{}88ac", "11".repeat(20))),
        ];
        let mut bytes = forms[form].as_bytes().to_vec();
        bytes.truncate(bytes.len().saturating_sub(cut));
        if let Some(slot) = bytes.get_mut(at) { *slot = byte; }
        let script = Script::from_bytes(bytes);
        let _ = (script.kind(), script.to_asm(), script.is_push_only());
    }
}
