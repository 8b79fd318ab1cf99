//! From an open connection to a peer whose version is known.
//!
//! # Order
//! Each side sends `version`, then what it would like (`wtxidrelay`, `sendaddrv2`), then `verack`. The caller of a
//! connection speaks first. The handshake is over when the peer's `version` and `verack` have both come, in whatever
//! order: what comes early is remembered, what comes twice is reported and changes nothing, and
//! [`Action::Established`] comes once, with the height of the first `version`.
//!
//! # Policy
//! - A peer that speaks less than [`MIN_PROTOCOL`] is refused unless [`HandshakeConfig::min_protocol`] says
//!   otherwise. From 70016 on all that this crate sends is understood (`sendheaders` 70012, `feefilter` 70013,
//!   `wtxidrelay` 70016), so that there is one way to speak; Core's own floor is 31800.
//! - `wtxidrelay` and `sendaddrv2` after the peer's `verack` end the connection (BIP339; Core does so for both).
//! - Anything else before the end is dropped and reported, as in Core, which ignores it; more than
//!   [`MAX_EARLY_FAULTS`] such messages end the connection.

use std::time::Duration;

use thiserror::Error;

use crate::command::Command;
use crate::message::{Message, Services, Version};

/// The least protocol version spoken with by default: the first with `wtxidrelay` (BIP339).
pub const MIN_PROTOCOL: i32 = 70_016;
/// How long a handshake may take by default (Core's `DEFAULT_PEER_CONNECT_TIMEOUT`).
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// Most faults of a peer before the handshake is over; one more ends the connection.
pub const MAX_EARLY_FAULTS: u32 = 16;

/// Who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer did.
    Inbound,
    /// We did.
    Outbound,
}

/// How to shake hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeConfig {
    /// Who opened the connection.
    pub direction: Direction,
    /// What we say. Its nonce is to be fresh for each connection.
    pub version: Version,
    /// The least protocol version to speak with.
    pub min_protocol: i32,
    /// What a peer we call must offer.
    pub required_services: Services,
    /// From the open connection to the end of the handshake.
    pub timeout: Duration,
}

/// What happens on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The peer sent this.
    Message {
        /// The message.
        message: Message,
        /// The nonces we sent on connections we opened whose handshake is not over. An inbound peer that sends one
        /// of them is ourselves.
        calling: &'a [u64],
    },
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to the peer.
    Send(Message),
    /// The handshake is over: begin to sync with this peer. Comes once at most.
    Established(Box<Peer>),
    /// A message for whoever handles an established peer. Comes after [`Established`](Self::Established) only.
    Deliver(Message),
    /// The peer broke the order; the message has been dropped.
    Report(Fault),
    /// Close the connection. Nothing comes after it.
    Disconnect(Refusal),
}

/// What a finished handshake tells of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The first `version` the peer sent: its height, services, user agent.
    pub version: Version,
    /// The protocol to speak: the lower of both sides'.
    pub protocol: i32,
    /// Whether to announce transactions by wtxid (BIP339).
    pub wtxid_relay: bool,
    /// Whether to send `addrv2` (BIP155).
    pub addr_v2: bool,
    /// Whether to announce blocks by `headers` (BIP130), as far as the peer has asked for it already.
    pub send_headers: bool,
}

/// A message out of order that is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// Sent again, though once is enough.
    #[error("\"{command}\" came again")]
    Repeated {
        /// The message.
        command: Command,
    },
    /// Sent before the handshake was over.
    #[error("\"{command}\" came before the handshake was over")]
    Early {
        /// The message.
        command: Command,
    },
}

/// Why a connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The peer is this node.
    #[error("connected to ourselves")]
    SelfConnection,
    /// The peer's protocol is too old.
    #[error("protocol {got} is below the least, {limit}")]
    Obsolete {
        /// What it speaks.
        got: i32,
        /// The least accepted.
        limit: i32,
    },
    /// A peer we called lacks services.
    #[error("services {got:?} lack some of {expected:?}")]
    MissingServices {
        /// What it offers.
        got: Services,
        /// What it must offer.
        expected: Services,
    },
    /// A wish that must come before `verack` came after it.
    #[error("\"{command}\" came after verack")]
    AfterVerack {
        /// The message.
        command: Command,
    },
    /// Too many messages before the handshake was over.
    #[error("{got} messages out of order are above the limit of {limit}")]
    TooManyFaults {
        /// How many came.
        got: u32,
        /// [`MAX_EARLY_FAULTS`].
        limit: u32,
    },
    /// The handshake took too long.
    #[error("no handshake within {limit:?}")]
    Timeout {
        /// The time it had.
        limit: Duration,
    },
}

/// The handshake on one connection, and the gate behind it.
///
/// `now` is the time since a moment of the driver's choice, the same for every call, and never goes back.
#[derive(Clone, Debug)]
pub struct Handshake {
    config: HandshakeConfig,
    deadline: Duration,
    version: Option<Version>,
    verack: bool,
    wtxid_relay: bool,
    addr_v2: bool,
    send_headers: bool,
    faults: u32,
    closed: bool,
}

