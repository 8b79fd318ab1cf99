//! Taproot outputs.

use cairn_crypto::{Parity, TapTweak, XOnlyPublicKey};
use cairn_script::{annex_hash, tapbranch_hash, tapleaf_hash};

use crate::case::Draft;
use crate::keys::key;
use crate::program::Program;
use crate::rng::Rng;
use crate::spend::sign;

/// The leaf version of tapscript.
const TAPSCRIPT: u8 = 0xc0;

/// An output key and how it is spent.
pub(crate) struct Taproot {
    internal: usize,
    root: Option<[u8; 32]>,
    annex: Option<Vec<u8>>,
    leaf: Option<Leaf>,
}

struct Leaf {
    program: Program,
    version: u8,
    hash: [u8; 32],
    path: Vec<[u8; 32]>,
}

impl Taproot {
    /// Spent by the key.
    pub(crate) fn by_key(rng: &mut Rng) -> Self {
        let root = rng.chance(50).then(|| rng.hash());
        Self { internal: rng.below(24), root, annex: annex(rng), leaf: None }
    }

    /// Spent by a script among others.
    pub(crate) fn by_script(rng: &mut Rng, program: Program) -> Self {
        let version = if rng.chance(96) { TAPSCRIPT } else { rng.u8() & 0xfe };
        let hash = tapleaf_hash(version, &program.script);
        let depth = match rng.below(40) {
            0 => 128,
            1 => rng.within(5, 127),
            _ => rng.below(5),
        };
        let path: Vec<_> = (0..depth).map(|_| rng.hash()).collect();
        let root = path.iter().fold(hash, |hash, node| tapbranch_hash(&hash, node));
        let leaf = Leaf { program, version, hash, path };
        Self { internal: rng.below(24), root: Some(root), annex: annex(rng), leaf: Some(leaf) }
    }

    /// The output key.
    pub(crate) fn output_key(&self) -> [u8; 32] {
        self.tweaked().0
    }

    fn tweaked(&self) -> ([u8; 32], Parity) {
        let internal = XOnlyPublicKey::from_bytes(key(self.internal).x_only).expect("it is a key");
        let tweak = TapTweak::new(&internal, self.root.as_ref());
        let (output, parity) = internal.tweak_add(&tweak).expect("hashes are tweaks but for one in 2^128");
        (output.to_bytes(), parity)
    }

    pub(super) fn unlock(&self, rng: &mut Rng, draft: &mut Draft, input: usize) {
        let annex = self.annex.as_deref().map(annex_hash);
        let mut witness = match &self.leaf {
            None => {
                let secret = key(self.internal).secret.tap_tweak(self.root.as_ref());
                let secret = secret.expect("hashes are tweaks but for one in 2^128");
                vec![sign::schnorr(rng, draft, input, &secret, annex.as_ref(), None)]
            }
            Some(leaf) => {
                let mut items = sign::items(rng, draft, input, &leaf.program, Some((leaf.hash, annex)));
                items.push(leaf.program.script.clone());
                items.push(self.control(leaf));
                items
            }
        };
        witness.extend(self.annex.clone());
        draft.inputs[input].witness = witness;
    }

    fn control(&self, leaf: &Leaf) -> Vec<u8> {
        let (_, parity) = self.tweaked();
        let mut control = vec![leaf.version | parity.to_bit()];
        control.extend(key(self.internal).x_only);
        control.extend(leaf.path.iter().flatten());
        control
    }
}

fn annex(rng: &mut Rng) -> Option<Vec<u8>> {
    rng.chance(15).then(|| {
        let size = rng.pick(&[0, 1, 30, 252, 253, 600]);
        let mut annex = vec![0x50];
        annex.extend(rng.bytes(size));
        annex
    })
}
