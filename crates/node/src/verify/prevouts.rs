//! The coins that a block or transaction spends, as a list of lines.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use cairn_consensus::{CoinView, CoinViewError};
use cairn_primitives::{Amount, BlockTime, Coin, Height, OutPoint, Script, TxOut, Txid, hex};

use super::error::{Field, PrevoutsError, VerifyError};
use super::file;

/// Largest file of coins that is read, bytes: 256 MiB.
pub const MAX_PREVOUTS_FILE: u64 = 256 << 20;

const FIELDS: usize = 7;

/// A coin as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prevout {
    /// Its value and script.
    pub output: TxOut,
    /// The height of the block that made it.
    pub height: Option<Height>,
    /// Whether a coinbase made it.
    pub coinbase: Option<bool>,
    /// The median time past of that block, for whoever reads the list: no rule counts from it, but from that of the block
    /// before.
    pub median_time_past: Option<BlockTime>,
}

/// The coins that a block or transaction spends from outside itself.
///
/// As text: one line a coin, with the fields txid, vout, value, scriptPubKey, height, coinbase and median time past,
/// separated by tabs. The last three may be `-`, and the last 0, where they are not known. Empty lines and those that
/// begin with `#` are skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prevouts {
    coins: HashMap<OutPoint, Prevout>,
}

impl Prevouts {
    /// The coins in a file.
    ///
    /// # Errors
    /// [`VerifyError::Unreadable`], [`VerifyError::TooLarge`] past [`MAX_PREVOUTS_FILE`], [`VerifyError::Prevouts`].
    pub fn read(path: &Path) -> Result<Self, VerifyError> {
        let bytes = file::read(path, MAX_PREVOUTS_FILE)?;
        Self::parse(&bytes).map_err(|source| VerifyError::Prevouts { path: path.to_owned(), source })
    }

    /// The coins in a text.
    ///
    /// # Errors
    /// The first line that is wrong, with its field.
    pub fn parse(text: &[u8]) -> Result<Self, PrevoutsError> {
        let mut coins = HashMap::new();
        for (line, bytes) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let text = std::str::from_utf8(bytes).map_err(|_| PrevoutsError::NotText { line })?;
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (outpoint, coin) = parse_line(text, line)?;
            if coins.insert(outpoint, coin).is_some() {
                return Err(PrevoutsError::Duplicate { line, outpoint });
            }
        }
        Ok(Self { coins })
    }

    /// The coin of this name.
    pub fn get(&self, outpoint: &OutPoint) -> Option<&Prevout> {
        self.coins.get(outpoint)
    }

    /// Number of coins.
    pub fn len(&self) -> usize {
        self.coins.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.coins.is_empty()
    }
}

/// A coin of unknown height counts as old, one of unknown origin as nobody's coinbase.
impl CoinView for Prevouts {
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, CoinViewError> {
        Ok(self.get(outpoint).map(|coin| Coin {
            output: coin.output.clone(),
            height: coin.height.unwrap_or(Height::new(0)),
            coinbase: coin.coinbase.unwrap_or(false) && coin.height.is_some(),
        }))
    }
}

fn parse_line(text: &str, line: usize) -> Result<(OutPoint, Prevout), PrevoutsError> {
    let fields: Vec<&str> = text.splitn(FIELDS + 1, '\t').collect();
    let &[txid, vout, value, script, height, coinbase, time] = fields.as_slice() else {
        let got = text.split('\t').count();
        return Err(PrevoutsError::Fields { line, got, expected: FIELDS });
    };
    let bad = |field| PrevoutsError::Field { line, field };
    let txid: Txid = txid.parse().map_err(|_| bad(Field::Txid))?;
    let vout = number(vout).ok_or(bad(Field::Vout))?;
    let value = number(value).filter(|value| i64::try_from(*value).is_ok()).ok_or(bad(Field::Value))?;
    let script = hex::decode(script).map_err(|_| bad(Field::ScriptPubkey))?;
    let height = known(height).map(|text| number(text).ok_or(bad(Field::Height))).transpose()?;
    let coinbase = match coinbase {
        "0" => Some(false),
        "1" => Some(true),
        "-" => None,
        _ => return Err(bad(Field::Coinbase)),
    };
    let time = known(time).map(|text| number(text).ok_or(bad(Field::MedianTimePast))).transpose()?;
    let prevout = Prevout {
        output: TxOut { value: Amount::from_sat(value), script_pubkey: Script::from_bytes(script) },
        height: height.map(Height::new),
        coinbase,
        median_time_past: time.filter(|seconds| *seconds != 0).map(BlockTime::new),
    };
    Ok((OutPoint { txid, vout }, prevout))
}

