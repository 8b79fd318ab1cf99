//! The bytes of a snapshot: Core's `dumptxoutset` file, version 2.
//!
//! Magic `utxo` 0xff (5 bytes), version (2), the network's magic (4), hash of the block (32), number of coins (8). Then
//! for each transaction with coins, by ascending bytes of its id: txid (32), how many coins (CompactSize), and each of
//! them: output index (CompactSize), `varint(height * 2 + coinbase)`, `varint(amount)`, script; amount and script
//! compressed. Integers are little-endian. Sources: Core's `SnapshotMetadata` (`node/utxo_snapshot.h`),
//! `WriteUTXOSnapshot` (`rpc/blockchain.cpp`), `coins.h`, `compressor.cpp`.
//!
//! The store keeps coins almost like this ([`coin_codec`](crate::coin_codec)); it leaves out that a whole uncompressed
//! key is kept as its X and the parity of its Y.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use cairn_crypto::PublicKey;
use cairn_params::ChainSpec;
use cairn_primitives::{
    Amount, BlockHash, Coin, Hash160, Height, MAX_SCRIPT_SIZE, OutPoint, Script, TxOut, Txid, codec,
};

use super::error::SnapshotFault;
use crate::coin_codec::{SPECIAL_SCRIPTS, compress_amount, expand_amount, put_script, put_varint};

/// The first bytes of a snapshot.
pub(super) const MAGIC: [u8; 5] = *b"utxo\xff";

/// The version of the form.
pub(super) const VERSION: u16 = 2;

/// What stands before the coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The network's magic.
    pub network: [u8; 4],
    /// The block after which these are the coins.
    pub base: BlockHash,
    /// How many coins there are.
    pub coins: u64,
}

impl SnapshotHeader {
    /// Its length in bytes.
    pub const SIZE: usize = 51;

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = VERSION.to_le_bytes();
        [&MAGIC[..], &version, &self.network, self.base.as_bytes(), &self.coins.to_le_bytes()].concat()
    }
}

/// The coins of one transaction, by output index.
pub(super) type Group = BTreeMap<u32, Coin>;

/// Writes the coins of one transaction.
pub(super) fn put_group(out: &mut Vec<u8>, txid: &Txid, coins: &Group) {
    out.extend_from_slice(txid.as_bytes());
    codec::put_compact_size(out, coins.len() as u64);
    let mut order: Vec<_> = coins.iter().map(|(vout, coin)| (varint(*vout), *vout, coin)).collect();
    // Core's database holds the index as a varint, whose bytes sort like numbers up to 16,511 only.
    order.sort_unstable_by(|(a, ..), (b, ..)| a.cmp(b));
    for (_, vout, coin) in order {
        codec::put_compact_size(out, vout.into());
        put_coin(out, coin);
    }
}

fn varint(number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, number.into());
    bytes
}

fn put_coin(out: &mut Vec<u8>, coin: &Coin) {
    let Coin { output, height, coinbase } = coin;
    put_varint(out, u128::from(height.to_u32()) << 1 | u128::from(*coinbase));
    put_varint(out, compress_amount(output.value.to_sat()));
    match whole_key(&output.script_pubkey) {
        Some(key) => {
            let [parity, x @ ..] = key.to_compressed();
            // 2 and 3 in a compressed key, 4 and 5 here.
            out.push(parity + 2);
            out.extend_from_slice(&x);
        }
        None => put_script(out, &output.script_pubkey),
    }
}

/// The key of a script that pays to a valid uncompressed key.
fn whole_key(script: &Script) -> Option<PublicKey> {
    match script.as_bytes() {
        [65, key @ .., 0xac] if key.len() == 65 && key[0] == 4 => PublicKey::from_slice(key).ok(),
        _ => None,
    }
}

/// What bounds a coin of a snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) height: Height,
    max_money: u64,
    /// An output takes nine bytes at least, each four weight units.
    outputs: u64,
}

impl Bounds {
    pub(super) fn new(spec: &ChainSpec, height: Height) -> Self {
        let limits = &spec.limits;
        Bounds { height, max_money: limits.max_money.to_sat(), outputs: limits.block_weight / 36 }
    }
}

/// Reads a snapshot from its start, and knows where it is.
#[derive(Debug)]
pub(super) struct Source<R> {
    inner: R,
    offset: u64,
    /// What the operating system said when it failed.
    pub(super) failure: Option<std::io::Error>,
}

