//! What must be true after a kill: nothing that was told is lost, and everything is that of its place.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use cairn_chainstate::check::{Depth, check};
use cairn_chainstate::{
    BlockFilter, ChainReader, ChainStateError, CoinStats, EventId, EventKind, IndexKind, coin_element,
    script_hash,
};
use cairn_crypto::MuHash;
use cairn_primitives::{Amount, BlockHash, Coin, Height, OutPoint, Script, Sha256d, hex};

use crate::cases::{REBUILDING, RECOVERED};
use crate::child::{Place, Worker, line};
use crate::workload::{Action, Workload};

/// Longest time that an index is waited for.
const PATIENCE: Duration = Duration::from_secs(100);

/// What the killed process had been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Events, as they were written down, by number.
    pub(crate) events: BTreeMap<u64, String>,
    /// Blocks that were taken, and whether they were durable then.
    pub(crate) blocks: Vec<(String, bool)>,
    /// Height of the highest tip told last, durable ones and others.
    pub(crate) tip: Option<(u32, bool)>,
    /// The action it was at.
    pub(crate) action: usize,
}

impl Told {
    pub(crate) fn read(place: &Place) -> Self {
        let mut told = Told::default();
        let text = std::fs::read_to_string(place.report()).unwrap_or_default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["event", id, ..] => {
                    let before = told.events.insert(id.parse().unwrap(), line.to_owned());
                    assert!(before.is_none_or(|before| before == line), "told twice, differently: {line}");
                }
                ["block", kind, hash] => told.blocks.push((hash.to_owned(), kind == "durable")),
                ["tip", kind, height] => told.tip = Some((height.parse().unwrap(), kind == "durable")),
                ["action", number] => told.action = number.parse().unwrap(),
                _ => panic!("the report holds {line}"),
            }
        }
        told
    }
}

/// Looks at what a kill left, opens it, goes on to the end of the workload, and looks again. `torn`: what was not
/// synced may be gone too.
///
/// # Panics
/// If anything is not as it must be.
pub(crate) fn verify(place: &Place, workload: &Workload, torn: bool) {
    let told = Told::read(place);
    let action = workload.actions.get(told.action);
    if told.events.is_empty() {
        // Nothing had begun that could be made anew.
        mark(REBUILDING);
    }
    // Half way through a rebuild there is nothing to look at.
    if matches!(action, Some(Action::Rebuild)) && !place.prune {
        mark(REBUILDING);
    } else {
        match check(workload.spec.clone(), &place.config(true), Depth::Records, |_| {}) {
            Ok(report) => assert_eq!(report.damaged, 0, "before the start: {:?}", report.damage),
            Err(ChainStateError::NothingThere { .. }) => assert!(told.events.is_empty()),
            Err(error) => panic!("before the start: {error:?}"),
        }
    }
    let mut worker = Worker::open(place, workload, told.action);
    let reader = worker.chain().reader();
    nothing_lost(&reader, &told, action, torn);
    consistent(&reader, workload);
    mark(RECOVERED);
    // A chain that is opened again is another one.
    drop(reader);
    worker.work(resume_at(workload, told.action, torn));
    let reader = worker.chain().reader();
    assert_eq!(reader.tip().hash, workload.best(), "the tip at the end");
    consistent(&reader, workload);
    drop(reader);
    worker.stop();
    let report = check(workload.spec.clone(), &place.config(true), Depth::Full, |_| {}).unwrap();
    assert_eq!(report.damaged, 0, "at the end: {:?}", report.damage);
    assert_eq!((report.tip.hash, report.unsaved_bytes), (workload.best(), 0));
    // Also what was told while the workload went on fits what was told before.
    Told::read(place);
}

/// Where to go on. Blocks that were taken far below the best header are not durable yet: if the end of their file is gone
/// they are given once more.
fn resume_at(workload: &Workload, action: usize, torn: bool) -> usize {
    let headers = workload.actions.iter().position(|action| matches!(action, Action::Headers));
    headers.filter(|headers| torn && action > *headers).unwrap_or(action)
}

