//! Why a node cannot give an answer, and how that is told over HTTP.

use std::fmt;

use cairn_primitives::AddressError;

use crate::dto::ErrorBody;

/// Why a node cannot give an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The thing asked for is not here.
    #[error("this node has no such {what}")]
    NotFound {
        /// What kind of thing.
        what: Resource,
    },
    /// The address is not one of this chain.
    #[error("{0}")]
    BadAddress(#[from] AddressError),
    /// A parameter breaks its rule.
    #[error("{name} {rule}")]
    InvalidParameter {
        /// The parameter's name.
        name: &'static str,
        /// What it must be, such as `must be hex`.
        rule: &'static str,
    },
    /// What was sent breaks a consensus or policy rule.
    #[error("refused: {reason}")]
    Rejected {
        /// The rule, in Bitcoin Core's words where Core has one.
        reason: &'static str,
    },
    /// The answer needs an index this node does not keep.
    #[error("this node keeps no {index} index; start it with {}", index.flag())]
    IndexDisabled {
        /// The index.
        index: Index,
    },
    /// The node cannot answer yet.
    #[error("the node is not ready: {why}")]
    NotReady {
        /// What it waits for.
        why: &'static str,
    },
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// Something that should not happen did; the node's log has the details.
    #[error("internal error: {what}; the node's log says more")]
    Internal {
        /// Which part failed.
        what: &'static str,
    },
}

/// A kind of thing that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A block.
    Block,
    /// A transaction.
    Transaction,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Block => "block",
            Resource::Transaction => "transaction",
        })
    }
}

/// An index a node may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Transaction id to block.
    Transaction,
    /// Address to coins and transactions.
    Address,
}

impl Index {
    fn flag(self) -> &'static str {
        match self {
            Index::Transaction => "--txindex",
            Index::Address => "--addrindex",
        }
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Index::Transaction => "transaction",
            Index::Address => "address",
        })
    }
}

impl ApiError {
    /// The HTTP status this error is sent with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            ApiError::BadAddress(_) | ApiError::InvalidParameter { .. } | ApiError::Rejected { .. } => 400,
            ApiError::NotFound { .. } => 404,
            ApiError::Internal { .. } => 500,
            ApiError::IndexDisabled { .. } => 501,
            ApiError::NotReady { .. } | ApiError::Stopping => 503,
        }
    }

    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ApiError::NotFound { what: Resource::Block } => "block-not-found",
            ApiError::NotFound { what: Resource::Transaction } => "tx-not-found",
            ApiError::BadAddress(_) => "bad-address",
            ApiError::InvalidParameter { .. } => "bad-parameter",
            ApiError::Rejected { .. } => "rejected",
            ApiError::IndexDisabled { .. } => "index-disabled",
            ApiError::NotReady { .. } => "not-ready",
            ApiError::Stopping => "stopping",
            ApiError::Internal { .. } => "internal",
        }
    }

    /// The JSON body this error is sent with.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let reject_reason = match self {
            ApiError::Rejected { reason } => Some((*reason).to_owned()),
            _ => None,
        };
        ErrorBody { error: self.to_string(), code: self.code().to_owned(), reject_reason }
    }
}
