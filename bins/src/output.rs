//! What goes to standard output.
#![allow(clippy::print_stdout)] // these are the commands of a program

use serde::Serialize;

use crate::Failure;

/// One line of text.
pub(crate) fn line(text: impl std::fmt::Display) {
    println!("{text}");
}

/// One line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(Failure::new)?);
    Ok(())
}
