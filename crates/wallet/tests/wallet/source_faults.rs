//! Sources that fail, change their mind or lie.

use std::cell::Cell;

use cairn_primitives::{Address, BlockHash, BlockTime, Height, Transaction, Txid};
use cairn_wallet::{
    Branch, ChainSource, ChainTip, FeeEstimates, MAX_TRANSACTIONS, SeenBlock, SeenTx, SyncError, TxBuilder,
};

use crate::support::{FakeChain, Owner, Refused, rate, sat, stranger};

/// What is wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Does not answer after this many addresses.
    Silent(u32),
    /// Gives another transaction than the one asked for.
    OtherTransaction,
    /// Has no transaction.
    NoTransaction,
    /// Lists a waiting transaction and does not have it.
    GoneFromPool,
    /// Lists this many transactions.
    Many(usize),
    /// The tip moves in each of the first passes.
    Moving(u32),
}

struct Faulty<'a> {
    chain: &'a FakeChain,
    fault: Fault,
    asked: Cell<u32>,
    tips: Cell<u32>,
}

impl<'a> Faulty<'a> {
    fn new(chain: &'a FakeChain, fault: Fault) -> Self {
        Self { chain, fault, asked: Cell::new(0), tips: Cell::new(0) }
    }
}

fn numbered(number: usize) -> Txid {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Txid::from_bytes(bytes)
}

impl ChainSource for Faulty<'_> {
    type Error = Refused;

    fn tip(&self) -> Result<ChainTip, Refused> {
        let mut tip = self.chain.tip()?;
        self.tips.set(self.tips.get() + 1);
        if let Fault::Moving(times) = self.fault {
            tip.hash = BlockHash::from_bytes([self.tips.get().min(times + 1) as u8; 32]);
        }
        Ok(tip)
    }

    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, Refused> {
        self.asked.set(self.asked.get() + 1);
        let mut seen = self.chain.history(address)?;
        match self.fault {
            Fault::Silent(after) if self.asked.get() > after => return Err(Refused("silent")),
            Fault::Many(count) => {
                let block =
                    SeenBlock { height: Height::new(1), hash: BlockHash::ZERO, time: BlockTime::new(1) };
                seen = (0..count).map(|i| SeenTx { txid: numbered(i), block: Some(block) }).collect();
            }
            Fault::GoneFromPool => seen.push(SeenTx { txid: numbered(1), block: None }),
            _ => (),
        }
        Ok(seen)
    }

    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, Refused> {
        match self.fault {
            Fault::OtherTransaction => {
                let other = self.chain.history(&stranger(99))?;
                self.chain.transaction(&other[0].txid)
            }
            Fault::NoTransaction => Ok(None),
            Fault::Many(_) => Err(Refused("never asked")),
            _ => self.chain.transaction(txid),
        }
    }

    fn fee_estimates(&self) -> Result<FeeEstimates, Refused> {
        self.chain.fee_estimates()
    }

    fn broadcast(&self, tx: &Transaction) -> Result<Txid, Refused> {
        self.chain.broadcast(tx)
    }
}

/// A wallet that knows of 1,000 units, on a chain that holds 2,000 more.
fn behind(chain: &FakeChain) -> Owner {
    let owner = Owner::rich(chain, 1, &[1_000]);
    chain.give(&owner.wallet.next_address(), 2_000);
    owner
}

fn sync(chain: &FakeChain, owner: &mut Owner, fault: Fault) -> Result<(), SyncError<Refused>> {
    let before = owner.wallet.to_bytes().unwrap();
    let result = owner.wallet.sync(&Faulty::new(chain, fault)).map(drop);
    if result.is_err() {
        assert_eq!(owner.wallet.to_bytes().unwrap(), before, "a failed rescan changes nothing");
    }
    result
}

#[test]
fn a_source_that_stops_answering_changes_nothing() {
    let chain = FakeChain::new();
    let mut owner = behind(&chain);
    for after in [0, 1, 30] {
        assert!(matches!(sync(&chain, &mut owner, Fault::Silent(after)), Err(SyncError::Source(_))));
    }
    assert!(sync(&chain, &mut owner, Fault::Silent(100)).is_ok());
    assert_eq!(owner.confirmed(), 3_000);
}

#[test]
fn another_transaction_than_the_one_asked_for_is_refused() {
    let chain = FakeChain::new();
    let mut owner = behind(&chain);
    let error = sync(&chain, &mut owner, Fault::OtherTransaction).unwrap_err();
    assert!(matches!(error, SyncError::WrongTransaction { .. }), "{error}");
}

