//! The tables on disk and the bytes of their rows.
//!
//! Three stores, `chain`, `coins` and `index`, each with its tables. Integers in keys are big-endian, so that
//! they sort; in values they are little-endian. Every form here has a golden-bytes test: a change of one is a
//! new [`DISK_FORM`].

use cairn_crypto::{MuHash, MuHashDigest};
use cairn_primitives::{Amount, BlockHash, Header, Height, OutPoint, Sha256, Txid};
use cairn_store::{Key, TableDef, Value, ValueError, exact};

use crate::coin_codec::{CoinKey, CoinRow, read_outpoint};
use crate::events::{ChainEvent, EventId, EventKind};
use crate::flatfile::{BlockPos, UndoPos};

/// Version of all forms in this module, in [`flatfile`](crate::flatfile) and in
/// [`undo_file`](crate::undo_file).
pub(crate) const DISK_FORM: u32 = 1;

/// The key of tables with one row.
pub(crate) const ONLY: u8 = 0;

/// Store `chain`: whose data this is.
pub(crate) const IDENTITY: TableDef<u8, Identity> = TableDef::new(1, "identity");
/// Store `chain`: where the chain stands.
pub(crate) const STATE: TableDef<u8, StateRow> = TableDef::new(2, "state");
/// Store `chain`: headers in order of arrival, genesis (0) left out.
pub(crate) const HEADERS: TableDef<u32, HeaderRow> = TableDef::new(3, "headers");
/// Store `chain`: where the block and undo data of a header lie.
pub(crate) const BLOCKS: TableDef<u32, BlockRow> = TableDef::new(4, "blocks");
/// Store `chain`: the event log.
pub(crate) const EVENTS: TableDef<u64, EventRow> = TableDef::new(5, "events");
/// Store `chain`: headers whose block was found, or declared, invalid.
pub(crate) const INVALID: TableDef<u32, ()> = TableDef::new(6, "invalid");
/// Store `chain`: which block files were removed; no row before the first was.
pub(crate) const PRUNED: TableDef<u8, PrunedRow> = TableDef::new(7, "pruned");

/// Store `coins`: the unspent coins.
pub(crate) const COINS: TableDef<CoinKey, CoinRow> = TableDef::new(1, "coins");
/// Store `coins`: which block they belong to.
pub(crate) const COINS_STATE: TableDef<u8, CoinsState> = TableDef::new(2, "state");

/// Store `index`: how far each index has read the event log; keys are [`IndexKind::id`](crate::IndexKind).
pub(crate) const CURSORS: TableDef<u8, Cursor> = TableDef::new(1, "cursors");
/// Store `index`: where each transaction of the best chain is.
pub(crate) const TXS: TableDef<[u8; 32], TxRow> = TableDef::new(2, "txs");
/// Store `index`: the transactions that touch a script.
pub(crate) const HISTORY: TableDef<HistoryKey, HistoryRow> = TableDef::new(3, "history");
/// Store `index`: the unspent coins of a script.
pub(crate) const ADDRESS_COINS: TableDef<AddressCoinKey, AddressCoinRow> = TableDef::new(4, "address-coins");
/// Store `index`: the sums of the coins after each block of the best chain, by height.
pub(crate) const COIN_STATS: TableDef<u32, CoinStatsRow> = TableDef::new(5, "coin-stats");
/// Store `index`: the running sums of the coins, with their set.
pub(crate) const COIN_SET: TableDef<u8, CoinSetRow> = TableDef::new(6, "coin-set");

/// Reads fields off the front of a row and at last insists that nothing is left.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], ValueError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(ValueError::Malformed { field })?;
        self.0 = rest;
        Ok(*head)
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, ValueError> {
        self.array(field).map(u32::from_le_bytes)
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, ValueError> {
        self.array(field).map(u64::from_le_bytes)
    }

    fn hash(&mut self, field: &'static str) -> Result<BlockHash, ValueError> {
        self.array(field).map(BlockHash::from_bytes)
    }

    fn end<T>(self, row: T) -> Result<T, ValueError> {
        if self.0.is_empty() { Ok(row) } else { Err(ValueError::Malformed { field: "end" }) }
    }
}

