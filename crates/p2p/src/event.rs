//! What happens to a node's peers, and what is to be done about it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cairn_consensus::Verdict;
use cairn_primitives::{Amount, Block, BlockHash, Header, Transaction, Txid, Wtxid};
use thiserror::Error;

use crate::codec::CodecError;
use crate::handshake::{Direction, Peer, Refusal};
use crate::message::Message;
use crate::misbehaviour::Misbehaviour;

/// Names a connection. The driver gives each connection a number of its own and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(u64);

impl PeerId {
    /// The connection with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn to_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happens. The driver reports connections and messages, the node what became of what was to be checked.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection is open: one that [`Action::Connect`] asked for, or one that someone opened to us.
    Opened {
        /// Its name from now on.
        peer: PeerId,
        /// Where the peer is.
        addr: SocketAddr,
        /// Who opened it.
        direction: Direction,
    },
    /// The connection that [`Action::Connect`] asked for could not be opened.
    Unreachable {
        /// Where nobody answered.
        addr: SocketAddr,
    },
    /// A connection is gone without an [`Action::Disconnect`].
    Closed {
        /// Which.
        peer: PeerId,
    },
    /// A message came.
    Received {
        /// From whom.
        peer: PeerId,
        /// What.
        message: Message,
        /// Length of the frame in bytes.
        bytes: usize,
    },
    /// Bytes came that are no message.
    Malformed {
        /// From whom.
        peer: PeerId,
        /// What is wrong with them.
        error: CodecError,
    },
    /// Bytes have gone out.
    Sent {
        /// To whom.
        peer: PeerId,
        /// How many.
        bytes: usize,
    },
    /// The bytes of an [`Action::SendBlock`] have all gone out, or the block could not be read.
    BlockSent {
        /// To whom.
        peer: PeerId,
    },
    /// What became of an [`Action::CheckHeaders`].
    HeadersChecked {
        /// Who sent them.
        peer: PeerId,
        /// What became of them.
        outcome: HeadersOutcome,
    },
    /// What became of an [`Action::CheckBlock`].
    BlockChecked {
        /// Who sent it.
        peer: PeerId,
        /// Its hash.
        hash: BlockHash,
        /// What became of it.
        outcome: BlockOutcome,
    },
    /// What became of an [`Action::CheckTx`].
    TxChecked {
        /// Who sent it.
        peer: PeerId,
        /// The transaction.
        tx: Arc<Transaction>,
        /// What became of it.
        outcome: TxOutcome,
    },
    /// The best chain has a new tip; the chain port shows it.
    TipChanged {
        /// The blocks that came, lowest first; while the chain is catching up it may be left empty.
        connected: Vec<Arc<Block>>,
    },
    /// A transaction came into the pool, from a peer or from this node's own user: it is to be announced.
    PoolAdded {
        /// Its id.
        txid: Txid,
        /// Its id with witness.
        wtxid: Wtxid,
        /// What it pays for 1,000 virtual bytes.
        rate: Amount,
    },
    /// What the names of [`Action::ResolveSeeds`] stand for.
    SeedsResolved {
        /// The nodes there.
        addrs: Vec<SocketAddr>,
    },
    /// The operator wants a connection to this node kept open.
    AddNode {
        /// Where it is.
        addr: SocketAddr,
    },
    /// The operator no longer wants that.
    RemoveNode {
        /// Where it is.
        addr: SocketAddr,
    },
    /// The operator wants nothing to do with an address for some time.
    Ban {
        /// The address.
        ip: IpAddr,
        /// For how long.
        time: Duration,
    },
    /// The operator takes a ban back.
    Unban {
        /// The address.
        ip: IpAddr,
    },
    /// The operator wants every peer asked for headers now.
    Resync,
    /// Time has passed; due at [`PeerManager::deadline`](crate::PeerManager::deadline).
    Tick,
}

