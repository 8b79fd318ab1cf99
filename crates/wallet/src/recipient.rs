//! Reading the address of a recipient.

use std::fmt;

use cairn_params::{ChainSpec, presets};
use cairn_primitives::{Address, AddressError};
use thiserror::Error;

/// Why a text is no address to pay to on this chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecipientError {
    /// It is a sound address of another chain.
    #[error("this is an address of another chain: it looks like one of {looks_like}")]
    OtherChain {
        /// The chains whose addresses look like this.
        looks_like: ChainNames,
    },
    /// It is no address of this chain, nor of another known one.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// Names of chains that come with the program; at least one. Some share their address forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainNames(Vec<&'static str>);

impl ChainNames {
    /// The names, as [`presets::NAMES`] has them.
    pub fn as_slice(&self) -> &[&'static str] {
        &self.0
    }
}

/// The names with commas between them.
impl fmt::Display for ChainNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Reads an address of the chain of `spec`.
///
/// # Errors
/// [`RecipientError::OtherChain`] for a sound address of another chain that comes with the program;
/// [`RecipientError::Address`] for any other text.
pub fn parse_recipient(text: &str, spec: &ChainSpec) -> Result<Address, RecipientError> {
    Address::parse(text, &spec.address).map_err(|error| {
        let reads = |name: &&str| {
            ChainSpec::preset(name).is_some_and(|preset| Address::parse(text, &preset.address).is_ok())
        };
        let names: Vec<&'static str> = presets::NAMES.iter().copied().filter(reads).collect();
        if names.is_empty() {
            return RecipientError::Address(error);
        }
        RecipientError::OtherChain { looks_like: ChainNames(names) }
    })
}