/// Whose data a directory holds: disk form (4), genesis hash (32), chain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) form: u32,
    pub(crate) genesis: BlockHash,
    pub(crate) chain: String,
}

impl Value for Identity {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.form.to_le_bytes());
        out.extend_from_slice(self.genesis.as_bytes());
        out.extend_from_slice(self.chain.as_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let (form, genesis) = (fields.u32("form")?, fields.hash("genesis")?);
        let chain = String::from_utf8_lossy(fields.0).into_owned();
        Ok(Identity { form, genesis, chain })
    }
}

/// Where the chain stands: tip (32), number of the last event (8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateRow {
    pub(crate) tip: BlockHash,
    pub(crate) last_event: EventId,
}

impl Value for StateRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.tip.as_bytes());
        out.extend_from_slice(&self.last_event.to_u64().to_le_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let row = StateRow { tip: fields.hash("tip")?, last_event: EventId::new(fields.u64("last event")?) };
        fields.end(row)
    }
}

/// A header in its 80 wire bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderRow(pub(crate) Header);

impl Value for HeaderRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_array());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        use cairn_primitives::Decode;
        let header = Header::from_bytes(bytes);
        header.map(HeaderRow).map_err(|_| ValueError::Length { got: bytes.len(), expected: Header::SIZE })
    }
}

/// Where a block lies: file, offset, length, checksum; then, once it was connected, offset and length of its
/// undo data. Four bytes each: 16 or 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRow {
    pub(crate) block: BlockPos,
    pub(crate) undo: Option<UndoPos>,
}

impl Value for BlockRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        let BlockPos { file, offset, len, crc } = self.block;
        for number in [file, offset, len, crc] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        if let Some(UndoPos { offset, len }) = self.undo {
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&len.to_le_bytes());
        }
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let block = BlockPos {
            file: fields.u32("file")?,
            offset: fields.u32("offset")?,
            len: fields.u32("length")?,
            crc: fields.u32("checksum")?,
        };
        let undo = match fields.0.is_empty() {
            true => None,
            false => Some(UndoPos { offset: fields.u32("undo offset")?, len: fields.u32("undo length")? }),
        };
        fields.end(BlockRow { block, undo })
    }
}

/// How far old blocks were removed: number of the first file that is kept (4), height of the highest block in those that
/// are not (4). Positions in a file below the first are left over from a crash and count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PrunedRow {
    pub(crate) files: u32,
    pub(crate) height: Height,
}

impl Value for PrunedRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.files.to_le_bytes());
        out.extend_from_slice(&self.height.to_u32().to_le_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let row = PrunedRow { files: fields.u32("files")?, height: Height::new(fields.u32("height")?) };
        fields.end(row)
    }
}

/// An event under its number: kind (1: connected, 2: disconnected), height (4), block (32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) kind: EventKind,
    pub(crate) height: Height,
    pub(crate) hash: BlockHash,
}

impl EventRow {
    pub(crate) fn of(event: &ChainEvent) -> Self {
        EventRow { kind: event.kind, height: event.height, hash: event.hash }
    }

    pub(crate) fn numbered(self, id: u64) -> ChainEvent {
        ChainEvent { id: EventId::new(id), kind: self.kind, height: self.height, hash: self.hash }
    }
}

impl Value for EventRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.push(match self.kind {
            EventKind::Connected => 1,
            EventKind::Disconnected => 2,
        });
        out.extend_from_slice(&self.height.to_u32().to_le_bytes());
        out.extend_from_slice(self.hash.as_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let kind = match fields.array("kind")? {
            [1] => EventKind::Connected,
            [2] => EventKind::Disconnected,
            _ => return Err(ValueError::Malformed { field: "kind" }),
        };
        let height = Height::new(fields.u32("height")?);
        let hash = fields.hash("block")?;
        fields.end(EventRow { kind, height, hash })
    }
}

/// Which block the coin store belongs to (32). While a flush is under way, also the block it moves to (32):
/// the marker. Coins then stand at the first, with some of the changes to the second already made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoinsState {
    pub(crate) at: BlockHash,
    pub(crate) flushing_to: Option<BlockHash>,
}

