//! Proof of work: the compact target, the full target and the work it stands for.

mod compact;
mod target;
mod text;
mod u256;
mod work;

pub use compact::{CompactError, CompactTarget};
pub use target::Target;
pub use work::Work;
