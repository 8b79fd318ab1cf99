//! Transactions and blocks as bytes, sound and damaged, written without the code that is under test.

use crate::rng::Rng;

/// Bytes in a header.
const HEADER: usize = 80;

/// The bytes of a transaction, mostly with one fault: a length that is not its shortest form or that lies, the form with
/// witnesses where there are none, an unknown flag, a byte changed, cut out, put in or left over.
pub fn transaction(rng: &mut Rng) -> Vec<u8> {
    let faults = usize::from(rng.chance(35));
    let mut bytes = Writer::new(rng, faults).transaction();
    if rng.chance(35) {
        damage(&mut bytes, rng);
    }
    bytes
}

/// The bytes of a block, with faults as in [`transaction`]; some transactions stand in it twice.
pub fn block(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng.bytes(HEADER);
    let count = if rng.chance(4) { rng.within(251, 254) } else { rng.below(9) };
    let mut transactions: Vec<Vec<u8>> = Vec::new();
    let faulty = if rng.chance(30) { rng.below(count + 1) } else { usize::MAX };
    for number in 0..count {
        let again = number > 0 && rng.chance(15);
        let copy = again.then(|| transactions[rng.below(number)].clone());
        let fresh = |rng: &mut Rng| Writer::new(rng, usize::from(number == faulty)).transaction();
        transactions.push(copy.unwrap_or_else(|| fresh(rng)));
    }
    let mut writer = Writer::new(rng, usize::from(faulty == count));
    writer.size(count);
    bytes.extend(writer.bytes);
    bytes.extend(transactions.concat());
    if rng.chance(25) {
        damage(&mut bytes, rng);
    }
    bytes
}

/// Changes a bit, cuts the end off, puts something in, takes something out, or leaves something over.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(rng.u8());
        return;
    }
    // What decides how the rest is read stands at the front.
    let reach = if rng.chance(30) { bytes.len().min(8) } else { bytes.len() };
    let at = rng.below(reach);
    match rng.below(8) {
        0 | 1 => bytes[at] ^= 1 << rng.below(8),
        2 => bytes[at] = rng.pick(&[0, 1, 2, 0xfc, 0xfd, 0xfe, 0xff]),
        3 => bytes.truncate(rng.below(bytes.len())),
        4 => bytes.insert(at, rng.u8()),
        5 => drop(bytes.remove(at)),
        6 => {
            let size = rng.within(1, 3);
            bytes.extend(rng.bytes(size));
        }
        _ => {
            let end = bytes.len().min(at + rng.within(1, 40));
            let piece = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, piece));
        }
    }
}

/// Writes the parts of a transaction, wrongly where a fault is due.
struct Writer<'r> {
    rng: &'r mut Rng,
    bytes: Vec<u8>,
    /// How many faults are still to be made.
    faults: usize,
    /// Each place where one could be made takes its chance, in percent.
    chance: usize,
}

impl<'r> Writer<'r> {
    fn new(rng: &'r mut Rng, faults: usize) -> Self {
        let chance = rng.pick(&[5, 15, 40]);
        Self { rng, bytes: Vec::new(), faults, chance }
    }

    fn fails(&mut self) -> bool {
        let fails = self.faults > 0 && self.rng.chance(self.chance);
        self.faults -= usize::from(fails);
        fails
    }

    fn transaction(mut self) -> Vec<u8> {
        let version = self.rng.pick(&[1, 2, 2, 3, 0, u32::MAX, 0x8000_0000]);
        self.bytes.extend(version.to_le_bytes());
        let inputs = self.count();
        let witnesses = self.rng.chance(50);
        // Without a single item the form with witnesses is superfluous; flags other than one have no meaning.
        let marked = witnesses ^ self.fails();
        if marked {
            let flag = if self.fails() { self.rng.pick(&[0, 2, 3, 0x80, 0xff]) } else { 1 };
            self.bytes.extend([0, flag]);
        }
        self.size(inputs);
        (0..inputs).for_each(|_| self.input());
        let outputs = self.count();
        self.size(outputs);
        (0..outputs).for_each(|_| self.output());
        if marked {
            let empty = !witnesses || self.fails();
            (0..inputs).for_each(|_| self.witness(empty));
        }
        let lock_time = self.rng.u32();
        self.bytes.extend(lock_time.to_le_bytes());
        self.bytes
    }

    /// How many inputs or outputs: few; now and then none, or as many as take a longer length.
    fn count(&mut self) -> usize {
        match self.rng.below(60) {
            0 | 1 => 0,
            2 => self.rng.within(251, 254),
            _ => self.rng.within(1, 4),
        }
    }

    fn input(&mut self) {
        let null = self.rng.chance(3);
        let txid = if null { [0; 32] } else { self.rng.hash() };
        let vout = if self.rng.chance(10) { u32::MAX } else { self.rng.below(4) as u32 };
        self.bytes.extend(txid);
        self.bytes.extend(vout.to_le_bytes());
        self.script();
        let sequence = if self.rng.chance(50) { u32::MAX } else { self.rng.u32() };
        self.bytes.extend(sequence.to_le_bytes());
    }

    fn output(&mut self) {
        let amount = match self.rng.below(8) {
            0 => self.rng.u64(),
            1 => self.rng.pick(&[0, 1 << 63, i64::MAX as u64, u64::MAX, 2_100_000_000_000_001]),
            _ => self.rng.below(3_000_000_000) as u64,
        };
        self.bytes.extend(amount.to_le_bytes());
        self.script();
    }

    fn script(&mut self) {
        let length = match self.rng.below(40) {
            0 => self.rng.within(251, 255),
            1 if self.rng.chance(10) => self.rng.within(65_534, 65_537),
            _ => self.rng.pick(&[0, 0, 1, 22, 25, 34, 107]),
        };
        self.size(length);
        let bytes = self.rng.bytes(length);
        self.bytes.extend(bytes);
    }

    fn witness(&mut self, empty: bool) {
        let items = match self.rng.below(40) {
            _ if empty => 0,
            0 => self.rng.within(251, 254),
            _ => self.rng.below(4),
        };
        self.size(items);
        (0..items).for_each(|_| self.script());
    }

    /// A length or count. Wrong: in a longer form than need be, off by one, or at and above what is ever read.
    fn size(&mut self, size: usize) {
        let size = size as u64;
        if !self.fails() {
            return self.compact(size, 0);
        }
        match self.rng.below(8) {
            0..=2 => {
                let form = self.rng.within(1, 3);
                self.compact(size, form);
            }
            3 => self.compact(size + 1, 0),
            4 => self.compact(size.saturating_sub(1), 0),
            _ => {
                let large = [0x0200_0000, 0x0200_0001, 4_000_000, 4_000_001, 1 << 31, 1 << 32, u64::MAX];
                let size = self.rng.pick(&large);
                self.compact(size, 0);
            }
        }
    }

    /// A compact size in form `least` or the shortest that holds it, whichever is longer.
    fn compact(&mut self, size: u64, least: usize) {
        let shortest = match size {
            0..=0xfc => 0,
            0xfd..=0xffff => 1,
            0x1_0000..=0xffff_ffff => 2,
            _ => 3,
        };
        let bytes = size.to_le_bytes();
        match least.max(shortest) {
            0 => self.bytes.push(bytes[0]),
            1 => {
                self.bytes.push(0xfd);
                self.bytes.extend(&bytes[..2]);
            }
            2 => {
                self.bytes.push(0xfe);
                self.bytes.extend(&bytes[..4]);
            }
            _ => {
                self.bytes.push(0xff);
                self.bytes.extend(bytes);
            }
        }
    }
}
