//! BIP39: the vectors of twelve languages, and each way to be wrong.

use cairn_wallet::{ExtendedSecret, Language, MAX_PHRASE_LEN, Mnemonic, MnemonicError, Seed, WordCount};
use proptest::prelude::*;
use serde_json::Value;

use crate::common::{ABANDON, bitcoin, bytes, data};

const FILE: &str = "vectors/bips/bip39.json";

/// Languages of the vectors.
const LANGUAGES: [(&str, Language); 12] = [
    ("english", Language::English),
    ("chinese_simplified", Language::ChineseSimplified),
    ("chinese_traditional", Language::ChineseTraditional),
    ("czech", Language::Czech),
    ("french", Language::French),
    ("italian", Language::Italian),
    ("japanese", Language::Japanese),
    ("korean", Language::Korean),
    ("portuguese", Language::Portuguese),
    ("spanish", Language::Spanish),
    ("russian", Language::Russian),
    ("turkish", Language::Turkish),
];

fn vectors(test: &str) -> Option<Value> {
    data(test, FILE).map(|text| serde_json::from_str(&text).unwrap())
}

/// Entropy, words, seed and extended key of each vector of a language.
fn rows<'a>(vectors: &'a Value, language: &str) -> Vec<[&'a str; 4]> {
    let rows = vectors[language].as_array().unwrap();
    assert_eq!(rows.len(), 24, "{language}");
    rows.iter().map(|row| std::array::from_fn(|i| row[i].as_str().unwrap())).collect()
}

#[test]
fn words_make_seeds_and_keys_in_twelve_languages() {
    let Some(vectors) = vectors("words_make_seeds_and_keys_in_twelve_languages") else { return };
    assert_eq!(vectors.as_object().unwrap().len(), LANGUAGES.len());
    let mut done = 0;
    for (name, _) in LANGUAGES {
        for [_, words, seed, xprv] in rows(&vectors, name) {
            let got = Seed::from_phrase(words, "TREZOR");
            assert_eq!(got.as_bytes()[..], bytes(seed), "{name}");
            assert_eq!(*ExtendedSecret::from_seed(&got).unwrap().encode(&bitcoin()), xprv, "{name}");
            done += 1;
        }
    }
    assert_eq!(done, 288);
    println!("bip39 seeds and keys: {done} vectors in {} languages", LANGUAGES.len());
}

#[test]
fn entropy_makes_the_words_and_they_read_back_in_twelve_languages() {
    let Some(vectors) = vectors("entropy_makes_the_words_and_they_read_back_in_twelve_languages") else {
        return;
    };
    let mut done = 0;
    for (name, language) in LANGUAGES {
        for [entropy, words, seed, _] in rows(&vectors, name) {
            let made = Mnemonic::from_entropy(language, &bytes(entropy)).unwrap();
            let read = Mnemonic::parse(words).unwrap();
            assert_eq!(made.phrase(), read.phrase(), "{name}");
            assert_eq!(made.language(), language);
            assert_eq!(made.to_seed("TREZOR").as_bytes()[..], bytes(seed), "{name}");
            assert_eq!(read.to_seed("TREZOR").as_bytes()[..], bytes(seed), "{name}");
            if !name.starts_with("chinese") {
                assert_eq!(read.language(), language);
            }
            done += 1;
        }
    }
    assert_eq!(done, 288);
    println!("bip39 entropy and words: {done} vectors in {} languages", Language::ALL.len());
}

#[test]
fn an_unknown_word_is_named_by_its_position() {
    for position in 1..=12 {
        let mut words: Vec<&str> = ABANDON.split(' ').collect();
        words[position - 1] = "abandom";
        let error = Mnemonic::parse(&words.join(" ")).unwrap_err();
        assert_eq!(error, MnemonicError::UnknownWord { position, language: Language::English });
        assert!(!error.to_string().contains("aband"), "the words are secret: {error}");
    }
    let error = Mnemonic::parse(&ABANDON.replacen("abandon", "Abandon", 1)).unwrap_err();
    assert_eq!(error, MnemonicError::UnknownWord { position: 1, language: Language::English });
    // The list is the one that knows most of the words, wherever the wrong one stands.
    let spanish = Mnemonic::from_entropy(Language::Spanish, &[0x77; 16]).unwrap();
    let wrong = spanish.phrase().replacen(spanish.words().next().unwrap(), "about", 1);
    let error = Mnemonic::parse(&wrong).unwrap_err();
    assert_eq!(error, MnemonicError::UnknownWord { position: 1, language: Language::Spanish });
    assert_eq!(error.to_string(), "word 1 is not in the Spanish word list");
}

#[test]
fn wrong_counts_are_refused() {
    let word = |n| vec!["abandon"; n].join(" ");
    for got in (0..30).filter(|n| ![12, 15, 18, 21, 24].contains(n)) {
        assert_eq!(Mnemonic::parse(&word(got)).unwrap_err(), MnemonicError::WordCount { got });
    }
    for count in [12, 15, 18, 21, 24] {
        // Sound counts come as far as the checksum; zero entropy does not end in "abandon".
        assert_eq!(Mnemonic::parse(&word(count)).unwrap_err(), MnemonicError::Checksum);
    }
}

