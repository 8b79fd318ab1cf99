//! Keys and ECDSA: published vectors and the borders of every range.

use cairn_crypto::{EcdsaSignature, PublicKey, PublicKeyError, SecretKey, SecretKeyError, TweakError};
use cairn_primitives::hash;

use crate::common::{ORDER, array, bytes};

const FIELD_PRIME: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
const GENERATOR: &str = "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\
                         483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";

fn secret(number: u8) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[31] = number;
    SecretKey::from_bytes(bytes).unwrap()
}

#[test]
fn rfc6979_vectors_of_secp256k1() {
    // The vectors the bitcoin forum agreed on when RFC6979 came into use: key 1, SHA-256 of the text.
    let cases = [
        (
            "Satoshi Nakamoto",
            "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8\
             2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
        ),
        (
            "All those moments will be lost in time, like tears in rain. Time to die...",
            "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b\
             547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21",
        ),
    ];
    for (text, expected) in cases {
        let message = hash::sha256(text.as_bytes());
        let signature = secret(1).sign_ecdsa(&message);
        assert_eq!(signature.to_compact()[..], bytes(expected));
        assert!(secret(1).public_key().verify(&message, &signature));
    }
}

#[test]
fn secret_keys_lie_between_zero_and_the_order() {
    let order = array(ORDER);
    let mut last = order;
    last[31] -= 1;
    let mut above = order;
    above[31] += 1;
    for bad in [[0; 32], order, above, [0xff; 32]] {
        assert_eq!(SecretKey::from_bytes(bad).unwrap_err(), SecretKeyError::OutOfRange);
    }
    let (one, last) = (secret(1), SecretKey::from_bytes(last).unwrap());
    assert_eq!(one.public_key().to_uncompressed()[..], bytes(GENERATOR));
    // n-1 is the negative of 1: same X, the other Y.
    let (x_one, even) = one.public_key().to_x_only();
    let (x_last, odd) = last.public_key().to_x_only();
    assert_eq!(x_one, x_last);
    assert_eq!((even.to_bit(), odd.to_bit()), (0, 1));
    for key in [one, last] {
        assert!(key.public_key().verify(&[9; 32], &key.sign_ecdsa(&[9; 32])));
        let (public, _) = key.public_key().to_x_only();
        assert!(public.verify(b"text", &key.sign_schnorr(b"text", &[0; 32])));
    }
}

#[test]
fn hybrid_keys_need_the_right_parity() {
    let mut key = bytes(GENERATOR); // Y is even
    let plain = PublicKey::from_slice(&key).unwrap();
    key[0] = 6;
    assert_eq!(PublicKey::from_slice(&key), Ok(plain));
    key[0] = 7;
    assert_eq!(PublicKey::from_slice(&key), Err(PublicKeyError::HybridParity { got: 7 }));
    let mut odd =
        SecretKey::from_bytes(array(&ORDER.replace("4141", "4140"))).unwrap().public_key().to_uncompressed();
    odd[0] = 7;
    assert!(PublicKey::from_slice(&odd).is_ok());
    odd[0] = 6;
    assert_eq!(PublicKey::from_slice(&odd), Err(PublicKeyError::HybridParity { got: 6 }));
    odd[40] ^= 1;
    assert_eq!(PublicKey::from_slice(&odd), Err(PublicKeyError::NotOnCurve));
}

#[test]
fn only_the_known_headers_and_lengths_are_keys() {
    let full = bytes(GENERATOR);
    for header in 0..=255u8 {
        let mut key = full.clone();
        key[0] = header;
        let long = PublicKey::from_slice(&key);
        let short = PublicKey::from_slice(&key[..33]);
        match header {
            2 | 3 => {
                assert!(short.is_ok());
                assert_eq!(long, Err(PublicKeyError::Length { got: 65 }));
            }
            4 => {
                assert!(long.is_ok());
                assert_eq!(short, Err(PublicKeyError::Length { got: 33 }));
            }
            6 => assert!(long.is_ok()),
            7 => assert_eq!(long, Err(PublicKeyError::HybridParity { got: 7 })),
            got => {
                assert_eq!(long, Err(PublicKeyError::Header { got }));
                assert_eq!(short, Err(PublicKeyError::Header { got }));
            }
        }
    }
    assert_eq!(PublicKey::from_slice(&[]), Err(PublicKeyError::Length { got: 0 }));
    for len in (1..70).filter(|len| *len != 65) {
        let key = [full.clone(), vec![0; 8]].concat();
        assert_eq!(PublicKey::from_slice(&key[..len]), Err(PublicKeyError::Length { got: len }));
    }
}

