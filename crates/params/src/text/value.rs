//! Reading one value: from TOML's types to ours.

use std::str::FromStr;

use cairn_primitives::hex::{self, HexError};
use cairn_primitives::{Amount, BlockHash, BlockTime, CompactTarget, Height, Script, Target};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Span;
use crate::error::SpecRule;
use crate::signalling::{Schedule, Signalling};
use crate::spec::{Activation, AssumedCoins, MinDifficulty, ScriptException};

/// The text that stands for the absence of a value.
pub(super) const NONE: &str = "none";
/// The texts an activation can be besides a height.
pub(super) const ALWAYS: &str = "always";
/// See [`ALWAYS`].
pub(super) const NEVER: &str = "never";
/// The text of [`MinDifficulty::AfterTwiceSpacing`].
pub(super) const AFTER_TWICE_SPACING: &str = "after-twice-spacing";

/// A broken rule and where.
pub(super) struct Fault {
    pub(super) rule: SpecRule,
    pub(super) span: Span,
    /// The key inside the field, where the field is a table of its own.
    pub(super) key: Option<Box<str>>,
}

pub(super) type Value<'t> = Spanned<DeValue<'t>>;
pub(super) type Parsed<T> = Result<T, Fault>;

pub(super) fn fault(value: &Value<'_>, rule: impl Into<SpecRule>) -> Fault {
    Fault { rule: rule.into(), span: value.span(), key: None }
}

fn wrong_type(value: &Value<'_>, expected: &'static str) -> Fault {
    fault(value, SpecRule::WrongType { got: value.get_ref().type_str(), expected })
}

pub(super) fn string<'v>(value: &'v Value<'_>) -> Parsed<&'v str> {
    value.get_ref().as_str().ok_or_else(|| wrong_type(value, "a text"))
}

pub(super) fn owned(value: &Value<'_>) -> Parsed<String> {
    string(value).map(str::to_owned)
}

pub(super) fn boolean(value: &Value<'_>) -> Parsed<bool> {
    value.get_ref().as_bool().ok_or_else(|| wrong_type(value, "true or false"))
}

fn integer<T: TryFrom<i128>>(value: &Value<'_>, min: i64, max: u64) -> Parsed<T> {
    let number = value.get_ref().as_integer().ok_or_else(|| wrong_type(value, "a whole number"))?;
    i128::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| fault(value, SpecRule::NumberRange { min, max }))
}

pub(super) fn u8(value: &Value<'_>) -> Parsed<u8> {
    integer(value, 0, u8::MAX.into())
}

pub(super) fn u16(value: &Value<'_>) -> Parsed<u16> {
    integer(value, 0, u16::MAX.into())
}

pub(super) fn u32(value: &Value<'_>) -> Parsed<u32> {
    integer(value, 0, u32::MAX.into())
}

pub(super) fn i32(value: &Value<'_>) -> Parsed<i32> {
    integer(value, i32::MIN.into(), i32::MAX as u64)
}

pub(super) fn u64(value: &Value<'_>) -> Parsed<u64> {
    integer(value, 0, u64::MAX)
}

pub(super) fn amount(value: &Value<'_>) -> Parsed<Amount> {
    u64(value).map(Amount::from_sat)
}

/// A text that its own type reads.
pub(super) fn text<T: FromStr<Err: Into<SpecRule>>>(value: &Value<'_>) -> Parsed<T> {
    string(value)?.parse().map_err(|error: T::Err| fault(value, error))
}

pub(super) fn bytes<const N: usize>(value: &Value<'_>) -> Parsed<[u8; N]> {
    hex::decode_array(string(value)?).map_err(|error| fault(value, error))
}

pub(super) fn script(value: &Value<'_>) -> Parsed<Script> {
    hex::decode(string(value)?).map(Script::from_bytes).map_err(|error| fault(value, error))
}

/// All 64 digits of a target, or the 8 of its compact form.
pub(super) fn target(value: &Value<'_>) -> Parsed<Target> {
    let digits = string(value)?;
    if digits.len() == 2 * size_of::<CompactTarget>() {
        let bits: CompactTarget = text(value)?;
        return bits.to_target().map_err(|error| fault(value, error));
    }
    digits.parse().map_err(|error: HexError| fault(value, error))
}

/// `"none"`, or what `inner` reads.
pub(super) fn optional<T>(value: &Value<'_>, inner: impl Fn(&Value<'_>) -> Parsed<T>) -> Parsed<Option<T>> {
    match value.get_ref().as_str() {
        Some(NONE) => Ok(None),
        _ => inner(value).map(Some),
    }
}

