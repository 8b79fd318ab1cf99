//! Holding a chain against the model.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_chainstate::{
    BlockFilter, ChainEvent, ChainReader, CoinStats, EventId, EventKind, IndexKind, Unspendable,
    coin_element, script_hash,
};
use cairn_consensus::HeaderTree;
use cairn_crypto::MuHash;
use cairn_primitives::{Amount, BlockHash, Coin, Height, OutPoint, Sha256d};

use crate::model::Model;

/// The chain stands where the model stands, coins and indexes included.
pub(crate) fn same(reader: &ChainReader, model: &Model) {
    assert_eq!(reader.tip().hash, model.tip(), "tip at height {}", reader.tip().height);
    consistent(reader, model);
}

/// Waits until each index that is on has read what is durable now; below a snapshot that is not validated they wait for
/// blocks.
pub(crate) fn settled(reader: &ChainReader) {
    if reader.validation().is_some() {
        return;
    }
    for &index in reader.indexes() {
        let status = reader.wait_for_index(index, Duration::from_secs(60)).unwrap();
        assert_eq!(status.behind(), 0, "{index} index");
    }
}

/// Wherever the chain stands, its coins, its indexes and its events are those of that place.
pub(crate) fn consistent(reader: &ChainReader, model: &Model) {
    settled(reader);
    let tip = reader.tip();
    let coins = model.coins(tip.hash);
    let found: BTreeMap<_, _> = reader.view().coins().unwrap().into_iter().collect();
    assert_eq!(found.len(), coins.len(), "number of coins");
    assert!(found == coins, "coins differ at height {}", tip.height);
    events(reader);
    if reader.index_status(IndexKind::Tx).is_ok_and(|status| status.hash == tip.hash) {
        txs(reader, model);
    }
    if reader.index_status(IndexKind::Address).is_ok_and(|status| status.hash == tip.hash) {
        addresses(reader, model, &coins);
    }
    if reader.indexes().contains(&IndexKind::Filter) {
        filters(reader, model);
    }
    let stats = summed_up(&coins, tip.height, tip.hash);
    assert_eq!(reader.coin_stats().unwrap(), stats, "by a walk over the coins");
    if reader.index_status(IndexKind::CoinStats).is_ok_and(|status| status.hash == tip.hash) {
        supply(reader, model, &stats);
    }
}

/// Each block of the best chain has its filter, linked to the one before; a block beside it has none.
fn filters(reader: &ChainReader, model: &Model) {
    let mut header = Sha256d::from_bytes([0; 32]);
    for height in (0..=reader.tip().height.to_u32()).map(Height::new) {
        let hash = reader.block_hash_at(height).unwrap();
        // What was pruned was looked at when it was new.
        let Some(block) = reader.block(&hash).unwrap() else { return };
        let undo = reader.undo(&hash).unwrap().unwrap_or_default();
        let spent: Vec<_> =
            undo.txs.iter().flat_map(|tx| &tx.coins).map(|coin| &coin.output.script_pubkey).collect();
        let filter = BlockFilter::basic(&block, spent.iter().copied());
        header = filter.header(&header);
        assert_eq!(reader.block_filter(&hash).unwrap(), Some(filter), "height {height}");
        assert_eq!(reader.filter_header(&hash).unwrap(), Some(header), "height {height}");
    }
    for block in model.blocks().map(|block| block.hash()) {
        let active = reader.header(&block).is_some_and(|info| info.confirmations.is_some());
        assert_eq!(reader.block_filter(&block).unwrap().is_some(), active);
    }
}

/// The sums of the coins by their definition.
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

/// The index agrees with the coins at the tip and one height below, and at each height all that was issued is
/// accounted for.
fn supply(reader: &ChainReader, model: &Model, tip: &CoinStats) {
    let top = tip.height.to_u32();
    let mut issued = 0;
    for height in (0..=top).map(Height::new) {
        let stats = reader.supply_stats(height).unwrap().expect("the index has reached the tip");
        assert_eq!((stats.coins.height, Some(stats.coins.hash)), (height, reader.block_hash_at(height)));
        issued += reader.spec().subsidy.at(height).to_sat();
        assert_eq!(stats.total_subsidy.to_sat(), issued);
        let Unspendable { genesis, bip30, scripts, unclaimed } = stats.unspendable;
        let lost: u64 = [genesis, bip30, scripts, unclaimed].map(Amount::to_sat).iter().sum();
        assert_eq!(stats.coins.total_amount.to_sat() + lost, issued);
    }
    assert_eq!(reader.supply_stats(tip.height).unwrap().unwrap().coins, *tip);
    assert_eq!(reader.supply_stats(tip.height.next()).unwrap(), None);
    let below = Height::new(top * 2 / 3);
    let hash = reader.block_hash_at(below).unwrap();
    let expected = summed_up(&model.coins(hash), below, hash);
    assert_eq!(reader.supply_stats(below).unwrap().unwrap().coins, expected);
}

