//! Bitcoin Core's `script_assets` files: spends with what makes them succeed and fail, under every set of consensus
//! rules they speak of.

use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_primitives::{Decode, Script, Transaction, TxOut, Witness, hex};
use cairn_script::{ScriptFlags, SighashCache, verify};
use serde_json::Value;

use crate::common::{flags, json, transaction, trim, verify_both, with_input};

/// Every set of rules that a block can be checked under.
fn consensus_sets() -> Vec<ScriptFlags> {
    const RULES: [ScriptFlags; 7] = [
        ScriptFlags::P2SH,
        ScriptFlags::DERSIG,
        ScriptFlags::NULLDUMMY,
        ScriptFlags::CHECKLOCKTIMEVERIFY,
        ScriptFlags::CHECKSEQUENCEVERIFY,
        ScriptFlags::WITNESS,
        ScriptFlags::TAPROOT,
    ];
    let chosen = |bits: u32| (0..).zip(RULES).filter(move |(bit, _)| bits >> bit & 1 == 1);
    let all =
        (0..1 << RULES.len()).map(|bits| chosen(bits).fold(ScriptFlags::NONE, |set, (_, rule)| set | rule));
    all.filter(|set| trim(*set) == *set).collect()
}

struct Asset {
    tx: Transaction,
    spent: Vec<TxOut>,
    index: usize,
    rules: ScriptFlags,
    is_final: bool,
}

impl Asset {
    fn read(row: &Value) -> Self {
        let output = |hex: &Value| TxOut::from_bytes(&hex::decode(hex.as_str().unwrap()).unwrap()).unwrap();
        Self {
            tx: transaction(row["tx"].as_str().unwrap()),
            spent: row["prevouts"].as_array().unwrap().iter().map(output).collect(),
            index: usize::try_from(row["index"].as_u64().unwrap()).unwrap(),
            rules: flags(row["flags"].as_str().unwrap()),
            is_final: row["final"].as_bool().unwrap_or(false),
        }
    }

    /// Checks that the input, completed with `given`, passes or fails under each of `sets`; returns how many.
    fn check(&self, row: &Value, given: &Value, sets: &[ScriptFlags], expected: bool) -> usize {
        let bytes = |hex: &Value| hex::decode(hex.as_str().unwrap()).unwrap();
        let tx = with_input(&self.tx, self.index, |input| {
            input.script_sig = Script::from_bytes(bytes(&given["scriptSig"]));
            input.witness = Witness::new(given["witness"].as_array().unwrap().iter().map(bytes).collect());
        });
        let cache = SighashCache::new(&tx, self.spent.iter().collect());
        for (at, set) in sets.iter().enumerate() {
            // The signatures are the same each time.
            let ask = if at == 0 { verify_both } else { verify };
            let result = ask(&cache, self.index, *set);
            assert_eq!(result.is_ok(), expected, "{result:?} under {set:?}: {}", row["comment"]);
        }
        sets.len()
    }

    fn run(&self, row: &Value, sets: &[ScriptFlags]) -> usize {
        let mut checks = 0;
        if let Some(given) = row.get("success") {
            // A spend that is final succeeds under all rules, another under any subset of its own.
            let sets: Vec<_> =
                sets.iter().copied().filter(|set| self.is_final || self.rules.contains(*set)).collect();
            checks += self.check(row, given, &sets, true);
        }
        if let Some(given) = row.get("failure") {
            let sets: Vec<_> = sets.iter().copied().filter(|set| set.contains(self.rules)).collect();
            checks += self.check(row, given, &sets, false);
        }
        checks
    }
}

fn run_file(test: &str, path: &str, expected: usize) {
    let Some(rows) = json(test, path) else { return };
    let rows = rows.as_array().unwrap();
    let sets = consensus_sets();
    let (next, passed, checks) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    checks.fetch_add(Asset::read(row).run(row, &sets), Ordering::Relaxed);
                    passed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let passed = passed.into_inner();
    assert_eq!(passed, expected);
    println!("{test}: {passed} of {}, {} checks", rows.len(), checks.into_inner());
}

#[test]
fn script_assets_test() {
    run_file("script_assets_test", "vectors/taproot/script_assets_test.json", 2243);
}

#[test]
fn script_assets_seed_1() {
    run_file("script_assets_seed_1", "vectors/taproot/script_assets_seed_1.json", 2801);
}
