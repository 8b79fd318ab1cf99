//! Why a node cannot give an answer, and how that is told over HTTP.

use std::fmt;

use cairn_mempool::{Class, Rejection};
use cairn_primitives::{AddressError, Amount};

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
    /// The block, or the block of the transaction, was here and was removed because it is old.
    #[error("this node has pruned that block: it keeps only the newest")]
    Pruned,
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
    /// The transaction that was sent is not taken.
    #[error("refused: {0}")]
    TxRejected(#[from] Rejection),
    /// What was sent is not a transaction.
    #[error("raw_tx {rule}")]
    NotATransaction {
        /// What it must be, such as `must be hex`.
        rule: &'static str,
    },
    /// The wallet cannot pay that much and the fee.
    #[error(
        "the wallet lacks {missing} units: {needed} are needed, {available} can be spent; {immature} more are block rewards not yet \
         spendable, {unconfirmed} more are unconfirmed",
        missing = needed.saturating_sub(*available).to_sat(), needed = needed.to_sat(), available = available.to_sat(),
        immature = immature.to_sat(), unconfirmed = unconfirmed.to_sat()
    )]
    InsufficientFunds {
        /// Amount and fee, in the smallest unit.
        needed: Amount,
        /// What can be spent now.
        available: Amount,
        /// Block rewards that are not ripe.
        immature: Amount,
        /// Payments to the wallet that no block holds yet.
        unconfirmed: Amount,
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
    /// A wallet: only a development node has one.
    Wallet,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Block => "block",
            Resource::Transaction => "transaction",
            Resource::Wallet => "wallet",
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
    /// Block to compact filter.
    BlockFilter,
}

impl Index {
    fn flag(self) -> &'static str {
        match self {
            Index::Transaction => "--txindex",
            Index::Address => "--addrindex",
            Index::BlockFilter => "--blockfilterindex",
        }
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Index::Transaction => "transaction",
            Index::Address => "address",
            Index::BlockFilter => "block filter",
        })
    }
}

impl ApiError {
    /// The HTTP status this error is sent with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            ApiError::BadAddress(_)
            | ApiError::InvalidParameter { .. }
            | ApiError::Rejected { .. }
            | ApiError::NotATransaction { .. }
            | ApiError::InsufficientFunds { .. } => 400,
            ApiError::TxRejected(rejection) if is_internal(rejection) => 500,
            ApiError::TxRejected(_) => 400,
            ApiError::NotFound { .. } => 404,
            ApiError::Pruned => 410,
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
            ApiError::NotFound { what: Resource::Wallet } => "no-wallet",
            ApiError::Pruned => "pruned",
            ApiError::BadAddress(_) => "bad-address",
            ApiError::InvalidParameter { .. } => "bad-parameter",
            ApiError::Rejected { .. } => "rejected",
            ApiError::TxRejected(rejection) if is_internal(rejection) => "internal",
            ApiError::TxRejected(_) => "rejected",
            ApiError::NotATransaction { .. } => "bad-transaction",
            ApiError::InsufficientFunds { .. } => "insufficient-funds",
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
            ApiError::Rejected { reason } => Some(*reason),
            ApiError::TxRejected(rejection) => Some(rejection.code()),
            ApiError::NotATransaction { .. } => Some("tx-decode-failed"),
            _ => None,
        };
        ErrorBody {
            error: self.to_string(),
            code: self.code().to_owned(),
            reject_reason: reject_reason.map(str::to_owned),
        }
    }
}

/// Whether the coins could not be looked up, which says nothing about the transaction.
fn is_internal(rejection: &Rejection) -> bool {
    match rejection.class() {
        Class::Unavailable => true,
        Class::Invalid
        | Class::Mutated
        | Class::Nonstandard
        | Class::Premature
        | Class::Missing
        | Class::Known
        | Class::Pool => false,
    }
}

#[cfg(test)]
mod tests {
    use cairn_consensus::CoinViewError;

    use super::*;

    #[test]
    fn a_refused_transaction_is_told_with_its_rule_and_a_sentence() {
        let body = ApiError::from(Rejection::Weight { got: 400_001, limit: 400_000 }).body();
        assert_eq!((body.code.as_str(), body.reject_reason.as_deref()), ("rejected", Some("tx-size")));
        assert!(body.error.contains("400001"), "{}", body.error);
    }

    #[test]
    fn a_failed_look_up_is_not_the_senders_fault() {
        let failed = ApiError::from(Rejection::CoinView(CoinViewError::Internal));
        assert_eq!((failed.status(), failed.code()), (500, "internal"));
        assert_eq!(ApiError::from(Rejection::Full).status(), 400);
    }

    #[test]
    fn what_a_wallet_lacks_is_said_in_numbers() {
        let units = Amount::from_sat;
        let lacking = ApiError::InsufficientFunds {
            needed: units(1_100),
            available: units(1_000),
            immature: units(7),
            unconfirmed: units(5),
        };
        let text = lacking.to_string();
        for part in ["lacks 100 ", "1100 are", "1000 can", "7 more", "5 more"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!((lacking.status(), lacking.code()), (400, "insufficient-funds"));
    }
}
