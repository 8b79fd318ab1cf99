//! Everything that differs between two chains, as data with a TOML form.

mod genesis;
mod spec;
mod subsidy;

pub use spec::{
    Activation, Assume, ChainInfo, ChainSpec, Deployments, GenesisSpec, Limits, MinDifficulty, NetworkSpec, PowSpec,
    Retarget, ScriptException,
};
pub use subsidy::Subsidy;
