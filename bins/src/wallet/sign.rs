//! Signing what was built elsewhere, and sending what was signed elsewhere: `sign`, `broadcast`.

use std::fs::File;
use std::io::{IsTerminal, Read, Write, stdin};
use std::path::Path;

use cairn_primitives::{Address, Amount, Decode, Encode, Transaction, hex};
use cairn_wallet::{ChainSource, MAX_PSBT_LEN, Psbt, SigningRequest};
use serde_json::json;

use super::session::Session;
use super::{Context, keys, secrets, source};
use crate::Failure;
use crate::output::{self, line};

/// Signs a PSBT, in its text or its binary form, after showing what it pays; prints the transaction in hex.
///
/// Where `yes` is not set, the owner is asked; without a terminal to ask at, nothing is signed.
///
/// # Errors
/// As [`backup`](super::backup); a file that holds no PSBT, one that spends coins of others, an owner who says no.
pub fn sign(context: &Context, file: &Path, yes: bool) -> Result<(), Failure> {
    let bytes = read(file, MAX_PSBT_LEN.div_ceil(3) * 4 + 2)?;
    let psbt = match std::str::from_utf8(&bytes) {
        Ok(text) => text.trim().parse::<Psbt>(),
        Err(_) => Psbt::from_bytes(&bytes),
    };
    let psbt = psbt.map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;

    let session = Session::open(context)?;
    let wallet = session.load(context)?;
    let accounts: Vec<_> = wallet.accounts().cloned().collect();
    let request = psbt.to_request(&accounts).map_err(Failure::new)?;
    tell(&session, &request);
    if !yes {
        confirm()?;
    }
    let unlocked = secrets::unlock(context, &session)?;
    let secrets = keys::account_secrets(&unlocked, &wallet)?;
    let signed = cairn_wallet::sign(&request, &secrets).map_err(Failure::new)?;
    let raw = hex::encode(&signed.to_bytes());
    if context.json {
        return output::json(&json!({ "txid": signed.txid(), "raw_tx": raw, "fee": request.fee() }));
    }
    line(raw);
    Ok(())
}

/// Sends a signed transaction, given in hex.
///
/// # Errors
/// A file that holds no transaction; no node, or one that refuses.
pub fn broadcast(context: &Context, file: &Path) -> Result<(), Failure> {
    let bytes = read(file, MAX_PSBT_LEN)?;
    let text = std::str::from_utf8(&bytes).ok().map(str::trim);
    let raw = text.and_then(|text| hex::decode(text).ok());
    let tx = raw.and_then(|raw| <Transaction as Decode>::from_bytes(&raw).ok());
    let tx = tx.ok_or_else(|| Failure::new(format!("{} holds no transaction in hex", file.display())))?;

    let session = Session::open(context)?;
    let mut wallet = session.load(context)?;
    let node = source::connect(context, &session.spec)?;
    let txid = node.broadcast(&tx).map_err(source::failed)?;
    if wallet.record_sent(&tx).map_err(Failure::new)? {
        session.save(&wallet)?;
    }
    match context.json {
        true => output::json(&json!({ "txid": txid, "sent": true })),
        false => {
            line(format_args!("txid    {txid}"));
            Ok(())
        }
    }
}

/// Shows what is about to be signed, on standard error.
fn tell(session: &Session, request: &SigningRequest) {
    for (output, own) in request.tx.outputs().iter().zip(&request.outputs) {
        let to = match Address::from_script(&output.script_pubkey) {
            Some(address) => address.encode(&session.spec.address),
            None => "a script without an address".to_owned(),
        };
        let own = if own.is_some() { " (this wallet)" } else { "" };
        eprintln!("pays {} to {to}{own}", session.money.show(output.value));
    }
    eprintln!("fee  {}", session.money.show(request.fee().unwrap_or(Amount::ZERO)));
}

fn confirm() -> Result<(), Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::usage("nothing was signed: look at what it pays, then add --yes"));
    }
    let failed = |error| Failure::new(format!("cannot ask: {error}"));
    eprint!("sign it? [y/N] ");
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    stdin().read_line(&mut answer).map_err(failed)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::new("nothing was signed")),
    }
}

/// A file, or standard input for `-`, of at most `limit` bytes.
fn read(file: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    let source: Box<dyn Read> = match file == Path::new("-") {
        true => Box::new(stdin().lock()),
        false => Box::new(File::open(file).map_err(unreadable)?),
    };
    let mut bytes = Vec::new();
    source.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(Failure::usage(format!("{} has more than {limit} bytes", file.display())));
    }
    Ok(bytes)
}
