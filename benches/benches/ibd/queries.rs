//! How long answers out of the indexes take.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_chainstate::{ChainReader, ChainState, ChainStateConfig, IndexKind, import, script_hash};
use cairn_params::presets;
use cairn_primitives::{Block, Decode, Sha256, Txid};

use crate::Failure;
use crate::args::QueryArgs;
use crate::chain::{self, Chain};
use crate::import::case_dir;
use crate::ours::{StoreName, now};
use crate::records::Records;
use crate::table::print_cells;

/// What is asked for.
struct Targets {
    txids: Vec<Txid>,
    /// Scripts of outputs drawn from all.
    random: Vec<Sha256>,
    /// The scripts that most outputs pay to, with their number.
    busy: Vec<(Sha256, u32)>,
}

/// Scripts that count as busy.
const BUSY: usize = 16;

/// The indexes are built beside the import; longer than this they must not lag.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Transactions on a page of a history.
const PAGE: usize = 50;

const HEAD: [&str; 7] = ["store", "question", "asked", "p50 us", "p99 us", "most us", "answers of"];

/// Builds the indexes over the chain in each store, asks, and prints what it took.
pub(crate) fn run(args: &QueryArgs) -> Result<(), Failure> {
    let work = chain::work_dir(&args.chain)?;
    let chain = chain::prepare(&args.chain, &work)?;
    eprintln!("drawing questions");
    let targets = draw(&chain, args.asked)?;
    let mut rows = Vec::new();
    for store in &args.stores {
        let dir = case_dir(&work);
        eprintln!("building the indexes on {store}");
        let asked = ask(&chain, &targets, *store, args, &dir);
        fs::remove_dir_all(&dir)?;
        rows.extend(asked?);
    }
    println!(
        "{} blocks, {} transactions; the busiest script is paid {} times\n",
        chain.blocks,
        chain.transactions,
        targets.busy.first().map_or(0, |(_, paid)| *paid)
    );
    print_cells(&HEAD, &rows, args.markdown);
    Ok(())
}

/// Numbers that look random: the generator SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Goes through all blocks once: one output and one transaction in so many are kept, at random, and every script is counted.
fn draw(chain: &Chain, asked: usize) -> Result<Targets, Failure> {
    let mut rng = Dice(1);
    let (mut txids, mut random) = (Vec::new(), Vec::new());
    let mut paid: HashMap<Sha256, u32> = HashMap::new();
    // A transaction has some two outputs; more are drawn than asked, then cut to size.
    let one_in = (chain.transactions / (2 * asked as u64)).max(1);
    for record in Records::open(&chain.file)?.skip(1) {
        let block = Block::from_bytes(record?.block())?;
        for tx in &block.transactions {
            if rng.below(one_in) == 0 {
                txids.push(tx.txid());
            }
            for output in tx.outputs() {
                let script = script_hash(&output.script_pubkey);
                *paid.entry(script).or_default() += 1;
                if rng.below(one_in) == 0 {
                    random.push(script);
                }
            }
        }
    }
    let mut busy: Vec<(Sha256, u32)> = paid.into_iter().filter(|(_, paid)| *paid > 1).collect();
    busy.sort_unstable_by_key(|(script, paid)| (std::cmp::Reverse(*paid), *script));
    busy.truncate(BUSY);
    shuffle(&mut txids, &mut rng);
    shuffle(&mut random, &mut rng);
    txids.truncate(asked);
    random.truncate(asked);
    Ok(Targets { txids, random, busy })
}

fn shuffle<T>(items: &mut [T], rng: &mut Dice) {
    for at in (1..items.len()).rev() {
        items.swap(at, rng.below(at as u64 + 1) as usize);
    }
}

