//! `cairn-node explain-tx`.

use std::path::PathBuf;

use cairn_node::config;
use cairn_node::verify::{Explainer, InputReport, Prevouts, read_tx};
use cairn_primitives::{Height, hex};
use cairn_script::{Action, Program, Step};
use clap::Args;
use serde_json::{Value, json};

use super::verify::failure;
use crate::{Failure, output};

/// A transaction to explain: the arguments of the command.
#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// The transaction in hex, or a file with its hex or bytes.
    #[arg(value_name = "HEX|FILE")]
    pub tx: String,
    /// A preset or the path of a spec file.
    #[arg(long, env = "CAIRN_CHAIN", value_name = "NAME|PATH.toml")]
    pub chain: String,
    /// The coins it spends, in the form of verify-block.
    #[arg(long, value_name = "FILE.tsv")]
    pub prevouts: PathBuf,
    /// The height whose rules hold [default: every fork of the chain holds].
    #[arg(long, value_name = "H")]
    pub height: Option<u32>,
    /// Print JSON: a line for each input, then one for the whole.
    #[arg(long)]
    pub json: bool,
}

/// Shows for each input which scripts run, step by step, and where it fails the rule, the code and what would satisfy it.
///
/// # Errors
/// A file that cannot be read or makes no sense and a coin that is missing (exit code 2), bytes that are no transaction
/// and a rule that is broken (1).
pub fn explain_tx(args: &ExplainCommand) -> Result<(), Failure> {
    let spec = config::load_chain(&args.chain)?;
    let tx = read_tx(&args.tx).map_err(failure)?;
    let prevouts = Prevouts::read(&args.prevouts).map_err(failure)?;
    let explainer = Explainer::new(&spec, &tx, &prevouts, args.height.map(Height::new)).map_err(failure)?;
    let flags = format!("{:?}", explainer.flags());
    if !args.json {
        output::line(format_args!("transaction {}", tx.txid()));
        output::line(format_args!("rules       {flags}"));
    }
    let mut failed = Vec::new();
    for input in explainer.inputs() {
        if input.outcome.is_err() {
            failed.push(input.index);
        }
        match args.json {
            true => output::json(&as_json(&input))?,
            false => print(&input),
        }
    }
    let fee = explainer.fee();
    let error = fee.as_ref().err().map(|error| format!("{}: {error}", error.code()));
    if args.json {
        let fee = fee.ok().map(|fee| fee.to_sat());
        let ok = failed.is_empty() && error.is_none();
        output::json(&json!({
            "ok": ok, "txid": tx.txid().to_string(), "rules": flags, "inputs": tx.inputs().len(),
            "failed": failed, "fee": fee, "error": error,
        }))?;
    } else if let Ok(fee) = fee {
        output::line(format_args!("fee         {}", fee.to_sat()));
    }
    match (error, failed.as_slice()) {
        (Some(error), _) => Err(Failure::new(error)),
        (None, []) => Ok(()),
        (None, failed) => Err(Failure::new(format!("inputs {failed:?} may not be spent like this"))),
    }
}

fn print(input: &InputReport) {
    output::line(format_args!(
        "\ninput {} spends {}: {}, {}",
        input.index,
        input.outpoint,
        input.kind.name(),
        input.value.to_sat()
    ));
    let omitted = input.trace.omitted();
    for (index, step) in input.trace.steps().iter().enumerate() {
        if omitted > 0 && index + 1 == input.trace.steps().len() {
            output::line(format_args!("  … {omitted} steps left out"));
        }
        print_step(step);
    }
    match &input.outcome {
        Ok(()) => output::line("  ok: it may be spent"),
        Err(error) => {
            output::line(format_args!("  fails: {} ({error})", error.code()));
            output::line(format_args!("  to satisfy it: {}", error.hint()));
        }
    }
}

fn print_step(step: &Step) {
    let (what, text) = action(&step.action);
    let text = if what == "skip" { format!("({text})") } else { text.to_owned() };
    let deeper = if step.depth > step.top.len() { "… " } else { "" };
    let stack = step.top.iter().map(|item| shown(item)).collect::<Vec<_>>().join(" ");
    output::line(format_args!(
        "  {:8} {:5}  {text}  [{deeper}{stack}]",
        program(step.program),
        step.position
    ));
}

/// An item in hex, `-` for the empty one; long ones are cut.
fn shown(item: &[u8]) -> String {
    const MAX_SHOWN: usize = 40;
    match item.len() {
        0 => "-".to_owned(),
        len if len > MAX_SHOWN => format!("{}…({len} bytes)", hex::encode(&item[..MAX_SHOWN])),
        _ => hex::encode(item),
    }
}

fn as_json(input: &InputReport) -> Value {
    let steps: Vec<Value> = input.trace.steps().iter().map(step_as_json).collect();
    let error = input
        .outcome
        .err()
        .map(|error| json!({ "code": error.code(), "rule": error.to_string(), "hint": error.hint() }));
    json!({
        "input": input.index,
        "outpoint": input.outpoint.to_string(),
        "type": input.kind.name(),
        "value": input.value.to_sat(),
        "ok": error.is_none(),
        "error": error,
        "steps": steps,
        "steps_omitted": input.trace.omitted(),
    })
}

fn step_as_json(step: &Step) -> Value {
    let (action, text) = action(&step.action);
    let stack: Vec<String> = step.top.iter().map(|item| hex::encode(item)).collect();
    json!({
        "script": program(step.program), "position": step.position, "action": action, "instruction": text,
        "depth": step.depth, "stack": stack,
    })
}

fn action(action: &Action) -> (&'static str, &str) {
    match action {
        Action::Run(text) => ("run", text),
        Action::Skip(text) => ("skip", text),
        Action::End => ("end", "end"),
    }
}

fn program(program: Program) -> &'static str {
    match program {
        Program::Input => "input",
        Program::Output => "output",
        Program::Redeem => "redeem",
        Program::WitnessV0 => "witness",
        Program::Tapscript => "leaf",
    }
}
