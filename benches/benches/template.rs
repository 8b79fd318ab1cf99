//! Block templates. The `bitcoin` crate has none.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;
use std::sync::Arc;

use cairn_benches::{FEE, Payments};
use cairn_miner::{BlockTemplate, Candidate};
use cairn_primitives::Script;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn template(c: &mut Criterion) {
    let payments = Payments::new(2_500);
    let tree = payments.forge.tree();
    let parent = tree.get(&payments.tip).expect("the forge accepted it");
    let next = tree.next_block(parent, payments.forge.time(payments.tip).saturating_add(1));
    let spec = payments.forge.spec();
    let payout = Script::op_return(b"bench");
    for count in [0, 250, 2_500] {
        let candidates: Vec<Candidate> = payments.transactions[..count]
            .iter()
            .map(|tx| Candidate { tx: Arc::new(tx.clone()), fee: FEE, sigop_cost: 4 * 2 })
            .collect();
        let mut group = c.benchmark_group(format!("template/{count} candidates"));
        group.throughput(Throughput::Elements(count.max(1) as u64));
        group.bench_function("build", |b| {
            b.iter(|| BlockTemplate::new(spec, &next, &payout, black_box(&candidates)));
        });
        let built = BlockTemplate::new(spec, &next, &payout, &candidates).expect("there is room");
        assert_eq!(built.transactions().len(), count);
        group.bench_function("next header", |b| {
            let mut extranonce = 0;
            b.iter(|| {
                extranonce += 1;
                built.header(extranonce, next.time)
            });
        });
    }
}

criterion_group!(benches, template);
criterion_main!(benches);
