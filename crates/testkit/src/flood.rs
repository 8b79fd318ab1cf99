//! Abuse over real sockets: what a node has to bear from peers that mean it no good.
//!
//! [`flood`] speaks to a running node for some time, as fast as it lets itself be spoken to, and counts. Whether the node
//! bears it is for who runs it to see: by its memory, its processor time, and how it treats others meanwhile.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::str::FromStr;
use std::time::{Duration, Instant};

use cairn_p2p::handshake::MIN_PROTOCOL;
use cairn_p2p::{
    AddressV1, BlockRequest, Codec, Inventory, Message, PeerEndpoint, Services, UnixTime, UserAgent, Version,
};
use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, BlockTime, Header, MerkleRoot, Txid, Work};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Longest wait for the node in a single read or write.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that [`Flood::HalfOpen`] keeps open at once.
const HALF_OPEN: usize = 500;
/// Pause after a connection that the node closed or did not take.
const PAUSE: Duration = Duration::from_millis(20);

/// A way to abuse a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Announces 50,000 transactions that do not exist, again and again.
    Inv,
    /// Tells of 1,000 nodes that do not exist, again and again.
    Addr,
    /// Shows headers of a branch with little work, 2,000 at a time, each time another branch. On a chain whose first block
    /// is not found within a thousand trials the work is not there.
    Headers,
    /// Pings without an end.
    Ping,
    /// Announces a payload of 4 GB and begins to send it.
    Oversized,
    /// Opens connections and says nothing.
    HalfOpen,
    /// Asks for headers and blocks and reads nothing of what comes.
    SlowReader,
}

impl Flood {
    /// Every way.
    pub const ALL: [Self; 7] =
        [Self::Inv, Self::Addr, Self::Headers, Self::Ping, Self::Oversized, Self::HalfOpen, Self::SlowReader];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inv => "inv",
            Self::Addr => "addr",
            Self::Headers => "headers",
            Self::Ping => "ping",
            Self::Oversized => "oversized",
            Self::HalfOpen => "half-open",
            Self::SlowReader => "slow-reader",
        }
    }
}

/// The text names no [`Flood`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFlood;

impl FromStr for Flood {
    type Err = UnknownFlood;

    fn from_str(text: &str) -> Result<Self, UnknownFlood> {
        Self::ALL.into_iter().find(|flood| flood.name() == text).ok_or(UnknownFlood)
    }
}

/// What was thrown at the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloodReport {
    /// Connections that were opened.
    pub connections: u64,
    /// Messages that were sent whole.
    pub messages: u64,
    /// Bytes that the node's side took.
    pub bytes: u64,
}

/// Abuses the node at `target` for `time`. The node may close connections as it likes: they are opened again.
pub fn flood(kind: Flood, target: SocketAddr, spec: &ChainSpec, time: Duration) -> FloodReport {
    let end = Instant::now() + time;
    let mut attack = Attack {
        kind,
        target,
        codec: Codec::for_chain(spec),
        genesis: spec.genesis_block().header,
        rng: ChaCha12Rng::seed_from_u64(kind as u64),
        report: FloodReport::default(),
    };
    if kind == Flood::HalfOpen {
        attack.half_open(end);
    } else {
        while Instant::now() < end {
            // However a connection ends, the next begins.
            let _ = attack.connection(end);
            std::thread::sleep(PAUSE);
        }
    }
    attack.report
}

struct Attack {
    kind: Flood,
    target: SocketAddr,
    codec: Codec,
    genesis: Header,
    rng: ChaCha12Rng,
    report: FloodReport,
}

impl Attack {
    fn connection(&mut self, end: Instant) -> io::Result<()> {
        let mut stream = self.open()?;
        self.shake_hands(&mut stream)?;
        while Instant::now() < end {
            match self.kind {
                Flood::Oversized => self.oversized(&mut stream)?,
                _ => {
                    let message = self.message();
                    self.send(&mut stream, &message)?;
                }
            }
            if self.kind != Flood::SlowReader {
                drain(&mut stream)?;
            }
        }
        Ok(())
    }

