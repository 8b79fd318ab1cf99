//! The ban list.

use super::*;

fn ip(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(n))
}

#[test]
fn a_ban_holds_until_its_end() {
    let mut bans = BanList::default();
    bans.ban(NOW, ip(1), A_DAY);
    assert!(bans.is_banned(NOW, ip(1)));
    assert!(bans.is_banned(NOW + A_DAY - Duration::from_millis(1), ip(1)));
    assert!(!bans.is_banned(NOW + A_DAY, ip(1)));
    assert!(!bans.is_banned(NOW, ip(2)));
    assert_eq!(bans.list(NOW), [(ip(1), NOW + A_DAY)]);
    assert_eq!(bans.list(NOW + A_DAY), []);
    assert!(bans.unban(ip(1)));
    assert!(!bans.unban(ip(1)));
    assert!(!bans.is_banned(NOW, ip(1)));
}

#[test]
fn ipv4_in_ipv6_clothes_is_banned_too() {
    let mut bans = BanList::default();
    let plain = Ipv4Addr::new(1, 2, 3, 4);
    bans.ban(NOW, IpAddr::V6(plain.to_ipv6_mapped()), A_DAY);
    assert!(bans.is_banned(NOW, IpAddr::V4(plain)));
    assert!(bans.unban(IpAddr::V6(plain.to_ipv6_mapped())));
}

#[test]
fn a_shorter_ban_does_not_shorten() {
    let mut bans = BanList::default();
    bans.ban(NOW, ip(1), A_DAY);
    bans.ban(NOW, ip(1), A_MINUTE);
    assert!(bans.is_banned(NOW + A_MINUTE, ip(1)));
    bans.ban(NOW, ip(1), A_DAY * 2);
    assert!(bans.is_banned(NOW + A_DAY, ip(1)));
    bans.ban(NOW, ip(2), Duration::MAX);
    assert!(bans.is_banned(NOW * 1_000, ip(2)));
}

#[test]
fn the_ban_that_ends_first_goes_when_there_are_too_many() {
    let mut bans = BanList::default();
    bans.ban(NOW, ip(0), A_DAY);
    for n in 1..MAX_BANS as u32 {
        bans.ban(NOW, ip(n), A_DAY * 2);
    }
    assert!(bans.is_banned(NOW, ip(0)));
    assert_eq!(bans.list(NOW).len(), MAX_BANS);
    bans.ban(NOW, ip(u32::MAX), A_DAY * 2);
    assert!(!bans.is_banned(NOW, ip(0)));
    assert_eq!(bans.list(NOW).len(), MAX_BANS);
}