type Read_<T> = Result<T, SnapshotFault>;

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Source { inner, offset: 0, failure: None }
    }

    /// Bytes read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn header(&mut self, network: [u8; 4]) -> Read_<SnapshotHeader> {
        let got = self.array()?;
        if got != MAGIC {
            return Err(SnapshotFault::Magic { got });
        }
        let got = u16::from_le_bytes(self.array()?);
        if got != VERSION {
            return Err(SnapshotFault::Version { got, expected: VERSION });
        }
        let got = self.array()?;
        if got != network {
            return Err(SnapshotFault::Network { got, expected: network });
        }
        let base = BlockHash::from_bytes(self.array()?);
        Ok(SnapshotHeader { network, base, coins: u64::from_le_bytes(self.array()?) })
    }

    /// The coins of the next transaction; `left` have not come yet.
    pub(super) fn group(
        &mut self,
        bounds: &Bounds,
        before: Option<&Txid>,
        left: u64,
    ) -> Read_<(Txid, Group)> {
        let txid = Txid::from_bytes(self.array()?);
        if before.is_some_and(|before| txid.as_bytes() <= before.as_bytes()) {
            return Err(SnapshotFault::Order { txid });
        }
        let got = self.compact_size("coin count")?;
        if got == 0 || got > left {
            return Err(SnapshotFault::Count { got, left });
        }
        let mut coins = Group::new();
        for _ in 0..got {
            let got = self.compact_size("output index")?;
            if got >= bounds.outputs {
                return Err(SnapshotFault::Output { got, limit: bounds.outputs });
            }
            let (vout, coin) = (got as u32, self.coin(bounds)?);
            if coins.insert(vout, coin).is_some() {
                return Err(SnapshotFault::Repeated { outpoint: OutPoint { txid, vout } });
            }
        }
        Ok((txid, coins))
    }

    /// Whether nothing is left.
    pub(super) fn end(&mut self) -> Read_<()> {
        match self.byte() {
            Err(SnapshotFault::Truncated) if self.failure.is_none() => Ok(()),
            Ok(_) => Err(SnapshotFault::Trailing),
            Err(other) => Err(other),
        }
    }

    fn coin(&mut self, bounds: &Bounds) -> Read_<Coin> {
        let code = self.varint("height")?;
        let height = u32::try_from(code >> 1).ok().map(Height::new).filter(|height| *height <= bounds.height);
        let height = height.ok_or(SnapshotFault::Height { got: code >> 1, limit: bounds.height })?;
        let value =
            expand_amount(self.varint("amount")?).ok_or(SnapshotFault::Malformed { field: "amount" })?;
        if value > bounds.max_money {
            return Err(SnapshotFault::Value { got: value, limit: bounds.max_money });
        }
        let output = TxOut { value: Amount::from_sat(value), script_pubkey: self.script()? };
        Ok(Coin { output, height, coinbase: code & 1 == 1 })
    }

    fn script(&mut self) -> Read_<Script> {
        let code = self.varint("script")?;
        if let Some(len) = code.checked_sub(SPECIAL_SCRIPTS) {
            if len > MAX_SCRIPT_SIZE as u128 {
                return Err(SnapshotFault::ScriptLength { got: len, limit: MAX_SCRIPT_SIZE });
            }
            let mut bytes = vec![0; len as usize];
            self.fill(&mut bytes)?;
            return Ok(Script::from_bytes(bytes));
        }
        Ok(match code as u8 {
            0 => Script::p2pkh(Hash160::from_bytes(self.array()?)),
            1 => Script::p2sh(Hash160::from_bytes(self.array()?)),
            code => {
                let mut key = [0; 33];
                key[1..].copy_from_slice(&self.array::<32>()?);
                // 2 and 3 are compressed keys, 4 and 5 were whole ones with that parity.
                key[0] = if code < 4 { code } else { code - 2 };
                match code {
                    2 | 3 => Script::p2pk(&key),
                    _ => {
                        let whole = PublicKey::from_slice(&key);
                        let whole = whole.map_err(|_| SnapshotFault::Malformed { field: "public key" })?;
                        Script::p2pk(&whole.to_uncompressed())
                    }
                }
            }
        })
    }

    /// Core's `VARINT`; see [`coin_codec`](crate::coin_codec).
    fn varint(&mut self, field: &'static str) -> Read_<u128> {
        let malformed = SnapshotFault::Malformed { field };
        let mut number = 0_u128;
        loop {
            let byte = self.byte()?;
            if number > u128::MAX >> 7 {
                return Err(malformed);
            }
            number = number << 7 | u128::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            number = number.checked_add(1).ok_or(malformed.clone())?;
        }
    }

    /// A CompactSize in its one shortest form.
    fn compact_size(&mut self, field: &'static str) -> Read_<u64> {
        let (number, least) = match self.byte()? {
            0xfd => (u64::from(u16::from_le_bytes(self.array()?)), 0xfd),
            0xfe => (u64::from(u32::from_le_bytes(self.array()?)), 0x1_0000),
            0xff => (u64::from_le_bytes(self.array()?), 0x1_0000_0000),
            byte => (byte.into(), 0),
        };
        if number < least { Err(SnapshotFault::Malformed { field }) } else { Ok(number) }
    }

    fn byte(&mut self) -> Read_<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Read_<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, into: &mut [u8]) -> Read_<()> {
        match self.inner.read_exact(into) {
            Ok(()) => {
                self.offset += into.len() as u64;
                Ok(())
            }
            Err(error) => {
                if error.kind() != ErrorKind::UnexpectedEof {
                    self.failure = Some(error);
                }
                Err(SnapshotFault::Truncated)
            }
        }
    }
}
