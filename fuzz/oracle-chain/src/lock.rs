//! Outputs of every type, and what satisfies them.

use cairn_crypto::{Parity, TapTweak, XOnlyPublicKey};
use cairn_primitives::op::*;
use cairn_primitives::{Hash160, Script, ScriptBuilder, hash};
use cairn_script::{tapbranch_hash, tapleaf_hash};

use crate::keys::key;
use crate::rng::Rng;

/// The leaf version of tapscript.
pub(crate) const TAPSCRIPT: u8 = 0xc0;

/// The bit of a relative lock that counts in 512 seconds (BIP68).
pub(crate) const UNITS_512S: u32 = 1 << 22;

/// One item that a script wants.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A signature by the key of this number.
    Sig(usize),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Where the script stands.
#[derive(Clone, Debug)]
pub(crate) enum Wrap {
    /// In the output.
    Bare,
    /// Behind its hash.
    P2sh,
    /// In the witness; the flag says whether behind P2SH.
    P2wsh(bool),
    /// There is none but a key's hash; the flag says whether behind P2SH.
    P2wpkh(usize, bool),
    /// There is none but an output key, with what it commits to.
    TapKey(usize, Option<[u8; 32]>),
    /// In the witness, in a leaf of an internal key's tree.
    Tap(Leaf),
    /// There is none: a witness program without meaning.
    Program(u8, Vec<u8>),
}

/// Where in a tree a tapscript stands.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) internal: usize,
    pub(crate) path: Vec<[u8; 32]>,
    pub(crate) version: u8,
}

/// An output script and what satisfies it.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    pub(crate) wrap: Wrap,
    pub(crate) script: Vec<u8>,
    pub(crate) items: Vec<Item>,
    /// The lock time that the spender must have.
    pub(crate) lock_time: Option<u32>,
    /// The sequence number that the input must have.
    pub(crate) sequence: Option<u32>,
}

impl Lock {
    /// A lock without conditions of time.
    pub(crate) fn new(wrap: Wrap, script: Vec<u8>, items: Vec<Item>) -> Self {
        Self { wrap, script, items, lock_time: None, sequence: None }
    }

    /// Paid to a key's hash, in a witness.
    pub(crate) fn p2wpkh(number: usize) -> Self {
        Self::new(Wrap::P2wpkh(number, false), Vec::new(), Vec::new())
    }

    /// Paid to a key's hash, in a script.
    pub(crate) fn p2pkh(number: usize) -> Self {
        let script = Script::p2pkh(key_hash(number)).as_bytes().to_vec();
        let public = key(number).compressed.to_vec();
        Self::new(Wrap::Bare, script, vec![Item::Sig(number), Item::Bytes(public)])
    }

    /// A lock for a block at `height` on a chain whose median time is `median`.
    pub(crate) fn random(rng: &mut Rng, height: u32, median: u32) -> Self {
        match rng.below(20) {
            0 => Self::p2pkh(rng.below(24)),
            1 => {
                let number = rng.below(24);
                let script = Script::p2pkh(hash::hash160(&key(number).uncompressed)).as_bytes().to_vec();
                let public = key(number).uncompressed.to_vec();
                Self::new(Wrap::Bare, script, vec![Item::Sig(number), Item::Bytes(public)])
            }
            2 | 3 => Self::p2wpkh(rng.below(24)),
            4 => Self::new(Wrap::P2wpkh(rng.below(24), true), Vec::new(), Vec::new()),
            5..=7 => {
                let root = rng.chance(50).then(|| rng.hash());
                Self::new(Wrap::TapKey(rng.below(24), root), Vec::new(), Vec::new())
            }
            8 => {
                let (version, len) = (rng.within(2, 16) as u8, rng.within(2, 40));
                Self::new(Wrap::Program(version, rng.bytes(len)), Vec::new(), Vec::new())
            }
            _ => Self::scripted(rng, height, median),
        }
    }