#[test]
fn a_confirmed_transaction_that_is_not_there_is_an_error_and_a_waiting_one_is_not() {
    let chain = FakeChain::new();
    let mut owner = behind(&chain);
    let error = sync(&chain, &mut owner, Fault::NoTransaction).unwrap_err();
    assert!(matches!(error, SyncError::Missing { .. }), "{error}");
    let mut far = Owner::segwit(1);
    // Every address seems used by the transaction that is gone, so the rescan ends at its limit of addresses; one
    // watched address shows what is meant.
    let address = far.secrets[0].to_public().unwrap().address(Branch::Receive, 0).unwrap();
    far.wallet = cairn_wallet::Wallet::watch_address(crate::support::spec(), address);
    sync(&chain, &mut far, Fault::GoneFromPool).unwrap();
    assert_eq!((far.confirmed(), far.wallet.history().len()), (1_000, 1));
}

#[test]
fn a_rescan_is_repeated_when_the_tip_moves_and_ends_all_the_same() {
    let chain = FakeChain::new();
    for (moves, passes) in [(0, 1), (1, 2), (2, 3), (9, 3)] {
        let mut owner = behind(&chain);
        let source = Faulty::new(&chain, Fault::Moving(moves));
        let mut last = 0;
        owner.wallet.sync_with(&source, |step| last = step.pass).unwrap();
        assert_eq!(last, passes, "{moves} moves");
    }
}

#[test]
fn a_list_past_the_limit_is_refused() {
    let chain = FakeChain::new();
    let mut owner = behind(&chain);
    let limit = MAX_TRANSACTIONS;
    let error = sync(&chain, &mut owner, Fault::Many(limit + 1)).unwrap_err();
    assert!(matches!(error, SyncError::TooManyTransactions { limit: 200_000 }), "{error}");
    let address = owner.wallet.next_address();
    owner.wallet = cairn_wallet::Wallet::watch_address(crate::support::spec(), address);
    let error = sync(&chain, &mut owner, Fault::Many(limit)).unwrap_err();
    assert!(matches!(error, SyncError::Source(Refused("never asked"))), "the limit itself is taken: {error}");
}

/// Asks the chain, and hears of more transactions that wait: each at the addresses it concerns.
struct Late<'a> {
    chain: &'a FakeChain,
    waiting: Vec<(Address, Transaction)>,
}

impl ChainSource for Late<'_> {
    type Error = Refused;

    fn tip(&self) -> Result<ChainTip, Refused> {
        self.chain.tip()
    }

    fn history(&self, address: &Address) -> Result<Vec<SeenTx>, Refused> {
        let mut seen = self.chain.history(address)?;
        let here = self.waiting.iter().filter(|(at, _)| at == address);
        seen.extend(here.map(|(_, tx)| SeenTx { txid: tx.txid(), block: None }));
        Ok(seen)
    }

    fn transaction(&self, txid: &Txid) -> Result<Option<Transaction>, Refused> {
        let waiting = self.waiting.iter().find(|(_, tx)| tx.txid() == *txid).map(|(_, tx)| tx.clone());
        waiting.map_or_else(|| self.chain.transaction(txid), |tx| Ok(Some(tx)))
    }

    fn fee_estimates(&self) -> Result<FeeEstimates, Refused> {
        self.chain.fee_estimates()
    }

    fn broadcast(&self, tx: &Transaction) -> Result<Txid, Refused> {
        self.chain.broadcast(tx)
    }
}

#[test]
fn of_two_waiting_spends_of_a_coin_the_later_counts() {
    let chain = FakeChain::new();
    let mut payer = Owner::rich(&chain, 2, &[100_000]);
    let mut owner = Owner::segwit(1);
    let (first, second) = (owner.wallet.new_address().unwrap(), owner.wallet.new_address().unwrap());
    let pay = |payer: &Owner, to: Address, amount: u64| {
        let builder = TxBuilder::new(rate(1)).pay(to, sat(amount));
        payer.sign(&payer.wallet.build(&builder).unwrap())
    };
    let replaced = pay(&payer, first, 30_000);
    let replacement = pay(&payer, second, 20_000);
    // What rests on the one that was replaced goes with it.
    payer.wallet.record_sent(&replaced).unwrap();
    let child = pay(&payer, first, 5_000);
    let waiting = vec![(first, replaced), (first, child), (second, replacement.clone())];
    let report = owner.wallet.sync(&Late { chain: &chain, waiting: waiting.clone() }).unwrap();
    assert_eq!((report.new, report.vanished.len()), (vec![replacement.txid()], 2));
    assert_eq!(owner.wallet.balance().unconfirmed, sat(20_000));

    // A block counts more than anything that waits.
    chain.mine_only(&stranger(9), vec![waiting[0].1.clone()]);
    let report = owner.wallet.sync(&Late { chain: &chain, waiting: waiting[2..].to_vec() }).unwrap();
    assert_eq!(report.vanished, [replacement]);
    assert_eq!((owner.confirmed(), owner.wallet.balance().unconfirmed), (30_000, sat(0)));
}
