//! Spec files: made, loaded, and completed with a mined genesis.

use std::fs::{File, OpenOptions};
use std::path::Path;

use cairn_failpoint as failpoint;
use cairn_params::genesis::Unmined;
use cairn_params::{ChainSpec, GenesisSpec};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::config::read_text;
use crate::error::{ConfigError, NodeError};

/// Writes a new spec file that states every field of a preset, with comments.
///
/// # Errors
/// [`ConfigError::UnknownChain`]; [`NodeError::Exists`] if the file is there and `replace` is not set;
/// [`NodeError::Unwritable`].
pub fn create(path: &Path, preset: &str, replace: bool) -> Result<(), NodeError> {
    let spec =
        ChainSpec::preset(preset).ok_or_else(|| ConfigError::UnknownChain { name: preset.to_owned() })?;
    let mut options = OpenOptions::new();
    match replace {
        true => options.write(true).create(true).truncate(true),
        false => options.write(true).create_new(true),
    };
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => NodeError::Exists { path: path.to_owned() },
        _ => NodeError::Unwritable { path: path.to_owned(), source },
    };
    let mut file = options.open(path).map_err(failed)?;
    failpoint::write_all("spec-file.write", &mut file, spec.to_toml().as_bytes())
        .and_then(|()| failpoint::around("spec-file.sync", || file.sync_all()))
        .map_err(failed)
}

/// A spec from a file whose genesis need not be mined yet.
///
/// # Errors
/// [`ConfigError::Unreadable`], [`ConfigError::TooLarge`], [`ConfigError::Spec`].
pub fn load_unmined(path: &Path) -> Result<Unmined, ConfigError> {
    let text = read_text(path)?;
    Unmined::from_toml(&text)
        .map_err(|source| ConfigError::Spec { path: path.to_owned(), source: Box::new(source) })
}

/// Writes a mined genesis into a spec file: time, nonce and hash. Everything else in the file stays as it is, comments
/// included; the file is replaced in one step.
///
/// # Errors
/// [`ConfigError::Unreadable`] and the other errors of reading it; [`NodeError::Unwritable`].
pub fn write_genesis(path: &Path, genesis: &GenesisSpec) -> Result<(), NodeError> {
    let text = read_text(path)?;
    let text =
        with_genesis(&text, genesis).map_err(|source| ConfigError::Toml { path: path.to_owned(), source })?;
    let unwritable = |source| NodeError::Unwritable { path: path.to_owned(), source };
    let fresh = path.with_extension("toml.new");
    let write = || {
        let mut file = File::create(&fresh)?;
        failpoint::write_all("spec-file.write", &mut file, text.as_bytes())?;
        failpoint::around("spec-file.sync", || file.sync_all())?;
        failpoint::around("spec-file.rename", || std::fs::rename(&fresh, path))
    };
    write().map_err(unwritable)
}

fn with_genesis(text: &str, genesis: &GenesisSpec) -> Result<String, Box<toml_edit::TomlError>> {
    let mut document: DocumentMut = text.parse().map_err(Box::new)?;
    let section = document.entry("genesis").or_insert_with(|| Item::Table(Table::new()));
    section["time"] = keeping_comment(section.get("time"), i64::from(genesis.time.to_u32()).into());
    section["nonce"] = keeping_comment(section.get("nonce"), i64::from(genesis.nonce).into());
    section["hash"] = keeping_comment(section.get("hash"), genesis.hash.to_string().into());
    Ok(document.to_string())
}

/// A value with the spaces and the comment that stood around the old one.
fn keeping_comment(old: Option<&Item>, mut new: toml_edit::Value) -> Item {
    if let Some(old) = old.and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    value(new)
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;

    use super::*;

    #[test]
    fn a_mined_genesis_replaces_three_values_and_no_comment() {
        let text = "extends = \"mini\" # base\n\n[genesis]\nnonce = 1 # searched\nmessage = \"mine\"\n";
        let mut genesis = presets::mini().genesis;
        genesis.nonce = 77;
        let written = with_genesis(text, &genesis).unwrap();
        assert!(written.starts_with(
            "extends = \"mini\" # base\n\n[genesis]\nnonce = 77 # searched\nmessage = \"mine\"\n"
        ));
        assert!(written.contains(&format!("hash = \"{}\"", genesis.hash)));
        assert!(written.contains(&format!("time = {}", genesis.time)));
    }

    #[test]
    fn a_file_without_a_genesis_section_gets_one() {
        let genesis = presets::mini().genesis;
        let written = with_genesis("extends = \"mini\"\n", &genesis).unwrap();
        assert_eq!(ChainSpec::from_toml(&written).unwrap().genesis, genesis);
    }

    #[test]
    fn an_existing_file_is_only_replaced_on_demand() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.toml");
        create(&path, "mini", false).unwrap();
        assert!(matches!(create(&path, "dev", false), Err(NodeError::Exists { .. })));
        create(&path, "dev", true).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(ChainSpec::from_toml(&text).unwrap(), presets::dev());
    }
}
