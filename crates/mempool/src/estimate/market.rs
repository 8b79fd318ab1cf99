//! What the next blocks would take of the pool.

use super::MAX_TARGET;
use crate::mempool::Mempool;
use crate::rate::SatPerKvb;

/// Weight units of a block that its coinbase and header are taken to need.
const RESERVED_WEIGHT: u64 = 4_000;

/// For each target from 1 block on, as far as the pool has more than so many blocks hold: a rate just above the lowest
/// that they would take. The list ends where all of the pool would be mined. It never rises.
pub(super) fn rates(pool: &Mempool) -> Vec<SatPerKvb> {
    let limits = &pool.spec().limits;
    let block_weight = limits.block_weight.saturating_sub(RESERVED_WEIGHT).max(1);
    let block_txs = limits.block_txs.map_or(u64::MAX, |count| u64::from(count).saturating_sub(1)).max(1);
    let mut rates = Vec::new();
    let (mut weight, mut count) = (0, 0);
    let mut lowest = SatPerKvb::new(u64::MAX);
    for (entry, rate) in pool.candidates().with_rates() {
        let own = entry.vsize().saturating_mul(4);
        if own > block_weight {
            continue;
        }
        weight += own;
        count += 1;
        if weight > block_weight || count > block_txs {
            rates.push(SatPerKvb::new(lowest.to_sat().saturating_add(1)));
            if rates.len() == MAX_TARGET as usize {
                break;
            }
            (weight, count) = (own, 1);
        }
        lowest = lowest.min(rate.to_sat_per_kvb());
    }
    rates
}
