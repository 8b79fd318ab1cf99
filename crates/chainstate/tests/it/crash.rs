//! The machine stops at any write: what was told stays, and the chain opens where its blocks lead.

use cairn_chainstate::simulate::{PowerCut, SimDisk, TailDamage};
use cairn_chainstate::{
    ChainEvent, ChainState, ChainStateConfig, ChainStateError, Indexing, SubmitError, Tip,
};
use cairn_primitives::{Block, BlockHash, OutPoint};
use cairn_store::StoreError;

use crate::compare;
use crate::maker::{Maker, NOW, Plan, open_script, spec, spend};
use crate::model::Model;

#[derive(Clone)]
enum Action {
    Submit(Block),
    Flush,
    Restart,
}

/// Some blocks, with everything in them that makes a difference on disk.
struct Workload {
    actions: Vec<Action>,
    model: Model,
}

struct Builder {
    maker: Maker,
    workload: Workload,
}

impl Builder {
    fn submit(&mut self, parent: BlockHash, plan: &Plan, valid: bool) -> BlockHash {
        let block = self.maker.block(parent, plan);
        let hash = block.hash();
        self.workload.actions.push(Action::Submit(block.clone()));
        self.workload.model.submit(block, self.maker.height(hash), valid);
        hash
    }

    fn plain(&mut self, parent: BlockHash, count: usize) -> BlockHash {
        (0..count).fold(parent, |tip, n| self.submit(tip, &Plan::paying(n as u64), true))
    }

    /// A block that spends `inputs` ripe coins and makes `outputs` new ones.
    fn busy(&mut self, parent: BlockHash, inputs: usize, outputs: u64) -> BlockHash {
        let next = self.maker.height(parent) + 1;
        let coins = self.workload.model.coins(parent);
        let ripe = coins.iter().filter(|(_, coin)| !coin.coinbase || coin.height.to_u32() + 3 <= next);
        let (mut spent, mut value) = (Vec::<OutPoint>::new(), 0);
        for (outpoint, coin) in ripe.take(inputs) {
            spent.push(*outpoint);
            value += coin.output.value.to_sat();
        }
        let each = value / outputs;
        let outputs = (0..outputs).map(|n| (each, open_script(n % 5))).collect();
        let plan = Plan { txs: vec![spend(&spent, outputs)], ..Plan::paying(9) };
        self.submit(parent, &plan, true)
    }
}

fn workload() -> Workload {
    let spec = spec();
    let genesis = spec.genesis_hash();
    let workload = Workload { actions: Vec::new(), model: Model::new(spec.genesis_block()) };
    let mut build = Builder { maker: Maker::new(spec), workload };
    let base = build.plain(genesis, 4);
    build.workload.actions.push(Action::Flush);
    // More changes than one batch takes, of coins and of index rows.
    let base = build.busy(base, 1, 1_050);
    let old = build.busy(base, 3, 10);
    let old = build.busy(old, 1_020, 2);
    build.workload.actions.push(Action::Flush);
    // A longer branch, flushed in the middle of nowhere.
    let new = build.busy(base, 2, 7);
    let new = build.plain(new, 1);
    let new = build.busy(new, 40, 3);
    build.workload.actions.push(Action::Flush);
    // A branch that would win but for a bad block.
    let bad = build.plain(old, 1);
    let bad = build.submit(bad, &Plan { overpay: 1, ..Plan::paying(1) }, false);
    assert_ne!(bad, new);
    build.workload.actions.push(Action::Restart);
    // Back to the first branch, unflushed, and on.
    let old = build.plain(old, 2);
    build.busy(old, 20, 4);
    build.workload.actions.push(Action::Flush);
    build.workload
}

fn config() -> ChainStateConfig {
    ChainStateConfig {
        txindex: true,
        addrindex: true,
        coinstatsindex: true,
        blockfilterindex: true,
        script_threads: 1,
        indexing: Indexing::WithCommits,
        ..ChainStateConfig::new("")
    }
}

/// What the outside was told before the machine stopped.
#[derive(Default)]
struct Told {
    events: Vec<ChainEvent>,
    /// Blocks of which the chain said that it has them.
    blocks: Vec<BlockHash>,
    tip: Option<Tip>,
}

fn is_stop(error: &ChainStateError) -> bool {
    matches!(error, ChainStateError::Store(StoreError::Stopped))
}

