//! Deciding who pays whom in a block.

use cairn_params::Limits;
use cairn_primitives::{LockTime, Sequence};

use super::keys::KeyNumber;
use super::lock::Lock;
use super::plan::{Output, Plan, TX_WEIGHT};
use super::pool::{Coin, CoinPool};
use super::rng::Rng;
use super::shape::{self, Mix, draw};

/// Least value of an output, in smallest units, where the coins spent have it.
const LEAST: u64 = 1_000;
/// A fee is at most this part of what is spent.
const FEE_DIVISOR: u64 = 20;
/// Coins looked at to find one rich enough for the outputs wanted.
const TRIES: usize = 8;
/// A payment spends at most this part of all coins.
const POOL_DIVISOR: usize = 4;

/// Left free for the header, the number of transactions and the coinbase.
const RESERVED_WEIGHT: u64 = 4_000;
/// Left free for the coinbase.
const RESERVED_SIGOPS: u64 = 400;

/// What a block may still hold.
pub(super) struct Room {
    weight: u64,
    sigops: u64,
}

impl Room {
    pub(super) fn of_block(limits: &Limits) -> Self {
        let weight = limits.block_weight.saturating_sub(RESERVED_WEIGHT);
        Self { weight, sigops: limits.sigop_cost.saturating_sub(RESERVED_SIGOPS) }
    }

    /// How many inputs of any kind, at most `wanted`, there is room for beside that many outputs of any kind; `None` if not
    /// even for one.
    fn inputs_beside(&self, outputs: usize, wanted: usize) -> Option<usize> {
        let outputs = outputs as u64;
        let weight = self.weight.checked_sub(TX_WEIGHT + outputs * Lock::MAX_OUTPUT_WEIGHT)?;
        let sigops = self.sigops.checked_sub(outputs * Lock::MAX_OUTPUT_SIGOPS)?;
        let inputs = (weight / Lock::MAX_INPUT_WEIGHT).min(sigops / Lock::MAX_INPUT_SIGOPS);
        let inputs = wanted.min(usize::try_from(inputs).unwrap_or(usize::MAX));
        (inputs > 0).then_some(inputs)
    }

    fn take(&mut self, plan: &Plan) {
        self.weight -= plan.max_weight();
        self.sigops -= plan.sigop_cost();
    }
}

/// How deep payments of one block may stand on each other.
pub(super) const DEPTHS: usize = 3;

/// Decides the payments of one block.
pub(super) struct Payer<'a> {
    pub(super) mix: Mix,
    pub(super) height: u32,
    pub(super) rng: Rng,
    pub(super) pool: &'a mut CoinPool,
    /// The key that the next lock takes.
    pub(super) next_key: &'a mut KeyNumber,
    /// Coins that this block has made: by payments that spend none of its own coins, by payments that spend one of the
    /// former's, and so on.
    pub(super) fresh: [Vec<Coin>; DEPTHS],
    pub(super) room: Room,
}

