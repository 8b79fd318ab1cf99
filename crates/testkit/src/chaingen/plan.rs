//! Transactions before they are signed.

use cairn_primitives::{Amount, LockTime, Script, Sequence, Transaction, TxIn, TxOut, Witness};
use cairn_script::SighashCache;

use super::keys::KeyRing;
use super::lock::Lock;
use super::pool::Coin;

/// The most a transaction weighs but for its inputs and outputs: version, marker, flag, counts, lock time.
pub(super) const TX_WEIGHT: u64 = 4 * (4 + 3 + 3 + 4) + 2;

/// An output.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    /// Makes a coin of this value, in smallest units.
    Coin { value: u64, lock: Lock },
    /// Carries data and makes no coin.
    Data([u8; 32]),
}

impl Output {
    pub(super) fn build(&self, keys: &KeyRing) -> TxOut {
        match self {
            Self::Coin { value, lock } => {
                TxOut { value: Amount::from_sat(*value), script_pubkey: lock.script(keys) }
            }
            Self::Data(data) => TxOut { value: Amount::ZERO, script_pubkey: Script::op_return(data) },
        }
    }

    const fn weight(&self) -> u64 {
        match self {
            Self::Coin { lock, .. } => lock.output_weight(),
            Self::Data(_) => Lock::MAX_OUTPUT_WEIGHT,
        }
    }

    const fn sigops(&self) -> u64 {
        match self {
            Self::Coin { lock, .. } => lock.output_sigops(),
            Self::Data(_) => 0,
        }
    }

    const fn value(&self) -> u64 {
        match self {
            Self::Coin { value, .. } => *value,
            Self::Data(_) => 0,
        }
    }
}

/// A transaction before it is signed: all that its bytes follow from.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) version: i32,
    pub(super) lock_time: LockTime,
    /// Of every input.
    pub(super) sequence: Sequence,
    pub(super) inputs: Vec<Coin>,
    pub(super) outputs: Vec<Output>,
}

impl Plan {
    /// What its inputs hold over its outputs, in smallest units.
    pub(super) fn fee(&self) -> u64 {
        let spent: u64 = self.inputs.iter().map(|coin| coin.value).sum();
        spent - self.outputs.iter().map(Output::value).sum::<u64>()
    }

    /// The most it can weigh once it is signed.
    pub(super) fn max_weight(&self) -> u64 {
        let inputs: u64 = self.inputs.iter().map(|coin| coin.lock().input_weight()).sum();
        TX_WEIGHT + inputs + self.outputs.iter().map(Output::weight).sum::<u64>()
    }

    /// What its signature operations cost (BIP141).
    pub(super) fn sigop_cost(&self) -> u64 {
        let inputs: u64 = self.inputs.iter().map(|coin| coin.lock().input_sigops()).sum();
        inputs + self.outputs.iter().map(Output::sigops).sum::<u64>()
    }

    /// Signatures it needs.
    pub(super) fn signatures(&self) -> u64 {
        self.inputs.iter().map(|coin| coin.lock().signatures()).sum()
    }

    /// The transaction, signed.
    pub(super) fn sign(&self, keys: &KeyRing) -> Transaction {
        let outputs: Vec<_> = self.outputs.iter().map(|output| output.build(keys)).collect();
        let spent: Vec<_> = self.inputs.iter().map(|coin| coin.output(keys)).collect();
        let unsigned = self.assemble(outputs.clone(), |_, _| (Script::new(), Witness::default()));
        let cache = SighashCache::new(&unsigned, spent.iter().collect());
        self.assemble(outputs, |input, coin| coin.lock().unlock(keys, &cache, input))
    }

    fn assemble(
        &self,
        outputs: Vec<TxOut>,
        unlock: impl Fn(usize, &Coin) -> (Script, Witness),
    ) -> Transaction {
        let inputs = self.inputs.iter().enumerate().map(|(input, coin)| {
            let (script_sig, witness) = unlock(input, coin);
            TxIn { previous: coin.outpoint(), script_sig, sequence: self.sequence, witness }
        });
        Transaction::new(self.version, inputs.collect(), outputs, self.lock_time)
    }
}
