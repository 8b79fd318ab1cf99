//! The peers of a node: who they are, what they may do, and which part handles what they say.

mod config;

use std::time::Duration;

pub use config::PeerConfig;

use crate::address_book::{AddressBook, BanList};
use crate::event::{Action, Event};
use crate::ports::Local;

/// The peers of a node.
#[derive(Debug)]
pub struct PeerManager {
    config: PeerConfig,
}

impl PeerManager {
    /// Begins with the addresses and bans of earlier runs. `seed` feeds the manager's random choices and is to be
    /// random itself.
    pub fn new(now: Duration, config: PeerConfig, book: AddressBook, bans: BanList, seed: [u8; 32]) -> Self {
        Self { config }
    }

    /// Takes one event and says what is to be done, in order. `now` is the time since 1970 and never goes back.
    pub fn on_event(&mut self, now: Duration, event: Event, local: Local<'_>) -> Vec<Action> {
        Vec::new()
    }

    /// When the next [`Event::Tick`] is due.
    pub fn deadline(&self) -> Duration {
        Duration::ZERO
    }
}
