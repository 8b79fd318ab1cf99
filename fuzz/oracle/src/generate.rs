//! Cases.

use cairn_primitives::{OutPoint, Txid};
use cairn_script::ScriptFlags;

use crate::case::{Case, Draft, Input, SUPPORTED};
use crate::mutate::{mutate, some_flags};
use crate::program::{Dialect, Program};
use crate::rng::Rng;
use crate::spend::Lock;
use crate::{limits, soup};

/// What a case is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A spend of a standard or composed output, signed, then mostly one mutation.
    Spend,
    /// A program of random opcodes in any place a script can stand.
    Soup,
    /// A program at a limit.
    Limits,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Spend, Self::Soup, Self::Limits];
}

/// The case that belongs to `seed` and `number`.
pub fn case(kind: Kind, seed: u64, number: u64) -> Case {
    let mut rng = Rng::new(seed ^ (kind as u64) << 60, number);
    let mut draft = draft(&mut rng);
    let input = rng.below(draft.inputs.len());
    let lock = match kind {
        Kind::Spend => Lock::random(&mut rng, &draft, input),
        Kind::Soup => program(&mut rng, soup::write),
        Kind::Limits => program(&mut rng, limits::write),
    };
    lock.place(&mut draft, input);
    lock.unlock(&mut rng, &mut draft, input);
    let mut case = Case { draft, input, flags: ScriptFlags::NONE };
    let flags = if rng.chance(80) { all() } else { some_flags(&mut rng) };
    case = case.with_flags(flags);
    let mutations = match kind {
        Kind::Spend => rng.pick(&[0, 0, 1, 1, 1, 1, 1, 1, 2, 3]),
        _ => rng.pick(&[0, 0, 0, 0, 0, 0, 1]),
    };
    for _ in 0..mutations {
        mutate(&mut case, &mut rng);
    }
    case
}

/// A transaction with every input locked and signed, and mostly one mutation: one case for each input.
pub fn whole(seed: u64, number: u64) -> Vec<Case> {
    let mut rng = Rng::new(seed ^ 7 << 60, number);
    let mut draft = draft(&mut rng);
    let count = draft.inputs.len();
    let locks: Vec<_> = (0..count).map(|input| Lock::random(&mut rng, &draft, input)).collect();
    locks.iter().enumerate().for_each(|(input, lock)| lock.place(&mut draft, input));
    for (input, lock) in locks.iter().enumerate() {
        lock.unlock(&mut rng, &mut draft, input);
    }
    let mut case = Case { draft, input: rng.below(count), flags: ScriptFlags::NONE }.with_flags(all());
    if rng.chance(60) {
        mutate(&mut case, &mut rng);
    }
    (0..count).map(|input| Case { input, ..case.clone() }).collect()
}

fn all() -> ScriptFlags {
    SUPPORTED.into_iter().fold(ScriptFlags::NONE, ScriptFlags::union)
}

fn program(rng: &mut Rng, write: impl Fn(&mut Program, &mut Rng)) -> Lock {
    let dialect = rng.pick(&[Dialect::Legacy, Dialect::WitnessV0, Dialect::Tapscript]);
    let mut program = Program::new(dialect);
    write(&mut program, rng);
    Lock::around(rng, program)
}

/// A transaction without scripts: one to four inputs, up to three outputs, locks of every kind.
fn draft(rng: &mut Rng) -> Draft {
    let inputs = rng.pick(&[1, 1, 2, 2, 3, 4]);
    let outputs = rng.pick(&[0, 1, 1, 2, 2, 3]);
    // Any amount can be paid as far as scripts are concerned, also one that Core takes for negative.
    let paid = |rng: &mut Rng| if rng.chance(95) { rng.below(3_000_000_000) as u64 } else { rng.u64() };
    Draft {
        version: rng.pick(&[1, 2, 2, 2, 2, 2, 3, 0, -1]),
        lock_time: match rng.below(4) {
            0 => 0,
            1 => rng.below(900_000) as u32,
            2 => 1_700_000_000 + rng.below(1_000_000) as u32,
            _ => rng.pick(&[1, 499_999_999, 500_000_000, u32::MAX]),
        },
        inputs: (0..inputs).map(|_| empty_input(rng)).collect(),
        outputs: (0..outputs)
            .map(|_| {
                let size = rng.pick(&[0, 1, 22, 25, 34]);
                (paid(rng), rng.bytes(size))
            })
            .collect(),
    }
}

fn empty_input(rng: &mut Rng) -> Input {
    let sequence = match rng.below(8) {
        0 => u32::MAX,
        1 => u32::MAX - 1,
        2 => rng.u32(),
        3 => 1 << 22 | rng.below(1 << 16) as u32,
        _ => rng.below(1 << 16) as u32,
    };
    Input {
        previous: OutPoint { txid: Txid::from_bytes(rng.hash()), vout: rng.below(5) as u32 },
        script_sig: Vec::new(),
        sequence,
        witness: Vec::new(),
        // A coin of 2^63 and above cannot be; what its spends come to is pinned by a test of its own.
        amount: if rng.chance(95) { rng.below(3_000_000_000) as u64 } else { rng.u64() >> 1 },
        script_pubkey: vec![0x51],
    }
}
