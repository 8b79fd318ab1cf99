//! A full check of mainnet's block 413,567: decoding, every rule, every script, on one thread and on all cores.
//!
//! The outputs it spends are not among the data, but nearly all that matters of them is in the block: each input holds the
//! key or the script whose hash its output names, and signatures of that age commit to no amount. So outputs with
//! those hashes stand in, with amounts that cover what is paid, and every signature of the real block is checked for what
//! it really signs. An output whose form cannot be told that way ends the bench.

#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints a table")]

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use cairn_benches::{cpu_seconds, data};
use cairn_consensus::{Outside, ScriptChecks, check_block, connect_outside};
use cairn_params::presets;
use cairn_primitives::{
    Amount, Block, Coin, Decode, Height, Instruction, OutPoint, Script, Transaction, TxOut, hash,
};

const HEIGHT: u32 = 413_567;

fn main() {
    let Some(bytes) = data("full block", &format!("blocks/mainnet-{HEIGHT}.bin")) else { return };
    let block = Block::from_bytes(&bytes).expect("the data is real");
    let coins = coins(&block);
    // `cargo bench` says so; anything else only wants to see that the bench works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 5 } else { 1 };
    let back_end = if cfg!(feature = "libsecp256k1") { "libsecp256k1" } else { "k256" };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    println!("block {HEIGHT}, {back_end}, medians of {rounds} rounds");
    for threads in [1, cores] {
        let mut results: Vec<Measured> = (0..rounds).map(|_| check(&bytes, &coins, threads)).collect();
        results.sort_by(|a, b| a.scripts.total_cmp(&b.scripts));
        let Measured { inputs, scripts, wall, .. } = results[rounds / 2];
        // Too short for the system's count of processor time; the least is the one nothing else interrupted.
        let rules = results.iter().map(|result| result.rules).fold(f64::INFINITY, f64::min);
        let each = rules + scripts / threads as f64;
        println!(
            "{threads} threads: {inputs} inputs; rules {:.1} ms; all {:.1} ms of processor time a thread, {:.0} inputs/s; \
             {:.1} ms on the wall",
            rules * 1e3,
            each * 1e3,
            inputs as f64 / each,
            wall * 1e3
        );
    }
}

/// Seconds.
#[derive(Clone, Copy)]
struct Measured {
    inputs: usize,
    /// Everything but the scripts, on one thread and on the wall.
    rules: f64,
    /// Processor time of all threads together.
    scripts: f64,
    /// All of it on the wall.
    wall: f64,
}

fn check(bytes: &[u8], coins: &HashMap<OutPoint, Coin>, threads: usize) -> Measured {
    let spec = presets::bitcoin();
    let start = Instant::now();
    let block = Block::from_bytes(bytes).expect("the data is real");
    let block = Arc::new(check_block(block, &spec).expect("a real block"));
    let outside = Outside { height: Height::new(HEIGHT), median_time_past: None };
    let connection = connect_outside(&spec, outside, block, coins).expect("a real block");
    let rules = start.elapsed().as_secs_f64();
    let scripts = run(connection.scripts(), threads);
    let wall = start.elapsed().as_secs_f64();
    let inputs = connection.scripts().inputs();
    Measured { inputs, rules, scripts, wall }
}

/// Processor time of all threads together.
fn run(scripts: &ScriptChecks, threads: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let work = || {
        let before = cpu_seconds();
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= scripts.len() {
                return cpu_seconds() - before;
            }
            scripts.run(task).expect("a real block");
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no thread panics")).sum()
    })
}

/// A coin for each output that the block spends and does not make.
fn coins(block: &Block) -> HashMap<OutPoint, Coin> {
    let made: HashSet<_> = block.transactions.iter().map(Transaction::txid).collect();
    let mut coins = HashMap::new();
    for tx in &block.transactions[1..] {
        let paid: u64 = tx.outputs().iter().map(|output| output.value.to_sat()).sum();
        let from_outside = || tx.inputs().iter().filter(|input| !made.contains(&input.previous.txid));
        for input in from_outside() {
            let script_pubkey = spent_by(&input.script_sig);
            // They pay for all outputs and leave a fee; the coinbase collects no more than these fees.
            let value = Amount::from_sat(paid / from_outside().count() as u64 + 50_000_000);
            let output = TxOut { value, script_pubkey };
            coins.insert(input.previous, Coin { output, height: Height::new(HEIGHT - 1), coinbase: false });
        }
    }
    coins
}

/// The output's script, from what unlocks it: a signature and a key, or pushes and a script.
fn spent_by(script_sig: &Script) -> Script {
    let pushes: Vec<&[u8]> = script_sig
        .instructions()
        .map(|instruction| match instruction {
            Ok(Instruction::Push { data, .. }) => data,
            _ => panic!("an input that does more than push"),
        })
        .collect();
    match pushes.as_slice() {
        [_, key] if matches!((key.len(), key[0]), (33, 2 | 3) | (65, 4)) => Script::p2pkh(hash::hash160(key)),
        [.., _, redeem_script] => Script::p2sh(hash::hash160(redeem_script)),
        _ => panic!("an input of a form whose output cannot be told"),
    }
}
