//! Bitcoin Core's `sighash.json`.

use cairn_primitives::{Sha256d, hex};
use cairn_script::SighashCache;

use crate::common::{json, transaction};

#[test]
fn sighash_vectors() {
    let Some(rows) = json("sighash_vectors", "vectors/core/sighash.json") else { return };
    let rows: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap())
        .filter(|row| row.len() > 1)
        .collect();
    let mut passed = 0;
    for row in &rows {
        let tx = transaction(row[0].as_str().unwrap());
        let code = hex::decode(row[1].as_str().unwrap()).unwrap();
        let input = usize::try_from(row[2].as_u64().unwrap()).unwrap();
        let sighash_type = i32::try_from(row[3].as_i64().unwrap()).unwrap().cast_unsigned();
        let digest = SighashCache::new(&tx, Vec::new()).legacy(input, &code, sighash_type);
        assert_eq!(Sha256d::from_bytes(digest).to_string(), row[4].as_str().unwrap(), "{row:?}");
        passed += 1;
    }
    assert_eq!(passed, 500);
    println!("sighash: {passed} of {}", rows.len());
}
