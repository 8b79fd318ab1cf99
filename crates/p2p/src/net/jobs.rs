//! What takes its time and answers later: calls, names, blocks from the disk.

use std::net::SocketAddr;
use std::time::Duration;

use cairn_primitives::codec::put_compact_size;
use cairn_primitives::{Block, BlockHash, Decode, Encode};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::connection::Wiring;
use super::engine::{Input, PeerInput};
use super::outgoing::{Frame, Outgoing};
use crate::codec::Codec;
use crate::event::PeerId;
use crate::message::name;

/// Most addresses that are taken from one name.
const ADDRESSES_PER_NAME: usize = 256;
/// Most names that are looked up for one request.
const MAX_NAMES: usize = 64;

/// Calls a node.
pub(super) async fn call(addr: SocketAddr, patience: Duration, inbox: mpsc::Sender<Input>) {
    let stream = timeout(patience, TcpStream::connect(addr)).await.ok().and_then(Result::ok);
    let _ = inbox.send(Input::Called { addr, stream }).await;
}

/// Looks names up, all at a time; those without an answer give no address.
pub(super) async fn resolve(hosts: Vec<String>, port: u16, patience: Duration, inbox: mpsc::Sender<Input>) {
    let mut lookups = JoinSet::new();
    for host in hosts.into_iter().take(MAX_NAMES) {
        lookups.spawn(async move {
            let found = timeout(patience, lookup_host((host, port))).await.ok().and_then(Result::ok);
            found.map(|addrs| addrs.take(ADDRESSES_PER_NAME).collect::<Vec<_>>()).unwrap_or_default()
        });
    }
    let addrs = lookups.join_all().await.into_iter().flatten().collect();
    let _ = inbox.send(Input::Resolved(addrs)).await;
}

/// Blocks that may wait to be read for one peer; the manager asks for fewer at a time.
pub(super) const BLOCKS_AHEAD: usize = 16;

/// A block that a peer is to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) hash: BlockHash,
    pub(super) witness: bool,
}

/// The task that reads blocks for one peer, in the order they were asked for.
pub(super) struct BlockServer {
    pub(super) peer: PeerId,
    pub(super) wanted: mpsc::Receiver<Wanted>,
    pub(super) outgoing: Outgoing,
    pub(super) wiring: Wiring,
}

impl BlockServer {
    /// Reads each block once the peer has taken most of what it was sent before, and has it sent. A block that cannot be
    /// read, or for which there is no room, counts as sent: the peer asks elsewhere when it does not come.
    pub(super) async fn run(mut self) {
        while let Some(wanted) = self.wanted.recv().await {
            self.outgoing.below(self.wiring.config.send_high_water).await;
            if !self.serve(wanted).await {
                let _ = self.wiring.inbox.send(Input::Peer(self.peer, PeerInput::BlockSent)).await;
            }
        }
    }

    async fn serve(&self, wanted: Wanted) -> bool {
        let Ok(_permit) = self.wiring.reads.acquire().await else { return false };
        let (host, codec) = (self.wiring.host.clone(), self.wiring.codec.clone());
        let frame =
            spawn_blocking(move || block_frame(&codec, host.block_bytes(&wanted.hash)?, wanted.witness));
        match frame.await.ok().flatten() {
            Some(bytes) => self.outgoing.push(Frame { bytes, is_block: true }).is_ok(),
            None => false,
        }
    }
}

/// The frame of a stored block, with its witnesses or without; `None` if the bytes are no block or too long.
fn block_frame(codec: &Codec, stored: Vec<u8>, witness: bool) -> Option<Vec<u8>> {
    let payload = if witness { stored } else { without_witnesses(&Block::from_bytes(&stored).ok()?) };
    codec.encode_payload(name::BLOCK, &payload).ok()
}

/// The bytes of a block whose transactions are all in their base form (BIP144: what `MSG_BLOCK` asks for).
fn without_witnesses(block: &Block) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(block.base_size());
    block.header.encode(&mut bytes);
    put_compact_size(&mut bytes, block.transactions.len() as u64);
    block.transactions.iter().for_each(|tx| tx.encode_base(&mut bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;
    use cairn_primitives::{LockTime, Transaction, Witness};

    use super::*;
    use crate::message::Message;

    #[test]
    fn witnesses_are_sent_only_to_who_wants_them() {
        let plain = presets::regtest().genesis_block();
        let mut inputs = plain.transactions[0].inputs().to_vec();
        inputs[0].witness = Witness::new(vec![vec![1, 2, 3]]);
        let outputs = plain.transactions[0].outputs().to_vec();
        let tx = Transaction::new(1, inputs, outputs, LockTime::new(0));
        let stored = Block { header: plain.header, transactions: vec![tx] };
        assert_ne!(stored.to_bytes(), plain.to_bytes());

        let mut codec = Codec::for_chain(&presets::regtest());
        let mut received = |witness| {
            let frame = block_frame(&codec.clone(), stored.to_bytes(), witness).unwrap();
            codec.decode(&mut frame.as_slice()).unwrap()
        };
        assert_eq!(received(true), Some(Message::Block(Box::new(stored.clone()))));
        assert_eq!(received(false), Some(Message::Block(Box::new(plain))));
        assert_eq!(block_frame(&codec, vec![0; 10], false), None);
    }
}
