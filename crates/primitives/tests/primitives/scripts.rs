//! Output scripts of real blocks, recognised and printed.

use std::collections::BTreeMap;

use cairn_primitives::{Address, Block, Decode, Instruction, Script, ScriptBuilder, ScriptKind};

use crate::support::{blk_records, bytes, data};

/// Counts of each form, made with regular expressions over the raw outputs.
const COUNTS: &[(&str, &[(&str, usize)])] = &[
    ("mainnet-000000-000599.dat", &[("pubkey", 627)]),
    ("mainnet-000170.bin", &[("pubkey", 3)]),
    ("mainnet-057043.bin", &[("pubkey", 1), ("pubkeyhash", 1)]),
    ("mainnet-277647.bin", &[("pubkeyhash", 769)]),
    ("mainnet-300025.bin", &[("multisig", 2), ("nonstandard", 3), ("pubkeyhash", 1221)]),
    ("mainnet-403200.bin", &[("nulldata", 3), ("pubkeyhash", 984), ("scripthash", 219)]),
    ("mainnet-413567.bin", &[("nulldata", 3), ("pubkeyhash", 2841), ("scripthash", 737)]),
    (
        "mainnet-481824.bin",
        &[
            ("nulldata", 11),
            ("pubkeyhash", 3409),
            ("scripthash", 700),
            ("witness_v0_keyhash", 3),
            ("witness_v0_scripthash", 1),
        ],
    ),
    (
        "mainnet-702861.bin",
        &[
            ("nulldata", 23),
            ("pubkeyhash", 1660),
            ("scripthash", 1816),
            ("witness_v0_keyhash", 2383),
            ("witness_v0_scripthash", 133),
        ],
    ),
    ("signet-000000-000060.dat", &[("nulldata", 60), ("pubkey", 1), ("witness_v0_keyhash", 60)]),
    ("testnet3-000000-000400.dat", &[("pubkey", 401), ("pubkeyhash", 45), ("scripthash", 39)]),
    ("testnet3-0928828.bin", &[("nulldata", 9), ("pubkeyhash", 123), ("scripthash", 1313)]),
    ("testnet3-1087400.bin", &[("nulldata", 17), ("pubkeyhash", 133), ("scripthash", 81)]),
];

fn blocks(file: &str, test: &str) -> Option<Vec<Block>> {
    let raw = data(&format!("blocks/{file}"), test)?;
    let records = if file.ends_with(".dat") { blk_records(&raw) } else { vec![&raw[..]] };
    Some(records.into_iter().map(|record| Block::from_bytes(record).unwrap()).collect())
}

fn each_output(file: &str, test: &str, mut check: impl FnMut(&Script)) -> bool {
    let Some(blocks) = blocks(file, test) else { return false };
    for transaction in blocks.iter().flat_map(|block| &block.transactions) {
        transaction.outputs().iter().for_each(|output| check(&output.script_pubkey));
    }
    true
}

#[test]
fn forms_of_real_outputs_are_counted_right() {
    for (file, expected) in COUNTS {
        let mut found = BTreeMap::new();
        let count = |script: &Script| *found.entry(script.kind().name()).or_insert(0) += 1;
        if each_output(file, "forms_of_real_outputs_are_counted_right", count) {
            assert_eq!(found.into_iter().collect::<Vec<_>>(), *expected, "{file}");
        }
    }
}

#[test]
fn real_outputs_with_an_address_are_rebuilt_from_it() {
    for (file, _) in COUNTS {
        each_output(file, "real_outputs_with_an_address_are_rebuilt_from_it", |script| {
            let without = matches!(
                script.kind(),
                ScriptKind::P2pk
                    | ScriptKind::Multisig { .. }
                    | ScriptKind::NullData
                    | ScriptKind::NonStandard
            );
            match Address::from_script(script) {
                Some(address) => assert_eq!(address.script_pubkey(), *script),
                None => assert!(without, "{script:?}"),
            }
        });
    }
}

#[test]
fn the_first_coinbase_reads_as_it_is_known() {
    let Some(blocks) = blocks("mainnet-000000-000599.dat", "the_first_coinbase_reads_as_it_is_known") else {
        return;
    };
    let coinbase = &blocks[0].transactions[0];
    let message = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks";
    let script = &coinbase.inputs()[0].script_sig;
    assert_eq!(script.to_asm(), format!("486604799 4 {}", cairn_primitives::hex::encode(message)));
    let pushes: Vec<_> = script.instructions().map(Result::unwrap).collect();
    assert_eq!(pushes[1], Instruction::Push { opcode: 1, data: &[4] });
    let built = ScriptBuilder::new().push_int(486_604_799).push_bytes(&[4]).push_bytes(message).into_script();
    assert_eq!(&built, script);
    let key = bytes(
        "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f",
    );
    assert_eq!(coinbase.outputs()[0].script_pubkey, Script::p2pk(&key));
}
