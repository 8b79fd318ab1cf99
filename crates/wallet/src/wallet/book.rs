//! The addresses of a wallet: which there are, which were used, which comes next.

use std::collections::HashMap;

use cairn_primitives::{Address, Script};

use super::MAX_ACCOUNTS;
use super::error::WalletError;
use crate::keys::{AccountPublic, Branch, DeriveError, Purpose};

/// Where the key of an address stands in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyOrigin {
    /// The kind of its account.
    pub purpose: Purpose,
    /// The number of its account.
    pub account: u32,
    /// Receiving or change.
    pub branch: Branch,
    /// Its place on the branch.
    pub index: u32,
}

/// An address of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletAddress {
    /// The address.
    pub address: Address,
    /// Where its key stands; `None` in a wallet that watches one address.
    pub origin: Option<KeyOrigin>,
    /// Whether a transaction pays to it or paid to it.
    pub used: bool,
}

/// One branch of an account.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// Derived so far, from index 0.
    pub(super) addresses: Vec<Address>,
    /// One past the highest index that the chain was last seen to use.
    pub(super) used: u32,
    /// The next to hand out; never goes back.
    pub(super) next: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) key: AccountPublic,
    chains: [Chain; 2],
}

impl Account {
    pub(super) fn chain(&self, branch: Branch) -> &Chain {
        &self.chains[slot(branch)]
    }

    fn chain_mut(&mut self, branch: Branch) -> &mut Chain {
        &mut self.chains[slot(branch)]
    }

    pub(super) fn origin(&self, branch: Branch, index: u32) -> KeyOrigin {
        KeyOrigin { purpose: self.key.purpose(), account: self.key.account(), branch, index }
    }
}

const fn slot(branch: Branch) -> usize {
    match branch {
        Branch::Receive => 0,
        Branch::Change => 1,
    }
}

/// Place of an address: its account's position, branch and index; `None` for the one address watched.
pub(super) type Place = Option<(usize, Branch, u32)>;

/// All addresses, derived [`gap`](Self::gap) ahead of those used or handed out.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) accounts: Vec<Account>,
    pub(super) single: Option<Address>,
    pub(super) gap: u32,
    places: HashMap<Script, Place>,
}

impl Book {
    pub(super) fn of_accounts(keys: Vec<AccountPublic>, gap: u32) -> Result<Self, WalletError> {
        if keys.len() > MAX_ACCOUNTS {
            return Err(WalletError::TooManyAccounts { got: keys.len(), limit: MAX_ACCOUNTS });
        }
        let mut accounts: Vec<Account> = Vec::new();
        for key in keys {
            let same = |other: &Account| other.key == key;
            let named = |other: &Account| {
                (other.key.purpose(), other.key.account()) == (key.purpose(), key.account())
            };
            if accounts.iter().any(|other| same(other) || named(other)) {
                return Err(WalletError::DuplicateAccount { purpose: key.purpose(), account: key.account() });
            }
            accounts.push(Account { key, chains: [Chain::default(), Chain::default()] });
        }
        if accounts.is_empty() {
            return Err(WalletError::NoAccount);
        }
        let mut book = Self { accounts, single: None, gap, places: HashMap::new() };
        book.derive_ahead()?;
        Ok(book)
    }

    pub(super) fn of_address(address: Address, gap: u32) -> Self {
        let places = HashMap::from([(address.script_pubkey(), None)]);
        Self { accounts: Vec::new(), single: Some(address), gap, places }
    }

    pub(super) fn place(&self, script: &Script) -> Option<Place> {
        self.places.get(script).copied()
    }

    pub(super) fn owns(&self, script: &Script) -> bool {
        self.places.contains_key(script)
    }

    pub(super) fn origin(&self, place: Place) -> Option<KeyOrigin> {
        place.map(|(account, branch, index)| self.accounts[account].origin(branch, index))
    }

    /// Derives on each branch up to the gap limit past what is used or handed out.
    pub(super) fn derive_ahead(&mut self) -> Result<(), DeriveError> {
        for account in 0..self.accounts.len() {
            for branch in Branch::ALL {
                let chain = self.accounts[account].chain(branch);
                let end = chain.next.max(chain.used).saturating_add(self.gap);
                self.derive_to(account, branch, end)?;
            }
        }
        Ok(())
    }

    /// Derives a branch up to, but not including, `end`.
    pub(super) fn derive_to(&mut self, account: usize, branch: Branch, end: u32) -> Result<(), DeriveError> {
        let begin = self.accounts[account].chain(branch).addresses.len() as u32;
        for index in begin..end {
            let address = self.accounts[account].key.address(branch, index)?;
            self.places.insert(address.script_pubkey(), Some((account, branch, index)));
            self.accounts[account].chain_mut(branch).addresses.push(address);
        }
        Ok(())
    }

    /// Notes that a transaction pays to this place.
    pub(super) fn mark_used(&mut self, place: Place) {
        if let Some((account, branch, index)) = place {
            let chain = self.accounts[account].chain_mut(branch);
            chain.used = chain.used.max(index.saturating_add(1));
            chain.next = chain.next.max(chain.used);
        }
    }

    /// Forgets which addresses were used, not which were handed out.
    pub(super) fn clear_used(&mut self) {
        self.accounts.iter_mut().flat_map(|account| &mut account.chains).for_each(|chain| chain.used = 0);
    }

    pub(super) fn set_next(&mut self, account: usize, branch: Branch, next: u32) {
        let chain = self.accounts[account].chain_mut(branch);
        chain.next = chain.next.max(next);
    }

    /// The first address that was neither used nor handed out.
    pub(super) fn next(&self, account: usize, branch: Branch) -> (Address, u32) {
        let chain = self.accounts[account].chain(branch);
        (chain.addresses[chain.next as usize], chain.next)
    }

    /// Addresses up to those handed out or used, receiving before change.
    pub(super) fn list(&self) -> Vec<WalletAddress> {
        if let Some(address) = self.single {
            return vec![WalletAddress { address, origin: None, used: true }];
        }
        let mut list = Vec::new();
        for account in &self.accounts {
            for branch in Branch::ALL {
                let chain = account.chain(branch);
                for (index, address) in (0..chain.next).zip(&chain.addresses) {
                    let origin = Some(account.origin(branch, index));
                    list.push(WalletAddress { address: *address, origin, used: index < chain.used });
                }
            }
        }
        list
    }
}
