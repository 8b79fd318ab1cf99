//! Spec files: `cairn-node chain`.

use std::num::NonZeroUsize;
use std::path::Path;

use cairn_node::{ConfigError, Stop, config, genesis, specs};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::Failure;
use crate::output::{self, line};

/// Writes a new spec file that states every field of a preset.
///
/// # Errors
/// An unknown preset; a file that exists, unless `force`; a path that cannot be written.
pub fn new(path: &Path, preset: &str, force: bool) -> Result<(), Failure> {
    specs::create(path, preset, force)?;
    let path = path.display();
    line(format_args!("{path} written: edit it, then run `cairn-node chain mine-genesis {path} --write`"));
    Ok(())
}

/// Checks a spec file, or a preset by name, against every rule.
///
/// # Errors
/// The line, the field and the rule it breaks.
pub fn check(chain: &str, json: bool) -> Result<(), Failure> {
    let spec = config::load_chain(chain)?;
    if json {
        return output::json(
            &json!({ "ok": true, "name": spec.chain.name, "genesis": spec.genesis.hash.to_string() }),
        );
    }
    line(format_args!("{chain}: ok, chain {} with genesis {}", spec.chain.name, spec.genesis.hash));
    Ok(())
}

/// Prints a spec in full, as TOML or JSON.
///
/// # Errors
/// As [`check`].
pub fn show(chain: &str, json: bool) -> Result<(), Failure> {
    let text = config::load_chain(chain)?.to_toml();
    if json {
        let document = cairn_rpc::SpecDocument::from_toml(&text).map_err(Failure::new)?;
        return output::json(&document);
    }
    line(text.trim_end());
    Ok(())
}

/// Searches a genesis header that meets the spec's bits, prints it, and writes it into the file if asked.
///
/// # Errors
/// A spec that breaks another rule, an interrupt, a file that cannot be written.
pub fn mine_genesis(path: &Path, threads: Option<usize>, write: bool, json: bool) -> Result<(), Failure> {
    let threads = match threads {
        Some(asked) => {
            let limit = config::MAX_THREADS;
            NonZeroUsize::new(asked)
                .filter(|n| n.get() <= limit)
                .ok_or(ConfigError::Threads { got: asked, limit })?
        }
        None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    let unmined = specs::load_unmined(path)?;
    let stop = Stop::on_signals()?;
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {msg}  {elapsed}").expect("the template is well-formed"),
    );
    let spec = genesis::mine(unmined, threads, &stop, |hashes, rate| {
        bar.set_message(format!("{:.1} million hashes, {:.2} MH/s", hashes as f64 / 1e6, rate / 1e6));
        bar.tick();
    })?;
    bar.finish_and_clear();
    let found = &spec.genesis;
    if write {
        specs::write_genesis(path, found)?;
    }
    if json {
        return output::json(&json!({
            "time": found.time.to_u32(), "nonce": found.nonce, "hash": found.hash.to_string(), "written": write,
        }));
    }
    line(format_args!("time = {}\nnonce = {}\nhash = \"{}\"", found.time, found.nonce, found.hash));
    Ok(())
}
