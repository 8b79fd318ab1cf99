//! The chain state as its users see it, against naive models and real chains.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "a test that lacks its data says so")]

/// Runs tests that take an engine on each of them.
macro_rules! on_every_engine {
    ($($test:ident),* $(,)?) => {
        mod on_sled {
            $(#[test]
            fn $test() {
                super::$test(cairn_chainstate::Engine::Sled);
            })*
        }
        #[cfg(feature = "fjall")]
        mod on_fjall {
            $(#[test]
            fn $test() {
                super::$test(cairn_chainstate::Engine::Fjall);
            })*
        }
    };
}

mod chain;
mod check;
mod coin_stats;
mod compare;
mod convert;
mod crash;
mod crash_bulk;
mod damage;
mod import;
mod indexing;
mod maker;
mod model;
mod pipelined;
mod pruning;
mod random_trees;
mod snapshot;
mod snapshot_crash;
