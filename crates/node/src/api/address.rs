//! Balances, coins and history of an address.

use cairn_chainstate::script_hash;
use cairn_primitives::{Script, hex};
use cairn_rpc::{ApiError, Balance, History, HistoryEntry, Page, Utxo, UtxoPage};

use super::{Service, unreadable};

impl Service {
    pub(super) fn address_balance(&self, text: &str) -> Result<Balance, ApiError> {
        let script = self.script_of(text)?;
        let found = self.reader.address_balance(&script_hash(&script)).map_err(unreadable)?;
        let all = found.confirmed.saturating_add(found.immature);
        Ok(Balance {
            address: text.to_owned(),
            balance_satoshi: all,
            balance: self.notation.currency.field(all),
            immature_satoshi: found.immature,
            unconfirmed_satoshi: self.pool_change(&script),
            utxo_count: found.coins,
        })
    }

    pub(super) fn address_utxos(&self, text: &str, page: Page) -> Result<UtxoPage, ApiError> {
        let address = self.parse_address(text)?;
        let script_pubkey = address.script_pubkey();
        let mut coins = self.reader.address_coins(&script_hash(&script_pubkey)).map_err(unreadable)?;
        coins.sort_by_key(|coin| (coin.height, coin.outpoint));
        let script_hex = hex::encode(script_pubkey.as_bytes());
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let utxos = coins.iter().skip(skip).take(page.limit() as usize).map(|coin| Utxo {
            txid: coin.outpoint.txid,
            index: coin.outpoint.vout,
            value: coin.value,
            script_pubkey: script_hex.clone(),
            height: coin.height,
            is_coinbase: coin.coinbase,
            spendable_at: coin.spendable_at,
        });
        Ok(UtxoPage {
            address: text.to_owned(),
            total: coins.len() as u64,
            limit: page.limit(),
            offset: page.offset(),
            utxos: utxos.collect(),
        })
    }

    pub(super) fn address_history(&self, text: &str, page: Page) -> Result<History, ApiError> {
        let script = self.script_of(text)?;
        let waiting = self.pool_history(&script);
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let limit = page.limit() as usize;
        let mut history: Vec<HistoryEntry> = waiting.iter().skip(skip).take(limit).cloned().collect();
        let skip = skip.saturating_sub(waiting.len());
        let room = limit - history.len();
        let found = self.reader.address_history(&script_hash(&script), skip, room).map_err(unreadable)?;
        // An entry whose block was taken off between the two look-ups is left out.
        history.extend(found.entries.iter().filter_map(|entry| {
            let info = self.reader.header(&self.reader.block_hash_at(entry.height)?)?;
            Some(HistoryEntry {
                txid: entry.txid,
                height: Some(entry.height),
                block_hash: Some(info.hash),
                timestamp: info.header.time,
                confirmations: info.confirmations.map_or(-1, i64::from),
            })
        }));
        Ok(History {
            history,
            balance: self.address_balance(text)?,
            total: found.total + waiting.len() as u64,
            limit: page.limit(),
            offset: page.offset(),
        })
    }

    fn script_of(&self, text: &str) -> Result<Script, ApiError> {
        Ok(self.parse_address(text)?.script_pubkey())
    }
}
