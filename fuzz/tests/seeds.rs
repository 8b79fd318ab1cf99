//! Every target on its seeds, on seeds that were damaged by a fixed sequence of random numbers, and on the inputs that
//! once found something.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cairn_fuzz::{TARGETS, seeds};

/// Damaged copies of all seeds of a target together, and fewest of each.
const DAMAGED: usize = 4_000;
const ROUNDS: usize = 8;

/// A multiplier and increment of the MMIX generator (Knuth); enough to scatter changes.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// A few bytes changed, cut off, repeated or put in.
fn damage(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.below(256) as u8),
            2 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xfd, 0xff][random.below(6)],
            3 => {
                let end = (at + random.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    bytes
}

#[test]
fn targets_survive_their_seeds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.iter().for_each(|seed| target(seed));
        target(&[]);
    }
}

#[test]
fn targets_survive_damaged_seeds() {
    for (name, target) in TARGETS {
        let mut random = Random(1);
        let seeds = seeds(name);
        let rounds = (DAMAGED / seeds.len()).max(ROUNDS);
        for (number, seed) in seeds.iter().enumerate() {
            for round in 0..rounds {
                let bytes = damage(seed, &mut random);
                let result = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
                assert!(result.is_ok(), "{name}, seed {number}, round {round}: {bytes:02x?}");
            }
        }
    }
}

/// `regressions/<target>/` keeps what a run found, as libfuzzer wrote it.
#[test]
fn targets_survive_what_was_found_before() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders = std::fs::read_dir(&root).expect("the folder of regressions is kept");
    let folders = folders.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
    for folder in folders {
        let name = folder.file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} is no target");
        let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
        for input in std::fs::read_dir(folder.path()).unwrap() {
            let path = input.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let result = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
            assert!(result.is_ok(), "{}", path.display());
        }
    }
}

/// Each target has its binary, its entry in `Cargo.toml` and its line in the documentation.
#[test]
fn targets_are_wired_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let page = std::fs::read_to_string(root.join("../docs/src/fuzzing.md")).unwrap();
    for (name, _) in TARGETS {
        let file = std::fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("cairn_fuzz::{name}(data)")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    assert_eq!(std::fs::read_dir(root.join("fuzz_targets")).unwrap().count(), TARGETS.len());
}
