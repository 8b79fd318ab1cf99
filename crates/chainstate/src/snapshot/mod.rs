//! The coin set as a file, in the form of Core's `dumptxoutset`.
//!
//! [`dump`] writes the coins after the tip; [`load`] begins a chain with them. The form is described with
//! [`SnapshotHeader`]; equal coin sets give equal files, whoever writes them. What becomes of a chain that began with a
//! snapshot stands with [`ChainState::validate_next`](crate::ChainState::validate_next).

mod dump;
mod error;
mod file;
mod load;
mod read;
mod row;
#[cfg(test)]
mod tests;

pub use dump::{Dumped, dump};
pub use error::{SnapshotError, SnapshotFault};
pub use file::SnapshotHeader;
pub use load::{LoadProgress, LoadStep, Loaded, load};
pub(crate) use row::{LOADING, SNAPSHOT, SnapshotRow, Standing};
