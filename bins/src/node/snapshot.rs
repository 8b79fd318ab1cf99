//! `cairn-node snapshot`: the coins to a file, and from one.

use std::path::Path;
use std::time::Instant;

use cairn_chainstate::snapshot::{LoadProgress, LoadStep};
use cairn_node::snapshot;
use cairn_primitives::Sha256d;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde_json::json;

use super::Place;
use crate::output::line;
use crate::{Failure, output};

/// Writes the coins after the tip to a file.
///
/// # Errors
/// A bad setting (exit code 2); no data, data in use, a file that is there already or cannot be written (1).
pub fn dump(place: Place, file: &Path, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let template = "{spinner} {human_pos} coins written, {per_sec}";
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
    let start = Instant::now();
    let outcome = snapshot::dump(&config, file, |coins| bar.set_position(coins));
    bar.finish_and_clear();
    let dumped = outcome?;
    let (stats, seconds) = (dumped.stats, start.elapsed().as_secs_f64());
    if json {
        return output::json(&json!({
            "height": stats.height.to_u32(),
            "hash": stats.hash.to_string(),
            "coins": stats.coins,
            "muhash": stats.muhash.to_string(),
            "hash_serialized_3": dumped.coins_hash.to_string(),
            "bytes": dumped.bytes,
            "seconds": seconds,
        }));
    }
    line(format_args!("block    {} at {}", stats.height, stats.hash));
    line(format_args!("coins    {}", HumanCount(stats.coins)));
    line(format_args!("         muhash {}", stats.muhash));
    line(format_args!("         hash_serialized_3 {}", dumped.coins_hash));
    line(format_args!("file     {} in {}, {seconds:.1} s", HumanBytes(dumped.bytes), file.display()));
    Ok(())
}

/// Begins the chain with the coins in a file.
///
/// # Errors
/// A bad setting (exit code 2); data in use, and a file that is none, damaged, or not what was asked for (1).
pub fn load(place: Place, file: &Path, coins_hash: Option<Sha256d>, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let template = "{bar:30} {percent:>3} %  {msg}  {human_pos} of {human_len}  ETA {eta}";
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
    let start = Instant::now();
    let outcome = snapshot::load(&config, file, coins_hash, |LoadProgress { step, done, total }| {
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(match step {
            LoadStep::Check => "checking",
            LoadStep::Write => "writing",
        });
    });
    bar.finish_and_clear();
    let loaded = outcome?;
    let (base, seconds) = (loaded.base, start.elapsed().as_secs_f64());
    if json {
        return output::json(&json!({
            "height": base.height.to_u32(),
            "hash": base.hash.to_string(),
            "coins": loaded.coins,
            "hash_serialized_3": loaded.coins_hash.to_string(),
            "seconds": seconds,
        }));
    }
    line(format_args!(
        "loaded {} coins of height {} at {}",
        HumanCount(loaded.coins),
        base.height,
        base.hash
    ));
    line("the node follows the chain from there, and checks the blocks below as they come");
    Ok(())
}
