//! Any sequence of commits, walks and reopenings against a map.

use std::collections::BTreeMap;

use cairn_store::{Batch, TableDef};
use proptest::prelude::*;

use crate::{Place, WORDS, entries};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Commit(Vec<(bool, Vec<u8>, Option<Vec<u8>>)>),
    Reopen,
    Range(Vec<u8>, Vec<u8>),
    Prefix(Vec<u8>),
}

/// Short keys over few letters, so that they meet; values of any bytes, now and then long.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0x61), Just(0xfe), Just(0xff)], 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => prop::collection::vec(any::<u8>(), 0..40), 1 => prop::collection::vec(any::<u8>(), 9000..9010)]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let op = (any::<bool>(), key(), prop::option::weighted(0.7, value()));
    let step = prop_oneof![
        6 => prop::collection::vec(op, 0..30).prop_map(Step::Commit),
        1 => Just(Step::Reopen),
        2 => (key(), key()).prop_map(|(low, high)| Step::Range(low, high)),
        2 => key().prop_map(Step::Prefix),
    ];
    prop::collection::vec(step, 1..16)
}

const OTHER: TableDef<Vec<u8>, Vec<u8>> = TableDef::new(3, "other");

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn pairs<'a>(found: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    found.map(|(key, value)| (key.clone(), value.clone())).collect()
}

pub(crate) fn follows_the_model<P: Place>(steps: Vec<Step>) {
    let place = P::new();
    let mut store = place.open();
    let mut tables = [store.table(WORDS).unwrap(), store.table(OTHER).unwrap()];
    let mut models = [Model::new(), Model::new()];
    for step in steps {
        match step {
            Step::Commit(ops) => {
                let mut batch = Batch::new();
                for (second, key, value) in ops {
                    let at = usize::from(second);
                    match value {
                        Some(value) => {
                            batch.put(&tables[at], &key, &value).unwrap();
                            models[at].insert(key, value);
                        }
                        None => {
                            batch.delete(&tables[at], &key).unwrap();
                            models[at].remove(&key);
                        }
                    }
                }
                store.commit(batch).unwrap();
            }
            Step::Reopen => {
                store.sync().unwrap();
                drop(tables);
                drop(store);
                store = place.open();
                tables = [store.table(WORDS).unwrap(), store.table(OTHER).unwrap()];
            }
            Step::Range(low, high) => {
                for at in [0, 1] {
                    let expected =
                        if low < high { pairs(models[at].range(low.clone()..high.clone())) } else { vec![] };
                    assert_eq!(entries(tables[at].range(low.clone()..high.clone())), expected);
                }
            }
            Step::Prefix(prefix) => {
                for at in [0, 1] {
                    let expected = pairs(models[at].iter().filter(|(key, _)| key.starts_with(&prefix)));
                    assert_eq!(entries(tables[at].prefix(&prefix)), expected);
                }
            }
        }
    }
    for at in [0, 1] {
        assert_eq!(entries(tables[at].iter()), pairs(models[at].iter()));
        let backwards: Vec<_> = pairs(models[at].iter().rev());
        assert_eq!(entries(tables[at].iter().rev()), backwards);
    }
}
