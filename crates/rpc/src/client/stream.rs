//! One connection to `/events`: an answer without an end, read line by line.
//!
//! The HTTP client behind [`Client`](super::Client) limits the time of a whole answer; this answer ends only when one side leaves, and what
//! counts is how long nothing comes. So it is read here, from the socket.

use std::io::{self, BufRead, BufReader, Read, Take, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{CONNECT_TIME, ClientError};
use crate::dto::ErrorBody;

/// A node sends something every 15 seconds; after this much silence the connection is dead.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// How often a waiting reader looks whether it is wanted.
const SLICE: Duration = Duration::from_millis(200);
/// The most bytes of an answer's status line and headers.
const HEAD_MAX: u64 = 16 * 1024;
/// The most bytes of an answer that is no stream.
const REFUSAL_MAX: u64 = 64 * 1024;
/// The most bytes of one event.
pub(super) const EVENT_MAX: usize = 16 * 1024 * 1024;

/// Ends the wait of an event stream, from any thread.
#[derive(Debug, Clone, Default)]
pub struct EventsStop(Arc<(Mutex<bool>, Condvar)>);

impl EventsStop {
    /// Lets the stream end: within a fifth of a second, or five seconds when it is just connecting.
    pub fn stop(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether [`EventsStop::stop`] was called.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or until stopped; says whether it was.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let stopped = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(stopped, time, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What one event says, before it is read as JSON.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) event: String,
    pub(super) id: Option<u64>,
    pub(super) data: Vec<u8>,
}

/// An open stream.
pub(super) struct EventStream {
    lines: BufReader<Chunks<BufReader<Patient>>>,
    base: String,
}

impl EventStream {
    /// Asks the node at `base` (`http://host:port`) for `path`.
    pub(super) fn open(
        base: &str,
        path: &str,
        last_id: Option<u64>,
        stop: &EventsStop,
    ) -> Result<Self, ClientError> {
        let authority = base.strip_prefix("http://").unwrap_or(base);
        let mut socket = connect(base, authority)?;
        let resume = last_id.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {authority}\r\naccept: text/event-stream\r\n{resume}connection: close\r\n\r\n"
        );
        let broken = |error: io::Error| ClientError::of_io(base, &error);
        socket.write_all(request.as_bytes()).map_err(broken)?;
        let mut reader = BufReader::new(Patient { socket, stop: stop.clone() });
        let head = Head::read(&mut reader).map_err(broken)?;
        let not_a_node = ClientError::NotANode { base: base.to_owned(), status: head.status };
        if head.status != 200 {
            let mut body = Vec::new();
            let length = head.content_length.unwrap_or(REFUSAL_MAX).min(REFUSAL_MAX);
            reader.take(length).read_to_end(&mut body).map_err(broken)?;
            let refusal: Option<ErrorBody> = serde_json::from_slice(&body).ok();
            return Err(refusal.map_or(not_a_node, |body| ClientError::Refused { status: head.status, body }));
        }
        if !head.chunked || !head.event_stream {
            return Err(not_a_node);
        }
        let lines = BufReader::new(Chunks { inner: reader, left: 0, ended: false });
        Ok(Self { lines, base: base.to_owned() })
    }

    /// The next event; one without data only tells an id.
    pub(super) fn next(&mut self) -> Result<Frame, ClientError> {
        read_frame(&mut self.lines).map_err(|error| match error {
            FrameError::Io(error) => ClientError::of_io(&self.base, &error),
            FrameError::TooLarge => ClientError::TooLarge { limit: EVENT_MAX as u64 },
        })
    }
}

fn connect(base: &str, authority: &str) -> Result<TcpStream, ClientError> {
    let unreachable = || ClientError::Unreachable { base: base.to_owned() };
    let named = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let target = if named { authority.to_owned() } else { format!("{authority}:80") };
    let addresses = target.to_socket_addrs().map_err(|_| unreachable())?;
    let deadline = Instant::now() + CONNECT_TIME;
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let Ok(socket) = TcpStream::connect_timeout(&address, left) else { continue };
        let ready = socket
            .set_read_timeout(Some(SLICE))
            .and_then(|()| socket.set_write_timeout(Some(CONNECT_TIME)))
            .and_then(|()| socket.set_nodelay(true));
        if ready.is_ok() {
            return Ok(socket);
        }
    }
    Err(unreachable())
}

/// A socket that waits for [`IDLE_TIME`], but never past its stop.
struct Patient {
    socket: TcpStream,
    stop: EventsStop,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let deadline = Instant::now() + IDLE_TIME;
        loop {
            if self.stop.is_stopped() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            match self.socket.read(buffer) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
                        && Instant::now() < deadline => {}
                outcome => return outcome,
            }
        }
    }
}

/// What matters of an answer's status line and headers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    status: u16,
    chunked: bool,
    event_stream: bool,
    content_length: Option<u64>,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut reader = reader.take(HEAD_MAX);
        let status = text_line(&mut reader)?;
        let status = status.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let mut head = Self { status: status.unwrap_or(0), ..Self::default() };
        loop {
            let line = text_line(&mut reader)?;
            let Some((name, value)) = line.split_once(':') else {
                return if line.is_empty() { Ok(head) } else { Err(io::ErrorKind::InvalidData.into()) };
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "content-type" => head.event_stream = value.starts_with("text/event-stream"),
                "content-length" => head.content_length = value.parse().ok(),
                _ => {}
            }
        }
    }
}

