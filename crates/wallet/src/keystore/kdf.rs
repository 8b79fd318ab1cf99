//! From a passphrase to a key: argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::error::{KdfError, KeystoreError};
use super::limited;

/// Bytes of a salt.
pub(super) const SALT_LEN: usize = 16;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;

/// How much work each guess of a passphrase costs.
///
/// The parameters stand in the keystore itself, so they have an upper bound too: a file from elsewhere must not be
/// able to ask for all memory or for an hour of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfParams {
    /// Least memory, KiB: 8 MiB.
    pub const MIN_MEMORY_KIB: u32 = 8 * 1024;
    /// Most memory, KiB: 1 GiB.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    /// Most passes over the memory.
    pub const MAX_PASSES: u32 = 16;
    /// Most lanes.
    pub const MAX_LANES: u32 = 16;

    /// Takes parameters within the bounds.
    ///
    /// # Errors
    /// [`KdfError`], one variant for each parameter.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, KdfError> {
        let (min, limit) = (Self::MIN_MEMORY_KIB, Self::MAX_MEMORY_KIB);
        if memory_kib < min || memory_kib > limit {
            return Err(KdfError::Memory { got: memory_kib, min, limit });
        }
        if passes == 0 || passes > Self::MAX_PASSES {
            return Err(KdfError::Passes { got: passes, min: 1, limit: Self::MAX_PASSES });
        }
        if lanes == 0 || lanes > Self::MAX_LANES {
            return Err(KdfError::Lanes { got: lanes, min: 1, limit: Self::MAX_LANES });
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Memory, KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes, worked through one after the other.
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// The key of a passphrase, which is taken in Unicode form NFKD, and a salt.
    pub(super) fn derive(
        &self,
        passphrase: &str,
        salt: &[u8; SALT_LEN],
    ) -> Result<Zeroizing<[u8; KEY_LEN]>, KeystoreError> {
        let passphrase = limited(passphrase)?;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN))
            .expect("the bounds lie within argon2's own");
        // Reserved first, because running out of memory is an error here and no reason to end the program; wiped
        // afterwards, because the key can be read off the last blocks.
        let mut memory = Zeroizing::new(Vec::new());
        memory
            .try_reserve_exact(params.block_count())
            .map_err(|_| KeystoreError::OutOfMemory { kib: self.memory_kib })?;
        memory.resize(params.block_count(), Block::new());
        let mut key = Zeroizing::new([0; KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut *key, memory.as_mut_slice())
            .expect("passphrase, salt, key and memory have sizes argon2 takes");
        Ok(key)
    }
}

impl Default for KdfParams {
    /// 64 MiB, three passes, one lane: RFC 9106's choice where memory is scarce, worked through by one thread.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}
