//! Accounts: the part of the tree that one kind of address lives in (BIP44, BIP84, BIP86).

use core::fmt;

use cairn_crypto::{PublicKey, SecretKey, TapTweak};
use cairn_params::ChainSpec;
use cairn_primitives::{Address, Script, hash};

use super::error::{AccountError, DeriveError};
use super::extended::{ExtendedPublic, ExtendedSecret};
use super::path::{ChildNumber, DerivationPath};
use crate::seed::Seed;

/// Depth of an account key: `m / purpose' / coin_type' / account'`.
const ACCOUNT_DEPTH: u8 = 3;

/// Which kind of output an account's keys are paid with; the first step of its path (BIP43).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Pay to public key hash, `m/44'` (BIP44).
    Bip44,
    /// Pay to witness public key hash, `m/84'` (BIP84).
    Bip84,
    /// Taproot with a key and no scripts, `m/86'` (BIP86).
    Bip86,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Bip44, Self::Bip84, Self::Bip86];

    /// The number of the BIP, which is the first step of the path.
    pub const fn number(self) -> u32 {
        match self {
            Self::Bip44 => 44,
            Self::Bip84 => 84,
            Self::Bip86 => 86,
        }
    }

    /// The path of an account: `m / purpose' / coin_type' / account'`, with the chain's coin type.
    ///
    /// # Errors
    /// [`AccountError::ChildNumber`] where the account, or the coin type of an unchecked spec, is 2^31 or more.
    pub fn path(self, account: u32, spec: &ChainSpec) -> Result<DerivationPath, AccountError> {
        let steps = [self.number(), spec.address.coin_type, account];
        let steps = steps.into_iter().map(ChildNumber::hardened).collect::<Result<_, _>>()?;
        Ok(DerivationPath::new(steps).expect("three steps are not too many"))
    }

    /// The output script that pays to `key` in this account's way.
    fn script(self, key: &PublicKey) -> Script {
        match self {
            Self::Bip44 => Script::p2pkh(hash::hash160(&key.to_compressed())),
            Self::Bip84 => Script::p2wpkh(hash::hash160(&key.to_compressed())),
            Self::Bip86 => {
                let (internal, _) = key.to_x_only();
                let (output, _) = internal
                    .tweak_add(&TapTweak::new(&internal, None))
                    .expect("a hash is below the order and no key's negative, but for 1 in 2^127");
                Script::p2tr(output.to_bytes())
            }
        }
    }
}

/// The two chains of keys in an account (BIP44's "change" step).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Branch {
    /// Addresses given to others.
    Receive,
    /// Addresses a payment returns its change to.
    Change,
}

impl Branch {
    /// Both branches.
    pub const ALL: [Self; 2] = [Self::Receive, Self::Change];

    /// The step in the path: 0 for receiving, 1 for change.
    pub const fn child(self) -> ChildNumber {
        ChildNumber::from_u32(match self {
            Self::Receive => 0,
            Self::Change => 1,
        })
    }
}

fn address_index(index: u32) -> Result<ChildNumber, DeriveError> {
    ChildNumber::normal(index).map_err(|error| DeriveError::Index { got: error.got, limit: error.limit })
}

/// An account without its secrets: it knows every address and can spend from none.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountPublic {
    purpose: Purpose,
    key: ExtendedPublic,
    // The parents of all addresses, kept so that an address is one step away.
    receive: ExtendedPublic,
    change: ExtendedPublic,
}

impl AccountPublic {
    /// The account of this account key; its number is the key's child number.
    ///
    /// The text form of a key does not say its purpose: the caller does.
    ///
    /// # Errors
    /// [`AccountError::Depth`] and [`AccountError::NotHardened`] for keys that are no account keys;
    /// [`AccountError::Derive`], which cannot be met in practice.
    pub fn new(purpose: Purpose, key: ExtendedPublic) -> Result<Self, AccountError> {
        if key.depth() != ACCOUNT_DEPTH {
            return Err(AccountError::Depth { got: key.depth(), expected: ACCOUNT_DEPTH });
        }
        if !key.child().is_hardened() {
            return Err(AccountError::NotHardened { got: key.child() });
        }
        let receive = key.derive(Branch::Receive.child())?;
        let change = key.derive(Branch::Change.child())?;
        Ok(Self { purpose, key, receive, change })
    }