    fn scripted(rng: &mut Rng, height: u32, median: u32) -> Self {
        let wrap = match rng.below(8) {
            0 | 1 => Wrap::Bare,
            2 => Wrap::P2sh,
            3 => Wrap::P2wsh(false),
            4 => Wrap::P2wsh(true),
            _ => {
                let depth = rng.pick(&[0, 0, 1, 2, 5, 128]);
                let version = if rng.chance(94) { TAPSCRIPT } else { rng.pick(&[0xc2, 0x66, 0xfe, 0xae]) };
                Wrap::Tap(Leaf {
                    internal: rng.below(24),
                    path: (0..depth).map(|_| rng.hash()).collect(),
                    version,
                })
            }
        };
        let tap = matches!(wrap, Wrap::Tap(_));
        let mut lock = Self::new(wrap, Vec::new(), Vec::new());
        match rng.below(8) {
            0 | 1 => lock.multisig(rng, tap),
            2 => lock.after(rng, tap, height, median),
            3 => lock.aged(rng, tap),
            4 => lock.preimage(rng, tap),
            5 => lock.arithmetic(rng),
            6 => lock.choice(rng, tap),
            _ => lock.single(rng, tap),
        }
        lock
    }

    fn single(&mut self, rng: &mut Rng, tap: bool) {
        let number = rng.below(24);
        self.script = ScriptBuilder::new()
            .push_slice(&public(number, tap))
            .push_opcode(OP_CHECKSIG)
            .into_script()
            .as_bytes()
            .to_vec();
        self.items = vec![Item::Sig(number)];
    }

    fn multisig(&mut self, rng: &mut Rng, tap: bool) {
        let n = rng.within(1, 4);
        let m = rng.within(1, n);
        let first = rng.below(24);
        let numbers: Vec<usize> = (0..n).map(|i| (first + i) % 24).collect();
        let mut script = ScriptBuilder::new();
        if tap {
            for (i, number) in numbers.iter().enumerate() {
                let check = if i == 0 { OP_CHECKSIG } else { OP_CHECKSIGADD };
                script = script.push_slice(&public(*number, true)).push_opcode(check);
            }
            script = script.push_int(m as i64).push_opcode(OP_NUMEQUAL);
            let absent = |i: usize| if i < m { Item::Sig(numbers[i]) } else { Item::Bytes(Vec::new()) };
            self.items = (0..n).rev().map(absent).collect();
        } else {
            script = script.push_int(m as i64);
            for number in &numbers {
                script = script.push_slice(&key(*number).compressed);
            }
            script = script.push_int(n as i64).push_opcode(OP_CHECKMULTISIG);
            let signatures = numbers[n - m..].iter().map(|number| Item::Sig(*number));
            self.items = [Item::Bytes(Vec::new())].into_iter().chain(signatures).collect();
        }
        self.script = script.into_script().as_bytes().to_vec();
    }

    /// `<time> CLTV DROP <key> CHECKSIG`, a time that has come or will soon.
    fn after(&mut self, rng: &mut Rng, tap: bool, height: u32, median: u32) {
        let time = match rng.chance(60) {
            true => height.saturating_sub(rng.below(6) as u32).max(1),
            false => median - rng.below(1_200) as u32,
        };
        self.single(rng, tap);
        let lock = ScriptBuilder::new().push_int(i64::from(time));
        let lock = lock.push_opcode(OP_CHECKLOCKTIMEVERIFY).push_opcode(OP_DROP).into_script();
        self.script = [lock.as_bytes(), &self.script].concat();
        (self.lock_time, self.sequence) = (Some(time), Some(0xffff_fffe));
    }

    /// `<age> CSV DROP <key> CHECKSIG`.
    fn aged(&mut self, rng: &mut Rng, tap: bool) {
        let age = match rng.chance(60) {
            true => rng.below(5) as u32,
            false => UNITS_512S | rng.below(4) as u32,
        };
        self.single(rng, tap);
        let lock = ScriptBuilder::new().push_int(i64::from(age));
        let lock = lock.push_opcode(OP_CHECKSEQUENCEVERIFY).push_opcode(OP_DROP).into_script();
        self.script = [lock.as_bytes(), &self.script].concat();
        self.sequence = Some(age);
    }

    /// `HASH256 <hash> EQUALVERIFY <key> CHECKSIG`.
    fn preimage(&mut self, rng: &mut Rng, tap: bool) {
        let size = rng.within(1, 100);
        let secret = rng.bytes(size);
        self.single(rng, tap);
        let (opcode, digest) = match rng.chance(50) {
            true => (OP_HASH160, hash::hash160(&secret).to_bytes().to_vec()),
            false => (OP_SHA256, hash::sha256(&secret).to_vec()),
        };
        let lock = ScriptBuilder::new().push_opcode(opcode).push_slice(&digest);
        let lock = lock.push_opcode(OP_EQUALVERIFY).into_script();
        self.script = [lock.as_bytes(), &self.script].concat();
        self.items.push(Item::Bytes(secret));
    }

