//! A server in a thread, and HTTP spoken by hand.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cairn_rpc::{AdminToken, Client, HttpConfig, Server};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::fake::FakeNode;

/// No test waits longer than this for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Between two looks at something that takes its time; short of any rate limit.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// A server on a free loopback port, stopped when dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) node: Arc<FakeNode>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(HttpConfig::default())
    }

    pub(crate) fn with(config: HttpConfig) -> Self {
        Self::with_node(config, FakeNode::new(12))
    }

    pub(crate) fn with_node(config: HttpConfig, node: Arc<FakeNode>) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), config, node)
    }

    /// A server at an address that another one has just left.
    pub(crate) fn at(address: SocketAddr, config: HttpConfig, node: Arc<FakeNode>) -> Self {
        let token = AdminToken::parse(TOKEN).unwrap();
        let server = Server::bind(address, Arc::clone(&node), token, config).unwrap();
        let address = server.local_addr();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(server.serve(async { drop(stopped.await) })).unwrap();
            runtime.shutdown_timeout(Duration::from_millis(100));
        });
        Self { address, node, shutdown: Some(shutdown), thread: Some(thread) }
    }

    /// Stops the server and waits until it is down.
    pub(crate) fn stop(&mut self) {
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address)).unwrap()
    }

    pub(crate) fn admin(&self) -> Client {
        self.client().with_token(AdminToken::parse(TOKEN).unwrap())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends `request` as it is and reads one answer.
    pub(crate) fn raw(&self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = self.connect();
        stream.write_all(request)?;
        Answer::read(&mut BufReader::new(stream))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], body.as_bytes())
    }

    /// A POST with the admin token.
    pub(crate) fn post_admin(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("authorization", &format!("Bearer {TOKEN}"))], body.as_bytes())
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.raw(&request(method, path, headers, body)).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.node.close_gate(false);
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A request's bytes; `Host` is localhost unless `headers` name another.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" || !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let (status, headers) = read_head(stream)?;
        let mut answer = Self { status, headers, body: Vec::new() };
        if let Some(length) = answer.header("content-length") {
            answer.body.resize(length.parse().unwrap(), 0);
            stream.read_exact(&mut answer.body)?;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = read_chunk(stream)? {
                answer.body.extend_from_slice(&chunk);
            }
        }
        Ok(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The error code of an answer with this status, checked to be a whole JSON error.
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) type Headers = Vec<(String, String)>;

pub(crate) fn read_head(stream: &mut impl BufRead) -> io::Result<(u16, Headers)> {
    let line = read_line(stream)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { return Ok((status, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn read_chunk(stream: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(stream)?;
    let length = usize::from_str_radix(&line, 16).map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let mut chunk = vec![0; length + 2];
    stream.read_exact(&mut chunk)?;
    chunk.truncate(length);
    Ok((length > 0).then_some(chunk))
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sent {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
    pub(crate) comment: bool,
}

/// An open `/events` stream.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    text: String,
}

impl Stream {
    pub(crate) fn open(server: &TestServer, path: &str, last_id: Option<u64>) -> Self {
        Self::try_open(server, path, last_id).unwrap_or_else(|answer| panic!("{answer:?}"))
    }

    pub(crate) fn try_open(server: &TestServer, path: &str, last_id: Option<u64>) -> Result<Self, Answer> {
        let id = last_id.map(|id| id.to_string());
        let headers: Vec<(&str, &str)> = id.iter().map(|id| ("last-event-id", id.as_str())).collect();
        let mut stream = server.connect();
        stream.write_all(&request("GET", path, &headers, b"")).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader).unwrap();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if status == 200 {
            assert_eq!(answer.header("content-type"), Some("text/event-stream"));
            assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
            return Ok(Self { reader, text: String::new() });
        }
        answer.body.resize(answer.header("content-length").unwrap().parse().unwrap(), 0);
        reader.read_exact(&mut answer.body).unwrap();
        Err(answer)
    }

    /// The next event or comment; `None` at the stream's end.
    pub(crate) fn read(&mut self) -> Option<Sent> {
        loop {
            let Some(end) = self.text.find("\n\n") else {
                let chunk = read_chunk(&mut self.reader).ok().flatten()?;
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
                continue;
            };
            let frame: String = self.text.drain(..end + 2).collect();
            if frame.starts_with("retry:") {
                continue;
            }
            let mut sent = Sent::default();
            for line in frame.lines().filter(|line| !line.is_empty()) {
                match line.split_once(':').unwrap() {
                    ("event", name) => sent.event = name.trim().to_owned(),
                    ("id", id) => sent.id = Some(id.trim().parse().unwrap()),
                    ("data", data) => sent.data = serde_json::from_str(data).unwrap(),
                    ("", _) => sent.comment = true,
                    other => panic!("{other:?} is no field of an event"),
                }
            }
            return Some(sent);
        }
    }

    pub(crate) fn expect(&mut self, event: &str) -> Sent {
        let sent = self.read().unwrap_or_else(|| panic!("the stream ended before a {event}"));
        assert_eq!(sent.event, event, "{sent:?}");
        sent
    }
}
