//! The node that a wallet asks.

use std::time::Duration;

use cairn_params::ChainSpec;
use cairn_primitives::Height;
use cairn_rpc::{BlockId, Client, ClientError, NodeApi, NodeChain, NodeChainError};
use cairn_wallet::{ChainSource, FeeRate, SyncError, Wallet};
use indicatif::{ProgressBar, ProgressStyle};

use super::money::read_rate;
use super::session::Session;
use super::{Context, Rate};
use crate::Failure;

/// Connects to the node and makes sure that it is on the wallet's chain.
pub(super) fn connect(context: &Context, spec: &ChainSpec) -> Result<NodeChain, Failure> {
    let client = Client::new(&context.node).map_err(Failure::usage)?;
    let status = client.status().map_err(refused)?;
    let first = client.block(BlockId::Height(Height::new(0))).map_err(refused)?;
    if first.summary.hash != spec.genesis.hash {
        return Err(Failure::new(format!(
            "the node at {} is on chain {}, the wallet on chain {}: name another node with --node",
            client.base(),
            status.network,
            spec.chain.name
        )));
    }
    if status.ibd {
        eprintln!(
            "the node is catching up with its chain: height {} of {} headers; what is newer is not shown",
            status.height, status.headers
        );
    }
    Ok(NodeChain::new(client, spec.address.clone()))
}

/// Loads the wallet, brings it up to date unless that is not wanted, and saves it.
pub(super) fn current(context: &Context, session: &Session) -> Result<Wallet, Failure> {
    let mut wallet = session.load(context)?;
    if !context.offline {
        let node = connect(context, &session.spec)?;
        sync(&mut wallet, &node)?;
        session.save(&wallet)?;
    }
    Ok(wallet)
}

/// Brings the wallet up to date, with a progress bar on a terminal. Does not save it.
pub(super) fn sync(wallet: &mut Wallet, node: &NodeChain) -> Result<(), Failure> {
    let style =
        ProgressStyle::with_template("{spinner} {msg}  {elapsed}").expect("the template is well-formed");
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let outcome = wallet.sync_with(node, |done| {
        bar.set_message(format!(
            "{} addresses, {} of {} transactions",
            done.addresses, done.fetched, done.transactions
        ));
    });
    bar.finish_and_clear();
    let report = outcome.map_err(|error| match error {
        SyncError::Source(error) => failed(error),
        error => Failure::new(error),
    })?;
    for tx in &report.vanished {
        eprintln!(
            "transaction {} is known to the node no longer: it was replaced, has expired or went with a block; its coins are free again",
            tx.txid()
        );
    }
    Ok(())
}

/// The fee rate that is asked for.
pub(super) fn rate(rate: &Rate, node: &NodeChain) -> Result<FeeRate, Failure> {
    match rate {
        Rate::PerVb(text) => read_rate(text),
        Rate::Speed(speed) => Ok(node.fee_estimates().map_err(failed)?.rate(*speed)),
    }
}

/// What a node's answer means for the wallet.
pub(super) fn failed(error: NodeChainError) -> Failure {
    match error {
        NodeChainError::Client(error) => refused(error),
        error => Failure::new(error),
    }
}

fn refused(error: ClientError) -> Failure {
    match error {
        ClientError::Refused { body, .. } if body.code == "index-disabled" => Failure::new(
            "the node lacks an index that a wallet needs (of transactions, of addresses): start it with --txindex --addrindex",
        ),
        ClientError::Refused { body, .. } => match body.reject_reason {
            Some(reason) => Failure::new(format!(
                "the node refuses the transaction: {reason} ({}); nothing was sent",
                body.error
            )),
            None => Failure::new(body.error),
        },
        ClientError::Unreachable { base } => Failure::new(format!(
            "no node answers at {base}: start one, or name it with --node; --offline shows what was known last"
        )),
        error => Failure::new(error),
    }
}
