//! No write, sync, cut, removal or rename goes round the fail points: those that did could not be stopped at by the
//! crash harness.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Crates that keep something on disk that must survive.
const CRATES: &[&str] = &["store", "chainstate", "node", "wallet"];

/// Methods that change a file, a directory or a store, or make a change durable.
const METHODS: &[&str] =
    &["write_all", "sync_all", "sync_data", "set_len", "commit", "sync", "persist", "apply_batch"];

/// Functions that do, with the module they come from.
const FUNCTIONS: &[&str] = &[
    "fs::write",
    "fs::rename",
    "fs::remove_file",
    "fs::remove_dir",
    "fs::remove_dir_all",
    "fs::create_dir",
    "fs::create_dir_all",
    "fs::copy",
    "fs::hard_link",
];

/// Calls of those names that need no fail point: file, callee and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("store/src/store.rs", "self.shared.engine.commit", "what every named commit comes down to"),
    ("store/src/store.rs", "self.shared.engine.sync", "what every named sync comes down to"),
    ("store/src/engine/", "", "inside the engines"),
    ("store/src/simulate.rs", "", "disks in memory"),
    ("chainstate/src/storage/memory.rs", "", "files in memory"),
    ("chainstate/src/", "self.commit", "ChainState::commit, whose steps have names"),
    ("chainstate/src/", "chain.commit", "ChainState::commit, whose steps have names"),
    ("node/src/writer.rs", "self.state.commit", "ChainState::commit, whose steps have names"),
    ("chainstate/src/prune.rs", "self.shared.index.sync", "IndexDb::sync, which has a name"),
    ("chainstate/src/flatfile.rs", "self.sync", "Appender::sync, which goes through the storage"),
    ("node/src/wallet/dev.rs", "state.wallet.sync", "a wallet follows the chain"),
    ("chainstate/src/", "self.files.sync", "Appender::sync, which goes through the storage"),
    ("chainstate/src/", "self.files.storage.sync", "Storage::sync, whose steps have names"),
];

#[derive(Default)]
struct Calls {
    /// How many calls of fail points are around what is looked at.
    named: usize,
    found: Vec<(String, usize)>,
}

fn path_text(path: &syn::Path) -> String {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::")
}

/// The callee as it is written, as far as it is names and calls.
fn text(expr: &syn::Expr) -> String {
    match expr {
        syn::Expr::Path(path) => path_text(&path.path),
        syn::Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => format!("{}.{name}", text(&field.base)),
            syn::Member::Unnamed(index) => format!("{}.{}", text(&field.base), index.index),
        },
        syn::Expr::MethodCall(call) => format!("{}.{}()", text(&call.receiver), call.method),
        syn::Expr::Call(call) => format!("{}()", text(&call.func)),
        syn::Expr::Try(inner) => text(&inner.expr),
        syn::Expr::Reference(inner) => text(&inner.expr),
        syn::Expr::Paren(inner) => text(&inner.expr),
        _ => "?".to_owned(),
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let callee = text(&call.func);
        let name = callee.rsplit("::").take(2).collect::<Vec<_>>();
        let name = name.into_iter().rev().collect::<Vec<_>>().join("::");
        if self.named == 0 && FUNCTIONS.contains(&name.as_str()) {
            self.found.push((callee.clone(), call.span().start().line));
        }
        let named = usize::from(callee.contains("failpoint::"));
        self.named += named;
        visit::visit_expr_call(self, call);
        self.named -= named;
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if self.named == 0 && METHODS.contains(&call.method.to_string().as_str()) {
            let callee = format!("{}.{}", text(&call.receiver), call.method);
            self.found.push((callee, call.span().start().line));
        }
        visit::visit_expr_method_call(self, call);
    }
}

fn calls(source: &str) -> Vec<(String, usize)> {
    let mut calls = Calls::default();
    calls.visit_file(&syn::parse_file(source).expect("the workspace compiles, so its files parse"));
    calls.found
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn nothing_is_changed_on_disk_without_a_name() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let mut unnamed = Vec::new();
    for name in CRATES {
        let mut files = Vec::new();
        rust_files(&crates.join(name).join("src"), &mut files);
        assert!(!files.is_empty());
        for path in files {
            let short = path.strip_prefix(&crates).unwrap().display().to_string();
            for (callee, line) in calls(&fs::read_to_string(&path).unwrap()) {
                let allowed = ALLOWED
                    .iter()
                    .any(|(file, call, _)| short.starts_with(file) && (call.is_empty() || callee == *call));
                if !allowed {
                    unnamed.push(format!("{short}:{line}: {callee}"));
                }
            }
        }
    }
    let list = unnamed.join("\n  ");
    assert!(
        unnamed.is_empty(),
        "changes on disk without `failpoint::around` or `failpoint::write_all`:\n  {list}"
    );
}

#[test]
fn a_change_without_a_name_is_seen() {
    let found = |body: &str| calls(&format!("fn f() {{ {body} }}")).into_iter().map(|(callee, _)| callee);
    assert_eq!(found("file.sync_all()?;").collect::<Vec<_>>(), ["file.sync_all"]);
    assert_eq!(found("std::fs::rename(a, b)?;").collect::<Vec<_>>(), ["std::fs::rename"]);
    assert_eq!(found("self.store.commit(batch)").collect::<Vec<_>>(), ["self.store.commit"]);
    assert_eq!(found("failpoint::around(\"a\", || file.sync_all())?;").count(), 0);
    assert_eq!(found("failpoint::write_all(\"a\", &mut file, b\"x\")?;").count(), 0);
    assert_eq!(calls("#[cfg(test)] mod tests { fn f() { file.sync_all(); } }"), []);
}
