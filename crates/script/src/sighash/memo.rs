//! Hashing shared between the signature checks of one script.

use cairn_primitives::Sink;

use super::Engine;

/// What a signature hash type commits to, in the sense of legacy scripts and of version 0 witnesses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) outputs: Outputs,
    /// Whether only this input is committed to.
    pub(super) anyone_can_pay: bool,
}

/// The outputs committed to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outputs {
    All,
    None,
    /// The one at the position of the input.
    Single,
}

impl Class {
    /// Only the low five bits and the one for `ANYONECANPAY` matter; what is neither `NONE` (2) nor `SINGLE` (3) is
    /// `ALL`. Source: Core's `SignatureHash`.
    pub(super) fn of(sighash_type: u32) -> Self {
        let outputs = match sighash_type & 0x1f {
            2 => Outputs::None,
            3 => Outputs::Single,
            _ => Outputs::All,
        };
        Self { outputs, anyone_can_pay: sighash_type & 0x80 != 0 }
    }
}

/// Digests in progress, kept while one script runs against one input.
///
/// The hash type is the last thing hashed, so all types of a class share everything before it: a script with hundreds of
/// checks of one code hashes the transaction at most seven times, not once a check. The first check keeps nothing,
/// for most scripts have one only.
#[derive(Default)]
pub(crate) struct Memo {
    checks: usize,
    /// At most one for each class.
    entries: Vec<Entry>,
    /// The hash of the output at the input's position, for taproot.
    pub(super) output: Option<[u8; 32]>,
}

struct Entry {
    class: Class,
    code: Vec<u8>,
    engine: Engine,
}

impl Memo {
    /// The double SHA-256 of what `put` writes, which must depend on `class` and `code` alone, and the hash type.
    pub(super) fn finish(
        &mut self,
        class: Class,
        code: &[u8],
        sighash_type: u32,
        put: impl FnOnce(&mut Engine),
    ) -> [u8; 32] {
        self.checks += 1;
        let known = self.entries.iter().position(|entry| entry.class == class);
        let mut engine = match known.map(|at| &self.entries[at]) {
            Some(entry) if entry.code == code => entry.engine.clone(),
            _ => {
                let mut engine = Engine::new();
                put(&mut engine);
                if self.checks > 1 {
                    let entry = Entry { class, code: code.to_vec(), engine: engine.clone() };
                    match known {
                        Some(at) => self.entries[at] = entry,
                        None => self.entries.push(entry),
                    }
                }
                engine
            }
        };
        engine.put(&sighash_type.to_le_bytes());
        engine.finish_double()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_a_class_share_the_hashing_and_codes_do_not() {
        let mut memo = Memo::default();
        let mut written = 0;
        let mut digest = |code: &[u8], sighash_type: u32| {
            memo.finish(Class::of(sighash_type), code, sighash_type, |engine| {
                written += 1;
                engine.put(code);
            })
        };
        let plain = |code: &[u8], sighash_type: u32| {
            cairn_primitives::hash::sha256d(&[code, &sighash_type.to_le_bytes()].concat())
        };
        for (code, sighash_type) in
            [(b"a", 1), (b"a", 1), (b"a", 0), (b"a", 0x41), (b"b", 1), (b"a", 1), (b"a", 3)]
        {
            assert_eq!(digest(code, sighash_type), plain(code, sighash_type));
        }
        // The first keeps nothing; then a, then b in its place, then a again, then another class.
        assert_eq!(written, 5);
    }

    #[test]
    fn classes() {
        let class = |sighash_type| {
            let class = Class::of(sighash_type);
            (class.outputs, class.anyone_can_pay)
        };
        assert!(class(0) == (Outputs::All, false) && class(1) == (Outputs::All, false));
        assert!(class(0x82) == (Outputs::None, true) && class(0x23) == (Outputs::Single, false));
        assert!(class(0xffff_ff7f) == (Outputs::All, false));
    }
}
