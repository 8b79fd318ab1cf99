//! Gossip, driven like the manager drives it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use cairn_params::presets;
use cairn_primitives::{Amount, BlockHash, BlockTime, Header, Height, Txid, Work};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::peer::{MAX_QUEUE, MAX_TOKENS, TIME_PER_TOKEN};
use super::*;
use crate::event::Action;
use crate::handshake::Peer;
use crate::message::{PeerEndpoint, UserAgent, Version};
use crate::outbox::Outbox;
use crate::ports::{ChainPoint, ChainView, HeaderEntry, Local, PoolTx, PoolView, TxRef};

const START: Duration = Duration::from_secs(1_700_000_000);
const OWN: &str = "8.8.4.4:8333";

/// Neither the chain nor the pool matters here.
struct Nothing;

impl ChainView for Nothing {
    fn tip(&self) -> ChainPoint {
        ChainPoint {
            hash: BlockHash::ZERO,
            height: Height::new(0),
            work: Work::ZERO,
            time: BlockTime::new(0),
        }
    }
    fn best_header(&self) -> ChainPoint {
        self.tip()
    }
    fn header(&self, _: &BlockHash) -> Option<HeaderEntry> {
        None
    }
    fn ancestor(&self, _: &BlockHash, _: Height) -> Option<BlockHash> {
        None
    }
    fn fork_point(&self, _: &BlockHash, _: &BlockHash) -> Option<ChainPoint> {
        None
    }
    fn locator(&self, _: &BlockHash) -> Vec<BlockHash> {
        Vec::new()
    }
    fn headers_after(&self, _: &[BlockHash], _: &BlockHash, _: usize) -> Vec<Header> {
        Vec::new()
    }
}

impl PoolView for Nothing {
    fn get(&self, _: &TxRef) -> Option<PoolTx> {
        None
    }
    fn min_rate(&self) -> Amount {
        Amount::ZERO
    }
    fn all(&self, _: usize) -> Vec<PoolTx> {
        Vec::new()
    }
    fn is_confirmed(&self, _: &Txid) -> bool {
        false
    }
}

struct Rig {
    gossip: Gossip,
    book: AddressBook,
    now: Duration,
    rng: ChaCha12Rng,
    out: Outbox,
}

impl Rig {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut PeerConfig)) -> Self {
        let mut config = PeerConfig::new(Arc::new(presets::bitcoin()));
        change(&mut config);
        let rng = ChaCha12Rng::from_seed([4; 32]);
        let book = AddressBook::new([5; 32]);
        Self { gossip: Gossip::new(&config), book, now: START, rng, out: Outbox::default() }
    }

    fn run(&mut self, f: impl FnOnce(&mut Gossip, &mut Context<'_>, &mut AddressBook)) {
        let local = Local { chain: &Nothing, pool: &Nothing };
        let mut cx = Context { now: self.now, local, rng: &mut self.rng, out: &mut self.out };
        f(&mut self.gossip, &mut cx, &mut self.book);
    }

    fn join(&mut self, id: u64, direction: Direction, addr_v2: bool) {
        let version = Version {
            protocol: 70_016,
            services: Services::NETWORK,
            timestamp: 0,
            receiver: PeerEndpoint::NONE,
            sender: PeerEndpoint::NONE,
            nonce: id,
            user_agent: UserAgent::default(),
            start_height: 0,
            relay: true,
        };
        let info = Peer { version, protocol: 70_016, wtxid_relay: true, addr_v2, send_headers: false };
        let addr = SocketAddr::from(([20, 0, id as u8, 1], 8_333));
        let facts = PeerFacts { id: PeerId::new(id), addr, direction, manual: false, info };
        self.run(|gossip, cx, book| gossip.on_established(cx, book, &facts));
    }

    fn addr(&mut self, peer: u64, entries: &[AddressV2]) {
        self.run(|gossip, cx, book| gossip.on_addr(cx, book, PeerId::new(peer), entries.to_vec()));
    }

    fn get_addr(&mut self, peer: u64) {
        self.run(|gossip, cx, book| gossip.on_get_addr(cx, book, PeerId::new(peer)));
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.gossip.deadline().filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline stays in the past");
            self.now = due;
            self.run(Gossip::on_tick);
        }
        self.now = end;
        self.run(Gossip::on_tick);
    }

    fn sent(&mut self) -> Vec<(u64, Message)> {
        let sent = std::mem::take(&mut self.out.actions).into_iter().filter_map(|action| match action {
            Action::Send { peer, message } => Some((peer.to_u64(), message)),
            _ => None,
        });
        sent.collect()
    }

    /// All addresses that were told, to whom and on how many of which kind.
    fn told(&mut self) -> Vec<(u64, AddressV2)> {
        let lists = self.sent().into_iter().filter_map(|(peer, message)| match message {
            Message::AddrV2(entries) => Some(entries.into_iter().map(move |entry| (peer, entry))),
            _ => None,
        });
        lists.flatten().collect()
    }
}

