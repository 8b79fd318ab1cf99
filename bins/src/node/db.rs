//! `cairn-node db`: the data of a node that is not running.

use std::time::Instant;

use cairn_chainstate::check::{Depth, IndexState, Progress, Report, Stats, Task};
use cairn_chainstate::convert::{ConvertProgress, ConvertStep, Converted};
use cairn_chainstate::{ChainStateError, CoinStats, Engine, IndexKind, SupplyStats};
use cairn_node::{NodeError, db};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Place, PlaceArgs};
use crate::output::line;
use crate::{Failure, output};

/// What `cairn-node db` can do.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Check blocks, undo data, coins and indexes, and name what is damaged; changes nothing.
    Check {
        /// Also work the coins and indexes out again and compare them.
        #[arg(long)]
        deep: bool,
        /// Where, and how it is printed.
        #[command(flatten)]
        args: DbArgs,
    },
    /// Show heights, sizes, and what the coins add up to.
    Stats {
        /// Where, and how it is printed.
        #[command(flatten)]
        args: DbArgs,
    },
    /// Make coins, indexes and damaged undo data again from the block files.
    Rebuild {
        /// Where, and how it is printed.
        #[command(flatten)]
        args: DbArgs,
    },
    /// Give the stores another engine.
    Convert {
        /// The engine: sled or fjall.
        #[arg(long, value_name = "sled|fjall")]
        to: Engine,
        /// Where, and how it is printed.
        #[command(flatten)]
        args: DbArgs,
    },
    /// Show or drop indexes.
    #[command(subcommand)]
    Index(IndexCommand),
}

/// What `cairn-node db index` can do.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Show the indexes on disk and how far each has come.
    List {
        /// Where, and how it is printed.
        #[command(flatten)]
        args: DbArgs,
    },
    /// Delete an index from disk; a node that is started with it switched on makes it anew.
    Drop {
        /// Which one.
        #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(IndexKind::NAMES).map(|name| index(&name)))]
        index: IndexKind,
        /// Where, and how it is printed.
        #[command(flatten)]
        args: DbArgs,
    },
}

fn index(name: &str) -> IndexKind {
    name.parse().expect("one of the names that are taken")
}

/// The arguments each of them has.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// Which chain, and where its data is.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Does what the command says.
///
/// # Errors
/// As [`check`], [`stats`], [`rebuild`] and [`convert`].
pub fn run(command: DbCommand) -> Result<(), Failure> {
    match command {
        DbCommand::Check { deep, args } => check(args.place.place(), deep, args.json),
        DbCommand::Stats { args } => stats(args.place.place(), args.json),
        DbCommand::Rebuild { args } => rebuild(args.place.place(), args.json),
        DbCommand::Convert { to, args } => convert(args.place.place(), to, args.json),
        DbCommand::Index(IndexCommand::List { args }) => list_indexes(args.place.place(), args.json),
        DbCommand::Index(IndexCommand::Drop { index, args }) => {
            drop_index(args.place.place(), index, args.json)
        }
    }
}

/// Checks the data, and names each damaged place.
///
/// # Errors
/// A bad setting (exit code 2); no data, data in use, data that cannot be looked into, and damage (1).
pub fn check(place: Place, deep: bool, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let bar = progress_bar();
    let depth = if deep { Depth::Full } else { Depth::Records };
    let outcome = db::check(&config, depth, |progress| show(&bar, progress));
    bar.finish_and_clear();
    let report = outcome?;
    let damaged = report.damaged;
    match json {
        true => output::json(&report_json(report))?,
        false => print_report(report, deep),
    }
    match damaged {
        0 => Ok(()),
        1 => Err(Failure::new(format!("one place is damaged; {ADVICE}"))),
        places => Err(Failure::new(format!("{places} places are damaged; {ADVICE}"))),
    }
}

/// What to do about damage.
const ADVICE: &str = "`cairn-node db rebuild` makes coins, indexes and undo data again; a damaged block must come from elsewhere";

/// Prints heights, sizes and the sums of the coins.
///
/// # Errors
/// A bad setting (exit code 2); no data, data in use, and data that cannot be read (1).
pub fn stats(place: Place, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let stats = db::stats(&config)?;
    match json {
        true => output::json(&stats_json(&stats)),
        false => {
            print_stats(&stats, config.spec.chain.decimals);
            Ok(())
        }
    }
}

/// Prints the indexes on disk and how far each has come.
///
/// # Errors
/// As [`stats`].
pub fn list_indexes(place: Place, json: bool) -> Result<(), Failure> {
    let indexes = db::indexes(&place.configure()?)?;
    if json {
        return output::json(&json!({ "indexes": indexes_json(&indexes) }));
    }
    print_indexes(&indexes);
    Ok(())
}

/// Deletes an index.
///
/// # Errors
/// As [`stats`].
pub fn drop_index(place: Place, index: IndexKind, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let bar = ProgressBar::new_spinner();
    let rows = db::drop_index(&config, index, |rows| bar.set_message(format!("{rows} rows")))?;
    bar.finish_and_clear();
    if json {
        return output::json(&json!({ "index": index.name(), "rows": rows }));
    }
    line(format_args!("the {index} index is gone: {rows} rows"));
    Ok(())
}

