//! `/events`: the event log as server-sent events, from any id on, and then live.
//!
//! One task a subscriber carries events from the node to a bounded buffer. It reads the log until nothing is left, then
//! listens; when it has missed something while it waited for its subscriber, it goes back to the log. So nothing is lost,
//! nothing comes twice, and a subscriber who takes nothing costs its buffer and is then cut off; it can resume where it was.
//!
//! What happens to the pool (`tx`, `tx_removed`, `mempool`) is in no log and has no id: it comes as long as the subscriber keeps up, and
//! what is missed is gone. Without an id of their own such events leave a browser's last id at the last one of the log.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::client_key::ClientKey;
use super::reply::HttpError;
use super::request::{Params, number};
use super::slots::Full;
use super::state::{Shared, to_json, until_stopping};
use crate::api::{EventFeed, NodeApi};
use crate::dto::{Event, EventKind, EventSpan, EventType, PoolEvent};
use crate::error::ApiError;

/// Events read from the log at once.
const LOG_PAGE: usize = 64;
/// What a client is told to wait before it comes back, in milliseconds.
const RETRY_MS: u32 = 2_000;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The types a subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter(Vec<EventType>);

impl Filter {
    fn wants(&self, kind: EventType) -> bool {
        self.0.contains(&kind)
    }
}

impl FromStr for Filter {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        let rule = "is a comma-separated list of snapshot, block, reorg, tx, tx_removed, mempool, ping";
        let unknown = || HttpError::BadQuery { name: "types".to_owned(), rule };
        text.split(',')
            .map(|name| EventType::named(name).ok_or_else(unknown))
            .collect::<Result<_, _>>()
            .map(Filter)
    }
}

