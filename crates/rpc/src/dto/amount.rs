//! Decimal amounts and the keys that carry the chain's ticker (`supply_vito`).

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use cairn_primitives::Amount;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The longest ticker a chain may have, in characters.
pub const TICKER_MAX: usize = 12;

/// The most fraction digits a currency may have: 10^19 is the largest power of ten in a `u64`.
pub const DECIMALS_MAX: u8 = 19;

/// How a chain's coin is written: its lower-case ticker and its fraction digits.
///
/// Cheap to clone; every answer that has an amount carries one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency {
    ticker: Arc<str>,
    decimals: u8,
}

/// Why a ticker or a number of decimals cannot be used in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    /// The ticker is empty or too long.
    #[error("a ticker has 1 to {limit} characters, this one {got}")]
    TickerLength {
        /// Length in bytes.
        got: usize,
        /// [`TICKER_MAX`].
        limit: usize,
    },
    /// The ticker has a character that is neither an ASCII letter nor a digit.
    #[error("a ticker has ASCII letters and digits only; the byte at {position} is something else")]
    TickerCharacter {
        /// Byte offset of the offending character.
        position: usize,
    },
    /// The ticker is `satoshi`, which would make `balance_satoshi` mean two things.
    #[error("the ticker \"satoshi\" is taken: it names the smallest unit")]
    TickerReserved,
    /// More fraction digits than a `u64` amount can have.
    #[error("a coin has at most {limit} decimals, not {got}")]
    Decimals {
        /// What was asked for.
        got: u8,
        /// [`DECIMALS_MAX`].
        limit: u8,
    },
}

impl Currency {
    /// A currency from a chain's ticker (any case) and its number of decimals.
    ///
    /// # Errors
    /// [`CurrencyError`] when the ticker is not 1 to [`TICKER_MAX`] ASCII letters and digits, is the reserved word
    /// `satoshi`, or when there are more than [`DECIMALS_MAX`] decimals.
    pub fn new(ticker: &str, decimals: u8) -> Result<Self, CurrencyError> {
        if ticker.is_empty() || ticker.len() > TICKER_MAX {
            return Err(CurrencyError::TickerLength { got: ticker.len(), limit: TICKER_MAX });
        }
        if let Some(position) = ticker.bytes().position(|b| !b.is_ascii_alphanumeric()) {
            return Err(CurrencyError::TickerCharacter { position });
        }
        if decimals > DECIMALS_MAX {
            return Err(CurrencyError::Decimals { got: decimals, limit: DECIMALS_MAX });
        }
        let ticker = ticker.to_ascii_lowercase();
        if ticker == "satoshi" {
            return Err(CurrencyError::TickerReserved);
        }
        Ok(Self { ticker: ticker.into(), decimals })
    }

    /// The ticker in lower case: the `<t>` of the field names.
    #[must_use]
    pub fn ticker(&self) -> &str {
        &self.ticker
    }

    /// Fraction digits: a coin is 10^decimals smallest units.
    #[must_use]
    pub fn decimals(&self) -> u8 {
        self.decimals
    }

    /// `amount` as a decimal number of coins.
    #[must_use]
    pub fn decimal(&self, amount: Amount) -> Decimal {
        Decimal { units: amount.to_sat(), decimals: self.decimals }
    }

    /// The field `<N::PREFIX>_<ticker>` that holds `amount`.
    #[must_use]
    pub fn field<N: FieldName>(&self, amount: Amount) -> TickerField<N> {
        TickerField::new(self, self.decimal(amount))
    }

    /// As [`Currency::field`], `null` when there is nothing to say.
    #[must_use]
    pub fn optional_field<N: FieldName>(&self, amount: Option<Amount>) -> TickerField<N, Option<Decimal>> {
        TickerField::new(self, amount.map(|amount| self.decimal(amount)))
    }
}

/// A decimal amount: `units / 10^decimals`, exact.
///
/// In JSON it is a number written from the integer, always with `decimals` fraction digits (`50.00000000`), as
/// Bitcoin Core writes amounts; it never passes through a float on the way out. A reader that keeps numbers as IEEE
/// doubles gets the exact amount back, rounded to `decimals` digits, up to 10^15 units (a double tells any two decimals of
/// 15 digits apart), and with 8 decimals up to 2^26 coins, beyond Bitcoin's 21 million. Where there may be more, the
/// integer field beside it is the amount.
///
/// Two values are equal when the numbers are, however many zeros they are written with.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    units: u64,
    decimals: u8,
}

