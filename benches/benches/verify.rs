//! One input's scripts: Cairn beside Bitcoin Core's interpreter, in turns, on the same spends.
//!
//! Every figure is a median over rounds in which the contestants take turns, and every ratio the median of the rounds'
//! own ratios, so that a machine that is busy with other work disturbs both alike.

#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints a table")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use cairn_benches::spends::{Kind, Sample, Signatures};
use cairn_primitives::{Decode, Transaction, TxOut};
use cairn_script::{ScriptFlags, SighashCache, verify};

/// How long one contestant's turn is meant to take.
const TURN: Duration = Duration::from_micros(1_500);

fn main() {
    // `cargo bench` says so; anything else only wants to see that the bench works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 201 } else { 3 };
    let back_end = if cfg!(feature = "libsecp256k1") { "libsecp256k1" } else { "k256" };
    println!("one input, {back_end} behind Cairn; microseconds, and how much Cairn takes of Core's time\n");
    header("valid signatures");
    for kind in Kind::ALL {
        whole(kind, 1, rounds);
    }
    header("signatures refused without curve arithmetic");
    for kind in Kind::ALL {
        refused(kind, rounds);
    }
    println!("\nall inputs of one transaction, microseconds for each input");
    header("inputs, valid signatures");
    for kind in [Kind::P2pkh, Kind::P2wpkh, Kind::TaprootKey] {
        for inputs in [2, 10, 200] {
            whole(kind, inputs, rounds.min(200_usize.div_ceil(inputs).max(15)));
        }
    }
}

fn header(what: &str) {
    println!(
        "\n{what:<44} {:>9} {:>9} {:>6} {:>9} {:>6}  {:>8} {:>8} {:>8} {:>6}",
        "Core", "Cairn", "ratio", "decoded", "ratio", "curve", "Core-c", "Cairn-c", "ratio"
    );
}

/// A sample as both sides take it.
struct Case {
    sample: Sample,
    tx: Transaction,
    flags: ScriptFlags,
    valid: bool,
}

impl Case {
    fn new(kind: Kind, inputs: usize, signatures: Signatures) -> Self {
        let sample = Sample::new(kind, inputs, signatures);
        let tx = Transaction::from_bytes(&sample.bytes).expect("it was just encoded");
        let case = Self { sample, tx, flags: kind.flags(), valid: signatures == Signatures::Valid };
        assert!(case.decoding() && case.decoded(), "{kind:?}");
        case
    }

    /// Every input as Core's library takes it: decoded anew, nothing shared.
    fn decoding(&self) -> bool {
        (0..self.sample.spent.len()).all(|input| {
            let tx = Transaction::from_bytes(black_box(&self.sample.bytes)).expect("it was just encoded");
            let cache = SighashCache::new(&tx, self.sample.spent.iter().collect());
            verify(&cache, input, self.flags).is_ok() == self.valid
        })
    }

    /// Every input as a block's are checked: decoded before, hashes shared.
    fn decoded(&self) -> bool {
        let spent: Vec<&TxOut> = black_box(&self.sample.spent).iter().collect();
        let cache = SighashCache::new(black_box(&self.tx), spent);
        (0..self.sample.spent.len()).all(|input| verify(&cache, input, self.flags).is_ok() == self.valid)
    }
}

fn whole(kind: Kind, inputs: usize, rounds: usize) {
    let case = Case::new(kind, inputs, Signatures::Valid);
    contest(&format!("{}, {inputs}", kind.name()), &case, rounds);
}

fn refused(kind: Kind, rounds: usize) {
    let case = Case::new(kind, 1, Signatures::Refused);
    contest(kind.name(), &case, rounds);
}

fn contest(name: &str, case: &Case, rounds: usize) {
    let peer = peer::Peer::new(&case.sample);
    let mut peer_turn = || assert!(peer.answers(case.valid), "{name}");
    let mut bytes_turn = || assert!(case.decoding());
    let mut decoded_turn = || assert!(case.decoded());
    let mut curve_turn = || peer.curve();
    let turns: [&mut dyn FnMut(); 4] = [&mut peer_turn, &mut bytes_turn, &mut decoded_turn, &mut curve_turn];
    let times = take_turns(turns, rounds, case.sample.spent.len());
    let [core, bytes, decoded, curve] = &times;
    let only = |times: &[f64]| median(times.iter().copied());
    let ratio = |over: &[f64]| median(over.iter().zip(core).map(|(over, core)| over / core));
    print!(
        "{name:<44} {:>9.3} {:>9.3} {:>6.3} {:>9.3} {:>6.3}",
        only(core),
        only(bytes),
        ratio(bytes),
        only(decoded),
        ratio(decoded)
    );
    // The bare operations are libsecp256k1's, so they say nothing about another back end.
    if cfg!(feature = "libsecp256k1") {
        let rest = |times: &[f64]| median(times.iter().zip(curve).map(|(all, curve)| all - curve));
        let (of_core, of_cairn) = (rest(core), rest(bytes));
        print!("  {:>8.3} {of_core:>8.3} {of_cairn:>8.3} {:>6.3}", only(curve), of_cairn / of_core);
    }
    println!();
}

