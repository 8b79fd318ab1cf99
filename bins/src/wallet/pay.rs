//! Paying: `send`, `bump`.

use std::path::Path;

use cairn_primitives::{Amount, Txid};
use cairn_rpc::{NodeChain, TickerField, ValueCoins};
use cairn_wallet::{
    BuildError, BumpError, ChainSource, FeeRate, Psbt, SigningRequest, TxBuilder, Wallet, parse_recipient,
    sign,
};
use serde::Serialize;

use super::money::{read_rate, show_rate};
use super::session::Session;
use super::{BumpCommand, Context, Delivery, Rate, SendCommand, keys, secrets, source};
use crate::Failure;
use crate::output::{json, line};

/// Pays.
///
/// # Errors
/// No such wallet, an address or amount that is none, not enough coins, no node or one that refuses, a wrong passphrase.
pub fn send(context: &Context, command: &SendCommand) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let mut wallet = session.load(context)?;
    let to = parse_recipient(&command.address, &session.spec)
        .map_err(|error| Failure::usage(format!("{}: {error}; nothing was sent", command.address)))?;
    let amount = command.amount.as_deref().map(|text| session.money.read(text)).transpose()?;
    check_rate(&command.rate)?;
    check_can_pay(&session, &wallet, &command.how)?;

    let node = source::connect(context, &session.spec)?;
    source::sync(&mut wallet, &node)?;
    session.save(&wallet)?;
    let builder = TxBuilder::new(source::rate(&command.rate, &node)?).replaceable(command.replaceable);
    let builder = match amount {
        Some(amount) => builder.pay(to, amount),
        None => builder.send_rest(to),
    };
    let request = wallet.build(&builder).map_err(|error| explain(&session, error))?;
    let all = amount.is_none();
    let amount = amount.or(request.change()).unwrap_or(Amount::ZERO);
    let payment = Payment { request, amount, all, to: Some(command.address.clone()), replaces: None };
    deliver(context, &session, &mut wallet, &node, payment, &command.how)
}

/// Pays more for a transaction that waits.
///
/// # Errors
/// As [`send`]; a transaction that is not the wallet's, is confirmed, or may not be replaced.
pub fn bump(context: &Context, command: &BumpCommand) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let mut wallet = session.load(context)?;
    let txid: Txid = command.txid.parse().map_err(|_| {
        Failure::usage(format!("{:?} is no transaction id: it has 64 hex digits", command.txid))
    })?;
    check_rate(&command.rate)?;
    check_can_pay(&session, &wallet, &command.how)?;

    let node = source::connect(context, &session.spec)?;
    source::sync(&mut wallet, &node)?;
    session.save(&wallet)?;
    let rate = source::rate(&command.rate, &node)?;
    let request = wallet.bump_fee(&txid, rate).map_err(|error| match error {
        BumpError::Build(error) => explain(&session, error),
        BumpError::RateTooLow { got, limit } => Failure::new(format!(
            "a fee rate of {} is not above that of the transaction: at least {} is needed",
            show_rate(got),
            show_rate(limit)
        )),
        error => Failure::new(error),
    })?;
    let paid = request.tx.outputs().iter().zip(&request.outputs).filter(|(_, origin)| origin.is_none());
    let amount = Amount::checked_sum(paid.map(|(output, _)| output.value)).unwrap_or(Amount::ZERO);
    let payment = Payment { request, amount, all: false, to: None, replaces: Some(txid) };
    deliver(context, &session, &mut wallet, &node, payment, &command.how)
}

/// A transaction that was put together, with what is told of it.
struct Payment {
    request: SigningRequest,
    /// What others get, or the address that everything is sent to.
    amount: Amount,
    all: bool,
    to: Option<String>,
    replaces: Option<Txid>,
}

#[derive(Serialize)]
struct PaymentDocument<'a> {
    txid: Option<Txid>,
    sent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    amount: Amount,
    #[serde(flatten)]
    amount_coins: TickerField<ValueCoins>,
    fee: Amount,
    vsize: u64,
    /// In smallest units for 1,000 virtual bytes.
    fee_rate: u64,
    change: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<Txid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    psbt: Option<String>,
}

