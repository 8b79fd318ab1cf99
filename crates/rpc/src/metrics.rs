//! Counters and gauges as Prometheus text, without a global recorder.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::dto::Status;

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// Upper bounds of the request time buckets, in seconds.
const REQUEST_BUCKETS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];

/// A registry of counters and gauges, served at `/metrics`.
///
/// Several can live in one process: nothing is global. Clones share the same registry.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Metrics {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&REQUEST_BUCKETS)
            .expect("the list of buckets is not empty")
            .build_recorder();
        let metrics = Self { handle: recorder.handle(), recorder: Arc::new(recorder) };
        metrics.describe();
        metrics
    }

    /// A gauge without labels; the same name gives the same gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.recorder.describe_gauge(KeyName::from(name), None, SharedString::from(help));
        self.recorder.register_gauge(&Key::from_static_name(name), &METADATA)
    }

    /// A counter without labels; the same name gives the same counter.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.recorder.describe_counter(KeyName::from(name), None, SharedString::from(help));
        self.recorder.register_counter(&Key::from_static_name(name), &METADATA)
    }

    /// All values in Prometheus text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves recorded times into their buckets; to be called every few seconds, or memory grows with each request.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Counts one answered request. `route` is a path of the route table, never what the client sent.
    pub(crate) fn request(&self, method: &'static str, route: String, status: u16, time: Duration) {
        let route = Label::new("route", route);
        let labels =
            vec![Label::new("method", method), route.clone(), Label::new("status", status.to_string())];
        let key = Key::from_parts("cairn_http_requests_total", labels);
        self.recorder.register_counter(&key, &METADATA).increment(1);
        let key = Key::from_parts("cairn_http_request_seconds", vec![route]);
        self.recorder.register_histogram(&key, &METADATA).record(time.as_secs_f64());
    }

    /// Sets the gauges that tell the node's state.
    pub(crate) fn node(&self, status: &Status) {
        let gauge = |name, help, value: f64| self.gauge(name, help).set(value);
        gauge("cairn_chain_height", "Height of the last connected block.", f64::from(status.height.to_u32()));
        gauge("cairn_headers_height", "Height of the best header known.", f64::from(status.headers.to_u32()));
        gauge("cairn_chain_difficulty", "Difficulty of the tip.", status.difficulty);
        gauge("cairn_sync_progress", "Share of the known chain that is connected, 0 to 1.", status.progress);
        gauge(
            "cairn_initial_download",
            "1 during the initial block download.",
            f64::from(u8::from(status.ibd)),
        );
        gauge("cairn_mempool_transactions", "Unconfirmed transactions held.", count(status.mempool));
        gauge("cairn_peers", "Connected peers.", count(status.peers));
        gauge("cairn_uptime_seconds", "Seconds since the node started.", count(status.uptime_s));
        let left = status
            .background
            .as_ref()
            .map_or(0, |background| background.target.to_u32().saturating_sub(background.height.to_u32()));
        gauge("cairn_background_blocks_left", "Blocks below the snapshot still to be checked.", left.into());
        for index in &status.indexes {
            let label = vec![Label::new("index", index.name.clone())];
            let key = Key::from_parts("cairn_index_behind_events", label);
            let behind = index.target.saturating_sub(index.event);
            self.recorder.register_gauge(&key, &METADATA).set(count(behind));
        }
        let miner = &status.miner;
        gauge("cairn_miner_hashrate_hps", "Measured rate of the node's own miner.", miner.hashrate_hps);
        gauge("cairn_miner_threads", "Worker threads of the node's own miner.", miner.threads.into());
        self.counter("cairn_miner_hashes_total", "Hashes tried since the start.")
            .absolute(miner.total_hashes);
        self.counter("cairn_miner_blocks_found_total", "Blocks found since the start.")
            .absolute(miner.blocks_found);
    }

    fn describe(&self) {
        let requests = SharedString::from("Requests answered, by method, route and status.");
        self.recorder.describe_counter(KeyName::from("cairn_http_requests_total"), None, requests);
        let behind = SharedString::from("Events of the chain that the index has yet to read.");
        self.recorder.describe_gauge(KeyName::from("cairn_index_behind_events"), None, behind);
        let times = SharedString::from("Time from a request's headers to its answer's headers.");
        let name = KeyName::from("cairn_http_request_seconds");
        self.recorder.describe_histogram(name, Some(Unit::Seconds), times);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics(..)")
    }
}

// A gauge is a double; counts are exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
fn count(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_registries_do_not_mix() {
        let (one, two) = (Metrics::new(), Metrics::new());
        one.gauge("cairn_test", "A test.").set(7.0);
        one.counter("cairn_test_total", "A test.").increment(2);
        assert!(one.render().contains("\ncairn_test 7\n"), "{}", one.render());
        assert!(one.render().contains("\ncairn_test_total 2\n"), "{}", one.render());
        assert!(!two.render().contains("cairn_test"));
    }

    #[test]
    fn requests_are_counted_by_route_and_status() {
        let metrics = Metrics::new();
        for status in [200, 200, 404] {
            metrics.request("GET", "/block/{id}".to_owned(), status, Duration::from_millis(3));
        }
        let text = metrics.render();
        let line = r#"cairn_http_requests_total{method="GET",route="/block/{id}",status="200"} 2"#;
        assert!(text.contains(line), "{text}");
        let line = r#"cairn_http_request_seconds_bucket{route="/block/{id}",le="0.005"} 3"#;
        assert!(text.contains(line), "{text}");
    }
}
