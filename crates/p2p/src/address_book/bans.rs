//! Addresses that are not spoken to for some time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Most bans that are kept.
pub const MAX_BANS: usize = 10_000;

/// Bans, each with an end in whole seconds since 1970; at most [`MAX_BANS`]. A ban is of one address. An IPv4 address
/// in IPv6 clothes is the IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BanList {
    ends: BTreeMap<IpAddr, u64>,
}

impl BanList {
    /// Bans `ip` until `now + time`, rounded up to a second; a ban that ends later stays as it is. When there are too
    /// many, the one that ends first goes.
    pub fn ban(&mut self, now: Duration, ip: IpAddr, time: Duration) {
        let end = now.saturating_add(time);
        let end = end.as_secs().saturating_add(u64::from(end.subsec_nanos() > 0));
        let kept = self.ends.entry(ip.to_canonical()).or_default();
        *kept = end.max(*kept);
        if self.ends.len() > MAX_BANS {
            let first = self.ends.iter().min_by_key(|(_, end)| **end).map(|(ip, _)| *ip);
            first.and_then(|ip| self.ends.remove(&ip));
        }
    }

    /// Takes a ban back; whether there was one.
    pub fn unban(&mut self, ip: IpAddr) -> bool {
        self.ends.remove(&ip.to_canonical()).is_some()
    }

    /// Whether `ip` is banned.
    pub fn is_banned(&self, now: Duration, ip: IpAddr) -> bool {
        self.ends.get(&ip.to_canonical()).is_some_and(|end| now < Duration::from_secs(*end))
    }

    /// All bans that have not ended: address and end, in the order of the addresses.
    pub fn list(&self, now: Duration) -> Vec<(IpAddr, Duration)> {
        let ends = self.ends.iter().map(|(ip, end)| (*ip, Duration::from_secs(*end)));
        ends.filter(|(_, end)| now < *end).collect()
    }

    /// All bans as they are saved.
    pub(super) fn ends(&self) -> impl Iterator<Item = (IpAddr, u64)> {
        self.ends.iter().map(|(ip, end)| (*ip, *end))
    }

    /// The list that was saved; at most [`MAX_BANS`] are taken.
    pub(super) fn from_ends(ends: impl IntoIterator<Item = (IpAddr, u64)>) -> Self {
        Self { ends: ends.into_iter().map(|(ip, end)| (ip.to_canonical(), end)).take(MAX_BANS).collect() }
    }
}
