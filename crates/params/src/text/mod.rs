//! The TOML form of a spec.

mod document;
mod read;
mod value;
mod write;

use crate::error::SpecError;
use crate::spec::ChainSpec;

use document::Document;
use read::{Genesis, Reading};

/// Largest spec file, in bytes. A full one with Bitcoin's checkpoints takes under 10,000.
pub const MAX_SPEC_LEN: usize = 1 << 20;

impl ChainSpec {
    /// Reads a spec and [checks](Self::check) it.
    ///
    /// With `extends = "bitcoin"` (or any preset) at the top, what is not stated is the preset's. A chain whose
    /// `[genesis]` differs from the preset's is another chain, so what is known about the preset's blocks and
    /// peers alone is not taken: seeds, checkpoints, assumed work and validity, and the blocks excepted from a
    /// rule. Without `extends` every field must be stated, but for lists (empty), fields that may be `"none"`,
    /// `from_first` (false) and `min_chain_work` (zero).
    ///
    /// # Errors
    /// The first thing wrong, with its line and field: text longer than [`MAX_SPEC_LEN`] or that is not TOML,
    /// an unknown or missing field, a value of the wrong form, or a rule of [`check`](Self::check).
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        let document = Document::parse(text)?;
        let spec = Reading::new(&document)?.spec(Genesis::Mined)?;
        spec.check().map_err(|error| document.locate(error))?;
        Ok(spec)
    }

    /// [`from_toml`](Self::from_toml) where nonce and hash of the first block may be missing or wrong.
    pub(crate) fn from_toml_unmined(text: &str) -> Result<Self, SpecError> {
        let document = Document::parse(text)?;
        let spec = Reading::new(&document)?.spec(Genesis::Unmined)?;
        spec.check_but_hash().map_err(|error| document.locate(error))?;
        Ok(spec)
    }

    /// The whole spec as a commented TOML file: every field, no `extends`. Reading it back gives the same spec.
    pub fn to_toml(&self) -> String {
        write::spec(self)
    }
}

#[cfg(test)]
mod tests;
