//! Script verification against Bitcoin Core's own interpreter.
//!
//! A case is written in bytes of which any are a case, so that a fuzzer finds its way:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | flags, a bit for each of [`oracle::SUPPORTED`] |
//! | 1 | the input asked about, modulo their number |
//! | 4, 4 | version, lock time |
//! | 1 | inputs, 1 to 4, and in bits 2 and 3 outputs, 0 to 3 |
//! | for each input | txid (32), index (1), sequence (4), amount (8), shell (1), two scripts, witness |
//! | for each output | amount (8), script |
//!
//! A script is its length in two bytes and itself; a witness is the number of its items in two bytes, and the items
//! like scripts. Numbers stand least byte first; bytes that are missing are zeros. The first script is the script sig.
//! The shell says how the second, the one that is spent, is wrapped: as it is, in P2SH behind the script sig or
//! alone, in P2WSH, in both, or as the leaf of a taproot output, also with the script sig as its annex. Hashes are a
//! fuzzer's wall; the shells are doors in it.

use std::sync::LazyLock;

use cairn_crypto::{SecretKey, TapTweak, XOnlyPublicKey};
use cairn_primitives::{OutPoint, Script, ScriptBuilder, Txid, hash};
use cairn_script::ScriptFlags;
use oracle::{Case, Draft, Input, SUPPORTED};

/// Ways to wrap the script that is spent.
const SHELLS: u8 = 7;

static INTERNAL: LazyLock<XOnlyPublicKey> = LazyLock::new(|| {
    let secret = SecretKey::from_bytes([7; 32]).expect("below the order");
    secret.public_key().to_x_only().0
});

/// Both interpreters agree, whatever the case.
pub fn oracle(data: &[u8]) {
    let case = read(data);
    match case.compare() {
        Ok(Ok(())) => {
            let loose = case.with_flags(ScriptFlags::NONE);
            assert_eq!(loose.compare(), Ok(Ok(())), "rules only take away: {}", loose.to_text());
        }
        Ok(Err(_)) => {}
        Err(disagreement) => panic!("{disagreement}\nORACLE_REPLAY='{}'", case.to_text()),
    }
}

/// The bytes of a case, in no shell; `None` for one that has too many parts.
pub(crate) fn write(case: &Case) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let bit = |(bit, flag): (usize, ScriptFlags)| u8::from(case.flags.contains(flag)) << bit;
    out.push(SUPPORTED.into_iter().enumerate().map(bit).fold(0, |all, bit| all | bit));
    out.push(case.input as u8);
    let Draft { version, lock_time, inputs, outputs } = &case.draft;
    out.extend(version.to_le_bytes());
    out.extend(lock_time.to_le_bytes());
    out.push((inputs.len() - 1) as u8 | (outputs.len() as u8) << 2);
    for input in inputs {
        out.extend(input.previous.txid.to_bytes());
        out.push(input.previous.vout as u8);
        out.extend(input.sequence.to_le_bytes());
        out.extend(input.amount.to_le_bytes());
        out.push(0);
        put(&mut out, &input.script_sig);
        put(&mut out, &input.script_pubkey);
        out.extend((input.witness.len() as u16).to_le_bytes());
        input.witness.iter().for_each(|item| put(&mut out, item));
    }
    for (amount, script) in outputs {
        out.extend(amount.to_le_bytes());
        put(&mut out, script);
    }
    (read(&out) == *case).then_some(out)
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_le_bytes());
    out.extend(bytes);
}

/// Reads from the front; zeros where nothing is left.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        let mut array = [0; N];
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    fn script(&mut self) -> Vec<u8> {
        let length = usize::from(u16::from_le_bytes(self.array())).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    /// Core takes an amount of 2^63 and above for one that is not known.
    fn amount(&mut self) -> u64 {
        u64::from_le_bytes(self.array()) & i64::MAX as u64
    }

    fn input(&mut self) -> Input {
        let previous = OutPoint { txid: Txid::from_bytes(self.array()), vout: self.byte().into() };
        let sequence = u32::from_le_bytes(self.array());
        let amount = self.amount();
        let shell = self.byte() % SHELLS;
        let (script_sig, script_pubkey) = (self.script(), self.script());
        let items = usize::from(u16::from_le_bytes(self.array()));
        // Items that are not there would only be empty.
        let mut witness = Vec::new();
        while witness.len() < items && !self.0.is_empty() {
            witness.push(self.script());
        }
        let mut input = Input { previous, script_sig, sequence, witness, amount, script_pubkey };
        wrap(&mut input, shell);
        input
    }
}