/// A text that is not a decimal amount: digits, at most one point, at most [`DECIMALS_MAX`] fraction digits, and no
/// more than a `u64` of smallest units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal amount")]
pub struct DecimalError;

impl Decimal {
    /// The amount in units of 10^-decimals; `None` if that does not fit or would drop a non-zero digit.
    #[must_use]
    pub fn units(self, decimals: u8) -> Option<u64> {
        if decimals >= self.decimals {
            self.units.checked_mul(10u64.checked_pow(u32::from(decimals - self.decimals))?)
        } else {
            let divisor = 10u64.checked_pow(u32::from(self.decimals - decimals))?;
            self.units.is_multiple_of(divisor).then_some(self.units / divisor)
        }
    }

    /// The same number with as few fraction digits as it needs.
    fn reduced(mut self) -> (u64, u8) {
        while self.decimals > 0 && self.units.is_multiple_of(10) {
            self.units /= 10;
            self.decimals -= 1;
        }
        (self.units, self.decimals)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.reduced() == other.reduced()
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.decimals == 0 {
            return write!(f, "{}", self.units);
        }
        let coin = 10u64.pow(u32::from(self.decimals));
        let width = usize::from(self.decimals);
        write!(f, "{}.{:0width$}", self.units / coin, self.units % coin)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || text.ends_with('.') {
            return Err(DecimalError);
        }
        let decimals =
            u8::try_from(fraction.len()).ok().filter(|&n| n <= DECIMALS_MAX).ok_or(DecimalError)?;
        let units = whole
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .ok_or(DecimalError)?;
        Ok(Self { units, decimals })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal amount")
            }

            fn visit_u64<E: de::Error>(self, units: u64) -> Result<Decimal, E> {
                Ok(Decimal { units, decimals: 0 })
            }

            // The shortest text that names this double is the decimal that was written, as long as that had no more
            // digits than a double can tell apart.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// The part of a ticker-suffixed key before `_<t>`.
pub trait FieldName {
    /// For example `supply` for `supply_vito`.
    const PREFIX: &'static str;
}

/// One member of a JSON object whose key ends in the chain's ticker; made to be `#[serde(flatten)]`ed.
///
/// The ticker is data, not a type: the same struct serves every chain.
pub struct TickerField<N, V = Decimal> {
    ticker: Arc<str>,
    /// What stands at the key.
    pub value: V,
    name: PhantomData<fn() -> N>,
}

impl<N, V> TickerField<N, V> {
    /// The member `<N::PREFIX>_<currency.ticker()>: value`.
    #[must_use]
    pub fn new(currency: &Currency, value: V) -> Self {
        Self { ticker: Arc::clone(&currency.ticker), value, name: PhantomData }
    }

    /// The lower-case ticker in the key.
    #[must_use]
    pub fn ticker(&self) -> &str {
        &self.ticker
    }
}

impl<N, V: Clone> Clone for TickerField<N, V> {
    fn clone(&self) -> Self {
        Self { ticker: Arc::clone(&self.ticker), value: self.value.clone(), name: PhantomData }
    }
}

impl<N, V: PartialEq> PartialEq for TickerField<N, V> {
    fn eq(&self, other: &Self) -> bool {
        self.ticker == other.ticker && self.value == other.value
    }
}

impl<N: FieldName, V: fmt::Debug> fmt::Debug for TickerField<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}: {:?}", N::PREFIX, self.ticker, self.value)
    }
}

impl<N: FieldName, V: Serialize> Serialize for TickerField<N, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&format!("{}_{}", N::PREFIX, self.ticker), &self.value)?;
        map.end()
    }
}

impl<'de, N: FieldName, V: Deserialize<'de>> Deserialize<'de> for TickerField<N, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<N, V>(PhantomData<(fn() -> N, V)>);
        impl<'de, N: FieldName, V: Deserialize<'de>> Visitor<'de> for Members<N, V> {
            type Value = TickerField<N, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object with a member {}_<ticker>", N::PREFIX)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TickerField<N, V>, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    match ticker_of::<N>(&key) {
                        Some(ticker) if found.is_none() => found = Some((ticker, map.next_value()?)),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                let (ticker, value) =
                    found.ok_or_else(|| de::Error::custom(format_args!("no {}_<ticker>", N::PREFIX)))?;
                Ok(TickerField { ticker, value, name: PhantomData })
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

