//! Rules about everything but the first block.

use std::collections::HashSet;

use cairn_primitives::{
    AddressPrefixes, Amount, BlockHash, Encode, Height, MAX_SCRIPT_SIZE, Script, Target, codec, hash,
};

use super::{Checked, MAX_DECIMALS, MAX_NAME_LEN, MAX_TICKER_LEN};
use crate::error::{SpecError, SpecRule};
use crate::spec::{
    Activation, Assume, ChainInfo, Deployments, Limits, MinDifficulty, NetworkSpec, PowSpec, Retarget,
    ScriptException,
};
use crate::subsidy::Subsidy;

/// Least block weight: room for a coinbase with a witness commitment and a few payments.
const MIN_BLOCK_WEIGHT: u64 = 4_000;
/// Greatest block weight: no block may be longer than the longest byte string that decodes.
const MAX_BLOCK_WEIGHT: u64 = codec::MAX_SIZE as u64;
/// Least sigop limit: the cost of one signature operation outside witnesses, which the coinbase's payment
/// to a key hash has.
const MIN_SIGOP_COST: u64 = 4;
/// Highest sigop cost of one weight unit: a byte of 4 units that counts as 20 operations of cost 4.
const MAX_SIGOP_COST_PER_WEIGHT: u64 = 20;
/// Most characters of a host name (RFC 1035).
const MAX_HOST_LEN: usize = 253;
/// Derivation paths harden the coin type, which takes its top bit (BIP44).
const MAX_COIN_TYPE: u64 = (1 << 31) - 1;
/// Bitcoin writes amounts as signed 64-bit numbers.
const MAX_MAX_MONEY: u64 = i64::MAX as u64;

fn at_least(field: &'static str, got: u64, limit: u64) -> Checked {
    if got < limit { Err(SpecError::new(field, SpecRule::AtLeast { got, limit })) } else { Ok(()) }
}

fn at_most(field: &'static str, got: u64, limit: u64) -> Checked {
    if got > limit { Err(SpecError::new(field, SpecRule::AtMost { got, limit })) } else { Ok(()) }
}

fn require(holds: bool, field: &'static str, rule: SpecRule) -> Checked {
    if holds { Ok(()) } else { Err(SpecError::new(field, rule)) }
}

pub(super) fn check_chain(chain: &ChainInfo) -> Checked {
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    require(
        chain.name.starts_with(|c: char| c.is_ascii_lowercase())
            && chain.name.len() <= MAX_NAME_LEN
            && chain.name.chars().all(name),
        "chain.name",
        SpecRule::NameSyntax { limit: MAX_NAME_LEN },
    )?;
    let ticker = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    require(
        chain.ticker.starts_with(|c: char| c.is_ascii_uppercase())
            && (2..=MAX_TICKER_LEN).contains(&chain.ticker.len())
            && chain.ticker.chars().all(ticker),
        "chain.ticker",
        SpecRule::TickerSyntax { limit: MAX_TICKER_LEN },
    )?;
    at_most("chain.decimals", chain.decimals.into(), MAX_DECIMALS.into())
}

pub(super) fn check_network(network: &NetworkSpec) -> Checked {
    require(network.magic != [0; 4], "network.magic", SpecRule::ZeroMagic)?;
    at_least("network.p2p_port", network.p2p_port.into(), 1)?;
    at_least("network.http_port", network.http_port.into(), 1)?;
    let same = network.http_port == network.p2p_port;
    require(!same, "network.http_port", SpecRule::SamePort { got: network.http_port })?;
    if let Some(index) = network.dns_seeds.iter().position(|seed| !is_host_name(seed)) {
        return Err(SpecError::new("network.dns_seeds", SpecRule::SeedHost { index }));
    }
    if let Some(index) = network.fixed_seeds.iter().position(|seed| !is_host_and_port(seed)) {
        return Err(SpecError::new("network.fixed_seeds", SpecRule::SeedAddress { index }));
    }
    Ok(())
}

/// Dot-separated labels of letters, digits and hyphens.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= MAX_HOST_LEN && text.split('.').all(label)
}

/// A host name or IPv4 address, or an IPv6 address in brackets, and a port that is not 0.
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    host && port.parse::<u16>().is_ok_and(|port| port != 0)
}

pub(super) fn check_address(address: &AddressPrefixes) -> Checked {
    let other = |other| SpecRule::SamePrefix { other };
    require(address.p2sh != address.p2pkh, "address.p2sh", other("address.p2pkh"))?;
    require(address.xprv != address.xpub, "address.xprv", other("address.xpub"))?;
    at_most("address.coin_type", address.coin_type.into(), MAX_COIN_TYPE)
}

