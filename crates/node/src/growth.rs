//! Waiting for the chain's event log to grow.

use std::time::Duration;

use cairn_chainstate::ChainReader;

use crate::stop::Stop;

/// How often the waiting thread looks whether the node is stopping.
const POLL_STOP: Duration = Duration::from_millis(200);

/// Calls `look` once, and again whenever the log may have grown, until the node stops. Blocks.
///
/// A notification only says that there is more: whoever looks reads the log. So nothing is lost when this thread is too slow for the
/// notifications and has to subscribe again.
pub(crate) fn on_growth(reader: &ChainReader, stop: &Stop, mut look: impl FnMut()) {
    'subscribed: loop {
        let notifications = reader.subscribe();
        loop {
            look();
            if stop.is_asked() {
                return;
            }
            if notifications.recv_timeout(POLL_STOP).is_err_and(|error| error.is_disconnected()) {
                continue 'subscribed;
            }
            while notifications.try_recv().is_ok() {}
        }
    }
}
