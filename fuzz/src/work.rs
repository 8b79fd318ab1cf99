//! Proofs of work, which no fuzzer finds by itself.

use cairn_primitives::Header;

/// The header with the first nonce from its own on that meets its bits. They must ask for little, as those of the dev
/// chain do.
pub(crate) fn mined(mut header: Header) -> Header {
    let target = header.bits.to_target().expect("the bits of a chain's first block are sane");
    while !target.is_met_by(header.hash()) {
        header.nonce = header.nonce.wrapping_add(1);
    }
    header
}
