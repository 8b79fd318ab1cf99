//! A change of branch over many full blocks.
//!
//! The other branch holds the same payments under other coinbases, so it is as full and as costly; one more block makes
//! it the better one. What is timed is the taking of that block: so many blocks off, one more on, all rules checked.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_consensus::HeaderTree;
use cairn_params::presets;
use cairn_primitives::{Block, BlockHash, Decode, Encode, Script, Transaction};
use cairn_testkit::{Draft, reseal};

use crate::Failure;
use crate::args::{Case, ReorgArgs};
use crate::build::Builds;
use crate::chain::{self, Chain};
use crate::child::{Job, Step};
use crate::import::{case_dir, measured};
use crate::records::Records;
use crate::table::print_cells;

/// The other branch.
struct Branch {
    file: PathBuf,
    tip: BlockHash,
    /// Transactions that leave with the old branch, and come back with the new.
    transactions: u64,
}

const HEAD: [&str; 5] = ["case", "indexes", "s", "CPU s", "ms for a block off and one on"];

/// Times the change in every case. A case that fails is told, and the others go on.
pub(crate) fn run(args: &ReorgArgs) -> Result<(), Failure> {
    let work = chain::work_dir(&args.chain)?;
    let chain = chain::prepare(&args.chain, &work)?;
    let branch = branch(&chain, args.depth, &work)?;
    let mut builds = Builds::default();
    let (mut rows, mut failed) = (Vec::new(), false);
    for case in &args.cases {
        for indexes in [false, true] {
            if indexes && matches!(case, Case::Core | Case::CoreFile) {
                continue;
            }
            eprintln!("reorganisation: {case}, indexes {indexes}");
            let job = Job {
                threads: args.means.threads,
                cache_mib: args.means.cache,
                branch: Some(branch.file.clone()),
                indexes,
                ..Job::new(case.engine(), chain.file.clone(), case_dir(&work))
            };
            match steps(&mut builds, *case, &job, &branch, args.rounds) {
                Ok(step) => rows.push(cells(*case, indexes, step, args.depth)),
                Err(failure) => {
                    failed = true;
                    eprintln!("{case}, indexes {indexes}: {failure}");
                }
            }
        }
    }
    println!("{} blocks off and {} on, {} transactions\n", args.depth, args.depth + 1, branch.transactions);
    print_cells(&HEAD, &rows, args.markdown);
    match failed {
        true => Err("some cases failed".into()),
        false => Ok(()),
    }
}

/// The median of several repetitions.
fn steps(builds: &mut Builds, case: Case, job: &Job, branch: &Branch, rounds: u32) -> Result<Step, Failure> {
    let program = builds.program(case.build())?;
    let mut steps = Vec::new();
    for _ in 0..rounds {
        let outcome = measured(&program, job, branch.tip)?;
        steps.push(outcome.reorg.ok_or("the case timed nothing")?);
    }
    steps.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    steps.get(steps.len() / 2).copied().ok_or_else(|| "no round was asked for".into())
}

fn cells(case: Case, indexes: bool, step: Step, depth: u32) -> [String; 5] {
    [
        case.to_string(),
        (if indexes { "all" } else { "none" }).to_owned(),
        format!("{:.2}", step.seconds),
        format!("{:.2}", step.cpu),
        format!("{:.1}", step.seconds / f64::from(depth) * 1e3),
    ]
}

/// Writes the other branch to a file.
fn branch(chain: &Chain, depth: u32, work: &Path) -> Result<Branch, Failure> {
    let fork = chain.blocks.checked_sub(depth).ok_or("the chain is shorter than the branch")?;
    let spec = Arc::new(presets::regtest());
    let mut tree = HeaderTree::new(Arc::clone(&spec));
    let mut tip = tree.genesis();
    let file = chain::beside(work, &chain.file, &format!("branch-{depth}"));
    let mut out = BufWriter::new(File::create(&file)?);
    let mut transactions = 0;
    for (height, record) in (0_u32..).zip(Records::open(&chain.file)?).skip(1) {
        let record = record?;
        let mut header = record.header();
        if height > fork {
            let block = sibling(Block::from_bytes(record.block())?, tree.hash(tip));
            header = block.header;
            transactions += block.transactions.len() as u64;
            write_block(&mut out, spec.network.magic, &block)?;
        }
        tip = tree.insert(header, header.time)?.id;
    }
    let time = tree.header(tip).time.saturating_add(600);
    let last = Draft::new(spec.clone(), tree.next_block(tip, time)).seal();
    write_block(&mut out, spec.network.magic, &last)?;
    out.flush()?;
    Ok(Branch { file, tip: last.hash(), transactions })
}

/// The same payments on another parent, under a coinbase that differs in the last byte of its script.
fn sibling(mut block: Block, parent: BlockHash) -> Block {
    let coinbase = &block.transactions[0];
    let mut input = coinbase.inputs()[0].clone();
    let mut script = input.script_sig.as_bytes().to_vec();
    if let Some(last) = script.last_mut() {
        *last ^= 1;
    }
    input.script_sig = Script::from_bytes(script);
    let changed =
        Transaction::new(coinbase.version(), vec![input], coinbase.outputs().to_vec(), coinbase.lock_time());
    block.transactions[0] = changed;
    block.header.prev = parent;
    reseal(block)
}

fn write_block(out: &mut impl Write, magic: [u8; 4], block: &Block) -> Result<(), Failure> {
    let bytes = block.to_bytes();
    out.write_all(&magic)?;
    out.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
    Ok(out.write_all(&bytes)?)
}

/// The bytes of all blocks of a branch, lowest first.
pub(crate) fn blocks(file: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let records = Records::open(file)?;
    records.map(|record| Ok(record?.block().to_vec())).collect()
}
