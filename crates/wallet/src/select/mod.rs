//! Which coins pay for a transaction.
//!
//! First a search for coins that need no change: branch and bound over their effective values (value less the fee of
//! spending them), at most 100,000 steps, for the match that wastes least; what the match holds beyond the payment is
//! less than change would have to be. Where there is no match, the smallest single coin that is enough; where no coin
//! is, the largest by effective value until they are enough.

mod bnb;

use cairn_primitives::{Amount, Script, TxOut};

use crate::rate::FeeRate;
use crate::size::{SpendSize, TxSize, dust_limit, output_len};
use bnb::{Item, MAX_TRIES};

/// The rate that spending a coin later is taken to cost when two choices are compared (Core's
/// `DEFAULT_CONSOLIDATE_FEERATE`).
pub const LONG_TERM_RATE: FeeRate = FeeRate::from_sat_per_kvb(10_000);

/// Number of inputs up to which their count takes one byte.
const ONE_BYTE_COUNT: usize = 252;

/// A coin that may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it holds.
    pub value: Amount,
    /// What it takes to spend it.
    pub spend: SpendSize,
}

/// How a choice came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// A match without change, by branch and bound.
    BranchAndBound,
    /// The smallest single coin that is enough.
    SmallestSingle,
    /// The largest coins, by effective value, until they were enough.
    LargestFirst,
    /// The coins that had to be spent were enough.
    Required,
    /// Every coin, because everything is sent.
    All,
}

/// The coins chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Positions of the chosen coins among those offered, ascending.
    pub picked: Vec<usize>,
    /// What the transaction pays.
    pub fee: Amount,
    /// What comes back; `None` where it would be dust and went to the fee.
    pub change: Option<Amount>,
    /// Virtual bytes of the signed transaction, at most.
    pub vsize: u64,
    /// How they were chosen.
    pub method: Method,
}

/// The coins are not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Outputs, and the fee of spending all coins that are worth their own.
    pub needed: Amount,
    /// What those coins hold.
    pub available: Amount,
}

/// What is to be paid, and at which rate.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Everything but the change.
    pub outputs: Vec<TxOut>,
    /// Where change goes.
    pub change: Script,
    /// The least rate.
    pub rate: FeeRate,
    /// The fee of the transaction this one replaces: then it also pays that, and [`FeeRate::RELAY`] for its own size
    /// on top (BIP125 rules 3 and 4).
    pub replaces: Option<Amount>,
}

impl Payment {
    /// Chooses among `offered`; all of `required` are spent in any case.
    ///
    /// The fee rate is met by the longest the signatures can be, so it is never missed. Change below the dust limit
    /// of its script is not made; it goes to the fee.
    ///
    /// # Errors
    /// [`Shortfall`] when all coins that are worth their own fee do not pay for the outputs and the fee.
    pub fn select(&self, required: &[Candidate], offered: &[Candidate]) -> Result<Selection, Shortfall> {
        let mut purse = self.purse(required);
        if !required.is_empty() {
            if let Some(found) = self.settle(purse, Vec::new(), Method::Required) {
                return Ok(found);
            }
        } else if let Some(found) = self.match_without_change(offered) {
            return Ok(found);
        }
        let order = self.by_effective_value(offered);
        let single = order
            .iter()
            .rev()
            .find_map(|&at| self.settle(purse.with(&offered[at]), vec![at], Method::SmallestSingle));
        if let Some(found) = single {
            return Ok(found);
        }
        for (position, &at) in order.iter().enumerate() {
            purse.add(&offered[at]);
            if self.is_enough(&purse) {
                let mut picked = order[..=position].to_vec();
                picked.sort_unstable();
                let found = self.settle(purse, picked, Method::LargestFirst);
                return Ok(found.expect("they were just found to be enough"));
            }
        }
        Err(Shortfall { needed: self.needed(&purse), available: purse.value })
    }

    /// Spends every coin of `offered` that is worth its own fee; what the outputs and the fee leave is the change,
    /// which is the whole payment where everything is sent.
    ///
    /// # Errors
    /// [`Shortfall`] when less than the dust limit of the change script would be left.
    pub fn drain(&self, offered: &[Candidate]) -> Result<Selection, Shortfall> {
        let mut picked = self.by_effective_value(offered);
        picked.sort_unstable();
        let mut purse = self.purse(&[]);
        picked.iter().for_each(|&at| purse.add(&offered[at]));
        purse.size.add_output(&self.change);
        let needed = self.needed(&purse);
        let rest = purse.value.checked_sub(needed).filter(|rest| *rest >= dust_limit(&self.change));
        let shortfall =
            || Shortfall { needed: needed.saturating_add(dust_limit(&self.change)), available: purse.value };
        let change = rest.ok_or_else(shortfall)?;
        let vsize = purse.size.vsize();
        Ok(Selection { picked, fee: self.fee(vsize), change: Some(change), vsize, method: Method::All })
    }

