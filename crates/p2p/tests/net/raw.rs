//! A peer whose every byte the test decides.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use cairn_p2p::{Codec, Message, PeerEndpoint, Services, UserAgent, Version};
use cairn_params::presets;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection to a node.
pub(crate) struct Raw {
    stream: TcpStream,
    codec: Codec,
    /// Bytes read that gave no message yet.
    rest: Vec<u8>,
}

impl Raw {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        Self { stream, codec: Codec::for_chain(&presets::regtest()), rest: Vec::new() }
    }

    /// Opens a connection and goes through the handshake.
    pub(crate) async fn greet(addr: SocketAddr, nonce: u64) -> Self {
        let mut raw = Self::open(addr).await;
        let version = Version {
            protocol: 70_016,
            services: Services::NETWORK.union(Services::WITNESS),
            timestamp: 1_800_000_000,
            receiver: PeerEndpoint::NONE,
            sender: PeerEndpoint::NONE,
            nonce,
            user_agent: UserAgent::new(&b"/raw/"[..]).unwrap(),
            start_height: 0,
            relay: true,
        };
        raw.send(&Message::Version(Box::new(version))).await.unwrap();
        raw.send(&Message::Verack).await.unwrap();
        while raw.receive().await != Some(Message::Verack) {}
        raw
    }

    pub(crate) async fn send(&self, message: &Message) -> io::Result<()> {
        self.send_bytes(&self.codec.encode(message).unwrap()).await
    }

    pub(crate) async fn send_bytes(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next message; `None` when the connection has ended. At most two minutes.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        loop {
            let mut input = self.rest.as_slice();
            let decoded = self.codec.decode(&mut input).unwrap();
            self.rest = input.to_vec();
            if decoded.is_some() {
                return decoded;
            }
            self.rest = self.read().await?;
        }
    }

    async fn read(&self) -> Option<Vec<u8>> {
        let read = async {
            loop {
                self.stream.readable().await.ok()?;
                let mut buffer = vec![0; 65_536];
                match self.stream.try_read(&mut buffer) {
                    Ok(0) => return None,
                    Ok(count) => return Some(buffer[..count].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return None,
                }
            }
        };
        timeout(Duration::from_secs(120), read).await.expect("nothing came, and the connection did not end")
    }

    /// Reads until the connection ends.
    pub(crate) async fn until_closed(&self) {
        while self.read().await.is_some() {}
    }
}
