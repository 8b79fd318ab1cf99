//! Logs on standard error.

use std::io::IsTerminal;

use cairn_node::{Mode, Settings};
use tracing_subscriber::EnvFilter;

use crate::Failure;

/// Starts logging as the settings say. On the chain of `--dev`, which prints its blocks anyway, only warnings are logged by default.
pub(crate) fn start(settings: &Settings, mode: Mode) -> Result<(), Failure> {
    let default = if mode == Mode::Dev { "warn" } else { "info" };
    let text = settings.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(text)
        .map_err(|error| Failure::usage(format!("{text:?} is no log filter: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    match settings.log_json.unwrap_or(false) {
        true => builder.json().init(),
        false => builder.with_target(false).init(),
    }
    Ok(())
}
