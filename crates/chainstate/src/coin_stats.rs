//! What the unspent coins add up to, and the hash that proves it.

use cairn_crypto::{MuHash, MuHashDigest};
use cairn_primitives::{Amount, BlockHash, Coin, Encode, Height, OutPoint};

/// The unspent coins of one moment, summed up. Core's `gettxoutsetinfo muhash` gives the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinStats {
    /// Height of the last block counted in.
    pub height: Height,
    /// The last block counted in.
    pub hash: BlockHash,
    /// Unspent coins (Core: `txouts`).
    pub coins: u64,
    /// What they are worth together: the supply in circulation, exactly.
    pub total_amount: Amount,
    /// Core's measure of the set's size that depends on no database: 50 bytes and the script for each coin.
    pub bogosize: u64,
    /// Hash of the set. Each element is a coin as [`coin_element`] writes it.
    pub muhash: MuHashDigest,
}

/// A coin as an element of the hashed set: outpoint (32 and 4 bytes), `height * 2 + coinbase` (4 bytes), value (8 bytes), script with
/// its compact-size length; integers little-endian. Core's `TxOutSer` in `kernel/coinstats.cpp`.
pub fn coin_element(outpoint: &OutPoint, coin: &Coin) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BOGOSIZE as usize + coin.output.script_pubkey.len());
    outpoint.encode(&mut bytes);
    // Core shifts in 32 bits too: heights from 2^31 on would lose their top bit.
    let code = coin.height.to_u32() << 1 | u32::from(coin.coinbase);
    bytes.extend_from_slice(&code.to_le_bytes());
    coin.output.encode(&mut bytes);
    bytes
}

/// What Core counts for a coin besides its script: txid 32, output index 4, height and coinbase 4, amount 8, script
/// length 2.
const BOGOSIZE: u64 = 50;

/// Sums coins up.
#[derive(Debug, Clone, Default)]
pub(crate) struct CoinSums {
    pub(crate) coins: u64,
    pub(crate) total_amount: u64,
    pub(crate) bogosize: u64,
    pub(crate) set: MuHash,
}

// Sums of a part of a chain may pass zero or the top in between; in the end they are right again, so they wrap.
impl CoinSums {
    pub(crate) fn insert(&mut self, outpoint: &OutPoint, coin: &Coin) {
        self.coins = self.coins.wrapping_add(1);
        self.total_amount = self.total_amount.wrapping_add(coin.output.value.to_sat());
        self.bogosize = self.bogosize.wrapping_add(bogosize(coin));
        self.set.insert(&coin_element(outpoint, coin));
    }

    pub(crate) fn remove(&mut self, outpoint: &OutPoint, coin: &Coin) {
        self.coins = self.coins.wrapping_sub(1);
        self.total_amount = self.total_amount.wrapping_sub(coin.output.value.to_sat());
        self.bogosize = self.bogosize.wrapping_sub(bogosize(coin));
        self.set.remove(&coin_element(outpoint, coin));
    }

    /// The sums of both together.
    pub(crate) fn add(&mut self, other: &CoinSums) {
        self.coins = self.coins.wrapping_add(other.coins);
        self.total_amount = self.total_amount.wrapping_add(other.total_amount);
        self.bogosize = self.bogosize.wrapping_add(other.bogosize);
        self.set.insert_all(&other.set);
    }

    /// The sums without those of `other`.
    pub(crate) fn subtract(&mut self, other: &CoinSums) {
        self.coins = self.coins.wrapping_sub(other.coins);
        self.total_amount = self.total_amount.wrapping_sub(other.total_amount);
        self.bogosize = self.bogosize.wrapping_sub(other.bogosize);
        self.set.remove_all(&other.set);
    }

    /// The statistics of the coins at block `hash`.
    pub(crate) fn at(&self, height: Height, hash: BlockHash) -> CoinStats {
        let CoinSums { coins, total_amount, bogosize, ref set } = *self;
        let total_amount = Amount::from_sat(total_amount);
        CoinStats { height, hash, coins, total_amount, bogosize, muhash: set.digest() }
    }
}

fn bogosize(coin: &Coin) -> u64 {
    BOGOSIZE + coin.output.script_pubkey.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::{Script, TxOut, Txid, hex};

    /// By hand from the definition: the hash's bytes, then each integer little-endian.
    #[test]
    fn golden_bytes_of_an_element() {
        let outpoint = OutPoint { txid: Txid::from_bytes([0xaa; 32]), vout: 0x0102 };
        let output =
            TxOut { value: Amount::from_sat(0x0304), script_pubkey: Script::from_bytes(vec![0x51; 3]) };
        let mut coin = Coin { output, height: Height::new(0x10), coinbase: true };
        let expected = format!("{}02010000210000000403000000000000{}", "aa".repeat(32), "03515151");
        assert_eq!(hex::encode(&coin_element(&outpoint, &coin)), expected);
        coin.coinbase = false;
        assert_eq!(coin_element(&outpoint, &coin)[36], 0x20);
        assert_eq!(bogosize(&coin), 53);
    }
}
