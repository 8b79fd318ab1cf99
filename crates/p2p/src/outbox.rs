//! What the parts of the manager share: where they write what is to be done, and what they may look at.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;

use crate::event::{Action, DisconnectReason, PeerId};
use crate::handshake::{Direction, Peer};
use crate::message::Message;
use crate::misbehaviour::Misbehaviour;
use crate::ports::Local;

/// What is to be done, and whom to hold accountable for what.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) actions: Vec<Action>,
    pub(crate) faults: Vec<(PeerId, Misbehaviour)>,
    pub(crate) drops: Vec<(PeerId, DisconnectReason)>,
}

impl Outbox {
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(crate) fn send(&mut self, peer: PeerId, message: Message) {
        self.actions.push(Action::Send { peer, message });
    }

    /// Holds something against a peer. The manager counts, and drops the peer when it is too much.
    pub(crate) fn punish(&mut self, peer: PeerId, what: Misbehaviour) {
        self.faults.push((peer, what));
    }

    /// Has the manager close a connection without a ban.
    pub(crate) fn disconnect(&mut self, peer: PeerId, reason: DisconnectReason) {
        self.drops.push((peer, reason));
    }
}

/// What a part may look at and write to while it handles one event.
pub(crate) struct Context<'a> {
    /// Time since 1970 by the driver's clock, which never goes back.
    pub(crate) now: Duration,
    pub(crate) local: Local<'a>,
    pub(crate) rng: &'a mut ChaCha12Rng,
    pub(crate) out: &'a mut Outbox,
}

/// What every part is told of a peer when its handshake is over.
#[derive(Clone, Debug)]
pub(crate) struct PeerFacts {
    pub(crate) id: PeerId,
    pub(crate) addr: std::net::SocketAddr,
    pub(crate) direction: Direction,
    /// Asked for by the operator: never dropped for being slow or behind, never banned.
    pub(crate) manual: bool,
    pub(crate) info: Peer,
}