/// Works until done or stopped.
fn work(disk: &SimDisk, actions: &[Action], told: &mut Told) -> Result<(), ChainStateError> {
    let mut chain = disk.open(spec(), &config())?;
    let mut events = chain.subscribe();
    for action in actions {
        let result = match action {
            Action::Submit(block) => submit(&mut chain, block, told),
            Action::Flush => chain.flush(),
            Action::Restart => {
                chain.close()?;
                chain = disk.open(spec(), &config())?;
                events = chain.subscribe();
                Ok(())
            }
        };
        told.events.extend(events.try_iter());
        result?;
    }
    chain.close()
}

fn submit(chain: &mut ChainState, block: &Block, told: &mut Told) -> Result<(), ChainStateError> {
    match chain.submit_block(block.clone(), NOW) {
        Ok(_) => told.blocks.push(block.hash()),
        Err(SubmitError::State(error)) => return Err(error),
        Err(SubmitError::Header(_) | SubmitError::Block(_) | SubmitError::Ancestor { .. }) => {}
    }
    told.tip = Some(chain.tip());
    Ok(())
}

/// Stops at write number `stop`, cuts the power, and looks at what is left. `false` if there were no so many
/// writes.
fn stop_at(workload: &Workload, stop: u64, cut: PowerCut) -> bool {
    let disk = SimDisk::with_roll_over(100_000);
    let mut told = Told::default();
    disk.fuse().allow(stop);
    let done = match work(&disk, &workload.actions, &mut told) {
        Ok(()) => true,
        Err(error) => {
            assert!(is_stop(&error), "write {stop}: {error:?}");
            false
        }
    };
    disk.cut_power(cut);
    let mut chain =
        disk.open(spec(), &config()).unwrap_or_else(|error| panic!("{cut:?}, write {stop}: {error:?}"));
    let reader = chain.reader();
    compare::consistent(&reader, &workload.model);
    assert!(compare::events(&reader).starts_with(&told.events), "write {stop}: told events stay");
    if let Some(tip) = told.tip {
        assert!(chain.tip().work >= tip.work, "write {stop}: the chain is not behind what was told");
    }
    for hash in &told.blocks {
        assert!(reader.block(hash).unwrap().is_some(), "write {stop}: {hash} was taken and is gone");
    }
    for action in &workload.actions {
        if let Action::Submit(block) = action {
            let _known_or_bad = chain.submit_block(block.clone(), NOW);
        }
    }
    compare::same(&reader, &workload.model);
    !done
}

#[test]
fn a_stop_at_any_write_loses_nothing_that_was_told() {
    let workload = workload();
    let cuts = [
        PowerCut::killed(),
        PowerCut::default(),
        PowerCut { commits_kept: 1, tails: TailDamage::Zeroed },
        PowerCut { commits_kept: 0, tails: TailDamage::Scrambled },
        PowerCut { commits_kept: usize::MAX, tails: TailDamage::Cut },
        PowerCut { commits_kept: 0, tails: TailDamage::None },
    ];
    let mut writes = 0;
    for stop in 0.. {
        let stopped = stop_at(&workload, stop, cuts[stop as usize % cuts.len()]);
        let stopped = stop_at(&workload, stop, cuts[(stop as usize + 3) % cuts.len()]) && stopped;
        if !stopped {
            writes = stop;
            break;
        }
    }
    println!("stopped at each of {writes} writes");
    assert!(writes > 150, "the workload is worth something");
}

/// While a stopped machine opens its chain it may stop again.
#[test]
fn a_stop_while_recovering_is_no_worse() {
    let workload = workload();
    for (stop, again) in (0..60).flat_map(|n| [(n * 5, 0), (n * 5, 1), (n * 5, 3), (n * 5, 6)]) {
        let disk = SimDisk::with_roll_over(100_000);
        disk.fuse().allow(stop);
        let mut told = Told::default();
        let _stopped = work(&disk, &workload.actions, &mut told);
        disk.cut_power(PowerCut::default());
        disk.fuse().allow(again);
        let _stopped = disk.open(spec(), &config());
        disk.cut_power(PowerCut { commits_kept: 1, tails: TailDamage::Cut });
        let chain = disk.open(spec(), &config()).unwrap();
        compare::consistent(&chain.reader(), &workload.model);
        assert!(compare::events(&chain.reader()).starts_with(&told.events));
    }
}
