//! Block files as Bitcoin Core writes them.

use std::io::{self, Write};

use cairn_params::ChainSpec;
use cairn_primitives::{Block, Encode};

/// Writes the genesis block and then these blocks: for each the chain's magic, its length as a little-endian `u32`, and its
/// bytes. Returns the number of bytes written. One block is in memory at a time, and `out` gets two writes for each.
///
/// # Errors
/// Those of `out`; [`io::ErrorKind::InvalidInput`] for a block of 4 GiB or more.
pub fn write_blk<W: Write + ?Sized>(
    out: &mut W,
    spec: &ChainSpec,
    blocks: impl IntoIterator<Item = Block>,
) -> io::Result<u64> {
    let mut written = 0;
    for block in std::iter::once(spec.genesis_block()).chain(blocks) {
        let bytes = block.to_bytes();
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let [a, b, c, d] = spec.network.magic;
        let [e, f, g, h] = len.to_le_bytes();
        out.write_all(&[a, b, c, d, e, f, g, h])?;
        out.write_all(&bytes)?;
        written += 8 + u64::from(len);
    }
    out.flush()?;
    Ok(written)
}
