//! Keeps pool and peers over restarts: takes in what the last run left, and writes them down now and then and at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::info;

use crate::files::{self, FEES_FILE, MEMPOOL_FILE};
use crate::network::Network;
use crate::pool::Pool;
use crate::stop::Stop;
use crate::writer::now;

/// Time between two savings while the node runs.
const SAVE_EVERY: Duration = Duration::from_secs(10 * 60);
/// How often to look whether the node is stopping.
const POLL_STOP: Duration = Duration::from_millis(200);

/// Runs on a thread of its own, until the node stops.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) pool: Arc<Pool>,
    pub(crate) network: Arc<Network>,
    pub(crate) dir: PathBuf,
    pub(crate) stop: Stop,
}

impl Keeper {
    pub(crate) fn run(self) {
        if !self.load() {
            // Part of the file was offered and all of it is still there; the peers are known nevertheless.
            self.network.save();
            return;
        }
        let mut saved = Instant::now();
        while !self.stop.is_asked() {
            std::thread::sleep(POLL_STOP);
            if saved.elapsed() >= SAVE_EVERY {
                self.save();
                saved = Instant::now();
            }
        }
        self.save();
    }

    /// Offers what the last run left to the pool; `false` if the node stopped meanwhile.
    fn load(&self) -> bool {
        let read = |bytes: &[u8]| self.pool.look(|mempool| mempool.load(bytes, now()));
        let Some(saved) = files::load(&self.dir, MEMPOOL_FILE, read) else { return true };
        let offered = saved.len();
        let mut taken = 0;
        for saved in saved {
            if self.stop.is_asked() {
                return false;
            }
            taken += usize::from(self.pool.accept(saved.tx, saved.time).is_ok());
        }
        info!(offered, taken, "transactions of the last run");
        true
    }

    fn save(&self) {
        let (mempool, fees) = self.pool.save();
        files::save(&self.dir, MEMPOOL_FILE, &mempool);
        files::save(&self.dir, FEES_FILE, &fees);
        self.network.save();
    }
}
