//! What is wrong with a file that was to be imported.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use cairn_consensus::HeaderError;
use cairn_primitives::{BlockHash, DecodeError, Height};

use crate::error::{ChainStateError, SubmitError};

/// Where an import stopped, and why.
#[derive(Debug)]
pub struct ImportError {
    /// The file.
    pub path: PathBuf,
    /// Where the record begins, bytes from the start of the file.
    pub offset: u64,
    /// Height of the tip (of the best header when headers are read) at that moment; what is below stays.
    pub height: Height,
    /// What is wrong with the record.
    pub fault: Box<ImportFault>,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImportError { path, offset, height, fault } = self;
        let (path, code) = (path.display(), fault.code());
        write!(f, "{path}, offset {offset}, with the chain at height {height}: {fault} ({code})")
    }
}

impl Error for ImportError {
    /// What is behind the fault: the fault itself stands in the message.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

impl ImportError {
    pub(crate) fn new(path: &Path, offset: u64, height: Height, fault: ImportFault) -> Self {
        ImportError { path: path.to_owned(), offset, height, fault: Box::new(fault) }
    }

    /// The chain's own fault, before anything of the files was read.
    pub(crate) fn of_state(files: &[PathBuf], error: ChainStateError) -> Self {
        let path = files.first().map_or(Path::new(""), PathBuf::as_path);
        Self::new(path, 0, Height::GENESIS, ImportFault::State(error))
    }
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// It does not begin with the chain's magic.
    #[error("magic {got:02x?} where {expected:02x?} is expected")]
    Magic {
        /// The bytes there.
        got: [u8; 4],
        /// The chain's magic.
        expected: [u8; 4],
    },
    /// Its length is more than a block of this chain can have.
    #[error("a record of {got} bytes, a block has at most {limit}")]
    TooLong {
        /// The length stated.
        got: u64,
        /// The most a block can have.
        limit: u64,
    },
    /// The file ends inside it.
    #[error("the file ends {got} bytes into a record part of {expected}")]
    Truncated {
        /// Bytes there.
        got: u64,
        /// Bytes needed.
        expected: u64,
    },
    /// Its bytes are no block or no header.
    #[error("the bytes are no block")]
    Decode(#[source] DecodeError),
    /// Its block breaks a rule, or could not be stored.
    #[error(transparent)]
    Block(SubmitError),
    /// Its header breaks a rule.
    #[error(transparent)]
    Header(HeaderError),
    /// It is not the copy of block `hash` that the chain has.
    #[error("the record differs from the stored block {hash}")]
    Differs {
        /// The block.
        hash: BlockHash,
    },
    /// No file has its parent.
    #[error("its parent {prev} is in none of the files ({count} such blocks)")]
    ParentMissing {
        /// The parent.
        prev: BlockHash,
        /// Blocks with this fault; the record is the first of them.
        count: usize,
    },
    /// More blocks before it wait for their parents than may.
    #[error("more than {limit} blocks wait for parents that have not come")]
    TooManyWaiting {
        /// The most that may wait.
        limit: usize,
    },
    /// The file could not be read.
    #[error("the file cannot be read")]
    Io(#[source] std::io::Error),
    /// The chain could not be written.
    #[error(transparent)]
    State(ChainStateError),
}

impl ImportFault {
    /// The rule broken, as a stable name: Bitcoin Core's reject reason where a block or header is at fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Magic { .. } => "record-magic",
            Self::TooLong { .. } => "record-too-long",
            Self::Truncated { .. } => "record-truncated",
            Self::Decode(_) => "record-undecodable",
            Self::Block(error) => error.code(),
            Self::Header(error) => error.code(),
            Self::Differs { .. } => "record-differs",
            Self::ParentMissing { .. } => "prev-blk-not-found",
            Self::TooManyWaiting { .. } => "too-many-orphans",
            Self::Io(_) => "file-unreadable",
            Self::State(_) => "storage-failed",
        }
    }
}
