//! How large a transaction will be once it is signed, and which outputs are too small to be worth it.

use cairn_primitives::codec::compact_size_len;
use cairn_primitives::{Amount, Encode, Script, ScriptKind, TxOut, Weight};

use crate::rate::FeeRate;

/// The rate at which outputs that cost more to spend than they hold are dust (Core's `DUST_RELAY_TX_FEE`).
pub const DUST_RATE: FeeRate = FeeRate::from_sat_per_kvb(3_000);

/// Heaviest transaction that nodes relay, in weight units (Core's `MAX_STANDARD_TX_WEIGHT`).
pub const MAX_TX_WEIGHT: u64 = 400_000;

/// The outpoint, the length of an empty or short input script, the sequence number.
const INPUT_BASE: u64 = 36 + 1 + 4;
/// The longest DER of a signature with a low S (71), and its hash type.
const ECDSA_SIGNATURE: u64 = 72;
/// A compressed public key.
const PUBLIC_KEY: u64 = 33;
/// A signature by BIP340 with the default hash type, which has no byte.
const SCHNORR_SIGNATURE: u64 = 64;

/// The most an input weighs, by what it takes to spend its coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpendSize {
    /// Bytes outside the witness.
    pub(crate) base: u64,
    /// Bytes of the witness, its item count included; 0 where there is none.
    pub(crate) witness: u64,
}

impl SpendSize {
    /// What spends a coin of this script by one key: P2PKH, P2WPKH or P2TR by its output key; `None` for every other
    /// form. ECDSA signatures are counted at their longest, so an input may turn out a byte shorter, never longer.
    pub fn of(script_pubkey: &Script) -> Option<Self> {
        Some(match script_pubkey.kind() {
            ScriptKind::P2pkh => Self { base: INPUT_BASE + 1 + ECDSA_SIGNATURE + 1 + PUBLIC_KEY, witness: 0 },
            ScriptKind::P2wpkh => {
                Self { base: INPUT_BASE, witness: 1 + 1 + ECDSA_SIGNATURE + 1 + PUBLIC_KEY }
            }
            ScriptKind::P2tr => Self { base: INPUT_BASE, witness: 1 + 1 + SCHNORR_SIGNATURE },
            _ => return None,
        })
    }

    /// Weight units of the input in a transaction that has witnesses: without one of its own it has an empty list.
    pub(crate) fn weight(self) -> u64 {
        self.base * Weight::SCALE + self.witness.max(1)
    }
}

/// The size of a transaction under construction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TxSize {
    inputs: u64,
    outputs: u64,
    base: u64,
    witness: u64,
    legacy_inputs: u64,
}

impl TxSize {
    /// Counts an input.
    pub(crate) fn add_input(&mut self, spend: SpendSize) {
        self.inputs += 1;
        self.base += spend.base;
        self.witness += spend.witness;
        self.legacy_inputs += u64::from(spend.witness == 0);
    }

    /// Counts an output.
    pub(crate) fn add_output(&mut self, script_pubkey: &Script) {
        self.outputs += 1;
        self.base += output_len(script_pubkey);
    }

    /// Weight units (BIP141). Marker, flag and the empty witnesses of other inputs count as soon as one input has a
    /// witness.
    pub(crate) fn weight(&self) -> u64 {
        let counts = compact_size_len(self.inputs) + compact_size_len(self.outputs);
        let base = self.base + 4 + 4 + counts as u64;
        let witness = if self.witness == 0 { 0 } else { 2 + self.witness + self.legacy_inputs };
        base * Weight::SCALE + witness
    }

    /// Virtual bytes.
    pub(crate) fn vsize(&self) -> u64 {
        Weight::new(self.weight()).to_vsize()
    }
}

/// Bytes of an output that pays to this script.
pub(crate) fn output_len(script_pubkey: &Script) -> u64 {
    8 + compact_size_len(script_pubkey.len() as u64) as u64 + script_pubkey.len() as u64
}

/// The least value of an output to this script that nodes relay by default: what it costs at [`DUST_RATE`] to make
/// it and to spend it, where a witness program takes 67 bytes to spend and everything else 148 (Core's
/// `GetDustThreshold`). Zero for a script that can never be spent.
pub fn dust_limit(script_pubkey: &Script) -> Amount {
    if script_pubkey.is_unspendable() {
        return Amount::ZERO;
    }
    let spend = match script_pubkey.witness_program() {
        Some(_) => 32 + 4 + 1 + 107 / Weight::SCALE + 4,
        None => 32 + 4 + 1 + 107 + 4,
    };
    let output = TxOut { value: Amount::ZERO, script_pubkey: script_pubkey.clone() };
    DUST_RATE.fee(output.encoded_len() as u64 + spend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::Hash160;

    fn vsize(inputs: &[Script], outputs: &[Script]) -> u64 {
        let mut size = TxSize::default();
        inputs.iter().for_each(|script| size.add_input(SpendSize::of(script).unwrap()));
        outputs.iter().for_each(|script| size.add_output(script));
        size.vsize()
    }

    fn forms() -> [Script; 3] {
        let hash = Hash160::from_bytes([7; 20]);
        [Script::p2pkh(hash), Script::p2wpkh(hash), Script::p2tr([7; 32])]
    }

    #[test]
    fn known_sizes_are_met() {
        // The figures wallets publish for one input and two outputs of a form.
        let [p2pkh, p2wpkh, p2tr] = forms();
        assert_eq!(vsize(std::slice::from_ref(&p2pkh), &[p2pkh.clone(), p2pkh.clone()]), 226);
        assert_eq!(vsize(std::slice::from_ref(&p2wpkh), &[p2wpkh.clone(), p2wpkh.clone()]), 141);
        assert_eq!(vsize(std::slice::from_ref(&p2tr), &[p2tr.clone(), p2tr.clone()]), 154);
        let weight = |script| SpendSize::of(script).unwrap().weight();
        assert_eq!((weight(&p2pkh), weight(&p2wpkh), weight(&p2tr)), (593, 272, 230));
    }

    #[test]
    fn the_input_count_grows_at_253() {
        let [_, p2wpkh, _] = forms();
        let of = |count| vsize(&vec![p2wpkh.clone(); count], std::slice::from_ref(&p2wpkh));
        // 252 to 253: an input of 68.25 and two bytes more for the count.
        assert!(of(252) - of(251) <= 69);
        assert!(of(253) - of(252) >= 70);
    }

    #[test]
    fn dust_limits_are_those_of_core() {
        let [p2pkh, p2wpkh, p2tr] = forms();
        assert_eq!(dust_limit(&p2pkh), Amount::from_sat(546));
        assert_eq!(dust_limit(&p2wpkh), Amount::from_sat(294));
        assert_eq!(dust_limit(&p2tr), Amount::from_sat(330));
        assert_eq!(dust_limit(&Script::p2sh(Hash160::from_bytes([1; 20]))), Amount::from_sat(540));
        assert_eq!(dust_limit(&Script::p2wsh([1; 32])), Amount::from_sat(330));
        assert_eq!(dust_limit(&Script::from_bytes(vec![0x6a])), Amount::ZERO);
    }

    #[test]
    fn only_forms_that_one_key_spends_have_a_size() {
        assert!(SpendSize::of(&Script::p2sh(Hash160::from_bytes([1; 20]))).is_none());
        assert!(SpendSize::of(&Script::p2wsh([1; 32])).is_none());
        assert!(SpendSize::of(&Script::new()).is_none());
    }
}
