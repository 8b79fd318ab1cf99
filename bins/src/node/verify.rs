//! `cairn-node verify-block`.

use std::path::PathBuf;
use std::time::Instant;

use cairn_node::config;
use cairn_node::verify::{
    BlockQuery, BlockReport, Prevouts, VerifyError, read_block, verify_block as verify,
};
use cairn_primitives::{BlockTime, Height};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::{Failure, output};

/// A block to check outside a chain: the arguments of the command.
#[derive(Debug, Args)]
pub struct VerifyCommand {
    /// The block: its bytes as they are on the wire.
    #[arg(value_name = "BLOCK.bin")]
    pub block: PathBuf,
    /// A preset or the path of a spec file.
    #[arg(long, env = "CAIRN_CHAIN", value_name = "NAME|PATH.toml")]
    pub chain: String,
    /// The block's height; without it only what needs no place is checked.
    #[arg(long, value_name = "H")]
    pub height: Option<u32>,
    /// The coins it spends, a line each: txid, vout, value, scriptPubKey, height, coinbase, median time past, with tabs between.
    #[arg(long, value_name = "FILE.tsv", requires = "height")]
    pub prevouts: Option<PathBuf>,
    /// The median time past of its parent [default: the second before its own time, the latest it can be].
    #[arg(long, value_name = "SECONDS", requires = "height")]
    pub median_time_past: Option<u32>,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Checks a block as far as possible with what is known of it, with a progress bar for scripts on a terminal.
///
/// # Errors
/// A file that cannot be read or makes no sense (exit code 2), bytes that are no block and a rule that is broken (1).
pub fn verify_block(args: &VerifyCommand) -> Result<(), Failure> {
    let spec = config::load_chain(&args.chain)?;
    let prevouts = args.prevouts.as_deref().map(Prevouts::read).transpose().map_err(failure)?;
    let block = read_block(&args.block).map_err(failure);
    let start = Instant::now();
    let block = block.or_else(|failure| undecoded(args.json, failure))?;

    let query = BlockQuery {
        height: args.height.map(Height::new),
        prevouts: prevouts.as_ref(),
        median_time_past: args.median_time_past.map(BlockTime::new),
    };
    let style = ProgressStyle::with_template("scripts {bar:30} {percent:>3} %  ETA {eta}");
    let bar = ProgressBar::new(0).with_style(style.expect("the template is well-formed"));
    let report = verify(&spec, block, &query, &|done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    print(&report, args.json, start.elapsed().as_secs_f64())
}

/// What cannot be read is bad usage; what can be read and is no block or transaction has failed.
pub(super) fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Block { .. } | VerifyError::Tx(_) => Failure::new(error),
        _ => Failure::usage(error),
    }
}

/// Who asks for JSON gets it also where the bytes are no block.
fn undecoded<T>(as_json: bool, failure: Failure) -> Result<T, Failure> {
    if as_json && !failure.is_usage() {
        let error = format!("decode: {}", failure.message());
        output::json(&json!({
            "ok": false, "txs": null, "inputs": null, "weight": null, "sigop_cost": null, "fees": null,
            "error": error, "unchecked": [], "seconds": 0.0,
        }))?;
    }
    Err(failure)
}

fn print(report: &BlockReport, as_json: bool, seconds: f64) -> Result<(), Failure> {
    let error = report.outcome.as_ref().err().map(|error| format!("{}: {error}", error.code()));
    let (fees, cost) = (report.fees.map(|fees| fees.to_sat()), report.sigop_cost);
    let unchecked: Vec<String> = report.unchecked.iter().map(ToString::to_string).collect();
    if as_json {
        output::json(&json!({
            "ok": error.is_none(),
            "txs": report.txs,
            "inputs": report.inputs,
            "weight": report.weight.to_u64(),
            "sigop_cost": cost,
            "fees": fees,
            "error": error,
            "unchecked": unchecked,
            "seconds": seconds,
        }))?;
    } else {
        let or_unknown = |number: Option<u64>| number.map_or("not known".to_owned(), |n| n.to_string());
        output::line(format_args!("block       {}", report.hash));
        output::line(format_args!("txs         {}", report.txs));
        output::line(format_args!("inputs      {}", report.inputs));
        output::line(format_args!("weight      {}", report.weight.to_u64()));
        output::line(format_args!("sigop cost  {}", or_unknown(cost)));
        output::line(format_args!("fees        {}", or_unknown(fees)));
        for left_out in unchecked {
            output::line(format_args!("unchecked   {left_out}"));
        }
        let verdict = if error.is_none() { "ok" } else { "breaks a rule" };
        output::line(format_args!("verdict     {verdict}, in {seconds:.2} s"));
    }
    error.map_or(Ok(()), |error| Err(Failure::new(error)))
}
