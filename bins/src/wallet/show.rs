//! What a wallet knows: `list`, `address`, `balance`, `utxos`, `history`.

use cairn_node::WalletFiles;
use cairn_primitives::{Amount, BlockHash, BlockTime, Height, Txid};
use cairn_rpc::{BalanceCoins, TickerField, ValueCoins};
use cairn_wallet::{CoinStatus, KeyOrigin, Wallet};
use serde::Serialize;

use super::session::{self, Session};
use super::{Context, source};
use crate::Failure;
use crate::output::{json, line};

/// Prints the wallets of the chain.
///
/// # Errors
/// No chain, a folder that cannot be read.
pub fn list(context: &Context) -> Result<(), Failure> {
    let (spec, chain_dir) = session::place(context)?;
    let names = WalletFiles::list(&chain_dir).map_err(|error| {
        Failure::new(format!("cannot list the wallets in {}: {error}", chain_dir.display()))
    })?;
    if names.is_empty() && !context.json {
        line(format_args!("no wallet of chain {}; `cairn-wallet create` makes one", spec.chain.name));
    }
    for name in &names {
        let watches = !WalletFiles::new(&chain_dir, name)?.keys().exists();
        match context.json {
            true => json(&serde_json::json!({ "wallet": name, "watch_only": watches }))?,
            false => line(format_args!("{name}{}", if watches { "  (watches only)" } else { "" })),
        }
    }
    Ok(())
}

/// Prints an address to be paid at: the first that was not used or, if `new`, one that was never shown.
///
/// # Errors
/// No such wallet; as many unused addresses handed out as a restored wallet would find.
pub fn address(context: &Context, new: bool) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let mut wallet = session.load(context)?;
    if new {
        // What was handed out is not what `next_address` shows from now on.
        wallet.new_address().map_err(Failure::new)?;
        session.save(&wallet)?;
    }
    let address = wallet.next_address().encode(&session.spec.address);
    match context.json {
        true => json(&serde_json::json!({ "wallet": session.files.name(), "address": address })),
        false => {
            line(address);
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct BalanceDocument<'a> {
    wallet: &'a str,
    chain: &'a str,
    height: Option<Height>,
    tip: Option<BlockHash>,
    balance_satoshi: Amount,
    #[serde(flatten)]
    balance: TickerField<BalanceCoins>,
    immature_satoshi: Amount,
    unconfirmed_satoshi: Amount,
    total_satoshi: Amount,
    coins: usize,
    watch_only: bool,
}

/// Prints what the wallet holds.
///
/// # Errors
/// No such wallet, no node, a node without the indexes a wallet needs.
pub fn balance(context: &Context) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let wallet = source::current(context, &session)?;
    let held = wallet.balance();
    if context.json {
        return json(&BalanceDocument {
            wallet: session.files.name(),
            chain: &session.spec.chain.name,
            height: wallet.tip().map(|tip| tip.height),
            tip: wallet.tip().map(|tip| tip.hash),
            balance_satoshi: held.confirmed,
            balance: session.money.field(held.confirmed),
            immature_satoshi: held.immature,
            unconfirmed_satoshi: held.unconfirmed,
            total_satoshi: held.total(),
            coins: wallet.coins().len(),
            watch_only: session.watches_only(),
        });
    }
    line(format_args!("spendable    {}", session.money.show(held.confirmed)));
    line(format_args!("immature     {}", session.money.show(held.immature)));
    line(format_args!("unconfirmed  {}", session.money.show(held.unconfirmed)));
    line(seen(&wallet));
    Ok(())
}

#[derive(Serialize)]
struct CoinDocument {
    txid: Txid,
    index: u32,
    value: Amount,
    #[serde(flatten)]
    coins: TickerField<ValueCoins>,
    address: Option<String>,
    path: Option<String>,
    height: Option<Height>,
    confirmations: u32,
    is_coinbase: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    spendable_at: Option<Height>,
}

