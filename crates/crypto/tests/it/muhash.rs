//! MuHash: Core's vectors, the laws of sets, and arithmetic against big integers.

use cairn_crypto::{MuHash, MuHashDigest};
use cairn_primitives::hash::sha256;
use cairn_primitives::hex;
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use num_bigint::BigUint;
use proptest::prelude::*;

/// The element that Core's tests call `FromInt`.
fn element(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

fn set(put: &[Vec<u8>], taken: &[Vec<u8>]) -> MuHash {
    let mut set = MuHash::new();
    put.iter().for_each(|element| set.insert(element));
    taken.iter().for_each(|element| set.remove(element));
    set
}

/// `muhash_tests` of Core's `crypto_tests.cpp`; also in its functional tests' `muhash.py`.
#[test]
fn the_published_digest() {
    let expected: MuHashDigest =
        "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863".parse().unwrap();
    let mut one_by_one = MuHash::new();
    one_by_one.insert(&element(0));
    one_by_one.insert(&element(1));
    one_by_one.remove(&element(2));
    assert_eq!(one_by_one.digest(), expected);
    let single = |number| set(&[element(number).to_vec()], &[]);
    let mut sets = single(0);
    sets.insert_all(&single(1));
    sets.remove_all(&single(2));
    assert_eq!(sets.digest(), expected);
    assert_eq!(expected.to_string().parse(), Ok(expected));
}

/// The serialized product of elements 1 and 2 in the same test.
#[test]
fn the_published_number() {
    let expected = concat!(
        "1fa093295ea30a6a3acdc7b3f770fa538eff537528e990e2910e40bbcfd7f6696b1256901929094694b56316de342f593303",
        "dd12ac43e06dce1be1ff8301c845beb15468fff0ef002dbf80c29f26e6452bccc91b5cb9437ad410d2a67ea847887fa3c6",
        "a6553309946880fe20db2c73fe0641adbd4e86edfee0d9f8cd0ee1230898873dc13ed8ddcaf045c80faa082774279007a2",
        "253f8922ee3ef361d378a6af3ddaf180b190ac97e556888c36b3d1fb1c85aab9ccd46e3deaeb7b7cf5db067a7e9ff86b65",
        "8cf3acd6662bbcce37232daa753c48b794356c020090c831a8304416e2aa7ad633c0ddb2f11be1be316a81be7f7e472071",
        "c042cb68faef549c221ebff209273638b741aba5a81675c45a5fa92fea4ca821d7a324cb1e1a2ccd3b76c4228ec8066dad",
        "2a5df6e1bd0de45c7dd5de8070bdb46db6c554cf9aefc9b7b2bbf9f75b1864d9f95005314593905c0109b71f703d49944a",
        "e94477b51dac10a816bb6d1c700bafabc8bd86fac8df24be519a2f2836b16392e18036cb13e48c5c",
    );
    let product = set(&[element(1).to_vec(), element(2).to_vec()], &[]);
    assert_eq!(hex::encode(&product.to_bytes()), expected);
}

/// The number of all ones, which is above the prime, in the same test; given there in the order of the bytes.
#[test]
fn the_published_overflow() {
    let digest = MuHash::from_bytes(&[0xff; MuHash::SIZE]).digest();
    let expected = "3a31e6903aff0de9f62f9a9f7f8b861de76ce2cda09822b90014319ae5dc2271";
    assert_eq!(hex::encode(digest.as_bytes()), expected);
}

fn prime() -> BigUint {
    (BigUint::from(1_u8) << 3072) - BigUint::from(1_103_717_u32)
}

/// The hash by its definition, in big integers.
fn model(put: &[Vec<u8>], taken: &[Vec<u8>]) -> Vec<u8> {
    let product = |elements: &[Vec<u8>]| {
        elements.iter().fold(BigUint::from(1_u8), |product, element| {
            let mut stream = [0; 384];
            ChaCha20::new(&sha256(element).into(), &[0; 12].into()).apply_keystream(&mut stream);
            product * BigUint::from_bytes_le(&stream) % prime()
        })
    };
    let inverse = product(taken).modinv(&prime()).unwrap();
    let mut bytes = (product(put) * inverse % prime()).to_bytes_le();
    bytes.resize(384, 0);
    bytes
}

fn elements() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)
}

proptest! {
    #[test]
    fn the_number_is_that_of_the_definition(put in elements(), taken in elements()) {
        prop_assert_eq!(set(&put, &taken).to_bytes().to_vec(), model(&put, &taken));
    }

    #[test]
    fn any_bytes_are_their_remainder(bytes in prop::collection::vec(any::<u8>(), 384), high: bool) {
        let mut bytes: [u8; 384] = bytes.try_into().unwrap();
        if high {
            bytes[8..].fill(0xff);
        }
        let mut expected = (BigUint::from_bytes_le(&bytes) % prime()).to_bytes_le();
        expected.resize(384, 0);
        let set = MuHash::from_bytes(&bytes);
        prop_assert_eq!(set.to_bytes().to_vec(), expected);
        prop_assert_eq!(MuHash::from_bytes(&set.to_bytes()).digest(), set.digest());
    }

    #[test]
    fn order_and_grouping_do_not_matter(elements in elements(), cut in 0_usize..6) {
        let forwards = set(&elements, &[]).digest();
        let backwards: Vec<_> = elements.iter().rev().cloned().collect();
        prop_assert_eq!(set(&backwards, &[]).digest(), forwards);
        let (left, right) = elements.split_at(cut.min(elements.len()));
        let mut union = set(right, &[]);
        union.insert_all(&set(left, &[]));
        prop_assert_eq!(union.digest(), forwards);
        union.remove_all(&set(right, &[]));
        prop_assert_eq!(union.digest(), set(left, &[]).digest());
    }

    #[test]
    fn what_is_taken_out_leaves_no_trace(kept in elements(), gone in elements(), settle: bool) {
        let all = [kept.clone(), gone.clone()].concat();
        let mut left = set(&all, &[]);
        if settle {
            left.remove(b"in between");
            left.settle();
            left.insert(b"in between");
        }
        left.remove_all(&set(&gone, &[]));
        prop_assert_eq!(left.digest(), set(&kept, &[]).digest());
        prop_assert_eq!(set(&gone, &gone).digest(), MuHash::new().digest());
    }
}
