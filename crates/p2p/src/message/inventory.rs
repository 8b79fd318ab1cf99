//! What a peer has or wants: `inv`, `getdata`, `notfound`; and where its chain leaves ours.

use cairn_primitives::codec::put_list;
use cairn_primitives::{BlockHash, Decode, DecodeError, Encode, Reader, Sink, Txid, Wtxid};

use crate::limits::MAX_LOCATOR;

/// One entry of `inv`, `getdata` or `notfound`: 36 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inventory {
    /// A transaction by its id (1).
    Tx(Txid),
    /// A block (2); asked for like this, it comes without witnesses.
    Block(BlockHash),
    /// A transaction by its id with witness (5; BIP339).
    Wtx(Wtxid),
    /// A transaction asked for with its witness (`0x40000001`; BIP144).
    WitnessTx(Txid),
    /// A block asked for with its witnesses (`0x40000002`; BIP144).
    WitnessBlock(BlockHash),
    /// Any other kind, kept as it came: filtered blocks (3), compact blocks (4), and what is not known.
    Other {
        /// The kind's number.
        kind: u32,
        /// The hash, in wire order.
        hash: [u8; 32],
    },
}

impl Inventory {
    const TX: u32 = 1;
    const BLOCK: u32 = 2;
    const WTX: u32 = 5;
    const WITNESS_FLAG: u32 = 1 << 30;
    const WITNESS_TX: u32 = Self::WITNESS_FLAG | Self::TX;
    const WITNESS_BLOCK: u32 = Self::WITNESS_FLAG | Self::BLOCK;

    /// The entry with this kind and hash (wire order).
    pub const fn new(kind: u32, hash: [u8; 32]) -> Self {
        match kind {
            Self::TX => Self::Tx(Txid::from_bytes(hash)),
            Self::BLOCK => Self::Block(BlockHash::from_bytes(hash)),
            Self::WTX => Self::Wtx(Wtxid::from_bytes(hash)),
            Self::WITNESS_TX => Self::WitnessTx(Txid::from_bytes(hash)),
            Self::WITNESS_BLOCK => Self::WitnessBlock(BlockHash::from_bytes(hash)),
            _ => Self::Other { kind, hash },
        }
    }

    /// The kind's number.
    pub const fn kind(&self) -> u32 {
        match self {
            Self::Tx(_) => Self::TX,
            Self::Block(_) => Self::BLOCK,
            Self::Wtx(_) => Self::WTX,
            Self::WitnessTx(_) => Self::WITNESS_TX,
            Self::WitnessBlock(_) => Self::WITNESS_BLOCK,
            Self::Other { kind, .. } => *kind,
        }
    }

    /// The hash, in wire order.
    pub const fn hash(&self) -> [u8; 32] {
        match self {
            Self::Tx(id) | Self::WitnessTx(id) => *id.as_bytes(),
            Self::Block(hash) | Self::WitnessBlock(hash) => *hash.as_bytes(),
            Self::Wtx(id) => *id.as_bytes(),
            Self::Other { hash, .. } => *hash,
        }
    }
}

impl Encode for Inventory {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.kind().to_le_bytes());
        sink.put(&self.hash());
    }
}

impl Decode for Inventory {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::new(reader.u32_le()?, reader.array()?))
    }
}

/// What `getheaders` and `getblocks` ask: what follows the first block of `locator` that is on your best chain?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockRequest {
    /// The sender's protocol version; readers ignore it.
    pub protocol: u32,
    /// Blocks the sender has, highest first.
    pub locator: Vec<BlockHash>,
    /// Where to stop; zero for as many as fit.
    pub stop: BlockHash,
}

impl Encode for BlockRequest {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        sink.put(&self.protocol.to_le_bytes());
        put_list(sink, &self.locator);
        self.stop.encode(sink);
    }
}

impl Decode for BlockRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            protocol: reader.u32_le()?,
            locator: reader.list(BlockHash::SIZE, MAX_LOCATOR)?,
            stop: BlockHash::decode(reader)?,
        })
    }
}
