//! What takes its time and answers later: calls, names, blocks from the disk.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_primitives::codec::put_compact_size;
use cairn_primitives::{Block, BlockHash, Decode, Encode};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::engine::{Input, PeerInput};
use super::host::Host;
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

/// A block on its way from the disk to a peer.
pub(super) struct BlockJob {
    pub(super) peer: PeerId,
    pub(super) hash: BlockHash,
    pub(super) witness: bool,
    pub(super) outgoing: Outgoing,
    /// The peer has to have taken what it was sent before down to this many bytes.
    pub(super) high_water: usize,
    pub(super) codec: Codec,
    pub(super) host: Arc<dyn Host>,
    /// Blocks that may be in memory at a time, for all peers.
    pub(super) reads: Arc<Semaphore>,
    pub(super) inbox: mpsc::Sender<Input>,
}

impl BlockJob {
    /// Reads the block and has it sent. A block that cannot be read, or for which there is no room, counts as sent: the
    /// peer asks elsewhere when it does not come.
    pub(super) async fn run(self) {
        self.outgoing.below(self.high_water).await;
        let Ok(_permit) = self.reads.acquire().await else { return };
        let (host, codec, hash, witness) = (self.host.clone(), self.codec.clone(), self.hash, self.witness);
        let frame = spawn_blocking(move || block_frame(&codec, host.block_bytes(&hash)?, witness)).await;
        let pushed = match frame.ok().flatten() {
            Some(bytes) => self.outgoing.push(Frame { bytes, is_block: true }).is_ok(),
            None => false,
        };
        if !pushed {
            let _ = self.inbox.send(Input::Peer(self.peer, PeerInput::BlockSent)).await;
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
