//! Whatever the order of events, the node ends on the best chain of the honest peers that stay.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cairn_params::ChainSpec;
use cairn_primitives::Header;
use proptest::prelude::*;

use super::fake::{FakeChain, Rig, answer, mine, spec};
use crate::event::PeerId;
use crate::handshake::Direction;
use crate::message::{Inventory, Message};
use crate::ports::ChainView;
use crate::sync::limits::{MAX_IN_FLIGHT, MAX_IN_FLIGHT_PER_PEER, MAX_WAITING_BATCHES};

/// One node out there.
struct Remote {
    chain: FakeChain,
    /// Whether it answers at all.
    answers: bool,
    direction: Direction,
    connection: Option<Connection>,
}

struct Connection {
    id: PeerId,
    to_remote: VecDeque<Message>,
    to_node: VecDeque<Message>,
}

#[derive(Clone, Debug)]
struct Plan {
    /// Length of the common chain, then for each remote: where it leaves, how far it goes, whether it answers, whether
    /// it calls us.
    trunk: usize,
    remotes: Vec<(usize, usize, bool, bool)>,
    recent: bool,
    steps: Vec<(u8, usize)>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let remote = (0_usize..40, 0_usize..60, prop::bool::weighted(0.75), any::<bool>());
    let steps = prop::collection::vec((0_u8..10, 0_usize..1_000), 0..150);
    (1_usize..40, prop::collection::vec(remote, 1..5), any::<bool>(), steps)
        .prop_map(|(trunk, remotes, recent, steps)| Plan { trunk, remotes, recent, steps })
}

struct World {
    spec: Arc<ChainSpec>,
    rig: Rig,
    remotes: Vec<Remote>,
    mined: u8,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let spec = spec();
        let genesis = FakeChain::new(&spec).genesis();
        let trunk = mine(&spec, &genesis, plan.trunk, 1, 1);
        let remotes = plan.remotes.iter().enumerate().map(|(index, &(leaves, length, answers, calls))| {
            let leaves = leaves.min(trunk.len());
            let parent = leaves.checked_sub(1).map_or(genesis, |at| trunk[at]);
            let branch = mine(&spec, &parent, length, 1, 10 + index as u8);
            let chain: Vec<Header> = trunk[..leaves].iter().chain(&branch).copied().collect();
            let direction = if calls { Direction::Inbound } else { Direction::Outbound };
            Remote { chain: FakeChain::with_blocks(&spec, &chain), answers, direction, connection: None }
        });
        let remotes = remotes.collect();
        let age = if plan.recent { 100 } else { 10_000_000 };
        let now = Duration::from_secs(u64::from(genesis.time.to_u32()) + age);
        let mut rig = Rig::with_spec(spec.clone(), now);
        rig.checks = false;
        Self { spec, rig, remotes, mined: 100 }
    }

    fn step(&mut self, kind: u8, choice: usize) {
        let index = choice % self.remotes.len();
        match kind {
            0 => self.connect(index),
            1 if choice.is_multiple_of(3) => self.close(index),
            2 => self.reach_remote(index),
            3 | 4 => self.reach_node(index),
            5 => self.mine(index, choice),
            6 => self.rig.pass(Duration::from_secs(choice as u64 % 40)),
            7 => self.check_headers(choice),
            8 => self.check_block(choice),
            _ => (0..10).for_each(|_| {
                self.reach_remote(index);
                self.reach_node(index);
            }),
        }
        self.settle();
    }

    fn connect(&mut self, index: usize) {
        let remote = &mut self.remotes[index];
        if remote.connection.is_none() {
            let id = self.rig.connect(remote.direction, false);
            let (to_remote, to_node) = (VecDeque::new(), VecDeque::new());
            remote.connection = Some(Connection { id, to_remote, to_node });
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(connection) = self.remotes[index].connection.take() {
            self.rig.close(connection.id);
        }
    }

    /// The remote takes its next message and answers.
    fn reach_remote(&mut self, index: usize) {
        let remote = &mut self.remotes[index];
        let Some(connection) = remote.connection.as_mut() else { return };
        let Some(message) = connection.to_remote.pop_front() else { return };
        if remote.answers {
            connection.to_node.extend(answer(&remote.chain, &message));
        }
    }

    /// The node takes the next message of a remote.
    fn reach_node(&mut self, index: usize) {
        let Some(connection) = self.remotes[index].connection.as_mut() else { return };
        if let Some(message) = connection.to_node.pop_front() {
            let id = connection.id;
            self.rig.receive(id, message);
        }
        self.settle();
    }

    /// A remote finds a block and announces it in one way or the other.
    fn mine(&mut self, index: usize, choice: usize) {
        self.mined = self.mined.wrapping_add(1).max(100);
        let remote = &mut self.remotes[index];
        let tip = remote.chain.tip().hash;
        let tip = remote.chain.header(&tip).expect("the tip is known").header;
        let header = mine(&self.spec, &tip, 1, 1, self.mined)[0];
        remote.chain.submit(header);
        if let Some(connection) = remote.connection.as_mut() {
            connection.to_node.push_back(match choice % 2 {
                0 => Message::Inv(vec![Inventory::Block(header.hash())]),
                _ => Message::Headers(vec![header]),
            });
        }
    }

    fn check_headers(&mut self, choice: usize) {
        if !self.rig.to_check.is_empty() {
            let (peer, headers) = self.rig.to_check.remove(choice % self.rig.to_check.len());
            let outcome = self.rig.chain.submit_headers(&headers);
            self.rig.run(|sync, cx| sync.on_headers_checked(cx, peer, outcome));
        }
    }

    fn check_block(&mut self, choice: usize) {
        if !self.rig.blocks_to_check.is_empty() {
            let (peer, block) = self.rig.blocks_to_check.remove(choice % self.rig.blocks_to_check.len());
            self.rig.check_block(peer, block.header);
        }
    }

    /// Sorts what the node has said, and sees that what must always hold does.
    fn settle(&mut self) {
        for (id, message) in self.rig.take_sent() {
            let connection = self.remotes.iter_mut().filter_map(|remote| remote.connection.as_mut());
            if let Some(connection) = connection.into_iter().find(|connection| connection.id == id) {
                connection.to_remote.push_back(message);
            }
        }
        for (id, _) in std::mem::take(&mut self.rig.drops) {
            for remote in &mut self.remotes {
                remote.connection.take_if(|connection| connection.id == id);
            }
        }
        assert!(self.rig.faults.is_empty(), "nobody here breaks a rule: {:?}", self.rig.faults);
        let sync = &self.rig.sync;
        let mut in_flight = 0;
        for (id, peer) in &sync.peers {
            assert!(peer.download.in_flight.len() <= MAX_IN_FLIGHT_PER_PEER);
            assert!(peer.headers.waiting.len() <= MAX_WAITING_BATCHES);
            in_flight += peer.download.in_flight.len();
            let owned = |(_, hash)| sync.download.in_flight.get(hash) == Some(id);
            assert!(peer.download.in_flight.iter().map(|(height, hash)| (height, hash)).all(owned));
        }
        assert_eq!(in_flight, sync.download.in_flight.len());
        assert!(in_flight <= MAX_IN_FLIGHT);
    }

    fn is_quiet(&self) -> bool {
        let connections = self.remotes.iter().filter_map(|remote| remote.connection.as_ref());
        let silent = connections.into_iter().all(|open| open.to_remote.is_empty() && open.to_node.is_empty());
        silent && self.rig.to_check.is_empty() && self.rig.blocks_to_check.is_empty()
    }

    /// Everybody does what there is to do, for some time.
    fn finish(&mut self) {
        for _ in 0..30 {
            for index in 0..self.remotes.len() {
                self.connect(index);
            }
            self.settle();
            while !self.is_quiet() {
                for index in 0..self.remotes.len() {
                    self.reach_remote(index);
                    self.reach_node(index);
                }
                self.check_headers(0);
                self.check_block(0);
                self.settle();
            }
            self.rig.pass(Duration::from_secs(20));
            self.settle();
        }
    }
}

