//! BIP340's own test vectors.

use crate::common::{array, bytes};
use cairn_crypto::{SchnorrSignature, SecretKey, XOnlyPublicKey};

#[test]
fn bip340_vectors() {
    let Some(text) = crate::common::data("bip340_vectors", "vectors/bips/bip340.csv") else { return };
    let (mut verified, mut signed) = (0, 0);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    for row in &rows {
        let [index, secret, public, aux, message, signature, result, ..] = row[..] else {
            panic!("short row {row:?}")
        };
        let message = bytes(message);
        let expected = SchnorrSignature::from_slice(&bytes(signature)).unwrap();
        let key = XOnlyPublicKey::from_bytes(array(public));
        let valid = key.is_ok_and(|key| key.verify(&message, &expected));
        assert_eq!(valid, result == "TRUE", "row {index}");
        verified += 1;
        if !secret.is_empty() {
            let secret = SecretKey::from_bytes(array(secret)).unwrap();
            assert_eq!(secret.public_key().to_x_only().0.to_bytes(), array(public), "row {index}");
            assert_eq!(secret.sign_schnorr(&message, &array(aux)), expected, "row {index}");
            signed += 1;
        }
    }
    assert!(verified >= 19, "the BIP has 19 rows, found {verified}");
    println!("bip340: {verified} of {} verified, {signed} signed", rows.len());
}
