//! The chain's event log as the HTTP interface tells it.
//!
//! The log has one entry for each block connected or disconnected. Outwardly each connected block is a `block` event with
//! its entry's id, and each run of disconnected blocks is one `reorg` event, with the id of the run's last entry, that also
//! lists the blocks which took their place.

use cairn_chainstate::{ChainEvent, EventKind};
use cairn_primitives::{BlockHash, BlockTime, Header, Height, Work};
use cairn_rpc::{BlockEvent, BlockRef, Event, EventKind as Told, ReorgEvent};

/// What the translation needs to know about blocks.
pub(crate) trait Headers {
    /// A block's header and the work of the chain up to it.
    fn header(&self, hash: &BlockHash) -> Option<(Header, Work)>;

    /// How many transactions a block has; `None` if it is not here.
    fn tx_count(&self, hash: &BlockHash) -> Option<u32>;
}

/// Events out of log entries that follow one another, and what was taken from the log for them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Translated {
    pub(crate) events: Vec<Event>,
    /// The entries at the end are an unfinished reorganisation: read them again with more behind them.
    pub(crate) unfinished: bool,
}

/// Translates consecutive log entries, oldest first.
///
/// A reorganisation at the end whose new branch has not yet overtaken the old one is held back, so that a reader never
/// sees half of its `connected` list.
pub(crate) fn translate(log: &[ChainEvent], headers: &impl Headers) -> Translated {
    let mut out = Translated::default();
    let mut at = 0;
    while let Some(entry) = log.get(at) {
        match entry.kind {
            EventKind::Connected => {
                out.events.push(connected(entry, headers));
                at += 1;
            }
            EventKind::Disconnected => {
                let run = &log[at..];
                let gone = run.iter().take_while(|e| e.kind == EventKind::Disconnected).count();
                let new = replacement(entry, &run[gone..], headers);
                if !new.finished {
                    out.unfinished = true;
                    return out;
                }
                out.events.push(reorg(&run[..gone], &run[gone..gone + new.length]));
                at += gone;
            }
        }
    }
    out
}

struct Replacement {
    length: usize,
    finished: bool,
}

/// How many of the entries behind a run of disconnected blocks replace it: up to the first block with more work than the
/// old tip, or up to the next block taken off.
fn replacement(old_tip: &ChainEvent, after: &[ChainEvent], headers: &impl Headers) -> Replacement {
    let work = |hash| headers.header(hash).map(|(_, work)| work);
    let goal = work(&old_tip.hash);
    for (i, entry) in after.iter().enumerate() {
        if entry.kind == EventKind::Disconnected {
            return Replacement { length: i, finished: true };
        }
        if work(&entry.hash) > goal {
            return Replacement { length: i + 1, finished: true };
        }
    }
    Replacement { length: after.len(), finished: false }
}

fn connected(entry: &ChainEvent, headers: &impl Headers) -> Event {
    let header = headers.header(&entry.hash).map(|(header, _)| header);
    Event {
        id: entry.id.to_u64(),
        kind: Told::Block(BlockEvent {
            hash: entry.hash,
            height: entry.height,
            prev_hash: header.map_or(BlockHash::ZERO, |header| header.prev),
            timestamp: header.map_or(BlockTime::new(0), |header| header.time),
            tx_count: headers.tx_count(&entry.hash),
        }),
    }
}

