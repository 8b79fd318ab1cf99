//! Compact block filters (BIP158): which scripts a block pays to or spends from, in a few bytes for each.
//!
//! A filter is a set of numbers, one for each script, sorted, and coded as the differences between neighbours
//! (Golomb-Rice). Asked for a script that is in the block it always says yes; for any other, yes once in 784,931 times.
//! Filters are linked by headers, each the hash of a filter and the header before it (BIP157), so that whoever knows one
//! header can check all filters up to it.
//!
//! ```
//! use cairn_chainstate::BlockFilter;
//! use cairn_params::presets;
//!
//! let block = presets::regtest().genesis_block();
//! let filter = BlockFilter::basic(&block, []);
//! let paid = &block.transactions[0].outputs()[0].script_pubkey;
//! assert_eq!(filter.matches(&block.hash(), [paid]), Ok(true));
//! ```

use std::fmt;

use cairn_primitives::hash::{self, siphash24};
use cairn_primitives::{Block, BlockHash, Script, Sha256d, codec};

/// Bits of a number's difference that are written as they are: BIP158's `P`.
const REMAINDER_BITS: u32 = 19;

/// One in so many scripts that are not in the block matches all the same: BIP158's `M`.
const FALSE_POSITIVES: u64 = 784_931;

/// The opcode that marks an output as data.
const OP_RETURN: u8 = 0x6a;

/// The basic filter of a block, in its wire form: the number of scripts, then their coded set.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockFilter {
    bytes: Vec<u8>,
}

/// The bytes are no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter ends before its last script, or has no number of scripts")]
pub struct FilterError;

impl BlockFilter {
    /// The filter of a block that spends coins with the scripts in `spent` (BIP158: every script its outputs pay to, but for
    /// empty ones and those that begin with `OP_RETURN`; and every script its inputs spend from, but for empty ones).
    pub fn basic<'a>(block: &'a Block, spent: impl IntoIterator<Item = &'a Script>) -> Self {
        let outputs = block.transactions.iter().flat_map(|tx| tx.outputs());
        let paid = outputs.map(|output| &output.script_pubkey);
        let paid = paid.filter(|script| script.as_bytes().first() != Some(&OP_RETURN));
        let scripts = paid.chain(spent).map(Script::as_bytes).filter(|script| !script.is_empty());
        let mut scripts: Vec<&[u8]> = scripts.collect();
        scripts.sort_unstable();
        scripts.dedup();
        Self::of(&block.hash(), &scripts)
    }

    /// The filter of scripts that are all different.
    fn of(block: &BlockHash, scripts: &[&[u8]]) -> Self {
        let count = scripts.len() as u64;
        let mut bytes = Vec::with_capacity(9 + scripts.len() * 3);
        codec::put_compact_size(&mut bytes, count);
        let range = Range::new(block, count);
        let mut numbers: Vec<u64> = scripts.iter().map(|script| range.number(script)).collect();
        numbers.sort_unstable();
        let mut bits = BitWriter { bytes, used: 8 };
        let mut last = 0;
        for number in numbers {
            let difference = number - last;
            last = number;
            (0..difference >> REMAINDER_BITS).for_each(|_| bits.put(1, 1));
            bits.put(0, 1);
            bits.put(difference, REMAINDER_BITS);
        }
        BlockFilter { bytes: bits.bytes }
    }

    /// A filter in its wire form. Whether it is well-formed shows when it is asked.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        BlockFilter { bytes }
    }

    /// The wire form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The filter's own hash.
    pub fn hash(&self) -> Sha256d {
        Sha256d::from_bytes(hash::sha256d(&self.bytes))
    }

    /// The filter's header on that of the block before, which for genesis is all zeros.
    pub fn header(&self, previous: &Sha256d) -> Sha256d {
        Sha256d::from_bytes(hash::sha256d(&[self.hash().to_bytes(), previous.to_bytes()].concat()))
    }

    /// Whether the block may have something to do with one of `scripts`: `false` is certain. An empty script is in no
    /// filter.
    ///
    /// # Errors
    /// [`FilterError`] if the bytes are no filter.
    pub fn matches<'a>(
        &self,
        block: &BlockHash,
        scripts: impl IntoIterator<Item = &'a Script>,
    ) -> Result<bool, FilterError> {
        let (count, set) = read_count(&self.bytes).ok_or(FilterError)?;
        let range = Range::new(block, count);
        let scripts = scripts.into_iter().map(Script::as_bytes).filter(|script| !script.is_empty());
        let mut wanted: Vec<u64> = scripts.map(|script| range.number(script)).collect();
        wanted.sort_unstable();
        let mut wanted = wanted.into_iter().peekable();
        let mut bits = BitReader { bytes: set, at: 0 };
        let mut number = 0_u64;
        for _ in 0..count {
            number = number.checked_add(bits.difference().ok_or(FilterError)?).ok_or(FilterError)?;
            while wanted.next_if(|wanted| *wanted < number).is_some() {}
            match wanted.peek() {
                Some(wanted) if *wanted == number => return Ok(true),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Ok(false)
    }
}

impl fmt::Debug for BlockFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockFilter({})", cairn_primitives::hex::encode(&self.bytes))
    }
}

/// How the scripts of one block become numbers.
struct Range {
    key: (u64, u64),
    end: u64,
}