    /// The kind of its outputs.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Its number, from 0.
    pub fn account(&self) -> u32 {
        self.key.child().index()
    }

    /// The account key: what a watching wallet is given.
    pub fn key(&self) -> &ExtendedPublic {
        &self.key
    }

    /// The derived key at `branch / index`. In a taproot account it is the internal key.
    ///
    /// # Errors
    /// [`DeriveError::Index`] from 2^31 on; [`DeriveError::NoKey`], which cannot be met in practice.
    pub fn public_key(&self, branch: Branch, index: u32) -> Result<PublicKey, DeriveError> {
        let parent = match branch {
            Branch::Receive => &self.receive,
            Branch::Change => &self.change,
        };
        Ok(parent.derive(address_index(index)?)?.public_key())
    }

    /// The output script that pays to the key at `branch / index`.
    ///
    /// # Errors
    /// Those of [`public_key`](Self::public_key).
    pub fn script(&self, branch: Branch, index: u32) -> Result<Script, DeriveError> {
        Ok(self.purpose.script(&self.public_key(branch, index)?))
    }

    /// The address of [`script`](Self::script).
    ///
    /// # Errors
    /// Those of [`public_key`](Self::public_key).
    pub fn address(&self, branch: Branch, index: u32) -> Result<Address, DeriveError> {
        let script = self.script(branch, index)?;
        Ok(Address::from_script(&script).expect("each purpose's script has an address"))
    }
}

impl fmt::Debug for AccountPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountPublic({:?}, account {}, {:?})", self.purpose, self.account(), self.key)
    }
}

/// An account with its secrets. Wiped from memory when dropped; `Debug` does not show them.
#[derive(Clone)]
pub struct AccountSecret {
    purpose: Purpose,
    key: ExtendedSecret,
}

impl AccountSecret {
    /// The account numbered `account` of a seed, on the chain of `spec`.
    ///
    /// # Errors
    /// [`AccountError::ChildNumber`] for accounts from 2^31 on; [`AccountError::Derive`], which cannot be met in
    /// practice.
    pub fn derive(
        seed: &Seed,
        purpose: Purpose,
        account: u32,
        spec: &ChainSpec,
    ) -> Result<Self, AccountError> {
        let path = purpose.path(account, spec)?;
        Ok(Self { purpose, key: ExtendedSecret::from_seed(seed)?.derive_path(&path)? })
    }

    /// The kind of its outputs.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Its number, from 0.
    pub fn account(&self) -> u32 {
        self.key.child().index()
    }

    /// The account key.
    pub fn key(&self) -> &ExtendedSecret {
        &self.key
    }

    /// The same account without its secrets.
    ///
    /// # Errors
    /// [`AccountError::Derive`], which cannot be met in practice.
    pub fn to_public(&self) -> Result<AccountPublic, AccountError> {
        AccountPublic::new(self.purpose, self.key.to_public())
    }

    /// The derived key at `branch / index`. In a taproot account it is the internal key, which signs nothing by
    /// itself; see [`signing_key`](Self::signing_key).
    ///
    /// # Errors
    /// [`DeriveError::Index`] from 2^31 on; [`DeriveError::NoKey`], which cannot be met in practice.
    pub fn secret_key(&self, branch: Branch, index: u32) -> Result<SecretKey, DeriveError> {
        Ok(self.key.derive(branch.child())?.derive(address_index(index)?)?.secret_key())
    }

    /// The key that signs for the output at `branch / index`: the derived key, tweaked in a taproot account as BIP341
    /// does for outputs without scripts.
    ///
    /// # Errors
    /// Those of [`secret_key`](Self::secret_key).
    pub fn signing_key(&self, branch: Branch, index: u32) -> Result<SecretKey, DeriveError> {
        let key = self.secret_key(branch, index)?;
        match self.purpose {
            Purpose::Bip44 | Purpose::Bip84 => Ok(key),
            Purpose::Bip86 => {
                key.tap_tweak(None).map_err(|_| DeriveError::NoKey { got: ChildNumber::from_u32(index) })
            }
        }
    }
}

impl fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountSecret({:?}, account {}, {:?})", self.purpose, self.account(), self.key)
    }
}
