//! Numbers with a unit: amounts, heights, times, weights and locks.

mod amount;
mod chain;
mod lock;

pub use amount::{Amount, DisplayAmount};
pub use chain::{BlockTime, Height, Weight};
pub use lock::{LockTime, LockTimeKind, RelativeLock, Sequence};
