//! Kills a process that works on a chain, at every fail point and at random, and looks at what is left.
//!
//! `cargo test` runs a bounded part of it. The whole, on one store, with a progress bar:
//!
//! ```text
//! cargo test --release -p cairn-testkit --test crash -- deep --store sled --dir /dev/shm/crash --jobs 2 \
//!     --random 2000 --torn 2000 --twice 500 --seed 1
//! ```
//!
//! and one case of it again, by the name it was reported under:
//!
//! ```text
//! cargo test --release -p cairn-testkit --test crash -- one --store sled --case point:chain.state:7:before
//! ```
//!
//! The process that is killed is this program with another first argument. See `docs/src/durability.md`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[cfg(unix)]
mod cases;
#[cfg(unix)]
mod child;
#[cfg(unix)]
mod runs;
#[cfg(unix)]
mod verify;
#[cfg(unix)]
mod workload;

/// Kills are signals: elsewhere there is nothing to run.
#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use runs::Options;
    let args: Vec<String> = std::env::args().skip(1).collect();
    let options = Options::read(&args);
    match args.first().map(String::as_str) {
        Some("work") => {
            let (place, workload) = (options.place(), workload::Workload::new());
            let from = verify::Told::read(&place).action;
            let mut worker = child::Worker::open(&place, &workload, from);
            worker.work(from);
            worker.stop();
            std::process::ExitCode::SUCCESS
        }
        Some(role @ ("verify" | "verify-torn")) => {
            verify::verify(&options.place(), &workload::Workload::new(), role == "verify-torn");
            std::process::ExitCode::SUCCESS
        }
        Some("deep") => runs::deep(&options),
        Some("one") => runs::one(&options),
        Some("list") => runs::list(&options),
        Some("bounded") => runs::bounded(&options),
        _ if runs::is_asked_for(&args) => runs::bounded(&options),
        _ => std::process::ExitCode::SUCCESS,
    }
}
