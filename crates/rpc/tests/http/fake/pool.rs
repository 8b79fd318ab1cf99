//! The made-up node's pool, peers and wallet.

use std::sync::atomic::Ordering;

use cairn_mempool::{FeeRate as Ratio, Rejection};
use cairn_primitives::{
    Address, Amount, BlockTime, Hash160, Height, LockTime, OutPoint, ScriptBuilder, Sequence, Transaction,
    TxIn, TxOut, Txid, Witness,
};
use cairn_rpc::*;

use super::{FakeNode, SUBSIDY, address};

/// When the first transaction came into the pool; each later one came a second later.
pub(crate) const POOL_TIME: u32 = 1_700_000_000;
/// What the made-up wallet can spend.
pub(crate) const WALLET: Amount = Amount::from_sat(1_000_000);
/// Fee of every payment of the made-up wallet.
pub(crate) const WALLET_FEE: Amount = Amount::from_sat(141);

/// Spends the coinbase's coin of the block at `height` to owner `to`, with this fee.
pub(crate) fn payment(node: &FakeNode, height: u32, to: u8, fee: u64) -> Transaction {
    spend(OutPoint { txid: node.block_at(height).transactions[0].txid(), vout: 0 }, SUBSIDY, to, fee)
}

/// Spends the first output of `parent` to owner `to`, with this fee.
pub(crate) fn child(parent: &Transaction, to: u8, fee: u64) -> Transaction {
    spend(OutPoint { txid: parent.txid(), vout: 0 }, parent.outputs()[0].value, to, fee)
}

fn spend(previous: OutPoint, value: Amount, to: u8, fee: u64) -> Transaction {
    let input = TxIn {
        previous,
        script_sig: ScriptBuilder::new().into_script(),
        sequence: Sequence::FINAL,
        witness: Witness::new(vec![vec![7; 71]]),
    };
    let script_pubkey = Address::P2pkh(Hash160::from_bytes([to; 20])).script_pubkey();
    let value = value.checked_sub(Amount::from_sat(fee)).unwrap();
    Transaction::new(2, vec![input], vec![TxOut { value, script_pubkey }], LockTime::ZERO)
}

impl FakeNode {
    pub(crate) fn tell_pool(&self, event: PoolEvent) {
        let _ = self.pool_feed.send(event);
    }

    /// The pool's transaction with this id.
    pub(super) fn waiting(&self, txid: Txid) -> Option<Transaction> {
        self.pool.read().unwrap().iter().find(|tx| tx.txid() == txid).cloned()
    }

    fn fee_of(&self, tx: &Transaction) -> Option<Amount> {
        let spent = tx.inputs().iter().map(|input| self.output(input.previous).map(|output| output.value));
        let spent: Option<Vec<Amount>> = spent.collect();
        let paid = Amount::checked_sum(tx.outputs().iter().map(|output| output.value))?;
        Amount::checked_sum(spent?)?.checked_sub(paid)
    }

    fn pool_entry(&self, place: usize, tx: &Transaction) -> MempoolTx {
        let pool = self.pool.read().unwrap();
        let depends: Vec<Txid> = tx
            .inputs()
            .iter()
            .map(|input| input.previous.txid)
            .filter(|txid| pool.iter().any(|tx| tx.txid() == *txid))
            .collect();
        let children =
            pool.iter().filter(|other| other.inputs().iter().any(|input| input.previous.txid == tx.txid()));
        let descendants = children.count() as u64 + 1;
        drop(pool);
        let fee = self.fee_of(tx).unwrap();
        MempoolTx {
            txid: tx.txid(),
            wtxid: tx.wtxid(),
            vsize: tx.vsize(),
            weight: tx.weight().to_u64(),
            fee,
            fee_rate: Ratio::new(fee, tx.vsize()).to_sat_per_kvb().into(),
            time: BlockTime::new(POOL_TIME + place as u32),
            ancestors: depends.len() as u64 + 1,
            descendants,
            depends,
        }
    }