#[test]
fn a_wrong_checksum_is_refused() {
    assert!(Mnemonic::parse(ABANDON).is_ok());
    let changed = ABANDON.replace("about", "above");
    assert_eq!(Mnemonic::parse(&changed).unwrap_err(), MnemonicError::Checksum);
    let swapped = "legal winner thank year wave sausage worth useful legal winner yellow thank";
    assert_eq!(Mnemonic::parse(swapped).unwrap_err(), MnemonicError::Checksum);
}

#[test]
fn a_text_too_long_is_refused_before_it_is_read() {
    let limit = MAX_PHRASE_LEN;
    let padded = |len: usize| format!("{ABANDON}{}", " ".repeat(len - ABANDON.len()));
    assert!(Mnemonic::parse(&padded(limit)).is_ok());
    assert_eq!(
        Mnemonic::parse(&padded(limit + 1)).unwrap_err(),
        MnemonicError::TooLong { got: limit + 1, limit }
    );
}

#[test]
fn entropy_has_the_length_of_its_words() {
    for (count, words, len) in [(WordCount::Twelve, 12, 16), (WordCount::TwentyFour, 24, 32)] {
        assert_eq!(count.entropy_len(), len);
        assert_eq!(Mnemonic::generate(count, &vec![1; len]).unwrap().words().count(), words);
        for got in (0..40).filter(|got| *got != len) {
            let error = Mnemonic::generate(count, &vec![1; got]).unwrap_err();
            assert_eq!(error, MnemonicError::EntropyLength { got, expected: len });
        }
    }
    for (len, words) in [(16, 12), (20, 15), (24, 18), (28, 21), (32, 24)] {
        let mnemonic = Mnemonic::from_entropy(Language::Korean, &vec![9; len]).unwrap();
        assert_eq!(mnemonic.words().count(), words);
    }
    for (got, expected) in [(0, 16), (15, 16), (17, 16), (18, 20), (27, 28), (33, 32), (64, 32)] {
        let error = Mnemonic::from_entropy(Language::English, &vec![9; got]).unwrap_err();
        assert_eq!(error, MnemonicError::EntropyLength { got, expected });
    }
}

#[test]
fn white_space_and_unicode_forms_do_not_matter() {
    let spread = format!("\t{}\n\n", ABANDON.replace(' ', " \u{3000}\r\n "));
    assert_eq!(*Mnemonic::parse(&spread).unwrap().phrase(), ABANDON);
    assert_eq!(Seed::from_phrase(&spread, "x").as_bytes(), Seed::from_phrase(ABANDON, "x").as_bytes());
    // The passphrase "é" composed and decomposed.
    let seed = |passphrase| *Mnemonic::parse(ABANDON).unwrap().to_seed(passphrase).as_bytes();
    assert_eq!(seed("\u{e9}"), seed("e\u{301}"));
    assert_ne!(seed("\u{e9}"), seed("e"));
    assert_ne!(seed(" x"), seed("x"), "white space in a passphrase is part of it");
}

#[test]
fn words_in_two_lists_give_one_seed() {
    // The Chinese lists share characters. Whichever list is taken, the words and the seed are the same.
    let Some(vectors) = vectors("words_in_two_lists_give_one_seed") else { return };
    let mut shared = 0;
    for [entropy, words, seed, _] in rows(&vectors, "chinese_traditional") {
        let read = Mnemonic::parse(words).unwrap();
        if read.language() == Language::ChineseSimplified {
            let other = Mnemonic::from_entropy(Language::ChineseTraditional, &bytes(entropy)).unwrap();
            assert_eq!(read.phrase(), other.phrase());
            shared += 1;
        }
        assert_eq!(read.to_seed("TREZOR").as_bytes()[..], bytes(seed));
    }
    assert!(shared > 0, "none of the vectors is in both lists");
}

#[test]
fn nothing_secret_is_printed() {
    let mnemonic = Mnemonic::parse(ABANDON).unwrap();
    assert_eq!(format!("{mnemonic:?}"), "Mnemonic(12 English words, redacted)");
    assert_eq!(format!("{:?}", mnemonic.to_seed("")), "Seed(redacted)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_entropy_reads_back(entropy in any::<[u8; 32]>(), len in 4usize..=8, list in 0usize..10) {
        let language = Language::ALL[list];
        let made = Mnemonic::from_entropy(language, &entropy[..len * 4]).unwrap();
        let read = Mnemonic::parse(&made.phrase()).unwrap();
        prop_assert_eq!(read.phrase(), made.phrase());
        prop_assert!(made.phrase().len() < MAX_PHRASE_LEN / 2, "{} bytes", made.phrase().len());
    }

    #[test]
    fn any_text_is_handled(text in "\\PC{0,200}", words in proptest::collection::vec("[a-z]{3,8}", 0..26)) {
        let _ = Mnemonic::parse(&text);
        let _ = Mnemonic::parse(&words.join(" "));
    }
}
