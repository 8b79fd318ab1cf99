//! The machine stops at any write of a load and of what follows it: the chain opens as before the load or after it, and
//! ends where it should.

use cairn_chainstate::simulate::{PowerCut, SimDisk, TailDamage};
use cairn_chainstate::{ChainState, ChainStateConfig, Indexing, ValidationStep};
use cairn_primitives::Block;

use crate::compare;
use crate::maker::NOW;
use crate::snapshot::{World, validate_all, world};

fn config() -> ChainStateConfig {
    // A cache so small that each block is flushed.
    ChainStateConfig {
        txindex: true,
        addrindex: true,
        coinstatsindex: true,
        script_threads: 1,
        indexing: Indexing::WithCommits,
        cache_bytes: 4_000,
        ..ChainStateConfig::new("")
    }
}

/// Goes on from wherever the disk is, as far as the fuse lets it.
fn run(world: &World, above: &[Block], disk: &SimDisk) -> Option<ChainState> {
    let mut chain = disk.open(world.listing(), &config()).ok()?;
    let base = world.below.last().expect("it has blocks").hash();
    if chain.tip().height.to_u32() < 12 {
        world.headers(&mut chain);
        // Three blocks of its own, whose coins must be there or made again.
        for block in &world.below[..3] {
            chain.submit_block(block.clone(), NOW).ok()?;
        }
        assert_eq!(chain.reader().view().coins().ok()?.len(), 3, "as before the load");
        chain.load_snapshot(&world.file, None, |_| {}).ok()?;
    }
    assert!(chain.reader().block_hash_at(cairn_primitives::Height::new(12)) == Some(base), "as after it");
    // Blocks come from both sides of the snapshot, and are checked in between.
    for (old, new) in world.below.iter().zip(above) {
        for block in [old, new] {
            chain.submit_block(block.clone(), NOW).ok()?;
        }
        chain.validate_next().ok()?;
    }
    let step = validate_all(&mut chain).ok()?;
    assert!(step == ValidationStep::Done || chain.reader().validation().is_none());
    chain.flush().ok()?;
    Some(chain)
}

#[test]
fn killed_at_any_write() {
    let mut world = world();
    let base = world.below.last().unwrap().hash();
    let above = world.maker.chain(base, world.below.len());
    for block in &above {
        let height = world.maker.height(block.hash());
        world.model.submit(block.clone(), height, true);
    }
    let disk = SimDisk::new();
    let chain = run(&world, &above, &disk).unwrap();
    compare::same(&chain.reader(), &world.model);
    drop(chain);
    let writes = disk.fuse().written();
    assert!(writes > 100, "{writes}");
    let cuts =
        [PowerCut::killed(), PowerCut::default(), PowerCut { commits_kept: 1, tails: TailDamage::Scrambled }];
    for at in 0..writes {
        let disk = SimDisk::new();
        disk.fuse().allow(at);
        assert!(run(&world, &above, &disk).is_none(), "stopped at {at}");
        disk.cut_power(cuts[at as usize % cuts.len()]);
        let chain = run(&world, &above, &disk).unwrap();
        compare::same(&chain.reader(), &world.model);
        drop(chain);
    }
}
