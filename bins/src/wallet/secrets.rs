//! Passphrases and words: where they come from. They are never a flag, are not echoed, and are wiped after use.

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

use cairn_wallet::{Keystore, KeystoreError, MAX_PHRASE_LEN, Mnemonic, Unlocked};
use zeroize::Zeroizing;

use super::Context;
use super::session::Session;
use crate::Failure;

/// The variable that holds a passphrase.
const VARIABLE: &str = "CAIRN_PASSPHRASE";
/// Most bytes of a file with a passphrase or with words.
const MAX_BYTES: usize = 2 * MAX_PHRASE_LEN;

/// The passphrase of a wallet that is to be made: from a file, the environment, or typed twice.
pub(super) fn fresh_passphrase(context: &Context) -> Result<Zeroizing<String>, Failure> {
    if let Some(given) = given_passphrase(context)? {
        return Ok(given);
    }
    let first = ask("passphrase for the new wallet: ", "a passphrase")?;
    if first.is_empty() {
        return Err(Failure::usage("an empty passphrase protects nothing: choose one and start again"));
    }
    if *ask("the same once more: ", "a passphrase")? != *first {
        return Err(Failure::usage("the two passphrases differ: start again"));
    }
    Ok(first)
}

/// Opens the keystore of a wallet and decrypts it.
pub(super) fn unlock(context: &Context, session: &Session) -> Result<Unlocked, Failure> {
    let path = session.files.keys();
    if !path.exists() {
        return Err(Failure::new(format!(
            "wallet {} watches only: its keys are not on this machine",
            session.files.name()
        )));
    }
    let keystore = Keystore::open(&path).map_err(Failure::new)?;
    keystore.check_chain(&session.spec).map_err(Failure::new)?;
    let wrong =
        || Failure::new(format!("wrong passphrase for wallet {}; nothing was changed", session.files.name()));
    let outcome = match given_passphrase(context)? {
        Some(passphrase) => keystore.unlock(&passphrase),
        // The wallet that `cairn-node --dev` makes has an empty passphrase.
        None if keystore.chain() == "dev" => match keystore.unlock("") {
            Err(KeystoreError::WrongPassphrase) => keystore.unlock(&ask("passphrase: ", "the passphrase")?),
            outcome => outcome,
        },
        None => keystore.unlock(&ask("passphrase: ", "the passphrase")?),
    };
    outcome.map_err(|error| match error {
        KeystoreError::WrongPassphrase => wrong(),
        error => Failure::new(error),
    })
}

/// The words of a wallet that is to be restored: from a file, from standard input, or typed without an echo.
pub(super) fn words(file: Option<&Path>) -> Result<Mnemonic, Failure> {
    let text = match file {
        Some(path) => read_file(path)?,
        None if stdin().is_terminal() => {
            ask("the words, with spaces between them (not shown): ", "the words")?
        }
        None => {
            let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
            let read = stdin().lock().take(MAX_BYTES as u64).read_to_string(&mut text);
            read.map_err(|error| {
                Failure::new(format!("cannot read the words from standard input: {error}"))
            })?;
            text
        }
    };
    Mnemonic::parse(&text).map_err(|error| Failure::new(format!("{error}; nothing was made")))
}

/// The first line of a file.
pub(super) fn line_of(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = read_file(path)?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn given_passphrase(context: &Context) -> Result<Option<Zeroizing<String>>, Failure> {
    match &context.passphrase_file {
        Some(path) => line_of(path).map(Some),
        None => Ok(std::env::var(VARIABLE).ok().map(Zeroizing::new)),
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    // As long as it gets, so that it never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES as u64).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn ask(prompt: &str, what: &str) -> Result<Zeroizing<String>, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{what} is needed and there is no terminal to ask for it: use a file (see --help) or {VARIABLE}"
        )));
    }
    let typed = rpassword::prompt_password(prompt);
    typed.map(Zeroizing::new).map_err(|error| Failure::new(format!("cannot ask for {what}: {error}")))
}