/// Makes coins, indexes and damaged undo data again from the block files.
///
/// # Errors
/// A bad setting (exit code 2); no data, data in use, and a block that cannot be read, with file and offset (1).
pub fn rebuild(place: Place, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let bar = progress_bar();
    let start = Instant::now();
    let outcome = db::rebuild(&config, |progress| show(&bar, progress));
    bar.finish_and_clear();
    let rebuilt = outcome?;
    let (tip, seconds) = (rebuilt.tip, start.elapsed().as_secs_f64());
    if json {
        return output::json(&json!({
            "height": tip.height.to_u32(),
            "tip": tip.hash.to_string(),
            "undo_repaired": rebuilt.undo_repaired,
            "from_block_files": rebuilt.from_block_files,
            "seconds": seconds,
        }));
    }
    if rebuilt.from_block_files {
        line(format_args!(
            "headers and events were lost and made again from the block files; events begin at 1 anew"
        ));
    }
    if rebuilt.undo_repaired > 0 {
        line(format_args!("{} damaged undo records made again", rebuilt.undo_repaired));
    }
    line(format_args!("rebuilt to height {} at {} in {seconds:.1} s", tip.height, tip.hash));
    Ok(())
}

/// Gives the stores another engine.
///
/// # Errors
/// A bad setting (exit code 2); no data, data in use, an engine that is not built in, and a copy that differs (1).
pub fn convert(place: Place, to: Engine, json: bool) -> Result<(), Failure> {
    let config = place.configure()?;
    let bar = progress_bar();
    let start = Instant::now();
    let outcome = db::convert(&config, to, |progress| show_convert(&bar, progress));
    bar.finish_and_clear();
    let Converted { from, to, stores } = outcome?;
    let (rows, seconds) =
        (stores.iter().map(|(_, rows)| rows.count).sum::<u64>(), start.elapsed().as_secs_f64());
    if json {
        let rows: serde_json::Map<_, _> =
            stores.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows.count))).collect();
        return output::json(&json!({
            "from": from.name(), "to": to.name(), "rows": rows, "seconds": seconds,
        }));
    }
    match from == to {
        true => line(format_args!("the stores have the engine {to} already")),
        false => line(format_args!("{} rows taken from {from} to {to} in {seconds:.1} s", HumanCount(rows))),
    }
    Ok(())
}

fn print_report(report: Report, deep: bool) {
    line(format_args!("tip      {} at {}", report.tip.height, report.tip.hash));
    line(format_args!(
        "records  {} blocks, {} undo, {} headers",
        HumanCount(report.blocks),
        HumanCount(report.undo),
        HumanCount(report.headers)
    ));
    if report.unsaved_bytes > 0 {
        let bytes = HumanBytes(report.unsaved_bytes);
        line(format_args!("         {bytes} behind the last commit, for the next start"));
    }
    print_coins(report.coins.as_ref(), report.coins_at.0.to_u32());
    print_indexes(&report.indexes);
    let more = report.damaged - report.damage.len() as u64;
    for damage in report.damage {
        line(format_args!("damaged: {}", text(damage)));
    }
    if more > 0 {
        line(format_args!("damaged: {} more", HumanCount(more)));
    }
    if let Some(height) = report.pruned {
        line(format_args!(
            "pruned   blocks up to height {height}, so coins and indexes cannot be worked out from them again"
        ));
    } else if report.damaged == 0 && deep {
        line("coins and indexes are those that the blocks make");
    } else if report.damaged == 0 {
        line("every record is whole; --deep compares coins and indexes with them");
    }
}

fn print_stats(stats: &Stats, decimals: u8) {
    line(format_args!("tip      {} at {}", stats.tip.height, stats.tip.hash));
    line(format_args!("blocks   {}, {} headers", HumanCount(stats.blocks), HumanCount(stats.headers)));
    if let Some(height) = stats.pruned {
        line(format_args!("pruned   blocks up to height {height}"));
    }
    print_coins(stats.coins.as_ref(), stats.coins_at.0.to_u32());
    if let Some(coins) = &stats.coins {
        line(format_args!("         worth {}", coins.total_amount.display(decimals)));
    }
    print_indexes(&stats.indexes);
    if let Some(SupplyStats { coins, total_subsidy, unspendable }) = &stats.supply {
        let [issued, circulating, genesis, bip30, scripts, unclaimed] = [
            *total_subsidy,
            coins.total_amount,
            unspendable.genesis,
            unspendable.bip30,
            unspendable.scripts,
            unspendable.unclaimed,
        ]
        .map(|amount| amount.display(decimals));
        line(format_args!("supply   {issued} issued, {circulating} in coins at height {}", coins.height));
        line(format_args!(
            "         never to be spent: genesis {genesis}, overwritten {bip30}, scripts {scripts}, unclaimed {unclaimed}"
        ));
    }
    let sizes = &stats.sizes;
    let named = [
        ("blocks", sizes.blocks),
        ("undo", sizes.undo),
        ("chain", sizes.chain),
        ("coins", sizes.coins),
        ("index", sizes.index),
    ];
    let named = named.map(|(name, bytes)| format!("{name} {}", HumanBytes(bytes)));
    line(format_args!("disk     {}", named.join(", ")));
}

