//! Random lives of a book.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Add { nodes: Vec<SocketAddr>, age: u64, source: SocketAddr },
    Attempted(SocketAddr),
    Succeeded(SocketAddr),
    Seen(SocketAddr),
    Pick { only_new: bool, odd_only: bool },
    Sample(usize),
    Wait(u64),
    Restart,
}

/// Few nodes in few networks, so that they meet.
fn some_node() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        4 => (1..6_u8, 0..3_u8, 0..400_u16).prop_map(|(a, b, n)| node(a, b, n)),
        1 => (0..4_u16, 0..200_u16).prop_map(|(net, n)| {
            SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2a00, net, 0, 0, 0, 0, 0, n + 1)), 8333)
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop::collection::vec(some_node(), 1..60), 0..4_000_000_u64, some_node())
            .prop_map(|(nodes, age, source)| Step::Add { nodes, age, source }),
        2 => some_node().prop_map(Step::Attempted),
        3 => some_node().prop_map(Step::Succeeded),
        1 => some_node().prop_map(Step::Seen),
        2 => any::<(bool, bool)>().prop_map(|(only_new, odd_only)| Step::Pick { only_new, odd_only }),
        1 => (0..40_usize).prop_map(Step::Sample),
        2 => (0..400_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

fn odd(addr: SocketAddr) -> bool {
    match addr.ip() {
        IpAddr::V4(v4) => v4.octets()[3] % 2 == 1,
        IpAddr::V6(v6) => v6.octets()[15] % 2 == 1,
    }
}

/// Does a step; `told` gathers every address the book could know.
fn run(step: Step, now: &mut Duration, book: &mut AddressBook, told_of: &mut BTreeSet<SocketAddr>) {
    let mut rng = rng();
    match step {
        Step::Add { nodes, age, source } => {
            let seen = *now - Duration::from_secs(age);
            let entries: Vec<_> = nodes.iter().map(|addr| told(*addr, seen)).collect();
            let before: BTreeSet<_> = book.entries.keys().copied().collect();
            let new = book.add(*now, &entries, source);
            let came = book.entries.keys().filter(|addr| !before.contains(addr)).count();
            // What came in may have been pushed out again by another of the same message.
            assert!(came <= new && new <= nodes.len());
            told_of.extend(nodes);
        }
        Step::Attempted(addr) => book.attempted(*now, addr),
        Step::Succeeded(addr) => {
            book.succeeded(*now, addr, SERVICES);
            told_of.insert(addr);
        }
        Step::Seen(addr) => book.seen(*now, addr),
        Step::Pick { only_new, odd_only } => {
            let avoid = |addr| odd_only && !odd(addr);
            match book.pick(*now, &mut rng, only_new, &avoid) {
                Some(addr) => assert!(book.entries.contains_key(&addr) && !avoid(addr)),
                None => {
                    let mut allowed = book.entries.iter().filter(|(addr, _)| !avoid(**addr));
                    assert!(allowed.all(|(_, entry)| only_new && entry.is_tried()));
                }
            }
        }
        Step::Sample(limit) => {
            let sample = book.sample(*now, &mut rng, limit);
            assert!(sample.len() <= limit && sample.len() <= (book.len() * 23).div_ceil(100));
        }
        Step::Wait(seconds) => *now += Duration::from_secs(seconds),
        Step::Restart => {
            let bytes = PeersFile::to_bytes(book, &BanList::default());
            let file = PeersFile::from_bytes(&bytes).expect("our own file is whole");
            assert_eq!(PeersFile::to_bytes(&file.book, &file.bans), bytes);
            assert!(file.book.entries.keys().eq(book.entries.keys()));
            *book = file.book;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_stay_sound(steps in prop::collection::vec(step(), 1..120), key in any::<[u8; 32]>()) {
        let (mut book, mut now, mut told_of) = (AddressBook::new(key), NOW, BTreeSet::new());
        for step in steps {
            run(step, &mut now, &mut book, &mut told_of);
            check(&book);
            prop_assert!(book.entries.keys().all(|addr| told_of.contains(addr)));
        }
    }

    #[test]
    fn one_sources_network_never_gets_more_than_its_share(
        nodes in prop::collection::vec((any::<u32>(), any::<u16>()), 1..3_000), key in any::<[u8; 32]>(),
    ) {
        let mut book = AddressBook::new(key);
        for (n, (ip, port)) in (0..).zip(nodes) {
            let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), port);
            book.add(NOW, &[told(addr, NOW)], node(6, 6, n));
        }
        let buckets: BTreeSet<_> = book.new.iter().map(|(slot, _)| slot.bucket).collect();
        prop_assert!(buckets.len() <= 64);
        check(&book);
    }

    #[test]
    fn damaged_files_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let version = [1, 0, 0, 0];
        let sum = crc32c::crc32c_append(crc32c::crc32c(&version), &body);
        let file = [b"cper", &version[..], &sum.to_le_bytes(), &body].concat();
        if let Ok(file) = PeersFile::from_bytes(&file) {
            check(&file.book);
        }
    }
}
