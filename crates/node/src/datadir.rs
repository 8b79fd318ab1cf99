//! The data directory.

use std::fs::{DirBuilder, create_dir_all};
use std::path::Path;

use crate::error::NodeError;

/// Makes the data directory, readable by its owner alone, if it is not there.
pub(crate) fn create(dir: &Path) -> Result<(), NodeError> {
    if dir.is_dir() {
        return Ok(());
    }
    let unwritable = |source| NodeError::Unwritable { path: dir.to_owned(), source };
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_dir_all(parent).map_err(unwritable)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(unwritable)
}