fn deliver(
    context: &Context,
    session: &Session,
    wallet: &mut Wallet,
    node: &NodeChain,
    payment: Payment,
    how: &Delivery,
) -> Result<(), Failure> {
    match how {
        Delivery::DryRun => tell(context, session, &payment, None, None),
        Delivery::Psbt(path) => {
            let accounts: Vec<_> = wallet.accounts().cloned().collect();
            let psbt =
                Psbt::from_request(&payment.request, &accounts, None, &session.spec).map_err(Failure::new)?;
            write_psbt(context, session, &payment, path, &psbt.to_string())
        }
        Delivery::Send => {
            let unlocked = secrets::unlock(context, session)?;
            let signed =
                sign(&payment.request, &keys::account_secrets(&unlocked, wallet)?).map_err(Failure::new)?;
            drop(unlocked);
            let txid = node.broadcast(&signed).map_err(source::failed)?;
            // It is on its way, whatever happens to the file: the next rescan finds it.
            let noted = wallet.record_sent(&signed).map_err(Failure::new).and_then(|_| session.save(wallet));
            tell(context, session, &payment, Some(txid), None)?;
            noted
        }
    }
}

fn write_psbt(
    context: &Context,
    session: &Session,
    payment: &Payment,
    path: &Path,
    text: &str,
) -> Result<(), Failure> {
    let to_stdout = path == Path::new("-");
    if !to_stdout {
        std::fs::write(path, format!("{text}\n"))
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    }
    if to_stdout && !context.json {
        line(text);
        return Ok(());
    }
    tell(context, session, payment, None, Some(text.to_owned()))?;
    if !context.json {
        line(format_args!("sign it with `cairn-wallet sign {}` where the keys are", path.display()));
    }
    Ok(())
}

fn tell(
    context: &Context,
    session: &Session,
    payment: &Payment,
    txid: Option<Txid>,
    psbt: Option<String>,
) -> Result<(), Failure> {
    let request = &payment.request;
    let fee = request.fee().unwrap_or(Amount::ZERO);
    let vsize = request.vsize().unwrap_or_else(|| request.tx.vsize());
    let change = if payment.all { Amount::ZERO } else { request.change().unwrap_or(Amount::ZERO) };
    let rate = FeeRate::of(fee, vsize);
    if context.json {
        return json(&PaymentDocument {
            txid,
            sent: txid.is_some(),
            address: payment.to.as_deref(),
            amount: payment.amount,
            amount_coins: session.money.field(payment.amount),
            fee,
            vsize,
            fee_rate: rate.to_sat_per_kvb(),
            change,
            replaces: payment.replaces,
            psbt,
        });
    }
    match txid {
        Some(txid) => line(format_args!("txid    {txid}")),
        None if psbt.is_none() => line("dry run: nothing was signed or sent"),
        None => line("not signed yet: nothing was sent"),
    }
    if let Some(replaced) = payment.replaces {
        line(format_args!("instead {replaced}"));
    }
    let to = payment.to.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
    line(format_args!("pays    {}{to}", session.money.show(payment.amount)));
    line(format_args!("fee     {} for {vsize} vB, {}", session.money.show(fee), show_rate(rate)));
    line(format_args!("change  {}", session.money.show(change)));
    Ok(())
}

/// Refuses a rate that is none before anything is asked.
fn check_rate(rate: &Rate) -> Result<(), Failure> {
    match rate {
        Rate::PerVb(text) => read_rate(text).map(drop),
        Rate::Speed(_) => Ok(()),
    }
}

fn check_can_pay(session: &Session, wallet: &Wallet, how: &Delivery) -> Result<(), Failure> {
    if wallet.accounts().next().is_none() {
        return Err(Failure::new(BuildError::NoKeys));
    }
    if session.watches_only() && matches!(how, Delivery::Send) {
        return Err(Failure::new(format!(
            "wallet {} watches only: add --psbt FILE to write a request, and sign it where the keys are",
            session.files.name()
        )));
    }
    Ok(())
}

fn explain(session: &Session, error: BuildError) -> Failure {
    let show = |amount| session.money.show(amount);
    match error {
        BuildError::InsufficientFunds(short) => session.money.shortfall(&short),
        BuildError::Dust { got, limit, .. } => Failure::new(format!(
            "{} is so little that nodes would not relay it: pay at least {}",
            show(got),
            show(limit)
        )),
        BuildError::TooMuch { limit } => {
            Failure::new(format!("that is more than there can ever be, {}", show(limit)))
        }
        BuildError::RateTooLow { got, limit } => Failure::new(format!(
            "a fee rate of {} is below {}, the least that nodes relay",
            show_rate(got),
            show_rate(limit)
        )),
        BuildError::FeeTooHigh { got, limit } => Failure::new(format!(
            "the fee would be {}, and {} is the most that is paid: use a lower --fee-rate",
            show(got),
            show(limit)
        )),
        error => Failure::new(error),
    }
}
