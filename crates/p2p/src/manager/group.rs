//! Networks that are likely to be in one hand.

use std::net::IpAddr;

/// The network an address is counted to: the first two bytes of an IPv4 address, the first four of an IPv6 one
/// (Core's `NetGroupManager::GetGroup` without a map of autonomous systems).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NetGroup([u8; 5]);

impl NetGroup {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                Self([4, a, b, 0, 0])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.octets();
                Self([6, a, b, c, d])
            }
        }
    }
}

impl NetGroup {
    /// The kind of address, then what the network has in common.
    pub(crate) const fn to_bytes(self) -> [u8; 5] {
        self.0
    }

    /// A rank that only who knows `key` can foresee.
    pub(crate) fn rank(self, key: u64) -> u64 {
        cairn_primitives::hash::siphash24(key, 0, &self.0)
    }
}
