//! Why a block's signature is none.

use cairn_primitives::DecodeError;
use cairn_script::ScriptError;

use super::{Verdict, script};

/// Why a block does not satisfy the challenge of its signet. Core has one reason for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignetError {
    /// No coinbase output commits to the witnesses, so there is no place for a solution.
    #[error("no output commits to the witnesses and could carry a solution")]
    CommitmentMissing,
    /// The solution is not an input script and a witness.
    #[error("the solution is not an input script and a witness: {error}")]
    Malformed {
        /// What is wrong, with offsets into the solution.
        error: DecodeError,
    },
    /// The solution does not satisfy the challenge.
    #[error("the solution does not satisfy the challenge: {error}")]
    Script {
        /// Why the script failed.
        error: ScriptError,
    },
}

impl SignetError {
    /// What may be concluded about a block whose transactions are those of its header.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::CommitmentMissing | Self::Malformed { .. } => Verdict::Invalid,
            Self::Script { error } => script::verdict(error),
        }
    }
}