fn entry(number: u32) -> AddressV2 {
    let ip = Ipv4Addr::from(0x1600_0000 + number * 0x101);
    AddressV2 {
        last_seen: unix(START),
        services: Services::NETWORK,
        address: NetworkAddress::Ipv4(ip),
        port: 8_333,
    }
}

fn onion(number: u8) -> AddressV2 {
    AddressV2 { address: NetworkAddress::TorV3([number; 32]), ..entry(0) }
}

#[test]
fn peers_we_called_are_asked_and_told_our_address() {
    let own: SocketAddr = OWN.parse().expect("an address");
    let mut rig = Rig::with(|config| config.external = Some(own));
    rig.join(1, Direction::Outbound, true);
    let sent = rig.sent();
    let [(1, Message::GetAddr), (1, Message::AddrV2(entries))] = sent.as_slice() else { panic!("{sent:?}") };
    let [told] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(is_at(told, own) && told.last_seen == unix(START));
    assert_eq!(told.services, Services::NETWORK.union(Services::WITNESS));
    rig.join(2, Direction::Inbound, true);
    assert!(rig.sent().is_empty(), "it has not shown that it cares");
    rig.get_addr(2);
    assert_eq!(rig.told().len(), 1);
    // About once a day each from then on: twenty are expected, and twice as many or none would be a wonder.
    rig.pass(DAY * 10);
    let told = rig.told();
    assert!((6..=40).contains(&told.len()), "{}", told.len());
    assert!(told.iter().all(|(_, entry)| is_at(entry, own)));
}

#[test]
fn an_address_that_nobody_can_reach_is_not_told() {
    let local: SocketAddr = "127.0.0.1:8333".parse().expect("an address");
    let mut rig = Rig::with(|config| config.external = Some(local));
    rig.join(1, Direction::Outbound, true);
    assert_eq!(rig.sent(), [(1, Message::GetAddr)]);
    let mut rig = Rig::with(|config| {
        config.external = Some(local);
        config.local_addresses = true;
    });
    rig.join(1, Direction::Outbound, true);
    assert_eq!(rig.told().len(), 1);
}

#[test]
fn the_answer_comes_in_whole_and_other_addresses_within_the_rate() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound, true);
    rig.join(2, Direction::Inbound, true);
    let entries: Vec<AddressV2> = (0..MAX_ADDR as u32).map(entry).collect();
    // Room for one and no more.
    rig.addr(2, &entries[..3]);
    assert_eq!(rig.book.len(), 1);
    rig.pass(TIME_PER_TOKEN * 2 - Duration::from_nanos(1));
    rig.addr(2, &entries[10..20]);
    assert_eq!(rig.book.len(), 2, "one after ten seconds");
    rig.pass(Duration::from_nanos(1));
    rig.addr(2, &entries[20..30]);
    assert_eq!(rig.book.len(), 3, "another after twenty");
    let before = rig.book.len();
    rig.addr(1, &entries);
    // Some find their place taken in the book, which bounds what one source can fill.
    assert!(rig.book.len() > before + 50, "{}", rig.book.len());
    let state = &mut rig.gossip.peers.get_mut(&PeerId::new(1)).expect("there");
    assert!(state.take_token() && !state.take_token(), "all but the one to begin with");
}

