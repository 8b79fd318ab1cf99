//! The merkle code against a recursive model, and the mutation it must see.

use cairn_primitives::{hash, merkle};
use proptest::prelude::*;

fn pair(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    hash::sha256d(&[left, right].concat())
}

/// The root of a tree of `depth` levels over `leaves`, by its definition: a missing right subtree is the left one.
fn subtree(leaves: &[[u8; 32]], depth: u32) -> [u8; 32] {
    if depth == 0 {
        return leaves[0];
    }
    let half = 1 << (depth - 1);
    let left = subtree(&leaves[..half.min(leaves.len())], depth - 1);
    let right = if leaves.len() > half { subtree(&leaves[half..], depth - 1) } else { left };
    pair(left, right)
}

fn model_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves.len() {
        0 => [0; 32],
        count => subtree(leaves, count.next_power_of_two().trailing_zeros()),
    }
}

/// The branch by definition: at each level the root of the other half.
fn model_branch(leaves: &[[u8; 32]], position: usize) -> Vec<[u8; 32]> {
    let depth = leaves.len().next_power_of_two().trailing_zeros();
    (0..depth)
        .map(|level| {
            let size = 1 << level;
            let sibling = (position / size) ^ 1;
            let start = if sibling * size < leaves.len() { sibling } else { sibling - 1 } * size;
            subtree(&leaves[start..leaves.len().min(start + size)], level)
        })
        .collect()
}

fn distinct(count: usize) -> Vec<[u8; 32]> {
    (0..count as u64).map(|index| hash::sha256(&index.to_le_bytes())).collect()
}

#[test]
fn every_small_tree_agrees_with_the_model() {
    for count in 0..=70 {
        let leaves = distinct(count);
        let computed = merkle::root(&leaves);
        assert_eq!(computed.root, model_root(&leaves), "{count} leaves");
        assert!(!computed.mutated, "{count} leaves");
        assert_eq!(merkle::root_in_place(&mut leaves.clone()), computed);
        for position in 0..count {
            let branch = merkle::branch(&leaves, position);
            assert_eq!(branch, model_branch(&leaves, position), "leaf {position} of {count}");
            assert_eq!(merkle::root_from_branch(leaves[position], &branch, position), computed.root);
        }
        assert!(merkle::branch(&leaves, count).is_empty());
    }
}

#[test]
fn no_leaf_gives_zero_and_one_leaf_itself() {
    assert_eq!(merkle::root(&[]).root, [0; 32]);
    assert_eq!(merkle::root(&[[9; 32]]), merkle::Computed { root: [9; 32], mutated: false });
    assert!(merkle::branch(&[[9; 32]], 0).is_empty());
}

/// CVE-2012-2459: repeating the tail that the tree itself would repeat keeps the root.
#[test]
fn a_duplicated_tail_keeps_the_root_and_is_seen() {
    for count in 1..=70_usize {
        let leaves = distinct(count);
        let honest = merkle::root(&leaves);
        let mut size = 1;
        while size < count.next_power_of_two() {
            // The last `size` leaves are a subtree without a right sibling.
            if (count / size) % 2 == 1 && count.is_multiple_of(size) {
                let twice = [leaves.as_slice(), &leaves[count - size..]].concat();
                let attack = merkle::root(&twice);
                if count > size {
                    assert_eq!(attack.root, honest.root, "{count} leaves, last {size} again");
                }
                assert!(attack.mutated, "{count} leaves, last {size} again");
            }
            size *= 2;
        }
    }
}

#[test]
fn equal_neighbours_are_seen_only_where_they_are_paired() {
    let [a, b, c, d]: [[u8; 32]; 4] = distinct(4).try_into().unwrap();
    assert!(merkle::root(&[a, a]).mutated);
    assert!(merkle::root(&[a, a, b, c]).mutated);
    assert!(merkle::root(&[a, b, a, b]).mutated);
    assert!(!merkle::root(&[a, b, b, c]).mutated);
    assert!(!merkle::root(&[a, b, c, a]).mutated);
    assert!(!merkle::root(&[a, b, c, d]).mutated);
    // The tree repeats c by itself: that is no mutation.
    assert!(!merkle::root(&[a, b, c]).mutated);
}

#[test]
fn a_branch_proves_one_place_only() {
    let leaves = distinct(11);
    let root = merkle::root(&leaves).root;
    let branch = merkle::branch(&leaves, 6);
    assert_ne!(merkle::root_from_branch(leaves[6], &branch, 7), root);
    assert_ne!(merkle::root_from_branch(leaves[5], &branch, 6), root);
    let mut damaged = branch.clone();
    damaged[3][0] ^= 1;
    assert_ne!(merkle::root_from_branch(leaves[6], &damaged, 6), root);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn trees_agree_with_the_model(leaves in prop::collection::vec(any::<[u8; 32]>(), 1..300), pick: prop::sample::Index) {
        let root = merkle::root(&leaves).root;
        prop_assert_eq!(root, model_root(&leaves));
        let position = pick.index(leaves.len());
        let branch = merkle::branch(&leaves, position);
        prop_assert_eq!(merkle::root_from_branch(leaves[position], &branch, position), root);
        prop_assert_eq!(branch, model_branch(&leaves, position));
    }
}
