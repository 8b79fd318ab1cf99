//! What can be said of a transaction without its coins.

use cairn_mempool::{Class, MAX_TX_WEIGHT, Rejection, SatPerKvb, dust_limit};
use cairn_primitives::{Amount, Hash160, Script, ScriptBuilder, TxOut};
use cairn_testkit::TestKey;

use crate::support::{Draft, TestChain, anyone, pool, refuse, root, spend, take};

fn output(sat: u64, script_pubkey: Script) -> TxOut {
    TxOut { value: Amount::from_sat(sat), script_pubkey }
}

/// Whether a transaction with this further output is accepted.
fn accepts(output: TxOut) -> Result<(), Rejection> {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let tx = spend(&[root(0)], 10_000_000).output(output).build();
    pool.accept(tx.into(), crate::support::NOW, &chain).result.map(|_| ())
}

#[test]
fn versions_1_and_2_are_standard() {
    let (mut pool, chain) = (pool(), TestChain::new(2));
    for version in [0, 3, -1] {
        let draft = Draft { version, ..spend(&[root(0)], 99_000_000) };
        let error = refuse(&mut pool, &chain, &draft);
        assert_eq!((error.code(), error.class()), ("version", Class::Nonstandard));
    }
    take(&mut pool, &chain, &Draft { version: 1, ..spend(&[root(0)], 99_000_000) });
    take(&mut pool, &chain, &Draft { version: 2, ..spend(&[root(1)], 99_000_000) });
}

/// A transaction of exactly `size` bytes, none of them witness.
fn of_size(size: usize) -> Draft {
    spend(&[root(0)], 10_000).sized(size)
}

#[test]
fn a_transaction_weighs_at_most_400_000() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let (at, past) = (of_size(100_000), of_size(100_001));
    assert_eq!((at.build().vsize(), past.build().vsize()), (100_000, 100_001));
    let error = refuse(&mut pool, &chain, &past);
    assert_eq!(error, Rejection::Weight { got: 400_004, limit: MAX_TX_WEIGHT });
    assert_eq!(error.code(), "tx-size");
    take(&mut pool, &chain, &at);
}

#[test]
fn a_transaction_has_at_least_65_bytes_without_witness() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    let wsh = Script::p2wsh(cairn_primitives::hash::sha256(&[0x51]));
    chain.add(root(0), output(100_000, wsh));
    let with_data = |bytes: usize| {
        let mut draft = spend(&[root(0)], 0);
        draft.inputs[0].script_sig = Script::new();
        draft.inputs[0].witness = cairn_primitives::Witness::new(vec![vec![0x51]]);
        let script = [vec![0x6a], vec![0x51; bytes]].concat();
        draft.outputs = vec![output(0, Script::from_bytes(script))];
        draft
    };
    assert_eq!(with_data(4).build().base_size(), 65);
    let error = refuse(&mut pool, &chain, &with_data(3));
    assert_eq!((error, error.code()), (Rejection::TooSmall { got: 64, limit: 65 }, "tx-size-small"));
    take(&mut pool, &chain, &with_data(4));
}

#[test]
fn an_input_script_pushes_at_most_1_650_bytes() {
    let (mut pool, mut chain) = (pool(), TestChain::new(0));
    // Four items, which the script behind the P2SH output drops: pushes of 520 bytes at most.
    let script = [0x6d, 0x6d, 0x51];
    chain.add(root(0), output(100_000, Script::p2sh(cairn_primitives::hash::hash160(&script))));
    let of_len = |len: usize| {
        let mut draft = spend(&[root(0)], 90_000);
        // Pushes above 255 bytes have three bytes in front, above 75 two; the script has one.
        let last = len - 2 * 523 - 503 - 2 - 4;
        let sizes = [520, 520, 500, last];
        let builder =
            sizes.iter().fold(ScriptBuilder::new(), |builder, size| builder.push_slice(&vec![7; *size]));
        draft.inputs[0].script_sig = builder.push_slice(&script).into_script();
        assert_eq!(draft.inputs[0].script_sig.len(), len);
        draft
    };
    let error = refuse(&mut pool, &chain, &of_len(1_651));
    assert_eq!(error, Rejection::ScriptSigSize { index: 0, got: 1_651, limit: 1_650 });
    assert_eq!(error.code(), "scriptsig-size");
    take(&mut pool, &chain, &of_len(1_650));
}

