//! Files of blocks and headers that a node is told to read.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use cairn_chainstate::ChainState;
use cairn_chainstate::import::{self, ImportError, Progress, Summary};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{BlockHash, BlockTime, Decode, Header};

use crate::work::mined;

pub(crate) static SPEC: LazyLock<Arc<ChainSpec>> = LazyLock::new(|| Arc::new(presets::dev()));

/// Where this process keeps the file it imports.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| crate::folder("import"));

/// Later than any block's time.
const NOW: BlockTime = BlockTime::new(u32::MAX);

/// Most bytes looked at: each record may cost a search for its proof of work.
const MAX_BYTES: usize = 1 << 16;

type Import = fn(&mut ChainState, &[PathBuf]) -> Result<Summary, ImportError>;

/// A file of blocks (first byte even) or headers (odd). With bit 1 of the first byte, each header is mended: parent,
/// bits and proof of work. What was imported is there, and a second run finds it and changes nothing.
pub fn import(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    if rest.len() > MAX_BYTES {
        return;
    }
    let (mut file, headers) = (rest.to_vec(), how & 1 == 1);
    if how & 2 != 0 && headers {
        mend(&mut file);
    } else if how & 2 != 0 {
        mend_frames(&mut file);
    }
    let path = FOLDER.join("import");
    std::fs::write(&path, &file).expect("the temporary folder takes files");
    let run: Import = if headers { run_headers } else { run_blocks };
    let mut chain = ChainState::in_memory(Arc::clone(&SPEC));
    let first = run(&mut chain, std::slice::from_ref(&path));
    let tip = chain.tip();
    let second = run(&mut chain, std::slice::from_ref(&path));
    assert_eq!(chain.tip(), tip);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert!(!first.stopped && first.new <= first.blocks);
            assert_eq!((second.new, second.blocks, second.tip), (0, first.blocks, first.tip));
            if headers {
                assert_eq!(first.blocks, file.len() as u64 / 80);
            }
        }
        (Err(first), Err(second)) => {
            assert!(!first.to_string().is_empty());
            // A child in front of a refused block waited the first time; now it is refused before its parent comes.
            assert!(second.offset <= first.offset);
            assert!(first.offset <= file.len() as u64);
        }
        (first, second) => panic!("the first run says {first:?}, the second {second:?}"),
    }
}

fn all(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn run_headers(chain: &mut ChainState, files: &[PathBuf]) -> Result<Summary, ImportError> {
    import::headers(chain, files, NOW, all)
}

fn run_blocks(chain: &mut ChainState, files: &[PathBuf]) -> Result<Summary, ImportError> {
    import::blocks(chain, files, NOW, all)
}

/// Sets magic and bits of each record whose length fits in what is left, and chains the headers.
fn mend_frames(file: &mut [u8]) {
    let (mut at, mut prev) = (0, SPEC.genesis.hash);
    while let Some(frame) = file.get(at..at + 8) {
        let length = u32::from_le_bytes(frame[4..].try_into().expect("four of eight")) as usize;
        file[at..at + 4].copy_from_slice(&SPEC.network.magic);
        let Some(record) = file.get_mut(at + 8..).and_then(|rest| rest.get_mut(..length)) else { return };
        if let Some(header) = record.first_chunk_mut::<80>() {
            prev = mend_header(header, prev);
        }
        at += 8 + length;
    }
}

/// Chains the headers of a file.
fn mend(file: &mut [u8]) {
    let mut prev = SPEC.genesis.hash;
    for header in file.as_chunks_mut::<80>().0 {
        prev = mend_header(header, prev);
    }
}

/// A child of `prev`, unless it is genesis, with a proof of work. The time stays as it is.
fn mend_header(bytes: &mut [u8; 80], prev: BlockHash) -> BlockHash {
    let mut header = Header::from_bytes(bytes).expect("any 80 bytes are a header");
    if header.hash() == SPEC.genesis.hash {
        return prev;
    }
    let genesis = SPEC.genesis_block().header;
    header.prev = prev;
    header.bits = genesis.bits;
    let header = mined(header);
    *bytes = header.to_array();
    header.hash()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(seed: &[u8], name: &str) -> Result<Summary, ImportError> {
        let path = FOLDER.join(name);
        std::fs::write(&path, seed).unwrap();
        let run: Import = if name.starts_with("headers") { run_headers } else { run_blocks };
        run(&mut ChainState::in_memory(Arc::clone(&SPEC)), &[path])
    }

    /// Otherwise the target would stop at the first record.
    #[test]
    fn what_is_mended_is_a_chain() {
        let seeds = crate::seeds("import");
        assert_eq!(imported(&seeds[0][1..], "blocks").unwrap().new, 4);
        assert_eq!(imported(&seeds[1][1..], "blocks reversed").unwrap().new, 4);
        let mut headers = seeds[3][1..].to_vec();
        headers[90] ^= 1;
        assert!(imported(&headers, "headers broken").is_err());
        mend(&mut headers);
        assert_eq!(imported(&headers, "headers mended").unwrap().new, 4);
        let mut blocks = seeds[0][1..].to_vec();
        // The parent in the header behind the first block's.
        let at = 8 + SPEC.genesis_block().total_size() + 8 + 10;
        blocks[at] ^= 1;
        assert!(imported(&blocks, "blocks broken").is_err());
        mend_frames(&mut blocks);
        assert_eq!(imported(&blocks, "blocks mended").unwrap().new, 4);
    }
}