    /// The least fee of a transaction of this size.
    fn fee(&self, vsize: u64) -> Amount {
        let by_rate = self.rate.fee(vsize);
        match self.replaces {
            Some(replaced) => by_rate.max(replaced.saturating_add(FeeRate::RELAY.fee(vsize))),
            None => by_rate,
        }
    }

    fn paid(&self) -> Amount {
        self.outputs.iter().fold(Amount::ZERO, |sum, output| sum.saturating_add(output.value))
    }

    fn needed(&self, purse: &Purse) -> Amount {
        purse.paid.saturating_add(self.fee(purse.size.vsize()))
    }

    fn is_enough(&self, purse: &Purse) -> bool {
        purse.value >= self.needed(purse)
    }

    fn purse(&self, coins: &[Candidate]) -> Purse {
        let mut purse = Purse { paid: self.paid(), ..Purse::default() };
        self.outputs.iter().for_each(|output| purse.size.add_output(&output.script_pubkey));
        coins.iter().for_each(|coin| purse.add(coin));
        purse
    }

    /// The transaction of these coins, with change if it is worth making; `None` if they are not enough.
    fn settle(&self, purse: Purse, picked: Vec<usize>, method: Method) -> Option<Selection> {
        let spare = purse.value.checked_sub(purse.paid)?;
        let (plain, mut with_change) = (purse.size.vsize(), purse.size);
        if spare < self.fee(plain) {
            return None;
        }
        with_change.add_output(&self.change);
        let larger = with_change.vsize();
        let change = spare.checked_sub(self.fee(larger)).filter(|rest| *rest >= dust_limit(&self.change));
        Some(match change {
            Some(_) => Selection { picked, fee: self.fee(larger), change, vsize: larger, method },
            None => Selection { picked, fee: spare, change: None, vsize: plain, method },
        })
    }

    /// Positions of the coins worth their own fee, the largest effective value first.
    fn by_effective_value(&self, offered: &[Candidate]) -> Vec<usize> {
        let mut order: Vec<usize> =
            (0..offered.len()).filter(|&at| self.effective(&offered[at]) > 0).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(self.effective(&offered[at])), at));
        order
    }

    fn effective(&self, coin: &Candidate) -> u64 {
        coin.value.saturating_sub(self.rate.fee_of_weight(coin.spend.weight())).to_sat()
    }

    /// The best match without change. The search counts weight units, and rounding to virtual bytes can add up to
    /// three: where the match misses the rate by those, the search is done again with them.
    fn match_without_change(&self, offered: &[Candidate]) -> Option<Selection> {
        let order = self.by_effective_value(offered);
        let items: Vec<Item> = order.iter().map(|&at| self.item(&offered[at])).collect();
        let found = self.matching(&order, &items, offered, 0)?;
        if found.fee >= self.fee(found.vsize) {
            return Some(found);
        }
        self.matching(&order, &items, offered, 3)
    }

    fn matching(
        &self,
        order: &[usize],
        items: &[Item],
        offered: &[Candidate],
        rounding: u64,
    ) -> Option<Selection> {
        let positions = self.search(items, offered.len(), rounding)?;
        let mut picked: Vec<usize> = positions.into_iter().map(|position| order[position]).collect();
        picked.sort_unstable();
        let mut purse = self.purse(&[]);
        picked.iter().for_each(|&at| purse.add(&offered[at]));
        let (fee, vsize) = (purse.value.checked_sub(self.paid())?, purse.size.vsize());
        Some(Selection { picked, fee, change: None, vsize, method: Method::BranchAndBound })
    }

    fn search(&self, items: &[Item], offered: usize, rounding: u64) -> Option<Vec<usize>> {
        let mut size = TxSize::default();
        self.outputs.iter().for_each(|output| size.add_output(&output.script_pubkey));
        let wide_count = if offered > ONE_BYTE_COUNT { 8 } else { 0 };
        let weight = size.weight() + 2 + wide_count + rounding;
        let target = self.paid().checked_add(self.rate.fee_of_weight(weight))?.to_sat();
        let change = self.rate.fee_of_weight(output_len(&self.change) * 4);
        let window = change.saturating_add(dust_limit(&self.change)).to_sat().saturating_sub(1);
        bnb::search(items, target, target.saturating_add(window), MAX_TRIES)
    }

    fn item(&self, coin: &Candidate) -> Item {
        let weight = coin.spend.weight();
        let fee = |rate: FeeRate| i64::try_from(rate.fee_of_weight(weight).to_sat()).unwrap_or(i64::MAX);
        let waste = fee(self.rate).saturating_sub(fee(LONG_TERM_RATE));
        Item { effective: self.effective(coin), waste }
    }
}

/// Coins taken together, what is to be paid, and the size of the transaction that does it.
#[derive(Clone, Copy, Debug, Default)]
struct Purse {
    value: Amount,
    paid: Amount,
    size: TxSize,
}

impl Purse {
    fn with(mut self, coin: &Candidate) -> Self {
        self.add(coin);
        self
    }

    fn add(&mut self, coin: &Candidate) {
        self.value = self.value.saturating_add(coin.value);
        self.size.add_input(coin.spend);
    }
}

#[cfg(test)]
mod tests;
