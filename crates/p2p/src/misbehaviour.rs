//! What a peer may be held accountable for, and how heavily.

use thiserror::Error;

use crate::codec::CodecError;
use crate::handshake::Fault;

/// Points at which a peer is dropped and its address banned.
pub const BAN_SCORE: u32 = 100;

/// Something a peer did that honest software does not do, or not often.
///
/// Points follow the verdict: what no honest node can send costs [`BAN_SCORE`] at once; what a faulty or old one
/// might send costs a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Misbehaviour {
    /// Bytes that are no message of this chain.
    #[error("malformed bytes: {0}")]
    Malformed(CodecError),
    /// A message out of order.
    #[error("out of order: {0}")]
    OutOfOrder(Fault),
    /// More messages or bytes than a peer may send in the time.
    #[error("more messages than the budget allows")]
    OverBudget,
    /// A header that breaks a rule.
    #[error("invalid header: {code}")]
    InvalidHeader {
        /// The reject reason.
        code: &'static str,
    },
    /// Headers whose proof of work is not there.
    #[error("header without proof of work")]
    NoProofOfWork,
    /// Headers that do not follow one another.
    #[error("headers that are no chain")]
    BrokenHeaders,
    /// Headers whose first parent is not known, again and again.
    #[error("headers from nowhere")]
    UnconnectedHeaders,
    /// The second time round, other headers than the first.
    #[error("other headers than those it had shown before")]
    ChangedHeaders,
    /// A block that breaks a rule.
    #[error("invalid block: {code}")]
    InvalidBlock {
        /// The reject reason.
        code: &'static str,
    },
    /// A copy of a block that is damaged.
    #[error("damaged block: {code}")]
    MutatedBlock {
        /// The reject reason.
        code: &'static str,
    },
    /// A block that nobody asked for.
    #[error("a block that was not asked for")]
    UnrequestedBlock,
    /// A transaction that breaks a rule of the chain.
    #[error("invalid transaction: {code}")]
    InvalidTx {
        /// The reject reason.
        code: &'static str,
    },
    /// A transaction that nobody asked for.
    #[error("a transaction that was not asked for")]
    UnrequestedTx,
    /// More announcements than are kept.
    #[error("too many announcements")]
    TooManyAnnouncements,
    /// Asks again and again for what one asks once.
    #[error("asks again for what is given once")]
    RepeatedRequest,
}

impl Misbehaviour {
    /// Points for it.
    pub const fn points(&self) -> u32 {
        match self {
            Self::Malformed(error) => {
                if error.is_fatal() {
                    BAN_SCORE
                } else {
                    20
                }
            }
            Self::InvalidHeader { .. }
            | Self::NoProofOfWork
            | Self::BrokenHeaders
            | Self::ChangedHeaders
            | Self::InvalidBlock { .. }
            | Self::MutatedBlock { .. }
            | Self::InvalidTx { .. } => BAN_SCORE,
            Self::OverBudget => 50,
            Self::UnconnectedHeaders | Self::UnrequestedBlock | Self::TooManyAnnouncements => 20,
            Self::OutOfOrder(_) | Self::RepeatedRequest => 10,
            // Some light clients push their own transactions without asking.
            Self::UnrequestedTx => 2,
        }
    }
}
