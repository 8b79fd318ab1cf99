//! Blocks: the rules that need no coins, the rules that do, and the scripts. The `bitcoin` crate has none of
//! these.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use cairn_benches::{Payments, blocks, data};
use cairn_consensus::{CheckedBlock, HeaderTree, check_block, connect, disconnect};
use cairn_params::presets;
use cairn_primitives::{Block, BlockTime, Coin, Decode, OutPoint};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const LATE: BlockTime = BlockTime::new(u32::MAX);

fn check(c: &mut Criterion) {
    let spec = presets::bitcoin();
    for name in ["mainnet-413567", "mainnet-702861"] {
        let Some(bytes) = data("check block", &format!("blocks/{name}.bin")) else { continue };
        let block = Block::from_bytes(&bytes).expect("the data is real");
        let mut group = c.benchmark_group(format!("check block/{name}"));
        group.throughput(Throughput::Elements(block.transactions.len() as u64));
        group.bench_function("cairn", |b| {
            b.iter_batched(|| block.clone(), |block| check_block(block, &spec), BatchSize::LargeInput);
        });
    }
}

fn forged(c: &mut Criterion) {
    const COUNT: usize = 2_000;
    let payments = Payments::new(COUNT);
    let tree = &payments.tree;
    let block =
        Arc::new(check_block(payments.block.clone(), tree.spec()).expect("the forge builds good blocks"));
    let id = tree.get(&block.hash()).expect("its header is in the tree");
    let coins = payments.forge.coins(payments.tip);
    let mut group = c.benchmark_group(format!("forged block, {COUNT} payments"));
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("connect", |b| b.iter(|| connect(tree, id, Arc::clone(&block), coins)));

    let connection = connect(tree, id, Arc::clone(&block), coins).expect("the forge builds good blocks");
    group.bench_function("disconnect", |b| {
        b.iter(|| disconnect(black_box(block.block()), (**connection.undo()).clone()));
    });
    group.sample_size(10);
    group.bench_function("scripts, one thread", |b| b.iter(|| connection.scripts().run_all()));
    assert_eq!(connection.scripts().run_all(), Ok(()));
}

/// Everything from decoded blocks to coins, on mainnet's first 600.
fn real(c: &mut Criterion) {
    let Some(file) = data("mainnet 0-599", "blocks/mainnet-000000-000599.dat") else { return };
    let blocks = blocks(&file);
    let spec = Arc::new(presets::bitcoin());
    let run = |with_scripts: bool| {
        let mut tree = HeaderTree::new(Arc::clone(&spec));
        let mut coins: HashMap<OutPoint, Coin> = HashMap::new();
        for block in &blocks {
            let id = tree.insert(block.header, LATE).expect("a real header").id;
            let checked: Arc<CheckedBlock> =
                Arc::new(check_block(block.clone(), &spec).expect("a real block"));
            let connection = connect(&tree, id, checked, &coins).expect("a real block");
            if with_scripts {
                connection.scripts().run_all().expect("a real block");
            }
            connection.into_parts().0.apply(&mut coins);
        }
        coins.len()
    };
    let mut group = c.benchmark_group("mainnet 0-599, decoded to coins");
    group.throughput(Throughput::Elements(blocks.len() as u64));
    group.bench_function("without scripts", |b| b.iter(|| run(false)));
    group.bench_function("with scripts", |b| b.iter(|| run(true)));
}

criterion_group!(benches, check, forged, real);
criterion_main!(benches);
