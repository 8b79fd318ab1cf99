//! Undo records: what is needed to take a block off again.
//!
//! A record in `revNNNNN.dat` is the frame of [`flatfile`](crate::flatfile), the undo data as consensus encodes
//! it, and 4 bytes more, not counted in the frame's length: the CRC-32C (little-endian) of the block's hash
//! followed by the undo data. The hash makes a record of another block as wrong as a damaged one.

use cairn_consensus::Undo;
use cairn_primitives::{BlockHash, Decode, Encode};

use crate::error::ChainStateError;
use crate::flatfile::{Appender, FRAME, Files, UndoPos};
use crate::storage::FileId;

/// Bytes behind the undo data.
pub(crate) const CHECKSUM: usize = 4;

fn checksum(hash: BlockHash, undo: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(hash.as_bytes()), undo)
}

impl Appender {
    /// Writes the undo data of block `hash` to the undo file that goes with block file `number`.
    pub(crate) fn append_undo(
        &mut self,
        number: u32,
        hash: BlockHash,
        undo: &Undo,
    ) -> Result<UndoPos, ChainStateError> {
        let len = undo.encoded_len();
        let mut record = self.frame(len, CHECKSUM);
        undo.encode(&mut record);
        let sum = checksum(hash, &record[FRAME..]);
        record.extend_from_slice(&sum.to_le_bytes());
        let offset = self.append(FileId::undo(number), &record)?;
        Ok(UndoPos { offset, len: len as u32 })
    }
}

impl Files {
    /// As [`read_undo`](Self::read_undo), and the frame before the data is looked at too. Nothing needs it but whoever
    /// reads the file from its start.
    pub(crate) fn read_whole_undo(
        &self,
        number: u32,
        pos: UndoPos,
        hash: BlockHash,
    ) -> Result<Undo, ChainStateError> {
        let file = FileId::undo(number);
        if !self.has_frame(file, pos.offset, pos.len)? {
            return Err(self.damaged(file, pos.offset, hash));
        }
        self.read_undo(number, pos, hash)
    }

    /// The undo data of block `hash`, which lies in block file `number`.
    pub(crate) fn read_undo(
        &self,
        number: u32,
        pos: UndoPos,
        hash: BlockHash,
    ) -> Result<Undo, ChainStateError> {
        let file = FileId::undo(number);
        let len = pos.len as usize;
        let bytes = self.storage().read(file, u64::from(pos.offset) + FRAME as u64, len + CHECKSUM)?;
        let (undo, sum) = bytes.split_at(len.min(bytes.len()));
        if sum != checksum(hash, undo).to_le_bytes() {
            return Err(self.damaged(file, pos.offset, hash));
        }
        Undo::from_bytes(undo).map_err(|source| ChainStateError::RecordUndecodable {
            path: self.storage().path(file),
            offset: pos.offset.into(),
            hash,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::flatfile::MAX_BLOCK_FILE;
    use crate::storage::{Memory, Storage};
    use cairn_consensus::TxUndo;
    use cairn_primitives::{Amount, Coin, Height, Script, TxOut, hex};

    fn undo() -> Undo {
        let output = TxOut { value: Amount::from_sat(7), script_pubkey: Script::from_bytes(vec![0x51]) };
        Undo { txs: vec![TxUndo { coins: vec![Coin { output, height: Height::new(5), coinbase: true }] }] }
    }

    #[test]
    fn golden_bytes_of_an_undo_record() {
        let storage = Arc::new(Memory::default());
        let mut files = Appender::new(Files::new(storage.clone(), *b"CARN"), MAX_BLOCK_FILE, BTreeMap::new());
        let hash = BlockHash::from_bytes([3; 32]);
        let pos = files.append_undo(2, hash, &undo()).unwrap();
        assert_eq!(pos, UndoPos { offset: 0, len: 13 });
        let bytes = storage.read(FileId::undo(2), 0, 100).unwrap();
        let data = "01010b07000000000000000151";
        // The checksum comes from a bitwise CRC-32C (polynomial 0x82f63b78) written for this test.
        let sum = bitwise_crc32c(&[&[3; 32][..], &hex::decode(data).unwrap()].concat());
        let expected = format!("4341524e0d000000{data}{}", hex::encode(&sum.to_le_bytes()));
        assert_eq!(hex::encode(&bytes), expected);
    }

    fn bitwise_crc32c(bytes: &[u8]) -> u32 {
        let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
        !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
    }

    /// The check value of CRC-32C in RFC 3720, appendix B.4: 32 bytes of zeros.
    #[test]
    fn the_reference_checksum_is_the_published_one() {
        assert_eq!(bitwise_crc32c(&[0; 32]).to_le_bytes(), [0xaa, 0x36, 0x91, 0x8a]);
    }

    #[test]
    fn any_flipped_byte_and_any_other_block_is_noticed() {
        let storage = Arc::new(Memory::default());
        let files = Files::new(storage.clone(), *b"CARN");
        let mut appender = Appender::new(files.clone(), MAX_BLOCK_FILE, BTreeMap::new());
        let hash = BlockHash::from_bytes([3; 32]);
        let pos = appender.append_undo(0, hash, &undo()).unwrap();
        assert_eq!(files.read_undo(0, pos, hash).unwrap(), undo());
        let damaged = |result| matches!(result, Err(ChainStateError::RecordDamaged { offset: 0, .. }));
        assert!(damaged(files.read_undo(0, pos, BlockHash::from_bytes([4; 32]))));
        assert!(damaged(files.read_undo(0, UndoPos { len: 12, ..pos }, hash)));
        assert!(damaged(files.read_undo(0, UndoPos { len: 500, ..pos }, hash)));
        assert!(damaged(files.read_undo(1, pos, hash)));
        let record = storage.read(FileId::undo(0), 0, 100).unwrap();
        for at in FRAME..record.len() {
            let mut flipped = record.clone();
            flipped[at] ^= 0x10;
            storage.write(FileId::undo(0), 0, &flipped).unwrap();
            assert!(damaged(files.read_undo(0, pos, hash)), "{at}");
        }
    }
}