#[test]
fn an_input_script_only_pushes() {
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let mut draft = spend(&[root(0)], 99_000_000);
    let script = [&[0x61], draft.inputs[0].script_sig.as_bytes()].concat();
    draft.inputs[0].script_sig = Script::from_bytes(script);
    let error = refuse(&mut pool, &chain, &draft);
    assert_eq!(
        (error, error.code()),
        (Rejection::ScriptSigNotPushOnly { index: 0 }, "scriptsig-not-pushonly")
    );
}

#[test]
fn outputs_have_a_known_form() {
    let key = TestKey::new(1);
    let keys = |n: usize| Script::multisig(1, &vec![key.public().as_slice(); n]);
    let program = |version| Script::from_bytes([&[version, 32], [7; 32].as_slice()].concat());
    let standard =
        [key.p2pk(), key.p2pkh(), Script::p2tr([2; 32]), Script::p2wsh([3; 32]), keys(3), program(0x60)];
    for script in standard {
        assert_eq!(accepts(output(10_000, script)), Ok(()));
    }
    for script in [keys(4), Script::from_bytes(vec![0x51]), Script::new()] {
        let error = accepts(output(10_000, script)).unwrap_err();
        assert_eq!((error, error.code()), (Rejection::ScriptPubkey { index: 1 }, "scriptpubkey"));
    }
}

#[test]
fn one_output_carries_up_to_80_bytes_of_data() {
    let data = |bytes: usize| output(0, Script::op_return(&vec![7; bytes]));
    assert_eq!(accepts(data(80)), Ok(()));
    assert_eq!(data(80).script_pubkey.len(), 83);
    assert_eq!(accepts(data(81)), Err(Rejection::ScriptPubkey { index: 1 }));
    let (mut pool, chain) = (pool(), TestChain::new(1));
    let error = refuse(&mut pool, &chain, &spend(&[root(0)], 1_000).output(data(1)).output(data(1)));
    assert_eq!((error, error.code()), (Rejection::MultiOpReturn { got: 2 }, "multi-op-return"));
}

/// The figures of Core's comment on `GetDustThreshold`.
#[test]
fn dust_is_546_for_a_key_hash_and_294_for_a_witness_key_hash() {
    let p2pkh = |sat| output(sat, Script::p2pkh(Hash160::ZERO));
    let p2wpkh = |sat| output(sat, Script::p2wpkh(Hash160::ZERO));
    let p2tr = |sat| output(sat, Script::p2tr([2; 32]));
    let rate = SatPerKvb::new(3_000);
    assert_eq!(dust_limit(&p2pkh(0), rate).to_sat(), 546);
    assert_eq!(dust_limit(&p2wpkh(0), rate).to_sat(), 294);
    assert_eq!(dust_limit(&p2tr(0), rate).to_sat(), 330);
    assert_eq!(dust_limit(&output(0, Script::op_return(&[1])), rate), Amount::ZERO);
    assert_eq!((accepts(p2pkh(546)), accepts(p2wpkh(294)), accepts(anyone(540))), (Ok(()), Ok(()), Ok(())));
    let error = accepts(p2pkh(545)).unwrap_err();
    let (got, limit) = (Amount::from_sat(545), Amount::from_sat(546));
    assert_eq!((error, error.code()), (Rejection::Dust { index: 1, got, limit }, "dust"));
    assert!(accepts(p2wpkh(293)).is_err());
}