/// What is to be done, in order.
#[derive(Clone, Debug)]
pub enum Action {
    /// Open a connection; answered by [`Event::Opened`] or [`Event::Unreachable`].
    Connect {
        /// To where.
        addr: SocketAddr,
    },
    /// Send a message.
    Send {
        /// To whom.
        peer: PeerId,
        /// What.
        message: Message,
    },
    /// Read a block and send it; answered by [`Event::BlockSent`].
    SendBlock {
        /// To whom.
        peer: PeerId,
        /// Which block.
        hash: BlockHash,
        /// Whether with its witnesses.
        witness: bool,
    },
    /// Read nothing from this peer for some time: it sends more than it may. The stream is left to fill up.
    Throttle {
        /// Whom.
        peer: PeerId,
        /// For how long from now on; a later throttle takes the place of an earlier one.
        time: Duration,
    },
    /// Close a connection. The peer is forgotten: nothing about it need be reported any more.
    Disconnect {
        /// Which.
        peer: PeerId,
        /// Why.
        reason: DisconnectReason,
    },
    /// Have headers, each the parent of the next, checked and kept; answered by [`Event::HeadersChecked`].
    CheckHeaders {
        /// Who sent them.
        peer: PeerId,
        /// Lowest first, at most [`limits::MAX_HEADERS`](crate::limits::MAX_HEADERS).
        headers: Vec<Header>,
    },
    /// Have a block checked and kept; answered by [`Event::BlockChecked`].
    CheckBlock {
        /// Who sent it.
        peer: PeerId,
        /// The block.
        block: Box<Block>,
    },
    /// Offer a transaction to the pool; answered by [`Event::TxChecked`].
    CheckTx {
        /// Who sent it.
        peer: PeerId,
        /// The transaction.
        tx: Arc<Transaction>,
    },
    /// Look names up; answered by [`Event::SeedsResolved`].
    ResolveSeeds {
        /// The names.
        hosts: Vec<String>,
        /// The port of the nodes there.
        port: u16,
    },
    /// Nothing to do: something an operator wants to know.
    Notice(Notice),
}

/// What an operator wants to know.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A handshake is over.
    Established {
        /// Which connection.
        peer: PeerId,
        /// Where the peer is.
        addr: SocketAddr,
        /// Who opened the connection.
        direction: Direction,
        /// What the peer says of itself.
        info: Box<Peer>,
    },
    /// A peer did what it should not.
    Misbehaved {
        /// Which.
        peer: PeerId,
        /// What it did.
        what: Misbehaviour,
        /// All its points since the connection opened.
        score: u32,
    },
    /// An address will not be spoken to for some time.
    Banned {
        /// The address.
        ip: IpAddr,
        /// For how long.
        time: Duration,
    },
}

/// What became of headers that were to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadersOutcome {
    /// All are known now.
    Accepted {
        /// How many of them are new.
        new: usize,
    },
    /// One broke a rule, or could not be judged; those before it are known now.
    Refused {
        /// Its place among them.
        index: usize,
        /// What to think of it.
        verdict: Verdict,
        /// The reject reason.
        code: &'static str,
    },
}

/// What became of a block that was to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOutcome {
    /// It is kept now, on the best chain or beside it.
    Accepted,
    /// It was there before.
    Known,
    /// It broke a rule, or could not be judged.
    Refused {
        /// What to think of it.
        verdict: Verdict,
        /// The reject reason.
        code: &'static str,
    },
}

/// What became of a transaction that was offered to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxOutcome {
    /// It came in; [`Event::PoolAdded`] is reported besides.
    Accepted,
    /// It was in the pool or in the chain before.
    Known,
    /// It spends from transactions that are not known.
    MissingParents(Vec<Txid>),
    /// The pool does not want it now: its fee, a conflict, the policy, or its witness was left out on the way.
    Unwanted {
        /// Whether the same transaction may be accepted with another witness: then its txid is not to be remembered.
        witness_stripped: bool,
    },
    /// It breaks a rule of the chain and always will.
    Invalid {
        /// The reject reason.
        code: &'static str,
    },
}

/// Why we close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DisconnectReason {
    /// The handshake ended it.
    #[error("handshake: {0}")]
    Handshake(#[from] Refusal),
    /// The peer broke the rules.
    #[error("misbehaved: {0}")]
    Misbehaved(Misbehaviour),
    /// Its address is banned.
    #[error("the address is banned")]
    Banned,
    /// There are as many connections as there may be, and this one is the least useful.
    #[error("too many connections")]
    Full,
    /// Another connection to the same place exists.
    #[error("a connection to this address exists")]
    Duplicate,
    /// It did not answer a ping in time.
    #[error("no answer to a ping")]
    PingTimeout,
    /// It holds the download window up.
    #[error("it holds up the download of blocks")]
    Stalling,
    /// It did not send a block it was asked for in time.
    #[error("a block did not come in time")]
    BlockTimeout,
    /// It did not send headers it was asked for in time.
    #[error("headers did not come in time")]
    HeadersTimeout,
    /// Its chain has stayed behind ours.
    #[error("its chain stays behind")]
    Behind,
    /// The connection served its only purpose: to see whether someone is there.
    #[error("it was only to see whether someone is there")]
    Feeler,
    /// The operator asked for it.
    #[error("asked for by the operator")]
    Operator,
}
