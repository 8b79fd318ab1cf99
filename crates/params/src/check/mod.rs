//! The rules a spec must keep to be usable, one function each section.

mod genesis;
mod rules;
mod signalling;

use crate::error::SpecError;
use crate::spec::ChainSpec;

/// Most characters of a chain's name.
pub const MAX_NAME_LEN: usize = 32;
/// Most characters of a ticker.
pub const MAX_TICKER_LEN: usize = 10;
/// Most decimal places of a coin: a 64-bit amount has nineteen digits.
pub const MAX_DECIMALS: u8 = 18;

type Checked = Result<(), SpecError>;

impl ChainSpec {
    /// Whether the whole makes sense: every rule of [`SpecRule`](crate::SpecRule) about values, the first
    /// block's hash and its proof of work among them.
    ///
    /// # Errors
    /// The first broken rule with its field; there is no line, as there is no file.
    pub fn check(&self) -> Result<(), SpecError> {
        self.check_but_hash()?;
        genesis::check_hash(self)?;
        rules::check_genesis_checkpoint(&self.assume, self.genesis.hash)
    }

    /// [`check`](Self::check) for a chain whose first block still has to be mined.
    pub(crate) fn check_but_hash(&self) -> Checked {
        rules::check_chain(&self.chain)?;
        rules::check_network(&self.network)?;
        rules::check_address(&self.address)?;
        rules::check_pow(&self.pow)?;
        rules::check_limits(&self.limits)?;
        rules::check_subsidy(&self.subsidy, self.limits.max_money)?;
        genesis::check_contents(self)?;
        rules::check_deployments(&self.deployments, self.network.magic)?;
        signalling::check(&self.deployments)?;
        rules::check_assume(&self.assume)
    }
}

#[cfg(test)]
mod signalling_tests;
#[cfg(test)]
mod tests;
