//! The costliest legal blocks: how long their scripts take on one thread and on all cores.
//!
//! Each is checked once, whole, but for the prepared one: of its tasks, all alike, a few are run and the rest reckoned.

#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints a table")]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cairn_benches::cpu_seconds;
use cairn_benches::worst::{Connected, Excess, Filling, HashOp, Worst};

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let back_end = if cfg!(feature = "libsecp256k1") { "libsecp256k1" } else { "k256" };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    println!("{back_end}, {cores} cores, seconds");
    println!(
        "{:<24} {:>8} {:>8} {:>8} {:>10} {:>12} {:>10} {:>10}",
        "block", "weight", "sigops", "inputs", "checks", "hashed MB", "1 thread", "all cores"
    );
    let hashing = HashOp::ALL.into_iter().map(Filling::Hashing);
    let others = Filling::ALL.into_iter().filter(|filling| !matches!(filling, Filling::Hashing(_)));
    for filling in hashing.chain(others) {
        let name = filling.name();
        if arguments.is_empty() || arguments.iter().any(|wanted| name.contains(wanted.as_str())) {
            measure(filling, &name, cores);
        }
    }
}

fn measure(filling: Filling, name: &str, cores: usize) {
    let worst = Worst::new(filling, Excess::None);
    let connected = worst.connect().expect("it keeps every limit");
    let tasks = connected.scripts.len();
    // Those of the prepared block are all alike, and all of them would take most of an hour.
    let (run_tasks, share) = match filling {
        Filling::Prepared => (cores, tasks as f64 / cores as f64),
        _ => (tasks, 1.0),
    };
    let (one, all) = (run(&connected, run_tasks, 1) * share, run(&connected, run_tasks, cores) * share);
    println!(
        "{name:<24} {:>8} {:>8} {:>8} {:>10} {:>12} {:>10.2} {:>10.2}",
        connected.weight,
        connected.sigop_cost,
        connected.scripts.inputs(),
        worst.checks,
        worst.hashed / 1_000_000,
        one,
        all
    );
}

/// Runs the first `tasks` tasks on so many threads, and says how long that takes where nothing else runs: the processor
/// time divided by the threads, but no less than the longest task takes.
fn run(connected: &Connected, tasks: usize, threads: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut sum, mut longest) = (0.0, 0.0_f64);
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                return (sum, longest);
            }
            let before = cpu_seconds();
            connected.scripts.run(task).expect("the block is valid");
            let took = cpu_seconds() - before;
            sum += took;
            longest = longest.max(took);
        }
    };
    let (sum, longest) = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join().expect("no thread panics"));
        results.fold((0.0, 0.0_f64), |(sum, most), (a, b)| (sum + a, most.max(b)))
    });
    longest.max(sum / threads as f64)
}
