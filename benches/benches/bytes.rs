//! Bytes to blocks and back, ids, merkle roots.

#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;

use cairn_benches::{Payments, data};
use cairn_primitives::{Block, Decode, Encode, merkle};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

/// Two real blocks of about a megabyte, the second with witnesses, and a forged one.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let real =
        [("mainnet 413567", "blocks/mainnet-413567.bin"), ("mainnet 702861", "blocks/mainnet-702861.bin")];
    let real = real.into_iter().filter_map(|(name, file)| Some((name, data("bytes", file)?)));
    real.chain([("forged, 2000 payments", Payments::new(2_000).block.to_bytes())]).collect()
}

/// Cairn's decoding computes every txid and wtxid; the peer is measured without them and with them.
fn decode(c: &mut Criterion) {
    for (name, bytes) in samples() {
        let mut group = c.benchmark_group(format!("decode block with ids/{name}"));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("cairn", |b| b.iter(|| Block::from_bytes(black_box(&bytes))));
        peer::decode(&mut group, &bytes);
    }
}

fn encode(c: &mut Criterion) {
    for (name, bytes) in samples() {
        let block = Block::from_bytes(&bytes).expect("a sample decodes");
        let mut group = c.benchmark_group(format!("encode block/{name}"));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("cairn", |b| b.iter(|| black_box(&block).to_bytes()));
        peer::encode(&mut group, &bytes);
    }
}

fn merkle_root(c: &mut Criterion) {
    for count in [1, 100, 2_500] {
        let leaves: Vec<[u8; 32]> =
            (0..count).map(|n: u32| cairn_primitives::hash::sha256d(&n.to_le_bytes())).collect();
        let mut group = c.benchmark_group(format!("merkle root/{count}"));
        group.throughput(Throughput::Elements(u64::from(count)));
        group.bench_function("cairn", |b| b.iter(|| merkle::root(black_box(&leaves))));
        peer::merkle_root(&mut group, &leaves);
    }
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

#[cfg(feature = "peer")]
mod peer {
    use super::{Group, black_box};
    use bitcoin::consensus::{deserialize, serialize};
    use bitcoin::hashes::Hash;
    use bitcoin::{Block, TxMerkleNode, merkle_tree};

    pub(super) fn decode(group: &mut Group<'_>, bytes: &[u8]) {
        let block = || -> Block { deserialize(black_box(bytes)).expect("a sample decodes") };
        group.bench_function("bitcoin, no ids", |b| b.iter(block));
        group.bench_function("bitcoin", |b| {
            b.iter(|| {
                let block = block();
                let ids: Vec<_> =
                    block.txdata.iter().map(|tx| (tx.compute_txid(), tx.compute_wtxid())).collect();
                (block, ids)
            })
        });
    }

    pub(super) fn encode(group: &mut Group<'_>, bytes: &[u8]) {
        let block: Block = deserialize(bytes).expect("a sample decodes");
        group.bench_function("bitcoin", |b| b.iter(|| serialize(black_box(&block))));
    }

    pub(super) fn merkle_root(group: &mut Group<'_>, leaves: &[[u8; 32]]) {
        let leaves: Vec<_> = leaves.iter().map(|leaf| TxMerkleNode::from_byte_array(*leaf)).collect();
        group.bench_function("bitcoin", |b| {
            b.iter(|| merkle_tree::calculate_root(black_box(&leaves).iter().copied()))
        });
    }
}

#[cfg(not(feature = "peer"))]
mod peer {
    use super::Group;

    pub(super) fn decode(_: &mut Group<'_>, _: &[u8]) {}
    pub(super) fn encode(_: &mut Group<'_>, _: &[u8]) {}
    pub(super) fn merkle_root(_: &mut Group<'_>, _: &[[u8; 32]]) {}
}

criterion_group!(benches, decode, encode, merkle_root);
criterion_main!(benches);
