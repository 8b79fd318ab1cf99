//! No rule without a test: the variants that the error enums have against those that the tables test.

use std::collections::BTreeSet;

use syn::{Item, ItemEnum};

pub(crate) fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let file = syn::parse_file(source).expect("the crate compiles, so its files parse");
    let found = file.items.iter().find_map(|item| match item {
        Item::Enum(item) if item.ident == name => Some(item),
        _ => None,
    });
    let found: &ItemEnum = found.expect("the enum is in this file");
    found.variants.iter().map(|variant| variant.ident.to_string()).collect()
}

fn check(source: &str, name: &str, tested: &[&str]) {
    let tested: BTreeSet<String> = tested.iter().map(|variant| (*variant).to_owned()).collect();
    let missing: Vec<_> = variants(source, name).difference(&tested).cloned().collect();
    assert!(missing.is_empty(), "{name} has rules without a test: {missing:?}");
}

#[test]
fn every_header_rule_is_tested() {
    check(include_str!("../../src/error/header.rs"), "HeaderError", crate::header_rules::TESTED);
}

#[test]
fn every_transaction_rule_is_tested() {
    check(include_str!("../../src/error/tx.rs"), "TxError", crate::tx_rules::TESTED);
}

#[test]
fn every_block_rule_is_tested() {
    check(include_str!("../../src/error/block.rs"), "BlockError", crate::block_rules::TESTED);
}

#[test]
#[should_panic(expected = "rules without a test: [\"B\"]")]
fn a_rule_without_a_test_is_noticed() {
    check("enum E { A, B { got: u32 } }", "E", &["A"]);
}
