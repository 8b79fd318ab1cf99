//! Which addresses can be reached from the whole internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::message::{AddressV2, NetworkAddress};

/// Whether the entry names a place that can be called: it has a port if its network has ports, and its address can
/// be reached from the whole internet. `local`: addresses of a single machine or network will do (Core's `IsRoutable`).
pub(super) fn is_routable(entry: &AddressV2, local: bool) -> bool {
    let ip = match entry.address {
        NetworkAddress::Ipv4(ip) => IpAddr::V4(ip),
        NetworkAddress::Ipv6(ip) => IpAddr::V6(ip),
        // I2P has no ports.
        NetworkAddress::I2p(_) => return true,
        NetworkAddress::TorV3(_) | NetworkAddress::Cjdns(_) => return entry.port != 0,
    };
    entry.port != 0 && is_routable_ip(ip, local)
}

/// The same of an IP address.
pub(super) fn is_routable_ip(ip: IpAddr, local: bool) -> bool {
    match ip.to_canonical() {
        _ if ip.is_unspecified() || ip.is_multicast() => false,
        IpAddr::V4(ip) => !ip.is_broadcast() && (local || is_global_v4(ip)),
        IpAddr::V6(ip) => local || is_global_v6(ip),
    }
}

fn is_global_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let special = match (a, b) {
        // This network (RFC 1122), carrier-grade NAT (RFC 6598), benchmarks (RFC 2544), reserved (RFC 1112).
        (0, _) | (100, 64..=127) | (198, 18 | 19) | (240.., _) => true,
        _ => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation(),
    };
    !special
}

fn is_global_v6(ip: Ipv6Addr) -> bool {
    let special = match ip.segments() {
        // Documentation (RFC 3849), overlay identifiers (RFC 4843, RFC 7343), unique local (RFC 4193), link-local
        // (RFC 4862).
        [0x2001, 0x0db8, ..]
        | [0x2001, 0x0010..=0x002f, ..]
        | [0xfc00..=0xfdff, ..]
        | [0xfe80..=0xfebf, ..] => true,
        _ => ip.is_loopback(),
    };
    !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_ranges_end_where_their_documents_say() {
        let inside = [
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.1.1",
            "172.31.0.1",
            "192.168.1.1",
            "192.0.2.1",
            "198.19.0.1",
            "240.0.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "2001:db8::1",
            "2001:10::1",
            "2001:2f::1",
            "::ffff:10.0.0.1",
        ];
        let outside = [
            "1.2.3.4",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2001:30::1",
            "2001:f::1",
            "2600::1",
            "::ffff:8.8.8.8",
        ];
        for (text, expected) in inside.map(|t| (t, false)).into_iter().chain(outside.map(|t| (t, true))) {
            let ip: IpAddr = text.parse().expect("an address");
            assert_eq!(is_routable_ip(ip, false), expected, "{text}");
            assert!(is_routable_ip(ip, true), "{text}");
        }
        for text in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1"] {
            assert!(!is_routable_ip(text.parse().expect("an address"), true), "{text}");
        }
    }
}