fn ticker_of<N: FieldName>(key: &str) -> Option<Arc<str>> {
    let ticker = key.strip_prefix(N::PREFIX)?.strip_prefix('_')?;
    Currency::new(ticker, 0).ok().map(|currency| currency.ticker)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Value;
    impl FieldName for Value {
        const PREFIX: &'static str = "value";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Output {
        value: u64,
        #[serde(flatten)]
        coins: TickerField<Value>,
        #[serde(flatten)]
        spare: TickerField<Spare, Option<Decimal>>,
    }

    struct Spare;
    impl FieldName for Spare {
        const PREFIX: &'static str = "spare";
    }

    #[test]
    fn the_ticker_is_part_of_the_key_and_the_digits_are_exact() {
        let vito = Currency::new("VITO", 8).unwrap();
        let output = Output {
            value: 5_000_000_001,
            coins: vito.field(Amount::from_sat(5_000_000_001)),
            spare: vito.optional_field(None),
        };
        let text = serde_json::to_string(&output).unwrap();
        assert_eq!(text, r#"{"value":5000000001,"value_vito":50.00000001,"spare_vito":null}"#);
        assert_eq!(serde_json::from_str::<Output>(&text).unwrap(), output);
    }

    #[test]
    fn a_missing_ticker_key_is_an_error() {
        let error = serde_json::from_str::<Output>(r#"{"value":1,"spare_vito":null}"#).unwrap_err();
        assert!(error.to_string().contains("no value_<ticker>"), "{error}");
    }

    #[test]
    fn tickers_are_checked_at_their_limits() {
        assert_eq!(Currency::new("", 8), Err(CurrencyError::TickerLength { got: 0, limit: TICKER_MAX }));
        assert!(Currency::new(&"A".repeat(TICKER_MAX), 8).is_ok());
        let long = "A".repeat(TICKER_MAX + 1);
        assert_eq!(
            Currency::new(&long, 8),
            Err(CurrencyError::TickerLength { got: TICKER_MAX + 1, limit: TICKER_MAX })
        );
        assert_eq!(Currency::new("A-B", 8), Err(CurrencyError::TickerCharacter { position: 1 }));
        assert_eq!(Currency::new("Satoshi", 8), Err(CurrencyError::TickerReserved));
        assert!(Currency::new("ABC", DECIMALS_MAX).is_ok());
        assert_eq!(Currency::new("ABC", 20), Err(CurrencyError::Decimals { got: 20, limit: DECIMALS_MAX }));
    }

    #[test]
    fn decimals_are_written_with_every_digit() {
        let show = |units, decimals| Decimal { units, decimals }.to_string();
        assert_eq!(show(0, 8), "0.00000000");
        assert_eq!(show(1, 8), "0.00000001");
        assert_eq!(show(2_099_999_997_690_000, 8), "20999999.97690000");
        assert_eq!(show(7, 0), "7");
        assert_eq!(show(u64::MAX, 19), "1.8446744073709551615");
    }

    #[test]
    fn bad_decimals_are_refused() {
        for text in
            ["", ".", "1.", ".5", "-1", "1e3", "1.2.3", "18446744073709551616", "0.00000000000000000000"]
        {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_of_15_digits_survives_a_double(units in 0u64..=1_000_000_000_000_000, decimals in 0u8..=15) {
            let written = Decimal { units, decimals };
            let read: Decimal = serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
            prop_assert_eq!(read, written);
            prop_assert_eq!(read.units(decimals), Some(units));
        }

        #[test]
        fn with_8_decimals_2_pow_26_coins_survive_a_double(units in 0u64..=100_000_000 << 26) {
            let written = Decimal { units, decimals: 8 };
            let read: Decimal = serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
            prop_assert_eq!(read.units(8), Some(units));
        }

        #[test]
        fn text_forms_parse_back(units: u64, decimals in 0u8..=DECIMALS_MAX) {
            let written = Decimal { units, decimals };
            let read: Decimal = written.to_string().parse().unwrap();
            prop_assert_eq!(read.units(decimals), Some(units));
        }
    }
}
