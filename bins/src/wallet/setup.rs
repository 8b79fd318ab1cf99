//! Making a wallet: `create`, `restore`, `import`.

use std::sync::Arc;

use cairn_wallet::{
    AccountSecret, ExtendedKeyError, KdfParams, Keystore, Mnemonic, Purpose, Unlocked, Wallet, WalletError,
    fresh_mnemonic, parse_recipient,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::secrets;
use super::session::Session;
use super::{Context, NewWallet, Watched};
use crate::Failure;
use crate::output::{json, line};

#[derive(Serialize)]
struct Made<'a> {
    wallet: &'a str,
    chain: &'a str,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mnemonic: Option<&'a str>,
}

/// Makes a wallet of fresh words and shows them, once.
///
/// # Errors
/// A wallet of that name, no passphrase to be had, a file that cannot be written.
pub fn create(context: &Context, new: &NewWallet) -> Result<(), Failure> {
    let session = Session::open(context)?;
    session.check_new()?;
    let mnemonic = fresh_mnemonic(new.words).map_err(Failure::new)?;
    let wallet = make(context, &session, &mnemonic, new)?;
    let phrase = mnemonic.phrase();
    if context.json {
        return told(&session, &wallet, Some(new.purpose), Some(phrase));
    }
    line(format_args!("wallet {} of chain {} is made", session.files.name(), session.spec.chain.name));
    line(
        "\nWrite these words down and keep them where nobody else finds them. Whoever has them has the coins; without",
    );
    line(
        "them and this machine the coins are lost. They are not shown again, except by `cairn-wallet backup`.\n",
    );
    for (number, word) in (1..).zip(mnemonic.words()) {
        line(format_args!("{number:>4}  {word}"));
    }
    if new.bip39_passphrase_file.is_some() {
        line("\nThe BIP39 passphrase is needed besides the words.");
    }
    line(format_args!("\nfirst address  {}", shown(&session, &wallet)));
    Ok(())
}

/// Makes a wallet of words that were written down.
///
/// # Errors
/// As [`create`], and words that are none, with the first that is wrong.
pub fn restore(context: &Context, new: &NewWallet) -> Result<(), Failure> {
    let session = Session::open(context)?;
    session.check_new()?;
    let mnemonic = secrets::words(new.words_file.as_deref())?;
    let wallet = make(context, &session, &mnemonic, new)?;
    if context.json {
        return told(&session, &wallet, Some(new.purpose), None);
    }
    line(format_args!("wallet {} of chain {} is restored", session.files.name(), session.spec.chain.name));
    line(format_args!("first address  {}", shown(&session, &wallet)));
    line("`cairn-wallet balance` now finds its coins");
    Ok(())
}

/// Makes a wallet that watches and cannot spend.
///
/// # Errors
/// A wallet of that name, a key or an address that is none of this chain, a file that cannot be written.
pub fn import(context: &Context, watched: &Watched) -> Result<(), Failure> {
    let session = Session::open(context)?;
    session.check_new()?;
    let spec = &session.spec;
    let (mut wallet, purpose) = match watched {
        Watched::Xpub { xpub, purpose } => {
            let wallet = Wallet::watch_xpub(Arc::clone(spec), xpub, *purpose).map_err(|error| match error {
                WalletError::Key(ExtendedKeyError::IsSecret) => Failure::usage(
                    "this is an extended secret key: whoever has it has the coins; give the public one, which `dump` shows",
                ),
                error => Failure::usage(error),
            })?;
            (wallet, Some(*purpose))
        }
        Watched::Address(text) => {
            let address =
                parse_recipient(text, spec).map_err(|error| Failure::usage(format!("{text}: {error}")))?;
            (Wallet::watch_address(Arc::clone(spec), address), None)
        }
    };
    if let Some(gap) = context.gap_limit {
        wallet.set_gap_limit(gap).map_err(Failure::usage)?;
    }
    session.save(&wallet)?;
    if context.json {
        return told(&session, &wallet, purpose, None);
    }
    line(format_args!("wallet {} of chain {} watches", session.files.name(), spec.chain.name));
    line(format_args!("first address  {}", shown(&session, &wallet)));
    Ok(())
}

/// Writes both files of a wallet.
fn make(
    context: &Context,
    session: &Session,
    mnemonic: &Mnemonic,
    new: &NewWallet,
) -> Result<Wallet, Failure> {
    let spec = &session.spec;
    let bip39 = match &new.bip39_passphrase_file {
        Some(path) => secrets::line_of(path)?,
        None => Zeroizing::default(),
    };
    let contents = Unlocked::new(mnemonic.clone(), &bip39);
    let account = AccountSecret::derive(contents.seed(), new.purpose, 0, spec).map_err(Failure::new)?;
    let public = account.to_public().map_err(Failure::new)?;
    let mut wallet = Wallet::new(Arc::clone(spec), vec![public]).map_err(Failure::new)?;
    if let Some(gap) = context.gap_limit {
        wallet.set_gap_limit(gap).map_err(Failure::usage)?;
    }
    let passphrase = secrets::fresh_passphrase(context)?;
    Keystore::create(&session.files.keys(), &contents, &passphrase, spec, KdfParams::default())
        .map_err(Failure::new)?;
    session.save(&wallet)?;
    Ok(wallet)
}

fn shown(session: &Session, wallet: &Wallet) -> String {
    wallet.next_address().encode(&session.spec.address)
}

fn told(
    session: &Session,
    wallet: &Wallet,
    purpose: Option<Purpose>,
    phrase: Option<Zeroizing<String>>,
) -> Result<(), Failure> {
    json(&Made {
        wallet: session.files.name(),
        chain: &session.spec.chain.name,
        address: shown(session, wallet),
        purpose: purpose.map(Purpose::number),
        mnemonic: phrase.as_ref().map(|phrase| phrase.as_str()),
    })
}
