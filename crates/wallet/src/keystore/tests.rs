//! The bytes of a keystore, pinned, and what the cipher refuses once the checksum is mended.
