//! `cairn-node import`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use cairn_chainstate::import::Progress;
use cairn_node::{Stop, import as library};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::json;

use super::Place;
use crate::{Failure, output};

/// What to import.
#[derive(Debug)]
pub struct ImportCommand {
    /// Where to.
    pub place: Place,
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// Whether they hold raw headers rather than blocks.
    pub headers: bool,
    /// Print one line of JSON at the end.
    pub json: bool,
}

/// Imports blocks or headers, with a progress bar on a terminal. An interrupt ends it with what is done so far.
///
/// # Errors
/// A bad setting, a directory that cannot be used, and the first record that cannot be imported, with file, offset,
/// height and rule.
pub fn import(args: ImportCommand) -> Result<(), Failure> {
    let config = args.place.configure()?;
    let bar = progress_bar(args.headers);
    let stop = Stop::on_signals()?;
    let start = Instant::now();
    let progress = |progress: Progress| {
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.bytes);
        bar.set_message(format!("height {}", progress.height));
        bar.set_prefix(rate(progress.blocks, start));
        if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = match args.headers {
        true => library::headers(&config, &args.files, progress),
        false => library::blocks(&config, &args.files, progress),
    };
    bar.finish_and_clear();
    let summary = outcome?;

    let what = if args.headers { "headers" } else { "blocks" };
    let (new, known) = (HumanCount(summary.new), HumanCount(summary.blocks - summary.new));
    let seconds = start.elapsed().as_secs_f64();
    if summary.repaired > 0 {
        eprintln!("{} damaged block records written again", HumanCount(summary.repaired));
    }
    match (summary.new, summary.stopped) {
        (_, true) => eprintln!("stopped: {new} new {what} so far; run the same command again to go on"),
        (0, false) => eprintln!("nothing to do: all {known} {what} were known"),
        (_, false) => eprintln!("{new} new {what}, {known} known before, {}", rate(summary.new, start)),
    }
    let tip = summary.tip;
    if args.json {
        return output::json(&json!({
            "height": tip.height.to_u32(),
            "tip": tip.hash.to_string(),
            "chain_work": tip.work.to_string(),
            "blocks": summary.blocks,
            "new": summary.new,
            "seconds": seconds,
        }));
    }
    output::line(format_args!("height {} at {} in {seconds:.1} s", tip.height, tip.hash));
    Ok(())
}

fn rate(blocks: u64, start: Instant) -> String {
    format!("{:.0}/s", blocks as f64 / start.elapsed().as_secs_f64().max(0.001))
}

/// Height, records a second and time left, on a terminal; nothing where standard error is none.
fn progress_bar(headers: bool) -> ProgressBar {
    let unit = if headers { "headers" } else { "blocks" };
    let template = format!("{{bar:30}} {{percent:>3}} %  {{msg}}  {unit} {{prefix}}  ETA {{eta}}");
    let style = ProgressStyle::with_template(&template).expect("the template is well-formed");
    ProgressBar::new(0).with_style(style)
}
