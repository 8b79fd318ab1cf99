//! Core's own coins, out of the database it keeps them in.
//!
//! The form is Core's (`txdb.cpp`, `coins.h`, `compressor.cpp`, `dbwrapper.cpp`, `serialize.h`), read here without a
//! line of Cairn's codec, so that the two can differ.

use std::fs;
use std::path::Path;

use rusty_leveldb::{DB, LdbIterator, Options};

/// A coin as Core has it.
pub(super) struct CoreCoin {
    pub(super) txid: [u8; 32],
    pub(super) vout: u32,
    pub(super) height: u32,
    pub(super) coinbase: bool,
    pub(super) value: u64,
    pub(super) script: Vec<u8>,
}

/// The block Core's coins belong to, as its hash's bytes, and all of them in the order of their keys.
pub(super) struct CoreCoins {
    pub(super) tip: [u8; 32],
    pub(super) coins: Vec<CoreCoin>,
}

/// Values are hidden by the bytes under this key, which stand there plainly.
const MASK_KEY: &[u8] = b"\x0e\0obfuscate_key";

/// The key of the block the coins belong to.
const TIP_KEY: &[u8] = b"B";

/// First byte of a coin's key; the txid and the output's number follow.
const COIN_KEY: u8 = b'C';

impl CoreCoins {
    /// Reads the database of an engine that is closed. A copy is opened, for reading tidies up.
    pub(super) fn read(database: &Path) -> Self {
        let copy = database.with_extension("copy");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy).expect("the copy can be made");
        for entry in fs::read_dir(database).expect("the engine made its database") {
            let entry = entry.expect("the directory can be listed");
            fs::copy(entry.path(), copy.join(entry.file_name())).expect("the file can be copied");
        }
        let coins = Self::read_all(&copy);
        fs::remove_dir_all(&copy).expect("the copy can be removed");
        coins
    }

    fn read_all(database: &Path) -> Self {
        let options = Options { create_if_missing: false, ..Options::default() };
        let mut database = DB::open(database, options).expect("it is a LevelDB");
        let mask = database.get(MASK_KEY).map(|mask| mask.to_vec()).unwrap_or_default();
        // A vector of bytes: its length, then they.
        let mask = mask.get(1..).filter(|mask| !mask.is_empty()).unwrap_or(&[0]);
        let plain = |value: &[u8]| -> Vec<u8> {
            value.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
        };
        let tip = database.get(TIP_KEY).expect("the coins belong to a block");
        let tip = plain(&tip).try_into().expect("a hash has 32 bytes");
        let mut coins = Vec::new();
        let mut entries = database.new_iter().expect("the database can be read");
        while let Some((key, value)) = entries.next() {
            if let Some(coin) = key.strip_prefix(&[COIN_KEY]) {
                coins.push(coin_at(coin, &plain(&value)));
            }
        }
        Self { tip, coins }
    }
}

fn coin_at(key: &[u8], value: &[u8]) -> CoreCoin {
    let (txid, mut key) = key.split_at(32);
    let vout = number(&mut key);
    assert!(key.is_empty(), "a key ends with the output's number");
    let mut value = value;
    let code = number(&mut value);
    let amount = amount(number(&mut value));
    let script = script(&mut value);
    assert!(value.is_empty(), "a coin ends with its script");
    CoreCoin {
        txid: txid.try_into().expect("it was split there"),
        vout: vout.try_into().expect("output numbers have 32 bits"),
        height: (code >> 1).try_into().expect("heights have 32 bits"),
        coinbase: code & 1 == 1,
        value: amount,
        script,
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

/// Core's `VARINT`: seven bits a byte, the highest first; each byte that is not the last adds one, so that no number has
/// two forms.
fn number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0_u64;
    loop {
        let byte = take(bytes, 1)[0];
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return number;
        }
        number += 1;
    }
}

/// Core's `DecompressAmount`: zeros at the end of the decimal number are counted instead of kept.
fn amount(packed: u64) -> u64 {
    let Some(packed) = packed.checked_sub(1) else { return 0 };
    let (zeros, rest) = (packed % 10, packed / 10);
    let digits = match zeros {
        9 => rest + 1,
        _ => rest / 9 * 10 + rest % 9 + 1,
    };
    digits * 10_u64.pow(u32::try_from(zeros).expect("it is a digit"))
}

/// Core's `ScriptCompression`: four usual forms by the hash or key in them, others as they are.
fn script(bytes: &mut &[u8]) -> Vec<u8> {
    match number(bytes) {
        0 => [&[0x76, 0xa9, 20], take(bytes, 20), &[0x88, 0xac]].concat(),
        1 => [&[0xa9, 20], take(bytes, 20), &[0x87]].concat(),
        sign @ (2 | 3) => [&[33, sign as u8], take(bytes, 32), &[0xac]].concat(),
        4 | 5 => panic!("no chain here pays to an uncompressed key"),
        length => take(bytes, usize::try_from(length).expect("scripts are short") - 6).to_vec(),
    }
}

#[test]
fn numbers_of_core() {
    // From the comment above `WriteVarInt` in Core's `serialize.h`.
    let forms: [(&[u8], u64); 7] = [
        (&[0x00], 0),
        (&[0x7f], 127),
        (&[0x80, 0x00], 128),
        (&[0x80, 0x7f], 255),
        (&[0x81, 0x00], 256),
        (&[0xfe, 0x7f], 16_383),
        (&[0xff, 0x00], 16_384),
    ];
    for (bytes, expected) in forms {
        let mut rest = bytes;
        assert_eq!((number(&mut rest), rest.len()), (expected, 0), "{bytes:02x?}");
    }
    // From Core's `compress_tests.cpp`.
    for (packed, expected) in
        [(0x0, 0), (0x1, 1), (0x7, 1_000_000), (0x9, 100_000_000), (0x32, 5_000_000_000)]
    {
        assert_eq!(amount(packed), expected, "{packed:#x}");
    }
}
