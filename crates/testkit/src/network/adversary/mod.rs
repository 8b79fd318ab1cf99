//! Adversaries: hosts that speak real messages on real connections and mean no good.
//!
//! A [`Behaviour`] says what an adversary does; [`Network::add_adversary`](super::Network::add_adversary) sets it loose. The
//! ones here cover the usual attacks; write your own for those you fear. What surrounds a behaviour calls its targets
//! again and again, shakes hands and answers pings, unless the behaviour does not want that.

mod blocks;
mod flood;
mod headers;
mod passive;
mod puppet;
mod spender;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::ChainReader;
use cairn_p2p::{Message, Version};
use cairn_params::ChainSpec;
use rand_chacha::ChaCha12Rng;

pub use blocks::{BadBlocks, BlockFault, Tampering, Unrequested};
pub use flood::{Flood, FloodKind, Oversized};
pub use headers::{LowWork, Stalling};
pub use passive::{HeightLiar, Silent, Slow};
pub(super) use puppet::Puppet;
pub use spender::DoubleSpender;

/// A connection of an adversary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(u64);

/// What an adversary does. Every method does nothing unless it is written.
pub trait Behaviour: fmt::Debug {
    /// Whether it does what no honest node does, so that an honest one must drop it in the end.
    fn breaks_rules(&self) -> bool;

    /// Whether it shakes hands.
    fn shakes_hands(&self) -> bool {
        true
    }

    /// Whether it answers pings.
    fn answers_pings(&self) -> bool {
        true
    }

    /// Changes what it says of itself.
    fn introduce(&self, version: &mut Version) {
        let _ = version;
    }

    /// A handshake is over.
    fn on_established(&mut self, stage: &mut Stage<'_>, line: Line) {
        let _ = (stage, line);
    }

    /// A message came after the handshake.
    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        let _ = (stage, line, message);
    }

    /// The time came that it asked for with [`Stage::wake_in`].
    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        let _ = stage;
    }

    /// A connection is gone.
    fn on_closed(&mut self, stage: &mut Stage<'_>, line: Line) {
        let _ = (stage, line);
    }
}

/// What an adversary can see and do.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The time, since 1970.
    pub now: Duration,
    /// Chance.
    pub rng: &'a mut ChaCha12Rng,
    /// The chain's rules.
    pub spec: &'a Arc<ChainSpec>,
    /// The chain of the first node of the network that is on.
    pub chain: &'a ChainReader,
    lines: Vec<(Line, usize)>,
    deeds: Vec<Deed>,
}

/// What an adversary wants done.
#[derive(Debug)]
enum Deed {
    Send(Line, Box<Message>),
    SendBytes(Line, Vec<u8>),
    Close(Line),
    Wake(Duration),
}

impl Stage<'_> {
    /// The connections whose handshake is over.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.iter().map(|(line, _)| *line).collect()
    }

    /// Bytes that wait to be sent on a connection.
    pub fn backlog(&self, line: Line) -> usize {
        self.lines.iter().find(|(open, _)| *open == line).map_or(0, |(_, waiting)| *waiting)
    }

    /// Sends a message.
    pub fn send(&mut self, line: Line, message: Message) {
        self.deeds.push(Deed::Send(line, Box::new(message)));
    }

    /// Sends bytes, whatever they are.
    pub fn send_bytes(&mut self, line: Line, bytes: Vec<u8>) {
        self.deeds.push(Deed::SendBytes(line, bytes));
    }

    /// Closes a connection.
    pub fn close(&mut self, line: Line) {
        self.deeds.push(Deed::Close(line));
    }

    /// Asks to be woken after some time.
    pub fn wake_in(&mut self, time: Duration) {
        self.deeds.push(Deed::Wake(self.now + time));
    }
}
