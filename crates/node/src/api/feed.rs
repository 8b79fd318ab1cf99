//! The event log, from disk and live.

use std::sync::Arc;

use cairn_chainstate::{ChainEvent, ChainStateError, EventId};
use cairn_primitives::{BlockHash, Header, Reader, Work};
use cairn_rpc::{ApiError, Event, EventFeed, EventSpan, PoolEvent};
use tokio::sync::broadcast;
use tracing::debug;

use super::{Service, unreadable};
use crate::events::{Headers, translate};
use crate::growth::on_growth;

/// Events published in one go before the next look at the log.
const LIVE_BATCH: usize = 256;

impl Headers for Service {
    fn header(&self, hash: &BlockHash) -> Option<(Header, Work)> {
        self.reader.header(hash).map(|info| (info.header, info.work))
    }

    fn tx_count(&self, hash: &BlockHash) -> Option<u32> {
        // The block was checked when it came: its front is all that is read of it.
        let bytes = self.reader.block_bytes(hash).ok().flatten()?;
        let count = Reader::new(bytes.get(Header::SIZE..)?).compact_size().ok()?;
        u32::try_from(count).ok()
    }
}

impl EventFeed for Service {
    fn span(&self) -> Result<EventSpan, ApiError> {
        // Nothing is ever dropped from the log.
        Ok(EventSpan { oldest: 0, latest: self.reader.last_event().to_u64() })
    }

    fn events_since(&self, since: u64, limit: usize) -> Result<Vec<Event>, ApiError> {
        // A reorganisation needs the entries of both branches to become one event: read on until it is complete.
        let mut wanted = limit.saturating_add(1);
        loop {
            let log = self.log_since(since, wanted).map_err(unreadable)?;
            let at_end = log.len() < wanted;
            let mut translated = translate(&log, self);
            if !translated.events.is_empty() || at_end {
                translated.events.truncate(limit);
                return Ok(translated.events);
            }
            wanted = wanted.saturating_mul(4);
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    fn subscribe_pool(&self) -> broadcast::Receiver<PoolEvent> {
        self.pool.subscribe()
    }
}

impl Service {
    fn log_since(&self, since: u64, count: usize) -> Result<Vec<ChainEvent>, ChainStateError> {
        self.reader.events(EventId::new(since)).take(count).collect()
    }

    /// Publishes new events until the chain's writer is gone. Blocks; runs on a thread of its own.
    pub(crate) fn publish(&self) {
        let mut last = self.reader.last_event().to_u64();
        on_growth(&self.reader, &self.stop, || match self.publish_from(last) {
            Ok(now_at) => last = now_at,
            Err(error) => debug!(%error, "events could not be read"),
        });
    }

    fn publish_from(&self, mut last: u64) -> Result<u64, ApiError> {
        loop {
            let events = self.events_since(last, LIVE_BATCH)?;
            let Some(newest) = events.last().map(|event| event.id) else { return Ok(last) };
            last = newest;
            for event in events {
                // No receiver at all is no failure.
                let _ = self.events.send(Arc::new(event));
            }
        }
    }
}
