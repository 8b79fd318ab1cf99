//! The rules of a header, one function each.

use cairn_params::{Activation, ChainSpec};
use cairn_primitives::{BlockHash, BlockTime, Header, Height};

use crate::error::HeaderError;
use crate::retarget;
use crate::tree::{HeaderTree, Mandatory, NodeId};

/// # Consensus
/// `bits` must be a positive target of at most 256 bits, no easier than the chain's limit, and the
/// hash, read as a little-endian number, must not be above it. Source: Core's `CheckProofOfWork`.
///
/// # Errors
/// [`HeaderError::TargetOutOfRange`], [`HeaderError::HighHash`].
pub fn check_pow(header: &Header, hash: BlockHash, spec: &ChainSpec) -> Result<(), HeaderError> {
    let limit = spec.pow.limit;
    let out_of_range = HeaderError::TargetOutOfRange { got: header.bits, limit: limit.to_compact() };
    let target = header.bits.to_target().map_err(|_| out_of_range)?;
    if target > limit {
        return Err(out_of_range);
    }
    if !target.is_met_by(hash) {
        return Err(HeaderError::HighHash { got: hash, bits: header.bits });
    }
    Ok(())
}

/// Every rule that ties a header to the chain below it, in the order of Core's
/// `ContextualCheckBlockHeader`.
///
/// # Errors
/// The first rule broken: [`HeaderError::WrongBits`], [`HeaderError::BelowCheckpoint`],
/// [`HeaderError::Checkpoint`], [`HeaderError::TimeTooOld`], [`HeaderError::Timewarp`], [`HeaderError::TimeTooNew`],
/// [`HeaderError::BadVersion`], [`HeaderError::SignalMissing`].
pub(crate) fn check_in_chain(
    tree: &HeaderTree,
    parent: NodeId,
    header: &Header,
    hash: BlockHash,
    now: BlockTime,
) -> Result<(), HeaderError> {
    let height = tree.height(parent).next();
    check_bits(tree, parent, header)?;
    check_above_checkpoint(tree, height)?;
    check_checkpoint(tree.spec(), height, hash)?;
    check_time(tree, parent, header)?;
    check_clock(tree.spec(), header, now)?;
    check_version(tree.spec(), height, header.version)?;
    check_mandatory_signals(tree, parent, header.version)
}

/// # Consensus
/// A header carries exactly the bits that the retarget rule gives for its place.
fn check_bits(tree: &HeaderTree, parent: NodeId, header: &Header) -> Result<(), HeaderError> {
    let expected = tree.next_bits(parent, header.time);
    if header.bits != expected {
        let height = tree.height(parent).next();
        return Err(HeaderError::WrongBits { height, got: header.bits, expected });
    }
    Ok(())
}

/// # Consensus
/// Once a checkpointed block is known, no header below it is taken that was not known before: it could
/// only belong to another branch. Source: Core up to 29, `GetLastCheckpoint`.
fn check_above_checkpoint(tree: &HeaderTree, height: Height) -> Result<(), HeaderError> {
    let above = tree.spec().assume.checkpoints.iter().rev().take_while(|(at, _)| *at > height);
    match above.map(|(at, hash)| (at, tree.get(hash))).find(|(_, known)| known.is_some()) {
        Some((&limit, _)) => Err(HeaderError::BelowCheckpoint { height, limit }),
        None => Ok(()),
    }
}

/// # Consensus
/// At a checkpointed height only the checkpointed block is accepted. This is stricter than Core up to
/// 29, which waits for the checkpointed block before it refuses others; which chain is best comes out
/// the same.
pub(crate) fn check_checkpoint(spec: &ChainSpec, height: Height, hash: BlockHash) -> Result<(), HeaderError> {
    match spec.assume.checkpoints.iter().find(|(at, _)| *at == height) {
        Some(&(_, expected)) if expected != hash => {
            Err(HeaderError::Checkpoint { height, got: hash, expected })
        }
        _ => Ok(()),
    }
}

/// # Consensus
/// A header's time is after the median of the eleven headers before it, and keeps the time-warp
/// rule where that holds. Source: Core's `ContextualCheckBlockHeader`, BIP94.
fn check_time(tree: &HeaderTree, parent: NodeId, header: &Header) -> Result<(), HeaderError> {
    let median = tree.median_time_past(parent);
    if header.time <= median {
        return Err(HeaderError::TimeTooOld { got: header.time, limit: median });
    }
    match retarget::timewarp_limit(tree, parent) {
        Some(limit) if header.time < limit => Err(HeaderError::Timewarp { got: header.time, limit }),
        _ => Ok(()),
    }
}

/// # Consensus
/// A header's time is at most two hours (the spec's `max_future_seconds`) ahead of the local clock.
/// Such a header is not invalid, only early. Source: Core's `MAX_FUTURE_BLOCK_TIME`.
fn check_clock(spec: &ChainSpec, header: &Header, now: BlockTime) -> Result<(), HeaderError> {
    let limit = now.saturating_add(spec.limits.max_future_seconds);
    if header.time > limit {
        return Err(HeaderError::TimeTooNew { got: header.time, limit });
    }
    Ok(())
}

/// # Consensus
/// From the height a soft fork that was signalled by version took effect, lower versions are
/// refused: 2 for BIP34, 3 for BIP66, 4 for BIP65. A chain on which the rule holds from the start
/// (`"always"`) had nothing to signal and sets no floor; nor does one that blocks signal for by a bit. Source: Core's
/// `ContextualCheckBlockHeader`.
pub(crate) fn check_version(spec: &ChainSpec, height: Height, got: i32) -> Result<(), HeaderError> {
    let forks = &spec.deployments;
    let floors = [(2, forks.bip34), (3, forks.bip66), (4, forks.bip65)];
    for (limit, activation) in floors {
        let signalled = matches!(activation, Activation::Height(at) if height >= at);
        if signalled && got < limit {
            return Err(HeaderError::BadVersion { height, got, limit });
        }
    }
    Ok(())
}

/// # Consensus
/// In the period before the timeout of a fork that locks in on it, no more than `window - threshold` blocks may go without
/// its bit. The block that takes them past that is refused, whatever the rest of the period would bring. Source: BIP8,
/// from which the code is; no release of Core has the rule.
fn check_mandatory_signals(tree: &HeaderTree, parent: NodeId, version: i32) -> Result<(), HeaderError> {
    let lacking = |Mandatory { missing, limit, .. }: &Mandatory| missing > limit;
    match tree.mandatory_signals(parent, version).find(lacking) {
        Some(Mandatory { bit, missing: got, limit }) => {
            Err(HeaderError::SignalMissing { height: tree.height(parent).next(), bit, got, limit })
        }
        None => Ok(()),
    }
}
