//! The API of the node that tests make up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_primitives::{
    Address, Amount, Block, BlockTime, Decode, Encode, Height, OutPoint, Sha256d, TxOut, Txid, hex,
};
use cairn_rpc::*;
use tokio::sync::broadcast;

use super::{FEE, FakeNode, MATURITY, SPEC, SUBSIDY, address};

impl NodeApi for FakeNode {
    type Error = ApiError;

    fn status(&self) -> Result<Status, ApiError> {
        self.enter();
        let tip = self.block_at(self.height().to_u32());
        let issued = SUBSIDY.checked_mul(u64::from(self.height().to_u32()) + 1).unwrap();
        Ok(Status {
            version: "0.1.0".to_owned(),
            network: "fake".to_owned(),
            height: self.height(),
            headers: self.height(),
            best_hash: tip.hash(),
            ibd: !self.ready.load(Ordering::SeqCst),
            progress: 1.0,
            difficulty: 1.0,
            bits_hex: tip.header.bits,
            chain_work: self.work(),
            mempool: self.pool.read().unwrap().len() as u64,
            peers: self.peer_list().peers.len() as u64,
            supply: self.notation.currency.field(issued),
            block_reward: SUBSIDY,
            next_halving: Some(Height::new(210_000)),
            miner: self.mining_status()?,
            deployments: BTreeMap::new(),
            indexes: Vec::new(),
            background: None,
            pruned_height: None,
            uptime_s: 5,
            ts: 1_700_000_000,
        })
    }

    fn supply(&self) -> Result<Supply, ApiError> {
        self.enter();
        let issued = SUBSIDY.checked_mul(u64::from(self.height().to_u32()) + 1).unwrap();
        let currency = &self.notation.currency;
        Ok(Supply {
            circulating_satoshi: issued,
            circulating: currency.field(issued),
            max_supply: currency.optional_field(Some(Amount::from_sat(2_099_999_997_690_000))),
            current_subsidy: currency.field(SUBSIDY),
            next_halving_blocks: Some(210_000 - self.height().to_u32()),
        })
    }

    fn blocks(&self, page: Page) -> Result<BlockPage, ApiError> {
        self.enter();
        let tip = u64::from(self.height().to_u32());
        let from = tip.checked_sub(page.offset());
        let heights = from.into_iter().flat_map(|from| (0..=from).rev()).take(page.limit() as usize);
        Ok(BlockPage {
            total: tip + 1,
            limit: page.limit(),
            offset: page.offset(),
            blocks: heights.map(|height| self.summary(Height::new(height as u32))).collect(),
        })
    }

    fn block(&self, id: BlockId) -> Result<BlockInfo, ApiError> {
        self.enter();
        let chain = self.chain.read().unwrap();
        let missing = ApiError::NotFound { what: Resource::Block };
        let place = match id {
            BlockId::Height(height) => Some(height.to_u32() as usize),
            BlockId::Hash(hash) => chain.blocks.iter().position(|block| block.hash() == hash),
        };
        let active = place.and_then(|place| Some((Height::new(place as u32), chain.blocks.get(place)?)));
        let stale = chain.stale.iter().find(|(_, block)| BlockId::Hash(block.hash()) == id);
        let (summary, block, status) = match (active, stale) {
            (Some((height, block)), _) => {
                let confirmations = (chain.blocks.len() - height.to_u32() as usize) as i64;
                let status = TxStatus::confirmed(height, block.hash(), confirmations);
                (BlockSummary::new(block, height, confirmations, &self.notation), block, status)
            }
            (None, Some((height, block))) => {
                let status = TxStatus::stale(*height, block.hash());
                (BlockSummary::new(block, *height, -1, &self.notation), block, status)
            }
            (None, None) => return Err(missing),
        };
        let block = Arc::clone(block);
        drop(chain);
        let transactions = block.transactions.iter().map(|tx| self.info(tx, status)).collect();
        Ok(BlockInfo { summary, transactions })
    }

