//! The nodes that are known of, where they were heard of and how calling them went.

mod bans;

pub use bans::BanList;

use std::net::SocketAddr;
use std::time::Duration;

use rand_chacha::ChaCha12Rng;

use crate::message::{AddressV2, Services};

/// Known nodes in `new` and `tried` buckets.
#[derive(Debug)]
pub struct AddressBook {}

impl AddressBook {
    /// An empty book. `key` places addresses in buckets: it is to be random and kept with the book.
    pub fn new(key: [u8; 32]) -> Self {
        Self {}
    }
    /// Takes in what `source` told of.
    pub fn add(&mut self, now: Duration, entries: &[AddressV2], source: SocketAddr) -> usize {
        0
    }
    /// A call was made.
    pub fn attempted(&mut self, now: Duration, addr: SocketAddr) {}
    /// A handshake succeeded there.
    pub fn succeeded(&mut self, now: Duration, addr: SocketAddr, services: Services) {}
    /// It is still connected (refreshes when it was last seen).
    pub fn seen(&mut self, now: Duration, addr: SocketAddr) {}
    /// An address to call; `None` if there is none but those that `avoid` refuses.
    pub fn pick(
        &mut self,
        now: Duration,
        rng: &mut ChaCha12Rng,
        only_new: bool,
        avoid: &dyn Fn(SocketAddr) -> bool,
    ) -> Option<SocketAddr> {
        None
    }
    /// A random sample to give to a peer that asks, at most `limit` and at most 23 % of the book.
    pub fn sample(&self, now: Duration, rng: &mut ChaCha12Rng, limit: usize) -> Vec<AddressV2> {
        Vec::new()
    }
    /// How many addresses are known.
    pub fn len(&self) -> usize {
        0
    }
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        true
    }
}
