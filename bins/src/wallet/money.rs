//! Amounts and fee rates as people write them.

use cairn_params::ChainSpec;
use cairn_primitives::Amount;
use cairn_rpc::{Currency, Decimal, FieldName, TickerField};
use cairn_wallet::{FeeRate, InsufficientFunds};

use crate::Failure;

/// How amounts of a chain are read and written.
#[derive(Debug, Clone)]
pub(super) struct Money {
    currency: Currency,
    ticker: String,
}

impl Money {
    pub(super) fn of(spec: &ChainSpec) -> Result<Self, Failure> {
        let chain = &spec.chain;
        let currency = Currency::new(&chain.ticker, chain.decimals).map_err(Failure::usage)?;
        Ok(Self { currency, ticker: chain.ticker.clone() })
    }

    /// Reads a number of coins, to the last digit.
    pub(super) fn read(&self, text: &str) -> Result<Amount, Failure> {
        let units = text.parse::<Decimal>().ok().and_then(|number| number.units(self.currency.decimals()));
        units.map(Amount::from_sat).ok_or_else(|| {
            let decimals = self.currency.decimals();
            Failure::usage(format!(
                "{text:?} is no amount: write coins of {} as a decimal number with at most {decimals} digits after the point, such as 1.5",
                self.ticker
            ))
        })
    }

    /// With every digit and the ticker.
    pub(super) fn show(&self, amount: Amount) -> String {
        format!("{} {}", self.currency.decimal(amount), self.ticker)
    }

    /// As [`show`](Self::show), with a sign.
    pub(super) fn show_net(&self, units: i128) -> String {
        let amount = Amount::from_sat(u64::try_from(units.unsigned_abs()).unwrap_or(u64::MAX));
        format!("{}{}", if units < 0 { '-' } else { '+' }, self.show(amount))
    }

    /// A field of a JSON object whose name ends in the ticker.
    pub(super) fn field<N: FieldName>(&self, amount: Amount) -> TickerField<N> {
        self.currency.field(amount)
    }

    /// What is missing, and what there is that cannot be spent yet.
    pub(super) fn shortfall(&self, short: &InsufficientFunds) -> Failure {
        let show = |amount| self.show(amount);
        let mut message = format!(
            "insufficient funds: {} are needed with the fee, {} can be spent, {} are missing",
            show(short.needed),
            show(short.available),
            show(short.missing)
        );
        for (amount, what) in [
            (short.immature, "are block rewards that are not mature yet"),
            (short.unconfirmed, "are unconfirmed"),
        ] {
            if amount > Amount::ZERO {
                message = format!("{message}; {} more {what}", show(amount));
            }
        }
        Failure::new(message)
    }
}

/// Reads a fee rate in smallest units for a virtual byte, with at most three digits after the point.
pub(super) fn read_rate(text: &str) -> Result<FeeRate, Failure> {
    let per_kvb = text.parse::<Decimal>().ok().and_then(|number| number.units(3));
    per_kvb.map(FeeRate::from_sat_per_kvb).ok_or_else(|| {
        Failure::usage(format!(
            "{text:?} is no fee rate: write smallest units for a virtual byte, such as 2 or 1.5"
        ))
    })
}

/// A fee rate in smallest units for a virtual byte.
pub(super) fn show_rate(rate: FeeRate) -> String {
    let per_kvb = rate.to_sat_per_kvb();
    format!("{}.{:03} sat/vB", per_kvb / 1_000, per_kvb % 1_000)
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;

    use super::*;

    #[test]
    fn coins_are_read_to_the_last_digit() {
        let money = Money::of(&presets::vito()).unwrap();
        for (text, units) in [("1", 100_000_000), ("0.00000001", 1), ("1.50", 150_000_000), ("0", 0)] {
            assert_eq!(money.read(text).unwrap(), Amount::from_sat(units), "{text}");
        }
        for bad in ["", "1,5", "-1", "1e3", "0.000000001", "184467440737.09551616", ".5", "5."] {
            assert!(money.read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_has_three_digits_after_the_point() {
        assert_eq!(read_rate("1.234").unwrap(), FeeRate::from_sat_per_kvb(1_234));
        assert_eq!(read_rate("7").unwrap(), FeeRate::from_sat_per_vb(7));
        assert!(read_rate("1.2345").is_err());
        assert_eq!(show_rate(FeeRate::from_sat_per_kvb(1_050)), "1.050 sat/vB");
    }
}
