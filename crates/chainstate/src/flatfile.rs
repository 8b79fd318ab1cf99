//! Block and undo files: append-only records in the framing Bitcoin Core uses.
//!
//! A record is the chain's magic (4 bytes), the length of what follows (4 bytes, little-endian) and the bytes.
//! Block records hold a block in its wire form; undo records are described in [`undo_file`](crate::undo_file).
//! The undo data of a block lies in the file with the same number as the block. What the store knows of a
//! record (its place, its length, a checksum) was written after the record was synced, so a record the store
//! knows is whole; behind the last of them a torn tail may stand after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cairn_primitives::{Block, BlockHash, Decode, Encode};

use crate::error::ChainStateError;
use crate::storage::{FileId, Storage};

/// Bytes before the payload of a record: magic and length.
pub(crate) const FRAME: usize = 8;

/// Size at which a new block file is begun: Core's `MAX_BLOCKFILE_SIZE`.
pub(crate) const MAX_BLOCK_FILE: u64 = 128 << 20;

/// Where a block's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockPos {
    /// Number of the file.
    pub(crate) file: u32,
    /// Where the record begins; the block's bytes begin [`FRAME`] later.
    pub(crate) offset: u32,
    /// Length of the block in bytes.
    pub(crate) len: u32,
    /// CRC-32C of the block's bytes: witness bytes damaged on disk do not change the block's hash.
    pub(crate) crc: u32,
}

/// Where a block's undo data lies, in the undo file with the number of its block file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UndoPos {
    /// Where the record begins.
    pub(crate) offset: u32,
    /// Length of the undo data in bytes, without frame and checksum.
    pub(crate) len: u32,
}

/// A block's record as it goes into a block file.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Frame and block.
    bytes: Vec<u8>,
    /// CRC-32C of the block's bytes.
    crc: u32,
}

impl Record {
    /// The record of a block on the chain with this magic.
    pub(crate) fn of(block: &Block, magic: [u8; 4]) -> Self {
        let len = block.total_size();
        let mut bytes = frame(magic, len, 0);
        block.encode(&mut bytes);
        Self::from_file(bytes)
    }

    /// A record as it was read from a block file of the chain: its frame, and as many bytes as that says.
    pub(crate) fn from_file(bytes: Vec<u8>) -> Self {
        let crc = crc32c::crc32c(&bytes[FRAME..]);
        Record { bytes, crc }
    }

    /// The block's bytes.
    pub(crate) fn block(&self) -> &[u8] {
        &self.bytes[FRAME..]
    }

    /// Number of the block's bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - FRAME
    }

    /// Whether the record at `pos` has the same block, byte for byte.
    pub(crate) fn is_at(&self, pos: BlockPos) -> bool {
        pos.len as usize == self.len() && pos.crc == self.crc
    }
}

/// The first bytes of a record of `len` bytes, with room for the rest and `extra` bytes.
fn frame(magic: [u8; 4], len: usize, extra: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(FRAME + len + extra);
    record.extend_from_slice(&magic);
    // Blocks are bounded by the block weight limit long before 32 bits.
    record.extend_from_slice(&(len as u32).to_le_bytes());
    record
}

/// Reads records; shared by the writer and every reader.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    storage: Arc<dyn Storage>,
    magic: [u8; 4],
}

