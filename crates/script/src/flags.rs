//! Which rules hold.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// A set of script rules. Without any, scripts run under the rules of 2009.
///
/// The bits are Bitcoin Core's `SCRIPT_VERIFY_*`, so a set can be handed to Core's own verifier.
/// Some rules are consensus from a height on, the others are relay policy; which is which, and from when, is
/// the chain's to say, not this crate's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ScriptFlags(u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl ScriptFlags {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every rule there is.
            pub const ALL: Self = Self($(1 << $bit)|*);

            /// Every rule with its name, in bit order.
            const NAMED: &[(&str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

flags! {
    /// The last push of an input that spends a P2SH output is a script and runs too (BIP16).
    P2SH = 0;
    /// Signatures and public keys have a defined form, also the hash type (policy).
    STRICTENC = 1;
    /// Signatures are strict DER (BIP66).
    DERSIG = 2;
    /// The S of a signature is the low one of its two values (policy).
    LOW_S = 3;
    /// The item that `OP_CHECKMULTISIG` takes in excess is empty (BIP147).
    NULLDUMMY = 4;
    /// An input's script only pushes (policy).
    SIGPUSHONLY = 5;
    /// Pushes and numbers are written in their shortest form (policy).
    MINIMALDATA = 6;
    /// `OP_NOP1` and `OP_NOP4` to `OP_NOP10` are refused (policy).
    DISCOURAGE_UPGRADABLE_NOPS = 7;
    /// Exactly one item is left in the end (policy; witness scripts always have this rule).
    CLEANSTACK = 8;
    /// `OP_CHECKLOCKTIMEVERIFY` has its meaning (BIP65).
    CHECKLOCKTIMEVERIFY = 9;
    /// `OP_CHECKSEQUENCEVERIFY` has its meaning (BIP112).
    CHECKSEQUENCEVERIFY = 10;
    /// Witness programs have their meaning (BIP141).
    WITNESS = 11;
    /// Witness programs nobody has given a meaning yet are refused (policy).
    DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM = 12;
    /// `OP_IF` and `OP_NOTIF` of a version 0 witness script take nothing but empty and `01` (policy).
    MINIMALIF = 13;
    /// A signature check that fails was given an empty signature (policy; BIP146).
    NULLFAIL = 14;
    /// Public keys in version 0 witness scripts are compressed (policy).
    WITNESS_PUBKEYTYPE = 15;
    /// `OP_CODESEPARATOR` and signatures inside the script they sign are refused in legacy scripts (policy).
    CONST_SCRIPTCODE = 16;
    /// Version 1 witness programs of 32 bytes are taproot outputs (BIP341, BIP342).
    TAPROOT = 17;
    /// Taproot leaf versions nobody has given a meaning yet are refused (policy).
    DISCOURAGE_UPGRADABLE_TAPROOT_VERSION = 18;
    /// `OP_SUCCESS` opcodes are refused (policy).
    DISCOURAGE_OP_SUCCESS = 19;
    /// Public keys of a size nobody has given a meaning yet are refused in tapscript (policy).
    DISCOURAGE_UPGRADABLE_PUBKEYTYPE = 20;
}

impl ScriptFlags {
    /// No rule beyond those of 2009.
    pub const NONE: Self = Self(0);

    /// Whether every rule of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any rule of `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together, for constants.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the rules of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bits, as Bitcoin Core numbers them.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The rule of this name, as Bitcoin Core's test data spell it (`P2SH`, `LOW_S`, …).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag)
    }

    /// The names of the rules in this set, in bit order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED.iter().filter(move |(_, flag)| self.contains(*flag)).map(|(name, _)| *name)
    }

    /// The set that is checked: `CLEANSTACK` brings `WITNESS` and that brings `P2SH`, for without them
    /// switching the deeper rule on later would make invalid spends valid. Core asserts what this ensures.
    pub(crate) const fn with_implied(self) -> Self {
        let mut bits = self.0;
        if bits & Self::CLEANSTACK.0 != 0 {
            bits |= Self::WITNESS.0;
        }
        if bits & Self::WITNESS.0 != 0 {
            bits |= Self::P2SH.0;
        }
        Self(bits)
    }
}

impl BitOr for ScriptFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for ScriptFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for ScriptFlags {
    /// The names, comma-separated; `NONE` for the empty set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("NONE");
        }
        for (i, name) in self.names().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_are_cores() {
        assert_eq!(ScriptFlags::NAMED.len(), 21);
        for (bit, (name, flag)) in ScriptFlags::NAMED.iter().enumerate() {
            assert_eq!(flag.bits(), 1 << bit);
            assert_eq!(ScriptFlags::from_name(name), Some(*flag));
        }
        assert_eq!(ScriptFlags::from_name("NONE"), None);
        let set = ScriptFlags::P2SH | ScriptFlags::TAPROOT;
        assert_eq!(format!("{set:?}"), "P2SH,TAPROOT");
        assert_eq!(format!("{:?}", ScriptFlags::NONE), "NONE");
        assert_eq!(set.without(ScriptFlags::P2SH), ScriptFlags::TAPROOT);
    }

    #[test]
    fn deeper_rules_bring_what_they_rest_on() {
        let all = ScriptFlags::CLEANSTACK | ScriptFlags::WITNESS | ScriptFlags::P2SH;
        assert_eq!(ScriptFlags::CLEANSTACK.with_implied(), all);
        assert_eq!(ScriptFlags::WITNESS.with_implied(), ScriptFlags::WITNESS | ScriptFlags::P2SH);
        assert_eq!(ScriptFlags::TAPROOT.with_implied(), ScriptFlags::TAPROOT);
    }
}