impl Value for CoinsState {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.at.as_bytes());
        if let Some(to) = self.flushing_to {
            out.extend_from_slice(to.as_bytes());
        }
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let at = fields.hash("at")?;
        let flushing_to = if fields.0.is_empty() { None } else { Some(fields.hash("flushing to")?) };
        fields.end(CoinsState { at, flushing_to })
    }
}

/// How far an index has read: last event (8), and the tip after it: height (4), block (32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) last_event: EventId,
    pub(crate) height: Height,
    pub(crate) hash: BlockHash,
}

impl Value for Cursor {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.last_event.to_u64().to_le_bytes());
        out.extend_from_slice(&self.height.to_u32().to_le_bytes());
        out.extend_from_slice(self.hash.as_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let last_event = EventId::new(fields.u64("last event")?);
        let height = Height::new(fields.u32("height")?);
        let hash = fields.hash("block")?;
        fields.end(Cursor { last_event, height, hash })
    }
}

/// Where a transaction is: height of its block, its place in it, and its bytes inside the block's bytes. Four
/// bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TxRow {
    pub(crate) height: Height,
    pub(crate) index: u32,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Value for TxRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        for number in [self.height.to_u32(), self.index, self.offset, self.len] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let height = Height::new(fields.u32("height")?);
        let (index, offset, len) = (fields.u32("index")?, fields.u32("offset")?, fields.u32("length")?);
        fields.end(TxRow { height, index, offset, len })
    }
}

/// A transaction that touches a script: script hash (32), height (4, big-endian), place in the block (4,
/// big-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HistoryKey {
    pub(crate) script: Sha256,
    pub(crate) height: Height,
    pub(crate) index: u32,
}

impl Key for HistoryKey {
    fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.script.as_bytes());
        out.extend_from_slice(&self.height.to_u32().to_be_bytes());
        out.extend_from_slice(&self.index.to_be_bytes());
    }

    fn read_key(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let script = Sha256::from_bytes(fields.array("script")?);
        let height = Height::new(u32::from_be_bytes(fields.array("height")?));
        let index = u32::from_be_bytes(fields.array("index")?);
        fields.end(HistoryKey { script, height, index })
    }
}

/// What a transaction did to a script: txid (32), value received (8), value spent (8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryRow {
    pub(crate) txid: Txid,
    pub(crate) received: Amount,
    pub(crate) spent: Amount,
}

impl Value for HistoryRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.txid.as_bytes());
        out.extend_from_slice(&self.received.to_sat().to_le_bytes());
        out.extend_from_slice(&self.spent.to_sat().to_le_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let txid = Txid::from_bytes(fields.array("txid")?);
        let received = Amount::from_sat(fields.u64("received")?);
        let spent = Amount::from_sat(fields.u64("spent")?);
        fields.end(HistoryRow { txid, received, spent })
    }
}

/// An unspent coin of a script: script hash (32), txid (32), output index (4, big-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AddressCoinKey {
    pub(crate) script: Sha256,
    pub(crate) outpoint: OutPoint,
}

impl Key for AddressCoinKey {
    fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.script.as_bytes());
        CoinKey(self.outpoint).write_key(out);
    }

    fn read_key(bytes: &[u8]) -> Result<Self, ValueError> {
        let bytes: [u8; 68] = exact(bytes)?;
        let (script, outpoint) = bytes.split_at(32);
        Ok(AddressCoinKey {
            script: Sha256::from_bytes(exact(script)?),
            outpoint: read_outpoint(&exact(outpoint)?)?,
        })
    }
}

/// What the coin is worth (8), its height (4) and whether a coinbase made it (1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressCoinRow {
    pub(crate) value: Amount,
    pub(crate) height: Height,
    pub(crate) coinbase: bool,
}

impl Value for AddressCoinRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.value.to_sat().to_le_bytes());
        out.extend_from_slice(&self.height.to_u32().to_le_bytes());
        out.push(self.coinbase.into());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let value = Amount::from_sat(fields.u64("value")?);
        let height = Height::new(fields.u32("height")?);
        let coinbase = match fields.array("coinbase")? {
            [0] => false,
            [1] => true,
            _ => return Err(ValueError::Malformed { field: "coinbase" }),
        };
        fields.end(AddressCoinRow { value, height, coinbase })
    }
}