/// Microseconds of each contestant for each input, round by round.
fn take_turns<const N: usize>(
    mut turns: [&mut dyn FnMut(); N],
    rounds: usize,
    inputs: usize,
) -> [Vec<f64>; N] {
    let repeats: Vec<u32> = turns
        .iter_mut()
        .map(|turn| {
            let start = Instant::now();
            (0..3).for_each(|_| turn());
            let once = start.elapsed() / 3;
            u32::try_from(TURN.as_nanos() / once.as_nanos().max(1)).map_or(1, |count| count.clamp(1, 100_000))
        })
        .collect();
    let mut times = [const { Vec::new() }; N];
    for round in 0..rounds {
        for offset in 0..N {
            // Another goes first in each round.
            let at = (round + offset) % N;
            let start = Instant::now();
            (0..repeats[at]).for_each(|_| turns[at]());
            let micros = start.elapsed().as_secs_f64() * 1e6;
            times[at].push(micros / f64::from(repeats[at]) / inputs as f64);
        }
    }
    times
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(feature = "peer")]
mod peer {
    use std::hint::black_box;

    use bitcoinconsensus::{Utxo, verify_with_flags};
    use cairn_benches::spends::{CurveOperation, Sample};
    use secp256k1::{Message, Parity, PublicKey, Scalar, XOnlyPublicKey, ecdsa, schnorr};

    /// Core's library with a sample.
    pub(super) struct Peer<'s> {
        sample: &'s Sample,
        utxos: Vec<Utxo>,
        operations: Vec<Operation<'s>>,
    }

    impl<'s> Peer<'s> {
        pub(super) fn new(sample: &'s Sample) -> Self {
            let utxos = sample.spent.iter().map(|output| Utxo {
                script_pubkey: output.script_pubkey.as_bytes().as_ptr(),
                script_pubkey_len: u32::try_from(output.script_pubkey.len()).expect("scripts are short"),
                value: i64::try_from(output.value.to_sat()).expect("amounts are small"),
            });
            let operations = sample.operations.iter().map(Operation::new);
            Self { sample, utxos: utxos.collect(), operations: operations.collect() }
        }

        /// Whether every input is as valid as said. Where the kind does not need the other outputs spent, Core is
        /// spared them.
        pub(super) fn answers(&self, valid: bool) -> bool {
            let kind = self.sample.kind;
            let spent = kind.is_taproot().then_some(self.utxos.as_slice());
            self.sample.spent.iter().enumerate().all(|(input, output)| {
                let script = output.script_pubkey.as_bytes();
                let bytes = black_box(&self.sample.bytes);
                let value = output.value.to_sat();
                verify_with_flags(script, value, bytes, spent, input, kind.flags().bits()).is_ok() == valid
            })
        }

        /// The curve operations by themselves.
        pub(super) fn curve(&self) {
            for operation in &self.operations {
                black_box(black_box(operation).run());
            }
        }
    }

    /// A curve operation, and for a tweak the output key: scripts compare its bytes and never read it as a point.
    struct Operation<'s>(&'s CurveOperation, Option<XOnlyPublicKey>);

    impl<'s> Operation<'s> {
        fn new(operation: &'s CurveOperation) -> Self {
            let output = match operation {
                CurveOperation::Tweak { output, .. } => XOnlyPublicKey::from_byte_array(*output).ok(),
                _ => None,
            };
            Self(operation, output)
        }

        fn run(&self) -> Option<()> {
            match self.0 {
                CurveOperation::Ecdsa { digest, der, key } => {
                    let key = PublicKey::from_slice(key).ok()?;
                    let signature = ecdsa::Signature::from_der_lax(der).ok()?;
                    ecdsa::verify(&signature, Message::from_digest(*digest), &key).ok()
                }
                CurveOperation::Schnorr { digest, signature, key } => {
                    let key = XOnlyPublicKey::from_byte_array(*key).ok()?;
                    schnorr::verify(&schnorr::Signature::from_byte_array(*signature), digest, &key).ok()
                }
                CurveOperation::Tweak { internal, tweak, odd, .. } => {
                    let internal = XOnlyPublicKey::from_byte_array(*internal).ok()?;
                    let parity = if *odd { Parity::Odd } else { Parity::Even };
                    let tweak = Scalar::from_be_bytes(*tweak).ok()?;
                    internal.tweak_add_check(&self.1?, parity, tweak).then_some(())
                }
            }
        }
    }
}

#[cfg(not(feature = "peer"))]
mod peer {
    use cairn_benches::spends::Sample;

    /// Nobody: the columns of Core and of the bare curve operations say nothing.
    pub(super) struct Peer;

    impl Peer {
        pub(super) fn new(_: &Sample) -> Self {
            Self
        }

        pub(super) fn answers(&self, _: bool) -> bool {
            true
        }

        pub(super) fn curve(&self) {}
    }
}
