//! A limited number of places, in all and for each client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::client_key::ClientKey;

/// Places that are taken and given back.
#[derive(Debug)]
pub(crate) struct Slots {
    total: usize,
    per_client: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<ClientKey, usize>,
}

/// Which limit leaves no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All places are taken.
    Total,
    /// This client has all it may have.
    Client,
}

/// One place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    client: ClientKey,
}

impl Slots {
    pub(crate) fn new(total: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self { total, per_client, taken: Mutex::default() })
    }

    /// A place for `client`.
    pub(crate) fn take(self: &Arc<Self>, client: ClientKey) -> Result<Slot, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.total {
            return Err(Full::Total);
        }
        if taken.by_client.get(&client).copied().unwrap_or(0) >= self.per_client {
            return Err(Full::Client);
        }
        taken.total += 1;
        *taken.by_client.entry(client).or_insert(0) += 1;
        Ok(Slot { slots: Arc::clone(self), client })
    }

    /// Places taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        if let Some(count) = taken.by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn places_run_out_for_one_client_and_for_all_and_come_back() {
        let slots = Slots::new(3, 2);
        let first = slots.take(client(1)).unwrap();
        let _second = slots.take(client(1)).unwrap();
        assert_eq!(slots.take(client(1)).unwrap_err(), Full::Client);
        let third = slots.take(client(2)).unwrap();
        assert_eq!(slots.take(client(3)).unwrap_err(), Full::Total);
        assert_eq!(slots.taken(), 3);
        drop(third);
        assert_eq!(slots.take(client(1)).unwrap_err(), Full::Client);
        drop(first);
        let _again = slots.take(client(1)).unwrap();
        assert_eq!(slots.taken(), 2);
        assert_eq!(slots.taken.lock().unwrap().by_client.len(), 1, "clients without a place are forgotten");
    }
}
