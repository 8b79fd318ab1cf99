//! The shape of the workspace: short files, short functions, dependencies that point down, no
//! forgotten notes. The rules are those of ARCHITECTURE.md and CONTRIBUTING.md.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const MAX_FILE_LINES: usize = 600;
const MAX_FN_LINES: usize = 70;

/// Floors of ARCHITECTURE.md. A crate may depend on crates of lower floors only.
const FLOORS: &[(&str, u32)] = &[
    ("failpoint", 0),
    ("primitives", 0),
    ("crypto", 1),
    ("params", 1),
    ("script", 2),
    ("consensus", 3),
    ("store", 3),
    ("chainstate", 4),
    ("mempool", 4),
    ("p2p", 4),
    ("miner", 5),
    ("wallet", 5),
    ("rpc", 6),
    ("node", 7),
    ("kit", 7),
];

/// Crates that may use a neighbour on their own floor.
const MAY_USE_NEIGHBOUR: &[&str] = &["node"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rust_files() -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    assert!(found.len() > 50, "only {} Rust files found: is the root right?", found.len());
    found
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<_> = rust_files()
        .iter()
        .map(|path| (fs::read_to_string(path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_FILE_LINES)
        .map(|(lines, path)| format!("{} has {lines} lines", short(path)))
        .collect();
    assert_none("files too long", &long);
}

/// Collects functions whose bodies have more lines of code than allowed; blank lines and lines of
/// comment alone do not count.
struct LongFunctions<'a> {
    lines: Vec<&'a str>,
    found: Vec<(String, usize)>,
}

impl LongFunctions<'_> {
    fn measure(&mut self, name: String, block: &syn::Block) {
        let span = block.span();
        let (start, end) = (span.start().line, span.end().line);
        let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let body = &self.lines[start.min(end - 1)..end - 1];
        let count = body.iter().filter(is_code).count();
        if count > MAX_FN_LINES {
            self.found.push((name, count));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(item.sig.ident.to_string(), &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(item.sig.ident.to_string(), &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(item.sig.ident.to_string(), block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn long_functions(source: &str) -> Vec<(String, usize)> {
    let file = syn::parse_file(source).expect("the workspace compiles, so its files parse");
    let mut visitor = LongFunctions { lines: source.lines().collect(), found: Vec::new() };
    visitor.visit_file(&file);
    visitor.found
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let mut long = Vec::new();
    for path in rust_files() {
        for (name, count) in long_functions(&fs::read_to_string(&path).unwrap()) {
            long.push(format!("{}: {name} has {count} lines", short(&path)));
        }
    }
    assert_none("functions too long", &long);
}

#[test]
fn the_length_check_sees_the_line_past_the_limit() {
    let source = |lines: usize| format!("fn f() {{\n{}    // a comment\n\n}}\n", "    g();\n".repeat(lines));
    assert_eq!(long_functions(&source(MAX_FN_LINES)), []);
    assert_eq!(long_functions(&source(MAX_FN_LINES + 1)), [("f".to_owned(), MAX_FN_LINES + 1)]);
}

/// Words that mark unfinished work, spelled so that this file does not hold them.
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("unimpl", "emented!"),
    concat!("to", "do!"),
];

fn notes_in(source: &str) -> Vec<usize> {
    let holds_note = |line: &str| NOTES.iter().any(|note| line.contains(note));
    (1..).zip(source.lines()).filter(|(_, line)| holds_note(line)).map(|(number, _)| number).collect()
}

#[test]
fn nothing_is_left_to_do_in_a_comment() {
    let mut found = Vec::new();
    for path in rust_files() {
        let lines = notes_in(&fs::read_to_string(&path).unwrap());
        found.extend(lines.iter().map(|line| format!("{}:{line}", short(&path))));
    }
    assert_none("forgotten notes", &found);
}

#[test]
fn a_forgotten_note_is_seen() {
    assert_eq!(notes_in(&format!("fn f() {{}}\n// {}: more\n", NOTES[0])), [2]);
    assert!(notes_in("fn f() {} // done").is_empty());
}

/// The crates of this workspace that a manifest depends on outside tests.
fn own_dependencies(manifest: &toml::Table) -> Vec<String> {
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys())
        .filter_map(|name| name.strip_prefix("cairn-").map(str::to_owned))
        .collect()
}

fn edges_that_do_not_point_down(name: &str, dependencies: &[String]) -> Vec<String> {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let Some(floor) = floors.get(name) else { return vec![format!("{name} has no floor")] };
    let wrong = |dependency: &&String| match floors.get(dependency.as_str()) {
        Some(below) if below == floor => !MAY_USE_NEIGHBOUR.contains(&name),
        Some(below) => below > floor,
        None => true,
    };
    dependencies.iter().filter(wrong).map(|dependency| format!("{name} -> {dependency}")).collect()
}

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        if name == "testkit" {
            continue; // for development only; see `testkit_is_for_tests_only`
        }
        let manifest: toml::Table = fs::read_to_string(dir.join("Cargo.toml")).unwrap().parse().unwrap();
        wrong.extend(edges_that_do_not_point_down(&name, &own_dependencies(&manifest)));
    }
    assert_none("dependency edges that do not point down", &wrong);
}

#[test]
fn an_edge_that_points_up_is_seen() {
    let edges = |name, on: &str| edges_that_do_not_point_down(name, &[on.to_owned()]);
    assert!(edges("consensus", "script").is_empty());
    assert_eq!(edges("script", "consensus"), ["script -> consensus"]);
    assert_eq!(edges("chainstate", "mempool"), ["chainstate -> mempool"]);
    assert_eq!(edges("consensus", "testkit"), ["consensus -> testkit"]);
}

#[test]
fn testkit_is_for_tests_only() {
    for dir in ["crates", "."] {
        for entry in fs::read_dir(root().join(dir)).unwrap() {
            let manifest = entry.unwrap().path().join("Cargo.toml");
            let Ok(text) = fs::read_to_string(&manifest) else { continue };
            let package = manifest.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            let allowed = ["testkit", "benches", "examples", "fuzz"].contains(&package.as_str());
            let uses = own_dependencies(&text.parse().unwrap()).contains(&"testkit".to_owned());
            assert!(allowed || !uses, "{package} depends on testkit outside its tests");
        }
    }
}

#[test]
fn binaries_are_thin() {
    for entry in fs::read_dir(root().join("bins/src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let files = if path.is_dir() {
            fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect()
        } else {
            vec![path.clone()]
        };
        let lines: usize = files.iter().map(|file| fs::read_to_string(file).unwrap().lines().count()).sum();
        assert!(lines <= 300, "{} has {lines} lines, at most 300 are allowed", short(&path));
    }
}
