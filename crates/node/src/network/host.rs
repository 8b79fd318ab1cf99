//! What the network asks the rest of the node to do.

use std::collections::BTreeSet;
use std::sync::Arc;

use cairn_chainstate::{ChainReader, SubmitError, Submitted};
use cairn_mempool::{Class, Rejection};
use cairn_p2p::net::{Host, Reply};
use cairn_p2p::{
    BlockOutcome, ChainView, DisconnectReason, HeadersOutcome, Notice, PeerId, PoolView, TxOutcome,
};
use cairn_primitives::{Block, BlockHash, Header, Transaction, Txid};
use crossbeam_channel::{Receiver, Sender, unbounded};
use tracing::{debug, info, warn};

use super::view::{Chain, Waiting};
use crate::pool::Pool;
use crate::writer::{WriterHandle, now};

/// A transaction that a peer sent.
pub(super) struct Offer {
    tx: Arc<Transaction>,
    done: Reply<TxOutcome>,
}

/// The rest of the node, for the network.
#[derive(Debug)]
pub(super) struct NodeHost {
    chain: Chain,
    waiting: Waiting,
    writer: WriterHandle,
    /// Bounded by how many transactions the network has under check at once.
    offers: Sender<Offer>,
}

impl NodeHost {
    pub(super) fn new(reader: ChainReader, pool: Arc<Pool>, writer: WriterHandle) -> (Self, Receiver<Offer>) {
        let (offers, incoming) = unbounded();
        let waiting = Waiting { pool, reader: reader.clone() };
        (Self { chain: Chain(reader), waiting, writer, offers }, incoming)
    }
}

impl Host for NodeHost {
    fn chain(&self) -> &dyn ChainView {
        &self.chain
    }

    fn pool(&self) -> &dyn PoolView {
        &self.waiting
    }

    fn check_headers(&self, _: PeerId, headers: Vec<Header>, done: Reply<HeadersOutcome>) {
        let reply = Box::new(move |outcome: Result<usize, _>| {
            done.send(match outcome {
                Ok(new) => HeadersOutcome::Accepted { new },
                Err((index, error)) => {
                    let error: cairn_consensus::HeaderError = error;
                    HeadersOutcome::Refused { index, verdict: error.verdict(), code: error.code() }
                }
            });
        });
        self.writer.headers_later(headers, reply);
    }

    fn check_block(&self, _: PeerId, block: Box<Block>, done: Reply<BlockOutcome>) {
        let reply =
            Box::new(move |outcome: Result<Submitted, SubmitError>| done.send(block_outcome(&outcome)));
        self.writer.submit_later(block, reply);
    }

    fn check_tx(&self, _: PeerId, tx: Arc<Transaction>, done: Reply<TxOutcome>) {
        // Gone only while the node stops; the reply then says so by being dropped.
        let _ = self.offers.send(Offer { tx, done });
    }

    fn block_bytes(&self, hash: &BlockHash) -> Option<Vec<u8>> {
        let read = self.chain.0.block_bytes(hash);
        read.inspect_err(|error| warn!(%hash, %error, "a block that a peer wants cannot be read"))
            .ok()
            .flatten()
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Established { peer, addr, direction, info } => {
                let (agent, height) = (&info.version.user_agent, info.version.height());
                info!(%peer, %addr, ?direction, %agent, %height, "peer connected");
            }
            Notice::Misbehaved { peer, what, score } => debug!(%peer, %what, score, "peer misbehaved"),
            Notice::Banned { ip, time } => warn!(%ip, seconds = time.as_secs(), "address banned"),
        }
    }

    fn disconnected(&self, peer: PeerId, reason: DisconnectReason) {
        info!(%peer, %reason, "peer disconnected");
    }
}

fn block_outcome(outcome: &Result<Submitted, SubmitError>) -> BlockOutcome {
    match outcome {
        Ok(Submitted::AlreadyKnown) => BlockOutcome::Known,
        Ok(Submitted::Stored | Submitted::Connected { .. } | Submitted::Reorged { .. }) => {
            BlockOutcome::Accepted
        }
        Err(error) => BlockOutcome::Refused { verdict: error.verdict(), code: error.code() },
    }
}

/// Takes transactions one after the other until the network is gone. Blocks; runs on a thread of its own.
pub(super) fn judge(pool: &Pool, reader: &ChainReader, offers: &Receiver<Offer>) {
    for Offer { tx, done } in offers {
        let outcome = match pool.accept(Arc::clone(&tx), now()) {
            Ok(_) => TxOutcome::Accepted,
            Err(rejection) => refused(&rejection, &tx, pool, reader),
        };
        done.send(outcome);
    }
}

fn refused(rejection: &Rejection, tx: &Transaction, pool: &Pool, reader: &ChainReader) -> TxOutcome {
    match rejection.class() {
        Class::Invalid => TxOutcome::Invalid { code: rejection.code() },
        Class::Mutated => TxOutcome::Unwanted { witness_stripped: true },
        Class::Missing => TxOutcome::MissingParents(missing_parents(tx, pool, reader)),
        Class::Known => TxOutcome::Known,
        Class::Nonstandard | Class::Premature | Class::Pool => {
            TxOutcome::Unwanted { witness_stripped: false }
        }
        // Says nothing about the transaction, so nothing is remembered of it.
        Class::Unavailable => TxOutcome::Unwanted { witness_stripped: true },
    }
}

/// The transactions it spends from that neither the pool nor, as far as coins tell, the chain has.
fn missing_parents(tx: &Transaction, pool: &Pool, reader: &ChainReader) -> Vec<Txid> {
    let missing = tx.inputs().iter().filter(|input| {
        let in_pool = pool.look(|mempool| mempool.get(&input.previous.txid).is_some());
        !in_pool && reader.coin(&input.previous).is_ok_and(|coin| coin.is_none())
    });
    let parents: BTreeSet<Txid> = missing.map(|input| input.previous.txid).collect();
    parents.into_iter().collect()
}
