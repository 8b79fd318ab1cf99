//! The comparisons. Bounded by default; `ORACLE_MINUTES` or `ORACLE_CASES` make them deep.

mod addresses;
mod amounts;
mod bytes;
mod leaves;
mod numbers;
mod scripts;
mod sighashes;
mod signatures;

use oracle::{Campaign, Rng, Tally};

/// Whether a run was long enough for its counts to say something about the generators. One case again is not.
fn is_long(cases: u64) -> bool {
    cases >= 1_000
}

/// Runs `check` as often as the environment says, `bounded` times by default, and prints what came of it.
fn tally(
    name: &str,
    bounded: u64,
    salt: u64,
    check: impl Fn(&mut Rng) -> Result<&'static str, String> + Sync,
) -> Tally {
    let campaign = Campaign::from_env(bounded);
    let tally = campaign.tally(salt, check).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    println!("{name}: seed {} from {}: {tally}", campaign.seed, campaign.first);
    tally
}