#[test]
fn the_allowance_is_bounded() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Inbound, true);
    rig.pass(DAY * 100);
    let now = rig.now;
    let state = rig.gossip.peers.get_mut(&PeerId::new(1)).expect("there");
    state.fill(now);
    assert!((0..MAX_TOKENS).all(|_| state.take_token()));
    assert!(!state.take_token());
}

#[test]
fn what_cannot_be_called_is_left_out() {
    let mut rig = Rig::with(|config| config.external = OWN.parse().ok());
    rig.join(1, Direction::Outbound, true);
    let own: SocketAddr = OWN.parse().expect("an address");
    let with_ip = |ip: &str| AddressV2 {
        address: NetworkAddress::from_ip(ip.parse::<IpAddr>().expect("an address")),
        ..entry(0)
    };
    let bad = [
        with_ip("10.0.0.1"),
        with_ip("::1"),
        AddressV2 { port: 0, ..entry(1) },
        AddressV2 { services: Services::WITNESS, ..entry(2) },
        AddressV2 { port: own.port(), ..with_ip(&own.ip().to_string()) },
    ];
    rig.addr(1, &bad);
    assert_eq!(rig.book.len(), 0);
    rig.addr(1, &[AddressV2 { services: Services::NETWORK_LIMITED, ..entry(2) }]);
    assert_eq!(rig.book.len(), 1);
    let mut rig = Rig::with(|config| config.local_addresses = true);
    rig.join(1, Direction::Outbound, true);
    rig.addr(1, &bad[..1]);
    assert_eq!(rig.book.len(), 1, "on a network of its own");
}

#[test]
fn times_that_cannot_be_are_put_right() {
    let old = unix(START - DOUBTFUL_AGE);
    let limit = unix(START + MAX_AHEAD);
    for (told, expected) in [
        (UnixTime::new(LEAST_TIME), old),
        (UnixTime::new(LEAST_TIME + 1), UnixTime::new(LEAST_TIME + 1)),
        (limit, limit),
        (UnixTime::new(limit.to_u32() + 1), old),
    ] {
        assert_eq!(believable(START, told), expected, "{told:?}");
    }
}

/// A rig whose peer 1 tells news; 2 to 9 listen.
fn with_listeners() -> Rig {
    let mut rig = Rig::new();
    for peer in 1..=9 {
        rig.join(peer, Direction::Outbound, true);
    }
    // An empty answer: what comes now is news.
    rig.addr(1, &[]);
    rig.sent();
    rig
}

#[test]
fn news_go_to_two_peers_the_same_all_day() {
    let mut rig = with_listeners();
    rig.addr(1, &[entry(1)]);
    rig.pass(Duration::from_secs(300));
    let told = rig.told();
    let first: Vec<u64> = told.iter().map(|(peer, _)| *peer).collect();
    assert_eq!(first.len(), RELAY_TO);
    assert!(!first.contains(&1) && told.iter().all(|(_, told)| same_place(told, &entry(1))));
    rig.addr(1, &[AddressV2 { last_seen: unix(rig.now), ..entry(1) }]);
    rig.pass(Duration::from_secs(300));
    assert!(rig.told().is_empty(), "those two know it");
}

#[test]
fn old_long_or_asked_for_lists_are_no_news() {
    let many: Vec<AddressV2> = (0..MAX_NEWS as u32 + 1).map(entry).collect();
    let too_old = AddressV2 { last_seen: unix(START - NEWS_AGE), ..entry(1) };
    let just = AddressV2 { last_seen: UnixTime::new(too_old.last_seen.to_u32() + 1), ..entry(1) };
    for (entries, expected) in
        [(&many[..], 0), (&many[..MAX_NEWS], MAX_NEWS * RELAY_TO), (&[too_old], 0), (&[just], RELAY_TO)]
    {
        let mut rig = with_listeners();
        rig.addr(1, entries);
        rig.pass(Duration::from_secs(300));
        assert_eq!(rig.told().len(), expected);
    }
    let mut rig = with_listeners();
    rig.addr(2, &[entry(1)]);
    rig.pass(Duration::from_secs(300));
    assert!(rig.told().is_empty(), "the answer to our question");
}

