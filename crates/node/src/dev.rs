//! The key that a private chain pays to when no address is named.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use cairn_crypto::SecretKey;
use cairn_params::ChainSpec;
use cairn_primitives::wif::WifKey;
use cairn_primitives::{Address, hash};

use crate::config::read_text;
use crate::error::NodeError;

/// Name of the key file in the chain's folder.
pub const DEV_KEY_FILE: &str = "dev-key";

/// The address of the dev chain's own key: read from `dev-key` in the chain's folder, made there (0600, in wallet import
/// format) the first time.
///
/// # Errors
/// [`NodeError::Unwritable`], [`NodeError::DevKey`], [`NodeError::NoRandomness`].
pub(crate) fn address(dir: &Path, spec: &ChainSpec) -> Result<Address, NodeError> {
    let path = dir.join(DEV_KEY_FILE);
    if !path.exists() {
        create(&path, spec)?;
    }
    let damaged = || NodeError::DevKey { path: path.clone() };
    let text = read_text(&path)?;
    let key = WifKey::parse(text.trim(), &spec.address).map_err(|_| damaged())?;
    let secret = SecretKey::from_bytes(*key.secret()).map_err(|_| damaged())?;
    let public = secret.public_key();
    Ok(match key.is_compressed() {
        true => Address::P2pkh(hash::hash160(&public.to_compressed())),
        false => Address::P2pkh(hash::hash160(&public.to_uncompressed())),
    })
}

fn create(path: &PathBuf, spec: &ChainSpec) -> Result<(), NodeError> {
    let key = WifKey::new(*random_secret()?.to_bytes(), true);
    let unwritable = |source| NodeError::Unwritable { path: path.clone(), source };
    // Under another name first: a crash must not leave half a key behind.
    let fresh = path.with_extension("new");
    if fresh.exists() {
        fs::remove_file(&fresh).map_err(unwritable)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh).map_err(unwritable)?;
    writeln!(file, "{}", key.encode(&spec.address)).and_then(|()| file.sync_all()).map_err(unwritable)?;
    fs::rename(&fresh, path).map_err(unwritable)
}

fn random_secret() -> Result<SecretKey, NodeError> {
    // A random string is no valid key once in 2^128 draws.
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(NodeError::NoRandomness)?;
        if let Ok(secret) = SecretKey::from_bytes(bytes) {
            return Ok(secret);
        }
    }
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let spec = presets::dev();
        let first = address(dir.path(), &spec).unwrap();
        assert_eq!(address(dir.path(), &spec).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(DEV_KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let other = tempfile::tempdir().unwrap();
        assert_ne!(address(other.path(), &spec).unwrap(), first);
    }

    #[test]
    fn a_damaged_key_is_named_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DEV_KEY_FILE);
        fs::write(&path, "not a key").unwrap();
        let error = address(dir.path(), &presets::dev()).unwrap_err();
        assert!(matches!(&error, NodeError::DevKey { path: named } if *named == path), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }
}
