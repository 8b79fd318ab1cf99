//! BIP32: its test vectors 1 to 4, borders and properties. Vector 5 is in `extended_text`.

use cairn_wallet::{ChildNumber, DerivationPath, DeriveError, ExtendedPublic, ExtendedSecret, Fingerprint};
use proptest::prelude::*;

use crate::common::{bitcoin, bytes};

/// Path, extended public key, extended secret key.
type Row = (&'static str, &'static str, &'static str);

/// Test vectors 1 to 4 of BIP32: the seed, and keys below it. Three and four are about leading zeros.
const VECTORS: [(&str, &[Row]); 4] = [
    (
        "000102030405060708090a0b0c0d0e0f",
        &[
            (
                "m",
                "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
                "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
            ),
            (
                "m/0'",
                "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
                "xprv9uHRZZhk6KAJC1avXpDAp4MDc3sQKNxDiPvvkX8Br5ngLNv1TxvUxt4cV1rGL5hj6KCesnDYUhd7oWgT11eZG7XnxHrnYeSvkzY7d2bhkJ7",
            ),
            (
                "m/0'/1",
                "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ",
                "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs",
            ),
            (
                "m/0'/1/2'",
                "xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5",
                "xprv9z4pot5VBttmtdRTWfWQmoH1taj2axGVzFqSb8C9xaxKymcFzXBDptWmT7FwuEzG3ryjH4ktypQSAewRiNMjANTtpgP4mLTj34bhnZX7UiM",
            ),
            (
                "m/0'/1/2'/2",
                "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV",
                "xprvA2JDeKCSNNZky6uBCviVfJSKyQ1mDYahRjijr5idH2WwLsEd4Hsb2Tyh8RfQMuPh7f7RtyzTtdrbdqqsunu5Mm3wDvUAKRHSC34sJ7in334",
            ),
            (
                "m/0'/1/2'/2/1000000000",
                "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
                "xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76",
            ),
        ],
    ),
    (
        "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
        &[
            (
                "m",
                "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB",
                "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U",
            ),
            (
                "m/0",
                "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH",
                "xprv9vHkqa6EV4sPZHYqZznhT2NPtPCjKuDKGY38FBWLvgaDx45zo9WQRUT3dKYnjwih2yJD9mkrocEZXo1ex8G81dwSM1fwqWpWkeS3v86pgKt",
            ),
            (
                "m/0/2147483647'",
                "xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85ySDhKiLDBrQSARLq1uNRts8RuJiHjaDMBU4Zn9h8LZNnBC5y4a",
                "xprv9wSp6B7kry3Vj9m1zSnLvN3xH8RdsPP1Mh7fAaR7aRLcQMKTR2vidYEeEg2mUCTAwCd6vnxVrcjfy2kRgVsFawNzmjuHc2YmYRmagcEPdU9",
            ),
            (
                "m/0/2147483647'/1",
                "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon",
                "xprv9zFnWC6h2cLgpmSA46vutJzBcfJ8yaJGg8cX1e5StJh45BBciYTRXSd25UEPVuesF9yog62tGAQtHjXajPPdbRCHuWS6T8XA2ECKADdw4Ef",
            ),
            (
                "m/0/2147483647'/1/2147483646'",
                "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL",
                "xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc",
            ),
            (
                "m/0/2147483647'/1/2147483646'/2",
                "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt",
                "xprvA2nrNbFZABcdryreWet9Ea4LvTJcGsqrMzxHx98MMrotbir7yrKCEXw7nadnHM8Dq38EGfSh6dqA9QWTyefMLEcBYJUuekgW4BYPJcr9E7j",
            ),
        ],
    ),
    (
        "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be",
        &[
            (
                "m",
                "xpub661MyMwAqRbcEZVB4dScxMAdx6d4nFc9nvyvH3v4gJL378CSRZiYmhRoP7mBy6gSPSCYk6SzXPTf3ND1cZAceL7SfJ1Z3GC8vBgp2epUt13",
                "xprv9s21ZrQH143K25QhxbucbDDuQ4naNntJRi4KUfWT7xo4EKsHt2QJDu7KXp1A3u7Bi1j8ph3EGsZ9Xvz9dGuVrtHHs7pXeTzjuxBrCmmhgC6",
            ),
            (
                "m/0'",
                "xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y",
                "xprv9uPDJpEQgRQfDcW7BkF7eTya6RPxXeJCqCJGHuCJ4GiRVLzkTXBAJMu2qaMWPrS7AANYqdq6vcBcBUdJCVVFceUvJFjaPdGZ2y9WACViL4L",
            ),
        ],
    ),
    (
        "3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678",
        &[
            (
                "m",
                "xpub661MyMwAqRbcGczjuMoRm6dXaLDEhW1u34gKenbeYqAix21mdUKJyuyu5F1rzYGVxyL6tmgBUAEPrEz92mBXjByMRiJdba9wpnN37RLLAXa",
                "xprv9s21ZrQH143K48vGoLGRPxgo2JNkJ3J3fqkirQC2zVdk5Dgd5w14S7fRDyHH4dWNHUgkvsvNDCkvAwcSHNAQwhwgNMgZhLtQC63zxwhQmRv",
            ),
            (
                "m/0'",
                "xpub69AUMk3qDBi3uW1sXgjCmVjJ2G6WQoYSnNHyzkmdCHEhSZ4tBok37xfFEqHd2AddP56Tqp4o56AePAgCjYdvpW2PU2jbUPFKsav5ut6Ch1m",
                "xprv9vB7xEWwNp9kh1wQRfCCQMnZUEG21LpbR9NPCNN1dwhiZkjjeGRnaALmPXCX7SgjFTiCTT6bXes17boXtjq3xLpcDjzEuGLQBM5ohqkao9G",
            ),
            (
                "m/0'/1'",
                "xpub6BJA1jSqiukeaesWfxe6sNK9CCGaujFFSJLomWHprUL9DePQ4JDkM5d88n49sMGJxrhpjazuXYWdMf17C9T5XnxkopaeS7jGk1GyyVziaMt",
                "xprv9xJocDuwtYCMNAo3Zw76WENQeAS6WGXQ55RCy7tDJ8oALr4FWkuVoHJeHVAcAqiZLE7Je3vZJHxspZdFHfnBEjHqU5hG1Jaj32dVoS6XLT1",
            ),
        ],
    ),
];

fn root() -> ExtendedSecret {
    ExtendedSecret::from_seed_bytes(&[7; 32]).unwrap()
}

fn normal(index: u32) -> ChildNumber {
    ChildNumber::normal(index).unwrap()
}

#[test]
fn vectors_one_to_four() {
    let mut done = 0;
    for (seed, rows) in VECTORS {
        let master = ExtendedSecret::from_seed_bytes(&bytes(seed)).unwrap();
        // The key one step up, to take the last step in public where that is possible.
        let mut above: Option<ExtendedPublic> = None;
        for (path, xpub, xprv) in rows {
            let path: DerivationPath = path.parse().unwrap();
            let secret = master.derive_path(&path).unwrap();
            let public = secret.to_public();
            assert_eq!(*secret.encode(&bitcoin()), *xprv, "{path}");
            assert_eq!(public.encode(&bitcoin()), *xpub, "{path}");
            assert_eq!(
                ExtendedSecret::parse(xprv, &bitcoin()).unwrap().encode(&bitcoin()),
                secret.encode(&bitcoin())
            );
            assert_eq!(ExtendedPublic::parse(xpub, &bitcoin()).unwrap(), public);
            if let (Some(above), Some(step)) = (&above, path.steps().last()) {
                match above.derive(*step) {
                    Ok(derived) => assert_eq!(derived, public, "{path}"),
                    Err(error) => assert_eq!(error, DeriveError::Hardened { got: *step }, "{path}"),
                }
            }
            above = Some(public);
            done += 1;
        }
    }
    assert_eq!(done, 17);
    println!("bip32 vectors 1 to 4: {done} keys");
}

#[test]
fn the_fingerprints_of_vector_one() {
    // BIP32's vector 1 as older revisions of the BIP list it: the master key's identifier begins with 3442193e.
    let master = ExtendedSecret::from_seed_bytes(&bytes(VECTORS[0].0)).unwrap();
    assert_eq!(master.fingerprint(), Fingerprint::from_bytes([0x34, 0x42, 0x19, 0x3e]));
    assert_eq!(master.fingerprint().to_string(), "3442193e");
    assert_eq!(master.to_public().fingerprint(), master.fingerprint());
}

#[test]
fn seeds_have_16_to_64_bytes() {
    let seed = [7; 80];
    for got in 0..80 {
        match ExtendedSecret::from_seed_bytes(&seed[..got]) {
            Ok(_) => assert!((16..=64).contains(&got), "{got} bytes"),
            Err(error) => {
                assert!(!(16..=64).contains(&got), "{got} bytes");
                assert_eq!(error, DeriveError::SeedLength { got, min: 16, limit: 64 });
            }
        }
    }
}

#[test]
fn depth_ends_at_255() {
    let path = DerivationPath::new(vec![normal(0); 255]).unwrap();
    let deep = root().derive_path(&path).unwrap();
    assert_eq!(deep.depth(), 255);
    assert_eq!(deep.derive(normal(0)).unwrap_err(), DeriveError::TooDeep { limit: 255 });
    assert_eq!(deep.to_public().derive(normal(0)).unwrap_err(), DeriveError::TooDeep { limit: 255 });
    assert_eq!(ExtendedPublic::parse(&deep.to_public().encode(&bitcoin()), &bitcoin()).unwrap().depth(), 255);
}

#[test]
fn nothing_secret_is_printed() {
    let secret = root().derive(normal(5)).unwrap();
    let fingerprint = secret.fingerprint();
    assert_eq!(
        format!("{secret:?}"),
        format!("ExtendedSecret(depth 1, fingerprint {fingerprint}, redacted)")
    );
    assert_eq!(
        format!("{:?}", secret.to_public()),
        format!("ExtendedPublic(depth 1, fingerprint {fingerprint})")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn public_and_secret_derivation_agree(
        seed in proptest::collection::vec(any::<u8>(), 16..=64),
        steps in proptest::collection::vec(any::<u32>().prop_map(ChildNumber::from_u32), 0..4),
        last in 0..=ChildNumber::MAX_INDEX,
    ) {
        let path = DerivationPath::new(steps).unwrap();
        let parent = ExtendedSecret::from_seed_bytes(&seed).unwrap().derive_path(&path).unwrap();
        let secret = parent.derive(normal(last)).unwrap();
        let public = parent.to_public().derive(normal(last)).unwrap();
        prop_assert_eq!(&secret.to_public(), &public);
        prop_assert_eq!(secret.secret_key().public_key(), public.public_key());
        let hardened = parent.derive(ChildNumber::hardened(last).unwrap()).unwrap();
        prop_assert_ne!(hardened.to_public().public_key(), public.public_key());

        let text = secret.encode(&bitcoin());
        prop_assert_eq!(ExtendedSecret::parse(&text, &bitcoin()).unwrap().encode(&bitcoin()), text);
        prop_assert_eq!(ExtendedPublic::parse(&public.encode(&bitcoin()), &bitcoin()), Ok(public));
    }
}