#[test]
fn each_peer_is_told_in_words_it_understands() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound, true);
    rig.join(2, Direction::Outbound, false);
    rig.join(3, Direction::Outbound, true);
    rig.addr(1, &[]);
    rig.sent();
    rig.addr(1, &[entry(1), onion(1)]);
    rig.pass(Duration::from_secs(600));
    for (peer, message) in rig.sent() {
        match (peer, message) {
            (2, Message::Addr(entries)) => {
                assert_eq!(entries.len(), 1);
                assert_eq!(NetworkAddress::from_ip(entries[0].endpoint.ip), entry(1).address);
            }
            (3, Message::AddrV2(entries)) => assert_eq!(entries.len(), 2),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_called_us_is_answered_once_and_all_alike() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound, true);
    let entries: Vec<AddressV2> = (0..1_000).map(|number| entry(number * 300)).collect();
    rig.addr(1, &entries);
    for peer in 2..=4 {
        rig.join(peer, Direction::Inbound, true);
    }
    rig.sent();
    rig.get_addr(2);
    let answer: Vec<AddressV2> = rig.told().into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(answer.len(), (rig.book.len() * 23).div_ceil(100));
    rig.pass(DAY - Duration::from_nanos(1));
    rig.sent();
    rig.get_addr(3);
    assert_eq!(rig.told().into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), answer);
    rig.pass(Duration::from_nanos(1));
    rig.sent();
    rig.get_addr(4);
    assert_ne!(rig.told().into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), answer);
    assert!(rig.out.faults.is_empty());
    rig.get_addr(2);
    assert!(rig.sent().is_empty());
    assert_eq!(rig.out.faults, [(PeerId::new(2), Misbehaviour::RepeatedRequest)]);
    rig.get_addr(1);
    assert!(rig.sent().is_empty(), "we called it");
    assert_eq!(rig.out.faults.len(), 1);
}

#[test]
fn a_book_that_has_doubled_is_worth_another_answer() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound, true);
    for peer in 2..=4 {
        rig.join(peer, Direction::Inbound, true);
    }
    rig.get_addr(2);
    assert!(rig.told().is_empty(), "nothing is known yet");
    rig.addr(1, &[entry(1)]);
    rig.get_addr(3);
    assert_eq!(rig.told().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever peers tell, what waits and what is known stays within its limits, and time goes on.
    #[test]
    fn floods_stay_bounded(steps in vec((0..6_u64, 0..5_u8, 0..100_000_u32, 0..1_000_u32, 0..100_000_u64), 1..80)) {
        let mut rig = Rig::with(|config| config.external = OWN.parse().ok());
        for (peer, what, from, count, millis) in steps {
            match what {
                0 => {
                    let direction = if count % 2 == 0 { Direction::Inbound } else { Direction::Outbound };
                    rig.join(peer, direction, count % 3 == 0);
                }
                1 => rig.gossip.on_closed(PeerId::new(peer)),
                2 => rig.get_addr(peer),
                3 => rig.addr(peer, &(from..from + count % 11).map(entry).collect::<Vec<_>>()),
                _ => rig.addr(peer, &(from..from + count).map(entry).collect::<Vec<_>>()),
            }
            rig.pass(Duration::from_millis(millis));
            for (_, message) in rig.sent() {
                let length = match message {
                    Message::Addr(entries) => entries.len(),
                    Message::AddrV2(entries) => entries.len(),
                    _ => 0,
                };
                prop_assert!(length <= MAX_ADDR);
            }
            prop_assert!(rig.gossip.peers.values().all(|peer| peer.waiting() <= MAX_QUEUE));
        }
    }
}

#[test]
fn the_queue_of_a_peer_is_bounded() {
    let mut rig = Rig::new();
    rig.join(1, Direction::Outbound, true);
    let (now, rng) = (rig.now, &mut rig.rng);
    let state = rig.gossip.peers.get_mut(&PeerId::new(1)).expect("there");
    for number in 0..MAX_QUEUE as u32 {
        state.push(now, rng, entry(number));
    }
    assert_eq!(state.waiting(), MAX_QUEUE);
    state.push(now, rng, entry(3));
    state.push(now, rng, entry(MAX_QUEUE as u32));
    assert_eq!(state.waiting(), MAX_QUEUE);
}
