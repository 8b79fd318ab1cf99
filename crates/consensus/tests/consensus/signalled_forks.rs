//! Whole blocks on chains where forks are signalled for: what the last block before a fork may hold, the first may not.

use std::sync::Arc;

use cairn_consensus::{BlockError, DeploymentState, TxError, script_flags, script_flags_at, script_flags_on};
use cairn_params::{Activation, Fork, Schedule, Signalling};
use cairn_primitives::{Amount, Block, BlockHash, Script, Sequence};
use cairn_script::ScriptFlags;
use cairn_testkit::{Forge, Spend};

use crate::support::{anyone, checked, easy, height, sat};

const SIGNAL: i32 = 0x2000_0004;

/// Four blocks a period, all of which signal from 4 on: locked in from 8, active from 12.
const FIRST: u32 = 12;

fn signalling() -> Activation {
    let schedule = Schedule::Heights { start: height(4), timeout: height(40), lock_in_on_timeout: false };
    Activation::Signalled(Signalling {
        bit: 2,
        schedule,
        threshold: 4,
        window: 4,
        min_activation_height: height(0),
    })
}

fn forge(forks: &[Fork]) -> Forge {
    let mut spec = easy();
    let set = &mut spec.deployments;
    for fork in forks {
        match fork {
            Fork::Csv => set.csv = signalling(),
            Fork::Segwit => set.segwit = signalling(),
            Fork::Taproot => set.taproot = signalling(),
            Fork::Bip34 => set.bip34 = signalling(),
            other => panic!("{} is not tried here", other.name()),
        }
    }
    Forge::new(Arc::new(checked(spec)))
}

/// Blocks up to `tip` that pay to `script` and signal, or not.
fn grow(forge: &mut Forge, from: BlockHash, to: u32, version: i32, script: &Script) -> BlockHash {
    let mut tip = from;
    while forge.height(tip) < height(to) {
        let block = forge.draft(tip).version(version).pay_to(script.clone()).seal();
        tip = forge.accept(block).unwrap();
    }
    tip
}

/// A block on `tip` that spends its oldest ripe coin with this script.
fn spend(forge: &Forge, tip: BlockHash, script: &Script, change: impl Fn(Spend) -> Spend) -> Block {
    let (outpoint, coin) = forge.spendable(tip, script).pop().unwrap();
    let value = coin.output.value;
    let spend = Spend::new().from(outpoint, coin).to(value, anyone());
    forge.draft(tip).add(change(spend).unsigned(), Amount::ZERO).seal()
}

/// What the first active block and the last one before it say to the same spend; the blocks themselves are put to each.
fn before_and_after(
    forks: &[Fork],
    script: &Script,
    change: impl Fn(Spend) -> Spend,
) -> (Result<BlockHash, BlockError>, Result<BlockHash, BlockError>) {
    let mut forge = forge(forks);
    let genesis = forge.genesis();
    let below = grow(&mut forge, genesis, FIRST - 2, SIGNAL, script);
    let last = grow(&mut forge, below, FIRST - 1, SIGNAL, script);
    let state = |block| forge.tree().deployment_state(forge.tree().get(&block).unwrap(), forks[0]);
    assert_eq!(state(below), Some(DeploymentState::LockedIn));
    assert_eq!(state(last), Some(DeploymentState::Active));
    let (early, late) = (spend(&forge, below, script, &change), spend(&forge, last, script, &change));
    let results = (forge.accept(early), forge.accept(late));
    // The chain goes on, and on a branch that does not signal the fork is not there.
    grow(&mut forge, last, FIRST + 2, SIGNAL, script);
    let other = grow(&mut forge, genesis, FIRST - 1, SIGNAL & !4, script);
    let other = spend(&forge, other, script, &change);
    forge.accept(other).expect("the fork does not hold on this branch");
    results
}

