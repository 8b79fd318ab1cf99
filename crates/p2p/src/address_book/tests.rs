//! The address book and the bans.

mod bans;
mod file;
mod property;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::entry::{Entry, Place};
use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);
const A_MINUTE: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SERVICES: Services = Services::NETWORK;

fn rng() -> ChaCha12Rng {
    ChaCha12Rng::from_seed([5; 32])
}

fn book() -> AddressBook {
    AddressBook::new([7; 32])
}

/// Number `n` of network `a.b`.
fn node(a: u8, b: u8, n: u16) -> SocketAddr {
    let [c, d] = n.to_be_bytes();
    SocketAddr::from(([a, b, c, d], 8333))
}

/// What is told of a node that was seen at `time`.
fn told(addr: SocketAddr, time: Duration) -> AddressV2 {
    let address = NetworkAddress::from_ip(addr.ip());
    AddressV2 { last_seen: unix(time), services: SERVICES, address, port: addr.port() }
}

/// A book where `source` told of `addr`, seen just now.
fn book_with(addr: SocketAddr, source: SocketAddr) -> AddressBook {
    let mut book = book();
    assert_eq!(book.add(NOW, &[told(addr, NOW)], source), 1);
    book
}

fn entry(book: &AddressBook, addr: SocketAddr) -> &Entry {
    &book.entries[&addr]
}

/// Both tables and the entries say the same, and nothing is above its bound.
fn check(book: &AddressBook) {
    assert!(book.len() <= MAX_ADDRESSES && book.waiting.len() <= MAX_WAITING);
    let mut new = 0;
    let mut tried = 0;
    for (addr, entry) in &book.entries {
        match &entry.place {
            Place::New(slots) => {
                assert!((1..=MAX_NEW_SLOTS).contains(&slots.len()), "{addr} has {} slots", slots.len());
                for slot in slots {
                    assert_eq!(*slot, book.key.new_slot_in(slot.bucket, *addr));
                    assert_eq!(book.new.get(*slot), Some(*addr));
                }
                new += slots.len();
            }
            Place::Tried(slot) => {
                assert_eq!(*slot, book.key.tried_slot(*addr));
                assert_eq!(book.tried.get(*slot), Some(*addr));
                tried += 1;
            }
        }
    }
    assert_eq!((book.new.iter().count(), book.tried.iter().count()), (new, tried));
}

/// Two addresses with the same slot in the tried table.
fn rivals(book: &AddressBook) -> (SocketAddr, SocketAddr) {
    let first = node(10, 0, 1);
    let slot = book.key.tried_slot(first);
    let all = (0..=255).flat_map(|a| (0..500).map(move |n| node(a, 1, n)));
    let second = all.into_iter().find(|addr| book.key.tried_slot(*addr) == slot);
    (first, second.expect("128,000 addresses over 16,384 slots"))
}

fn nobody(_: SocketAddr) -> bool {
    false
}

#[test]
fn what_is_told_is_two_hours_older_and_never_ahead() {
    let (addr, source) = (node(1, 1, 1), node(2, 2, 2));
    let hearsay = Duration::from_secs(2 * 60 * 60);
    assert_eq!(entry(&book_with(addr, source), addr).last_seen, unix(NOW - hearsay));
    // Of itself a node knows it for sure.
    assert_eq!(entry(&book_with(addr, addr), addr).last_seen, unix(NOW));

    let mut book = book();
    book.add(NOW, &[told(addr, NOW + A_DAY)], addr);
    assert_eq!(entry(&book, addr).last_seen, unix(NOW));
}

#[test]
fn only_what_can_be_called_is_kept() {
    let address = |address, port| AddressV2 { last_seen: unix(NOW), services: SERVICES, address, port };
    let refused = [
        address(NetworkAddress::TorV3([1; 32]), 8333),
        address(NetworkAddress::I2p([1; 32]), 0),
        address(NetworkAddress::Cjdns(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 1)), 8333),
        address(NetworkAddress::Ipv4(Ipv4Addr::new(1, 1, 1, 1)), 0),
        address(NetworkAddress::Ipv4(Ipv4Addr::UNSPECIFIED), 8333),
        address(NetworkAddress::Ipv4(Ipv4Addr::BROADCAST), 8333),
        address(NetworkAddress::Ipv4(Ipv4Addr::new(224, 0, 0, 1)), 8333),
        address(NetworkAddress::Ipv6(Ipv6Addr::UNSPECIFIED), 8333),
        address(NetworkAddress::Ipv6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)), 8333),
    ];
    let mut book = book();
    assert_eq!(book.add(NOW, &refused, node(1, 1, 1)), 0);
    assert!(book.is_empty());
    let kept = [
        address(NetworkAddress::Ipv4(Ipv4Addr::new(1, 1, 1, 1)), 1),
        address(NetworkAddress::Ipv6(Ipv6Addr::new(0x2a00, 1, 0, 0, 0, 0, 0, 1)), 8333),
        // IPv4 in IPv6 clothes is the first again.
        address(NetworkAddress::Ipv6(Ipv4Addr::new(1, 1, 1, 1).to_ipv6_mapped()), 1),
    ];
    assert_eq!(book.add(NOW, &kept, node(1, 1, 1)), 2);
    check(&book);
}

