//! The bench, built again for what is chosen when compiling.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Failure;

/// What a program was compiled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Build {
    K256,
    Libsecp256k1,
    Kernel,
}

impl Build {
    fn features(self) -> &'static str {
        match self {
            Build::K256 => "",
            Build::Libsecp256k1 => "libsecp256k1",
            Build::Kernel => "kernel",
        }
    }
}

/// Programs built so far; a build that failed is not tried again.
#[derive(Debug, Default)]
pub(crate) struct Builds(BTreeMap<Build, Result<PathBuf, String>>);

impl Builds {
    /// The program of a build.
    pub(crate) fn program(&mut self, build: Build) -> Result<PathBuf, Failure> {
        let made = self.0.entry(build).or_insert_with(|| compile(build).map_err(|error| error.to_string()));
        made.clone().map_err(Into::into)
    }
}

fn compile(build: Build) -> Result<PathBuf, Failure> {
    eprintln!("building the bench with features [{}]", build.features());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .args(["bench", "--locked", "-q", "-p", "cairn-benches", "--bench", "ibd", "--no-run"])
        .args(["--message-format", "json-render-diagnostics", "--features", build.features()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    if !done.status.success() {
        return Err(format!("cargo ended with {}", done.status).into());
    }
    let text = String::from_utf8(done.stdout)?;
    let program = text.lines().filter_map(executable).next_back();
    program.ok_or_else(|| "cargo named no program".into())
}

/// The program that a line of cargo's messages names.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    (message["target"]["name"] == "ibd").then(|| message["executable"].as_str().map(PathBuf::from))?
}
