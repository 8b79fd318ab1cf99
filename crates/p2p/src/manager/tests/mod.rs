//! Connections as a whole: who comes in, who is called, who is dropped.

mod calls;
mod conduct;
mod support;