pub(super) fn one_of<T: Copy>(value: &Value<'_>, names: &'static [&'static str], values: &[T]) -> Parsed<T> {
    let got = string(value)?;
    let found = names.iter().position(|name| *name == got).and_then(|index| values.get(index));
    found.copied().ok_or_else(|| fault(value, SpecRule::NotOneOf { expected: names }))
}

pub(super) fn min_difficulty(value: &Value<'_>) -> Parsed<MinDifficulty> {
    one_of(value, &[NEVER, AFTER_TWICE_SPACING], &[MinDifficulty::Never, MinDifficulty::AfterTwiceSpacing])
}

pub(super) fn activation(value: &Value<'_>) -> Parsed<Activation> {
    if value.get_ref().is_integer() {
        return u32(value).map(|height| Activation::Height(Height::new(height)));
    }
    if value.get_ref().is_table() {
        return signalling(value).map(Activation::Signalled);
    }
    if !value.get_ref().is_str() {
        return Err(wrong_type(value, "a height, \"always\", \"never\" or a table"));
    }
    one_of(value, &[ALWAYS, NEVER], &[Activation::Always, Activation::Never])
}

/// `{ bit = 2, start = 1619222400, timeout = 1628640000, threshold = 1815, window = 2016 }`, or with `start_height` and
/// `timeout_height`. What need not be stated: `min_activation_height` (0) and `lockinontimeout` (false).
fn signalling(value: &Value<'_>) -> Parsed<Signalling> {
    const COMMON: [&str; 4] = ["bit", "threshold", "window", "min_activation_height"];
    const BY_TIME: [&str; 2] = ["start", "timeout"];
    const BY_HEIGHT: [&str; 3] = ["start_height", "timeout_height", "lockinontimeout"];
    let by_height = value
        .get_ref()
        .as_table()
        .is_some_and(|table| table.iter().any(|(key, _)| BY_HEIGHT.contains(&key.get_ref().as_ref())));
    let own: &[&str] = if by_height { &BY_HEIGHT } else { &BY_TIME };
    let entry = Entry::named(value, &[&COMMON, own].concat())?;
    let height = |value: &Value<'_>| u32(value).map(Height::new);
    let time = |value: &Value<'_>| u32(value).map(BlockTime::new);
    let schedule = match by_height {
        true => Schedule::Heights {
            start: entry.read("start_height", height)?,
            timeout: entry.read("timeout_height", height)?,
            lock_in_on_timeout: entry.read_or("lockinontimeout", false, boolean)?,
        },
        false => Schedule::Times { start: entry.read("start", time)?, timeout: entry.read("timeout", time)? },
    };
    Ok(Signalling {
        bit: entry.read("bit", u8)?,
        schedule,
        threshold: entry.read("threshold", u32)?,
        window: entry.read("window", u32)?,
        min_activation_height: entry.read_or("min_activation_height", Height::GENESIS, height)?,
    })
}

pub(super) fn list<T>(value: &Value<'_>, item: impl Fn(&Value<'_>) -> Parsed<T>) -> Parsed<Vec<T>> {
    let array = value.get_ref().as_array().ok_or_else(|| wrong_type(value, "a list"))?;
    array.iter().map(item).collect()
}

pub(super) fn strings(value: &Value<'_>) -> Parsed<Vec<String>> {
    list(value, owned)
}

/// `{ height = 11111, hash = "…" }`
pub(super) fn block_at(value: &Value<'_>) -> Parsed<(Height, BlockHash)> {
    let entry = Entry::new(value, &["height", "hash"])?;
    Ok((Height::new(entry.read("height", u32)?), entry.read("hash", text)?))
}

/// `{ height = 840000, hash = "…", coins_hash = "…" }`
pub(super) fn assumed_coins(value: &Value<'_>) -> Parsed<AssumedCoins> {
    let entry = Entry::new(value, &["height", "hash", "coins_hash"])?;
    Ok(AssumedCoins {
        height: Height::new(entry.read("height", u32)?),
        hash: entry.read("hash", text)?,
        coins_hash: entry.read("coins_hash", text)?,
    })
}

/// `{ block = "…", p2sh = false, witness = false, taproot = false }`
pub(super) fn script_exception(value: &Value<'_>) -> Parsed<ScriptException> {
    let entry = Entry::new(value, &["block", "p2sh", "witness", "taproot"])?;
    Ok(ScriptException {
        block: entry.read("block", text)?,
        p2sh: entry.read("p2sh", boolean)?,
        witness: entry.read("witness", boolean)?,
        taproot: entry.read("taproot", boolean)?,
    })
}

/// One table of named values.
struct Entry<'v, 't> {
    value: &'v Value<'t>,
    table: &'v DeTable<'t>,
    /// Whether its keys are parts of a field's name, and not of one in a list.
    named: bool,
}

impl<'v, 't> Entry<'v, 't> {
    fn new(value: &'v Value<'t>, keys: &[&str]) -> Parsed<Self> {
        Self::with_keys(value, keys, false)
    }

    fn named(value: &'v Value<'t>, keys: &[&str]) -> Parsed<Self> {
        Self::with_keys(value, keys, true)
    }

    fn with_keys(value: &'v Value<'t>, keys: &[&str], named: bool) -> Parsed<Self> {
        let table = value.get_ref().as_table().ok_or_else(|| wrong_type(value, "a table"))?;
        match table.iter().find(|(key, _)| !keys.contains(&key.get_ref().as_ref())) {
            Some((key, _)) => Err(Fault {
                rule: SpecRule::UnknownField,
                span: key.span(),
                key: named.then(|| key.get_ref().as_ref().into()),
            }),
            None => Ok(Self { value, table, named }),
        }
    }

    fn read<T>(&self, key: &str, read: impl Fn(&Value<'t>) -> Parsed<T>) -> Parsed<T> {
        let stated = self.table.get(key);
        let result = stated.map_or_else(|| Err(fault(self.value, SpecRule::Missing)), read);
        result.map_err(|fault| Fault { key: self.named.then(|| key.into()), ..fault })
    }

    fn read_or<T>(&self, key: &str, absent: T, read: impl Fn(&Value<'t>) -> Parsed<T>) -> Parsed<T> {
        if self.table.contains_key(key) { self.read(key, read) } else { Ok(absent) }
    }
}
