//! The time of day, from wherever the caller has it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cairn_primitives::BlockTime;

/// Tells the time to worker threads.
pub type Clock = Arc<dyn Fn() -> BlockTime + Send + Sync>;

/// The machine's clock, held at the ends of what a header can state.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        BlockTime::new(u32::try_from(seconds).unwrap_or(u32::MAX))
    })
}
