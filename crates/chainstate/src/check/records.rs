//! Block and undo records: there, whole, and those of their headers.

use cairn_consensus::NodeId;
use cairn_primitives::{Block, Decode, Header};

use super::{Depth, Look, Progress, Report, Task};
use crate::error::ChainStateError;
use crate::layout::BlockRow;
use crate::open::ends;
use crate::storage::FileId;

impl Look {
    /// Reads every record that the store knows, in the order of the files.
    pub(super) fn records(
        &self,
        depth: Depth,
        report: &mut Report,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ChainStateError> {
        let live = self.shared.read();
        let mut rows: Vec<_> = live.tree.ids().filter_map(|id| Some((live.row(id)?, id))).collect();
        rows.sort_unstable_by_key(|(row, _)| row.block);
        let total = rows.len() as u64;
        for (done, (row, id)) in (1..).zip(rows) {
            report.blocks += 1;
            report.undo += u64::from(row.undo.is_some());
            if let Err(damage) = self.record(id, row, depth) {
                damaged(damage, report)?;
            }
            if let Err(damage) = self.undo_record(id, row) {
                damaged(damage, report)?;
            }
            progress(Progress { task: Task::Records, done, total });
        }
        // Genesis spends nothing and is never taken off, so it has no undo data; its block may be unwritten still.
        for id in live.active.iter().skip(1) {
            let elsewhere = live.was_pruned(*id) || live.is_assumed(*id);
            if !elsewhere && live.row(*id).is_none_or(|row| row.undo.is_none()) {
                report.add(ChainStateError::NoData { hash: live.tree.hash(*id) });
            }
        }
        for (file, end) in ends(&live) {
            report.unsaved_bytes += self.shared.files.storage().len(file)?.saturating_sub(end);
        }
        Ok(())
    }

    fn record(&self, id: NodeId, row: BlockRow, depth: Depth) -> Result<(), ChainStateError> {
        let (files, spec) = (&self.shared.files, &self.shared.spec);
        let hash = self.shared.read().tree.hash(id);
        let file = FileId::blocks(row.block.file);
        let framed = files.has_frame(file, row.block.offset, row.block.len)?;
        let bytes = files.read_block_bytes(row.block, hash)?;
        let header = bytes.get(..Header::SIZE).map(Header::from_bytes);
        if !framed || !matches!(header, Some(Ok(header)) if header.hash() == hash) {
            return Err(files.damaged(file, row.block.offset, hash));
        }
        if depth == Depth::Full {
            let block = Block::from_bytes(&bytes).map_err(|source| ChainStateError::RecordUndecodable {
                path: files.storage().path(file),
                offset: row.block.offset.into(),
                hash,
                source,
            })?;
            cairn_consensus::check_block(block, spec)
                .map_err(|source| ChainStateError::StoredBlock { hash, source: Box::new(source) })?;
        }
        Ok(())
    }

    fn undo_record(&self, id: NodeId, row: BlockRow) -> Result<(), ChainStateError> {
        let Some(undo) = row.undo else { return Ok(()) };
        let hash = self.shared.read().tree.hash(id);
        self.shared.files.read_whole_undo(row.block.file, undo, hash).map(|_| ())
    }
}

/// Takes damage down, and passes on what is none: a disk that fails.
fn damaged(error: ChainStateError, report: &mut Report) -> Result<(), ChainStateError> {
    match error {
        ChainStateError::RecordDamaged { .. }
        | ChainStateError::RecordUndecodable { .. }
        | ChainStateError::StoredBlock { .. } => {
            report.add(error);
            Ok(())
        }
        other => Err(other),
    }
}
