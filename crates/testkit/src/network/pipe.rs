//! One way of a connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::link::{FLIGHT, GIVE_UP};
use super::timeline::Timeline;
use super::wire::{End, WireEvent};

/// What may come over the wire.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Bytes(Vec<u8>),
    /// Nothing follows.
    End,
}

impl Payload {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::End => 0,
        }
    }
}

#[derive(Debug)]
struct Frame {
    payload: Payload,
    sent: usize,
    block: bool,
}

/// One way of a connection.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    waiting: VecDeque<Frame>,
    pub(super) waiting_bytes: usize,
    /// Bytes sent and not yet read.
    pub(super) under_way: usize,
    pub(super) next_number: u64,
    pub(super) busy_until: Duration,
    pub(super) last_arrival: Duration,
    /// What did not get through, and since when nothing does.
    pub(super) lost: BTreeMap<u64, Payload>,
    pub(super) stalled: Option<Duration>,
    pub(super) broken: bool,
}

/// Some bytes of one frame.
pub(super) struct Flight {
    pub(super) payload: Payload,
    /// Length of the frame if this is the end of it.
    pub(super) frame: Option<usize>,
    pub(super) block: bool,
}

impl Pipe {
    pub(super) fn wait(&mut self, payload: Payload, block: bool) {
        self.waiting_bytes += payload.len();
        self.waiting.push_back(Frame { payload, sent: 0, block });
    }

    pub(super) fn take_flight(&mut self) -> Option<Flight> {
        let frame = self.waiting.front_mut()?;
        let block = frame.block;
        let Payload::Bytes(bytes) = &frame.payload else {
            self.waiting.pop_front();
            return Some(Flight { payload: Payload::End, frame: None, block });
        };
        let (total, from) = (bytes.len(), frame.sent);
        let until = total.min(from + FLIGHT);
        let part = bytes[from..until].to_vec();
        frame.sent = until;
        self.waiting_bytes -= part.len();
        if until == total {
            self.waiting.pop_front();
        }
        Some(Flight { payload: Payload::Bytes(part), frame: (until == total).then_some(total), block })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    pub(super) fn stall(&mut self, time: &mut Timeline, from: End) {
        if self.stalled.is_none() {
            self.stalled = Some(time.now);
            time.at(time.now + GIVE_UP, WireEvent::GiveUp { from, since: time.now });
        }
    }
}
