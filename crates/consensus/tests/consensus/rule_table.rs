//! `docs/src/rules.md` against the sources: no rule is missing there, and nothing it names is missing here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::inventory::variants;
use crate::{block_rules, header_rules, tx_rules};

const PAGE: &str = include_str!("../../../../docs/src/rules.md");

/// Errors that hand on the code of the error inside them.
const PASS_ON: [&str; 2] = ["BlockError::Header", "BlockError::Tx"];

/// A line of a table: rule, function, error, code, test.
struct Row<'p> {
    function: &'p str,
    error: &'p str,
    code: &'p str,
    test: &'p str,
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| rule "));
    let row = |line| {
        let cells: Vec<&str> = str::split(line, '|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, rule, function, error, code, test, _] = cells[..] else { panic!("not five cells: {line}") };
        assert!(!rule.is_empty(), "{line}");
        Row { function, error, code, test }
    };
    lines.map(row).collect()
}

/// Every variant a rule may break, with its code.
fn errors() -> Vec<(String, &'static str)> {
    let tested = [header_rules::CODES, tx_rules::CODES, block_rules::CODES].concat();
    let own = tested.into_iter().map(|(error, code)| (error.to_owned(), code));
    let signet = variants(include_str!("../../src/error/signet.rs"), "SignetError");
    let signet = signet.into_iter().map(|variant| (format!("SignetError::{variant}"), "bad-signet-blksig"));
    own.chain(signet).collect()
}

/// What is wrong with a page.
fn faults(page: &str) -> Vec<String> {
    let (rows, errors) = (rows(page), errors());
    let listed: BTreeSet<&str> = rows.iter().map(|row| row.error).collect();
    let mut faults: Vec<String> = errors
        .iter()
        .filter(|(error, _)| !listed.contains(error.as_str()))
        .map(|(error, _)| format!("{error} is missing"))
        .collect();
    for row in &rows {
        if !has_function("src", row.function) {
            faults.push(format!("there is no function {}", row.function));
        }
        if !has_function("tests/consensus", row.test) {
            faults.push(format!("there is no test {}", row.test));
        }
        if row.error.is_empty() || PASS_ON.contains(&row.error) {
            continue;
        }
        match errors.iter().find(|(error, _)| error == row.error) {
            Some((_, code)) if *code == row.code => {}
            Some((error, code)) => faults.push(format!("the code of {error} is {code}, not {}", row.code)),
            None => faults.push(format!("there is no error {}", row.error)),
        }
    }
    faults
}

/// Whether `module::function` is defined in the module's file or, if it has a folder, in one of its files.
fn has_function(root: &str, path: &str) -> bool {
    let Some((module, function)) = path.split_once("::") else { return false };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut files: Vec<PathBuf> = vec![root.join(module).with_extension("rs")];
    if let Ok(folder) = fs::read_dir(root.join(module)) {
        files.extend(folder.map(|entry| entry.expect("the folder can be read").path()));
    }
    let defined =
        |text: String| ["(", "<"].iter().any(|after| text.contains(&format!("fn {function}{after}")));
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).any(defined)
}

#[test]
fn the_table_has_every_rule() {
    assert_eq!(faults(PAGE), Vec::<String>::new());
    assert!(rows(PAGE).len() >= errors().len(), "{} rows", rows(PAGE).len());
    println!("rules.md: {} rows for {} errors", rows(PAGE).len(), errors().len());
}

#[test]
fn a_table_that_drifts_is_noticed() {
    let without = |found: &str| {
        let lines = PAGE.lines().filter(|line| !line.contains(found));
        faults(&lines.collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(without("`TxError::NonFinal`"), ["TxError::NonFinal is missing"]);
    assert_eq!(without("`SignetError::Malformed`"), ["SignetError::Malformed is missing"]);
    let with = |from: &str, to: &str| faults(&PAGE.replace(from, to));
    assert_eq!(
        with("`bad-cb-amount`", "`bad-cb`"),
        ["the code of BlockError::CoinbaseValue is bad-cb-amount, not bad-cb"]
    );
    assert_eq!(
        with("`header::check_bits`", "`header::check_bit`"),
        ["there is no function header::check_bit"]
    );
    assert_eq!(with("`tx_rules::oversize`", "`tx_rules::over`"), ["there is no test tx_rules::over"]);
    let renamed = with("`TxError::Oversize`", "`TxError::TooBig`");
    assert_eq!(renamed, ["TxError::Oversize is missing", "there is no error TxError::TooBig"]);
}