proptest! {
    #[test]
    fn the_node_ends_on_the_best_chain_of_the_peers_that_answer(plan in plan()) {
        let mut world = World::new(&plan);
        for &(kind, choice) in &plan.steps {
            world.step(kind, choice);
        }
        world.finish();
        let tip = world.rig.chain.tip();
        for remote in world.remotes.iter().filter(|remote| remote.answers) {
            let theirs = remote.chain.tip();
            prop_assert!(tip.work >= theirs.work, "{} blocks here, {} there", tip.height, theirs.height);
        }
    }

    /// Messages in no order at all, from a peer that keeps no rule: nothing panics, and the bounds hold.
    #[test]
    fn no_messages_harm_it(steps in prop::collection::vec((0_u8..9, 0_usize..64), 0..120)) {
        let mut rig = Rig::new();
        rig.checks = false;
        let chain = mine(&rig.spec, &rig.chain.genesis(), 64, 1, 1);
        let peers = [rig.outbound(), rig.inbound(), rig.connect(Direction::Outbound, true)];
        for (kind, choice) in steps {
            let peer = peers[choice % 3];
            let (a, b) = (choice, (choice * 7 + 3) % 64);
            let part = &chain[a.min(b)..=a.max(b)];
            let hash = chain[a].hash();
            match kind {
                0 => rig.headers(peer, part),
                1 => rig.headers(peer, &[]),
                2 => rig.receive(peer, Message::Inv(vec![Inventory::Block(hash)])),
                3 => rig.block(peer, chain[a]),
                4 => rig.run(|sync, cx| sync.on_block_not_found(cx, peer, &[hash])),
                5 => rig.run(|sync, cx| sync.on_get_block_data(cx, peer, &[(hash, true)])),
                6 => rig.run(|sync, cx| sync.on_block_sent(cx, peer)),
                7 => rig.pass(Duration::from_secs(choice as u64)),
                _ => rig.check_all(),
            }
            prop_assert!(rig.sync.blocks_in_flight() <= 3 * MAX_IN_FLIGHT_PER_PEER);
        }
    }
}
