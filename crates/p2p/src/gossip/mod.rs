//! Addresses of nodes: taken in within a rate, passed on to a few, given to who asks once.

use std::net::SocketAddr;
use std::time::Duration;

use crate::address_book::AddressBook;
use crate::event::PeerId;
use crate::message::AddressV2;
use crate::outbox::{Context, PeerFacts};

/// The part of the manager that passes addresses on.
#[derive(Debug)]
pub(crate) struct Gossip {}

impl Gossip {
    /// `listen` is where this node can be reached, if it can.
    pub(crate) fn new(listen: Option<SocketAddr>) -> Self {
        Self {}
    }
    pub(crate) fn on_established(&mut self, cx: &mut Context<'_>, book: &mut AddressBook, peer: &PeerFacts) {}
    pub(crate) fn on_closed(&mut self, peer: PeerId) {}
    pub(crate) fn on_addr(
        &mut self,
        cx: &mut Context<'_>,
        book: &mut AddressBook,
        peer: PeerId,
        entries: Vec<AddressV2>,
    ) {
    }
    pub(crate) fn on_get_addr(&mut self, cx: &mut Context<'_>, book: &mut AddressBook, peer: PeerId) {}
    pub(crate) fn on_tick(&mut self, cx: &mut Context<'_>, book: &mut AddressBook) {}
    pub(crate) fn deadline(&self) -> Option<Duration> {
        None
    }
}
