//! The commands of `cairn-node`.

pub mod chain;
pub mod db;
mod explain;
mod import;
mod place;
mod remote;
mod run;
pub mod snapshot;
mod verify;

use std::path::PathBuf;

use cairn_node::{Config, Mode, Settings, default_datadir};

pub use explain::{ExplainCommand, explain_tx};
pub use import::{ImportCommand, import};
pub use place::PlaceArgs;
pub use remote::{Remote, add_peer, peers, status, stop, sync};
pub use run::run;
pub use verify::{VerifyCommand, verify_block};

use crate::{Failure, logging};

/// What flags and environment say of a command that works on a data directory.
#[derive(Debug)]
pub struct Place {
    /// The settings among them.
    pub settings: Settings,
    /// The chain of `--dev`, or the one the settings name.
    pub mode: Mode,
    /// The data directory; `.cairn` in the home directory if none is named.
    pub datadir: Option<PathBuf>,
}

impl Place {
    /// Adds what `cairn.toml` says, starts logging, and resolves the configuration.
    fn configure(self) -> Result<Config, Failure> {
        let datadir = datadir(self.datadir)?;
        let settings = self.settings.or(Settings::read(&datadir)?);
        logging::start(&settings, self.mode)?;
        Ok(Config::resolve(settings, self.mode, datadir)?)
    }
}

fn datadir(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    Ok(named.map_or_else(default_datadir, Ok)?)
}
