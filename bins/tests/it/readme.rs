//! What the README says and what is there.

use std::path::Path;
use std::process::Command;

use crate::support::{run, stdout};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// Every `cairn-node …` and `cairn-miner …` that stands in backticks in the table of the README.
fn commands_in_readme() -> Vec<Vec<String>> {
    let readme = read("README.md");
    let table = readme.lines().filter(|line| line.starts_with('|'));
    let quoted = table.flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted
        .filter(|text| text.starts_with("cairn-"))
        .map(|text| text.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn help(words: &[String]) -> String {
    let program = match words[0].as_str() {
        "cairn-node" => env!("CARGO_BIN_EXE_cairn-node"),
        "cairn-miner" => env!("CARGO_BIN_EXE_cairn-miner"),
        "cairn-wallet" => env!("CARGO_BIN_EXE_cairn-wallet"),
        other => panic!("the README names {other}, which is no program here"),
    };
    // Subcommands come first and are plain lower-case words; values such as own.toml are not.
    let is_subcommand =
        |word: &&String| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let subcommands: Vec<_> = words[1..].iter().take_while(is_subcommand).take(2).collect();
    let subcommands = if subcommands.first().is_some_and(|word| ["chain", "db"].contains(&word.as_str())) {
        subcommands
    } else {
        subcommands.into_iter().take(1).collect()
    };
    let output = Command::new(program).args(&subcommands).arg("--help").output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", crate::support::stderr(&output));
    stdout(&output)
}

#[test]
fn every_command_and_flag_of_the_table_exists() {
    let commands = commands_in_readme();
    assert!(commands.len() >= 8, "only {} commands found in the README", commands.len());
    for words in &commands {
        let help = help(words);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag.as_str()), "{words:?}: {flag} is not in its help:\n{help}");
        }
    }
}

#[test]
fn the_two_commands_stand_there_and_ci_runs_the_test_command() {
    let readme = read("README.md");
    assert!(readme.contains("\ncargo run --release --bin cairn-node -- --dev\n"));
    assert!(readme.contains("\ncargo test --workspace\n"));
    assert!(read(".ci/run").lines().any(|line| line.starts_with("cargo test --workspace")));
}

/// Runs the shell commands of "Several nodes" as they stand there, in an empty directory.
#[cfg(unix)]
#[test]
fn the_commands_for_several_nodes_do_what_is_said() {
    let readme = read("README.md");
    let section = readme.split("## Several nodes").nth(1).expect("the section is there");
    let commands =
        section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has commands");
    let question = |start: &str| {
        let mut lines = commands.lines().filter(|line| line.starts_with(start));
        lines.next().unwrap_or_else(|| panic!("a line begins with {start}")).to_owned()
    };
    let (status, balance) =
        (question("cairn-node status"), question("cairn-wallet --datadir w --wallet bob --node"));
    // The last block may still be on its way when the last two commands run.
    let script = format!(
        "set -eu\ntrap 'kill %1 %2 %3' EXIT\n{commands}\n\
         for i in $(seq 150); do {status} > status.txt; {balance} > balance.txt\n\
         if grep -qE '^height +13 of' status.txt && grep -qE '^spendable +1\\.5' balance.txt; then exit 0; fi\n\
         sleep 0.2; done; cat status.txt balance.txt; exit 1"
    );
    let dir = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_cairn-node")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = crate::support::program("bash")
        .args(["-c", &script])
        .current_dir(dir.path())
        .env("PATH", path)
        .output()
        .expect("bash is there");
    assert!(output.status.success(), "{}\n{}", stdout(&output), crate::support::stderr(&output));
}

#[test]
fn the_presets_in_the_help_are_the_presets() {
    let help = stdout(&run(&["--help"]));
    let list = help
        .split("A preset (")
        .nth(1)
        .and_then(|rest| rest.split(')').next())
        .expect("the help lists presets");
    let named: Vec<_> = list.split(',').map(|name| name.split_whitespace().collect::<String>()).collect();
    assert_eq!(named, cairn_params::presets::NAMES);
}

#[test]
fn the_spec_in_the_documentation_is_the_one_that_is_written() {
    let page = read("docs/src/chain-specs.md");
    let shown = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the page shows a spec");
    assert_eq!(shown.trim_end(), stdout(&run(&["chain", "show", "mini"])).trim_end());
}

#[test]
fn every_flag_of_the_settings_table_exists() {
    let help = stdout(&run(&["--help"]));
    let page = read("docs/src/operations.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `--")).collect();
    assert!(rows.len() >= 9, "only {} rows", rows.len());
    for row in rows {
        for name in row.split('`').skip(1).step_by(2).take(2) {
            assert!(help.contains(name), "{name} is not in the help:\n{help}");
        }
    }
}
