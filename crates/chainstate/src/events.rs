//! What happened to the best chain, numbered and durable.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use cairn_consensus::Undo;
use cairn_primitives::{Block, BlockHash, Coin, Height, OutPoint};
use cairn_store::Entries;
use crossbeam_channel::{Receiver, Sender};

use crate::error::ChainStateError;
use crate::layout::EventRow;

/// Number of an event. The first is 1; each following one is one higher, across restarts and crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u64);

impl EventId {
    /// Before the first event: what a reader that has seen nothing resumes from.
    pub const NONE: Self = Self(0);

    /// The event with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It became the tip.
    Connected,
    /// It was the tip and was taken off; its parent is the tip.
    Disconnected,
}

/// One step of the best chain, from tip to tip.
///
/// Following the events from number 1, starting at genesis (which has no event of its own), leads to the tip.
/// A branch that was tried and found invalid before it had more work than the tip leaves no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainEvent {
    /// Its number.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Height of the block.
    pub height: Height,
    /// The block.
    pub hash: BlockHash,
}

/// What an event did, with all that is needed to follow it or to take it back.
///
/// A consumer that keeps something of its own made from the chain saves with it the number of the last event it has
/// followed, and resumes from there.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Arc;
/// use cairn_chainstate::{ChainReader, ChainState, ChainStateError, EventId, EventKind};
/// use cairn_params::presets;
/// use cairn_primitives::{Coin, OutPoint};
///
/// /// The unspent coins, as anyone can keep them.
/// #[derive(Default)]
/// struct Coins {
///     last: Option<EventId>,
///     coins: BTreeMap<OutPoint, Coin>,
/// }
///
/// impl Coins {
///     fn follow(&mut self, reader: &ChainReader) -> Result<(), ChainStateError> {
///         for event in reader.events(self.last.unwrap_or(EventId::NONE)) {
///             let event = event?;
///             let change = reader.change(&event)?;
///             match event.kind {
///                 EventKind::Connected => {
///                     // In this order: a block may spend what it makes.
///                     self.coins.extend(change.created());
///                     change.spent().for_each(|(outpoint, _)| drop(self.coins.remove(&outpoint)));
///                 }
///                 EventKind::Disconnected => {
///                     self.coins.extend(change.spent().map(|(outpoint, coin)| (outpoint, coin.clone())));
///                     change.created().for_each(|(outpoint, _)| drop(self.coins.remove(&outpoint)));
///                 }
///             }
///             self.last = Some(event.id);
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), ChainStateError> {
/// let chain = ChainState::in_memory(Arc::new(presets::dev()));
/// let mut coins = Coins::default();
/// coins.follow(&chain.reader())?;
/// assert_eq!(coins.coins.len() as u64, chain.reader().coin_stats()?.coins);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The event.
    pub event: ChainEvent,
    /// The block that was put on or taken off.
    pub block: Block,
    /// The coins that its transactions spent, the coinbase left out, each in the order of its inputs.
    pub undo: Undo,
}

impl Change {
    /// The coins that the block spends, also those it makes itself.
    pub fn spent(&self) -> impl Iterator<Item = (OutPoint, &Coin)> {
        let inputs = self.block.transactions.iter().skip(1).flat_map(|tx| tx.inputs());
        let coins = self.undo.txs.iter().flat_map(|tx| &tx.coins);
        inputs.map(|input| input.previous).zip(coins)
    }

    /// The coins that the block makes, also those it spends itself. Outputs that nobody can spend are none. Where one of the
    /// blocks that BIP30 excepts repeats a coinbase, its coins take the place of older ones, which come back to nobody when
    /// the block is taken off.
    pub fn created(&self) -> impl Iterator<Item = (OutPoint, Coin)> {
        let height = self.event.height;
        self.block.transactions.iter().flat_map(move |tx| {
            let (txid, coinbase) = (tx.txid(), tx.is_coinbase());
            let outputs = (0..).zip(tx.outputs());
            let spendable = outputs.filter(|(_, output)| !output.script_pubkey.is_unspendable());
            spendable.map(move |(vout, output)| {
                (OutPoint { txid, vout }, Coin { output: output.clone(), height, coinbase })
            })
        })
    }
}

/// Events a subscriber may leave unread. One that falls further behind loses its subscription and not the
/// events: they are durable, and it goes on with `events(since)`.
pub const SUBSCRIPTION_BUFFER: usize = 4096;

/// Hands events to whoever subscribed.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    subscribers: Mutex<Vec<Sender<ChainEvent>>>,
}

impl Hub {
    pub(crate) fn subscribe(&self) -> Receiver<ChainEvent> {
        let (sender, receiver) = crossbeam_channel::bounded(SUBSCRIPTION_BUFFER);
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Never waits: a subscriber that has no room, or is gone, is dropped.
    pub(crate) fn publish(&self, events: &[ChainEvent]) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| events.iter().all(|event| subscriber.try_send(*event).is_ok()));
    }
}

/// Durable events in order, up to the last one there was when the walk began.
#[derive(Debug)]
pub struct Events {
    pub(crate) rows: Entries<u64, EventRow>,
}

impl Iterator for Events {
    type Item = Result<ChainEvent, ChainStateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        Some(row.map(|(id, row)| row.numbered(id)).map_err(ChainStateError::Store))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64) -> ChainEvent {
        let (kind, height) = (EventKind::Connected, Height::new(id as u32));
        ChainEvent { id: EventId::new(id), kind, height, hash: BlockHash::ZERO }
    }

    #[test]
    fn a_subscriber_keeps_its_place_up_to_the_buffer_and_loses_it_past_it() {
        let hub = Hub::default();
        let (patient, slow) = (hub.subscribe(), hub.subscribe());
        let events: Vec<_> = (1..=SUBSCRIPTION_BUFFER as u64).map(event).collect();
        hub.publish(&events);
        assert_eq!(patient.try_iter().collect::<Vec<_>>(), events);
        hub.publish(&[event(events.len() as u64 + 1)]);
        assert_eq!(patient.try_iter().count(), 1);
        assert_eq!(slow.iter().count(), SUBSCRIPTION_BUFFER, "ends because the sender is gone");
        assert_eq!(hub.subscribers.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_dropped_subscriber_is_forgotten() {
        let hub = Hub::default();
        drop(hub.subscribe());
        hub.publish(&[event(1)]);
        assert!(hub.subscribers.lock().unwrap().is_empty());
    }
}