    fn transaction(&self, txid: Txid) -> Result<TxDetail, ApiError> {
        self.enter();
        if let Some(tx) = self.waiting(txid) {
            return Ok(TxDetail::new(self.info(&tx, TxStatus::UNCONFIRMED), &tx));
        }
        self.needs(Index::Transaction)?;
        let (height, block, pos) =
            self.locate(txid).ok_or(ApiError::NotFound { what: Resource::Transaction })?;
        let confirmations = i64::from(self.height().to_u32() - height.to_u32()) + 1;
        let status = TxStatus::confirmed(height, block.hash(), confirmations);
        let tx = &block.transactions[pos];
        Ok(TxDetail::new(self.info(tx, status), tx))
    }

    fn block_filter(&self, id: BlockId) -> Result<FilterInfo, ApiError> {
        let block = self.block(id)?;
        self.needs(Index::BlockFilter)?;
        let header = Sha256d::from_bytes([7; 32]);
        Ok(FilterInfo { block_hash: block.summary.hash, filter: "019dfca8".to_owned(), header })
    }

    fn transaction_proof(&self, txid: Txid) -> Result<TxProof, ApiError> {
        self.enter();
        self.needs(Index::Transaction)?;
        let (_, block, pos) = self.locate(txid).ok_or(ApiError::NotFound { what: Resource::Transaction })?;
        Ok(TxProof::new(&block, pos).unwrap())
    }

    fn balance(&self, address: &str) -> Result<Balance, ApiError> {
        self.enter();
        let coins = self.coins_of(address)?;
        let sum = |coins: &mut dyn Iterator<Item = Amount>| Amount::checked_sum(coins).unwrap();
        let balance = sum(&mut coins.values().map(|(output, _)| output.value));
        let immature = sum(&mut coins
            .iter()
            .filter(|((height, _), (_, coinbase))| {
                *coinbase && height + MATURITY > self.height().to_u32() + 1
            })
            .map(|(_, (output, _))| output.value));
        Ok(Balance {
            address: address.to_owned(),
            balance_satoshi: balance,
            balance: self.notation.currency.field(balance),
            immature_satoshi: immature,
            unconfirmed_satoshi: self.pool_change(address)?,
            utxo_count: coins.len() as u64,
        })
    }

    fn utxos(&self, address: &str, page: Page) -> Result<UtxoPage, ApiError> {
        self.enter();
        let coins = self.coins_of(address)?;
        let utxo = |((height, outpoint), (output, is_coinbase)): (&(u32, OutPoint), &(TxOut, bool))| Utxo {
            txid: outpoint.txid,
            index: outpoint.vout,
            value: output.value,
            script_pubkey: hex::encode(output.script_pubkey.as_bytes()),
            height: Height::new(*height),
            is_coinbase: *is_coinbase,
            spendable_at: Height::new(if *is_coinbase { height + MATURITY } else { height + 1 }),
        };
        Ok(UtxoPage {
            address: address.to_owned(),
            total: coins.len() as u64,
            limit: page.limit(),
            offset: page.offset(),
            utxos: coins
                .iter()
                .map(utxo)
                .skip(usize::try_from(page.offset()).unwrap_or(usize::MAX))
                .take(page.limit() as usize)
                .collect(),
        })
    }

