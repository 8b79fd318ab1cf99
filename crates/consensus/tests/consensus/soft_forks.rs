//! From which block on each script rule holds.

use cairn_consensus::{HeaderTree, script_flags};
use cairn_params::{Activation, ChainSpec, ScriptException, presets};
use cairn_script::ScriptFlags;

use crate::support::{easy, extend, height, tree};

/// The flags at heights 0 to 6.
fn flags(spec: ChainSpec) -> Vec<ScriptFlags> {
    let mut tree = tree(spec);
    let genesis = tree.genesis();
    extend(&mut tree, genesis, 6);
    tree.ids().map(|id| script_flags(&tree, id)).collect()
}

#[test]
fn each_rule_holds_from_its_forks_height_on() {
    let at = |n| Activation::Height(height(n));
    let mut spec = easy();
    let forks = &mut spec.deployments;
    (forks.taproot, forks.bip66, forks.bip65, forks.csv, forks.segwit) = (at(1), at(2), at(3), at(4), at(5));
    let always = ScriptFlags::P2SH | ScriptFlags::WITNESS;
    let added = [
        ScriptFlags::NONE,
        ScriptFlags::TAPROOT,
        ScriptFlags::DERSIG,
        ScriptFlags::CHECKLOCKTIMEVERIFY,
        ScriptFlags::CHECKSEQUENCEVERIFY,
        ScriptFlags::NULLDUMMY,
        ScriptFlags::NONE,
    ];
    let mut expected = always;
    for (got, added) in flags(spec).into_iter().zip(added) {
        expected |= added;
        assert_eq!(got, expected);
    }
}

#[test]
fn without_segwit_there_are_no_witness_rules() {
    let mut spec = easy();
    spec.deployments.segwit = Activation::Never;
    spec.deployments.taproot = Activation::Never;
    for got in flags(spec) {
        assert!(!got.intersects(ScriptFlags::WITNESS | ScriptFlags::TAPROOT | ScriptFlags::NULLDUMMY));
    }
}

/// As Core's `GetBlockScriptFlags`: an exception replaces what always holds, not what has a height.
#[test]
fn an_exception_takes_away_what_always_holds() {
    let mut tree = tree(easy());
    let genesis = tree.genesis();
    let tip = extend(&mut tree, genesis, 2);
    for (p2sh, witness, expected) in [
        (false, false, ScriptFlags::NONE),
        (true, false, ScriptFlags::P2SH),
        (true, true, ScriptFlags::P2SH | ScriptFlags::WITNESS),
    ] {
        let mut spec = easy();
        let block = tree.hash(tip);
        spec.deployments.script_exceptions = vec![ScriptException { block, p2sh, witness, taproot: false }];
        let flags = flags(spec);
        let by_height = ScriptFlags::DERSIG
            | ScriptFlags::CHECKLOCKTIMEVERIFY
            | ScriptFlags::CHECKSEQUENCEVERIFY
            | ScriptFlags::NULLDUMMY;
        assert_eq!(flags[2], expected | by_height);
        let all = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT | by_height;
        assert!(flags[1] == all && flags[3] == all);
    }
}

/// On Bitcoin P2SH, witness and taproot rules hold from the first block on (Core 22 and later).
#[test]
fn bitcoins_genesis_has_what_always_holds() {
    let tree = HeaderTree::new(presets::bitcoin().into());
    let expected = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT;
    assert_eq!(script_flags(&tree, tree.genesis()), expected);
}
