//! How a program fails: one sentence on standard error, and an exit code.

use std::process::ExitCode;

use cairn_node::NodeError;

/// What is printed on standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something failed: exit code 1.
    pub(crate) fn new(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: 1 }
    }

    /// The command line or a setting makes no sense: exit code 2.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: 2 }
    }

    /// What is printed on standard error.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the command line or a setting makes no sense.
    pub(crate) fn is_usage(&self) -> bool {
        self.code == 2
    }
}

impl<E: Into<NodeError>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            // A transparent error repeats its source's text.
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        Self { message, code: error.exit_code() }
    }
}

/// Prints a failure and gives the exit code: 0 done, 1 failed, 2 bad usage.
pub fn exit(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
