//! The pool as the bytes of `mempool.dat`, and back.

use std::sync::Arc;

use cairn_primitives::{BlockTime, Decode, Encode, Transaction};
use serde::{Deserialize, Serialize};

use crate::file::{FileError, Kind, MAX_FILE_BYTES};
use crate::mempool::Mempool;

/// Most transactions that are written to a file or read from one.
pub const MAX_SAVED: usize = 500_000;
/// Bytes of a file beside those of its transactions at most: the frame, the count, and for each a time and a length.
const OVERHEAD: usize = 64;
const OVERHEAD_EACH: usize = 16;

const KIND: Kind = Kind { magic: *b"cmem", version: 1 };

/// Body of the file: the transactions, each behind those it spends from.
#[derive(Debug, Serialize, Deserialize)]
struct Body<'b> {
    #[serde(borrow)]
    transactions: Vec<SavedBytes<'b>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedBytes<'b> {
    /// When it entered, in seconds since 1970.
    time: u32,
    /// Its bytes, with witnesses.
    raw: &'b [u8],
}

/// A transaction of a saved pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// When it entered.
    pub time: BlockTime,
}

impl Mempool {
    /// The bytes of a file that [`load`](Self::load) reads: each transaction with the time it entered, behind those it
    /// spends from. At most [`MAX_SAVED`] transactions and [`MAX_FILE_BYTES`] bytes; what has the fewest ancestors goes
    /// first, so nothing is saved without them. Takes memory for all transactions twice over.
    ///
    /// The bytes are `cmem`, the version 1 and the CRC-32C of version and body (four bytes each, least significant first),
    /// then the body in bincode: the number of transactions, and for each its time, its length and its bytes.
    pub fn save(&self) -> Vec<u8> {
        let mut room = MAX_FILE_BYTES - OVERHEAD;
        let raw: Vec<(BlockTime, Vec<u8>)> = self
            .sorted_entries()
            .take(MAX_SAVED)
            .map_while(|entry| {
                room = room.checked_sub(entry.tx().total_size() + OVERHEAD_EACH)?;
                Some((entry.time(), entry.tx().to_bytes()))
            })
            .collect();
        let transactions = raw.iter().map(|(time, raw)| SavedBytes { time: time.to_u32(), raw });
        KIND.write(&Body { transactions: transactions.collect() })
    }

    /// The transactions of a file that [`save`](Self::save) wrote, in its order, without those that have expired by `now`
    /// under this pool's policy. Nothing comes in yet: offer each to [`accept_at`](Self::accept_at), for the chain may
    /// have moved on. The fee estimator is not to hear of them, as they waited before.
    ///
    /// # Errors
    /// A [`FileError`] when the bytes are damaged, too many, of another file or another version, or when what they say is a
    /// transaction is none. Nothing is taken from such a file.
    pub fn load(&self, bytes: &[u8], now: BlockTime) -> Result<Vec<Saved>, FileError> {
        let Body { transactions } = KIND.read(bytes)?;
        let (got, limit) = (transactions.len(), MAX_SAVED);
        if got > limit {
            return Err(FileError::TooManyTransactions { got, limit });
        }
        let decode = |(index, saved): (usize, SavedBytes<'_>)| {
            let tx = Transaction::from_bytes(saved.raw)
                .map_err(|source| FileError::Transaction { index, source })?;
            Ok(Saved { tx: Arc::new(tx), time: BlockTime::new(saved.time) })
        };
        let mut saved =
            transactions.into_iter().enumerate().map(decode).collect::<Result<Vec<_>, FileError>>()?;
        let oldest = self.oldest_time(now);
        saved.retain(|saved| saved.time >= oldest);
        Ok(saved)
    }
}
