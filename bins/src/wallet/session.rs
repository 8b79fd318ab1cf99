//! One wallet, taken for the time of one command.

use std::io;
use std::sync::Arc;

use cairn_node::{Settings, WalletFiles, WalletLock, config};
use cairn_params::{ChainSpec, presets};
use cairn_wallet::{FileError, Wallet};

use super::Context;
use super::money::Money;
use crate::Failure;

/// The wallet's place, which nobody else works on until this is dropped.
pub(super) struct Session {
    pub(super) spec: Arc<ChainSpec>,
    pub(super) money: Money,
    pub(super) files: WalletFiles,
    _lock: WalletLock,
}

impl Session {
    pub(super) fn open(context: &Context) -> Result<Self, Failure> {
        let (spec, chain_dir) = place(context)?;
        let files = WalletFiles::new(&chain_dir, &context.wallet)?;
        let waits = || eprintln!("another command works on wallet {}; waiting for it", context.wallet);
        let lock = files.lock(waits)?;
        Ok(Self { money: Money::of(&spec)?, spec, files, _lock: lock })
    }

    /// Refuses to make a wallet where there is one.
    pub(super) fn check_new(&self) -> Result<(), Failure> {
        let exists = |path: &std::path::PathBuf| path.symlink_metadata().is_ok();
        match [self.files.keys(), self.files.wallet()].into_iter().find(exists) {
            None => Ok(()),
            Some(path) => Err(Failure::new(format!(
                "{} exists already and is left as it is: choose another name with --wallet",
                path.display()
            ))),
        }
    }

    pub(super) fn load(&self, context: &Context) -> Result<Wallet, Failure> {
        let path = self.files.wallet();
        let mut wallet = Wallet::load(&path, Arc::clone(&self.spec)).map_err(|error| match error {
            FileError::Io(error) if error.kind() == io::ErrorKind::NotFound => self.missing(),
            error => Failure::new(format!("{}: {error}", path.display())),
        })?;
        if let Some(gap) = context.gap_limit {
            wallet.set_gap_limit(gap).map_err(Failure::usage)?;
        }
        Ok(wallet)
    }

    pub(super) fn save(&self, wallet: &Wallet) -> Result<(), Failure> {
        let path = self.files.wallet();
        wallet.save(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    /// Whether the keys are elsewhere.
    pub(super) fn watches_only(&self) -> bool {
        !self.files.keys().exists()
    }

    fn missing(&self) -> Failure {
        let name = self.files.name();
        if self.watches_only() {
            let chain = &self.spec.chain.name;
            return Failure::new(format!(
                "there is no wallet {name} of chain {chain}: make one with `cairn-wallet create`, bring one back with `restore`, see \
                 those there are with `list`"
            ));
        }
        Failure::new(format!(
            "{} is missing, the words are still there: see them with `cairn-wallet backup` and restore them under another name",
            self.files.wallet().display()
        ))
    }
}

/// The chain and its folder.
pub(super) fn place(context: &Context) -> Result<(Arc<ChainSpec>, std::path::PathBuf), Failure> {
    let datadir = context.datadir.clone().map_or_else(cairn_node::default_datadir, Ok)?;
    let chain = match &context.chain {
        Some(chain) => Some(chain.clone()),
        None => Settings::read(&datadir)?.chain,
    };
    let chain = chain.ok_or_else(|| {
        let names = presets::NAMES.join(", ");
        Failure::usage(format!("no chain is named: add --chain with one of {names}, or a spec file"))
    })?;
    let spec = config::load_chain(&chain)?;
    let chain_dir = datadir.join(&spec.chain.name);
    Ok((Arc::new(spec), chain_dir))
}
