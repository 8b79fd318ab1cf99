//! Coins as compressed bytes: the form Bitcoin Core keeps in its chainstate database.
//!
//! `varint(height * 2 + coinbase)`, `varint(amount)`, script. The varint is Core's base-128 form in which no
//! number has two encodings; amounts drop their trailing zeros; four kinds of script become a code and a hash
//! or key. Sources: Core's `serialize.h` (`VARINT`), `compressor.cpp`, `coins.h`.

use cairn_primitives::{Amount, Coin, Hash160, Height, OutPoint, Script, TxOut, Txid};
use cairn_store::{Key, Value, ValueError, exact};

/// The place of a coin in the coin table: txid, then output index, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CoinKey(pub(crate) OutPoint);

impl Key for CoinKey {
    fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.txid.as_bytes());
        out.extend_from_slice(&self.0.vout.to_be_bytes());
    }

    fn read_key(bytes: &[u8]) -> Result<Self, ValueError> {
        read_outpoint(&exact(bytes)?).map(CoinKey)
    }
}

/// An outpoint from the 36 bytes of its key form.
pub(crate) fn read_outpoint(bytes: &[u8; 36]) -> Result<OutPoint, ValueError> {
    let (txid, vout) = bytes.split_at(32);
    Ok(OutPoint { txid: Txid::from_bytes(exact(txid)?), vout: u32::from_be_bytes(exact(vout)?) })
}

/// A coin as the value of the coin table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoinRow(pub(crate) Coin);

impl Value for CoinRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        let Coin { output, height, coinbase } = &self.0;
        put_varint(out, u128::from(height.to_u32()) << 1 | u128::from(*coinbase));
        put_varint(out, compress_amount(output.value.to_sat()));
        put_script(out, &output.script_pubkey);
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut rest = bytes;
        let code = take_varint(&mut rest).ok_or(ValueError::Malformed { field: "height" })?;
        let height = u32::try_from(code >> 1).map_err(|_| ValueError::Malformed { field: "height" })?;
        let amount = take_varint(&mut rest).and_then(expand_amount);
        let value = amount.map(Amount::from_sat).ok_or(ValueError::Malformed { field: "amount" })?;
        let script_pubkey = read_script(rest).ok_or(ValueError::Malformed { field: "script" })?;
        let output = TxOut { value, script_pubkey };
        Ok(CoinRow(Coin { output, height: Height::new(height), coinbase: code & 1 == 1 }))
    }
}

/// Seven bits a byte, most significant first, a set top bit on all but the last; each continued part counts
/// from one, so that every number has exactly one form.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u128) {
    let mut bytes = [0; 19];
    let mut at = bytes.len() - 1;
    bytes[at] = (number & 0x7f) as u8;
    while number > 0x7f {
        number = (number >> 7) - 1;
        at -= 1;
        bytes[at] = 0x80 | (number & 0x7f) as u8;
    }
    out.extend_from_slice(&bytes[at..]);
}

fn take_varint(rest: &mut &[u8]) -> Option<u128> {
    let mut number = 0_u128;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if number > u128::MAX >> 7 {
            return None;
        }
        number = number << 7 | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
        number = number.checked_add(1)?;
    }
}

/// Core's `CompressAmount`: `value = 10^zeros * rest` becomes a small number when `zeros` is large. Computed
/// in 128 bits, so that every amount has a form.
pub(crate) fn compress_amount(value: u64) -> u128 {
    if value == 0 {
        return 0;
    }
    let mut rest = u128::from(value);
    let mut zeros = 0;
    while rest % 10 == 0 && zeros < 9 {
        rest /= 10;
        zeros += 1;
    }
    if zeros < 9 {
        let digit = rest % 10;
        1 + (rest / 10 * 9 + digit - 1) * 10 + zeros
    } else {
        1 + (rest - 1) * 10 + 9
    }
}

