//! The inventory of rules: one variant for each, with the values that broke it.
//!
//! Every error answers two questions besides its text. [`code`](BlockError::code) is the stable
//! machine name, equal to Bitcoin Core's reject reason where Core has one. [`verdict`](BlockError::verdict)
//! says what may be concluded about the object and about whoever sent it.

mod block;
mod header;
mod script;
mod signet;
mod tx;

pub use block::BlockError;
pub use header::HeaderError;
pub use signet::SignetError;
pub use tx::TxError;

/// What a failed check lets the caller conclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The object breaks a rule and always will: mark it, and hold it against the sender.
    Invalid,
    /// This copy is damaged. The header may belong to a good block, so the header must not be marked.
    Mutated,
    /// The object may become acceptable later: its time or its parent has not come yet.
    Premature,
    /// Something needed to decide is not at hand.
    Unavailable,
    /// Our own data or storage failed; says nothing about the object.
    Internal,
}

/// Why a coin could not be looked up. A coin that does not exist is `Ok(None)`, never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CoinViewError {
    /// The view does not hold the answer (a pruned or partial view).
    #[error("the coin view cannot answer for this outpoint")]
    Unavailable,
    /// The storage below the view failed; the storage layer has the details.
    #[error("the coin storage failed")]
    Internal,
}

impl CoinViewError {
    /// The verdict a failed look-up leads to.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Unavailable => Verdict::Unavailable,
            Self::Internal => Verdict::Internal,
        }
    }
}
