//! A line of text for each block, for people who watch.

use std::fmt;

use cairn_chainstate::{ChainEvent, ChainReader, EventId, EventKind};
use cairn_primitives::{BlockHash, Height};

use crate::growth::on_growth;
use crate::stop::Stop;

/// A block that came onto the chain or was taken off it, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLine {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
    /// Whether it came onto the chain or was taken off it.
    pub kind: EventKind,
    /// Its number of transactions and its size in bytes, where it could be read.
    pub content: Option<(usize, usize)>,
}

impl fmt::Display for BlockLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} {}", self.height, self.hash)?;
        if self.kind == EventKind::Disconnected {
            return f.write_str(" taken off: another branch has more work");
        }
        match self.content {
            Some((1, bytes)) => write!(f, " 1 tx {bytes} bytes"),
            Some((txs, bytes)) => write!(f, " {txs} txs {bytes} bytes"),
            None => Ok(()),
        }
    }
}

/// Calls `tell` for each entry of the chain's log after `since`, until the node stops. Blocks.
pub(crate) fn follow(reader: &ChainReader, since: EventId, stop: &Stop, mut tell: impl FnMut(BlockLine)) {
    let mut last = since;
    on_growth(reader, stop, || {
        for event in reader.events(last).map_while(Result::ok) {
            last = event.id;
            tell(line(reader, &event));
        }
    });
}

fn line(reader: &ChainReader, event: &ChainEvent) -> BlockLine {
    let content = match event.kind {
        EventKind::Connected => reader.block(&event.hash).ok().flatten(),
        EventKind::Disconnected => None,
    };
    let content = content.map(|block| (block.transactions.len(), block.total_size()));
    BlockLine { height: event.height, hash: event.hash, kind: event.kind, content }
}