fn reorg(gone: &[ChainEvent], new: &[ChainEvent]) -> Event {
    let reference = |entry: &ChainEvent| BlockRef { hash: entry.hash, height: entry.height };
    let last = gone.last().expect("a run has at least the entry it began with");
    Event {
        id: last.id.to_u64(),
        kind: Told::Reorg(ReorgEvent {
            fork_height: last.height.prev().unwrap_or(Height::GENESIS),
            disconnected: gone.iter().map(reference).collect(),
            connected: new.iter().map(reference).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use cairn_chainstate::EventId;
    use cairn_primitives::{CompactTarget, MerkleRoot};

    use super::*;

    struct Known(HashMap<BlockHash, u8>);

    impl Headers for Known {
        fn header(&self, hash: &BlockHash) -> Option<(Header, Work)> {
            let work = *self.0.get(hash)?;
            let header = Header {
                version: 1,
                prev: BlockHash::ZERO,
                merkle_root: MerkleRoot::ZERO,
                time: BlockTime::new(u32::from(work)),
                bits: CompactTarget::from_bits(0x207f_ffff),
                nonce: 0,
            };
            let mut bytes = [0; 32];
            bytes[31] = work;
            Some((header, Work::from_be_bytes(bytes)))
        }

        fn tx_count(&self, hash: &BlockHash) -> Option<u32> {
            self.0.get(hash).map(|work| u32::from(*work))
        }
    }

    /// A log from steps such as `+a1` (connect block a at height 1) and `-a1`; work grows with height.
    fn log(steps: &[&str]) -> (Vec<ChainEvent>, Known) {
        let mut known = HashMap::new();
        let entries = steps.iter().zip(1..).map(|(step, id)| {
            let [sign, branch, height] = step.as_bytes() else { panic!("three characters: {step}") };
            let height = height - b'0';
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&[*branch, height]);
            let hash = BlockHash::from_bytes(bytes);
            known.insert(hash, height);
            ChainEvent {
                id: EventId::new(id),
                kind: if *sign == b'+' { EventKind::Connected } else { EventKind::Disconnected },
                height: Height::new(u32::from(height)),
                hash,
            }
        });
        (entries.collect(), Known(known))
    }

    /// The events in short: `1:block 1`, or `4:reorg 1 -2 +2` with fork height and the numbers of blocks.
    fn told(steps: &[&str]) -> (Vec<String>, bool) {
        let (log, known) = log(steps);
        let translated = translate(&log, &known);
        let tell = |event: &Event| match &event.kind {
            Told::Block(block) => format!("{}:block {}", event.id, block.height),
            Told::Reorg(r) => {
                format!(
                    "{}:reorg {} -{} +{}",
                    event.id,
                    r.fork_height,
                    r.disconnected.len(),
                    r.connected.len()
                )
            }
        };
        (translated.events.iter().map(tell).collect(), translated.unfinished)
    }

    #[test]
    fn connected_blocks_are_told_one_by_one() {
        assert_eq!(told(&["+a1", "+a2"]), (vec!["1:block 1".into(), "2:block 2".into()], false));
    }

    #[test]
    fn a_reorganisation_lists_both_branches() {
        let (events, unfinished) = told(&["+a1", "+a2", "-a2", "-a1", "+b1", "+b2", "+b3", "+b4"]);
        let expected =
            ["1:block 1", "2:block 2", "4:reorg 0 -2 +3", "5:block 1", "6:block 2", "7:block 3", "8:block 4"];
        assert_eq!(events, expected);
        assert!(!unfinished);
    }

    #[test]
    fn a_reorganisation_under_way_is_held_back() {
        assert_eq!(told(&["+a1", "+a2", "-a2"]), (vec!["1:block 1".into(), "2:block 2".into()], true));
        let (events, unfinished) = told(&["+a1", "+a2", "-a2", "+b2"]);
        assert_eq!((events.len(), unfinished), (2, true));
    }

    #[test]
    fn a_reorganisation_that_is_taken_back_ends_where_it_turns() {
        let (events, unfinished) = told(&["+a1", "+a2", "-a2", "-a1", "+b1", "-b1", "+a1", "+a2"]);
        let expected = [
            "1:block 1",
            "2:block 2",
            "4:reorg 0 -2 +1",
            "5:block 1",
            "6:reorg 0 -1 +2",
            "7:block 1",
            "8:block 2",
        ];
        assert_eq!(events, expected);
        assert!(!unfinished);
    }
}
