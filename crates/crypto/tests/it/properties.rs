//! Properties over random keys, messages and bytes.

use cairn_crypto::{EcdsaSignature, PublicKey, SchnorrSignature, SecretKey};
use proptest::prelude::*;

use crate::common::{ORDER, array};

/// Any secret key.
fn any_secret() -> impl Strategy<Value = SecretKey> {
    any::<[u8; 32]>().prop_filter_map("out of range", |bytes| SecretKey::from_bytes(bytes).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signed_verifies_and_a_flipped_bit_does_not(
        key in any_secret(), message in any::<[u8; 32]>(), bit in 0usize..256, at in 0usize..512,
    ) {
        let public = key.public_key();
        let signature = key.sign_ecdsa(&message);
        prop_assert!(signature.is_low_s());
        prop_assert!(public.verify(&message, &signature));
        prop_assert_eq!(EcdsaSignature::from_der_strict(&signature.to_der()), Ok(signature));

        let mut other = message;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!public.verify(&other, &signature));
        let mut damaged = signature.to_compact();
        damaged[at / 8] ^= 1 << (at % 8);
        prop_assert!(!public.verify(&message, &EcdsaSignature::from_compact(damaged)));
    }

    #[test]
    fn the_high_twin_verifies_too(key in any_secret(), message in any::<[u8; 32]>()) {
        let low = key.sign_ecdsa(&message).to_compact();
        // n - s, by long subtraction.
        let (order, mut high, mut borrow) = (array(ORDER), low, 0i16);
        for i in (0..32).rev() {
            let digit = i16::from(order[i]) - i16::from(low[32 + i]) - borrow;
            borrow = i16::from(digit < 0);
            high[32 + i] = digit.rem_euclid(256) as u8;
        }
        let high = EcdsaSignature::from_compact(high);
        prop_assert!(!high.is_low_s());
        prop_assert!(key.public_key().verify(&message, &high));
        prop_assert_eq!(high.normalize_s().to_compact(), low);
    }

    #[test]
    fn keys_round_trip(key in any_secret()) {
        let public = key.public_key();
        let (compressed, full) = (public.to_compressed(), public.to_uncompressed());
        prop_assert_eq!(PublicKey::from_slice(&compressed), Ok(public));
        prop_assert_eq!(PublicKey::from_slice(&full), Ok(public));
        prop_assert_eq!(public.to_x_only().0.to_bytes()[..].to_vec(), compressed[1..].to_vec());
        prop_assert_eq!(public.to_x_only().1.to_bit(), compressed[0] & 1);
        prop_assert_eq!(SecretKey::from_bytes(*key.to_bytes()).unwrap().public_key(), public);
    }

    #[test]
    fn schnorr_over_any_message(
        key in any_secret(), aux in any::<[u8; 32]>(), message in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..512,
    ) {
        let (public, _) = key.public_key().to_x_only();
        let signature = key.sign_schnorr(&message, &aux);
        prop_assert!(public.verify(&message, &signature));
        let mut damaged = signature.to_bytes();
        damaged[at / 8] ^= 1 << (at % 8);
        prop_assert!(!public.verify(&message, &SchnorrSignature::from_bytes(damaged)));
        let longer = [&message[..], &[0]].concat();
        prop_assert!(!public.verify(&longer, &signature));
    }

    #[test]
    fn tweaked_secret_signs_for_tweaked_key(key in any_secret(), root in any::<Option<[u8; 32]>>()) {
        let (internal, _) = key.public_key().to_x_only();
        let tweaked = key.tap_tweak(root.as_ref()).unwrap();
        let (output, parity) = tweaked.public_key().to_x_only();
        prop_assert!(internal.check_tap_tweak(root.as_ref(), &output.to_bytes(), parity));
        prop_assert!(output.verify(&[1], &tweaked.sign_schnorr(&[1], &[0; 32])));
    }

    #[test]
    fn a_tweaked_secret_is_the_secret_of_the_tweaked_key(key in any_secret(), tweak in any_secret()) {
        let sum = key.tweak_add(&tweak.to_bytes()).unwrap();
        prop_assert_eq!(sum.public_key(), key.public_key().tweak_add(&tweak.to_bytes()).unwrap());
        let other = tweak.tweak_add(&key.to_bytes()).unwrap();
        prop_assert_eq!(sum.to_bytes(), other.to_bytes());
    }

    #[test]
    fn any_bytes_are_handled(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(signature) = EcdsaSignature::from_der_lax(&bytes) {
            prop_assert!(signature.normalize_s().is_low_s());
        }
        if EcdsaSignature::is_strict_der(&bytes) {
            prop_assert!(EcdsaSignature::from_der_lax(&bytes).is_ok());
        }
        let _ = PublicKey::from_slice(&bytes);
    }
}
