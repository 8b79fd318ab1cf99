//! Headers: hashes, proof of work, the tree.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;
use std::sync::Arc;

use cairn_benches::{data, headers};
use cairn_consensus::{HeaderTree, check_pow};
use cairn_params::presets;
use cairn_primitives::{BlockTime, Header, Height};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

const LATE: BlockTime = BlockTime::new(u32::MAX);

fn genesis() -> Header {
    presets::bitcoin().genesis_block().header
}

fn hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("header hash");
    let header = genesis();
    group.bench_function("cairn", |b| b.iter(|| black_box(&header).hash()));
    peer::hash(&mut group, &header);
}

/// Target from bits, the hash, and the comparison.
fn proof_of_work(c: &mut Criterion) {
    let mut group = c.benchmark_group("header proof of work");
    let (header, spec) = (genesis(), presets::bitcoin());
    group.bench_function("cairn", |b| {
        b.iter(|| check_pow(black_box(&header), black_box(&header).hash(), &spec))
    });
    peer::proof_of_work(&mut group, &header);
}

fn work(c: &mut Criterion) {
    let mut group = c.benchmark_group("work of bits");
    let header = genesis();
    group.bench_function("cairn", |b| {
        b.iter(|| black_box(header.bits).to_target().map(|target| target.to_work()))
    });
    peer::work(&mut group, &header);
}

fn tree(c: &mut Criterion) {
    let Some(file) = data("header tree", "headers/mainnet-000000-010236.bin") else { return };
    let headers = headers(&file);
    let spec = Arc::new(presets::bitcoin());
    let mut group = c.benchmark_group("header tree, 10237 headers");
    group.throughput(Throughput::Elements(headers.len() as u64));
    group.bench_function("every rule", |b| {
        b.iter(|| {
            let mut tree = HeaderTree::new(Arc::clone(&spec));
            for header in &headers {
                tree.insert(*header, LATE).expect("a real header");
            }
            tree
        })
    });
    let load = || {
        let mut tree = HeaderTree::new(Arc::clone(&spec));
        for header in &headers {
            tree.insert_trusted(*header).expect("a real header");
        }
        tree
    };
    group.bench_function("trusted", |b| b.iter(load));
    group.finish();

    let tree = load();
    let tip = tree.best_header();
    c.bench_function("header tree, ancestor", |b| {
        b.iter(|| tree.ancestor(tip, black_box(Height::new(1_234))))
    });
    c.bench_function("header tree, locator", |b| b.iter(|| tree.locator(black_box(tip))));
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

#[cfg(feature = "peer")]
mod peer {
    use super::{Group, Header, black_box};
    use cairn_primitives::Encode;

    fn theirs(header: &Header) -> bitcoin::block::Header {
        bitcoin::consensus::deserialize(&header.to_bytes()).expect("a header is a header")
    }

    pub(super) fn hash(group: &mut Group<'_>, header: &Header) {
        let header = theirs(header);
        group.bench_function("bitcoin", |b| b.iter(|| black_box(&header).block_hash()));
    }

    pub(super) fn proof_of_work(group: &mut Group<'_>, header: &Header) {
        let header = theirs(header);
        group.bench_function("bitcoin", |b| {
            b.iter(|| black_box(&header).validate_pow(black_box(&header).target()))
        });
    }

    pub(super) fn work(group: &mut Group<'_>, header: &Header) {
        let header = theirs(header);
        group.bench_function("bitcoin", |b| b.iter(|| black_box(&header).work()));
    }
}

#[cfg(not(feature = "peer"))]
mod peer {
    use super::{Group, Header};

    pub(super) fn hash(_: &mut Group<'_>, _: &Header) {}
    pub(super) fn proof_of_work(_: &mut Group<'_>, _: &Header) {}
    pub(super) fn work(_: &mut Group<'_>, _: &Header) {}
}

criterion_group!(benches, hash, proof_of_work, work, tree);
criterion_main!(benches);
