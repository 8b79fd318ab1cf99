//! The 80 bytes that are hashed for proof of work.

use crate::{
    BlockHash, BlockTime, CompactTarget, Decode, DecodeError, Encode, MerkleRoot, Reader, Sink, hash,
};

/// A block header. Any field values can be held: what a header must satisfy is for consensus to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Version and soft-fork signals.
    pub version: i32,
    /// Hash of the parent's header; all zero in a genesis block.
    pub prev: BlockHash,
    /// Merkle root of the block's txids.
    pub merkle_root: MerkleRoot,
    /// When the miner says the block was made.
    pub time: BlockTime,
    /// The target the header's hash must meet.
    pub bits: CompactTarget,
    /// The number the miner varied.
    pub nonce: u32,
}

impl Header {
    /// Length of an encoded header in bytes.
    pub const SIZE: usize = 80;

    /// The encoded header.
    pub fn to_array(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..36].copy_from_slice(self.prev.as_bytes());
        bytes[36..68].copy_from_slice(self.merkle_root.as_bytes());
        bytes[68..72].copy_from_slice(&self.time.to_u32().to_le_bytes());
        bytes[72..76].copy_from_slice(&self.bits.to_bits().to_le_bytes());
        bytes[76..].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// The block's hash: the double SHA-256 of the encoded header. Computed at each call.
    pub fn hash(&self) -> BlockHash {
        BlockHash::from_bytes(hash::sha256d(&self.to_array()))
    }
}

impl Encode for Header {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.to_array());
    }

    fn encoded_len(&self) -> usize {
        Self::SIZE
    }
}

impl Decode for Header {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: reader.i32_le()?,
            prev: BlockHash::decode(reader)?,
            merkle_root: MerkleRoot::decode(reader)?,
            time: BlockTime::new(reader.u32_le()?),
            bits: CompactTarget::from_bits(reader.u32_le()?),
            nonce: reader.u32_le()?,
        })
    }
}