    pub(super) fn pool_page(&self, page: Page) -> MempoolPage {
        let pool = self.pool.read().unwrap().clone();
        let mut entries: Vec<MempoolTx> =
            pool.iter().enumerate().map(|(place, tx)| self.pool_entry(place, tx)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.fee_rate));
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        MempoolPage {
            count: entries.len() as u64,
            vsize: entries.iter().map(|entry| entry.vsize).sum(),
            total_fee: Amount::checked_sum(entries.iter().map(|entry| entry.fee)).unwrap(),
            min_fee_rate: FeeRate::from_sat_per_kvb(1_000),
            limit: page.limit(),
            offset: page.offset(),
            transactions: entries.into_iter().skip(skip).take(page.limit() as usize).collect(),
        }
    }

    pub(super) fn pool_accept(&self, tx: Transaction) -> Result<Sent, ApiError> {
        let txid = tx.txid();
        if self.waiting(txid).is_some() {
            return Err(Rejection::AlreadyInMempool.into());
        }
        let fee = self.fee_of(&tx).ok_or(ApiError::Rejected { reason: "bad-txns-inputs-missingorspent" })?;
        let limit = Amount::from_sat(tx.vsize());
        if fee < limit {
            return Err(Rejection::MinRelayFee { got: fee, limit }.into());
        }
        let event = TxEvent {
            txid,
            wtxid: tx.wtxid(),
            fee,
            vsize: tx.vsize(),
            fee_rate: Ratio::new(fee, tx.vsize()).to_sat_per_kvb().into(),
        };
        self.pool.write().unwrap().push(tx);
        self.tell_pool(PoolEvent::Tx(event));
        Ok(Sent::accepted(txid))
    }

    /// What the pool adds to and takes from what an address holds.
    pub(super) fn pool_change(&self, text: &str) -> Result<i64, ApiError> {
        let script = Address::parse(text, &self.notation.prefixes)?.script_pubkey();
        let pool = self.pool.read().unwrap().clone();
        let mine =
            |output: &TxOut| if output.script_pubkey == script { output.value.to_sat() as i64 } else { 0 };
        let change = pool.iter().map(|tx| {
            let received: i64 = tx.outputs().iter().map(mine).sum();
            let inputs = tx.inputs().iter().filter_map(|input| self.output(input.previous));
            received - inputs.map(|output| mine(&output)).sum::<i64>()
        });
        Ok(change.sum())
    }

    /// The pool's part of an address's history, newest first.
    pub(super) fn pool_history(&self, text: &str) -> Result<Vec<HistoryEntry>, ApiError> {
        let script = Address::parse(text, &self.notation.prefixes)?.script_pubkey();
        let pool = self.pool.read().unwrap().clone();
        let touches = |tx: &Transaction| {
            let mut spent = tx.inputs().iter().filter_map(|input| self.output(input.previous));
            tx.outputs().iter().any(|output| output.script_pubkey == script)
                || spent.any(|output| output.script_pubkey == script)
        };
        let entries = pool.iter().enumerate().filter(|(_, tx)| touches(tx)).map(|(place, tx)| {
            HistoryEntry::unconfirmed(tx.txid(), BlockTime::new(POOL_TIME + place as u32))
        });
        Ok(entries.rev().collect())
    }

    pub(super) fn peer_list(&self) -> PeerList {
        let shaken = PeerInfo {
            id: 1,
            addr: "192.0.2.7:6334".to_owned(),
            inbound: false,
            version: Some(70_016),
            user_agent: Some("/Cairn:0.1.0/".to_owned()),
            services: Some(Services::from_bits(0x409)),
            height: Some(Height::new(11)),
            ban_score: 0,
            uptime: 60,
            latency_ms: Some(12),
            bytes_sent: 1_000,
            bytes_recv: 2_000,
            transport: Transport::V1,
        };
        let silent = PeerInfo {
            id: 2,
            addr: "[2001:db8::1]:50000".to_owned(),
            inbound: true,
            version: None,
            user_agent: None,
            services: None,
            height: None,
            latency_ms: None,
            uptime: 1,
            ..shaken.clone()
        };
        PeerList { peers: vec![shaken, silent] }
    }

    pub(super) fn peer_add(&self, request: &PeerAddRequest) -> Result<PeerAdded, ApiError> {
        let bad = ApiError::InvalidParameter { name: "addr", rule: "must be an IP address" };
        let address: std::net::SocketAddr = request.addr.parse().map_err(|_| bad)?;
        let mut added = self.added_peers.write().unwrap();
        let fresh = !added.contains(&address);
        added.push(address);
        Ok(PeerAdded { addr: address.to_string(), added: fresh })
    }

    fn wallet(&self) -> Result<(), ApiError> {
        let has = self.has_wallet.load(Ordering::SeqCst);
        if has { Ok(()) } else { Err(ApiError::NotFound { what: Resource::Wallet }) }
    }

    pub(super) fn wallet_holds(&self) -> Result<WalletStatus, ApiError> {
        self.wallet()?;
        Ok(WalletStatus {
            balance_satoshi: WALLET,
            balance: self.notation.currency.field(WALLET),
            immature_satoshi: SUBSIDY,
            unconfirmed_satoshi: -5,
            address: address(3),
            height: self.height(),
        })
    }

    pub(super) fn wallet_pay(&self, request: &WalletSendRequest) -> Result<WalletSent, ApiError> {
        self.wallet()?;
        Address::parse(&request.address, &self.notation.prefixes)?;
        if request.amount < Amount::from_sat(546) {
            return Err(ApiError::InvalidParameter { name: "amount", rule: "must not be dust" });
        }
        let needed = request.amount.saturating_add(WALLET_FEE);
        if needed > WALLET {
            return Err(ApiError::InsufficientFunds {
                needed,
                available: WALLET,
                immature: SUBSIDY,
                unconfirmed: Amount::ZERO,
            });
        }
        self.payments.write().unwrap().push(request.clone());
        Ok(WalletSent { txid: self.block_at(1).transactions[0].txid(), fee: WALLET_FEE })
    }
}