/// Writes a line to the log of the fail points.
fn mark(line: &str) {
    if let Some(path) = std::env::var_os("CAIRN_FAILPOINT_LOG") {
        let mut log = File::options().create(true).append(true).open(path).unwrap();
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

fn nothing_lost(reader: &ChainReader, told: &Told, action: Option<&Action>, torn: bool) {
    let events: BTreeMap<u64, String> = reader
        .events(EventId::NONE)
        .map(Result::unwrap)
        .map(|event| (event.id.to_u64(), line(&event)))
        .collect();
    for (id, event) in &told.events {
        assert_eq!(events.get(id), Some(event), "an event that was told");
    }
    for (hash, durable) in &told.blocks {
        if *durable || !torn {
            let bytes: [u8; 32] = hex::decode(hash).unwrap().try_into().unwrap();
            let mut bytes = bytes;
            bytes.reverse();
            let hash = BlockHash::from_bytes(bytes);
            let pruned = reader.header(&hash).is_some_and(|info| Some(info.height) <= reader.pruned_to());
            assert!(pruned || reader.block(&hash).unwrap().is_some(), "block {hash} was taken and is gone");
        }
    }
    // Only these lead down.
    let may_fall = matches!(action, Some(Action::Invalidate(_) | Action::Reconsider(_)));
    if let Some((height, durable)) = told.tip
        && (durable || !torn)
        && !may_fall
    {
        assert!(reader.tip().height.to_u32() >= height, "the tip was at {height}");
    }
}

/// Wherever the chain stands, its coins, indexes and events are those of that place.
fn consistent(reader: &ChainReader, workload: &Workload) {
    let tip = reader.tip();
    let known = workload.known(&tip.hash).expect("a block of the workload");
    assert!(known.valid);
    assert_eq!(known.height, tip.height.to_u32());
    let coins = workload.coins(tip.hash);
    let found: BTreeMap<_, _> = reader.view().coins().unwrap().into_iter().collect();
    assert_eq!(found.len(), coins.len(), "number of coins");
    assert!(found == coins, "the coins differ");
    let stats = summed_up(&coins, tip.height, tip.hash);
    assert_eq!(reader.coin_stats().unwrap(), stats);
    follow_events(reader, workload, tip.hash);
    for index in IndexKind::ALL {
        let Ok(status) = reader.wait_for_index(index, PATIENCE) else { continue };
        assert_eq!((status.hash, status.last_event), (tip.hash, reader.last_event()), "the {index} index");
        if tip.hash == workload.genesis() {
            // A thread of its own may not have begun the index yet.
            continue;
        }
        match index {
            IndexKind::Tx => txs(reader, workload),
            IndexKind::Address => addresses(reader, workload, &coins),
            IndexKind::CoinStats => supply(reader, workload, &stats),
            IndexKind::Filter => filters(reader, workload),
        }
    }
}

fn summed_up(coins: &BTreeMap<OutPoint, Coin>, height: Height, hash: BlockHash) -> CoinStats {
    let mut set = MuHash::new();
    let (mut amount, mut bogosize) = (0, 0);
    for (outpoint, coin) in coins {
        set.insert(&coin_element(outpoint, coin));
        amount += coin.output.value.to_sat();
        bogosize += 50 + coin.output.script_pubkey.len() as u64;
    }
    let total_amount = Amount::from_sat(amount);
    CoinStats { height, hash, coins: coins.len() as u64, total_amount, bogosize, muhash: set.digest() }
}

/// Events are numbered without gaps, each from tip to tip, and lead to the tip.
fn follow_events(reader: &ChainReader, workload: &Workload, tip: BlockHash) {
    let mut at = workload.genesis();
    let mut count = 0;
    for event in reader.events(EventId::NONE).map(Result::unwrap) {
        count += 1;
        assert_eq!(event.id.to_u64(), count);
        let known = workload.known(&event.hash).expect("a block of the workload");
        assert_eq!(known.height, event.height.to_u32());
        match event.kind {
            EventKind::Connected => {
                assert_eq!(known.block.header.prev, at);
                at = event.hash;
            }
            EventKind::Disconnected => {
                assert_eq!(event.hash, at);
                at = known.block.header.prev;
            }
        }
    }
    assert_eq!((at, count), (tip, reader.last_event().to_u64()));
}

fn txs(reader: &ChainReader, workload: &Workload) {
    let mut count = 0;
    for (height, block) in (0..).zip(workload.chain(reader.tip().hash)).skip(1) {
        if Some(Height::new(height)) <= reader.pruned_to() {
            continue;
        }
        for (index, tx) in (0..).zip(&block.transactions) {
            let info = reader.tx(&tx.txid()).unwrap().expect("the chain has it");
            assert_eq!((info.height.to_u32(), info.index, info.block), (height, index, block.hash()));
            assert_eq!(info.tx, *tx);
            count += 1;
        }
    }
    assert!(count > 0 || reader.tip().height.to_u32() == 0);
}

/// What the transactions at some height and place added to a script, and what they took.
type History = BTreeMap<(u32, u32), (u64, u64)>;

/// What each script received and spent, transaction by transaction.
fn histories(workload: &Workload, tip: BlockHash) -> HashMap<Script, History> {
    let mut histories: HashMap<Script, History> = HashMap::new();
    let mut outputs = HashMap::new();
    for (height, block) in (0..).zip(workload.chain(tip)).skip(1) {
        for (index, tx) in (0..).zip(&block.transactions) {
            for input in tx.inputs() {
                if let Some((script, value)) = outputs.remove(&input.previous) {
                    let entry: &mut History = histories.entry(script).or_default();
                    entry.entry((height, index)).or_default().1 += value;
                }
            }
            for (vout, output) in (0..).zip(tx.outputs()) {
                if output.script_pubkey.is_unspendable() {
                    continue;
                }
                let (script, value) = (output.script_pubkey.clone(), output.value.to_sat());
                outputs.insert(OutPoint { txid: tx.txid(), vout }, (script.clone(), value));
                histories.entry(script).or_default().entry((height, index)).or_default().0 += value;
            }
        }
    }
    histories
}

fn addresses(reader: &ChainReader, workload: &Workload, coins: &BTreeMap<OutPoint, Coin>) {
    for (script, expected) in histories(workload, reader.tip().hash) {
        let hash = script_hash(&script);
        let own = coins.iter().filter(|(_, coin)| coin.output.script_pubkey == script);
        let own: Vec<_> = own.map(|(outpoint, _)| *outpoint).collect();
        let found = reader.address_coins(&hash).unwrap();
        assert_eq!(found.iter().map(|coin| coin.outpoint).collect::<Vec<_>>(), own);
        let history = reader.address_history(&hash, 0, usize::MAX).unwrap();
        let found = history.entries.iter().map(|entry| {
            let place = (entry.height.to_u32(), entry.index);
            (place, (entry.received.to_sat(), entry.spent.to_sat()))
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    }
}

/// Each block of the best chain has the filter of what it holds and spends, linked to the one before.
fn filters(reader: &ChainReader, workload: &Workload) {
    let mut header = Sha256d::ZERO;
    let mut scripts: HashMap<OutPoint, &Script> = HashMap::new();
    for block in workload.chain(reader.tip().hash) {
        let (hash, mut spent) = (block.hash(), Vec::new());
        for tx in &block.transactions {
            if !tx.is_coinbase() {
                spent.extend(tx.inputs().iter().map(|input| scripts[&input.previous]));
            }
            for (vout, output) in (0..).zip(tx.outputs()) {
                scripts.insert(OutPoint { txid: tx.txid(), vout }, &output.script_pubkey);
            }
        }
        let filter = BlockFilter::basic(block, spent.iter().copied());
        header = filter.header(&header);
        assert_eq!(reader.block_filter(&hash).unwrap(), Some(filter));
        assert_eq!(reader.filter_header(&hash).unwrap(), Some(header));
    }
}

fn supply(reader: &ChainReader, workload: &Workload, tip: &CoinStats) {
    let mut issued = 0;
    for (height, block) in (0..).map(Height::new).zip(workload.chain(tip.hash)) {
        let stats = reader.supply_stats(height).unwrap().expect("the index has reached the tip");
        assert_eq!((stats.coins.height, stats.coins.hash), (height, block.hash()));
        issued += reader.spec().subsidy.at(height).to_sat();
        assert_eq!(stats.total_subsidy.to_sat(), issued);
    }
    assert_eq!(reader.supply_stats(tip.height).unwrap().unwrap().coins, *tip);
    assert_eq!(reader.supply_stats(tip.height.next()).unwrap(), None);
    let below = Height::new(tip.height.to_u32() * 2 / 3);
    let hash = reader.block_hash_at(below).unwrap();
    let expected = summed_up(&workload.coins(hash), below, hash);
    assert_eq!(reader.supply_stats(below).unwrap().unwrap().coins, expected);
}
