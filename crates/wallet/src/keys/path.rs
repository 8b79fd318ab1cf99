//! Where in BIP32's tree a key stands.

use core::fmt;
use core::str::FromStr;

use super::error::{ChildNumberError, PathError};

/// The bit that marks a hardened child.
const HARDENED: u32 = 1 << 31;

/// Which child of a key: a number below 2^31, hardened or not (BIP32).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildNumber(u32);

impl ChildNumber {
    /// The highest number, 2^31 - 1.
    pub const MAX_INDEX: u32 = HARDENED - 1;

    /// A child that public keys can derive too.
    ///
    /// # Errors
    /// [`ChildNumberError`] above [`MAX_INDEX`](Self::MAX_INDEX).
    pub const fn normal(index: u32) -> Result<Self, ChildNumberError> {
        if index > Self::MAX_INDEX {
            return Err(ChildNumberError { got: index, limit: Self::MAX_INDEX });
        }
        Ok(Self(index))
    }

    /// A child that only secret keys can derive, written `index'`.
    ///
    /// # Errors
    /// [`ChildNumberError`] above [`MAX_INDEX`](Self::MAX_INDEX).
    pub const fn hardened(index: u32) -> Result<Self, ChildNumberError> {
        if index > Self::MAX_INDEX {
            return Err(ChildNumberError { got: index, limit: Self::MAX_INDEX });
        }
        Ok(Self(index | HARDENED))
    }

    /// From BIP32's number, whose highest bit marks a hardened child.
    pub const fn from_u32(number: u32) -> Self {
        Self(number)
    }

    /// BIP32's number, whose highest bit marks a hardened child.
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// The number without the mark, below 2^31.
    pub const fn index(self) -> u32 {
        self.0 & Self::MAX_INDEX
    }

    /// Whether only secret keys can derive this child.
    pub const fn is_hardened(self) -> bool {
        self.0 & HARDENED != 0
    }
}

impl fmt::Display for ChildNumber {
    /// The number, and `'` where it is hardened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.index(), if self.is_hardened() { "'" } else { "" })
    }
}

impl fmt::Debug for ChildNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChildNumber({self})")
    }
}

/// The steps from one key down to another, at most [`MAX_LEN`](Self::MAX_LEN); written `m/84'/0'/0'`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DerivationPath {
    steps: Vec<ChildNumber>,
}

impl DerivationPath {
    /// Most steps: an extended key counts them in a byte.
    pub const MAX_LEN: usize = 255;

    /// From its steps.
    ///
    /// # Errors
    /// [`PathError::TooLong`] past [`MAX_LEN`](Self::MAX_LEN).
    pub fn new(steps: Vec<ChildNumber>) -> Result<Self, PathError> {
        if steps.len() > Self::MAX_LEN {
            return Err(PathError::TooLong { got: steps.len(), limit: Self::MAX_LEN });
        }
        Ok(Self { steps })
    }

    /// The steps, from the top.
    pub fn steps(&self) -> &[ChildNumber] {
        &self.steps
    }
}

impl FromStr for DerivationPath {
    type Err = PathError;

    /// Reads `m`, then steps with `/` before each; a hardened one ends in `'`, `h` or `H`.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut parts = text.split('/');
        if parts.next() != Some("m") {
            return Err(PathError::NoRoot);
        }
        let got = parts.clone().count();
        if got > Self::MAX_LEN {
            return Err(PathError::TooLong { got, limit: Self::MAX_LEN });
        }
        parts.enumerate().map(|(i, part)| step(i + 1, part)).collect::<Result<_, _>>().and_then(Self::new)
    }
}

fn step(position: usize, part: &str) -> Result<ChildNumber, PathError> {
    let (digits, hardened) = match part.strip_suffix(['\'', 'h', 'H']) {
        Some(digits) => (digits, true),
        None => (part, false),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PathError::NotANumber { position });
    }
    let too_large = PathError::TooLarge { position, limit: ChildNumber::MAX_INDEX };
    // Only digits, so all that can be wrong is their size.
    let index = digits.parse().map_err(|_| too_large)?;
    let child = if hardened { ChildNumber::hardened(index) } else { ChildNumber::normal(index) };
    child.map_err(|_| too_large)
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.steps.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

impl fmt::Debug for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DerivationPath({self})")
    }
}
