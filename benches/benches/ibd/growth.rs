//! How cost grows with the chain: time for a block and memory over height, for chains of several lengths.

use std::fmt::Write;
use std::fs;

use crate::Failure;
use crate::args::{ChainArgs, GrowthArgs, Pass};
use crate::build::Builds;
use crate::chain::{self, Chain};
use crate::child::{Assumed, Job, Outcome};
use crate::import::{case_dir, measured};
use crate::plot::{self, Panel, Series};
use crate::table::{MB, print_cells};

/// One length.
struct Run {
    chain: Chain,
    outcome: Outcome,
}

/// What happened between two samples.
struct Window {
    height: u32,
    ms_per_block: f64,
    us_per_transaction: f64,
    memory_mb: f64,
}

const HEAD: [&str; 7] =
    ["blocks", "transactions", "s", "ms/block", "us/transaction", "CPU us/transaction", "peak MB"];

/// Imports the chain in each length, prints a table and writes samples and picture.
pub(crate) fn run(args: &GrowthArgs) -> Result<(), Failure> {
    let work = chain::work_dir(&args.chain)?;
    let longest = args.sizes.iter().copied().max().ok_or("no size is given")?;
    let whole = chain::prepare(&ChainArgs { blocks: longest, ..args.chain.clone() }, &work)?;
    let program = Builds::default().program(args.case.build())?;
    let mut runs = Vec::new();
    for size in &args.sizes {
        let part = ChainArgs { blocks: *size, file: Some(whole.file.clone()), ..args.chain.clone() };
        let chain = chain::prepare(&part, &work)?;
        eprintln!("{} blocks: {}, {}", size, args.case, args.pass);
        let assumed = || Assumed { tip: chain.tip, headers: chain.headers.clone() };
        let job = Job {
            threads: args.means.threads,
            cache_mib: args.means.cache,
            assumed: (args.pass == Pass::Assumed).then(assumed),
            every: args.window,
            ..Job::new(args.case.engine(), chain.file.clone(), case_dir(&work))
        };
        let outcome = measured(&program, &job, chain.tip)?;
        runs.push(Run { chain, outcome });
    }
    println!("{}, {}, {} MiB of cache\n", args.case, args.pass, args.means.cache);
    print_cells(&HEAD, &runs.iter().map(cells).collect::<Vec<_>>(), args.markdown);
    if let Some(csv) = &args.csv {
        fs::write(csv, samples(&runs))?;
    }
    if let Some(svg) = &args.svg {
        fs::write(svg, picture(&runs, args))?;
    }
    Ok(())
}

fn cells(run: &Run) -> [String; 7] {
    let (blocks, transactions) = (f64::from(run.chain.blocks), run.chain.transactions as f64);
    let Outcome { seconds, cpu, peak_memory, .. } = run.outcome;
    [
        run.chain.blocks.to_string(),
        run.chain.transactions.to_string(),
        format!("{seconds:.1}"),
        format!("{:.1}", seconds / blocks * 1e3),
        format!("{:.1}", seconds / transactions * 1e6),
        format!("{:.1}", cpu / transactions * 1e6),
        format!("{:.0}", peak_memory as f64 / MB),
    ]
}

fn windows(run: &Run) -> Vec<Window> {
    let transactions = |from: u32, to: u32| {
        let all = &run.chain.block_transactions;
        all[from as usize..to as usize].iter().map(|count| u64::from(*count)).sum::<u64>() as f64
    };
    let mut before = (0, 0.0);
    let mut windows = Vec::new();
    for sample in &run.outcome.samples {
        let (height, seconds) = (sample.height.min(run.chain.blocks), sample.seconds - before.1);
        if height > before.0 {
            windows.push(Window {
                height,
                ms_per_block: seconds / f64::from(height - before.0) * 1e3,
                us_per_transaction: seconds / transactions(before.0, height) * 1e6,
                memory_mb: sample.memory as f64 / MB,
            });
        }
        before = (height, sample.seconds);
    }
    windows
}

fn samples(runs: &[Run]) -> String {
    let mut out = String::from("blocks,height,ms_per_block,us_per_transaction,memory_mb\n");
    for run in runs {
        for at in windows(run) {
            let (block, transaction) = (at.ms_per_block, at.us_per_transaction);
            let (blocks, height, memory) = (run.chain.blocks, at.height, at.memory_mb);
            let _ = writeln!(out, "{blocks},{height},{block:.3},{transaction:.2},{memory:.1}");
        }
    }
    out
}

fn picture(runs: &[Run], args: &GrowthArgs) -> String {
    let panel = |title: String, of: fn(&Window) -> f64| {
        let series = runs.iter().map(|run| Series {
            label: format!("{} blocks", run.chain.blocks),
            points: windows(run).iter().map(|at| (f64::from(at.height), of(at))).collect(),
        });
        Panel { title, series: series.collect() }
    };
    let name = format!("{}, {}", args.case, args.pass);
    let window = args.window;
    let panels = [
        panel(format!("milliseconds for a block, mean of {window} ({name})"), |at| at.ms_per_block),
        panel("memory held, MB".to_owned(), |at| at.memory_mb),
    ];
    plot::svg(&panels, "height")
}
