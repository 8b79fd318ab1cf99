//! What is needed to take a block off again.

use cairn_primitives::hash::HashSet;
use cairn_primitives::{
    Amount, Block, Coin, Decode, DecodeError, Encode, Height, OutPoint, Reader, Script, Sink,
};
use cairn_primitives::{TxOut, codec};

use crate::coins::CoinDelta;

/// The coins one transaction spent, one for each input, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TxUndo {
    /// The coins.
    pub coins: Vec<Coin>,
}

/// The coins a block spent: one entry for each transaction but the coinbase, in block order.
///
/// # Bytes
/// A compact size with the number of transactions; for each a compact size with the number of coins;
/// for each coin a compact size `height * 2 + coinbase`, the value (8 bytes, little-endian) and the
/// script with its compact-size length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undo {
    /// One entry for each transaction after the coinbase.
    pub txs: Vec<TxUndo>,
}

/// Most transactions, and most coins of one, that undo bytes may announce. What bounds memory is that
/// each takes bytes that must be present.
const MAX_ITEMS: usize = u32::MAX as usize;

/// Fewest bytes a coin takes: code, value, script length.
const MIN_COIN_BYTES: usize = 1 + 8 + 1;

impl Encode for Undo {
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) {
        codec::put_compact_size(sink, self.txs.len() as u64);
        for tx in &self.txs {
            codec::put_compact_size(sink, tx.coins.len() as u64);
            for coin in &tx.coins {
                codec::put_compact_size(
                    sink,
                    u64::from(coin.height.to_u32()) << 1 | u64::from(coin.coinbase),
                );
                coin.output.encode(sink);
            }
        }
    }
}

impl Decode for Undo {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = r.list_len(1, MAX_ITEMS)?;
        let mut txs = Vec::new();
        for _ in 0..count {
            let inputs = r.list_len(MIN_COIN_BYTES, MAX_ITEMS)?;
            let coins = (0..inputs).map(|_| decode_coin(r)).collect::<Result<_, _>>()?;
            txs.push(TxUndo { coins });
        }
        Ok(Self { txs })
    }
}

fn decode_coin(r: &mut Reader<'_>) -> Result<Coin, DecodeError> {
    let offset = r.position();
    let code = r.compact_size()?;
    let limit = u64::from(u32::MAX) << 1 | 1;
    let height =
        u32::try_from(code >> 1).map_err(|_| DecodeError::LimitExceeded { offset, got: code, limit })?;
    let value = Amount::from_sat(r.u64_le()?);
    let script_pubkey = Script::decode(r)?;
    Ok(Coin { output: TxOut { value, script_pubkey }, height: Height::new(height), coinbase: code & 1 == 1 })
}

/// Undo data that does not belong to the block it was paired with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisconnectError {
    /// The undo data covers another number of transactions.
    #[error("undo data covers {got} transactions, the block has {expected} after its coinbase")]
    TxCount {
        /// Transactions in the undo data.
        got: usize,
        /// Transactions in the block after the coinbase.
        expected: usize,
    },
    /// The undo data of a transaction covers another number of inputs.
    #[error("undo data of transaction {index} covers {got} inputs, it has {expected}")]
    InputCount {
        /// Index of the transaction in the block.
        index: usize,
        /// Coins in the undo data.
        got: usize,
        /// Inputs of the transaction.
        expected: usize,
    },
}

/// The change that takes a connected block off again, exactly: what it made is gone and what it spent
/// is back.
///
/// The one loss is BIP30's: where one of the two excepted blocks overwrote a coin, the overwritten
/// coin does not come back (nor does it in Core's `DisconnectBlock`).
///
/// # Errors
/// [`DisconnectError`] if `undo` is of another shape than `block`.
pub fn disconnect(block: &Block, undo: Undo) -> Result<CoinDelta, DisconnectError> {
    let spenders = block.transactions.get(1..).unwrap_or_default();
    if undo.txs.len() != spenders.len() {
        return Err(DisconnectError::TxCount { got: undo.txs.len(), expected: spenders.len() });
    }
    let mut delta = CoinDelta::default();
    let made: HashSet<_> = block.transactions.iter().map(|tx| tx.txid()).collect();
    for (i, (tx, tx_undo)) in spenders.iter().zip(undo.txs).enumerate() {
        let (got, expected) = (tx_undo.coins.len(), tx.inputs().len());
        if got != expected {
            return Err(DisconnectError::InputCount { index: i + 1, got, expected });
        }
        let restored = tx.inputs().iter().map(|input| input.previous).zip(tx_undo.coins);
        delta.created.extend(restored.filter(|(outpoint, _)| !made.contains(&outpoint.txid)));
    }
    for tx in &block.transactions {
        for (vout, output) in tx.outputs().iter().enumerate() {
            if !output.script_pubkey.is_unspendable() {
                delta.spent.push(OutPoint { txid: tx.txid(), vout: vout as u32 });
            }
        }
    }
    Ok(delta)
}
