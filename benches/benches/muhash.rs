//! The hash of the coins: an element in, and the division that comes before each look.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;

use cairn_crypto::MuHash;
use criterion::{Criterion, criterion_group, criterion_main};

/// A coin with a script of 25 bytes has this many.
const ELEMENT: usize = 36 + 4 + 8 + 1 + 25;

fn muhash(c: &mut Criterion) {
    let mut group = c.benchmark_group("muhash");
    let mut set = MuHash::new();
    group.bench_function("insert", |b| b.iter(|| set.insert(black_box(&[7; ELEMENT]))));
    group.bench_function("remove", |b| b.iter(|| set.remove(black_box(&[9; ELEMENT]))));
    let other = set.clone();
    group.bench_function("insert a whole set", |b| b.iter(|| set.insert_all(black_box(&other))));
    group.bench_function("digest after a removal", |b| b.iter(|| black_box(&set).digest()));
    let mut settled = set.clone();
    settled.settle();
    group.bench_function("digest of a settled set", |b| b.iter(|| black_box(&settled).digest()));
    group.finish();
}

criterion_group!(benches, muhash);
criterion_main!(benches);
