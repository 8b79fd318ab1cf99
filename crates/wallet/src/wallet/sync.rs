//! Looking at the chain: which addresses were used, which transactions there are, which are gone.

use std::collections::HashMap;

use cairn_primitives::{Address, Transaction, Txid};
use thiserror::Error;

use super::Wallet;
use super::book::Book;
use super::ledger::{Ledger, Record};
use crate::keys::{Branch, DeriveError};
use crate::source::{ChainSource, ChainTip, SeenBlock};

/// Most addresses of one branch that a rescan looks at; a source that claims every address is used ends there.
pub const MAX_ADDRESSES: u32 = 100_000;

/// Most transactions of a wallet.
pub const MAX_TRANSACTIONS: usize = 200_000;

/// Times the addresses are gone through when the tip moves meanwhile. The last pass counts as it is; what it missed,
/// the next rescan finds.
const MAX_PASSES: u32 = 3;

/// Why a rescan failed. The wallet is as it was before.
#[derive(Debug, Error)]
pub enum SyncError<E: std::error::Error + Send + Sync + 'static> {
    /// The source could not answer.
    #[error("the chain could not be asked: {0}")]
    Source(#[source] E),
    /// The source lists a confirmed transaction and does not have it, in each pass.
    #[error("the source lists transaction {txid} in a block and does not have it")]
    Missing {
        /// The transaction.
        txid: Txid,
    },
    /// The source gave another transaction than the one asked for.
    #[error("the source gave transaction {got} where {expected} was asked for")]
    WrongTransaction {
        /// The id of what it gave.
        got: Txid,
        /// The id asked for.
        expected: Txid,
    },
    /// The source says that more addresses of one branch are used than a rescan looks at.
    #[error("more than {limit} addresses of one branch are used")]
    TooManyAddresses {
        /// [`MAX_ADDRESSES`].
        limit: u32,
    },
    /// The source lists more transactions than a wallet takes.
    #[error("more than {limit} transactions")]
    TooManyTransactions {
        /// [`MAX_TRANSACTIONS`].
        limit: usize,
    },
    /// An address cannot be derived, which cannot be met in practice.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

/// How far a rescan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncProgress {
    /// Addresses asked about in this pass.
    pub addresses: u32,
    /// Transactions listed for them so far.
    pub transactions: usize,
    /// Transactions fetched, over all passes.
    pub fetched: usize,
    /// Which pass this is, from 1; above 1 the tip has moved meanwhile.
    pub pass: u32,
}

/// What a rescan changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReport {
    /// The best block.
    pub tip: ChainTip,
    /// Transactions that were not known.
    pub new: Vec<Txid>,
    /// Known transactions whose block is another now: confirmed, confirmed elsewhere, or waiting again.
    pub moved: Vec<Txid>,
    /// Transactions that the source knows no longer: replaced, expired, or lost with a block. Their coins are free
    /// again; one's own can be sent once more.
    pub vanished: Vec<Transaction>,
}

/// What one pass over the addresses found.
struct Scan {
    book: Book,
    /// Transactions in the order first listed.
    order: Vec<Txid>,
    blocks: HashMap<Txid, Option<SeenBlock>>,
}

impl Wallet {
    /// Looks at the whole chain anew and follows it, also over a reorganisation: asks about each receiving and change
    /// address up to the gap limit, and fetches the transactions it does not know.
    ///
    /// # Errors
    /// [`SyncError`]; then nothing has changed.
    pub fn sync<S: ChainSource + ?Sized>(&mut self, source: &S) -> Result<SyncReport, SyncError<S::Error>> {
        self.sync_with(source, |_| ())
    }