/// The amount that compresses to `number`; `None` for a number that no amount compresses to.
pub(crate) fn expand_amount(number: u128) -> Option<u64> {
    let Some(number) = number.checked_sub(1) else { return Some(0) };
    let (number, zeros) = (number / 10, (number % 10) as u32);
    let rest = if zeros < 9 {
        (number / 9).checked_mul(10)?.checked_add(number % 9 + 1)?
    } else {
        number.checked_add(1)?
    };
    u64::try_from(rest.checked_mul(10_u128.pow(zeros))?).ok()
}

const P2PKH: u8 = 0x00;
const P2SH: u8 = 0x01;
const P2PK_EVEN: u8 = 0x02;
const P2PK_ODD: u8 = 0x03;

/// Script codes below this one name a special form; others are the script's length plus this number. Core
/// uses two more, for uncompressed keys; they are left out because expanding one takes a square root.
pub(crate) const SPECIAL_SCRIPTS: u128 = 6;

pub(crate) fn put_script(out: &mut Vec<u8>, script: &Script) {
    match script.as_bytes() {
        [0x76, 0xa9, 20, hash @ .., 0x88, 0xac] if hash.len() == 20 => put_special(out, P2PKH, hash),
        [0xa9, 20, hash @ .., 0x87] if hash.len() == 20 => put_special(out, P2SH, hash),
        [33, parity @ (P2PK_EVEN | P2PK_ODD), key @ .., 0xac] if key.len() == 32 => {
            put_special(out, *parity, key);
        }
        other => {
            put_varint(out, other.len() as u128 + SPECIAL_SCRIPTS);
            out.extend_from_slice(other);
        }
    }
}

fn put_special(out: &mut Vec<u8>, code: u8, body: &[u8]) {
    out.push(code);
    out.extend_from_slice(body);
}