/// Prints the coins of the wallet: a line for each, as text or as JSON.
///
/// # Errors
/// As [`balance`].
pub fn utxos(context: &Context) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let wallet = source::current(context, &session)?;
    for coin in wallet.coins() {
        let (status, spendable_at) = match coin.status {
            CoinStatus::Confirmed => ("confirmed", None),
            CoinStatus::Immature { spendable_at } => ("immature", Some(spendable_at)),
            CoinStatus::OwnUnconfirmed => ("own-unconfirmed", None),
            CoinStatus::ForeignUnconfirmed => ("unconfirmed", None),
        };
        let address = cairn_primitives::Address::from_script(&coin.output.script_pubkey);
        let address = address.map(|address| address.encode(&session.spec.address));
        if context.json {
            json(&CoinDocument {
                txid: coin.outpoint.txid,
                index: coin.outpoint.vout,
                value: coin.output.value,
                coins: session.money.field(coin.output.value),
                address,
                path: coin.origin.as_ref().map(|origin| path(origin, &session)),
                height: coin.height,
                confirmations: coin.confirmations,
                is_coinbase: coin.coinbase,
                status,
                spendable_at,
            })?;
            continue;
        }
        line(format_args!(
            "{}:{:<3} {:>24}  {:<15} {}{}",
            coin.outpoint.txid,
            coin.outpoint.vout,
            session.money.show(coin.output.value),
            status,
            address.unwrap_or_default(),
            spendable_at.map(|height| format!("  from block {height} on")).unwrap_or_default()
        ));
    }
    if !context.json {
        line(seen(&wallet));
    }
    Ok(())
}

#[derive(Serialize)]
struct HistoryDocument {
    txid: Txid,
    net_satoshi: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Amount>,
    height: Option<Height>,
    block_hash: Option<BlockHash>,
    time: Option<BlockTime>,
    confirmations: u32,
    is_coinbase: bool,
    replaceable: bool,
    own: Vec<String>,
    counterparties: Vec<String>,
}

/// Prints what happened to the wallet's money, the newest first: a line for each transaction, as text or as JSON.
///
/// # Errors
/// As [`balance`].
pub fn history(context: &Context) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let wallet = source::current(context, &session)?;
    let encode = |addresses: &[cairn_primitives::Address]| -> Vec<String> {
        addresses.iter().map(|address| address.encode(&session.spec.address)).collect()
    };
    for entry in wallet.history() {
        if context.json {
            json(&HistoryDocument {
                txid: entry.txid,
                net_satoshi: i64::try_from(entry.net.to_sat()).unwrap_or(i64::MAX),
                fee: entry.fee,
                height: entry.block.map(|block| block.height),
                block_hash: entry.block.map(|block| block.hash),
                time: entry.block.map(|block| block.time),
                confirmations: entry.confirmations,
                is_coinbase: entry.coinbase,
                replaceable: entry.replaceable,
                own: encode(&entry.own),
                counterparties: encode(&entry.counterparties),
            })?;
            continue;
        }
        let place = match entry.block {
            Some(block) => format!("block {} ({} confirmations)", block.height, entry.confirmations),
            None if entry.replaceable => "waits, can be bumped".to_owned(),
            None => "waits".to_owned(),
        };
        let what = if entry.coinbase { "mined" } else { "" };
        let to = encode(&entry.counterparties);
        let to = if to.is_empty() { String::new() } else { format!("  to {}", to.join(", ")) };
        line(format_args!(
            "{} {:>26}  {place} {what}{to}",
            entry.txid,
            session.money.show_net(entry.net.to_sat())
        ));
    }
    if !context.json {
        line(seen(&wallet));
    }
    Ok(())
}

/// The path of a key, from the root.
pub(super) fn path(origin: &KeyOrigin, session: &Session) -> String {
    let branch = origin.branch.child().index();
    match origin.purpose.path(origin.account, &session.spec) {
        Ok(account) => format!("{account}/{branch}/{}", origin.index),
        // An account number of 2^31 and above, which no account has.
        Err(_) => format!("{branch}/{}", origin.index),
    }
}

/// Up to where the wallet knows the chain.
fn seen(wallet: &Wallet) -> String {
    match wallet.tip() {
        Some(tip) => format!("as of block {}", tip.height),
        None => "the wallet has not looked at the chain yet".to_owned(),
    }
}