/// The sums of the coins after a block: the block (32), MuHash (32); then 8 bytes each: coins, their amount, bogosize,
/// subsidies so far, and of those never to be spent: genesis, overwritten, unspendable scripts, unclaimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoinStatsRow {
    pub(crate) hash: BlockHash,
    pub(crate) muhash: MuHashDigest,
    pub(crate) coins: u64,
    pub(crate) total_amount: u64,
    pub(crate) bogosize: u64,
    pub(crate) subsidy: u64,
    pub(crate) genesis: u64,
    pub(crate) bip30: u64,
    pub(crate) scripts: u64,
    pub(crate) unclaimed: u64,
}

impl CoinStatsRow {
    fn take(fields: &mut Fields<'_>) -> Result<Self, ValueError> {
        Ok(CoinStatsRow {
            hash: fields.hash("block")?,
            muhash: MuHashDigest::from_bytes(fields.array("muhash")?),
            coins: fields.u64("coins")?,
            total_amount: fields.u64("amount")?,
            bogosize: fields.u64("bogosize")?,
            subsidy: fields.u64("subsidy")?,
            genesis: fields.u64("genesis")?,
            bip30: fields.u64("bip30")?,
            scripts: fields.u64("scripts")?,
            unclaimed: fields.u64("unclaimed")?,
        })
    }
}

impl Value for CoinStatsRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        let CoinStatsRow { hash, muhash, coins, total_amount, bogosize, .. } = *self;
        out.extend_from_slice(hash.as_bytes());
        out.extend_from_slice(muhash.as_bytes());
        let unspendable = [self.genesis, self.bip30, self.scripts, self.unclaimed];
        for number in [coins, total_amount, bogosize, self.subsidy].into_iter().chain(unspendable) {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let row = Self::take(&mut fields)?;
        fields.end(row)
    }
}

/// The running sums: those after the block of the cursor (128), and the set as the number that MuHash makes of it (384,
/// little-endian).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoinSetRow {
    pub(crate) row: CoinStatsRow,
    pub(crate) set: Box<[u8; MuHash::SIZE]>,
}

