//! Connections that others open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::clock::Clock;
use super::engine::Input;
use super::rate::AcceptRate;

/// Connections that may be open before the manager has said whether it wants them. So there are never more of these
/// and its own [`max_inbound`](crate::PeerConfig::max_inbound) together; others wait unaccepted.
const AHEAD: usize = 16;
/// Time between two connections in the long run, whoever opens them.
const PACE: Duration = Duration::from_millis(4);
/// How far the pace may be ahead: a burst of 256 connections.
const BURST: Duration = PACE.saturating_mul(256);
/// Time until it is tried again after the system refused a connection, most likely for lack of file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections as long as someone wants them. One whose address opens them too fast is closed at once; when all
/// together come too fast, they wait to be accepted.
pub(super) async fn listen(listener: TcpListener, clock: Clock, inbox: mpsc::Sender<Input>) {
    let ahead = Arc::new(Semaphore::new(AHEAD));
    let mut rate = AcceptRate::default();
    let mut paid_until = Instant::now();
    while let Ok(permit) = ahead.clone().acquire_owned().await {
        let (stream, addr) = match listener.accept().await {
            Ok((stream, addr)) => (stream, canonical(addr)),
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        };
        let now = Instant::now();
        paid_until = paid_until.max(now) + PACE;
        if rate.allows(clock.now(), addr.ip())
            && inbox.send(Input::Accepted { stream, addr, _permit: permit }).await.is_err()
        {
            return;
        }
        if paid_until > now + BURST {
            sleep_until(paid_until - BURST).await;
        }
    }
}

fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}
