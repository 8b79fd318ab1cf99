//! Adversaries that do too little, or claim too much.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_p2p::{Message, Version};

use super::{Behaviour, Line, Stage};
use crate::network::adversary::headers::answer;

/// Opens connections, accepts them, and never says a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Behaviour for Silent {
    fn breaks_rules(&self) -> bool {
        true
    }

    fn shakes_hands(&self) -> bool {
        false
    }
}

/// Answers as an honest node does, each time after a delay, one answer after the other.
#[derive(Debug)]
pub struct Slow {
    delay: Duration,
    free_at: Duration,
    answers: BTreeMap<(Duration, u64), (Line, Message)>,
    count: u64,
}

impl Slow {
    /// One that takes this long for each answer.
    pub const fn new(delay: Duration) -> Self {
        Self { delay, free_at: Duration::ZERO, answers: BTreeMap::new(), count: 0 }
    }
}

impl Behaviour for Slow {
    fn breaks_rules(&self) -> bool {
        false
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        for answer in answer(stage.chain, &message, true) {
            self.free_at = self.free_at.max(stage.now) + self.delay;
            self.answers.insert((self.free_at, self.count), (line, answer));
            self.count += 1;
            stage.wake_in(self.free_at - stage.now);
        }
    }

    fn on_wake(&mut self, stage: &mut Stage<'_>) {
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= stage.now) {
            let (line, message) = entry.remove();
            stage.send(line, message);
        }
    }
}

/// Claims a chain of two thousand million blocks and has no header to show for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeightLiar;

impl Behaviour for HeightLiar {
    fn breaks_rules(&self) -> bool {
        false
    }

    fn introduce(&self, version: &mut Version) {
        version.start_height = 2_000_000_000;
    }

    fn on_message(&mut self, stage: &mut Stage<'_>, line: Line, message: Message) {
        if let Message::GetHeaders(_) = message {
            stage.send(line, Message::Headers(Vec::new()));
        }
    }
}
