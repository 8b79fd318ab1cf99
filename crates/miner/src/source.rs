//! Where templates come from and blocks go.

use std::borrow::Cow;

use cairn_primitives::Block;
use crossbeam_channel::Receiver;
use thiserror::Error;

use crate::{BlockTemplate, TemplateError};

/// What a miner asks of a node, in process or over the network.
pub trait TemplateSource: Send + Sync {
    /// A template on the best tip, to mine on now.
    ///
    /// # Errors
    /// [`SourceError`] when there is none; the miner asks again later.
    fn template(&self) -> Result<BlockTemplate, SourceError>;

    /// Hands in a solved block. A block that breaks a rule is an answer, not an error.
    ///
    /// # Errors
    /// [`SourceError`] when the block could not be judged.
    fn submit(&self, block: Block) -> Result<Submission, SourceError>;

    /// A channel that receives something whenever the best tip has moved, the miner's own blocks included. A
    /// channel of capacity 1 that drops what does not fit is enough.
    fn tip_changes(&self) -> Receiver<()>;
}

/// What became of a block that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// It is part of the block tree.
    Accepted,
    /// It is not.
    Rejected {
        /// Core's reject reason, `high-hash` for one.
        code: Cow<'static, str>,
    },
}

/// Why a source has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The node is not ready to mine: still catching up, or shutting down.
    #[error("the node is not ready to mine")]
    NotReady,
    /// No node answers.
    #[error("the node cannot be reached")]
    Unreachable,
    /// The node does not give this miner a template: the address is one of another chain, perhaps.
    #[error("the node refuses to give a template: {code}")]
    Refused {
        /// The node's word for why, such as `bad-address`.
        code: Cow<'static, str>,
    },
    /// What came is not a template for this miner.
    #[error("what the node sent is no template: {what}")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
    /// No block can be built on the tip.
    #[error("no block can be built on the tip: {0}")]
    Template(#[from] TemplateError),
}
