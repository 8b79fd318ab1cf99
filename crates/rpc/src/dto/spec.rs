//! `/spec`: the chain spec as JSON.

use cairn_primitives::{AddressPrefixes, Hrp, hex};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::amount::{Currency, CurrencyError};

/// `GET /spec`: the chain's TOML spec with the same sections and keys, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecDocument(Map<String, Value>);

/// Why a text is not a spec that can be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecDocumentError {
    /// Not TOML.
    #[error("the spec is not TOML: {0}")]
    Toml(#[from] toml::de::Error),
    /// No `[chain]` section with a `ticker` and `decimals`.
    #[error("the spec has no [chain] {field}")]
    Missing {
        /// The key that is missing or of another type.
        field: &'static str,
    },
    /// No `[address]` section with all prefixes.
    #[error("the spec has no usable [address] {field}")]
    Address {
        /// The key that is missing or cannot be read.
        field: &'static str,
    },
    /// The ticker or the decimals cannot be used in field names.
    #[error(transparent)]
    Currency(#[from] CurrencyError),
}

impl SpecDocument {
    /// The document for a spec's TOML form.
    ///
    /// # Errors
    /// [`SpecDocumentError::Toml`] when `spec` is not TOML.
    pub fn from_toml(spec: &str) -> Result<Self, SpecDocumentError> {
        Ok(Self(toml::from_str(spec)?))
    }

    /// A key of a section, such as `("chain", "name")`.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&Value> {
        self.0.get(section)?.get(key)
    }

    /// How the chain's amounts are written.
    ///
    /// # Errors
    /// [`SpecDocumentError::Missing`] without `[chain] ticker` and `decimals`, [`SpecDocumentError::Currency`] when they cannot be
    /// used.
    pub fn currency(&self) -> Result<Currency, SpecDocumentError> {
        let missing = |field| SpecDocumentError::Missing { field };
        let ticker = self.get("chain", "ticker").and_then(Value::as_str).ok_or(missing("ticker"))?;
        let decimals = self
            .get("chain", "decimals")
            .and_then(Value::as_u64)
            .and_then(|decimals| u8::try_from(decimals).ok())
            .ok_or(missing("decimals"))?;
        Ok(Currency::new(ticker, decimals)?)
    }

    /// How the chain's addresses and keys are written.
    ///
    /// # Errors
    /// [`SpecDocumentError::Address`] when a key of `[address]` is missing or out of its range.
    pub fn address_prefixes(&self) -> Result<AddressPrefixes, SpecDocumentError> {
        let bad = |field| SpecDocumentError::Address { field };
        let number = |field| self.get("address", field).and_then(Value::as_u64).ok_or(bad(field));
        let byte = |field| number(field).and_then(|value| u8::try_from(value).map_err(|_| bad(field)));
        let text = |field| self.get("address", field).and_then(Value::as_str).ok_or(bad(field));
        let version = |field| {
            let bytes = hex::decode(text(field)?).ok();
            bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).ok_or(bad(field))
        };
        Ok(AddressPrefixes {
            p2pkh: byte("p2pkh")?,
            p2sh: byte("p2sh")?,
            wif: byte("wif")?,
            hrp: Hrp::new(text("hrp")?).map_err(|_| bad("hrp"))?,
            xpub: version("xpub")?,
            xprv: version("xprv")?,
            coin_type: u32::try_from(number("coin_type")?).map_err(|_| bad("coin_type"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toml_spec_keeps_its_sections_and_names_its_currency() {
        let spec =
            "[chain]\nname = \"vito\"\nticker = \"VITO\"\ndecimals = 8\n[pow.retarget]\nkind = \"epoch\"\n";
        let document = SpecDocument::from_toml(spec).unwrap();
        assert_eq!(document.get("pow", "retarget").unwrap()["kind"], "epoch");
        assert_eq!(document.currency(), Ok(Currency::new("vito", 8).unwrap()));
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<SpecDocument>(&json).unwrap(), document);
    }

    #[test]
    fn a_spec_without_a_ticker_or_decimals_names_what_is_missing() {
        let missing = |text: &str| SpecDocument::from_toml(text).unwrap().currency();
        assert_eq!(missing("x = 1"), Err(SpecDocumentError::Missing { field: "ticker" }));
        let text = "[chain]\nticker = \"V\"\ndecimals = 256";
        assert_eq!(missing(text), Err(SpecDocumentError::Missing { field: "decimals" }));
        assert!(matches!(SpecDocument::from_toml("="), Err(SpecDocumentError::Toml(_))));
    }

    #[test]
    fn the_prefixes_are_those_of_the_spec() {
        for spec in [cairn_params::presets::vito(), cairn_params::presets::bitcoin()] {
            let document = SpecDocument::from_toml(&spec.to_toml()).unwrap();
            assert_eq!(document.address_prefixes(), Ok(spec.address));
        }
        let without = |line: &str| {
            let text: Vec<String> = cairn_params::presets::vito()
                .to_toml()
                .lines()
                .filter(|have| !have.starts_with(line))
                .map(str::to_owned)
                .collect();
            SpecDocument::from_toml(&text.join("\n")).unwrap().address_prefixes()
        };
        assert_eq!(without("p2sh"), Err(SpecDocumentError::Address { field: "p2sh" }));
        assert_eq!(without("xprv"), Err(SpecDocumentError::Address { field: "xprv" }));
        let far = "[address]\np2pkh = 256";
        let far = SpecDocument::from_toml(far).unwrap().address_prefixes();
        assert_eq!(far, Err(SpecDocumentError::Address { field: "p2pkh" }));
    }
}
