//! The words a wallet is written down as (BIP39).

use core::fmt;
use std::borrow::Cow;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::seed::Seed;

/// Longest text [`Mnemonic::parse`] looks at, in bytes. Twenty-four words of any list, decomposed, take less than
/// half of it.
pub const MAX_PHRASE_LEN: usize = 2048;

/// How many words a new mnemonic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordCount {
    /// Twelve words, from 16 bytes of entropy.
    Twelve,
    /// Twenty-four words, from 32 bytes of entropy.
    TwentyFour,
}

impl WordCount {
    /// Bytes of entropy such a mnemonic is made from.
    pub const fn entropy_len(self) -> usize {
        match self {
            Self::Twelve => 16,
            Self::TwentyFour => 32,
        }
    }
}

/// The ten word lists of BIP39.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese in simplified characters.
    ChineseSimplified,
    /// Chinese in traditional characters.
    ChineseTraditional,
    /// Czech.
    Czech,
    /// French.
    French,
    /// Italian.
    Italian,
    /// Japanese.
    Japanese,
    /// Korean.
    Korean,
    /// Portuguese.
    Portuguese,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every list, English first.
    pub const ALL: [Self; 10] = [
        Self::English,
        Self::ChineseSimplified,
        Self::ChineseTraditional,
        Self::Czech,
        Self::French,
        Self::Italian,
        Self::Japanese,
        Self::Korean,
        Self::Portuguese,
        Self::Spanish,
    ];

    /// The English name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::ChineseSimplified => "Chinese (simplified)",
            Self::ChineseTraditional => "Chinese (traditional)",
            Self::Czech => "Czech",
            Self::French => "French",
            Self::Italian => "Italian",
            Self::Japanese => "Japanese",
            Self::Korean => "Korean",
            Self::Portuguese => "Portuguese",
            Self::Spanish => "Spanish",
        }
    }

    fn list(self) -> bip39::Language {
        match self {
            Self::English => bip39::Language::English,
            Self::ChineseSimplified => bip39::Language::SimplifiedChinese,
            Self::ChineseTraditional => bip39::Language::TraditionalChinese,
            Self::Czech => bip39::Language::Czech,
            Self::French => bip39::Language::French,
            Self::Italian => bip39::Language::Italian,
            Self::Japanese => bip39::Language::Japanese,
            Self::Korean => bip39::Language::Korean,
            Self::Portuguese => bip39::Language::Portuguese,
            Self::Spanish => bip39::Language::Spanish,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a text is no mnemonic, or entropy makes none. The words themselves are never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MnemonicError {
    /// More text than [`MAX_PHRASE_LEN`].
    #[error("{got} bytes of text, a mnemonic has at most {limit}")]
    TooLong {
        /// Length of the text in bytes.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// BIP39 knows mnemonics of 12, 15, 18, 21 and 24 words.
    #[error("a mnemonic has 12, 15, 18, 21 or 24 words, not {got}")]
    WordCount {
        /// Words found.
        got: usize,
    },
    /// A word is not in the list that the other words are from.
    #[error("word {position} is not in the {language} word list")]
    UnknownWord {
        /// Which word, counted from 1.
        position: usize,
        /// The list that knows most of the words.
        language: Language,
    },
    /// Every word is in the list, and together they are wrong: one is another word, or two changed places.
    #[error("the words do not belong together: one is wrong, or their order is (checksum mismatch)")]
    Checksum,
    /// Too few or too many bytes of entropy.
    #[error("{got} bytes of entropy where {expected} are needed")]
    EntropyLength {
        /// Bytes given.
        got: usize,
        /// Bytes needed.
        expected: usize,
    },
}

/// Twelve to twenty-four words that a seed is made from, with a sound checksum (BIP39).
///
/// Wiped from memory when dropped; `Debug` does not show the words.
#[derive(Clone)]
pub struct Mnemonic {
    language: Language,
    inner: bip39::Mnemonic,
}

impl Mnemonic {
    /// The English mnemonic of `entropy`, which must come from a cryptographic random source.
    ///
    /// # Errors
    /// [`MnemonicError::EntropyLength`] unless there are [`WordCount::entropy_len`] bytes.
    pub fn generate(count: WordCount, entropy: &[u8]) -> Result<Self, MnemonicError> {
        let (got, expected) = (entropy.len(), count.entropy_len());
        if got != expected {
            return Err(MnemonicError::EntropyLength { got, expected });
        }
        Self::from_entropy(Language::English, entropy)
    }

    /// The mnemonic of `entropy` in any list: 16, 20, 24, 28 or 32 bytes make 12, 15, 18, 21 or 24 words.
    ///
    /// # Errors
    /// [`MnemonicError::EntropyLength`] for any other length; `expected` is the nearest of those.
    pub fn from_entropy(language: Language, entropy: &[u8]) -> Result<Self, MnemonicError> {
        let got = entropy.len();
        bip39::Mnemonic::from_entropy_in(language.list(), entropy)
            .map(|inner| Self { language, inner })
            .map_err(|_| MnemonicError::EntropyLength { got, expected: (got.clamp(16, 32) + 2) / 4 * 4 })
    }

    /// Reads words separated by white space of any kind, in any Unicode form, of any of the ten lists.
    ///
    /// The list is found by the words. Where two lists hold them all (the Chinese ones share many), the first with a
    /// matching checksum in the order of [`Language::ALL`] is taken; the seed is made from the words, so it is the
    /// same either way.
    ///
    /// # Errors
    /// [`MnemonicError`]: too long, a wrong count, an unknown word, a wrong checksum, in this order.
    pub fn parse(text: &str) -> Result<Self, MnemonicError> {
        if text.len() > MAX_PHRASE_LEN {
            return Err(MnemonicError::TooLong { got: text.len(), limit: MAX_PHRASE_LEN });
        }
        let text = nfkd(text);
        let words: Vec<&str> = text.split_whitespace().collect();
        if !matches!(words.len(), 12 | 15 | 18 | 21 | 24) {
            return Err(MnemonicError::WordCount { got: words.len() });
        }
        // For each list, the positions of the words it does not have.
        let unknown = Language::ALL.map(|language| {
            let found = |word: &str| language.list().find_word(word).is_some();
            let positions = (1..).zip(&words).filter(|(_, word)| !found(word)).map(|(position, _)| position);
            (language, positions.collect::<Vec<usize>>())
        });
        let (language, best) =
            unknown.iter().min_by_key(|(_, unknown)| unknown.len()).expect("there are lists");
        if let [position, ..] = **best {
            return Err(MnemonicError::UnknownWord { position, language: *language });
        }
        // A list without one of the words refuses it here, too.
        Language::ALL
            .into_iter()
            .find_map(|language| {
                let inner = bip39::Mnemonic::parse_in_normalized(language.list(), &text).ok()?;
                Some(Self { language, inner })
            })
            .ok_or(MnemonicError::Checksum)
    }

    /// The words in order, as their list spells them.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.inner.words()
    }

    /// The words with single spaces between them, in a wrapper that wipes them when dropped.
    pub fn phrase(&self) -> Zeroizing<String> {
        let len = self.words().map(|word| word.len() + 1).sum();
        // As long as it gets, so that it never moves and leaves a copy behind.
        let mut phrase = Zeroizing::new(String::with_capacity(len));
        for word in self.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The list the words are from.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The seed of these words and an optional passphrase, which may be empty (BIP39).
    ///
    /// Every passphrase gives a sound seed, another one: there is no wrong passphrase, only another wallet.
    pub fn to_seed(&self, passphrase: &str) -> Seed {
        Seed::from_phrase(&self.phrase(), passphrase)
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mnemonic({} {} words, redacted)", self.inner.word_count(), self.language)
    }
}

/// The text in Unicode's compatibility decomposition, as BIP39 hashes it.
pub(crate) fn nfkd(text: &str) -> Zeroizing<String> {
    let mut text = Cow::Borrowed(text);
    bip39::Mnemonic::normalize_utf8_cow(&mut text);
    Zeroizing::new(text.into_owned())
}
