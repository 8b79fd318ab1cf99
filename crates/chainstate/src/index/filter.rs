//! The basic filters of the blocks of the best chain (BIP158), with their headers (BIP157).

use cairn_params::ChainSpec;
use cairn_primitives::{BlockHash, Height, Sha256d};
use cairn_store::{TableDef, Value, ValueError};

use super::{Changes, IndexDb, IndexKind, Place, Row, Step};
use crate::block_filter::BlockFilter;
use crate::error::ChainStateError;
use crate::events::EventKind;
use crate::live::Shared;

/// Store `index`: the filter of each block of the best chain, by height.
pub(super) const FILTERS: TableDef<u32, FilterRow> = TableDef::new(7, "filters");

/// The filter of a block: the block (32), the filter's header (32), and the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterRow {
    pub(crate) block: BlockHash,
    pub(crate) header: Sha256d,
    pub(crate) filter: BlockFilter,
}

impl FilterRow {
    /// That of genesis, which spends nothing and has no filter below it.
    pub(super) fn genesis(spec: &ChainSpec) -> Self {
        let block = spec.genesis_block();
        let filter = BlockFilter::basic(&block, []);
        FilterRow { block: block.hash(), header: filter.header(&Sha256d::from_bytes([0; 32])), filter }
    }
}

impl Value for FilterRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.block.as_bytes());
        out.extend_from_slice(self.header.as_bytes());
        out.extend_from_slice(self.filter.as_bytes());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let block = bytes.split_first_chunk::<32>().ok_or(ValueError::Malformed { field: "block" });
        let (block, rest) = block?;
        let header = rest.split_first_chunk::<32>().ok_or(ValueError::Malformed { field: "header" });
        let (header, filter) = header?;
        Ok(FilterRow {
            block: BlockHash::from_bytes(*block),
            header: Sha256d::from_bytes(*header),
            filter: BlockFilter::from_bytes(filter.to_vec()),
        })
    }
}

/// Adds what a step changes, and returns the bytes of the filter it adds.
pub(super) fn add_changes(
    index: &IndexDb,
    step: &Step<'_>,
    changes: &mut Changes,
) -> Result<usize, ChainStateError> {
    let height = step.height.to_u32();
    match step.kind {
        EventKind::Connected => {
            let previous = header_at(index, height.saturating_sub(1), changes)?;
            let coins = step.undo.txs.iter().flat_map(|tx| &tx.coins);
            let filter = BlockFilter::basic(step.block, coins.map(|coin| &coin.output.script_pubkey));
            let bytes = filter.as_bytes().len();
            let row = FilterRow { block: step.block.hash(), header: filter.header(&previous), filter };
            changes.insert(Place::Filter(height), Row::Filter(Box::new(row)));
            Ok(bytes)
        }
        EventKind::Disconnected => {
            changes.insert(Place::Filter(height), Row::Nothing);
            Ok(0)
        }
    }
}

/// The header of the filter at `height`, as it is once the changes are made.
fn header_at(index: &IndexDb, height: u32, changes: &Changes) -> Result<Sha256d, ChainStateError> {
    if let Some(Row::Filter(row)) = changes.get(&Place::Filter(height)) {
        return Ok(row.header);
    }
    let row = index.filters.get(&height)?;
    Ok(row.ok_or(ChainStateError::SavedState { table: FILTERS.name() })?.header)
}

impl IndexDb {
    /// The filter of a block and its header, if the best chain has the block.
    pub(crate) fn filter(
        &self,
        shared: &Shared,
        hash: &BlockHash,
    ) -> Result<Option<FilterRow>, ChainStateError> {
        let fresh = self.is_fresh(shared, IndexKind::Filter)?;
        let height: Option<Height> = {
            let live = shared.read();
            let id = live.tree.get(hash).filter(|id| live.is_active(*id));
            id.map(|id| live.tree.height(id))
        };
        let Some(height) = height else { return Ok(None) };
        let row = {
            let _still = self.hold();
            self.filters.get(&height.to_u32())?
        };
        match row.filter(|row| row.block == *hash) {
            None if !fresh => Err(self.behind(shared, IndexKind::Filter)?),
            row => Ok(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use cairn_params::presets;
    use cairn_primitives::hex;

    use super::*;

    /// The filter of testnet3's genesis and its header stand in BIP158's vectors.
    #[test]
    fn golden_bytes_of_a_filter() {
        let row = FilterRow::genesis(&presets::testnet3());
        let mut bytes = Vec::new();
        row.write_value(&mut bytes);
        let header: BlockHash =
            "21584579b7eb08997773e5aeff3a7f932700042d0ed2a6129012b7d7ae81b750".parse().unwrap();
        let golden = [row.block.as_bytes().as_slice(), header.as_bytes(), &[0x01, 0x9d, 0xfc, 0xa8]].concat();
        assert_eq!(hex::encode(&bytes), hex::encode(&golden));
        assert_eq!(FilterRow::read_value(&bytes), Ok(row));
        assert!(FilterRow::read_value(&bytes[..63]).is_err());
        assert_eq!(FILTERS.id(), 7);
    }
}