impl Handshake {
    /// Begins at an open connection. Gives what is to be done first: a caller sends its `version`.
    pub fn new(now: Duration, config: HandshakeConfig) -> (Self, Vec<Action>) {
        let actions = match config.direction {
            Direction::Outbound => vec![Action::Send(Message::Version(Box::new(config.version.clone())))],
            Direction::Inbound => Vec::new(),
        };
        let handshake = Self {
            deadline: now.saturating_add(config.timeout),
            config,
            version: None,
            verack: false,
            wtxid_relay: false,
            addr_v2: false,
            send_headers: false,
            faults: 0,
            closed: false,
        };
        (handshake, actions)
    }

    /// Whether the handshake is over and the connection not closed.
    pub const fn is_established(&self) -> bool {
        self.version.is_some() && self.verack && !self.closed
    }

    /// When to send the next [`Event::Tick`]; `None` when none is needed.
    pub const fn deadline(&self) -> Option<Duration> {
        if self.closed || self.is_established() { None } else { Some(self.deadline) }
    }

    /// Takes one event and says what is to be done, in order. After [`Action::Disconnect`] there is nothing to do.
    pub fn on_event(&mut self, now: Duration, event: Event<'_>) -> Vec<Action> {
        if self.closed {
            return Vec::new();
        }
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            return self.close(Refusal::Timeout { limit: self.config.timeout });
        }
        match event {
            Event::Tick => Vec::new(),
            Event::Message { message, calling } => self.on_message(message, calling),
        }
    }

    fn on_message(&mut self, message: Message, calling: &[u64]) -> Vec<Action> {
        let command = message.command();
        match message {
            Message::Version(_) if self.version.is_some() => self.fault(Fault::Repeated { command }),
            Message::Version(version) => self.on_version(*version, calling),
            Message::Verack if self.verack => self.fault(Fault::Repeated { command }),
            Message::Verack => {
                self.verack = true;
                self.established()
            }
            Message::WtxidRelay | Message::SendAddrV2 if self.verack => {
                self.close(Refusal::AfterVerack { command })
            }
            Message::WtxidRelay => self.wish(command, |handshake| &mut handshake.wtxid_relay),
            Message::SendAddrV2 => self.wish(command, |handshake| &mut handshake.addr_v2),
            message if self.is_established() => vec![Action::Deliver(message)],
            Message::SendHeaders => self.wish(command, |handshake| &mut handshake.send_headers),
            _ => self.fault(Fault::Early { command }),
        }
    }

    fn on_version(&mut self, version: Version, calling: &[u64]) -> Vec<Action> {
        let ours = version.nonce == self.config.version.nonce;
        let inbound = self.config.direction == Direction::Inbound;
        if ours || (inbound && calling.contains(&version.nonce)) {
            return self.close(Refusal::SelfConnection);
        }
        if version.protocol < self.config.min_protocol {
            let limit = self.config.min_protocol;
            return self.close(Refusal::Obsolete { got: version.protocol, limit });
        }
        let expected = self.config.required_services;
        if !inbound && !version.services.contains(expected) {
            return self.close(Refusal::MissingServices { got: version.services, expected });
        }
        let mut actions = Vec::new();
        if inbound {
            actions.push(Action::Send(Message::Version(Box::new(self.config.version.clone()))));
        }
        // Some older nodes hang up on a word they do not know before verack; Core keeps silent towards them too.
        if self.config.version.protocol.min(version.protocol) >= MIN_PROTOCOL {
            actions.push(Action::Send(Message::WtxidRelay));
            actions.push(Action::Send(Message::SendAddrV2));
        }
        actions.push(Action::Send(Message::Verack));
        self.version = Some(version);
        actions.extend(self.established());
        actions
    }

    /// The end of the handshake, if both halves have come. Called when one of them has just come for the first time.
    fn established(&self) -> Vec<Action> {
        let Some(version) = self.version.as_ref().filter(|_| self.verack) else { return Vec::new() };
        vec![Action::Established(Box::new(Peer {
            version: version.clone(),
            protocol: version.protocol.min(self.config.version.protocol),
            wtxid_relay: self.wtxid_relay,
            addr_v2: self.addr_v2,
            send_headers: self.send_headers,
        }))]
    }

    fn wish(&mut self, command: Command, flag: impl Fn(&mut Self) -> &mut bool) -> Vec<Action> {
        if std::mem::replace(flag(self), true) { self.fault(Fault::Repeated { command }) } else { Vec::new() }
    }

    fn fault(&mut self, fault: Fault) -> Vec<Action> {
        if self.is_established() {
            return vec![Action::Report(fault)];
        }
        self.faults += 1;
        let mut actions = vec![Action::Report(fault)];
        if self.faults > MAX_EARLY_FAULTS {
            actions.extend(self.close(Refusal::TooManyFaults { got: self.faults, limit: MAX_EARLY_FAULTS }));
        }
        actions
    }

    fn close(&mut self, refusal: Refusal) -> Vec<Action> {
        self.closed = true;
        vec![Action::Disconnect(refusal)]
    }
}