    fn history(&self, address: &str, page: Page) -> Result<History, ApiError> {
        let balance = self.balance(address)?;
        let script = Address::parse(address, &self.notation.prefixes)?.script_pubkey();
        let waiting = self.pool_history(address)?;
        let mut history = Vec::new();
        for height in 0..=self.height().to_u32() {
            let block = self.block_at(height);
            for tx in &block.transactions {
                let received = tx.outputs().iter().any(|output| output.script_pubkey == script);
                let mut inputs = tx.inputs().iter();
                let sent = inputs
                    .any(|input| self.output(input.previous).is_some_and(|o| o.script_pubkey == script));
                if received || sent {
                    history.push(HistoryEntry {
                        txid: tx.txid(),
                        height: Some(Height::new(height)),
                        block_hash: Some(block.hash()),
                        timestamp: block.header.time,
                        confirmations: i64::from(self.height().to_u32() - height) + 1,
                    });
                }
            }
        }
        let told = *self.history_total.read().unwrap();
        let total = told.unwrap_or((history.len() + waiting.len()) as u64);
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let all = waiting.into_iter().chain(history.into_iter().rev());
        let history = all.skip(skip).take(page.limit() as usize).collect();
        if told.is_some() {
            self.extend(1);
        }
        Ok(History { balance, total, limit: page.limit(), offset: page.offset(), history })
    }

    fn chain(&self) -> Result<ChainStatus, ApiError> {
        self.enter();
        let tip = self.block_at(self.height().to_u32());
        let active = ChainTip {
            hash: tip.hash(),
            height: self.height(),
            work: self.work(),
            branch_length: 0,
            status: TipStatus::Active,
        };
        let stale = self.chain.read().unwrap().stale.first().map(|(height, block)| ChainTip {
            hash: block.hash(),
            height: *height,
            work: self.work(),
            branch_length: 1,
            status: TipStatus::ValidFork,
        });
        Ok(ChainStatus {
            height: self.height(),
            tip_hash: tip.hash(),
            target: tip.header.bits.to_target().unwrap(),
            bits_hex: tip.header.bits,
            cumulative_work: self.work(),
            tips: [active].into_iter().chain(stale).collect(),
        })
    }

    fn mempool(&self, page: Page) -> Result<MempoolPage, ApiError> {
        self.enter();
        Ok(self.pool_page(page))
    }

    fn fee_estimate(&self) -> Result<FeeEstimate, ApiError> {
        self.enter();
        Ok(FeeEstimate {
            slow: FeeRate::from_sat_per_kvb(1_000),
            standard: FeeRate::from_sat_per_kvb(1_500),
            fast: FeeRate::from_sat_per_kvb(20_000),
            unit: FeeUnit::SatPerKvb,
            source: FeeSource::Mempool,
        })
    }

    fn send_transaction(&self, request: &SendRequest) -> Result<Sent, ApiError> {
        self.enter();
        self.pool_accept(request.transaction()?)
    }

    fn peers(&self) -> Result<PeerList, ApiError> {
        self.enter();
        Ok(self.peer_list())
    }

    fn add_peer(&self, request: &PeerAddRequest) -> Result<PeerAdded, ApiError> {
        self.enter();
        self.peer_add(request)
    }

    fn sync(&self) -> Result<SyncStarted, ApiError> {
        self.enter();
        Ok(SyncStarted { height: self.height(), headers: self.height(), peers: 2 })
    }

    fn wallet_status(&self) -> Result<WalletStatus, ApiError> {
        self.enter();
        self.wallet_holds()
    }

    fn wallet_send(&self, request: &WalletSendRequest) -> Result<WalletSent, ApiError> {
        self.enter();
        self.wallet_pay(request)
    }

    fn mining_status(&self) -> Result<MinerStatus, ApiError> {
        Ok(MinerStatus::new(true, 2, 7_210_000.0, 123_456, 3))
    }

