//! Witness programs that can have an address.

use std::fmt;

use thiserror::Error;

/// A witness version and its program: version 0 with 20 or 32 bytes, or version 1 to 16 with 2 to 40
/// bytes (BIP141).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WitnessProgram {
    version: u8,
    len: u8,
    // Bytes past `len` are zero, so that equality of the whole is equality of the programs.
    bytes: [u8; WitnessProgram::MAX_LEN],
}

/// Why a version and some bytes are not a witness program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WitnessProgramError {
    /// The version is above 16.
    #[error("witness version {got}, {limit} is the last")]
    Version {
        /// The version given.
        got: u8,
        /// The highest there is.
        limit: u8,
    },
    /// Not 2 to 40 bytes, or not 20 or 32 in version 0.
    #[error("a witness program of version {version} cannot have {got} bytes")]
    Length {
        /// The version given.
        version: u8,
        /// Bytes given.
        got: usize,
    },
}

impl WitnessProgram {
    /// The highest witness version.
    pub const MAX_VERSION: u8 = 16;
    /// Fewest bytes of a program.
    pub const MIN_LEN: usize = 2;
    /// Most bytes of a program.
    pub const MAX_LEN: usize = 40;

    /// Takes a version and its program.
    ///
    /// # Errors
    /// [`WitnessProgramError`].
    pub fn new(version: u8, program: &[u8]) -> Result<Self, WitnessProgramError> {
        if version > Self::MAX_VERSION {
            return Err(WitnessProgramError::Version { got: version, limit: Self::MAX_VERSION });
        }
        let fits = match version {
            0 => matches!(program.len(), 20 | 32),
            _ => (Self::MIN_LEN..=Self::MAX_LEN).contains(&program.len()),
        };
        if !fits {
            return Err(WitnessProgramError::Length { version, got: program.len() });
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..program.len()].copy_from_slice(program);
        Ok(Self { version, len: program.len() as u8, bytes })
    }

    /// The witness version, 0 to 16.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The program's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for WitnessProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessProgram({}, {})", self.version, crate::hex::encode(self.as_bytes()))
    }
}