    /// As [`sync`](Self::sync); calls `progress` after each address and each transaction fetched.
    ///
    /// # Errors
    /// Those of [`sync`](Self::sync).
    pub fn sync_with<S: ChainSource + ?Sized>(
        &mut self,
        source: &S,
        progress: impl FnMut(SyncProgress),
    ) -> Result<SyncReport, SyncError<S::Error>> {
        let mut run = Run::new(self, source, progress);
        let mut before = source.tip().map_err(SyncError::Source)?;
        loop {
            run.pass += 1;
            let last = run.pass == MAX_PASSES;
            let scan = run.scan()?;
            let missing = run.fetch(&scan)?;
            let tip = source.tip().map_err(SyncError::Source)?;
            match missing {
                Some(txid) if last => return Err(SyncError::Missing { txid }),
                None if last || tip == before => {
                    let fetched = run.fetched;
                    return Ok(self.adopt(scan, fetched, tip)?);
                }
                _ => before = tip,
            }
        }
    }

    /// Takes over what a pass found.
    fn adopt(
        &mut self,
        scan: Scan,
        mut fetched: HashMap<Txid, Transaction>,
        tip: ChainTip,
    ) -> Result<SyncReport, DeriveError> {
        let Scan { mut book, order, blocks } = scan;
        let mut old = std::mem::take(&mut self.ledger.records);
        let (mut new, mut moved) = (Vec::new(), Vec::new());
        let mut ledger = Ledger::default();
        let mut waiting = Vec::new();
        for txid in order {
            let block = blocks[&txid];
            let tx = match (old.remove(&txid), fetched.remove(&txid)) {
                (Some(record), _) => {
                    if record.block != block {
                        moved.push(txid);
                    }
                    record.tx
                }
                (None, Some(tx)) => {
                    new.push(txid);
                    tx
                }
                // Listed as waiting, and gone when it was asked for.
                (None, None) => continue,
            };
            if block.is_none() {
                waiting.push(txid);
            }
            ledger.records.insert(txid, Record { tx, block });
        }
        // Addresses are asked about one after another, so that of two waiting spends of a coin both may be listed.
        let losers = ledger.losers(&waiting);
        for gone in ledger.with_descendants(losers) {
            old.extend(ledger.records.remove_entry(&gone));
        }
        let vanished = old.into_values().map(|record| record.tx).collect();
        new.retain(|txid| ledger.records.contains_key(txid));
        moved.retain(|txid| ledger.records.contains_key(txid));

        book.derive_ahead()?;
        (self.book, self.ledger, self.tip) = (book, ledger, Some(tip));
        Ok(SyncReport { tip, new, moved, vanished })
    }
}

/// A rescan under way.
struct Run<'a, S: ?Sized, F> {
    wallet: &'a Wallet,
    source: &'a S,
    fetched: HashMap<Txid, Transaction>,
    pass: u32,
    addresses: u32,
    max_addresses: u32,
    progress: F,
}

impl<'a, S: ChainSource + ?Sized, F: FnMut(SyncProgress)> Run<'a, S, F> {
    fn new(wallet: &'a Wallet, source: &'a S, progress: F) -> Self {
        let fetched = HashMap::new();
        Self { wallet, source, fetched, pass: 0, addresses: 0, max_addresses: MAX_ADDRESSES, progress }
    }

    /// Asks about every address.
    fn scan(&mut self) -> Result<Scan, SyncError<S::Error>> {
        self.addresses = 0;
        let mut book = self.wallet.book.clone();
        book.clear_used();
        let mut scan = Scan { book, order: Vec::new(), blocks: HashMap::new() };
        if let Some(address) = scan.book.single {
            self.ask(&mut scan, &address)?;
        }
        for account in 0..scan.book.accounts.len() {
            for branch in Branch::ALL {
                self.scan_branch(&mut scan, account, branch)?;
            }
        }
        Ok(scan)
    }

    /// Goes up a branch until the gap limit is reached past the last used address, and past those handed out.
    fn scan_branch(
        &mut self,
        scan: &mut Scan,
        account: usize,
        branch: Branch,
    ) -> Result<(), SyncError<S::Error>> {
        for index in 0.. {
            let chain = scan.book.accounts[account].chain(branch);
            if index >= chain.used.saturating_add(scan.book.gap).max(chain.next) {
                break;
            }
            if index >= self.max_addresses {
                return Err(SyncError::TooManyAddresses { limit: self.max_addresses });
            }
            scan.book.derive_to(account, branch, index + 1)?;
            let address = scan.book.accounts[account].chain(branch).addresses[index as usize];
            if self.ask(scan, &address)? {
                scan.book.mark_used(Some((account, branch, index)));
            }
        }
        Ok(())
    }

