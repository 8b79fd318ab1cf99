//! `/openapi.json`: the description of all endpoints, with the chain's ticker in its field names.

use crate::dto::Currency;

const INFO: &str = include_str!("info.json");
const PATHS: &str = include_str!("paths.json");
const COMPONENTS: &str = include_str!("components.json");

/// The OpenAPI 3.1 document of the API for a chain with this currency, as JSON text.
///
/// In its sources `<t>` stands for the lower-case ticker and `<version>` for this crate's version.
#[must_use]
pub fn document(currency: &Currency) -> String {
    format!(r#"{{"openapi":"3.1.0","info":{INFO},"paths":{PATHS},"components":{COMPONENTS}}}"#)
        .replace("<t>", currency.ticker())
        .replace("<version>", env!("CARGO_PKG_VERSION"))
}