#[test]
fn a_bad_taproot_spend_passes_until_taproot_is_active() {
    // An output key and no witness: to a node without taproot anyone may spend it.
    let output = Script::from_bytes([&[0x51, 0x20][..], &[7; 32]].concat());
    let (before, after) = before_and_after(&[Fork::Taproot], &output, |spend| spend);
    assert!(before.is_ok(), "{before:?}");
    assert!(matches!(after, Err(BlockError::Script { .. })), "{after:?}");
}

#[test]
fn a_relative_lock_counts_once_csv_is_active() {
    let locked = |spend: Spend| spend.sequence(Sequence::new(50));
    let (before, after) = before_and_after(&[Fork::Csv], &anyone(), locked);
    assert!(before.is_ok(), "{before:?}");
    let Err(BlockError::Tx { error: TxError::SequenceLocked { .. }, .. }) = after else {
        panic!("{after:?}")
    };
}

#[test]
fn a_witness_program_binds_once_segwit_is_active() {
    let program = Script::from_bytes([&[0x00, 0x14][..], &[7; 20]].concat());
    let (before, after) = before_and_after(&[Fork::Segwit, Fork::Taproot], &program, |spend| spend);
    assert!(before.is_ok(), "{before:?}");
    assert!(matches!(after, Err(BlockError::Script { .. })), "{after:?}");
}

#[test]
fn the_flags_are_those_of_the_branch() {
    let mut forge = forge(&[Fork::Segwit, Fork::Taproot, Fork::Csv]);
    let genesis = forge.genesis();
    let active = grow(&mut forge, genesis, FIRST, SIGNAL, &anyone());
    let idle = grow(&mut forge, genesis, FIRST, SIGNAL & !4, &anyone());
    let tree = forge.tree();
    let (active, idle) = (tree.get(&active).unwrap(), tree.get(&idle).unwrap());
    let without = ScriptFlags::P2SH | ScriptFlags::DERSIG | ScriptFlags::CHECKLOCKTIMEVERIFY;
    let with = without
        | ScriptFlags::WITNESS
        | ScriptFlags::NULLDUMMY
        | ScriptFlags::TAPROOT
        | ScriptFlags::CHECKSEQUENCEVERIFY;
    for id in [idle, tree.genesis(), tree.parent(active).unwrap()] {
        assert_eq!(script_flags(tree, id), without);
    }
    assert_eq!(script_flags(tree, active), with);
    assert_eq!((script_flags_on(tree, active), script_flags_on(tree, idle)), (with, without));
    let next = |id| tree.next_block(id, tree.header(id).time);
    assert!(next(active).witness_commitment && next(active).locktime_is_median);
    assert!(!next(idle).witness_commitment && !next(idle).locktime_is_median);
    // By height alone the forks are taken to hold as soon as they can.
    assert_eq!(script_flags_at(forge.spec(), height(FIRST)), with);
    assert_eq!(script_flags_at(forge.spec(), height(FIRST - 1)), without);
}

#[test]
fn a_signalled_bip34_asks_for_the_height_and_for_no_version() {
    let mut forge = forge(&[Fork::Bip34]);
    let genesis = forge.genesis();
    let last = grow(&mut forge, genesis, FIRST - 1, SIGNAL, &anyone());
    // A coinbase that names the height of its parent.
    let wrong = |forge: &Forge, tip: BlockHash| {
        let parent = forge.block(tip).header.prev;
        let mut block = forge.draft(tip).seal();
        block.transactions = forge.draft(parent).extra(9).seal().transactions;
        cairn_testkit::reseal(block)
    };
    let below = forge.block(last).header.prev;
    let early = wrong(&forge, below);
    assert!(forge.accept(early).is_ok());
    let late = wrong(&forge, last);
    assert_eq!(forge.accept(late), Err(BlockError::CoinbaseHeight { expected: height(FIRST) }));
    let old = forge.draft(last).version(1).coinbase_value(sat(1)).seal();
    assert!(forge.accept(old).is_ok());
}
