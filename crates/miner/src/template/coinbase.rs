//! The transaction that pays the miner.

use cairn_consensus::COMMITMENT_PREFIX;
use cairn_primitives::{
    Amount, Height, LockTime, OutPoint, Script, ScriptBuilder, Sequence, Sha256d, Transaction, TxIn, TxOut,
    Witness, hash,
};

/// Bytes of the extranonce in the coinbase script.
const EXTRANONCE_LEN: usize = 8;

/// The witness item that goes into the commitment; BIP141 leaves its meaning to later rules, until then it is zero.
pub(super) const WITNESS_RESERVED: [u8; 32] = [0; 32];

/// Bytes before the script of the first input in an encoded coinbase: version, input count, outpoint, and the script
/// length, one byte for scripts of up to 100 bytes.
const BEFORE_SCRIPT: usize = 4 + 1 + 36 + 1;

/// A coinbase whose extranonce is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Coinbase {
    height: Height,
    outputs: Vec<TxOut>,
    /// The base form with an extranonce of zero.
    base: Vec<u8>,
    /// Where the extranonce stands in the base form.
    extranonce_at: usize,
    segwit: bool,
}

impl Coinbase {
    /// A coinbase of the block at `height` that pays `value` to `payout`, with an output that commits to the
    /// witnesses if there is a commitment.
    pub(super) fn new(height: Height, value: Amount, payout: Script, commitment: Option<Sha256d>) -> Self {
        let mut outputs = vec![TxOut { value, script_pubkey: payout }];
        outputs.extend(
            commitment.map(|commitment| TxOut {
                value: Amount::ZERO,
                script_pubkey: commitment_script(&commitment),
            }),
        );
        let mut coinbase =
            Self { height, outputs, base: Vec::new(), extranonce_at: 0, segwit: commitment.is_some() };
        coinbase.extranonce_at = BEFORE_SCRIPT + coinbase.script(0).len() - EXTRANONCE_LEN;
        coinbase.transaction(0).encode_base(&mut coinbase.base);
        coinbase
    }

    /// The transaction with this extranonce.
    pub(super) fn transaction(&self, extranonce: u64) -> Transaction {
        let witness =
            if self.segwit { Witness::new(vec![WITNESS_RESERVED.to_vec()]) } else { Witness::default() };
        let input = TxIn {
            previous: OutPoint::NULL,
            script_sig: self.script(extranonce),
            sequence: Sequence::FINAL,
            witness,
        };
        Transaction::new(1, vec![input], self.outputs.clone(), LockTime::ZERO)
    }

    /// The bytes of the transaction's id with this extranonce, without building it.
    pub(super) fn txid(&self, extranonce: u64) -> [u8; 32] {
        let mut base = self.base.clone();
        base[self.extranonce_at..][..EXTRANONCE_LEN].copy_from_slice(&extranonce.to_le_bytes());
        hash::sha256d(&base)
    }

    /// The script of the output that commits to the witnesses.
    pub(super) fn commitment_script(&self) -> Option<&Script> {
        if self.segwit { self.outputs.get(1).map(|output| &output.script_pubkey) } else { None }
    }

    /// What the first output pays.
    pub(super) fn value(&self) -> Amount {
        self.outputs[0].value
    }

    /// The height first, also where BIP34 does not ask for it: it keeps the ids of coinbases apart (BIP30).
    fn script(&self, extranonce: u64) -> Script {
        ScriptBuilder::new()
            .push_int(i64::from(self.height.to_u32()))
            .push_bytes(&extranonce.to_le_bytes())
            .into_script()
    }
}

/// `OP_RETURN` and the commitment behind its header (BIP141).
fn commitment_script(commitment: &Sha256d) -> Script {
    Script::from_bytes([COMMITMENT_PREFIX.as_slice(), commitment.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_consensus::{COINBASE_SCRIPT_LEN, COMMITMENT_SCRIPT_LEN};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_id_follows_the_extranonce(
            height: u32, extranonce: u64, payout in proptest::collection::vec(any::<u8>(), 0..300), segwit: bool,
        ) {
            let commitment = segwit.then_some(Sha256d::from_bytes([7; 32]));
            let payout = Script::from_bytes(payout);
            let coinbase = Coinbase::new(Height::new(height), Amount::from_sat(5), payout.clone(), commitment);
            let tx = coinbase.transaction(extranonce);
            prop_assert_eq!(coinbase.txid(extranonce), tx.txid().to_bytes());
            prop_assert!(tx.is_coinbase());
            prop_assert_eq!(tx.has_witness(), segwit);
            prop_assert!(COINBASE_SCRIPT_LEN.contains(&tx.inputs()[0].script_sig.len()));
            prop_assert_eq!(&tx.outputs()[0].script_pubkey, &payout);
            prop_assert_eq!(tx.outputs().len(), if segwit { 2 } else { 1 });
        }
    }

    #[test]
    fn the_commitment_output_is_bip141s() {
        let commitment = Sha256d::from_bytes(std::array::from_fn(|i| i as u8));
        let coinbase = Coinbase::new(Height::new(1), Amount::ZERO, Script::new(), Some(commitment));
        let script = coinbase.commitment_script().unwrap();
        assert_eq!(script.len(), COMMITMENT_SCRIPT_LEN);
        assert_eq!(&script.as_bytes()[..7], [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed, 0]);
        assert_eq!(
            Coinbase::new(Height::new(1), Amount::ZERO, Script::new(), None).commitment_script(),
            None
        );
    }
}
