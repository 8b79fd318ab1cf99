//! The programs, end to end: started as a user starts them.

mod bad_input;
mod chain;
mod dev;
mod import;
mod readme;
mod support;
