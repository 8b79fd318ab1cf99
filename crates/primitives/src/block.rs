//! A header with its transactions.

use crate::codec::{self, MAX_SIZE};
use crate::{
    BlockHash, Decode, DecodeError, Encode, Header, MerkleRoot, Reader, Sha256d, Sink, Transaction, Weight,
    merkle,
};

/// A block as it was decoded or built: nothing about it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions, the coinbase first if the block is valid.
    pub transactions: Vec<Transaction>,
}

impl Block {
    /// The block's hash, which is its header's. Computed at each call.
    pub fn hash(&self) -> BlockHash {
        self.header.hash()
    }

    /// The merkle root of the txids: what the header of a valid block holds. Zero without transactions.
    pub fn merkle_root(&self) -> MerkleRoot {
        MerkleRoot::from_bytes(self.merkle().root)
    }

    /// As [`merkle_root`](Self::merkle_root), with the sign of a duplicated tail (CVE-2012-2459).
    pub fn merkle(&self) -> merkle::Computed {
        let mut leaves: Vec<_> = self.transactions.iter().map(|tx| tx.txid().to_bytes()).collect();
        merkle::root_in_place(&mut leaves)
    }

    /// The merkle root of the wtxids, the coinbase's counted as zero (BIP141). Zero without transactions.
    pub fn witness_merkle_root(&self) -> Sha256d {
        let mut leaves: Vec<_> = self.transactions.iter().map(|tx| tx.wtxid().to_bytes()).collect();
        if let Some(coinbase) = leaves.first_mut() {
            *coinbase = [0; 32];
        }
        Sha256d::from_bytes(merkle::root_in_place(&mut leaves).root)
    }

    /// Encoded length in bytes without witnesses.
    pub fn base_size(&self) -> usize {
        self.size_with(Transaction::base_size)
    }

    /// Encoded length in bytes.
    pub fn total_size(&self) -> usize {
        self.size_with(Transaction::total_size)
    }

    /// The block's weight (BIP141): three times the base size plus the total size.
    pub fn weight(&self) -> Weight {
        Weight::from_sizes(self.base_size(), self.total_size())
    }

    fn size_with(&self, size: impl Fn(&Transaction) -> usize) -> usize {
        let count = codec::compact_size_len(self.transactions.len() as u64);
        Header::SIZE + count + self.transactions.iter().map(size).sum::<usize>()
    }
}

impl Encode for Block {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        self.header.encode(sink);
        codec::put_list(sink, &self.transactions);
    }

    fn encoded_len(&self) -> usize {
        self.total_size()
    }
}

impl Decode for Block {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = Header::decode(reader)?;
        let transactions = reader.list(Transaction::MIN_SIZE, MAX_SIZE)?;
        Ok(Self { header, transactions })
    }
}
