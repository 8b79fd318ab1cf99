//! `cairn-miner bench`.

use std::num::NonZeroUsize;
use std::time::Duration;

use cairn_miner::kernel;
use serde_json::json;

use crate::Failure;
use crate::output::{self, line};

/// Measures each kernel this machine can run, the fastest first, for `time` on `threads` threads, and prints a line for each.
///
/// # Errors
/// None; commands that print JSON could fail to.
pub fn bench(threads: NonZeroUsize, time: Duration, as_json: bool) -> Result<(), Failure> {
    for kernel in kernel::kernels() {
        let report = cairn_miner::bench(kernel.as_ref(), threads, time);
        let rate = report.hashes_per_second();
        if as_json {
            output::json(&json!({
                "kernel": kernel.name(),
                "threads": report.threads,
                "hashes": report.hashes,
                "seconds": report.elapsed.as_secs_f64(),
                "hashrate_hps": rate,
            }))?;
        } else {
            line(format_args!(
                "{:<10} {:>3} threads {:>9.2} MH/s",
                kernel.name(),
                report.threads,
                rate / 1e6
            ));
        }
    }
    Ok(())
}
