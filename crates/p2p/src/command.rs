//! The twelve bytes that name a message.

use std::fmt;

use thiserror::Error;

/// A message's name as it stands in the frame: up to twelve printable ASCII characters, filled up with zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command([u8; Command::SIZE]);

/// Why twelve bytes name no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommandError {
    /// A character outside `0x20..=0x7e`.
    #[error("byte {got:#04x} at position {position} of a command is not printable ASCII")]
    NotPrintable {
        /// The byte.
        got: u8,
        /// Its position, from 0.
        position: usize,
    },
    /// Something other than zero after the first zero.
    #[error("byte {got:#04x} at position {position} follows the end of a command")]
    AfterEnd {
        /// The byte.
        got: u8,
        /// Its position, from 0.
        position: usize,
    },
}

impl Command {
    /// Length in the frame, in bytes.
    pub const SIZE: usize = 12;

    /// The command with these bytes.
    ///
    /// # Errors
    /// [`CommandError`] for bytes that Core refuses too (`CMessageHeader::IsMessageTypeValid`).
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Result<Self, CommandError> {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(Self::SIZE);
        for (position, &got) in bytes.iter().enumerate() {
            if position < end && !(0x20..=0x7e).contains(&got) {
                return Err(CommandError::NotPrintable { got, position });
            }
            if position >= end && got != 0 {
                return Err(CommandError::AfterEnd { got, position });
            }
        }
        Ok(Self(bytes))
    }

    /// A name known when this crate is compiled.
    pub(crate) const fn known(name: &'static str) -> Self {
        let name = name.as_bytes();
        let mut bytes = [0; Self::SIZE];
        let mut at = 0;
        while at < name.len() {
            bytes[at] = name[at];
            at += 1;
        }
        Self(bytes)
    }

    /// The twelve bytes.
    pub const fn to_bytes(self) -> [u8; Self::SIZE] {
        self.0
    }

    /// The name without the zeros.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(Self::SIZE);
        std::str::from_utf8(&self.0[..end]).expect("a command holds printable ASCII only")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:?})", self.as_str())
    }
}