impl Files {
    pub(crate) fn new(storage: Arc<dyn Storage>, magic: [u8; 4]) -> Self {
        Files { storage, magic }
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// The block at `pos`, which is that of `hash`.
    pub(crate) fn read_block(&self, pos: BlockPos, hash: BlockHash) -> Result<Block, ChainStateError> {
        let bytes = self.read_block_bytes(pos, hash)?;
        let file = FileId::blocks(pos.file);
        Block::from_bytes(&bytes).map_err(|source| ChainStateError::RecordUndecodable {
            path: self.storage.path(file),
            offset: pos.offset.into(),
            hash,
            source,
        })
    }

    /// The bytes of the block at `pos`, as they were written.
    pub(crate) fn read_block_bytes(
        &self,
        pos: BlockPos,
        hash: BlockHash,
    ) -> Result<Vec<u8>, ChainStateError> {
        let file = FileId::blocks(pos.file);
        let bytes = self.storage.read(file, u64::from(pos.offset) + FRAME as u64, pos.len as usize)?;
        if bytes.len() != pos.len as usize || crc32c::crc32c(&bytes) != pos.crc {
            return Err(self.damaged(file, pos.offset, hash));
        }
        Ok(bytes)
    }

    /// Whether the frame of a record of `len` bytes stands at `offset`.
    pub(crate) fn has_frame(&self, file: FileId, offset: u32, len: u32) -> Result<bool, ChainStateError> {
        let frame = self.storage.read(file, offset.into(), FRAME)?;
        Ok(frame == [self.magic, len.to_le_bytes()].concat())
    }

    pub(crate) fn damaged(&self, file: FileId, offset: u32, hash: BlockHash) -> ChainStateError {
        ChainStateError::RecordDamaged { path: self.storage.path(file), offset: offset.into(), hash }
    }
}

/// Appends records; owned by the one writer.
#[derive(Debug)]
pub(crate) struct Appender {
    files: Files,
    /// Size at which a new file is begun.
    roll_over: u64,
    /// The block file that is written to.
    current: u32,
    /// Where the next record of each file goes.
    ends: BTreeMap<FileId, u64>,
    dirty: BTreeSet<FileId>,
}

impl Appender {
    /// Continues behind `ends`, the end of the last record known of each file.
    pub(crate) fn new(files: Files, roll_over: u64, ends: BTreeMap<FileId, u64>) -> Self {
        let numbers = ends.keys().map(|file| file.number);
        let current = numbers.max().unwrap_or(0);
        Appender { files, roll_over, current, ends, dirty: BTreeSet::new() }
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        self.files.storage()
    }

    /// Where the next record of `file` goes.
    pub(crate) fn end(&self, file: FileId) -> u64 {
        self.ends.get(&file).copied().unwrap_or(0)
    }

    /// The block file that is written to.
    pub(crate) fn current(&self) -> u32 {
        self.current
    }

    /// Bytes of all files, as far as records are known.
    pub(crate) fn bytes(&self) -> u64 {
        self.ends.values().sum()
    }

    /// Removes all files with a number below `keep_from`. Nothing may name their records any more.
    pub(crate) fn remove_below(&mut self, keep_from: u32) -> Result<(), ChainStateError> {
        // They are removed from the lowest on, so what an earlier call left ends at `keep_from`.
        let storage = self.files.storage.clone();
        let mut first = keep_from;
        while first > 0 && storage.len(FileId::blocks(first - 1))? > 0 {
            first -= 1;
        }
        for number in first..keep_from {
            storage.remove(FileId::undo(number))?;
            storage.remove(FileId::blocks(number))?;
        }
        self.ends.retain(|file, _| file.number >= keep_from);
        self.dirty.retain(|file| file.number >= keep_from);
        self.current = self.current.max(keep_from);
        Ok(())
    }

    /// Takes records up to `end` of a block file as written: those found there after a crash.
    pub(crate) fn adopt(&mut self, number: u32, end: u64) {
        self.current = self.current.max(number);
        self.ends.insert(FileId::blocks(number), end);
        self.dirty.insert(FileId::blocks(number));
    }

    /// Writes a block, in a new file if the current one is full.
    pub(crate) fn append_block(&mut self, block: &Block) -> Result<BlockPos, ChainStateError> {
        self.append_record(&Record::of(block, self.files.magic))
    }

    /// Writes a block's record, in a new file if the current one is full.
    pub(crate) fn append_record(&mut self, record: &Record) -> Result<BlockPos, ChainStateError> {
        let len = record.len();
        let end = self.end(FileId::blocks(self.current));
        if end > 0 && end + (FRAME + len) as u64 > self.roll_over {
            // The next file must never be ahead of a torn one.
            self.sync()?;
            self.current += 1;
        }
        let file = FileId::blocks(self.current);
        let offset = self.append(file, &record.bytes)?;
        Ok(BlockPos { file: file.number, offset, len: len as u32, crc: record.crc })
    }

