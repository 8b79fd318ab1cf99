//! The ends of block and undo files that no commit covers: what a crash left there.
//!
//! Blocks are written before they are committed, so whole blocks may stand behind the last committed one.
//! They are checked like any block from outside and taken up. What cannot be a record is torn and cut off.

use cairn_consensus::{HeaderError, NodeId};
use cairn_primitives::{Block, BlockTime, Decode};

use crate::error::ChainStateError;
use crate::flatfile::{BlockPos, FRAME};
use crate::layout::BlockRow;
use crate::state::ChainState;
use crate::storage::FileId;

/// A record behind the committed part of a block file.
enum Found {
    /// A whole block in `len` bytes.
    Record { block: Block, len: u32, crc: u32 },
    /// The bytes from here on are no record.
    Torn,
    /// The file ends here.
    End,
}

/// Bytes that are searched at a time for the next record.
const SEARCH_BYTES: usize = 1 << 20;

/// A time no header is too new for: those in our own files were checked against the clock when they came.
const ANY_TIME: BlockTime = BlockTime::new(u32::MAX);

impl ChainState {
    /// Takes up whole blocks behind the committed ones and cuts what is torn.
    pub(crate) fn read_tails(&mut self) -> Result<(), ChainStateError> {
        let mut number = self.files.current();
        let mut undo = FileId::undo(0);
        while undo.number <= number || (self.salvages && self.files.storage().len(undo)? > 0) {
            self.cut(undo, self.files.end(undo))?;
            undo = FileId::undo(undo.number + 1);
        }
        let mut waiting = Vec::new();
        while self.files.storage().len(FileId::blocks(number))? > 0 {
            self.read_tail(number, &mut waiting)?;
            number += 1;
        }
        // Blocks whose parents lay further back in the tail.
        let mut count = usize::MAX;
        while waiting.len() < count {
            count = waiting.len();
            for (block, pos) in std::mem::take(&mut waiting) {
                self.take_up(block, pos, &mut waiting);
            }
        }
        Ok(())
    }

    fn read_tail(
        &mut self,
        number: u32,
        waiting: &mut Vec<(Block, BlockPos)>,
    ) -> Result<(), ChainStateError> {
        let file = FileId::blocks(number);
        let mut offset = self.files.end(file);
        loop {
            match self.read_record(file, offset)? {
                Found::End => break,
                Found::Torn => match self.next_whole(file, offset)? {
                    Some(next) => offset = next,
                    None => {
                        self.cut(file, offset)?;
                        break;
                    }
                },
                Found::Record { block, len, crc } => {
                    let pos = BlockPos { file: number, offset: offset as u32, len, crc };
                    offset += FRAME as u64 + u64::from(len);
                    self.files.adopt(number, offset);
                    self.take_up(block, pos, waiting);
                }
            }
        }
        Ok(())
    }

    /// Where the next whole record begins behind one that is damaged. Looked for only where the file is all there is:
    /// elsewhere what stands behind a torn record was never announced.
    fn next_whole(&self, file: FileId, damaged: u64) -> Result<Option<u64>, ChainStateError> {
        if !self.salvages {
            return Ok(None);
        }
        let magic = self.shared.spec.network.magic;
        let mut from = damaged + 1;
        loop {
            let bytes = self.files.storage().read(file, from, SEARCH_BYTES)?;
            for at in (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&magic)) {
                let offset = from + at as u64;
                if matches!(self.read_record(file, offset)?, Found::Record { .. }) {
                    let path = self.files.storage().path(file);
                    tracing::error!(file = %path.display(), offset = damaged, bytes = offset - damaged, "passing over damaged records");
                    return Ok(Some(offset));
                }
            }
            if bytes.len() < SEARCH_BYTES {
                return Ok(None);
            }
            // The magic may lie across the end of what was read.
            from += (SEARCH_BYTES - magic.len()) as u64;
        }
    }

    fn read_record(&self, file: FileId, offset: u64) -> Result<Found, ChainStateError> {
        let storage = self.files.storage();
        let frame = storage.read(file, offset, FRAME)?;
        if frame.is_empty() {
            return Ok(Found::End);
        }
        let spec = &self.shared.spec;
        let Some((magic, len)) = frame.split_first_chunk::<4>() else { return Ok(Found::Torn) };
        let len = len.try_into().map(u32::from_le_bytes).unwrap_or(u32::MAX);
        // A weight unit is at most a byte.
        if *magic != spec.network.magic || u64::from(len) > spec.limits.block_weight {
            return Ok(Found::Torn);
        }
        let bytes = storage.read(file, offset + FRAME as u64, len as usize)?;
        if bytes.len() != len as usize {
            return Ok(Found::Torn);
        }
        let Ok(block) = Block::from_bytes(&bytes) else { return Ok(Found::Torn) };
        // Bytes that decode may still be scrambled: what the header commits to decides.
        if cairn_consensus::check_block(block.clone(), spec).is_err() {
            return Ok(Found::Torn);
        }
        Ok(Found::Record { block, len, crc: crc32c::crc32c(&bytes) })
    }

    fn take_up(&mut self, block: Block, pos: BlockPos, waiting: &mut Vec<(Block, BlockPos)>) {
        let inserted = self.shared.write().tree.insert(block.header, ANY_TIME);
        let id: NodeId = match inserted {
            Ok(inserted) => inserted.id,
            Err(HeaderError::UnknownParent { .. }) => {
                waiting.push((block, pos));
                return;
            }
            // An invalid block that was stored before it was tried; its bytes stay where they are.
            Err(error) => {
                tracing::debug!(%error, "leaving a block in its file");
                return;
            }
        };
        let known = self.with_live(|live| live.row(id)).is_some();
        if known || self.check_alone(id, block).is_err() {
            return;
        }
        self.add_row(id, BlockRow { block: pos, undo: None });
        self.candidates.add_block(&self.shared.read().tree, id);
    }

    fn cut(&mut self, file: FileId, end: u64) -> Result<(), ChainStateError> {
        let len = self.files.storage().len(file)?;
        if len > end {
            let path = self.files.storage().path(file);
            tracing::warn!(file = %path.display(), from = end, bytes = len - end, "cutting a torn end");
            self.files.storage().truncate(file, end)?;
        }
        Ok(())
    }
}
