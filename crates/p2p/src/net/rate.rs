//! How often connections may be opened to us.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Connections one address may open in a row.
const BURST: u32 = 32;
/// Time that gives an address one more.
const REFILL: Duration = Duration::from_millis(250);
/// Most addresses that are remembered.
const MAX_REMEMBERED: usize = 4_096;

/// Says of each connection whether its address opens them too fast. An IPv6 address stands for its /64, which is what
/// one customer gets. Nobody outside can use the loopback address, so it may open any number.
#[derive(Debug, Default)]
pub(super) struct AcceptRate {
    /// When the address has all of its burst again.
    full_at: BTreeMap<IpAddr, Duration>,
}

impl AcceptRate {
    /// Whether a connection from `ip` may be taken now.
    pub(super) fn allows(&mut self, now: Duration, ip: IpAddr) -> bool {
        let ip = customer(ip);
        if ip.is_loopback() {
            return true;
        }
        let full_at = self.full_at.get(&ip).copied().unwrap_or(now).max(now) + REFILL;
        if full_at > now + REFILL * BURST {
            return false;
        }
        self.full_at.insert(ip, full_at);
        if self.full_at.len() > MAX_REMEMBERED {
            self.forget(now);
        }
        true
    }

    /// Forgets who has not opened any lately, or who is the first to have not.
    fn forget(&mut self, now: Duration) {
        self.full_at.retain(|_, full_at| *full_at > now);
        while self.full_at.len() > MAX_REMEMBERED {
            let first = self.full_at.iter().min_by_key(|(_, full_at)| **full_at).map(|(ip, _)| *ip);
            first.and_then(|ip| self.full_at.remove(&ip));
        }
    }
}

fn customer(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn a_burst_is_allowed_and_then_one_each_quarter_second() {
        let mut rate = AcceptRate::default();
        let ip = IpAddr::from([9, 9, 9, 9]);
        for _ in 0..32 {
            assert!(rate.allows(NOW, ip));
        }
        assert!(!rate.allows(NOW, ip));
        assert!(rate.allows(NOW, IpAddr::from([9, 9, 9, 8])), "another is not held up");
        assert!(!rate.allows(NOW + Duration::from_millis(249), ip));
        assert!(rate.allows(NOW + Duration::from_millis(250), ip));
        assert!(!rate.allows(NOW + Duration::from_millis(250), ip));
    }

    #[test]
    fn ipv6_is_counted_by_customer_and_loopback_not_at_all() {
        let mut rate = AcceptRate::default();
        let ip = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2a00, 1, 1, 1, 0, 0, 0, last));
        assert_eq!((0..100).filter(|last| rate.allows(NOW, ip(*last))).count(), 32);
        let other = IpAddr::V6(Ipv6Addr::new(0x2a00, 1, 1, 2, 0, 0, 0, 1));
        assert!(rate.allows(NOW, other));
        for loopback in [IpAddr::from([127, 0, 0, 1]), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            assert!((0..100).all(|_| rate.allows(NOW, loopback)));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut rate = AcceptRate::default();
        for n in 0..10_000_u32 {
            let [a, b, c, d] = (n + 0x0100_0000).to_be_bytes();
            assert!(rate.allows(NOW, IpAddr::from([a, b, c, d])));
            assert!(rate.full_at.len() <= MAX_REMEMBERED);
        }
        rate.allows(NOW + REFILL * 2, IpAddr::from([9, 9, 9, 9]));
        assert!(rate.full_at.len() <= MAX_REMEMBERED);
    }
}