impl Value for CoinSetRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        self.row.write_value(out);
        out.extend_from_slice(&*self.set);
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut fields = Fields(bytes);
        let row = CoinStatsRow::take(&mut fields)?;
        let set = Box::new(fields.array("set")?);
        fields.end(CoinSetRow { row, set })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use cairn_params::presets;
    use cairn_primitives::hex;

    const HASH: BlockHash = BlockHash::from_bytes([0xaa; 32]);

    fn aa() -> String {
        "aa".repeat(32)
    }

    /// The row's bytes are `golden`, come back as the row, and no shorter or longer bytes do.
    fn value<V: Value + PartialEq + Debug>(row: V, golden: &str, lengths: &[usize]) {
        let mut bytes = Vec::new();
        row.write_value(&mut bytes);
        assert_eq!(hex::encode(&bytes), golden);
        assert_eq!(V::read_value(&bytes), Ok(row));
        bytes.push(0);
        for len in (0..=bytes.len()).filter(|len| !lengths.contains(len)) {
            assert!(V::read_value(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    fn key<K: Key + PartialEq + Debug>(key: K, golden: &str) {
        let mut bytes = Vec::new();
        key.write_key(&mut bytes);
        assert_eq!(hex::encode(&bytes), golden);
        assert_eq!(K::read_key(&bytes), Ok(key));
        bytes.push(0);
        for len in (0..=bytes.len()).filter(|len| *len != bytes.len() - 1) {
            assert!(K::read_key(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn golden_bytes_of_the_chain_store() {
        let identity = Identity { form: 1, genesis: HASH, chain: "dev".to_owned() };
        value(identity, &format!("01000000{}646576", aa()), &(36..=40).collect::<Vec<_>>());
        let state = StateRow { tip: HASH, last_event: EventId::new(0x0102) };
        value(state, &format!("{}0201000000000000", aa()), &[40]);
        let genesis = presets::bitcoin().genesis_block().header;
        // The first header of Bitcoin, as every block explorer shows it.
        let header = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd\
                      7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
        value(HeaderRow(genesis), header, &[80]);
        let block = BlockPos { file: 1, offset: 2, len: 3, crc: 4 };
        value(BlockRow { block, undo: None }, "01000000020000000300000004000000", &[16]);
        let undo = Some(UndoPos { offset: 5, len: 6 });
        let golden = "010000000200000003000000040000000500000006000000";
        value(BlockRow { block, undo }, golden, &[16, 24]);
        for (kind, code) in [(EventKind::Connected, "01"), (EventKind::Disconnected, "02")] {
            let row = EventRow { kind, height: Height::new(9), hash: HASH };
            value(row, &format!("{code}09000000{}", aa()), &[37]);
        }
        assert!(EventRow::read_value(&[3; 37]).is_err());
        value(PrunedRow { files: 1, height: Height::new(2) }, "0100000002000000", &[8]);
    }

    #[test]
    fn golden_bytes_of_the_coin_state() {
        value(CoinsState { at: HASH, flushing_to: None }, &aa(), &[32]);
        let to = Some(BlockHash::from_bytes([0xbb; 32]));
        value(CoinsState { at: HASH, flushing_to: to }, &(aa() + &"bb".repeat(32)), &[32, 64]);
    }

    #[test]
    fn golden_bytes_of_the_index_store() {
        let cursor = Cursor { last_event: EventId::new(1), height: Height::new(2), hash: HASH };
        value(cursor, &format!("010000000000000002000000{}", aa()), &[44]);
        let row = TxRow { height: Height::new(1), index: 2, offset: 3, len: 4 };
        value(row, "01000000020000000300000004000000", &[16]);
        let script = Sha256::from_bytes([0xaa; 32]);
        key(HistoryKey { script, height: Height::new(1), index: 2 }, &format!("{}0000000100000002", aa()));
        let txid = Txid::from_bytes([0xaa; 32]);
        let row = HistoryRow { txid, received: Amount::from_sat(1), spent: Amount::from_sat(2) };
        value(row, &format!("{}01000000000000000200000000000000", aa()), &[48]);
        let outpoint = OutPoint { txid: Txid::from_bytes([0xcc; 32]), vout: 3 };
        key(AddressCoinKey { script, outpoint }, &format!("{}{}00000003", aa(), "cc".repeat(32)));
        let row = AddressCoinRow { value: Amount::from_sat(1), height: Height::new(2), coinbase: true };
        value(row, "01000000000000000200000001", &[13]);
        let muhash = MuHashDigest::from_bytes([0xbb; 32]);
        let row = CoinStatsRow {
            hash: HASH,
            muhash,
            coins: 1,
            total_amount: 2,
            bogosize: 3,
            subsidy: 4,
            genesis: 5,
            bip30: 6,
            scripts: 7,
            unclaimed: 8,
        };
        let numbers: String = (1..=8).map(|n| format!("0{n}00000000000000")).collect();
        let golden = format!("{}{}{numbers}", aa(), "bb".repeat(32));
        value(row, &golden, &[128]);
        let set = Box::new([0xcc; 384]);
        value(CoinSetRow { row, set }, &(golden + &"cc".repeat(384)), &[512]);
    }

    /// Numbers of tables are part of the disk form.
    #[test]
    fn tables_keep_their_numbers() {
        let chain = [IDENTITY.id(), STATE.id(), HEADERS.id(), BLOCKS.id(), EVENTS.id(), INVALID.id()];
        assert_eq!(chain, [1, 2, 3, 4, 5, 6]);
        assert_eq!(PRUNED.id(), 7);
        assert_eq!([COINS.id(), COINS_STATE.id()], [1, 2]);
        let index =
            [CURSORS.id(), TXS.id(), HISTORY.id(), ADDRESS_COINS.id(), COIN_STATS.id(), COIN_SET.id()];
        assert_eq!(index, [1, 2, 3, 4, 5, 6]);
    }
}