fn txs(reader: &ChainReader, model: &Model) {
    let tip = reader.tip().hash;
    let txs = model.txs(tip);
    for (txid, (height, index)) in &txs {
        let info = reader.tx(txid).unwrap().expect("the chain has it");
        assert_eq!((info.tx.txid(), info.height.to_u32(), info.index), (*txid, *height, *index));
        assert_eq!(Some(info.block), reader.block_hash_at(info.height));
    }
    for block in model.blocks().skip(1) {
        for tx in block.transactions.iter().filter(|tx| !txs.contains_key(&tx.txid())) {
            assert_eq!(reader.tx(&tx.txid()).unwrap(), None);
        }
    }
}

fn addresses(reader: &ChainReader, model: &Model, coins: &BTreeMap<OutPoint, Coin>) {
    let next = reader.tip().height.to_u32() + 1;
    let maturity = reader.spec().limits.coinbase_maturity;
    for script in model.scripts() {
        let hash = script_hash(&script);
        let own = coins.iter().filter(|(_, coin)| coin.output.script_pubkey == script);
        let (mut confirmed, mut immature, mut outpoints) = (0, 0, Vec::new());
        for (outpoint, coin) in own {
            let young = coin.coinbase && coin.height.to_u32() + maturity > next;
            *(if young { &mut immature } else { &mut confirmed }) += coin.output.value.to_sat();
            outpoints.push(*outpoint);
        }
        let balance = reader.address_balance(&hash).unwrap();
        assert_eq!(balance.confirmed, Amount::from_sat(confirmed));
        assert_eq!(balance.immature, Amount::from_sat(immature));
        assert_eq!(balance.coins, outpoints.len() as u64);
        let found = reader.address_coins(&hash).unwrap();
        assert_eq!(found.iter().map(|coin| coin.outpoint).collect::<Vec<_>>(), outpoints);
        // What came and went adds up to what is left.
        let history = reader.address_history(&hash, 0, usize::MAX).unwrap();
        assert_eq!(history.total, history.entries.len() as u64);
        let received: u64 = history.entries.iter().map(|entry| entry.received.to_sat()).sum();
        let spent: u64 = history.entries.iter().map(|entry| entry.spent.to_sat()).sum();
        assert_eq!(received - spent, confirmed + immature);
        let places: Vec<_> = history.entries.iter().map(|entry| (entry.height, entry.index)).collect();
        assert!(places.is_sorted_by(|newer, older| newer > older));
    }
}

/// Events are numbered without gaps, and following them leads to the indexes' place.
pub(crate) fn events(reader: &ChainReader) -> Vec<ChainEvent> {
    settled(reader);
    let events: Vec<_> = reader.events(EventId::NONE).map(Result::unwrap).collect();
    let tip = follow(reader.view().tree(), &events);
    // Below a snapshot that is not validated the indexes wait for blocks.
    let waits = reader.validation().is_some();
    if let (Ok(status), false) = (reader.index_status(IndexKind::Tx), waits) {
        assert_eq!(tip, status.hash);
        assert_eq!(status.last_event, reader.last_event());
    }
    assert_eq!(events.len() as u64, reader.last_event().to_u64());
    events
}

fn follow(tree: &HeaderTree, events: &[ChainEvent]) -> BlockHash {
    let mut tip = tree.genesis();
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event.id.to_u64(), number);
        let block = tree.get(&event.hash).expect("events name known blocks");
        assert_eq!(tree.height(block), event.height);
        match event.kind {
            EventKind::Connected => {
                assert_eq!(tree.parent(block), Some(tip), "connects to the tip");
                tip = block;
            }
            EventKind::Disconnected => {
                assert_eq!(block, tip, "disconnects the tip");
                tip = tree.parent(block).expect("genesis stays");
            }
        }
    }
    tree.hash(tip)
}
