//! A block file, record by record.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use cairn_primitives::{Decode, Header};

/// Magic and length before each block.
const FRAME: usize = 8;

/// The largest record that is read: none of a chain under Bitcoin's limits is longer.
const MAX_RECORD: usize = 4_000_000;

/// The blocks of a file, as bytes with their frame.
pub(crate) struct Records {
    file: BufReader<File>,
}

/// A record: the frame of magic and length, then the block.
pub(crate) struct Record(Vec<u8>);

impl Records {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::with_capacity(1 << 20, File::open(path)?) })
    }

    fn read(&mut self) -> io::Result<Option<Record>> {
        let mut frame = [0; FRAME];
        match self.file.read_exact(&mut frame) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let [_, _, _, _, a, b, c, d] = frame;
        let len = u32::from_le_bytes([a, b, c, d]) as usize;
        if !(Header::SIZE..=MAX_RECORD).contains(&len) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut record = frame.to_vec();
        record.resize(FRAME + len, 0);
        self.file.read_exact(&mut record[FRAME..])?;
        Ok(Some(Record(record)))
    }
}

impl Iterator for Records {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl Record {
    pub(crate) fn framed(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn block(&self) -> &[u8] {
        &self.0[FRAME..]
    }

    pub(crate) fn header(&self) -> Header {
        Header::from_bytes(&self.block()[..Header::SIZE]).expect("80 bytes are a header")
    }

    /// Transactions of the block: the compact size behind its header.
    pub(crate) fn transactions(&self) -> u32 {
        match self.block().get(Header::SIZE..) {
            Some([0xfd, a, b, ..]) => u16::from_le_bytes([*a, *b]).into(),
            Some([0xfe, a, b, c, d, ..]) => u32::from_le_bytes([*a, *b, *c, *d]),
            Some([count, ..]) => (*count).into(),
            _ => 0,
        }
    }
}