fn print_coins(coins: Option<&CoinStats>, height: u32) {
    match coins {
        Some(coins) => {
            line(format_args!("coins    {} at height {height}", HumanCount(coins.coins)));
            line(format_args!("         muhash {}", coins.muhash));
        }
        None => line("coins    between two heights: the next start finishes their flush"),
    }
}

fn print_indexes(indexes: &[IndexState]) {
    for state in indexes {
        let behind = match state.status.behind() {
            0 => String::new(),
            events => format!(", {} events behind", HumanCount(events)),
        };
        line(format_args!("index    {} at height {}{behind}", state.index, state.status.height));
    }
}

fn report_json(report: Report) -> Value {
    let damage = |damage: ChainStateError| {
        let place = damage.place().map(|(path, offset)| (path.display().to_string(), offset));
        let (file, offset) = place.unzip();
        json!({ "file": file, "offset": offset, "error": text(damage) })
    };
    json!({
        "ok": report.damaged == 0,
        "height": report.tip.height.to_u32(),
        "tip": report.tip.hash.to_string(),
        "headers": report.headers,
        "blocks": report.blocks,
        "undo": report.undo,
        "pruned_height": report.pruned.map(|height| height.to_u32()),
        "unsaved_bytes": report.unsaved_bytes,
        "coins": coins_json(report.coins.as_ref()),
        "indexes": indexes_json(&report.indexes),
        "damaged": report.damaged,
        "damage": report.damage.into_iter().map(damage).collect::<Vec<_>>(),
    })
}

fn stats_json(stats: &Stats) -> Value {
    let supply = stats.supply.as_ref().map(|supply| {
        json!({
            "height": supply.coins.height.to_u32(),
            "coins": coins_json(Some(&supply.coins)),
            "total_subsidy": supply.total_subsidy.to_sat(),
            "unspendable": {
                "genesis_block": supply.unspendable.genesis.to_sat(),
                "bip30": supply.unspendable.bip30.to_sat(),
                "scripts": supply.unspendable.scripts.to_sat(),
                "unclaimed_rewards": supply.unspendable.unclaimed.to_sat(),
            },
        })
    });
    let sizes = &stats.sizes;
    json!({
        "height": stats.tip.height.to_u32(),
        "tip": stats.tip.hash.to_string(),
        "headers": stats.headers,
        "blocks": stats.blocks,
        "pruned_height": stats.pruned.map(|height| height.to_u32()),
        "coins": coins_json(stats.coins.as_ref()),
        "indexes": indexes_json(&stats.indexes),
        "supply": supply,
        "bytes": {
            "blocks": sizes.blocks, "undo": sizes.undo, "chain": sizes.chain, "coins": sizes.coins, "index": sizes.index,
        },
    })
}

/// With the names of Core's `gettxoutsetinfo`; amounts in the smallest unit.
fn coins_json(coins: Option<&CoinStats>) -> Value {
    coins.map_or(Value::Null, |coins| {
        json!({
            "height": coins.height.to_u32(),
            "bestblock": coins.hash.to_string(),
            "txouts": coins.coins,
            "bogosize": coins.bogosize,
            "muhash": coins.muhash.to_string(),
            "total_amount": coins.total_amount.to_sat(),
        })
    })
}

fn indexes_json(indexes: &[IndexState]) -> Value {
    let entry = |state: &IndexState| {
        json!({
            "index": state.index.to_string(),
            "height": state.status.height.to_u32(),
            "hash": state.status.hash.to_string(),
            "name": state.index.name(),
            "event": state.status.last_event.to_u64(),
            "target": state.status.target.to_u64(),
        })
    };
    indexes.iter().map(entry).collect()
}

/// An error and its causes in one line.
fn text(error: ChainStateError) -> String {
    Failure::from(NodeError::from(error)).message().to_owned()
}

fn show(bar: &ProgressBar, Progress { task, done, total }: Progress) {
    bar.set_length(total);
    bar.set_position(done);
    bar.set_message(match task {
        Task::Records => "records",
        Task::Coins => "coins",
        Task::Indexes => "indexes",
    });
}

fn show_convert(bar: &ProgressBar, ConvertProgress { store, step, done, total }: ConvertProgress) {
    bar.set_length(total.max(done));
    bar.set_position(done);
    bar.set_message(match step {
        ConvertStep::Count => format!("counting {store}"),
        ConvertStep::Copy => format!("copying {store}"),
        ConvertStep::Verify => format!("comparing {store}"),
    });
}

fn progress_bar() -> ProgressBar {
    let template = "{bar:30} {percent:>3} %  {msg}  {human_pos} of {human_len}  ETA {eta}";
    ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(template).expect("the template is well-formed"))
}
