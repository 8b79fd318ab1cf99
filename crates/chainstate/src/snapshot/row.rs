//! What the stores remember of a snapshot that was loaded.

use cairn_primitives::{BlockHash, Sha256d};
use cairn_store::{TableDef, Value, ValueError, exact};

/// Store `chain`: the snapshot the chain began with, if it did.
pub(crate) const SNAPSHOT: TableDef<u8, SnapshotRow> = TableDef::new(20, "snapshot");

/// Store `coins`: there while a snapshot is being loaded into it. Without [`SNAPSHOT`] beside it the coins are void.
pub(crate) const LOADING: TableDef<u8, ()> = TableDef::new(20, "loading");

/// The snapshot a chain began with: block (32), hash of the coins (32), how it stands (1), and for 2 and 3 a hash (32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SnapshotRow {
    pub(crate) base: BlockHash,
    pub(crate) coins_hash: Sha256d,
    pub(crate) standing: Standing,
}

/// How a loaded snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not all blocks up to it were checked yet (0).
    Unvalidated,
    /// The blocks make exactly these coins (1).
    Validated,
    /// The blocks make other coins, with this hash (2).
    CoinsDiffer(Sha256d),
    /// This block below it breaks a rule (3).
    BlockInvalid(BlockHash),
}

impl Value for SnapshotRow {
    fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.base.as_bytes());
        out.extend_from_slice(self.coins_hash.as_bytes());
        let (kind, hash) = match self.standing {
            Standing::Unvalidated => (0, None),
            Standing::Validated => (1, None),
            Standing::CoinsDiffer(got) => (2, Some(got.to_bytes())),
            Standing::BlockInvalid(hash) => (3, Some(hash.to_bytes())),
        };
        out.push(kind);
        out.extend(hash.into_iter().flatten());
    }

    fn read_value(bytes: &[u8]) -> Result<Self, ValueError> {
        let malformed = ValueError::Malformed { field: "snapshot" };
        let (base, rest) = bytes.split_first_chunk::<32>().ok_or(malformed)?;
        let (coins_hash, rest) = rest.split_first_chunk::<32>().ok_or(malformed)?;
        let standing = match rest {
            [0] => Standing::Unvalidated,
            [1] => Standing::Validated,
            [2, hash @ ..] => Standing::CoinsDiffer(Sha256d::from_bytes(exact(hash)?)),
            [3, hash @ ..] => Standing::BlockInvalid(BlockHash::from_bytes(exact(hash)?)),
            _ => return Err(malformed),
        };
        let (base, coins_hash) = (BlockHash::from_bytes(*base), Sha256d::from_bytes(*coins_hash));
        Ok(SnapshotRow { base, coins_hash, standing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_primitives::hex;

    #[test]
    fn golden_bytes() {
        let row = |standing| SnapshotRow {
            base: BlockHash::from_bytes([1; 32]),
            coins_hash: Sha256d::from_bytes([2; 32]),
            standing,
        };
        let start = format!("{}{}", "01".repeat(32), "02".repeat(32));
        let cases = [
            (Standing::Unvalidated, "00".to_owned()),
            (Standing::Validated, "01".to_owned()),
            (Standing::CoinsDiffer(Sha256d::from_bytes([3; 32])), format!("02{}", "03".repeat(32))),
            (Standing::BlockInvalid(BlockHash::from_bytes([4; 32])), format!("03{}", "04".repeat(32))),
        ];
        for (standing, end) in cases {
            let mut bytes = Vec::new();
            row(standing).write_value(&mut bytes);
            assert_eq!(hex::encode(&bytes), format!("{start}{end}"));
            assert_eq!(SnapshotRow::read_value(&bytes), Ok(row(standing)));
            assert!(SnapshotRow::read_value(&bytes[..bytes.len() - 1]).is_err());
            bytes.push(0);
            assert!(SnapshotRow::read_value(&bytes).is_err());
        }
        assert_eq!((SNAPSHOT.id(), LOADING.id()), (20, 20));
    }
}