    fn mining_template(&self, address: Option<&str>) -> Result<MiningTemplate, ApiError> {
        self.enter();
        let owner = address.map(|text| Address::parse(text, &self.notation.prefixes)).transpose()?;
        if let Some(template) = self.template.read().unwrap().as_ref() {
            let limits = TemplateLimits { weight: 4_000_000, sigop_cost: 80_000 };
            return Ok(MiningTemplate::new(template, owner.is_some(), limits, &self.notation.currency));
        }
        let block = self.next_block(0);
        let target = block.header.bits.to_target().unwrap();
        Ok(MiningTemplate {
            height: self.height().next(),
            prev_hash: block.header.prev,
            version: block.header.version,
            bits: block.header.bits.to_bits(),
            bits_hex: block.header.bits,
            target,
            min_time: block.header.time,
            time: block.header.time,
            max_time: BlockTime::new(u32::MAX),
            max_future_seconds: 7_200,
            coinbase_value: SUBSIDY,
            coinbase_coins: self.notation.currency.field(SUBSIDY),
            transactions: block.transactions[1..]
                .iter()
                .map(|tx| TemplateTx {
                    txid: tx.txid(),
                    wtxid: tx.wtxid(),
                    raw_tx: hex::encode(&tx.to_bytes()),
                    fee: FEE,
                    weight: tx.weight().to_u64(),
                    sigop_cost: 0,
                })
                .collect(),
            merkle_branch: TxProof::new(&block, 0).unwrap().merkle,
            witness_commitment: None,
            weight_limit: 4_000_000,
            sigop_limit: 80_000,
            coinbase_hex: owner.as_ref().map(|_| hex::encode(&block.transactions[0].to_bytes())),
            block_hex: owner.as_ref().map(|_| hex::encode(&block.to_bytes())),
        })
    }

    fn submit_block(&self, request: &SubmitRequest) -> Result<Submission, ApiError> {
        self.enter();
        let bad = |rule| ApiError::InvalidParameter { name: "block_hex", rule };
        let bytes = hex::decode(&request.block_hex).map_err(|_| bad("must be hex"))?;
        let block = <Block as Decode>::from_bytes(&bytes).map_err(|_| bad("must be a block"))?;
        let hash = block.hash();
        if block.header.prev != self.block_at(self.height().to_u32()).hash() {
            let reason = Some("prev-blk-not-found".to_owned());
            return Ok(Submission { accepted: false, reason, hash, height: None });
        }
        self.connect(Arc::new(block));
        Ok(Submission { accepted: true, reason: None, hash, height: Some(self.height()) })
    }

    fn mine(&self, request: &MineRequest, deadline: &Deadline) -> Result<Mined, ApiError> {
        self.enter();
        self.mines.fetch_add(1, Ordering::SeqCst);
        Address::parse(&request.address, &self.notation.prefixes)?;
        let mut hashes = Vec::new();
        // Owner 9's blocks are so hard that none is ever found.
        while request.address == address(9) && !deadline.has_passed() {
            std::thread::sleep(Duration::from_millis(1));
        }
        while (hashes.len() as u32) < request.blocks && !deadline.has_passed() {
            self.extend(1);
            hashes.push(self.block_at(self.height().to_u32()).hash());
        }
        Ok(Mined { requested: request.blocks, mined: hashes.len() as u32, hashes, height: self.height() })
    }

    fn spec(&self) -> Result<SpecDocument, ApiError> {
        self.enter();
        SpecDocument::from_toml(SPEC).map_err(|_| ApiError::Internal { what: "spec" })
    }

    fn readiness(&self) -> Result<Readiness, ApiError> {
        self.enter();
        let ready = self.ready.load(Ordering::SeqCst);
        Ok(Readiness { ready, height: self.height(), headers: self.height() })
    }

    fn stop(&self) -> Result<Stopping, ApiError> {
        self.stopped.store(true, Ordering::SeqCst);
        Ok(Stopping { stopping: true })
    }
}

impl EventFeed for FakeNode {
    fn span(&self) -> Result<EventSpan, ApiError> {
        let chain = self.chain.read().unwrap();
        Ok(EventSpan { oldest: chain.oldest, latest: chain.last_id })
    }

    fn events_since(&self, since: u64, limit: usize) -> Result<Vec<Event>, ApiError> {
        self.enter();
        let chain = self.chain.read().unwrap();
        Ok(chain.events.iter().filter(|event| event.id > since).take(limit).cloned().collect())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.feed.subscribe()
    }

    fn subscribe_pool(&self) -> broadcast::Receiver<PoolEvent> {
        self.pool_feed.subscribe()
    }
}
