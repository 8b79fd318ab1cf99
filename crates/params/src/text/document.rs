//! A parsed TOML file whose values know their lines.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::MAX_SPEC_LEN;
use crate::error::{SpecError, SpecRule};

/// Every field there is. What is not listed here is refused.
pub(super) const FIELDS: &[&str] = &[
    "extends",
    "chain.name",
    "chain.ticker",
    "chain.decimals",
    "network.magic",
    "network.p2p_port",
    "network.http_port",
    "network.dns_seeds",
    "network.fixed_seeds",
    "address.p2pkh",
    "address.p2sh",
    "address.wif",
    "address.hrp",
    "address.xpub",
    "address.xprv",
    "address.coin_type",
    "genesis.version",
    "genesis.time",
    "genesis.bits",
    "genesis.nonce",
    "genesis.message",
    "genesis.output_script",
    "genesis.reward",
    "genesis.hash",
    "pow.limit",
    "pow.spacing",
    "pow.min_difficulty",
    "pow.retarget.kind",
    "pow.retarget.window",
    "pow.retarget.clamp",
    "pow.retarget.from_first",
    "pow.retarget.half_life",
    "subsidy.kind",
    "subsidy.initial",
    "subsidy.interval",
    "subsidy.amount",
    "limits.maturity",
    "limits.weight",
    "limits.sigops",
    "limits.tx_count",
    "limits.max_money",
    "limits.max_future_seconds",
    "deployments.bip16",
    "deployments.bip30",
    "deployments.bip34",
    "deployments.bip65",
    "deployments.bip66",
    "deployments.csv",
    "deployments.segwit",
    "deployments.taproot",
    "deployments.bip94",
    "deployments.bip30_exceptions",
    "deployments.bip34_hash",
    "deployments.script_exceptions",
    "deployments.signet_challenge",
    "assume.min_chain_work",
    "assume.assumed_valid",
    "assume.checkpoints",
    "assume.snapshots",
];

/// Where in the text a value stands, in bytes.
pub(super) type Span = Range<usize>;

pub(super) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses the text and refuses fields that do not exist.
    pub(super) fn parse(text: &'t str) -> Result<Self, SpecError> {
        if text.len() > MAX_SPEC_LEN {
            let rule = SpecRule::TooLong { got: text.len(), limit: MAX_SPEC_LEN };
            return Err(SpecError::new("", rule));
        }
        let root = DeTable::parse(text).map_err(|error| {
            let rule = SpecRule::Syntax { message: error.message().to_owned() };
            SpecError {
                line: Some(line_at(text, error.span().map_or(text.len(), |span| span.start))),
                ..SpecError::new("", rule)
            }
        })?;
        let document = Self { text, root: root.into_inner() };
        document.refuse_unknown(&document.root, "")?;
        Ok(document)
    }

    /// The value of a field given as `section.key`, if it is stated.
    pub(super) fn get(&self, field: &str) -> Option<&Spanned<DeValue<'t>>> {
        let mut parts = field.split('.');
        let mut value = self.root.get(parts.next()?)?;
        for part in parts {
            value = value.get_ref().as_table()?.get(part)?;
        }
        Some(value)
    }

    /// An error about a field at a place in the text.
    pub(super) fn error_at(&self, field: &'static str, span: &Span, rule: SpecRule) -> SpecError {
        SpecError { line: Some(line_at(self.text, span.start)), ..SpecError::new(field, rule) }
    }

    /// The error with the line of the field it is about: the field itself; else `extends`, which brought
    /// its value; else its section; else the end of the text.
    pub(super) fn locate(&self, error: SpecError) -> SpecError {
        let sections = || error.field.rmatch_indices('.').filter_map(|(at, _)| self.get(&error.field[..at]));
        let value = self.get(&error.field).or_else(|| self.get("extends")).or_else(|| sections().next());
        let at = value.map_or(self.text.trim_end().len(), |value| value.span().start);
        SpecError { line: Some(line_at(self.text, at)), ..error }
    }

    fn refuse_unknown(&self, table: &DeTable<'t>, path: &str) -> Result<(), SpecError> {
        for (key, value) in table {
            let field =
                if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            let line = Some(line_at(self.text, key.span().start));
            if FIELDS.contains(&field.as_str()) {
                continue;
            }
            let is_section = FIELDS
                .iter()
                .any(|known| known.strip_prefix(&field).is_some_and(|rest| rest.starts_with('.')));
            if !is_section {
                return Err(SpecError { line, field: Cow::Owned(field), rule: SpecRule::UnknownField });
            }
            let Some(section) = value.get_ref().as_table() else {
                let rule = SpecRule::WrongType { got: value.get_ref().type_str(), expected: "a section" };
                return Err(SpecError { line, field: Cow::Owned(field), rule });
            };
            self.refuse_unknown(section, &field)?;
        }
        Ok(())
    }
}

/// The line, from 1, of a place in the text.
fn line_at(text: &str, at: usize) -> u32 {
    let before = &text.as_bytes()[..at.min(text.len())];
    before.iter().fold(1, |line, byte| if *byte == b'\n' { line + 1 } else { line })
}