/// Reads the script that takes up all of `bytes`.
fn read_script(bytes: &[u8]) -> Option<Script> {
    let mut rest = bytes;
    let code = take_varint(&mut rest)?;
    if let Some(len) = code.checked_sub(SPECIAL_SCRIPTS) {
        return (rest.len() as u128 == len).then(|| Script::from_bytes(rest.to_vec()));
    }
    match code as u8 {
        P2PKH => Some(Script::p2pkh(Hash160::from_bytes(rest.try_into().ok()?))),
        P2SH => Some(Script::p2sh(Hash160::from_bytes(rest.try_into().ok()?))),
        parity @ (P2PK_EVEN | P2PK_ODD) if rest.len() == 32 => {
            let mut key = [parity; 33];
            key[1..].copy_from_slice(rest);
            Some(Script::p2pk(&key))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::hex;
    use proptest::prelude::*;

    fn bytes(row: &CoinRow) -> Vec<u8> {
        let mut out = Vec::new();
        row.write_value(&mut out);
        out
    }

    fn coin(height: u32, coinbase: bool, value: u64, script: Script) -> CoinRow {
        let output = TxOut { value: Amount::from_sat(value), script_pubkey: script };
        CoinRow(Coin { output, height: Height::new(height), coinbase })
    }

    fn p2pkh(hash: &str) -> Script {
        Script::p2pkh(hash.parse().unwrap())
    }

    /// The pairs of Core's `compress_tests.cpp`.
    #[test]
    fn amounts_compress_as_in_core() {
        let coin = 100_000_000;
        let pairs =
            [(0, 0), (1, 1), (coin / 100, 7), (coin, 9), (50 * coin, 0x32), (21_000_000 * coin, 0x0140_6f40)];
        for (amount, compressed) in pairs {
            assert_eq!(compress_amount(amount), compressed, "{amount}");
            assert_eq!(expand_amount(compressed), Some(amount));
        }
    }

    /// The rows of Core's `coins_tests.cpp` (`ccoins_serialization`).
    #[test]
    fn golden_bytes_of_core() {
        let cases = [
            (
                "97f23c835800816115944e077fe7c803cfa57f29b36bf87c1d35",
                coin(203_998, false, 60_000_000_000, p2pkh("816115944e077fe7c803cfa57f29b36bf87c1d35")),
            ),
            (
                "8ddf77bbd123008c988f1a4a4de2161e0f50aac7f17e7f9555caa4",
                coin(120_891, true, 110_397, p2pkh("8c988f1a4a4de2161e0f50aac7f17e7f9555caa4")),
            ),
            ("000006", coin(0, false, 0, Script::new())),
        ];
        for (hex, row) in cases {
            assert_eq!(hex::encode(&bytes(&row)), hex);
            assert_eq!(CoinRow::read_value(&hex::decode(hex).unwrap()), Ok(row));
        }
    }

    #[test]
    fn golden_bytes_of_the_other_scripts() {
        let hash = Hash160::from_bytes([0xab; 20]);
        let mut key = [0xcd; 33];
        key[0] = 3;
        let cases = [
            (Script::p2sh(hash), format!("01{}", "ab".repeat(20))),
            (Script::p2pk(&key), format!("03{}", "cd".repeat(32))),
            (Script::from_bytes(vec![0x51]), "0751".to_owned()),
            (Script::p2tr([0xef; 32]), format!("285120{}", "ef".repeat(32))),
        ];
        for (script, hex) in cases {
            let row = coin(1, false, 1, script);
            assert_eq!(hex::encode(&bytes(&row)), format!("0201{hex}"));
            assert_eq!(CoinRow::read_value(&bytes(&row)), Ok(row));
        }
    }

    #[test]
    fn golden_bytes_of_a_key() {
        let key = CoinKey(OutPoint { txid: Txid::from_bytes([7; 32]), vout: 0x0102 });
        let mut out = Vec::new();
        key.write_key(&mut out);
        assert_eq!(hex::encode(&out), format!("{}00000102", "07".repeat(32)));
        assert_eq!(CoinKey::read_key(&out), Ok(key));
    }

    #[test]
    fn malformed_rows_are_refused() {
        let row = bytes(&coin(5, true, 7, p2pkh("816115944e077fe7c803cfa57f29b36bf87c1d35")));
        for len in 0..row.len() {
            assert!(CoinRow::read_value(&row[..len]).is_err(), "{len}");
        }
        let mut long = row.clone();
        long.push(0);
        assert_eq!(CoinRow::read_value(&long), Err(ValueError::Malformed { field: "script" }));
        // Code 4, an uncompressed key in Core's form, is not written and not read.
        let other = [&[0x02, 0x01, 0x04][..], &[9; 32]].concat();
        assert_eq!(CoinRow::read_value(&other), Err(ValueError::Malformed { field: "script" }));
        // A height past 32 bits, an amount past 64.
        let endless = [0xff; 40];
        assert_eq!(CoinRow::read_value(&endless), Err(ValueError::Malformed { field: "height" }));
        let mut huge = vec![0];
        put_varint(&mut huge, compress_amount(u64::MAX) + 10);
        huge.push(6);
        assert_eq!(CoinRow::read_value(&huge), Err(ValueError::Malformed { field: "amount" }));
    }

    fn any_script() -> impl Strategy<Value = Script> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80).prop_map(Script::from_bytes),
            any::<[u8; 20]>().prop_map(|hash| Script::p2pkh(Hash160::from_bytes(hash))),
            any::<[u8; 20]>().prop_map(|hash| Script::p2sh(Hash160::from_bytes(hash))),
            any::<[u8; 32]>().prop_map(Script::p2tr),
            (any::<u8>(), any::<[u8; 32]>()).prop_map(|(first, rest)| {
                let mut key = vec![first % 8];
                key.extend(rest);
                Script::p2pk(&key)
            }),
            any::<[u8; 32]>().prop_map(|half| Script::p2pk(&[&[4][..], &half, &half].concat())),
        ]
    }

    proptest! {
        #[test]
        fn every_coin_comes_back(height: u32, coinbase: bool, value: u64, zeros in 0_u32..19, script in any_script()) {
            for value in [value, value / 10_u64.pow(zeros) * 10_u64.pow(zeros)] {
                let row = coin(height, coinbase, value, script.clone());
                prop_assert_eq!(CoinRow::read_value(&bytes(&row)), Ok(row));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = CoinRow::read_value(&bytes);
        }
    }
}
