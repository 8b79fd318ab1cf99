//! BIP341's wallet vectors: leaf and root hashes, digests, and the signatures in a whole transaction.

use cairn_primitives::{Amount, Script, TxOut, Witness, hex};
use cairn_script::{ScriptFlags, SighashCache, tapbranch_hash, tapleaf_hash, verify};
use serde_json::Value;

use crate::common::{json, transaction, with_input};

const FILE: &str = "vectors/core/bip341_wallet_vectors.json";

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The root of a script tree: a leaf, or a list of two trees. Leaf hashes are collected by id.
fn root(tree: &Value, leaves: &mut Vec<(u64, [u8; 32])>) -> [u8; 32] {
    if let Some([left, right]) = tree.as_array().map(Vec::as_slice) {
        return tapbranch_hash(&root(left, leaves), &root(right, leaves));
    }
    let version = u8::try_from(tree["leafVersion"].as_u64().unwrap()).unwrap();
    let hash = tapleaf_hash(version, &hex::decode(text(&tree["script"])).unwrap());
    leaves.push((tree["id"].as_u64().unwrap(), hash));
    hash
}

#[test]
fn script_trees() {
    let Some(vectors) = json("script_trees", FILE) else { return };
    let rows = vectors["scriptPubKey"].as_array().unwrap();
    let mut passed = 0;
    for row in rows {
        let tree = &row["given"]["scriptTree"];
        if !tree.is_null() {
            let mut leaves = Vec::new();
            assert_eq!(hex::encode(&root(tree, &mut leaves)), text(&row["intermediary"]["merkleRoot"]));
            leaves.sort_unstable();
            let hashes: Vec<_> = leaves.iter().map(|(_, hash)| hex::encode(hash)).collect();
            assert_eq!(Value::from(hashes), row["intermediary"]["leafHashes"]);
        }
        passed += 1;
    }
    println!("bip341 script trees: {passed} of {}", rows.len());
}

#[test]
fn key_path_spends() {
    let Some(vectors) = json("key_path_spends", FILE) else { return };
    let vector = &vectors["keyPathSpending"][0];
    let unsigned = transaction(text(&vector["given"]["rawUnsignedTx"]));
    let spent: Vec<TxOut> = vector["given"]["utxosSpent"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| TxOut {
            value: Amount::from_sat(output["amountSats"].as_u64().unwrap()),
            script_pubkey: Script::from_bytes(hex::decode(text(&output["scriptPubKey"])).unwrap()),
        })
        .collect();
    let cache = SighashCache::new(&unsigned, spent.iter().collect());
    let rows = vector["inputSpending"].as_array().unwrap();
    let rules = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT;
    let mut passed = 0;
    for row in rows {
        let input = usize::try_from(row["given"]["txinIndex"].as_u64().unwrap()).unwrap();
        let sighash_type = u8::try_from(row["given"]["hashType"].as_u64().unwrap()).unwrap();
        let digest = cache.taproot(input, sighash_type, None, None).unwrap();
        assert_eq!(hex::encode(&digest), text(&row["intermediary"]["sigHash"]), "input {input}");

        let signature = hex::decode(text(&row["expected"]["witness"][0])).unwrap();
        let signed =
            with_input(&unsigned, input, |input| input.witness = Witness::new(vec![signature.clone()]));
        let cache = SighashCache::new(&signed, spent.iter().collect());
        assert_eq!(verify(&cache, input, rules), Ok(()), "input {input}");

        let mut damaged = signature;
        damaged[40] ^= 1;
        let signed = with_input(&unsigned, input, |input| input.witness = Witness::new(vec![damaged]));
        let cache = SighashCache::new(&signed, spent.iter().collect());
        assert_eq!(verify(&cache, input, rules).unwrap_err().code(), "SCHNORR_SIG", "input {input}");
        passed += 1;
    }
    assert!(passed >= 7);
    println!("bip341 key path spends: {passed} of {}", rows.len());
}