    /// Writes the record of a block again in its place. `block` must be the one that was written there.
    pub(crate) fn rewrite(&mut self, at: BlockPos, block: &Block) -> Result<(), ChainStateError> {
        let mut record = self.frame(at.len as usize, 0);
        block.encode(&mut record);
        let file = FileId::blocks(at.file);
        self.dirty.insert(file);
        self.files.storage.write(file, at.offset.into(), &record)
    }

    /// The first bytes of a record of `len` bytes, with room for the rest and `extra` bytes.
    pub(crate) fn frame(&self, len: usize, extra: usize) -> Vec<u8> {
        frame(self.files.magic, len, extra)
    }

    /// Writes a whole record to the end of `file` and returns where it begins.
    pub(crate) fn append(&mut self, file: FileId, record: &[u8]) -> Result<u32, ChainStateError> {
        let offset = self.end(file);
        self.dirty.insert(file);
        self.files.storage.write(file, offset, record)?;
        self.ends.insert(file, offset + record.len() as u64);
        // A block file ends near its roll-over size, and its undo file is smaller than it by nature.
        Ok(offset as u32)
    }

    /// Returns once all that was appended survives a power cut.
    pub(crate) fn sync(&mut self) -> Result<(), ChainStateError> {
        while let Some(&file) = self.dirty.first() {
            self.files.storage.sync(file)?;
            self.dirty.remove(&file);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Disk, Memory};
    use cairn_params::presets;

    fn appender(storage: Arc<dyn Storage>, roll_over: u64) -> Appender {
        Appender::new(Files::new(storage, *b"CARN"), roll_over, BTreeMap::new())
    }

    #[test]
    fn golden_bytes_of_a_block_record() {
        let genesis = presets::bitcoin().genesis_block();
        let storage = Arc::new(Memory::default());
        let mut files = appender(storage.clone(), MAX_BLOCK_FILE);
        let pos = files.append_block(&genesis).unwrap();
        assert_eq!((pos.file, pos.offset, pos.len), (0, 0, 285));
        let bytes = storage.read(FileId::blocks(0), 0, 1000).unwrap();
        assert_eq!(bytes.len(), 293);
        assert_eq!(bytes[..8], *b"CARN\x1d\x01\0\0");
        assert_eq!(bytes[8..], genesis.to_bytes());
    }

    #[test]
    fn a_full_file_is_followed_by_the_next() {
        let genesis = presets::bitcoin().genesis_block();
        // Two records of 293 bytes fit exactly.
        let mut files = appender(Arc::new(Memory::default()), 586);
        let at: Vec<_> =
            (0..5).map(|_| files.append_block(&genesis).unwrap()).map(|pos| (pos.file, pos.offset)).collect();
        assert_eq!(at, [(0, 0), (0, 293), (1, 0), (1, 293), (2, 0)]);
        let mut files = appender(Arc::new(Memory::default()), 585);
        let at: Vec<_> = (0..3).map(|_| files.append_block(&genesis).unwrap().file).collect();
        assert_eq!(at, [0, 1, 2]);
    }

    #[test]
    fn a_damaged_record_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let genesis = presets::bitcoin().genesis_block();
        let mut files = appender(Arc::new(Disk::open(dir.path()).unwrap()), MAX_BLOCK_FILE);
        let first = files.append_block(&genesis).unwrap();
        let second = files.append_block(&genesis).unwrap();
        files.sync().unwrap();
        let path = dir.path().join("blk00000.dat");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[400] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let hash = genesis.hash();
        assert_eq!(files.files.read_block(first, hash).unwrap(), genesis);
        let refused = files.files.read_block(second, hash).unwrap_err();
        assert!(
            matches!(refused, ChainStateError::RecordDamaged { path: at, offset: 293, hash: of } if at == path && of == hash)
        );
        let beyond = BlockPos { offset: 10_000, ..first };
        assert!(matches!(files.files.read_block(beyond, hash), Err(ChainStateError::RecordDamaged { .. })));
    }
}
