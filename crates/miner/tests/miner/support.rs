//! Where the real data is, and kernels by name.

use std::path::PathBuf;
use std::sync::Arc;

use cairn_miner::Kernel;
use cairn_miner::kernel::{Portable, kernels};
use cairn_primitives::{Decode, Header};

/// Bytes of a file of real data, or `None` with a word on the test that goes without.
pub(crate) fn data(test: &str, file: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("CAIRN_DATA").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared/data")
    });
    let path = folder.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            println!("skipped: {test} needs {}", path.display());
            None
        }
    }
}

/// The headers of a file of 80-byte headers.
pub(crate) fn headers(test: &str, file: &str) -> Option<Vec<Header>> {
    let bytes = data(test, file)?;
    Some(bytes.chunks_exact(Header::SIZE).map(|bytes| Header::from_bytes(bytes).unwrap()).collect())
}

/// The kernels under test: whatever the machine runs, the portable one twice rather than never.
pub(crate) fn all_kernels() -> Vec<Arc<dyn Kernel>> {
    let mut all = kernels();
    all.push(Arc::new(Portable));
    all
}
