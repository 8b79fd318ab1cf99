//! The work of a coin store: coins in random order, then blocks that each spend some and make as many.
//!
//! `cargo run --release -p cairn-store --features fjall --example coins -- ENGINE COINS [CACHE_MIB]` prints coins a second,
//! blocks a second, processor seconds, the most memory and the bytes on disk.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use cairn_store::{Batch, Engine, Store, StoreError, StoreOptions, Table, TableDef};

const COINS: TableDef<[u8; 36], Vec<u8>> = TableDef::new(1, "coins");

/// Blocks, and the coins each of them spends and makes.
const BLOCKS: u64 = 200;
const BLOCK_COINS: u64 = 2500;

/// Blocks between two syncs.
const SYNC_EVERY: u64 = 50;

/// The key of a coin: the same for the same number, and in no order.
fn key(number: u64) -> [u8; 36] {
    let mut state = number;
    let mut key = [0; 36];
    for chunk in key.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
    }
    key
}

/// Commits operations in batches that are as large as they may be.
struct Writer<'a> {
    store: &'a Store,
    table: &'a Table<[u8; 36], Vec<u8>>,
    batch: Batch,
}

impl Writer<'_> {
    fn put(&mut self, number: u64) -> Result<(), StoreError> {
        self.batch.put(self.table, &key(number), &key(!number)[..33].to_vec())?;
        self.commit_when_full()
    }

    fn delete(&mut self, number: u64) -> Result<(), StoreError> {
        self.batch.delete(self.table, &key(number))?;
        self.commit_when_full()
    }

    fn commit_when_full(&mut self) -> Result<(), StoreError> {
        if self.batch.room() == 0 { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit(std::mem::take(&mut self.batch))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [engine, coins, cache @ ..] = arguments.as_slice() else {
        return Err("ENGINE COINS [CACHE_MIB]".into());
    };
    let engine: Engine = engine.parse()?;
    let coins: u64 = coins.parse()?;
    let mib: u64 = cache.first().map_or(Ok(64), |mib| mib.parse())?;
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path(), StoreOptions { engine, cache_bytes: mib << 20 })?;
    let table = store.table(COINS)?;
    let mut writer = Writer { store: &store, table: &table, batch: Batch::new() };

    let start = Instant::now();
    (0..coins).try_for_each(|number| writer.put(number))?;
    writer.commit()?;
    store.sync()?;
    let load = coins as f64 / start.elapsed().as_secs_f64();

    let (start, mut next) = (Instant::now(), coins);
    for block in 1..=BLOCKS {
        for spent in 0..BLOCK_COINS {
            // Any coin of those loaded, each once.
            let number = (block * BLOCK_COINS + spent).wrapping_mul(2_654_435_761) % coins;
            if table.get(&key(number))?.is_some() {
                writer.delete(number)?;
            }
            writer.put(next)?;
            next += 1;
        }
        writer.commit()?;
        if block % SYNC_EVERY == 0 {
            store.sync()?;
        }
    }
    let blocks = BLOCKS as f64 / start.elapsed().as_secs_f64();
    println!(
        "{engine}: {load:.0} coins/s, {blocks:.1} blocks/s, {:.1} CPU s, {} MB at most, {} MB on disk",
        processor_seconds()?,
        peak_memory()? / 1000,
        disk(dir.path())? / 1_000_000,
    );
    Ok(())
}

/// User and system time of this process, where Linux tells it in hundredths.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// The most memory this process had, kB.
fn peak_memory() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}

/// Bytes taken by the files below `path`, without holes.
fn disk(path: &Path) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { disk(&entry.path())? } else { taken(&data) };
    }
    Ok(bytes)
}

#[cfg(unix)]
fn taken(data: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(data) * 512
}

#[cfg(not(unix))]
fn taken(data: &std::fs::Metadata) -> u64 {
    data.len()
}