pub(super) fn check_pow(pow: &PowSpec) -> Checked {
    require(pow.limit > Target::from_be_bytes([0; 32]), "pow.limit", SpecRule::ZeroTarget)?;
    at_least("pow.spacing", pow.spacing.into(), 1)?;
    let in_periods = matches!(pow.retarget, Retarget::Epoch { .. });
    require(
        in_periods || pow.min_difficulty == MinDifficulty::Never,
        "pow.min_difficulty",
        SpecRule::NeedsEpoch,
    )?;
    match pow.retarget {
        Retarget::None => Ok(()),
        Retarget::Asert { half_life } => at_least("pow.retarget.half_life", half_life.into(), 1),
        Retarget::Epoch { window, clamp, from_first: _ } => {
            at_least("pow.retarget.window", window.into(), 2)?;
            at_least("pow.retarget.clamp", clamp.into(), 1)?;
            let (period, clamp) = (u64::from(pow.spacing) * u64::from(window), u64::from(clamp));
            let limit = u64::from(u32::MAX);
            require(period <= limit, "pow.retarget.window", SpecRule::PeriodTooLong { got: period, limit })?;
            let rule = SpecRule::ClampAbovePeriod { got: clamp, limit: period };
            require(clamp <= period, "pow.retarget.clamp", rule)
        }
    }
}

pub(super) fn check_limits(limits: &Limits) -> Checked {
    at_least("limits.maturity", limits.coinbase_maturity.into(), 1)?;
    at_least("limits.weight", limits.block_weight, MIN_BLOCK_WEIGHT)?;
    at_most("limits.weight", limits.block_weight, MAX_BLOCK_WEIGHT)?;
    at_least("limits.sigops", limits.sigop_cost, MIN_SIGOP_COST)?;
    at_most("limits.sigops", limits.sigop_cost, limits.block_weight * MAX_SIGOP_COST_PER_WEIGHT)?;
    at_least("limits.tx_count", limits.block_txs.unwrap_or(u32::MAX).into(), 1)?;
    at_least("limits.max_money", limits.max_money.to_sat(), 1)?;
    at_most("limits.max_money", limits.max_money.to_sat(), MAX_MAX_MONEY)?;
    at_least("limits.max_future_seconds", limits.max_future_seconds.into(), 1)
}

pub(super) fn check_subsidy(subsidy: &Subsidy, limit: Amount) -> Checked {
    match *subsidy {
        Subsidy::Constant { amount: got } => {
            require(got <= limit, "subsidy.amount", SpecRule::AboveMaxMoney { got, limit })
        }
        Subsidy::Halving { interval, .. } => {
            at_least("subsidy.interval", interval.into(), 1)?;
            let got = subsidy.max_supply().unwrap_or(0);
            let rule = SpecRule::SupplyAboveMaxMoney { got, limit };
            require(got <= u128::from(limit.to_sat()), "subsidy.initial", rule)
        }
    }
}

pub(super) fn check_deployments(forks: &Deployments, magic: [u8; 4]) -> Checked {
    let with_height = matches!(forks.bip34, Activation::Height(_));
    require(forks.bip34_hash.is_none() || with_height, "deployments.bip34_hash", SpecRule::Bip34Height)?;
    let segwit = forks.segwit != Activation::Never;
    let p2sh = forks.bip16.by_height(Height::GENESIS) == Some(true);
    require(!segwit || p2sh, "deployments.segwit", SpecRule::NeedsBip16)?;
    let taproot = forks.taproot != Activation::Never;
    require(!taproot || segwit, "deployments.taproot", SpecRule::NeedsSegwit)?;
    check_ascending("deployments.bip30_exceptions", &forks.bip30_exceptions)?;
    check_script_exceptions(&forks.script_exceptions)?;
    forks.signet_challenge.as_ref().map_or(Ok(()), |challenge| check_signet(challenge, magic))
}

fn check_script_exceptions(list: &[ScriptException]) -> Checked {
    const FIELD: &str = "deployments.script_exceptions";
    let mut seen = HashSet::new();
    for (index, exception) in list.iter().enumerate() {
        let ordered = (exception.p2sh || !exception.witness) && (exception.witness || !exception.taproot);
        require(ordered, FIELD, SpecRule::ExceptionRules { index })?;
        require(seen.insert(exception.block), FIELD, SpecRule::DuplicateException { index })?;
    }
    Ok(())
}

fn check_signet(challenge: &Script, got: [u8; 4]) -> Checked {
    let length = challenge.len();
    let rule = SpecRule::ChallengeLength { got: length, limit: MAX_SCRIPT_SIZE };
    require((1..=MAX_SCRIPT_SIZE).contains(&length), "deployments.signet_challenge", rule)?;
    let [a, b, c, d, ..] = hash::sha256d(&challenge.to_bytes());
    let expected = [a, b, c, d];
    require(got == expected, "network.magic", SpecRule::SignetMagic { got, expected })
}

fn check_ascending(field: &'static str, list: &[(Height, BlockHash)]) -> Checked {
    match list.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
        Some(before) => Err(SpecError::new(field, SpecRule::NotAscending { index: before + 1 })),
        None => Ok(()),
    }
}

pub(super) fn check_assume(assume: &Assume) -> Checked {
    check_ascending("assume.checkpoints", &assume.checkpoints)?;
    let bases: Vec<_> = assume.snapshots.iter().map(|known| (known.height, known.hash)).collect();
    check_ascending("assume.snapshots", &bases)
}

/// A checkpoint at height 0 is the first block.
pub(super) fn check_genesis_checkpoint(assume: &Assume, expected: BlockHash) -> Checked {
    match assume.checkpoints.first() {
        Some(&(Height::GENESIS, got)) if got != expected => {
            Err(SpecError::new("assume.checkpoints", SpecRule::GenesisCheckpoint { got, expected }))
        }
        _ => Ok(()),
    }
}
