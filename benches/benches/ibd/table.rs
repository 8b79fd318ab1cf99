//! The table of a comparison.

use serde_json::json;

use crate::Failure;
use crate::args::{Case, ImportArgs, Pass};
use crate::chain::Chain;
use crate::child::Outcome;

/// A case and what its repetitions took.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) pass: Pass,
    pub(crate) outcomes: Vec<Result<Outcome, String>>,
}

impl Row {
    pub(crate) fn new(case: Case, pass: Pass) -> Self {
        Self { case, pass, outcomes: Vec::new() }
    }

    pub(crate) fn failed(&self) -> bool {
        self.outcomes.iter().any(Result::is_err)
    }

    /// The median of a figure; nothing if every repetition failed.
    fn median(&self, figure: impl Fn(&Outcome) -> f64) -> Option<f64> {
        let mut all: Vec<f64> = self.outcomes.iter().flatten().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

const HEAD: [&str; 11] =
    ["pass", "case", "s", "spread", "blocks/s", "tx/s", "x Core", "CPU s", "x Core", "peak MB", "disk MB"];

/// A megabyte.
pub(crate) const MB: f64 = 1e6;

/// Prints the rows as columns, as markdown or as JSON.
pub(crate) fn print(rows: &[Row], chain: &Chain, args: &ImportArgs) -> Result<(), Failure> {
    let (blocks, bytes) = (chain.blocks, chain.bytes as f64 / MB);
    let head = format!(
        "{blocks} blocks, {} transactions, {bytes:.0} MB; {} threads for scripts, {} MiB of cache, {} rounds",
        chain.transactions, args.means.threads, args.means.cache, args.rounds
    );
    if args.json {
        for row in rows {
            println!("{}", json_row(row, chain));
        }
    } else {
        println!("{head}\n");
        let cells: Vec<[String; 11]> = rows.iter().map(|row| cells(row, rows, chain)).collect();
        print_cells(&HEAD, &cells, args.markdown);
    }
    for row in rows {
        for error in row.outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            eprintln!("{}, {}: {error}", row.case, row.pass);
        }
    }
    Ok(())
}

fn json_row(row: &Row, chain: &Chain) -> serde_json::Value {
    let seconds = row.median(|outcome| outcome.seconds);
    let rate = |count: f64| seconds.map(|seconds| count / seconds);
    json!({
        "case": row.case.to_string(),
        "pass": row.pass.to_string(),
        "blocks": chain.blocks,
        "transactions": chain.transactions,
        "seconds": seconds,
        "blocks_per_second": rate(f64::from(chain.blocks)),
        "transactions_per_second": rate(chain.transactions as f64),
        "cpu_seconds": row.median(|outcome| outcome.cpu),
        "peak_memory": row.median(|outcome| outcome.peak_memory as f64),
        "disk": row.median(|outcome| outcome.disk as f64),
        "rounds": row.outcomes.iter().map(|outcome| match outcome {
            Ok(outcome) => json!(outcome),
            Err(error) => json!({ "error": error }),
        }).collect::<Vec<_>>(),
    })
}

fn cells(row: &Row, rows: &[Row], chain: &Chain) -> [String; 11] {
    let text =
        |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    let seconds = row.median(|outcome| outcome.seconds);
    let core = rows.iter().find(|other| other.case == Case::Core && other.pass == row.pass);
    let to_core = |figure: fn(&Outcome) -> f64| Some(core?.median(figure)? / row.median(figure)?);
    let all = || row.outcomes.iter().flatten().map(|outcome| outcome.seconds);
    let spread = all().reduce(f64::max).zip(all().reduce(f64::min));
    let rate = |count: f64| seconds.map(|seconds| count / seconds);
    [
        row.pass.to_string(),
        row.case.to_string(),
        text(seconds, 1),
        spread.map_or("-".into(), |(most, least)| format!("{least:.1}-{most:.1}")),
        text(rate(f64::from(chain.blocks)), 1),
        text(rate(chain.transactions as f64), 0),
        text(to_core(|outcome| outcome.seconds), 2),
        text(row.median(|outcome| outcome.cpu), 1),
        text(to_core(|outcome| outcome.cpu), 2),
        text(row.median(|outcome| outcome.peak_memory as f64 / MB), 0),
        text(row.median(|outcome| outcome.disk as f64 / MB), 0),
    ]
}

/// Prints lines of cells under their heads, in columns or as markdown.
pub(crate) fn print_cells<const N: usize>(head: &[&str; N], rows: &[[String; N]], markdown: bool) {
    if markdown {
        println!("| {} |", head.join(" | "));
        println!("|{}", "---|".repeat(N));
        rows.iter().for_each(|row| println!("| {} |", row.join(" | ")));
        return;
    }
    let width = |at: usize| rows.iter().map(|row| row[at].len()).chain([head[at].len()]).max().unwrap_or(0);
    let line = |cells: &[&str]| {
        let padded = cells.iter().enumerate().map(|(at, cell)| format!("{cell:>width$}", width = width(at)));
        println!("{}", padded.collect::<Vec<_>>().join("  "));
    };
    line(head);
    rows.iter().for_each(|row| line(&row.each_ref().map(String::as_str)));
}
