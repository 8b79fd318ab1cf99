//! What is secret, and what is not: `backup`, `dump`.

use std::path::Path;

use cairn_primitives::wif::WifKey;
use cairn_wallet::{AccountSecret, Unlocked, Wallet};
use serde::{Serialize, Serializer};
use serde_json::json;
use zeroize::Zeroizing;

use super::session::Session;
use super::{Context, secrets, show};
use crate::Failure;
use crate::output::{self, line};

/// Prints the words.
///
/// # Errors
/// No such wallet, or one that only watches; a wrong passphrase.
pub fn backup(context: &Context) -> Result<(), Failure> {
    let session = Session::open(context)?;
    check_exists(&session.files.keys(), &session, context)?;
    let unlocked = secrets::unlock(context, &session)?;
    let more = !unlocked.passphrase().is_empty();
    if context.json {
        return output::json(&json!({
            "wallet": session.files.name(),
            "mnemonic": unlocked.mnemonic().phrase().as_str(),
            "bip39_passphrase_needed": more,
        }));
    }
    line("Whoever has these words has the coins.");
    for (number, word) in (1..).zip(unlocked.mnemonic().words()) {
        line(format_args!("{number:>4}  {word}"));
    }
    if more {
        line("The BIP39 passphrase, which is not shown, is needed besides the words.");
    }
    Ok(())
}

#[derive(Serialize)]
struct AccountDocument {
    purpose: u32,
    account: u32,
    path: String,
    fingerprint: String,
    xpub: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    xprv: Option<Zeroizing<String>>,
}

#[derive(Serialize)]
struct AddressDocument {
    address: String,
    path: Option<String>,
    used: bool,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    wif: Option<Zeroizing<String>>,
}

/// Prints the extended public keys, their paths and the addresses handed out; with `with_secrets` the secret keys too.
///
/// # Errors
/// No such wallet; with `with_secrets` as [`backup`].
pub fn dump(context: &Context, with_secrets: bool) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let wallet = session.load(context)?;
    let secrets = match with_secrets {
        true => account_secrets(&secrets::unlock(context, &session)?, &wallet)?,
        false => Vec::new(),
    };
    let accounts = accounts(&session, &wallet, &secrets)?;
    let addresses = addresses(&session, &wallet, &secrets)?;
    if context.json {
        return output::json(&json!({
            "wallet": session.files.name(),
            "chain": session.spec.chain.name,
            "gap_limit": wallet.gap_limit(),
            "watch_only": session.watches_only(),
            "accounts": accounts,
            "addresses": addresses,
        }));
    }
    for account in &accounts {
        line(format_args!("account {} [{}]\n  {}", account.path, account.fingerprint, account.xpub));
        if let Some(xprv) = &account.xprv {
            line(format_args!("  {}", xprv.as_str()));
        }
    }
    for address in &addresses {
        let path = address.path.as_deref().unwrap_or("watched");
        let used = if address.used { "used" } else { "" };
        let wif = address.wif.as_ref().map_or("", |wif| wif.as_str());
        line(format_args!("{path:<24} {} {used} {wif}", address.address));
    }
    Ok(())
}

/// The secrets of every account of the wallet.
pub(super) fn account_secrets(unlocked: &Unlocked, wallet: &Wallet) -> Result<Vec<AccountSecret>, Failure> {
    let derive = |(purpose, account)| {
        AccountSecret::derive(unlocked.seed(), purpose, account, wallet.spec()).map_err(Failure::new)
    };
    wallet.accounts().map(|public| (public.purpose(), public.account())).map(derive).collect()
}

fn accounts(
    session: &Session,
    wallet: &Wallet,
    secrets: &[AccountSecret],
) -> Result<Vec<AccountDocument>, Failure> {
    let prefixes = &session.spec.address;
    let document = |(at, public): (usize, &cairn_wallet::AccountPublic)| {
        let path = public.purpose().path(public.account(), &session.spec).map_err(Failure::new)?;
        Ok(AccountDocument {
            purpose: public.purpose().number(),
            account: public.account(),
            path: path.to_string(),
            fingerprint: public.key().fingerprint().to_string(),
            xpub: public.key().encode(prefixes),
            xprv: secrets.get(at).map(|secret| secret.key().encode(prefixes)),
        })
    };
    wallet.accounts().enumerate().map(document).collect()
}

fn addresses(
    session: &Session,
    wallet: &Wallet,
    secrets: &[AccountSecret],
) -> Result<Vec<AddressDocument>, Failure> {
    let prefixes = &session.spec.address;
    let mut documents = Vec::new();
    for known in wallet.addresses() {
        let secret = known.origin.as_ref().and_then(|origin| {
            let of_origin = |secret: &&AccountSecret| {
                (secret.purpose(), secret.account()) == (origin.purpose, origin.account)
            };
            secrets.iter().find(of_origin).map(|secret| secret.secret_key(origin.branch, origin.index))
        });
        let secret = secret.transpose().map_err(Failure::new)?;
        documents.push(AddressDocument {
            address: known.address.encode(prefixes),
            path: known.origin.as_ref().map(|origin| show::path(origin, session)),
            used: known.used,
            wif: secret.map(|secret| Zeroizing::new(WifKey::new(*secret.to_bytes(), true).encode(prefixes))),
        });
    }
    Ok(documents)
}

fn exposed<S: Serializer>(secret: &Option<Zeroizing<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.as_str()).serialize(serializer)
}

/// Says that there is no such wallet, rather than that it watches.
fn check_exists(keys: &Path, session: &Session, context: &Context) -> Result<(), Failure> {
    if keys.exists() { Ok(()) } else { session.load(context).map(drop) }
}
