//! What a node checks for its peers, and how long that takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cairn_chainstate::Submitted;
use cairn_consensus::Verdict;
use cairn_mempool::{Class, Mempool};
use cairn_p2p::{BlockOutcome, Event, HeadersOutcome, PeerId, PoolView, TxOutcome};
use cairn_primitives::{Block, Header, Transaction, Txid};

use super::node::{Running, block_time};
use super::view::PoolPort;

const HEADER_COST: Duration = Duration::from_micros(10);
const BLOCK_COST: Duration = Duration::from_millis(2);
const TX_COST: Duration = Duration::from_micros(500);

/// Something to check. A node checks one thing after the other.
#[derive(Debug)]
pub(super) enum Job {
    Headers { peer: PeerId, headers: Vec<Header> },
    Block { peer: PeerId, block: Box<Block> },
    Tx { peer: PeerId, tx: Arc<Transaction> },
}

impl Job {
    /// How long it takes.
    pub(super) fn cost(&self) -> Duration {
        match self {
            Self::Headers { headers, .. } => HEADER_COST * headers.len() as u32,
            Self::Block { block, .. } => BLOCK_COST + TX_COST * block.transactions.len() as u32,
            Self::Tx { .. } => TX_COST,
        }
    }
}

impl Running {
    /// Does the check; gives what the peers' side is to be told.
    pub(super) fn run(&mut self, job: Job, now: Duration) -> Vec<Event> {
        match job {
            Job::Headers { peer, headers } => {
                vec![Event::HeadersChecked { peer, outcome: self.check_headers(&headers, now) }]
            }
            Job::Block { peer, block } => {
                let hash = block.hash();
                vec![Event::BlockChecked { peer, hash, outcome: self.check_block(*block, now) }]
            }
            Job::Tx { peer, tx } => self.check_tx(peer, tx, now),
        }
    }

    fn check_headers(&mut self, headers: &[Header], now: Duration) -> HeadersOutcome {
        let mut new = 0;
        for (index, header) in headers.iter().enumerate() {
            match self.chain.submit_header(*header, block_time(now)) {
                Ok(is_new) => new += usize::from(is_new),
                Err(error) => {
                    return HeadersOutcome::Refused { index, verdict: error.verdict(), code: error.code() };
                }
            }
        }
        HeadersOutcome::Accepted { new }
    }

    fn check_block(&mut self, block: Block, now: Duration) -> BlockOutcome {
        match self.chain.submit_block(block, block_time(now)) {
            Ok(Submitted::AlreadyKnown) => BlockOutcome::Known,
            Ok(Submitted::Stored | Submitted::Connected { .. } | Submitted::Reorged { .. }) => {
                BlockOutcome::Accepted
            }
            Err(error) => {
                let verdict = error.verdict();
                assert!(
                    verdict != Verdict::Internal,
                    "a chain in memory has no failures of its own: {error}"
                );
                BlockOutcome::Refused { verdict, code: error.code() }
            }
        }
    }

    fn check_tx(&mut self, peer: PeerId, tx: Arc<Transaction>, now: Duration) -> Vec<Event> {
        let result = self.accept(Arc::clone(&tx), now);
        let accepted = result.as_ref().ok().and_then(|accepted| self.added_to_pool(accepted));
        let outcome = match result {
            Ok(_) => TxOutcome::Accepted,
            Err(rejection) => match rejection.class() {
                Class::Known => TxOutcome::Known,
                Class::Missing => {
                    let port = PoolPort { pool: &self.pool, chain: &self.reader, now: block_time(now) };
                    missing(&tx, &self.pool, &port)
                }
                Class::Invalid => TxOutcome::Invalid { code: rejection.code() },
                Class::Mutated => TxOutcome::Unwanted { witness_stripped: true },
                Class::Nonstandard | Class::Premature | Class::Pool | Class::Unavailable => {
                    TxOutcome::Unwanted { witness_stripped: false }
                }
            },
        };
        let mut events = vec![Event::TxChecked { peer, tx, outcome }];
        events.extend(accepted);
        events
    }
}

/// The transactions this one spends from that neither chain nor pool has. If both have them all, its coins are spent.
fn missing(tx: &Transaction, pool: &Mempool, port: &PoolPort<'_>) -> TxOutcome {
    let parents: BTreeSet<Txid> = tx.inputs().iter().map(|input| input.previous.txid).collect();
    let unknown = |txid: &Txid| pool.get(txid).is_none() && !port.is_confirmed(txid);
    let missing: Vec<Txid> = parents.into_iter().filter(unknown).collect();
    match missing.is_empty() {
        true => TxOutcome::Unwanted { witness_stripped: false },
        false => TxOutcome::MissingParents(missing),
    }
}
