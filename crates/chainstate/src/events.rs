//! What happened to the best chain, numbered and durable.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use cairn_primitives::{BlockHash, Height};
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