impl Payer<'_> {
    /// A payment; below the first depth, of a coin that this block made at the depth above, where there is one. `None` when
    /// the block is full or there is nothing to spend.
    pub(super) fn payment(&mut self, depth: usize) -> Option<Plan> {
        let outputs = draw(shape::OUTPUTS, &mut self.rng) as usize;
        let most = (self.pool.count() / POOL_DIVISOR).max(1);
        let wanted = (draw(shape::INPUTS, &mut self.rng) as usize).min(most);
        let data = self.mix.carries_data(&mut self.rng);
        let inputs = self.room.inputs_beside(outputs + usize::from(data), wanted)?;
        let above = depth.checked_sub(1).map(|above| &mut self.fresh[above]);
        let first = match above.filter(|coins| !coins.is_empty()) {
            Some(coins) => coins.swap_remove(self.rng.place(coins.len())),
            None => self.rich_coin(outputs as u64 * 4 * LEAST)?,
        };
        let mut coins = vec![first];
        coins.extend((1..inputs).map_while(|_| self.coin().map(|(_, coin)| coin)));
        let plan = self.plan(coins, outputs, data);
        self.room.take(&plan);
        Some(plan)
    }

    /// A payment of this coin to many. It must be the first of its block, so that there is room for it.
    pub(super) fn fan_out(&mut self, coin: Coin, outputs: usize) -> Plan {
        let plan = self.plan(vec![coin], outputs, false);
        self.room.take(&plan);
        plan
    }

    /// Takes the coins that payments of this depth made. Some are for good in the hands they came to.
    pub(super) fn receive(&mut self, depth: usize, coins: Vec<Coin>) {
        for coin in coins {
            match self.rng.per_mille(shape::HELD) {
                true => self.pool.hold(&coin),
                false => self.fresh[depth].push(coin),
            }
        }
    }

    /// A lock for a new coin.
    pub(super) fn lock(&mut self) -> Lock {
        let kind = self.mix.draw(&mut self.rng);
        if self.rng.per_mille(shape::TO_BUSY_KEY) {
            let key = self.rng.within(0, shape::BUSY_KEYS - 1);
            return Lock { kind, key: KeyNumber::try_from(key).expect("there are few busy keys") };
        }
        *self.next_key = self.next_key.wrapping_add(1);
        Lock { kind, key: *self.next_key }
    }

    /// A coin of an earlier block, as old as the table of ages says; any coin where none is as old.
    fn coin(&mut self) -> Option<(u32, Coin)> {
        let age = draw(shape::AGES, &mut self.rng);
        let oldest = self.pool.oldest()?;
        match self.height.checked_sub(age).filter(|height| *height >= oldest) {
            Some(height) => self.pool.take(&mut self.rng, height),
            None => self.pool.take_any(&mut self.rng),
        }
    }

    /// The first coin that holds as much, or the richest of several.
    fn rich_coin(&mut self, value: u64) -> Option<Coin> {
        let (mut height, mut best) = self.coin()?;
        for _ in 1..TRIES {
            if best.value >= value {
                break;
            }
            let Some(other) = self.coin() else { break };
            let (poor_height, poor) = if other.1.value > best.value {
                let poor = (height, best);
                (height, best) = other;
                poor
            } else {
                other
            };
            self.pool.put(poor_height, poor);
        }
        Some(best)
    }

    fn plan(&mut self, inputs: Vec<Coin>, outputs: usize, data: bool) -> Plan {
        let spent: u64 = inputs.iter().map(|coin| coin.value).sum();
        let affordable = usize::try_from((spent - spent / FEE_DIVISOR) / LEAST).unwrap_or(usize::MAX);
        let locks: Vec<_> = (0..outputs.min(affordable).max(1)).map(|_| self.lock()).collect();
        let locked = self.rng.per_mille(shape::LOCKED);
        let replaceable = self.rng.per_mille(shape::REPLACEABLE);
        let mut plan = Plan {
            version: if self.rng.per_mille(shape::VERSION_2) { 2 } else { 1 },
            lock_time: LockTime::new(if locked { self.height - 1 } else { 0 }),
            sequence: match (locked, replaceable) {
                (_, true) => Sequence::new(0xffff_fffd),
                (true, false) => Sequence::new(0xffff_fffe),
                (false, false) => Sequence::FINAL,
            },
            inputs,
            outputs: locks.into_iter().map(|lock| Output::Coin { value: 0, lock }).collect(),
        };
        if data {
            plan.outputs.push(Output::Data(std::array::from_fn(|_| self.rng.next().to_le_bytes()[0])));
        }
        let rate = u64::from(draw(shape::FEE_RATES, &mut self.rng));
        let fee = (rate * plan.max_weight().div_ceil(4)).min(spent / FEE_DIVISOR);
        self.share_out(&mut plan.outputs, spent - fee);
        plan
    }

    /// Gives the outputs their values: each the least there is for all, and of the rest a share that is often small and now
    /// and then large.
    fn share_out(&mut self, outputs: &mut [Output], total: u64) {
        let values: Vec<&mut u64> = outputs
            .iter_mut()
            .filter_map(|output| match output {
                Output::Coin { value, .. } => Some(value),
                Output::Data(_) => None,
            })
            .collect();
        let count = values.len() as u64;
        let least = LEAST.min(total / count);
        let spare = total - least * count;
        let shares: Vec<u64> = values.iter().map(|_| 1 << self.rng.below(8)).collect();
        let all: u64 = shares.iter().sum();
        let mut given = 0;
        for (value, share) in values.into_iter().zip(shares) {
            // The last takes what rounding left.
            let until = u128::from(spare) * u128::from(given + share) / u128::from(all);
            let from = u128::from(spare) * u128::from(given) / u128::from(all);
            *value = least + u64::try_from(until - from).expect("a part of a sum that fits");
            given += share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaingen::keys::KeyRing;
    use crate::chaingen::shape::SpendKind;

    #[test]
    fn a_block_has_room_to_its_last_unit_and_not_past_it() {
        let sizes = [TX_WEIGHT, Lock::MAX_OUTPUT_WEIGHT, Lock::MAX_INPUT_WEIGHT];
        let room = |weight, sigops| Room { weight, sigops }.inputs_beside(2, 10);
        let weight = sizes[0] + 2 * sizes[1] + 3 * sizes[2];
        assert_eq!(room(weight, 80_000), Some(3));
        assert_eq!(room(weight - 1, 80_000), Some(2));
        assert_eq!(room(weight - 2 * sizes[2] - 1, 80_000), None);
        assert_eq!(room(4_000_000, 80_000), Some(10), "no more than wanted");
        let sigops = 2 * Lock::MAX_OUTPUT_SIGOPS + 3 * Lock::MAX_INPUT_SIGOPS;
        assert_eq!(room(4_000_000, sigops), Some(3));
        assert_eq!(room(4_000_000, sigops - 1), Some(2));
        assert_eq!(room(4_000_000, 2 * Lock::MAX_OUTPUT_SIGOPS + Lock::MAX_INPUT_SIGOPS - 1), None);
    }

    #[test]
    fn no_kind_is_heavier_than_the_heaviest() {
        for kind in SpendKind::ALL {
            let lock = Lock { kind, key: 1 };
            assert!(lock.input_weight() <= Lock::MAX_INPUT_WEIGHT, "{kind:?}");
            assert!(lock.output_weight() <= Lock::MAX_OUTPUT_WEIGHT, "{kind:?}");
            assert!(lock.input_sigops() <= Lock::MAX_INPUT_SIGOPS, "{kind:?}");
            assert!(lock.output_sigops() <= Lock::MAX_OUTPUT_SIGOPS, "{kind:?}");
        }
    }

    /// A block's payer over coins of one kind.
    fn plans(kind: SpendKind, count: usize) -> Vec<Plan> {
        let mut pool = CoinPool::default();
        let mut next_key = 0;
        let mut payer = Payer {
            mix: Mix::only(kind),
            height: 200,
            rng: Rng::new(1, 1),
            pool: &mut pool,
            next_key: &mut next_key,
            fresh: Default::default(),
            room: Room { weight: 4_000_000, sigops: 80_000 },
        };
        for number in 0..400 {
            let lock = payer.lock();
            payer.pool.put(100 + number % 100, Coin::new([7; 32], number, lock, 5_000 + u64::from(number)));
        }
        (0..count).map_while(|_| payer.payment(0)).collect()
    }

    #[test]
    fn a_signed_payment_weighs_and_costs_what_was_planned() {
        let keys = KeyRing::new();
        for kind in SpendKind::ALL {
            for plan in plans(kind, 20) {
                let tx = plan.sign(&keys);
                let (weight, most) = (tx.weight().to_u64(), plan.max_weight());
                // A signature is seldom shorter by more than two bytes; counts are at most three bytes, and one as a rule.
                let slack = TX_WEIGHT + 20 * plan.signatures();
                assert!(weight <= most && weight + slack > most, "{kind:?}: {weight} of {most}");
                let coins: Vec<_> = plan.inputs.iter().map(|coin| coin.unspent(&keys)).collect();
                let flags = cairn_script::ScriptFlags::P2SH | cairn_script::ScriptFlags::WITNESS;
                assert_eq!(cairn_consensus::sigop_cost(&tx, &coins, flags), plan.sigop_cost(), "{kind:?}");
            }
        }
    }

    #[test]
    fn nothing_is_lost_and_fees_are_modest() {
        for plan in plans(SpendKind::P2wpkh, 50) {
            let spent: u64 = plan.inputs.iter().map(|coin| coin.value).sum();
            assert!(plan.fee() <= spent / FEE_DIVISOR, "{plan:?}");
            let poor = |output: &Output| matches!(output, Output::Coin { value, .. } if *value < LEAST);
            assert!(!plan.outputs.iter().any(poor), "{plan:?}");
        }
    }
}
