//! The binary tree of double SHA-256 that commits a block to its transactions.
//!
//! A level with an odd number of nodes pairs its last node with itself. That makes different lists share a root
//! (CVE-2012-2459): `[a, b, c]` and `[a, b, c, c]`, for one. So computing a root also says whether two equal
//! nodes stood side by side anywhere, which no honest list has.

use crate::hash::batch;

/// Pairs handed to the hash function at once; enough to fill the lanes of every way it has.
const BATCH: usize = 64;

/// A merkle root, and whether the list it was computed from is suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computed {
    /// The root; all zero for an empty list, the leaf itself for a list of one.
    pub root: [u8; 32],
    /// Whether a pair of two equal nodes was hashed at any level (CVE-2012-2459, Core's `mutated`). Such a block
    /// may be a damaged copy of a valid one with the same hash.
    pub mutated: bool,
}

/// The merkle root of `leaves`, in order.
pub fn root(leaves: &[[u8; 32]]) -> Computed {
    root_in_place(&mut leaves.to_vec())
}

/// As [`root`], using the leaves' own memory; what they hold afterwards is unspecified.
pub fn root_in_place(leaves: &mut [[u8; 32]]) -> Computed {
    let mut count = leaves.len();
    let mut mutated = false;
    while count > 1 {
        mutated |= leaves[..count].chunks_exact(2).any(|pair| pair[0] == pair[1]);
        count = hash_level(leaves, count);
    }
    Computed { root: leaves.first().copied().unwrap_or_default(), mutated }
}

/// The hashes beside the path from leaf `position` to the root, lowest first; empty when there is no such leaf.
pub fn branch(leaves: &[[u8; 32]], position: usize) -> Vec<[u8; 32]> {
    if position >= leaves.len() {
        return Vec::new();
    }
    let mut nodes = leaves.to_vec();
    let mut count = nodes.len();
    let mut position = position;
    let mut branch = Vec::new();
    while count > 1 {
        branch.push(nodes[(position ^ 1).min(count - 1)]);
        count = hash_level(&mut nodes, count);
        position /= 2;
    }
    branch
}

/// The root that `leaf` at `position` and its `branch` lead to. It proves nothing about the leaf's depth: a node
/// of the tree can pass for a leaf, so check what the leaf is as well.
pub fn root_from_branch(leaf: [u8; 32], branch: &[[u8; 32]], position: usize) -> [u8; 32] {
    let mut node = leaf;
    let mut position = position;
    for sibling in branch {
        node = if position % 2 == 1 { hash_pair(sibling, &node) } else { hash_pair(&node, sibling) };
        position /= 2;
    }
    node
}

/// Replaces the first `count` nodes by their parents and returns how many parents there are.
fn hash_level(nodes: &mut [[u8; 32]], count: usize) -> usize {
    let parents = count.div_ceil(2);
    let mut inputs = [[0; 64]; BATCH];
    let mut outputs = [[0; 32]; BATCH];
    let mut done = 0;
    while done < parents {
        let pairs = BATCH.min(parents - done);
        for (offset, input) in inputs[..pairs].iter_mut().enumerate() {
            let left = 2 * (done + offset);
            input[..32].copy_from_slice(&nodes[left]);
            input[32..].copy_from_slice(&nodes[(left + 1).min(count - 1)]);
        }
        batch::sha256d_64(&mut outputs[..pairs], &inputs[..pairs]);
        // Parents land below the children that are still to be read: done + pairs <= 2 * (done + pairs).
        nodes[done..done + pairs].copy_from_slice(&outputs[..pairs]);
        done += pairs;
    }
    parents
}

fn hash_pair(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(left);
    bytes[32..].copy_from_slice(right);
    crate::hash::sha256d(&bytes)
}
