//! Rules about the first block.

use super::Checked;
use crate::error::{SpecError, SpecRule};
use crate::spec::ChainSpec;

/// Most bytes of a coinbase script (Bitcoin Core's `CheckTransaction`).
const MAX_COINBASE_SCRIPT: usize = 100;

/// Everything but the hash: script length, weight, reward, and bits within the limit.
pub(super) fn check_contents(spec: &ChainSpec) -> Checked {
    let block = spec.genesis_block();
    let script = block.transactions[0].inputs()[0].script_sig.len();
    if script > MAX_COINBASE_SCRIPT {
        let rule = SpecRule::CoinbaseScript { got: script, limit: MAX_COINBASE_SCRIPT };
        return Err(SpecError::new("genesis.message", rule));
    }
    let weight = block.weight().to_u64();
    if weight > spec.limits.block_weight {
        let rule = SpecRule::GenesisWeight { got: weight, limit: spec.limits.block_weight };
        return Err(SpecError::new("genesis.output_script", rule));
    }
    let (got, limit) = (spec.genesis.reward, spec.limits.max_money);
    if got > limit {
        return Err(SpecError::new("genesis.reward", SpecRule::AboveMaxMoney { got, limit }));
    }
    let bits = spec.genesis.bits;
    let target = bits.to_target().map_err(|error| SpecError::new("genesis.bits", error.into()))?;
    if target > spec.pow.limit {
        let rule = SpecRule::BitsAboveLimit { got: bits, limit: spec.pow.limit };
        return Err(SpecError::new("genesis.bits", rule));
    }
    Ok(())
}

/// The hash is the pinned one and meets the bits.
pub(super) fn check_hash(spec: &ChainSpec) -> Checked {
    let got = spec.genesis_block().hash();
    let expected = spec.genesis.hash;
    if got != expected {
        return Err(SpecError::new("genesis.hash", SpecRule::GenesisHash { got, expected }));
    }
    let bits = spec.genesis.bits;
    if bits.to_target().is_ok_and(|target| target.is_met_by(got)) {
        Ok(())
    } else {
        Err(SpecError::new("genesis.nonce", SpecRule::GenesisPow { got, bits }))
    }
}