    fn half_open(&mut self, end: Instant) {
        let mut held = std::collections::VecDeque::new();
        while Instant::now() < end {
            match self.open() {
                Ok(stream) => held.push_back(stream),
                Err(_) => std::thread::sleep(PAUSE),
            }
            if held.len() > HALF_OPEN {
                held.pop_front();
            }
        }
    }

    fn open(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.target, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        self.report.connections += 1;
        Ok(stream)
    }

    /// Until the node has said `verack`.
    fn shake_hands(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let version = Version {
            protocol: MIN_PROTOCOL,
            services: Services::NETWORK.union(Services::WITNESS),
            timestamp: 0,
            receiver: PeerEndpoint::NONE,
            sender: PeerEndpoint::NONE,
            nonce: self.rng.random(),
            user_agent: UserAgent::default(),
            start_height: 0,
            relay: true,
        };
        self.send(stream, &Message::Version(Box::new(version)))?;
        let mut decoder = self.codec.clone();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut input = &buffer[..read];
            while let Some(message) = decoder.decode(&mut input).map_err(io::Error::other)? {
                if message == Message::Verack {
                    return self.send(stream, &Message::Verack);
                }
            }
        }
    }

    fn send(&mut self, stream: &mut TcpStream, message: &Message) -> io::Result<()> {
        let bytes = self.codec.encode(message).map_err(io::Error::other)?;
        self.write(stream, &bytes)?;
        self.report.messages += 1;
        Ok(())
    }

    fn write(&mut self, stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = stream.write(bytes)?;
            self.report.bytes += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn message(&mut self) -> Message {
        match self.kind {
            Flood::Inv => {
                Message::Inv((0..50_000).map(|_| Inventory::Tx(Txid::from_bytes(self.hash()))).collect())
            }
            Flood::Addr => Message::Addr((0..1_000).map(|_| self.address()).collect()),
            Flood::Headers => Message::Headers(self.branch()),
            Flood::SlowReader => {
                let locator = vec![self.genesis.hash()];
                let stop = BlockHash::from_bytes([0; 32]);
                Message::GetHeaders(BlockRequest { protocol: MIN_PROTOCOL.unsigned_abs(), locator, stop })
            }
            Flood::Ping | Flood::Oversized | Flood::HalfOpen => Message::Ping(self.rng.random()),
        }
    }

    fn hash(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn address(&mut self) -> AddressV1 {
        let ip = std::net::Ipv4Addr::from(self.rng.random::<u32>());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        AddressV1 {
            last_seen: UnixTime::new(u32::try_from(now.as_secs()).unwrap_or(0)),
            endpoint: PeerEndpoint { services: Services::NETWORK, ip: ip.into(), port: 8333 },
        }
    }

    /// Two thousand headers on the genesis block, each with the work its bits ask for if that is little.
    fn branch(&mut self) -> Vec<Header> {
        let salt = self.hash();
        let mut headers = Vec::with_capacity(2_000);
        let target = self.genesis.bits.to_target().expect("the genesis block's bits are good");
        let cheap = target.to_work() < Work::from_u128(1_000);
        let (mut prev, mut time) = (self.genesis.hash(), self.genesis.time);
        for _ in 0..2_000 {
            time = BlockTime::new(time.to_u32() + 1);
            let merkle_root = MerkleRoot::from_bytes(salt);
            let mut header =
                Header { version: 4, prev, merkle_root, time, bits: self.genesis.bits, nonce: 0 };
            while cheap && !target.is_met_by(header.hash()) {
                header.nonce += 1;
            }
            prev = header.hash();
            headers.push(header);
        }
        headers
    }

    /// The head of a frame that says four gigabytes, and a first megabyte of them.
    fn oversized(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let mut frame = self.codec.encode(&Message::Ping(0)).map_err(io::Error::other)?;
        frame[4..16].copy_from_slice(b"block\0\0\0\0\0\0\0");
        frame[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        frame.truncate(24);
        frame.resize(24 + 1_000_000, 0);
        self.write(stream, &frame)
    }
}

/// Takes what has come, without waiting for more.
fn drain(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut buffer = [0; 1 << 16];
    let outcome = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    stream.set_nonblocking(false)?;
    outcome
}
