//! Cutting a block file into records.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use cairn_params::ChainSpec;

use super::error::ImportFault;

/// Bytes before the block: magic and length.
pub(super) const FRAME: usize = 8;

/// Bytes read from the file at a time.
const BUFFER: usize = 1 << 20;

/// What stands at the current place of a file.
pub(super) enum Next {
    /// Frame and block.
    Record(Vec<u8>),
    End,
}

/// The records of one file, one after another.
#[derive(Debug)]
pub(super) struct Records {
    file: BufReader<File>,
    offset: u64,
    len: u64,
    magic: [u8; 4],
    limit: u64,
}

impl Records {
    pub(super) fn open(path: &Path, spec: &ChainSpec) -> Result<Self, ImportFault> {
        let file = File::open(path).map_err(ImportFault::Io)?;
        let len = file.metadata().map_err(ImportFault::Io)?.len();
        Ok(Records {
            file: BufReader::with_capacity(BUFFER.min(len as usize + 1), file),
            offset: 0,
            len,
            magic: spec.network.magic,
            // A weight unit is at most a byte.
            limit: spec.limits.block_weight,
        })
    }

    /// Length of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn go_to(&mut self, offset: u64) -> Result<(), ImportFault> {
        self.offset = offset;
        self.file.seek(SeekFrom::Start(offset)).map(|_| ()).map_err(ImportFault::Io)
    }

    /// The next record. Nothing is allocated for bytes the file does not have.
    pub(super) fn next(&mut self) -> Result<Next, ImportFault> {
        let left = self.len.saturating_sub(self.offset);
        if left == 0 || self.only_zeros_are_left()? {
            return Ok(Next::End);
        }
        let mut frame = [0; FRAME];
        self.fill(&mut frame, left)?;
        let [a, b, c, d, len @ ..] = frame;
        let got = [a, b, c, d];
        if got != self.magic {
            return Err(ImportFault::Magic { got, expected: self.magic });
        }
        let len = u64::from(u32::from_le_bytes(len));
        if len > self.limit {
            return Err(ImportFault::TooLong { got: len, limit: self.limit });
        }
        let left = left - FRAME as u64;
        if len > left {
            return Err(ImportFault::Truncated { got: left, expected: len });
        }
        let mut record = vec![0; FRAME + len as usize];
        record[..FRAME].copy_from_slice(&frame);
        self.fill(&mut record[FRAME..], left)?;
        self.offset += FRAME as u64 + len;
        Ok(Next::Record(record))
    }

    fn fill(&mut self, into: &mut [u8], left: u64) -> Result<(), ImportFault> {
        let expected = into.len() as u64;
        if left < expected {
            return Err(ImportFault::Truncated { got: left, expected });
        }
        self.file.read_exact(into).map_err(ImportFault::Io)
    }

    /// Core makes its files longer than their contents.
    fn only_zeros_are_left(&mut self) -> Result<bool, ImportFault> {
        use std::io::BufRead;
        // No chain's magic begins with four zeros, so a record is told from its first bytes alone.
        let ahead = self.file.fill_buf().map_err(ImportFault::Io)?;
        if ahead.iter().take(4).any(|byte| *byte != 0) {
            return Ok(false);
        }
        loop {
            let ahead = self.file.fill_buf().map_err(ImportFault::Io)?;
            if ahead.is_empty() {
                return Ok(true);
            }
            if ahead.iter().any(|byte| *byte != 0) {
                self.go_to(self.offset)?;
                return Ok(false);
            }
            let len = ahead.len();
            self.file.consume(len);
        }
    }
}