pub(crate) async fn events<A>(
    State(node): State<Arc<Shared<A>>>,
    Extension(client): Extension<ClientKey>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, HttpError>
where
    A: NodeApi<Error = ApiError> + EventFeed,
{
    let params = Params::parse(&uri, &["types", "since"])?;
    let filter = params.get("types").map_or(Ok(Filter(EventType::ALL.to_vec())), str::parse)?;
    // A browser that reconnects repeats the address with its old `since`; the header says how far it really got.
    let since = match last_event_id(&headers)? {
        None => params.number("since", "must be an event id, a number from 0 to 2^64 - 1")?,
        id => id,
    };
    let slot = node.subscriptions.take(client).map_err(|full| match full {
        Full::Total => HttpError::Subscriptions { limit: node.config.max_subscriptions },
        Full::Client => HttpError::ClientSubscriptions { limit: node.config.max_subscriptions_per_client },
    })?;
    let (out, frames) = mpsc::channel(node.config.subscription_buffer.max(1));
    // Listening starts before the log is read, or what happens between the two would be missed.
    let live = node.api.subscribe();
    let pool = node.api.subscribe_pool();
    let span = node.call(A::span).await?;
    let last = since.filter(|id| *id <= span.latest).map_or(Place::Nowhere, Place::After);
    let stopping = node.stopping.clone();
    let _ = out.try_send(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
    let pump = Pump { node, filter, out, live, pool, last, sent: Instant::now(), stopping };
    tokio::spawn(async move {
        pump.run().await;
        drop(slot);
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(ReceiverStream::new(frames).map(Ok::<_, Infallible>))).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, HttpError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let id = value.to_str().ok().and_then(number);
    let bad = HttpError::BadHeader { name: "Last-Event-ID", rule: "must be a number from 0 to 2^64 - 1" };
    id.map(Some).ok_or(bad)
}

/// How far a subscriber has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It knows nothing yet, or less than the log still holds: it gets a snapshot.
    Nowhere,
    /// It has everything up to this id.
    After(u64),
}

/// Carries events from the node to one subscriber.
struct Pump<A> {
    node: Arc<Shared<A>>,
    filter: Filter,
    out: mpsc::Sender<Bytes>,
    live: broadcast::Receiver<Arc<Event>>,
    pool: broadcast::Receiver<PoolEvent>,
    last: Place,
    /// When something was last sent.
    sent: Instant,
    stopping: watch::Receiver<bool>,
}

/// The stream is over: the subscriber left or was cut off, or the server stops.
struct Over;

impl<A> Pump<A>
where
    A: NodeApi<Error = ApiError> + EventFeed,
{
    async fn run(mut self) {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = until_stopping(&mut stopping) => {}
            Over = self.carry() => {}
        }
    }

    async fn carry(&mut self) -> Over {
        loop {
            match self.catch_up().await {
                Ok(()) => {}
                Err(over) => return over,
            }
            match self.listen().await {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(over) => return over,
            }
        }
    }

    /// Sends what the log holds beyond `last`, until nothing is left.
    async fn catch_up(&mut self) -> Result<(), Over> {
        loop {
            let Place::After(last) = self.last else {
                self.snapshot().await?;
                continue;
            };
            let page = self.node.call(move |api| Ok((api.span()?, api.events_since(last, LOG_PAGE)?))).await;
            let (span, events) = page.map_err(|error| self.broken(&error))?;
            if last < span.oldest {
                self.last = Place::Nowhere;
                continue;
            }
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.event(&event).await?;
            }
        }
    }

    /// Sends new events as they come. Continues with the log when some were missed.
    async fn listen(&mut self) -> ControlFlow<Over> {
        loop {
            let ping_at = self.sent + self.node.config.ping_interval;
            let sent = tokio::select! {
                () = self.out.closed() => Err(Over),
                () = sleep_until(ping_at) => self.ping().await,
                received = self.live.recv() => match received {
                    Ok(event) => self.event(&event).await,
                    Err(RecvError::Lagged(_)) => return ControlFlow::Continue(()),
                    Err(RecvError::Closed) => Err(Over),
                },
                received = self.pool.recv() => match received {
                    Ok(event) => self.pool_event(&event).await,
                    // Lost to this subscriber.
                    Err(RecvError::Lagged(_)) => Ok(()),
                    Err(RecvError::Closed) => Err(Over),
                },
            };
            if let Err(over) = sent {
                return ControlFlow::Break(over);
            }
        }
    }

    /// Tells the node's state, and from which id on to follow. The id is read first: what happens in between comes again as an
    /// event rather than never.
    async fn snapshot(&mut self) -> Result<(), Over> {
        let state = self.node.call(|api| Ok((api.span()?, api.status()?))).await;
        let (EventSpan { latest, .. }, status) = state.map_err(|error| self.broken(&error))?;
        self.last = Place::After(latest);
        if !self.filter.wants(EventType::Snapshot) {
            // An id without data moves a browser's last id and is no event.
            return self.send(format!("id: {latest}\n\n").into()).await;
        }
        let data = to_json(&status).map_err(|error| self.broken(&error))?;
        self.send(frame(EventType::Snapshot, Some(latest), &data)).await
    }

    async fn event(&mut self, event: &Event) -> Result<(), Over> {
        if matches!(self.last, Place::After(last) if event.id <= last) {
            return Ok(());
        }
        self.last = Place::After(event.id);
        let kind = EventType::from(&event.kind);
        if !self.filter.wants(kind) {
            return Ok(());
        }
        let data = match &event.kind {
            EventKind::Block(block) => to_json(block),
            EventKind::Reorg(reorg) => to_json(reorg),
        };
        let data = data.map_err(|error| self.broken(&error))?;
        self.send(frame(kind, Some(event.id), &data)).await
    }

    async fn pool_event(&mut self, event: &PoolEvent) -> Result<(), Over> {
        let kind = EventType::from(event);
        if !self.filter.wants(kind) {
            return Ok(());
        }
        let data = match event {
            PoolEvent::Tx(tx) => to_json(tx),
            PoolEvent::TxRemoved(removed) => to_json(removed),
            PoolEvent::Mempool(pool) => to_json(pool),
        };
        let data = data.map_err(|error| self.broken(&error))?;
        self.send(frame(kind, None, &data)).await
    }

    /// Something must be sent in silence, or a dead connection is never noticed: a comment for whom wants no pings.
    async fn ping(&mut self) -> Result<(), Over> {
        if !self.filter.wants(EventType::Ping) {
            return self.send(Bytes::from_static(b":\n\n")).await;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let id = if let Place::After(last) = self.last { Some(last) } else { None };
        self.send(frame(EventType::Ping, id, format!("{{\"ts\":{now}}}").as_bytes())).await
    }

    async fn send(&mut self, frame: Bytes) -> Result<(), Over> {
        match timeout(self.node.config.subscription_stall_timeout, self.out.send(frame)).await {
            Ok(Ok(())) => {
                self.sent = Instant::now();
                Ok(())
            }
            Ok(Err(_)) => Err(Over),
            Err(_) => {
                tracing::debug!("a subscriber took nothing for too long and was cut off");
                let help = "Subscribers cut off because they took nothing.";
                self.node.metrics.counter("cairn_http_subscriptions_cut_off_total", help).increment(1);
                Err(Over)
            }
        }
    }

    fn broken(&self, error: &HttpError) -> Over {
        tracing::warn!(%error, "an event stream ends: the node cannot be read");
        Over
    }
}

/// One event as it travels; `data` is JSON and so has no line break.
fn frame(kind: EventType, id: Option<u64>, data: &[u8]) -> Bytes {
    let mut text = format!("event: {}\n", kind.name()).into_bytes();
    if let Some(id) = id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    text.extend_from_slice(b"data: ");
    text.extend_from_slice(data);
    text.extend_from_slice(b"\n\n");
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_know_their_types_and_no_others() {
        assert_eq!("block,ping".parse(), Ok(Filter(vec![EventType::Block, EventType::Ping])));
        for bad in ["peer", "block,", ",", "Block", "block, reorg", "block,pool"] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_frame_has_type_id_and_one_line_of_data() {
        assert_eq!(frame(EventType::Block, Some(7), b"{}"), "event: block\nid: 7\ndata: {}\n\n");
        assert_eq!(frame(EventType::Ping, None, b"{}"), "event: ping\ndata: {}\n\n");
    }

    #[test]
    fn the_last_event_id_is_a_number_or_absent() {
        let id =
            |value: &str| last_event_id(&HeaderMap::from_iter([(LAST_EVENT_ID, value.parse().unwrap())]));
        assert_eq!(id("17"), Ok(Some(17)));
        assert_eq!(id(""), Ok(None));
        for bad in ["-1", "x", "18446744073709551616", "+1", "1 2"] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }
}