fn ask(
    chain: &Chain,
    targets: &Targets,
    store: StoreName,
    args: &QueryArgs,
    dir: &Path,
) -> Result<Vec<[String; 7]>, Failure> {
    let config = ChainStateConfig {
        engine: Some(store.engine()),
        cache_bytes: args.means.cache << 20,
        script_threads: args.means.threads,
        txindex: true,
        addrindex: true,
        ..ChainStateConfig::new(dir)
    };
    let mut spec = presets::regtest();
    spec.assume.assumed_valid = Some(chain.tip);
    let spec = Arc::new(spec);
    let mut state = ChainState::open(Arc::clone(&spec), &config)?;
    let go_on = |_| ControlFlow::Continue(());
    import::headers(&mut state, std::slice::from_ref(&chain.headers), now(), go_on)?;
    import::blocks(&mut state, std::slice::from_ref(&chain.file), now(), |_| ControlFlow::Continue(()))?;
    caught_up(&state.reader(), chain)?;
    state.close()?;
    // What is asked was not just written.
    let state = ChainState::open(spec, &config)?;
    let reader = state.reader();
    caught_up(&reader, chain)?;
    let rows = rows(&reader, targets)?;
    Ok(rows.into_iter().map(|row| row.cells(store)).collect())
}

/// Waits until both indexes have reached the chain's last block.
fn caught_up(reader: &ChainReader, chain: &Chain) -> Result<(), Failure> {
    for index in [IndexKind::Tx, IndexKind::Address] {
        if reader.wait_for_index(index, LONGEST_WAIT)?.hash != chain.tip {
            return Err(format!("the {index} index has not reached the tip").into());
        }
    }
    Ok(())
}

/// The times of one question.
struct Row {
    question: &'static str,
    times: Vec<Duration>,
    /// Sum of what came back: transactions, coins.
    answers: u64,
}

impl Row {
    fn cells(mut self, store: StoreName) -> [String; 7] {
        self.times.sort_unstable();
        let count = self.times.len();
        let at = |part: usize| {
            let time = self.times.get((count * part / 1000).min(count.saturating_sub(1)));
            time.map_or("-".to_owned(), |time| format!("{:.0}", time.as_secs_f64() * 1e6))
        };
        let mean = self.answers as f64 / count.max(1) as f64;
        let question = self.question.to_owned();
        [store.to_string(), question, count.to_string(), at(500), at(990), at(1000), format!("{mean:.1}")]
    }
}

/// Asks the same of each target; the answer's size is counted, so that no answer is left out.
fn timed<T>(
    question: &'static str,
    targets: impl IntoIterator<Item = T>,
    ask: impl Fn(T) -> Result<u64, Failure>,
) -> Result<Row, Failure> {
    let mut row = Row { question, times: Vec::new(), answers: 0 };
    for target in targets {
        let start = Instant::now();
        let answer = black_box(ask(target)?);
        row.times.push(start.elapsed());
        row.answers += answer;
    }
    Ok(row)
}

fn rows(reader: &ChainReader, targets: &Targets) -> Result<Vec<Row>, Failure> {
    let page = |script: &Sha256, skip: usize| -> Result<u64, Failure> {
        Ok(reader.address_history(script, skip, PAGE)?.entries.len() as u64)
    };
    let random = || targets.random.iter();
    // Each several times, in turns.
    let busy = || (0..32).flat_map(|_| &targets.busy);
    let unknown = targets.txids.iter().map(|txid| {
        let mut bytes = txid.to_bytes();
        bytes[0] ^= 1;
        Txid::from_bytes(bytes)
    });
    Ok(vec![
        timed("transaction", &targets.txids, |txid| Ok(u64::from(reader.tx(txid)?.is_some())))?,
        timed("unknown transaction", unknown, |txid| Ok(u64::from(reader.tx(&txid)?.is_some())))?,
        timed("balance, any script", random(), |script| Ok(reader.address_balance(script)?.coins))?,
        timed("page of 50, any script", random(), |script| page(script, 0))?,
        timed("coins, any script", random(), |script| Ok(reader.address_coins(script)?.len() as u64))?,
        timed("balance, busy script", busy(), |(script, _)| Ok(reader.address_balance(script)?.coins))?,
        timed("page of 50, busy script", busy(), |(script, _)| page(script, 0))?,
        timed("middle page, busy script", busy(), |(script, paid)| page(script, *paid as usize / 2))?,
        timed("coins, busy script", busy(), |(script, _)| Ok(reader.address_coins(script)?.len() as u64))?,
    ])
}
