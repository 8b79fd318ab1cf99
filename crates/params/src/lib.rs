//! Everything that differs between two chains, as data: the [`ChainSpec`], its TOML form, and the presets.
//!
//! A spec says how nodes find each other, what addresses look like, which block is the first, how much work a block
//! needs, how much coin it may make, what it may weigh, and from where on each soft fork holds. Every rule reads its
//! figures here; nothing in the other crates asks which chain it is on. [`ChainSpec::check`] says whether a spec
//! makes sense, so that the rules may rely on it: periods that fit the clock, a first block that meets its own
//! proof of work, subsidies that sum to less than the highest amount.
//!
//! What is *not* here: the rules themselves (consensus), the search for a nonce (miner), files and their names
//! (node). Text comes in, text goes out. The published parameters of Bitcoin's networks come from Bitcoin Core's
//! `kernel/chainparams.cpp`.
//!
//! ```
//! use cairn_params::{ChainSpec, presets};
//! use cairn_primitives::Height;
//!
//! // Bitcoin, except that a coinbase can be spent after ten blocks.
//! let spec = ChainSpec::from_toml(
//!     r#"
//!     extends = "bitcoin"
//!     [limits]
//!     maturity = 10
//!     "#,
//! )?;
//! assert_eq!(spec.limits.coinbase_maturity, 10);
//! assert_eq!(spec.genesis_block(), presets::bitcoin().genesis_block());
//! assert_eq!(spec.subsidy.at(Height::new(210_000)).to_sat(), 25 * 100_000_000);
//!
//! // A mistake is named with its line and its field.
//! let error = ChainSpec::from_toml("extends = \"bitcoin\"\n[pow]\nspacing = 0\n").unwrap_err();
//! assert_eq!(error.to_string(), "line 3: pow.spacing: 0 is below the least value, 1");
//!
//! // The full form reads back as the same spec.
//! assert_eq!(ChainSpec::from_toml(&spec.to_toml())?, spec);
//! # Ok::<(), cairn_params::SpecError>(())
//! ```

pub mod genesis;
pub mod presets;

mod check;
mod error;
mod signalling;
mod spec;
mod subsidy;
mod text;

pub use check::{MAX_DECIMALS, MAX_NAME_LEN, MAX_TICKER_LEN};
pub use error::{SpecError, SpecRule};
pub use signalling::{Fork, MAX_SIGNAL_BIT, NO_SIGNAL_VERSION, Schedule, Signalling};
pub use spec::{
    Activation, Assume, AssumedCoins, ChainInfo, ChainSpec, Deployments, GenesisSpec, Limits, MinDifficulty,
    NetworkSpec, PowSpec, Retarget, ScriptException,
};
pub use subsidy::Subsidy;
pub use text::MAX_SPEC_LEN;
