//! MuHash3072 out of other people's parts: SHA-256, ChaCha20 and whole numbers.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use super::database::CoreCoin;

/// Bytes of a number of the group.
const SIZE: usize = 384;

/// The largest prime below 2^3072.
fn prime() -> BigUint {
    (BigUint::from(1_u8) << (8 * SIZE)) - BigUint::from(1_103_717_u32)
}

/// Digest of a set, in the order in which Core holds its bytes.
pub(super) fn digest<'a>(elements: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let prime = prime();
    let product = elements.fold(BigUint::from(1_u8), |product, element| product * number(element) % &prime);
    let mut bytes = product.to_bytes_le();
    bytes.resize(SIZE, 0);
    Sha256::digest(bytes).into()
}

/// An element as a number: the stream of the cipher keyed with its hash.
fn number(element: &[u8]) -> BigUint {
    let key: [u8; 32] = Sha256::digest(element).into();
    let mut stream = [0; SIZE];
    ChaCha20::new(&key.into(), &[0; 12].into()).apply_keystream(&mut stream);
    BigUint::from_bytes_le(&stream)
}

/// A coin as an element: Core's `TxOutSer`.
pub(super) fn element(coin: &CoreCoin) -> Vec<u8> {
    let mut bytes = coin.txid.to_vec();
    bytes.extend(coin.vout.to_le_bytes());
    bytes.extend((coin.height << 1 | u32::from(coin.coinbase)).to_le_bytes());
    bytes.extend(coin.value.to_le_bytes());
    match coin.script.len() {
        short @ ..0xfd => bytes.push(short as u8),
        long => {
            bytes.push(0xfd);
            bytes.extend(u16::try_from(long).expect("spendable scripts are short").to_le_bytes());
        }
    }
    bytes.extend(&coin.script);
    bytes
}

/// Core's `crypto_tests.cpp`: elements 0 and 1 in, 2 out. Taking out is put on the other side, so both sides are products.
#[test]
fn the_published_digest() {
    let element = |number: u8| {
        let mut bytes = [0; 32];
        bytes[0] = number;
        bytes
    };
    // 1/x is x^(p-2).
    let prime = prime();
    let out = number(&element(2)).modpow(&(&prime - BigUint::from(2_u8)), &prime);
    let mut bytes = (number(&element(0)) * number(&element(1)) * out % prime).to_bytes_le();
    bytes.resize(SIZE, 0);
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    // Shown the other way round, as hashes are.
    let shown = "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863";
    let text: String = digest.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, shown);
}
