//! Old blocks of our own best chain that are not here: below a snapshot of the coins, or lost to damage.
//!
//! They are in no peer's window, which begins above our tip. A peer is asked for some of them whenever it owes us nothing
//! from above the tip: what is new always goes first.

use super::Sync;
use super::limits::{MAX_IN_FLIGHT, MAX_WANTED_PER_PEER, WANTED};
use super::peer::Peer;
use crate::event::PeerId;
use crate::outbox::Context;
use crate::ports::ChainPoint;

impl Sync {
    /// Asks for wanted blocks wherever there is room, of the peers of our own choice first.
    pub(super) fn ask_for_wanted(&mut self, cx: &mut Context<'_>) {
        let mut room = MAX_IN_FLIGHT.saturating_sub(self.download.in_flight.len());
        if room == 0 || self.download.is_full() {
            return;
        }
        let chain = cx.local.chain;
        let mut wanted = chain.wanted(WANTED);
        wanted.retain(|(_, hash)| !self.download.is_under_way(hash));
        if wanted.is_empty() {
            return;
        }
        let tip = chain.tip();
        let free = self.peers.iter().filter(|(_, peer)| peer.gives_old_blocks(cx.now, &tip));
        let mut order: Vec<(bool, PeerId)> = free.map(|(&id, peer)| (!peer.is_preferred(), id)).collect();
        order.sort_unstable();
        for (_, id) in order {
            let Some((best, in_flight)) = self.peers.get(&id).and_then(Peer::best_and_load) else { continue };
            let most = MAX_WANTED_PER_PEER.saturating_sub(in_flight).min(room);
            let mut ask = Vec::new();
            wanted.retain(|&(height, hash)| {
                let has = ask.len() < most && chain.ancestor(&best.hash, height) == Some(hash);
                if has {
                    ask.push((height, hash));
                }
                !has
            });
            if !ask.is_empty() {
                room = room.saturating_sub(ask.len());
                self.send_get_data(cx, id, &ask);
            }
        }
    }
}

impl Peer {
    /// Whether it can be asked for old blocks now: it has all, and owes us none from above the tip.
    fn gives_old_blocks(&self, now: std::time::Duration, tip: &ChainPoint) -> bool {
        !self.closing
            && self.serves_all() == Some(true)
            && self.download.rest_until <= now
            && self.download.in_flight.iter().all(|(height, _)| *height <= tip.height)
    }

    fn best_and_load(&self) -> Option<(ChainPoint, usize)> {
        Some((self.best?, self.download.in_flight.len()))
    }
}
