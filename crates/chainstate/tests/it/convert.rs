//! Stores taken from one engine to another, whole and cut short.

use std::path::Path;

use cairn_chainstate::convert::{ConvertStep, convert};
use cairn_chainstate::simulate::convert_until;
use cairn_chainstate::{ChainState, ChainStateConfig, ChainStateError, Engine};
use cairn_store::StoreError;

use crate::check::{Closed, closed_in};
use crate::compare;
use crate::crash_bulk::copy_dir;
use crate::maker::spec;

/// Every pair of engines this build has: with one engine there is nothing to convert to.
fn pairs() -> Vec<(Engine, Engine)> {
    let built: Vec<_> = Engine::ALL.into_iter().filter(|engine| engine.is_built_in()).collect();
    let to_others =
        |from: Engine| built.clone().into_iter().filter(move |to| *to != from).map(move |to| (from, to));
    built.clone().into_iter().flat_map(to_others).collect()
}

/// Opens the chain with whatever engine it has, and compares everything with the model.
fn same_chain(closed: &Closed, config: &ChainStateConfig) -> Engine {
    let chain = ChainState::open(spec(), config).unwrap();
    compare::same(&chain.reader(), &closed.model);
    chain.close().unwrap();
    Engine::of(&config.dir.join("chain")).unwrap()
}

fn none_left_over(dir: &Path) {
    for name in ["convert.new", "convert.old", "converting", "converting.new"] {
        assert!(!dir.join(name).exists(), "{name} is left over");
    }
}

#[test]
fn there_and_back_the_rows_are_the_same() {
    for (from, to) in pairs() {
        let closed = closed_in(Some(from));
        let config = ChainStateConfig { engine: None, ..closed.config.clone() };
        let mut steps = Vec::new();
        let first = convert(&spec(), &config, to, |progress| {
            assert!(progress.step == ConvertStep::Count || progress.done <= progress.total);
            steps.push((progress.store, progress.step));
        })
        .unwrap();
        assert_eq!((first.from, first.to), (from, to));
        let names: Vec<_> = first.stores.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["chain", "coins", "index"]);
        assert!(first.stores.iter().all(|(_, rows)| rows.count > 5));
        none_left_over(&config.dir);
        let back = convert(&spec(), &config, from, |_| {}).unwrap();
        assert_eq!(back.stores, first.stores);
        let again = convert(&spec(), &config, to, |_| {}).unwrap();
        assert_eq!(again.stores, first.stores);
        assert_eq!(same_chain(&closed, &config), to);
        let nothing = convert(&spec(), &config, to, |_| {}).unwrap();
        assert_eq!((nothing.from, nothing.stores.len()), (to, 0));
    }
}

#[test]
fn the_directory_keeps_its_engine() {
    for (from, to) in pairs() {
        let closed = closed_in(Some(from));
        let other = ChainStateConfig { engine: Some(to), ..closed.config.clone() };
        match ChainState::open(spec(), &other) {
            Err(ChainStateError::OtherEngine { dir, got, expected }) => {
                assert_eq!((dir, got, expected), (other.dir.clone(), from, to));
            }
            opened => panic!("{opened:?}"),
        }
        let unnamed = ChainStateConfig { engine: None, ..other };
        assert_eq!(same_chain(&closed, &unnamed), from);
    }
}

/// Stopped at every instant in turn, the chain opens and is the same, with the old engine or the new one, never back
/// to the old one once the new one was there; and the next conversion goes through.
#[test]
fn cut_short_anywhere_the_chain_opens() {
    for (from, to) in pairs() {
        let closed = closed_in(Some(from));
        let copies = tempfile::tempdir().unwrap();
        let mut engines = Vec::new();
        for instants in 0.. {
            let dir = copies.path().join(instants.to_string());
            copy_dir(&closed.config.dir, &dir);
            let config = ChainStateConfig { engine: None, dir, ..closed.config.clone() };
            match convert_until(&spec(), &config, to, instants) {
                Err(ChainStateError::Store(StoreError::Stopped)) => {
                    engines.push(same_chain(&closed, &config));
                    none_left_over(&config.dir);
                    convert(&spec(), &config, to, |_| {}).unwrap();
                }
                done => {
                    done.unwrap();
                    break;
                }
            }
            assert_eq!(same_chain(&closed, &config), to);
            std::fs::remove_dir_all(&config.dir).unwrap();
        }
        // Two for each store and one up to the note; then the note, two for each store, and one each side of taking the note away.
        assert_eq!(engines, [vec![from; 7], vec![to; 9]].concat());
    }
}

#[test]
fn a_rebuild_cut_short_comes_first() {
    for (_, to) in pairs() {
        let closed = closed_in(None);
        std::fs::write(closed.config.dir.join("rebuilding"), b"building\n").unwrap();
        let config = ChainStateConfig { engine: None, ..closed.config.clone() };
        let refused = convert(&spec(), &config, to, |_| {});
        assert!(matches!(refused, Err(ChainStateError::Rebuilding { dir }) if dir == config.dir));
    }
}

#[test]
fn an_engine_that_is_not_built_in_is_refused() {
    for to in Engine::ALL.into_iter().filter(|engine| !engine.is_built_in()) {
        let closed = closed_in(None);
        let refused = convert(&spec(), &closed.config, to, |_| {});
        let expected = |engine: &Engine| *engine == to;
        assert!(
            matches!(&refused, Err(ChainStateError::Store(StoreError::NotBuiltIn { engine })) if expected(engine))
        );
        let opened =
            ChainState::open(spec(), &ChainStateConfig { engine: Some(to), ..closed.config.clone() });
        assert!(matches!(opened, Err(ChainStateError::OtherEngine { .. })));
    }
}
