//! The commands of `cairn-miner`.

mod bench;
mod mine;

pub use bench::bench;
pub use mine::{MineCommand, mine};