fn known(text: &str) -> Option<&str> {
    (text != "-").then_some(text)
}

/// Decimal digits alone: Rust also reads a `+`.
fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TXID: &str = "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9";

    fn parse(fields: &[&str]) -> Result<Prevouts, PrevoutsError> {
        Prevouts::parse(format!("#txid\tvout\n{}\n", fields.join("\t")).as_bytes())
    }

    fn outpoint(vout: u32) -> OutPoint {
        OutPoint { txid: TXID.parse().unwrap(), vout }
    }

    #[test]
    fn a_line_is_read_as_it_stands() {
        let coins = parse(&[TXID, "3", "5000", "51", "9", "1", "123"]).unwrap();
        let coin = coins.get(&outpoint(3)).unwrap();
        assert_eq!(
            (coin.output.value, coin.output.script_pubkey.as_bytes()),
            (Amount::from_sat(5000), &[0x51][..])
        );
        assert_eq!((coin.height, coin.coinbase), (Some(Height::new(9)), Some(true)));
        assert_eq!(coin.median_time_past, Some(BlockTime::new(123)));
        assert_eq!(coins.len(), 1);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let coins = parse(&[TXID, "0", "1", "", "-", "-", "0"]).unwrap();
        let coin = coins.get(&outpoint(0)).unwrap();
        assert_eq!((coin.height, coin.coinbase, coin.median_time_past), (None, None, None));
        let seen = coins.coin(&outpoint(0)).unwrap().unwrap();
        assert_eq!((seen.height, seen.coinbase), (Height::new(0), false));
    }

    #[test]
    fn each_field_has_its_own_error_at_its_line() {
        let good = [TXID, "0", "1", "51", "-", "-", "-"];
        let cases = [
            (0, "0437", Field::Txid),
            (1, "4294967296", Field::Vout),
            (1, "+1", Field::Vout),
            (1, "", Field::Vout),
            (2, "9223372036854775808", Field::Value),
            (2, "-1", Field::Value),
            (3, "5", Field::ScriptPubkey),
            (3, "zz", Field::ScriptPubkey),
            (4, "4294967296", Field::Height),
            (5, "2", Field::Coinbase),
            (6, "x", Field::MedianTimePast),
        ];
        assert!(parse(&good).is_ok());
        for (at, text, field) in cases {
            let mut fields = good;
            fields[at] = text;
            assert_eq!(parse(&fields), Err(PrevoutsError::Field { line: 2, field }), "{text}");
        }
        let highest = [TXID, "4294967295", "9223372036854775807", "51", "4294967295", "1", "4294967295"];
        assert!(parse(&highest).is_ok());
    }

    #[test]
    fn lines_of_another_shape_are_refused() {
        let fields = |got| Err(PrevoutsError::Fields { line: 2, got, expected: 7 });
        assert_eq!(parse(&[TXID, "0", "1", "51", "-", "-"]), fields(6));
        assert_eq!(parse(&[TXID, "0", "1", "51", "-", "-", "-", ""]), fields(8));
        assert_eq!(Prevouts::parse(b"#\n\xff\n"), Err(PrevoutsError::NotText { line: 2 }));
        let line = [TXID, "0", "1", "51", "-", "-", "-"].join("\t");
        let twice = Prevouts::parse(format!("{line}\r\n\n{line}").as_bytes());
        assert_eq!(twice, Err(PrevoutsError::Duplicate { line: 3, outpoint: outpoint(0) }));
        assert!(Prevouts::parse(b"").unwrap().is_empty());
    }
}
