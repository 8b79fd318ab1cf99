//! Starts the real programs and talks to them as a user would: arguments, exit codes, plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest a test waits for anything a node should do at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A command with no settings from the environment.
pub(crate) fn cairn_node() -> Command {
    program(env!("CARGO_BIN_EXE_cairn-node"))
}

/// A program with no settings from the environment.
pub(crate) fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end with the given arguments.
pub(crate) fn run(args: &[&str]) -> Output {
    cairn_node().args(args).stdin(Stdio::null()).output().expect("the program starts")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The last line of standard output, as JSON.
pub(crate) fn last_json(output: &Output) -> Value {
    let text = stdout(output);
    let line = text.lines().last().unwrap_or_else(|| panic!("no output; stderr: {}", stderr(output)));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
}

/// The folder with real blocks, or `None` (said by name) where it is missing.
pub(crate) fn data(test: &str, file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("CAIRN_DATA").map_or(root, PathBuf::from).join(file);
    if !path.exists() {
        println!("skipped: {test} needs {}", path.display());
        return None;
    }
    Some(path)
}

/// A running node. Killed when dropped.
pub(crate) struct Node {
    child: Child,
    lines: Receiver<String>,
    pub(crate) addr: SocketAddr,
}

impl Node {
    /// Starts `cairn-node` with these arguments and a free port, and waits until it says where it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), args)
    }

    /// As [`start`](Self::start), answering at this address.
    pub(crate) fn start_at(rpc: SocketAddr, args: &[&str]) -> Self {
        let mut child = cairn_node()
            .args(args)
            .args(["--rpc-bind", &rpc.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut node = Self { child, lines, addr: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let line = node.wait_for_line(|line| line.contains("http://"));
        let after = line.split("http://").nth(1).expect("just matched");
        let addr = after.split(|c: char| c == '/' || c.is_whitespace()).next().expect("split gives one");
        node.addr = addr.parse().unwrap_or_else(|_| panic!("no address in {line:?}"));
        node
    }

    /// The next line of output that satisfies the condition.
    pub(crate) fn wait_for_line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("the line did not come in {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the node ended: {:?}", self.child.wait()),
            }
        }
    }

    /// `GET path`: status code and JSON body.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = http(self.addr, &format!("GET {path} HTTP/1.1"), "");
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    pub(crate) fn height(&self) -> u64 {
        self.get("/status").1["height"].as_u64().expect("a height")
    }

    /// Asks until the chain has this height.
    pub(crate) fn wait_for_height(&self, height: u64, patience: Duration) -> u64 {
        let end = Instant::now() + patience;
        loop {
            let now = self.height();
            if now >= height {
                return now;
            }
            assert!(Instant::now() < end, "height {now} after {patience:?}, wanted {height}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Bytes of memory the process holds now.
    pub(crate) fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel says it");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the node runs");
        self.child.wait().expect("the node was started");
    }

    /// Sends a signal by name and returns how the node ended and how long that took.
    pub(crate) fn signal(mut self, name: &str) -> (ExitStatus, Duration) {
        let start = Instant::now();
        let pid = self.child.id().to_string();
        let sent =
            Command::new("kill").args([&format!("-{name}"), pid.as_str()]).status().expect("kill exists");
        assert!(sent.success());
        (self.child.wait().expect("the node was started"), start.elapsed())
    }

    /// Waits for the node to end by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("the node was started")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Already gone after `kill`, `signal` and `wait`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP exchange over a fresh connection, written by hand so that it shares no code with the server.
pub(crate) fn http(addr: SocketAddr, request_line: &str, body: &str) -> (u16, String) {
    let head = format!(
        "{request_line}\r\nHost: {addr}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    raw_http(addr, &format!("{head}{body}"))
}

/// Sends the text as it is and reads to the end.
pub(crate) fn raw_http(addr: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).expect("the node listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is accepted");
    stream.write_all(request.as_bytes()).expect("the node reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the node answers text");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), body.to_owned())
}

/// The data of the first `count` events of a stream, heartbeats and the opening snapshot left out.
pub(crate) fn events(addr: SocketAddr, path: &str, count: usize) -> Vec<Value> {
    let mut stream = TcpStream::connect(addr).expect("the node listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is accepted");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").expect("the node reads");
    let mut found = Vec::new();
    let mut kind = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line.expect("the stream goes on");
        if let Some(name) = line.strip_prefix("event:") {
            name.trim().clone_into(&mut kind);
        } else if let Some(data) = line.strip_prefix("data:").filter(|_| kind != "snapshot" && kind != "ping")
        {
            found.push(serde_json::from_str(data).expect("data is JSON"));
            if found.len() == count {
                return found;
            }
        }
    }
    panic!("the stream ended after {} events", found.len());
}
