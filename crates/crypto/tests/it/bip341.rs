//! BIP341's wallet test vectors: the tweaks, on public and on secret keys.

use crate::common::array;
use cairn_crypto::{Parity, SecretKey, TapTweak, XOnlyPublicKey};
use serde_json::Value;

const FILE: &str = "vectors/bips/bip341-wallet.json";

fn root(value: &Value) -> Option<[u8; 32]> {
    value.as_str().map(array)
}

#[test]
fn public_tweaks() {
    let Some(text) = crate::common::data("public_tweaks", FILE) else { return };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let rows = vectors["scriptPubKey"].as_array().unwrap();
    let mut done = 0;
    for row in rows {
        let internal =
            XOnlyPublicKey::from_bytes(array(row["given"]["internalPubkey"].as_str().unwrap())).unwrap();
        let root = root(&row["intermediary"]["merkleRoot"]);
        let tweak = TapTweak::new(&internal, root.as_ref());
        assert_eq!(tweak.to_bytes(), array(row["intermediary"]["tweak"].as_str().unwrap()));

        let (output, parity) = internal.tweak_add(&tweak).unwrap();
        let expected = array(row["intermediary"]["tweakedPubkey"].as_str().unwrap());
        assert_eq!(output.to_bytes(), expected);
        if let Some(control) = row["expected"]["scriptPathControlBlocks"][0].as_str() {
            let first = u8::from_str_radix(&control[..2], 16).unwrap();
            assert_eq!(parity.to_bit(), first & 1);
        }

        let other = if parity == Parity::Even { Parity::Odd } else { Parity::Even };
        assert!(internal.check_tap_tweak(root.as_ref(), &expected, parity));
        assert!(!internal.check_tap_tweak(root.as_ref(), &expected, other));
        assert!(!internal.check_tap_tweak(Some(&[0; 32]), &expected, parity));
        assert!(!internal.check_tap_tweak(root.as_ref(), &internal.to_bytes(), parity));
        done += 1;
    }
    assert!(done >= 7);
    println!("bip341 public tweaks: {done} of {}", rows.len());
}

#[test]
fn secret_tweaks_and_signatures() {
    let Some(text) = crate::common::data("secret_tweaks_and_signatures", FILE) else { return };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let rows = vectors["keyPathSpending"][0]["inputSpending"].as_array().unwrap();
    let mut done = 0;
    for row in rows {
        let field = |part: &str, name: &str| array(row[part][name].as_str().unwrap());
        let secret = SecretKey::from_bytes(field("given", "internalPrivkey")).unwrap();
        let (internal, _) = secret.public_key().to_x_only();
        assert_eq!(internal.to_bytes(), field("intermediary", "internalPubkey"));

        let tweaked = secret.tap_tweak(root(&row["given"]["merkleRoot"]).as_ref()).unwrap();
        // The vectors give the secret before BIP340's choice of the even key.
        assert_eq!(*tweaked.to_bytes(), field("intermediary", "tweakedPrivkey"));

        let signature = tweaked.sign_schnorr(&field("intermediary", "sigHash"), &[0; 32]);
        let witness = crate::common::bytes(row["expected"]["witness"][0].as_str().unwrap());
        assert_eq!(signature.to_bytes()[..], witness[..64]);
        done += 1;
    }
    assert!(done >= 7);
    println!("bip341 secret tweaks: {done} of {}", rows.len());
}
