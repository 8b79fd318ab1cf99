//! What an experimenter does to the network.

use std::net::IpAddr;
use std::time::Duration;

use cairn_chainstate::simulate::PowerCut;
use cairn_p2p::Event;

use super::HostId;
use super::link::LinkConfig;
use super::sim::Network;

impl Network {
    /// Lets no segment pass between these groups of hosts. Hosts in none of them form a group of their own. Takes the
    /// place of an earlier partition.
    pub fn partition(&mut self, groups: &[Vec<HostId>]) {
        let numbered = groups.iter().zip(1..);
        let groups: Vec<(HostId, u32)> =
            numbered.flat_map(|(group, number)| group.iter().map(move |host| (*host, number))).collect();
        self.wire.cut(&groups);
        // Who was apart and no longer is.
        self.wire.retry(&mut self.time);
    }

    /// Lets all hosts reach each other again.
    pub fn heal(&mut self) {
        self.partition(&[]);
    }

    /// Changes how bytes fare from now on. Open connections keep their latency.
    pub fn set_link(&mut self, link: LinkConfig) {
        self.wire.link = link;
    }

    /// How bytes fare now.
    pub fn link(&self) -> LinkConfig {
        self.wire.link
    }

    /// Has a node keep a connection to another open, as its operator would.
    pub fn connect(&mut self, from: HostId, to: HostId) {
        let addr = self.wire.addr(to);
        let (node, time, wire) = self.node_mut(from);
        node.feed(time, wire, Event::AddNode { addr });
    }

    /// Has a node do something its operator asks for.
    pub fn tell(&mut self, host: HostId, event: Event) {
        let (node, time, wire) = self.node_mut(host);
        node.feed(time, wire, event);
    }

    /// The address by which a host is known.
    pub fn ip(&self, host: HostId) -> IpAddr {
        self.wire.addr(host).ip()
    }

    /// Switches a node off in good order: its connections are closed, its chain, pool and addresses are kept.
    pub fn stop(&mut self, host: HostId) {
        let (node, time, wire) = self.node_mut(host);
        node.stop(time, wire);
    }

    /// Takes the power away from a node: nobody is told, its pool and addresses are gone, and of its chain remains what
    /// `cut` leaves.
    pub fn crash(&mut self, host: HostId, cut: PowerCut) {
        let (node, _, wire) = self.node_mut(host);
        node.crash(wire, cut);
    }

    /// Switches a node on again. Does nothing if it is on.
    pub fn start(&mut self, host: HostId) {
        let (node, time, wire) = self.node_mut(host);
        if node.running().is_none() {
            node.start(time, wire);
            wire.retry(time);
        }
    }

    /// Switches a node off in good order and, after some time, on again.
    pub fn restart(&mut self, host: HostId, after: Duration) {
        self.stop(host);
        self.run_for(after);
        self.start(host);
    }
}