    /// Whether the address was used; notes its transactions.
    fn ask(&mut self, scan: &mut Scan, address: &Address) -> Result<bool, SyncError<S::Error>> {
        let history = self.source.history(address).map_err(SyncError::Source)?;
        for seen in &history {
            if scan.blocks.insert(seen.txid, seen.block).is_none() {
                scan.order.push(seen.txid);
            }
        }
        if scan.order.len() > MAX_TRANSACTIONS {
            return Err(SyncError::TooManyTransactions { limit: MAX_TRANSACTIONS });
        }
        self.addresses += 1;
        self.report(scan);
        Ok(!history.is_empty())
    }

    /// Fetches what is not known. Gives a confirmed transaction that the source does not have, if there is one.
    fn fetch(&mut self, scan: &Scan) -> Result<Option<Txid>, SyncError<S::Error>> {
        let mut missing = None;
        for expected in &scan.order {
            if self.wallet.transaction(expected).is_some() || self.fetched.contains_key(expected) {
                continue;
            }
            match self.source.transaction(expected).map_err(SyncError::Source)? {
                Some(tx) if tx.txid() == *expected => drop(self.fetched.insert(*expected, tx)),
                Some(tx) => {
                    return Err(SyncError::WrongTransaction { got: tx.txid(), expected: *expected });
                }
                None if scan.blocks[expected].is_some() => missing = Some(*expected),
                None => (),
            }
            self.report(scan);
        }
        Ok(missing)
    }

    fn report(&mut self, scan: &Scan) {
        (self.progress)(SyncProgress {
            addresses: self.addresses,
            transactions: scan.order.len(),
            fetched: self.fetched.len(),
            pass: self.pass,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cairn_params::presets;
    use cairn_primitives::{BlockHash, Height};

    use super::*;
    use crate::keys::{AccountSecret, Purpose};
    use crate::seed::Seed;
    use crate::source::{FeeEstimates, SeenTx};

    /// Says that the first so many addresses it is asked about are used.
    struct Used(std::cell::Cell<u32>);

    #[derive(Debug, Error)]
    #[error("never")]
    struct Never;

    impl ChainSource for Used {
        type Error = Never;

        fn tip(&self) -> Result<ChainTip, Never> {
            Ok(ChainTip { height: Height::new(1), hash: BlockHash::ZERO })
        }

        fn history(&self, _: &Address) -> Result<Vec<SeenTx>, Never> {
            let used = self.0.get() > 0;
            self.0.set(self.0.get().saturating_sub(1));
            Ok(if used { vec![SeenTx { txid: Txid::ZERO, block: None }] } else { Vec::new() })
        }

        fn transaction(&self, _: &Txid) -> Result<Option<Transaction>, Never> {
            Ok(None)
        }

        fn fee_estimates(&self) -> Result<FeeEstimates, Never> {
            Err(Never)
        }

        fn broadcast(&self, _: &Transaction) -> Result<Txid, Never> {
            Err(Never)
        }
    }

    #[test]
    fn a_source_that_claims_every_address_is_used_ends_at_the_limit() {
        let spec = Arc::new(presets::regtest());
        let seed = Seed::from_bytes([7; 64]);
        let account = AccountSecret::derive(&seed, Purpose::Bip84, 0, &spec).unwrap().to_public().unwrap();
        let wallet = Wallet::new(spec, vec![account]).unwrap();
        let scan = |used: u32| {
            let source = Used(std::cell::Cell::new(used));
            let mut run = Run::new(&wallet, &source, |_| ());
            run.max_addresses = 50;
            run.scan().map(|scan| scan.book.accounts[0].chain(Branch::Receive).used)
        };
        // Twenty more are looked at behind the last used one.
        assert_eq!(scan(30).unwrap(), 30);
        assert!(matches!(scan(31), Err(SyncError::TooManyAddresses { limit: 50 })));
    }
}