    /// `<n> ADD <m> NUMEQUAL`: no signature at all.
    fn arithmetic(&mut self, rng: &mut Rng) {
        let (left, right) = (rng.within(17, 120) as u8, rng.within(17, 1_000) as i64);
        let script = ScriptBuilder::new().push_int(right).push_opcode(OP_ADD);
        let script = script.push_int(right + i64::from(left)).push_opcode(OP_NUMEQUAL).into_script();
        self.script = script.as_bytes().to_vec();
        self.items = vec![Item::Bytes(vec![left])];
    }

    /// `IF <key> CHECKSIG ELSE DEPTH 0 EQUAL ENDIF`.
    fn choice(&mut self, rng: &mut Rng, tap: bool) {
        let number = rng.below(24);
        let script = ScriptBuilder::new().push_opcode(OP_IF).push_slice(&public(number, tap));
        let script = script.push_opcode(OP_CHECKSIG).push_opcode(OP_ELSE).push_opcode(OP_DEPTH);
        let script = script.push_int(0).push_opcode(OP_EQUAL).push_opcode(OP_ENDIF).into_script();
        self.script = script.as_bytes().to_vec();
        self.items = match rng.chance(60) {
            true => vec![Item::Sig(number), Item::Bytes(vec![1])],
            false => vec![Item::Bytes(Vec::new())],
        };
    }

    /// The script of the output.
    pub(crate) fn script_pubkey(&self) -> Script {
        match &self.wrap {
            Wrap::Bare => Script::from_bytes(self.script.clone()),
            Wrap::P2sh => Script::p2sh(hash::hash160(&self.script)),
            Wrap::P2wsh(nested) => nest(self.witness_program(), *nested),
            Wrap::P2wpkh(_, nested) => nest(self.witness_program(), *nested),
            Wrap::TapKey(..) | Wrap::Tap(_) | Wrap::Program(..) => self.witness_program(),
        }
    }

    /// The witness program; nothing where there is none.
    pub(crate) fn witness_program(&self) -> Script {
        match &self.wrap {
            Wrap::Bare | Wrap::P2sh => Script::new(),
            Wrap::P2wsh(_) => Script::p2wsh(hash::sha256(&self.script)),
            Wrap::P2wpkh(number, _) => Script::p2wpkh(key_hash(*number)),
            Wrap::TapKey(number, root) => Script::p2tr(tweaked(*number, root.as_ref()).0),
            Wrap::Tap(leaf) => Script::p2tr(tweaked(leaf.internal, Some(&leaf.root(&self.script))).0),
            Wrap::Program(version, program) => {
                ScriptBuilder::new().push_int(i64::from(*version)).push_slice(program).into_script()
            }
        }
    }
}

impl Leaf {
    /// Hash of the leaf with this script.
    pub(crate) fn hash(&self, script: &[u8]) -> [u8; 32] {
        tapleaf_hash(self.version, script)
    }

    fn root(&self, script: &[u8]) -> [u8; 32] {
        self.path.iter().fold(self.hash(script), |hash, node| tapbranch_hash(&hash, node))
    }

    /// The control block that leads from the leaf to the output key.
    pub(crate) fn control(&self, script: &[u8]) -> Vec<u8> {
        let (_, parity) = tweaked(self.internal, Some(&self.root(script)));
        let mut control = vec![self.version | parity.to_bit()];
        control.extend(key(self.internal).x_only);
        control.extend(self.path.iter().flatten());
        control
    }
}

fn tweaked(number: usize, root: Option<&[u8; 32]>) -> ([u8; 32], Parity) {
    let internal = XOnlyPublicKey::from_bytes(key(number).x_only).expect("it is a key");
    let (output, parity) =
        internal.tweak_add(&TapTweak::new(&internal, root)).expect("hashes are tweaks but for one in 2^128");
    (output.to_bytes(), parity)
}

/// The public key as the dialect writes it.
pub(crate) fn public(number: usize, tap: bool) -> Vec<u8> {
    if tap { key(number).x_only.to_vec() } else { key(number).compressed.to_vec() }
}

/// The hash of the compressed key.
pub(crate) fn key_hash(number: usize) -> Hash160 {
    hash::hash160(&key(number).compressed)
}

fn nest(script: Script, nested: bool) -> Script {
    if nested { Script::p2sh(hash::hash160(script.as_bytes())) } else { script }
}
