//! Requests a second for each client.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::client_key::ClientKey;

/// Clients remembered at once. Whoever comes when the list is full shares one allowance with all others of that kind,
/// until quiet clients are forgotten.
const CLIENTS_MAX: usize = 65_536;

/// An allowance of requests for each client.
pub(crate) struct RateGate {
    clients: DefaultKeyedRateLimiter<ClientKey>,
    crowd: DefaultDirectRateLimiter,
    clock: DefaultClock,
    clients_max: usize,
}

impl RateGate {
    pub(crate) fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            clients: RateLimiter::keyed(quota),
            crowd: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            clients_max: CLIENTS_MAX,
        }
    }

    /// Counts one request of `client`.
    ///
    /// # Errors
    /// How long the client has to wait before the next one is allowed.
    pub(crate) fn check(&self, client: ClientKey) -> Result<(), Duration> {
        let refused = if self.clients.len() < self.clients_max {
            self.clients.check_key(&client).err()
        } else {
            self.crowd.check().err()
        };
        refused.map_or(Ok(()), |until| Err(until.wait_time_from(self.clock.now())))
    }

    /// Forgets clients whose allowance is full again.
    pub(crate) fn forget_quiet(&self) {
        self.clients.retain_recent();
        self.clients.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn gate(burst: u32) -> RateGate {
        RateGate::new(NonZeroU32::MIN, NonZeroU32::new(burst).unwrap())
    }

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn each_client_has_its_own_burst() {
        let gate = gate(3);
        for _ in 0..3 {
            assert_eq!(gate.check(client(1)), Ok(()));
        }
        let wait = gate.check(client(1)).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(gate.check(client(2)), Ok(()));
    }

    #[test]
    fn past_the_list_of_clients_all_share_one_allowance() {
        let gate = RateGate { clients_max: 1, ..gate(1) };
        assert_eq!(gate.check(client(1)), Ok(()));
        assert_eq!(gate.check(client(2)), Ok(()));
        assert!(gate.check(client(3)).is_err());
        assert_eq!(gate.clients.len(), 1);
    }
}