#[test]
fn an_address_has_at_most_eight_slots_each_less_likely() {
    let addr = node(1, 1, 1);
    let mut book = book_with(addr, addr);
    let mut when = Vec::new();
    for turn in 0..20_000_u32 {
        let [_, _, a, b] = turn.to_be_bytes();
        let time = NOW + Duration::from_secs(u64::from(turn)) * 60 * 60;
        let before = entry(&book, addr).new_slots();
        book.add(time, &[told(addr, time)], node(a, b, 9));
        when.extend((entry(&book, addr).new_slots() > before).then_some(turn));
    }
    // Seven more slots, the last of them once in 2^7 times.
    assert_eq!(entry(&book, addr).new_slots(), 8);
    assert_eq!(when.len(), 7);
    assert!(when[6] > 20, "{when:?}");
    check(&book);
}

#[test]
fn an_address_is_terrible_past_each_limit_and_not_at_it() {
    let fresh = || Entry::new(SERVICES, unix(NOW), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let seconds = |seconds: u64| Duration::from_secs(seconds);
    assert!(!fresh().is_terrible(unix(NOW)));
    assert!(!fresh().is_terrible(unix(NOW + A_DAY * 30)));
    assert!(fresh().is_terrible(unix(NOW + A_DAY * 30 + seconds(1))));
    assert!(!fresh().is_terrible(unix(NOW - A_MINUTE * 10)));
    assert!(fresh().is_terrible(unix(NOW - A_MINUTE * 10 - seconds(1))));

    let mut never = fresh();
    never.attempts = 2;
    assert!(!never.is_terrible(unix(NOW)));
    never.attempts = 3;
    assert!(never.is_terrible(unix(NOW)));
    // While a call may still be answered nothing is decided.
    never.last_try = Some(unix(NOW));
    assert!(!never.is_terrible(unix(NOW + A_MINUTE)));
    assert!(never.is_terrible(unix(NOW + A_MINUTE + seconds(1))));

    let mut once = fresh();
    once.last_success = Some(unix(NOW));
    once.attempts = 10;
    assert!(!once.is_terrible(unix(NOW + A_DAY * 7)));
    assert!(once.is_terrible(unix(NOW + A_DAY * 7 + seconds(1))));
    once.attempts = 9;
    assert!(!once.is_terrible(unix(NOW + A_DAY * 7 + seconds(1))));
}

#[test]
fn chance_falls_with_failures_and_shortly_after_a_call() {
    let mut entry = Entry::new(SERVICES, unix(NOW), IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(entry.chance(unix(NOW)), 1.0);
    entry.attempts = 2;
    assert!((entry.chance(unix(NOW)) - 0.66 * 0.66).abs() < 1e-9);
    let floor = {
        entry.attempts = 8;
        entry.chance(unix(NOW))
    };
    entry.attempts = 100;
    assert_eq!(entry.chance(unix(NOW)), floor);
    entry.last_try = Some(unix(NOW));
    let just = entry.chance(unix(NOW + A_MINUTE * 10 - Duration::from_secs(1)));
    assert!((just - floor * 0.01).abs() < 1e-9);
    assert_eq!(entry.chance(unix(NOW + A_MINUTE * 10)), floor);
}

#[test]
fn failures_count_once_between_two_successes_anywhere() {
    let (addr, other) = (node(1, 1, 1), node(2, 2, 2));
    let mut book = book_with(addr, addr);
    for minute in 0..50 {
        book.attempted(NOW + A_MINUTE * minute, addr);
    }
    assert_eq!(entry(&book, addr).attempts, 1, "without a network every call fails");
    book.succeeded(NOW + A_MINUTE * 60, other, SERVICES);
    book.attempted(NOW + A_MINUTE * 61, addr);
    book.attempted(NOW + A_MINUTE * 62, addr);
    assert_eq!(entry(&book, addr).attempts, 2);
    book.succeeded(NOW + A_MINUTE * 63, addr, SERVICES);
    assert_eq!(entry(&book, addr).attempts, 0);
}

#[test]
fn a_success_moves_an_address_to_the_tried_table() {
    let addr = node(1, 1, 1);
    let mut book = book_with(addr, node(2, 2, 2));
    book.succeeded(NOW, addr, Services::WITNESS);
    assert!(entry(&book, addr).is_tried());
    assert_eq!(entry(&book, addr).services, Services::WITNESS);
    assert!(book.new.is_empty());
    assert_eq!(book.pick(NOW, &mut rng(), true, &nobody), None, "none is new");
    assert_eq!(book.pick(NOW + A_DAY, &mut rng(), false, &nobody), Some(addr));

    // One that nobody told of.
    let named = node(3, 3, 3);
    book.succeeded(NOW, named, SERVICES);
    assert!(entry(&book, named).is_tried());
    check(&book);
}

#[test]
fn a_tried_address_that_answered_lately_keeps_its_slot() {
    let mut book = book();
    let (first, second) = rivals(&book);
    book.succeeded(NOW, first, SERVICES);
    let at_the_limit = NOW + Duration::from_secs(4 * 60 * 60 - 1);
    book.succeeded(at_the_limit, second, SERVICES);
    assert!(entry(&book, first).is_tried() && !entry(&book, second).is_tried());
    assert!(book.waiting.is_empty());

    // A second later it needs a test: who looks for new ones is given the old one to call.
    let past_it = at_the_limit + Duration::from_secs(1);
    book.succeeded(past_it, second, SERVICES);
    assert_eq!(book.waiting, [second]);
    assert_eq!(book.pick(past_it, &mut rng(), true, &nobody), Some(first));
    book.attempted(past_it, first);
    assert_ne!(book.pick(past_it, &mut rng(), true, &nobody), Some(first), "it is being called");
    book.succeeded(past_it + Duration::from_secs(5), first, SERVICES);
    assert!(entry(&book, first).is_tried() && !entry(&book, second).is_tried());
    assert!(book.waiting.is_empty());
    check(&book);
}

#[test]
fn a_tried_address_that_does_not_answer_its_test_gives_way() {
    let mut book = book();
    let (first, second) = rivals(&book);
    book.succeeded(NOW, first, SERVICES);
    let later = NOW + A_DAY;
    book.succeeded(later, second, SERVICES);
    book.attempted(later, first);
    book.pick(later + Duration::from_secs(59), &mut rng(), true, &nobody);
    assert!(entry(&book, first).is_tried(), "the call may still be answered");
    book.pick(later + A_MINUTE, &mut rng(), true, &nobody);
    assert!(!entry(&book, first).is_tried() && entry(&book, second).is_tried());
    check(&book);
}

#[test]
fn who_waits_for_a_test_that_is_not_made_has_the_slot_after_forty_minutes() {
    let mut book = book();
    let (first, second) = rivals(&book);
    book.succeeded(NOW, first, SERVICES);
    let later = NOW + A_DAY;
    book.succeeded(later, second, SERVICES);
    book.pick(later + A_MINUTE * 40, &mut rng(), true, &|_| true);
    assert!(entry(&book, first).is_tried());
    // A connection that has held all the time is as good as an answer.
    let mut connected = book.clone();
    connected.seen(later + A_MINUTE * 40, first);
    let past = later + A_MINUTE * 40 + Duration::from_secs(1);
    connected.pick(past, &mut rng(), true, &|_| true);
    assert!(entry(&connected, first).is_tried());
    book.pick(past, &mut rng(), true, &|_| true);
    assert!(!entry(&book, first).is_tried() && entry(&book, second).is_tried());
    check(&book);
}

#[test]
fn at_most_ten_wait_for_a_slot() {
    let mut book = book();
    // Of 30,000 addresses of 60 networks many meet in the 16,384 slots.
    let all: Vec<_> = (1..=60).flat_map(|a| (0..500).map(move |n| node(a, a, n))).collect();
    for (minute, addr) in (0..).zip(&all) {
        book.succeeded(NOW + A_MINUTE * minute, *addr, SERVICES);
        assert!(book.waiting.len() <= MAX_WAITING);
    }
    check(&book);
    assert!(book.tried.iter().count() > 5_000);
}

#[test]
fn one_network_reaches_a_sixteenth_of_the_new_table() {
    let mut book = book();
    let source = node(6, 6, 6);
    let entries: Vec<_> =
        (0..=255).flat_map(|a| (0..800).map(move |n| told(node(a.max(1), a, n), NOW))).collect();
    for some in entries.chunks(1_000) {
        book.add(NOW, some, source);
    }
    let buckets: std::collections::BTreeSet<_> = book.new.iter().map(|(slot, _)| slot.bucket).collect();
    assert!(buckets.len() <= 64, "{}", buckets.len());
    assert!(book.len() <= 64 * 64 && book.len() > 3_000, "{}", book.len());
    check(&book);
    // Whoever told of few elsewhere is still drawn: sources of 40 networks with one address each.
    let honest: Vec<_> = (1..=40).map(|a| node(a, 200, 1)).collect();
    let taken = honest.iter().filter(|addr| book.add(NOW, &[told(**addr, NOW)], **addr) == 1).count();
    assert!(taken >= 36, "{taken} of 40 found a slot");
    let mut rng = rng();
    let drawn = (0..1_000).filter(|_| {
        let addr = book.pick(NOW, &mut rng, true, &nobody);
        honest.contains(&addr.expect("the book is not empty"))
    });
    // They have up to 40 of 104 buckets, and less than 1 in 80 addresses.
    assert!(drawn.count() > 150);
}

#[test]
fn one_network_reaches_a_thirty_second_of_the_tried_table() {
    let mut book = book();
    for n in 0..5_000 {
        book.succeeded(NOW + A_DAY * u32::from(n), node(6, 6, n), SERVICES);
    }
    let buckets: std::collections::BTreeSet<_> = book.tried.iter().map(|(slot, _)| slot.bucket).collect();
    assert!(buckets.len() <= 8, "{}", buckets.len());
    assert!(book.tried.iter().count() <= 8 * 64);
    check(&book);
}

#[test]
fn pick_gives_whatever_is_not_to_be_avoided() {
    let mut book = book();
    assert_eq!(book.pick(NOW, &mut rng(), false, &nobody), None);
    let all: Vec<_> = (1..=60).map(|a| node(a, 1, 1)).collect();
    for addr in &all {
        book.add(NOW, &[told(*addr, NOW)], *addr);
    }
    let last = *book.entries.keys().last().expect("the book is not empty");
    for turn in 0..30 {
        // Even one that was called just now and failed often, if there is no other.
        book.attempted(NOW, last);
        let addr =
            book.pick(NOW + Duration::from_secs(turn), &mut rng(), turn % 2 == 0, &|addr| addr != last);
        assert_eq!(addr, Some(last));
    }
    assert_eq!(book.pick(NOW, &mut rng(), false, &|_| true), None);
}

#[test]
fn a_sample_is_at_most_23_percent_and_without_the_terrible() {
    let mut book = book();
    for a in 1..=100 {
        book.add(NOW, &[told(node(a, 1, 1), NOW)], node(a, 1, 1));
    }
    let share = (book.len() * 23).div_ceil(100);
    let sample = book.sample(NOW, &mut rng(), 1_000);
    assert_eq!(sample.len(), share);
    assert_eq!(book.sample(NOW, &mut rng(), 5).len(), 5);
    assert_eq!(book.sample(NOW + A_DAY * 31, &mut rng(), 1_000), []);
    let mut addrs: Vec<_> = sample.iter().map(|told| callable(told).expect("it was called")).collect();
    addrs.sort();
    addrs.dedup();
    assert_eq!(addrs.len(), share, "none twice");
    assert!(addrs.iter().all(|addr| book.entries.contains_key(addr)));
    assert_ne!(sample, book.sample(NOW, &mut ChaCha12Rng::from_seed([6; 32]), 1_000));
    assert_eq!(book_with(node(1, 1, 1), node(1, 1, 1)).sample(NOW, &mut rng(), 1_000).len(), 1);
}

#[test]
fn a_terrible_address_gives_way_to_a_newcomer() {
    let mut book = book();
    let (source, first) = (node(9, 9, 9), node(1, 1, 0));
    book.add(NOW, &[told(first, NOW)], source);
    let slot = book.key.new_slot(first, source.ip());
    let all = (1..=60_000).map(|n| node(1, 1, n));
    let rival =
        all.into_iter().find(|addr| book.key.new_slot(*addr, source.ip()) == slot).expect("60,000 in 64");
    assert_eq!(book.add(NOW, &[told(rival, NOW)], source), 0, "the slot is taken");
    let month = NOW + A_DAY * 31;
    assert_eq!(book.add(month, &[told(rival, month)], source), 1);
    assert_eq!(book.entries.keys().collect::<Vec<_>>(), [&rival]);
    check(&book);
}

#[test]
fn seen_is_noted_every_twenty_minutes() {
    let addr = node(1, 1, 1);
    let mut book = book_with(addr, addr);
    book.seen(NOW + A_MINUTE * 20, addr);
    assert_eq!(entry(&book, addr).last_seen, unix(NOW));
    let past = NOW + A_MINUTE * 20 + Duration::from_secs(1);
    book.seen(past, addr);
    assert_eq!(entry(&book, addr).last_seen, unix(past));
    book.seen(past, node(2, 2, 2));
    assert_eq!(book.len(), 1, "an address that is not known is not taken in");
}