/// A line without its end. A line that breaks off, at the limit or at the end, is an error.
fn text_line<R: BufRead>(reader: &mut Take<R>) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// A body in chunks (RFC 9112, section 7.1), without its frames.
struct Chunks<R> {
    inner: R,
    left: u64,
    ended: bool,
}

impl<R: BufRead> Chunks<R> {
    /// The most bytes of a chunk's size line.
    const SIZE_LINE_MAX: u64 = 256;

    fn next(&mut self) -> io::Result<()> {
        let line = text_line(&mut self.inner.by_ref().take(Self::SIZE_LINE_MAX))?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(digits, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        self.ended = self.left == 0;
        Ok(())
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.next()?;
        }
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let got = self.inner.by_ref().take(self.left).read(buffer)?;
        self.left -= got as u64;
        match got {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if self.left > 0 => Ok(got),
            _ => match text_line(&mut self.inner.by_ref().take(2))?.is_empty() {
                true => Ok(got),
                false => Err(io::ErrorKind::InvalidData.into()),
            },
        }
    }
}

#[derive(Debug)]
enum FrameError {
    Io(io::Error),
    TooLarge,
}

/// Reads up to the empty line that ends an event; comments and unknown fields are skipped.
fn read_frame(lines: &mut impl BufRead) -> Result<Frame, FrameError> {
    let mut frame = Frame::default();
    let mut total = 0;
    loop {
        let mut line = Vec::new();
        let left = (EVENT_MAX - total) as u64 + 1;
        let got = lines.by_ref().take(left).read_until(b'\n', &mut line).map_err(FrameError::Io)?;
        total += got;
        if total > EVENT_MAX {
            return Err(FrameError::TooLarge);
        }
        if line.pop() != Some(b'\n') {
            return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.is_empty() {
            if frame != Frame::default() {
                return Ok(frame);
            }
            total = 0;
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"event" => frame.event = String::from_utf8_lossy(value).into_owned(),
            b"id" => frame.id = std::str::from_utf8(value).ok().and_then(|id| id.parse().ok()),
            b"data" if frame.data.is_empty() => frame.data = value.to_vec(),
            b"data" => {
                frame.data.push(b'\n');
                frame.data.extend_from_slice(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(text: &[u8]) -> Vec<Frame> {
        let mut reader = BufReader::with_capacity(3, text);
        std::iter::from_fn(|| read_frame(&mut reader).ok()).collect()
    }

    #[test]
    fn an_event_ends_with_an_empty_line() {
        let text = b"retry: 2000\n\n: hello\n\nevent: block\nid: 7\ndata: {}\n\nid: 9\n\ndata: a\r\ndata:b\n\ndata: half";
        let expected = [
            Frame { event: "block".to_owned(), id: Some(7), data: b"{}".to_vec() },
            Frame { id: Some(9), ..Frame::default() },
            Frame { data: b"a\nb".to_vec(), ..Frame::default() },
        ];
        assert_eq!(frames(text), expected);
    }

    #[test]
    fn an_event_has_a_largest_size() {
        let event = |length: usize| [b"data:".as_slice(), &vec![b'x'; length], b"\n\n"].concat();
        let fits = EVENT_MAX - "data:\n\n".len();
        assert_eq!(frames(&event(fits)).len(), 1);
        let past = read_frame(&mut event(fits + 1).as_slice());
        assert!(matches!(past, Err(FrameError::TooLarge)));
        let endless = read_frame(&mut BufReader::new(io::repeat(b'x')));
        assert!(matches!(endless, Err(FrameError::TooLarge)));
    }

    fn unchunked(text: &[u8]) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        Chunks { inner: text, left: 0, ended: false }.read_to_end(&mut body).map(|_| body)
    }

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunked(b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n").unwrap(), b"abc0123456789");
        for bad in [
            &b""[..],
            b"3\r\nab",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"-1\r\n\r\n",
            b"x\r\n",
            b"3\r\nabc\r\n",
            b"fffffffffffffffff\r\n",
        ] {
            assert!(unchunked(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        let long = format!("{}1\r\na\r\n0\r\n\r\n", "0".repeat(300));
        assert!(unchunked(long.as_bytes()).is_err());
    }

    #[test]
    fn a_head_is_read_up_to_its_limit() {
        let head = |text: &str| Head::read(&mut text.as_bytes());
        let read =
            head("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        let expected = Head { status: 200, chunked: true, event_stream: true, content_length: None };
        assert_eq!(read.unwrap(), expected);
        assert_eq!(head("SSH-2.0\r\n\r\n").unwrap().status, 0);
        assert!(head("HTTP/1.1 200 OK\r\nno colon\r\n\r\n").is_err());
        assert!(head("HTTP/1.1 200 OK\r\na: b\r\n").is_err());
        let long = |length: usize| format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(length));
        let fits = HEAD_MAX as usize - long(0).len();
        assert!(head(&long(fits)).is_ok());
        assert!(head(&long(fits + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            frames(&bytes);
            let _ = unchunked(&bytes);
            let _ = Head::read(&mut bytes.as_slice());
        }
    }
}
