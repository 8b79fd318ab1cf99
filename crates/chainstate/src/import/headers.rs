//! Raw headers, 80 bytes each, parents before children.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cairn_consensus::HeaderTree;
use cairn_primitives::{BlockTime, Decode, Header};

use super::error::{ImportError, ImportFault};
use super::{Progress, Summary};
use crate::state::{ChainState, Tip};

/// Imports the headers in `files`, in this order, every header rule checked. The first may be genesis or a child
/// of any known header. `now` is the local time. `progress` is called after each header; [`ControlFlow::Break`]
/// ends the import with what is done so far.
///
/// # Errors
/// [`ImportError`] with file, offset and height at the first header that breaks a rule or is cut short. What was
/// imported before it is durable.
pub fn headers(
    chain: &mut ChainState,
    files: &[PathBuf],
    now: BlockTime,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, ImportError> {
    let height = best(chain).height;
    let mut import =
        Import { now, new: 0, done: Progress { height, blocks: 0, bytes: 0, total_bytes: 0 }, chain };
    let result = import.run(files, &mut progress);
    let Import { done, new, .. } = import;
    // Also after a fault: what came before it is to stay.
    let flushed = chain.flush();
    let stopped = result?;
    let last = files.last().map(PathBuf::as_path).unwrap_or(Path::new(""));
    flushed.map_err(|error| ImportError::new(last, done.bytes, done.height, ImportFault::State(error)))?;
    Ok(Summary { tip: best(chain), blocks: done.blocks, new, repaired: 0, stopped })
}

fn best(chain: &ChainState) -> Tip {
    let tree_tip = |tree: &HeaderTree| Tip::of(tree, tree.best_header());
    tree_tip(&chain.shared.read().tree)
}

struct Import<'a> {
    chain: &'a mut ChainState,
    now: BlockTime,
    done: Progress,
    new: u64,
}

impl Import<'_> {
    fn run(
        &mut self,
        files: &[PathBuf],
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, ImportError> {
        let mut opened = Vec::new();
        for path in files {
            let (file, len) = open(path).map_err(|fault| self.fault(path, 0, fault))?;
            self.done.total_bytes += len;
            opened.push((path, file, len));
        }
        for (path, mut file, len) in opened {
            let mut offset = 0;
            while offset < len {
                let taken = self.take(&mut file, len - offset);
                taken.map_err(|fault| self.fault(path, offset, fault))?;
                offset += Header::SIZE as u64;
                self.done.bytes += Header::SIZE as u64;
                if progress(self.done).is_break() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn take(&mut self, file: &mut impl Read, left: u64) -> Result<(), ImportFault> {
        let expected = Header::SIZE as u64;
        if left < expected {
            return Err(ImportFault::Truncated { got: left, expected });
        }
        let mut bytes = [0; Header::SIZE];
        file.read_exact(&mut bytes).map_err(ImportFault::Io)?;
        let header = Header::from_bytes(&bytes).map_err(ImportFault::Decode)?;
        let new = self.chain.submit_header(header, self.now).map_err(ImportFault::Header)?;
        self.new += u64::from(new);
        self.done.blocks += 1;
        self.done.height = best(self.chain).height;
        Ok(())
    }

    fn fault(&self, path: &Path, offset: u64, fault: ImportFault) -> ImportError {
        ImportError::new(path, offset, self.done.height, fault)
    }
}

fn open(path: &Path) -> Result<(BufReader<File>, u64), ImportFault> {
    let file = File::open(path).map_err(ImportFault::Io)?;
    let len = file.metadata().map_err(ImportFault::Io)?.len();
    Ok((BufReader::new(file), len))
}