impl Range {
    fn new(block: &BlockHash, count: u64) -> Self {
        let half = |from: usize| {
            let bytes = block.as_bytes()[from..from + 8].try_into().expect("eight of thirty-two bytes");
            u64::from_le_bytes(bytes)
        };
        Range { key: (half(0), half(8)), end: count.saturating_mul(FALSE_POSITIVES) }
    }

    /// The script's hash, spread evenly over the range.
    fn number(&self, script: &[u8]) -> u64 {
        let hash = siphash24(self.key.0, self.key.1, script);
        ((u128::from(hash) * u128::from(self.end)) >> 64) as u64
    }
}

fn read_count(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut reader = codec::Reader::new(bytes);
    let count = reader.compact_size().ok()?;
    Some((count, &bytes[reader.position()..]))
}

/// Writes bits, the first as the highest of a byte.
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits used of the last byte.
    used: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`, the highest of them first.
    fn put(&mut self, value: u64, count: u32) {
        for place in (0..count).rev() {
            if self.used == 8 {
                self.bytes.push(0);
                self.used = 0;
            }
            let bit = (value >> place & 1) as u8;
            let last = self.bytes.last_mut().expect("a byte was added when the last was full");
            *last |= bit << (7 - self.used);
            self.used += 1;
        }
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read.
    at: usize,
}

impl BitReader<'_> {
    fn bit(&mut self) -> Option<u64> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    fn difference(&mut self) -> Option<u64> {
        let mut quotient = 0_u64;
        while self.bit()? == 1 {
            quotient += 1;
        }
        let mut remainder = 0;
        for _ in 0..REMAINDER_BITS {
            remainder = remainder << 1 | self.bit()?;
        }
        // As many ones as that do not fit in memory.
        Some(quotient << REMAINDER_BITS | remainder)
    }
}

#[cfg(test)]
mod tests {
    use cairn_primitives::{Decode, hex};
    use proptest::prelude::*;

    use super::*;

    fn script(hex: &str) -> Script {
        Script::from_bytes(hex::decode(hex).unwrap())
    }

    /// The vectors that BIP158 and Bitcoin Core publish (`src/test/data/blockfilters.json`).
    #[test]
    fn published_filters() {
        let text = include_str!("../tests/data/blockfilters.json");
        let rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        let rows: Vec<_> = rows.iter().filter(|row| row[0].is_u64()).collect();
        assert_eq!(rows.len(), 10);
        for row in rows {
            let text = |at: usize| row[at].as_str().unwrap();
            let block = Block::from_bytes(&hex::decode(text(2)).unwrap()).unwrap();
            assert_eq!(block.hash().to_string(), text(1));
            let spent: Vec<Script> =
                row[3].as_array().unwrap().iter().map(|hex| script(hex.as_str().unwrap())).collect();
            let filter = BlockFilter::basic(&block, &spent);
            assert_eq!(hex::encode(filter.as_bytes()), text(5), "block {}", row[0]);
            let previous: BlockHash = text(4).parse().unwrap();
            let header = filter.header(&Sha256d::from_bytes(previous.to_bytes()));
            assert_eq!(BlockHash::from_bytes(header.to_bytes()).to_string(), text(6), "block {}", row[0]);
            for script in spent.iter().filter(|script| !script.as_bytes().is_empty()) {
                assert_eq!(filter.matches(&block.hash(), [script]), Ok(true));
            }
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let block = BlockHash::from_bytes([7; 32]);
        let one = script("51");
        let ask = |bytes: &[u8]| BlockFilter::from_bytes(bytes.to_vec()).matches(&block, [&one]);
        assert_eq!(ask(&[]), Err(FilterError));
        assert_eq!(ask(&[0]), Ok(false), "the filter of no script");
        assert_eq!(ask(&[1]), Err(FilterError));
        assert_eq!(ask(&[1, 0, 0]), Err(FilterError), "twenty bits are needed");
        assert_eq!(ask(&[1, 0, 0, 0]), Ok(false));
        assert_eq!(ask(&[1, 0xff, 0xff, 0xff]), Err(FilterError));
        assert_eq!(ask(&[0xff; 9]), Err(FilterError));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Everything that is in matches, and of what is not in hardly anything does.
        #[test]
        fn a_filter_knows_its_scripts(seed: [u8; 32], count in 1_u32..200) {
            let block = BlockHash::from_bytes(seed);
            let scripts: Vec<Script> =
                (0..count).map(|n| Script::from_bytes(n.to_le_bytes().to_vec())).collect();
            let bytes: Vec<&[u8]> = scripts.iter().map(Script::as_bytes).collect();
            let filter = BlockFilter::of(&block, &bytes);
            for script in &scripts {
                prop_assert_eq!(filter.matches(&block, [script]), Ok(true));
            }
            let others: Vec<Script> =
                (1_000..1_200_u32).map(|n| Script::from_bytes(n.to_le_bytes().to_vec())).collect();
            let matched = others.iter().filter(|script| filter.matches(&block, [*script]) == Ok(true)).count();
            // The odds for three of two hundred are one in ten thousand million.
            prop_assert!(matched < 3);
        }

        #[test]
        fn any_bytes_are_answered_or_refused(bytes: Vec<u8>) {
            let _answer = BlockFilter::from_bytes(bytes).matches(&BlockHash::ZERO, [&script("51")]);
        }
    }
}