/// The case these bytes are.
pub(crate) fn read(data: &[u8]) -> Case {
    let mut bytes = Bytes(data);
    let (flags, input) = (bytes.byte(), bytes.byte());
    let version = i32::from_le_bytes(bytes.array());
    let lock_time = u32::from_le_bytes(bytes.array());
    let counts = bytes.byte();
    let inputs: Vec<_> = (0..=counts & 3).map(|_| bytes.input()).collect();
    let outputs = (0..counts >> 2 & 3).map(|_| (bytes.amount(), bytes.script())).collect();
    let input = usize::from(input) % inputs.len();
    let chosen = SUPPORTED.into_iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1);
    let flags = chosen.fold(ScriptFlags::NONE, |all, (_, flag)| all | flag);
    let draft = Draft { version, lock_time, inputs, outputs };
    Case { draft, input, flags: ScriptFlags::NONE }.with_flags(flags)
}

fn wrap(input: &mut Input, shell: u8) {
    let script = input.script_pubkey.clone();
    let push = |bytes: &[u8]| ScriptBuilder::new().push_bytes(bytes).into_script().as_bytes().to_vec();
    let p2wsh = Script::p2wsh(hash::sha256(&script));
    let locking = match shell {
        1 => {
            input.script_sig.extend(push(&script));
            Script::p2sh(hash::hash160(&script))
        }
        2 => {
            input.witness.push(script);
            p2wsh
        }
        3 => {
            input.witness.push(script);
            input.script_sig = push(p2wsh.as_bytes());
            Script::p2sh(hash::hash160(p2wsh.as_bytes()))
        }
        4 | 5 => leaf(input, script, shell == 5),
        // Nothing but the redeem script: the first shell without what stands before it.
        6 => {
            input.script_sig = push(&script);
            Script::p2sh(hash::hash160(&script))
        }
        _ => return,
    };
    input.script_pubkey = locking.as_bytes().to_vec();
}

/// A taproot output whose only leaf is `script`.
fn leaf(input: &mut Input, script: Vec<u8>, annex: bool) -> Script {
    const TAPSCRIPT: u8 = 0xc0;
    let mut length = Vec::new();
    cairn_primitives::codec::put_var_bytes(&mut length, &script);
    let root = hash::tagged(b"TapLeaf", &[&[TAPSCRIPT], &length]);
    let tweak = TapTweak::new(&INTERNAL, Some(&root));
    let (output, parity) = INTERNAL.tweak_add(&tweak).expect("a hash is below the order but for 1 in 2^127");
    let control = [&[TAPSCRIPT | parity.to_bit()][..], &INTERNAL.to_bytes()].concat();
    let annex = annex.then(|| [&[0x50], input.script_sig.as_slice()].concat());
    if annex.is_some() {
        input.script_sig.clear();
    }
    input.witness.extend([script, control]);
    input.witness.extend(annex);
    Script::p2tr(output.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seed that is not accepted by both would leave what stands behind its shell unseen.
    #[test]
    fn every_shell_lets_its_script_run() {
        let seeds = crate::grown::cases();
        let shells = &seeds[seeds.len() - usize::from(SHELLS)..];
        for (shell, seed) in shells.iter().enumerate() {
            let case = read(seed);
            assert_eq!(case.compare(), Ok(Ok(())), "shell {shell}");
            let wrong: Vec<u8> = seed.iter().map(|byte| if *byte == 0x93 { 0x94 } else { *byte }).collect();
            assert!(matches!(read(&wrong).compare(), Ok(Err(_))), "shell {shell}");
        }
    }

    #[test]
    fn generated_cases_stay_what_they_are() {
        let cases: Vec<_> = crate::grown::cases().iter().map(|seed| read(seed)).collect();
        assert!(cases.len() > 250, "{}", cases.len());
        let accepted = cases.iter().filter(|case| matches!(case.compare(), Ok(Ok(())))).count();
        assert!(accepted > 40, "{accepted} are accepted by both");
        assert!(cases.iter().all(|case| write(case).as_deref().map(read).as_ref() == Some(case)));
    }

    #[test]
    fn any_bytes_are_a_case() {
        assert_eq!(read(&[]).draft.inputs.len(), 1);
        assert_eq!(read(&[0xff; 11]).draft.inputs.len(), 4);
        assert_eq!(read(&[0xff; 5000]).draft.outputs.len(), 3);
    }
}
