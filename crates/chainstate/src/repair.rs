//! Block records that were damaged on disk, written again from good copies.
//!
//! A damaged record keeps its place: the same bytes are written over it, so nothing else on disk changes, and a repair
//! that is cut short is done again.

use std::path::PathBuf;
use std::sync::Arc;

use cairn_consensus::NodeId;
use cairn_params::ChainSpec;
use cairn_primitives::{Block, Encode};

use crate::config::ChainStateConfig;
use crate::error::ChainStateError;
use crate::flatfile::BlockPos;
use crate::import::ImportError;
use crate::open::Places;
use crate::state::ChainState;
use crate::storage::FileId;

impl ChainState {
    /// Writes the damaged block records in `config.dir` again, as far as `files` hold good copies of those blocks, and
    /// returns how many. `files` are in the framing of `blkNNNNN.dat`; blocks that are not known or not damaged are
    /// passed over. For a chain that does not open because a block it has to read is damaged; one that is open is
    /// repaired by [`import::blocks`](crate::import::blocks) and by [`submit_block`](Self::submit_block).
    ///
    /// # Errors
    /// [`ImportError`] with file and offset at a record that cannot be cut out or decoded, and around what
    /// [`open`](Self::open) reports about the directory.
    pub fn repair(
        spec: Arc<ChainSpec>,
        config: &ChainStateConfig,
        files: &[PathBuf],
    ) -> Result<u64, ImportError> {
        let state = |error| ImportError::of_state(files, error);
        config.must_exist().map_err(state)?;
        let places = Places::on_disk(config).map_err(state)?;
        let mut chain = Self::assemble(spec, places, config).map_err(state)?;
        crate::import::repair(&mut chain, files)
    }

    /// Compares the record of a block with the block, and writes it again if it cannot be read; `true` if it was. A
    /// block that is not stored here, or whose bytes are not those that were stored, is left alone.
    pub(crate) fn repair_record(&mut self, id: NodeId, block: &Block) -> Result<bool, ChainStateError> {
        let (row, hash) = self.with_live(|live| (live.row(id), live.tree.hash(id)));
        let Some(at) = row.map(|row| row.block) else { return Ok(false) };
        let file = FileId::blocks(at.file);
        let framed = self.shared.files.has_frame(file, at.offset, at.len)?;
        match self.shared.files.read_block(at, hash) {
            Ok(_) if framed => return Ok(false),
            Ok(_)
            | Err(ChainStateError::RecordDamaged { .. } | ChainStateError::RecordUndecodable { .. }) => {}
            Err(error) => return Err(error),
        }
        if !self.is_what_was_stored(id, block, at) {
            return Ok(false);
        }
        let written = self.files.rewrite(at, block).and_then(|()| self.files.sync());
        self.or_halt(written)?;
        let path = self.files.storage().path(file);
        tracing::info!(file = %path.display(), offset = at.offset, %hash, "a damaged block record was written again");
        self.shared.damaged().remove(&id);
        Ok(true)
    }

    /// Length and checksum tell other bytes, the rules tell bytes that were made to fit them.
    fn is_what_was_stored(&self, id: NodeId, block: &Block, at: BlockPos) -> bool {
        let bytes = block.to_bytes();
        bytes.len() == at.len as usize
            && crc32c::crc32c(&bytes) == at.crc
            && self.check_alone(id, block.clone()).is_ok()
    }
}
