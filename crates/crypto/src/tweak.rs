//! The taproot commitment.

use cairn_primitives::hash;

use crate::xonly::XOnlyPublicKey;

/// The number an internal key is shifted by so that the output key commits to a script tree (BIP341).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapTweak([u8; 32]);

impl TapTweak {
    /// The tagged hash `TapTweak` over the internal key and, where there is one, the root of the script tree.
    pub fn new(internal: &XOnlyPublicKey, merkle_root: Option<&[u8; 32]>) -> Self {
        let root: &[u8] = merkle_root.map_or(&[], |root| root);
        Self(hash::tagged(b"TapTweak", &[&internal.to_bytes(), root]))
    }

    /// The number, big-endian. It may exceed the group order; then no key can be tweaked by it.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
