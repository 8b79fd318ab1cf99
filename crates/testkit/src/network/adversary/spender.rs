//! An adversary that pays two with one coin.

use std::time::Duration;

use cairn_p2p::{Inventory, Message};
use cairn_primitives::Transaction;

use super::{Behaviour, Line, Stage};
use crate::network::DoubleSpend;

/// Shows one spend of a coin to every other peer, and another spend to the rest.
#[derive(Debug)]
pub struct DoubleSpender {
    spends: [Transaction; 2],
    shown: Vec<Line>,
    waiting: bool,
}

/// From the first handshake to showing the spends to all at once: who is told early would tell the others.
const GATHER: Duration = Duration::from_secs(20);

impl DoubleSpender {
    /// One with these two spends.
    pub fn new(spends: &DoubleSpend) -> Self {
        Self { spends: spends.spends.clone(), shown: Vec::new(), waiting: false }
    }

    fn for_line(&self, line: Line) -> Option<&Transaction> {
        let place = self.shown.iter().position(|shown| *shown == line)?;
        Some(&self.spends[place % 2])
    }
}

impl Behaviour for DoubleSpender {
    fn breaks_rules(&self) -> bool {
        false
    }

    fn on_established(&mut self, stage: &mut Stage<'_>, _: Line) {
        if !std::mem::replace(&mut self.waiting, true) {
            stage.wake_in(GATHER);
        }
    }

    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        self.waiting = false;
        for line in stage.lines() {
            if !self.shown.contains(&line) {
                self.shown.push(line);
            }
            if let Some(tx) = self.for_line(line) {
                stage.send(line, Message::Inv(vec![Inventory::Wtx(tx.wtxid())]));
            }
        }
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        let (Message::GetData(wanted), Some(tx)) = (message, self.for_line(line)) else { return };
        let asked = |wanted: &Inventory| match wanted {
            Inventory::Wtx(id) => *id == tx.wtxid(),
            Inventory::Tx(id) | Inventory::WitnessTx(id) => *id == tx.txid(),
            Inventory::Block(_) | Inventory::WitnessBlock(_) | Inventory::Other { .. } => false,
        };
        if wanted.iter().any(asked) {
            stage.send(line, Message::Tx(Box::new(tx.clone())));
        }
    }
}
