//! Reading a snapshot from its file.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use cairn_primitives::{Coin, OutPoint, Sha256d};

use super::error::{SnapshotError, SnapshotFault};
use super::file::{Bounds, SnapshotHeader, Source};
use crate::coins_hash::CoinsHasher;

/// Bytes read from the file at a time.
const BUFFER: usize = 1 << 20;

/// A snapshot file whose header was read.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    path: PathBuf,
    source: Source<BufReader<File>>,
    pub(super) header: SnapshotHeader,
}

impl SnapshotFile {
    /// Opens the file, which must be one of the network with this magic.
    pub(super) fn open(path: &Path, network: [u8; 4]) -> Result<Self, SnapshotError> {
        let file = File::open(path).map_err(|error| SnapshotError::io(path, error))?;
        let mut source = Source::new(BufReader::with_capacity(BUFFER, file));
        let header = source.header(network).map_err(|fault| fault_in(path, &mut source, fault))?;
        Ok(SnapshotFile { path: path.to_owned(), source, header })
    }

    /// Reads all coins in order, hands each to `each`, and returns their hash. Nothing may be left behind them.
    pub(super) fn read(
        mut self,
        bounds: &Bounds,
        mut each: impl FnMut(OutPoint, Coin) -> Result<(), SnapshotError>,
    ) -> Result<Sha256d, SnapshotError> {
        let mut hasher = CoinsHasher::new();
        let (mut before, mut left) = (None, self.header.coins);
        while left > 0 {
            let group = self.source.group(bounds, before.as_ref(), left);
            let (txid, coins) = group.map_err(|fault| self.fault(fault))?;
            left -= coins.len() as u64;
            for (vout, coin) in coins {
                let outpoint = OutPoint { txid, vout };
                hasher.push(&outpoint, &coin);
                each(outpoint, coin)?;
            }
            before = Some(txid);
        }
        self.source.end().map_err(|fault| self.fault(fault))?;
        Ok(hasher.finish())
    }

    fn fault(&mut self, fault: SnapshotFault) -> SnapshotError {
        fault_in(&self.path, &mut self.source, fault)
    }
}

fn fault_in(path: &Path, source: &mut Source<BufReader<File>>, fault: SnapshotFault) -> SnapshotError {
    match source.failure.take() {
        Some(error) => SnapshotError::io(path, error),
        None => SnapshotError::File { path: path.to_owned(), offset: source.offset(), source: fault },
    }
}
