//! The history as the bytes of `fees.dat`, and back.

use cairn_primitives::Height;
use serde::{Deserialize, Serialize};

use super::FeeEstimator;
use super::bucket::{Bucket, Waits};
use super::history::History;
use crate::file::{FileError, Kind};

const KIND: Kind = Kind { magic: *b"cfee", version: 1 };
/// No figure of the history is above this: more transactions than blocks could ever hold, at the highest rate.
const LIMIT: f64 = 1e30;

/// Body of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    /// Height of the last block.
    tip: Option<u32>,
    /// The buckets that hold anything, lowest rates first.
    buckets: Vec<SavedBucket>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedBucket {
    /// Its number.
    index: u64,
    rates: f64,
    /// Both without the zeros at the end.
    confirmed: Vec<f64>,
    failed: Vec<f64>,
}

impl FeeEstimator {
    /// The bytes of a file that [`from_bytes`](Self::from_bytes) reads: what was learned, not what waits.
    ///
    /// The bytes are `cfee`, the version 1 and the CRC-32C of version and body (four bytes each, least significant first),
    /// then the body in bincode: the height of the last block, and each bucket that holds anything with its number, the sum
    /// of its rates, and how many waited how many blocks, confirmed and not.
    pub fn to_bytes(&self) -> Vec<u8> {
        let empty = Bucket::default();
        let buckets = (0..).zip(&self.history.buckets).filter(|(_, bucket)| **bucket != empty);
        let buckets = buckets.map(|(index, bucket)| SavedBucket {
            index,
            rates: bucket.rates,
            confirmed: trimmed(&bucket.confirmed),
            failed: trimmed(&bucket.failed),
        });
        KIND.write(&Body { tip: self.history.tip.map(Height::to_u32), buckets: buckets.collect() })
    }

    /// An estimator that knows what the one knew that [wrote](Self::to_bytes) `bytes`, and follows nothing yet.
    ///
    /// # Errors
    /// A [`FileError`] when the bytes are damaged, of another file or another version, or hold figures that cannot be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let Body { tip, buckets } = KIND.read(bytes)?;
        let mut history = History::default();
        history.tip = tip.map(Height::new);
        for saved in buckets {
            let index = saved.index;
            let bucket = read(&saved).ok_or(FileError::Bucket { index })?;
            let place = usize::try_from(index).ok().and_then(|place| history.buckets.get_mut(place));
            *place.ok_or(FileError::Bucket { index })? = bucket;
        }
        Ok(Self { history })
    }
}

fn trimmed(waits: &Waits) -> Vec<f64> {
    let length = waits.iter().rposition(|number| *number != 0.0).map_or(0, |last| last + 1);
    waits[..length].to_vec()
}

fn read(saved: &SavedBucket) -> Option<Bucket> {
    let figure = |number: &f64| (0.0..=LIMIT).contains(number);
    let waits = |numbers: &[f64]| {
        let mut waits = Bucket::default().confirmed;
        waits.get_mut(..numbers.len())?.copy_from_slice(numbers);
        numbers.iter().all(figure).then_some(waits)
    };
    let bucket =
        Bucket { rates: saved.rates, confirmed: waits(&saved.confirmed)?, failed: waits(&saved.failed)? };
    figure(&bucket.rates).then_some(bucket)
}