#[test]
fn coordinates_must_be_below_the_field_prime() {
    // X = 1 is on the curve, so X = p + 1, its unreduced twin, would be if it were reduced.
    let mut one = vec![2];
    one.extend([0; 31]);
    one.push(1);
    assert!(PublicKey::from_slice(&one).is_ok());
    let mut unreduced = vec![2];
    unreduced.extend(bytes(FIELD_PRIME));
    assert_eq!(PublicKey::from_slice(&unreduced), Err(PublicKeyError::NotOnCurve), "p");
    unreduced[32] += 1;
    assert_eq!(PublicKey::from_slice(&unreduced), Err(PublicKeyError::NotOnCurve), "p + 1");
    let mut zero = vec![2];
    zero.extend([0; 32]);
    assert_eq!(PublicKey::from_slice(&zero), Err(PublicKeyError::NotOnCurve), "no point has X = 0");
}

#[test]
fn zero_signatures_never_verify() {
    let key = secret(3).public_key();
    let good = secret(3).sign_ecdsa(&[1; 32]).to_compact();
    let mut zero_r = good;
    zero_r[..32].fill(0);
    let mut zero_s = good;
    zero_s[32..].fill(0);
    for compact in [[0; 64], zero_r, zero_s] {
        for message in [[0; 32], [1; 32]] {
            assert!(!key.verify(&message, &EcdsaSignature::from_compact(compact)));
        }
    }
}

#[test]
fn an_r_wrapped_past_the_order_verifies() {
    // R's X coordinate may lie between the order and the field's prime; then r is X minus the order. The point
    // with X = n + 2 is such an R; the key that makes (r, s) a signature with it is Q = (sR - zG) / r, worked
    // out with big integers apart from this code.
    let (public, digest, compact) = WRAPPED;
    let signature = EcdsaSignature::from_compact(bytes(compact).try_into().unwrap());
    assert!(PublicKey::from_slice(&bytes(public)).unwrap().verify(&array(digest), &signature));
}

const WRAPPED: (&str, &str, &str) = (
    "023b7327c569f7d504e2b79d6760eb718900f09a4d17d2b5ff1120e222350dc748",
    "0707070707070707070707070707070707070707070707070707070707070707",
    "00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000001234567",
);

#[test]
fn tweaks_lie_below_the_order_and_leave_something() {
    let order = array(ORDER);
    let mut last = order;
    last[31] -= 1;
    let three = secret(3);
    for bad in [order, [0xff; 32]] {
        assert_eq!(three.tweak_add(&bad).unwrap_err(), TweakError::OutOfRange);
        assert_eq!(three.public_key().tweak_add(&bad).unwrap_err(), TweakError::OutOfRange);
    }
    // Adding n-1 takes one away, adding n-3 to 3 leaves nothing, adding zero changes nothing.
    let two = three.tweak_add(&last).unwrap();
    assert_eq!(two.to_bytes(), secret(2).to_bytes());
    assert_eq!(three.public_key().tweak_add(&last).unwrap(), secret(2).public_key());
    let mut cancel = order;
    cancel[31] -= 3;
    assert_eq!(three.tweak_add(&cancel).unwrap_err(), TweakError::Infinity);
    assert_eq!(three.public_key().tweak_add(&cancel).unwrap_err(), TweakError::Infinity);
    assert_eq!(three.tweak_add(&[0; 32]).unwrap().to_bytes(), three.to_bytes());
    assert_eq!(three.public_key().tweak_add(&[0; 32]).unwrap(), three.public_key());
}

#[test]
fn secrets_are_not_printed() {
    assert_eq!(format!("{:?}", secret(42)), "SecretKey(redacted)");
}
