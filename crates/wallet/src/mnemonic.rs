//! The words a wallet is written down as (BIP39).

use core::fmt;
use std::borrow::Cow;

use cairn_primitives::hash;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::language::Language;
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
    entropy: Zeroizing<Vec<u8>>,
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
        if !matches!(got, 16 | 20 | 24 | 28 | 32) {
            return Err(MnemonicError::EntropyLength { got, expected: (got.clamp(16, 32) + 2) / 4 * 4 });
        }
        Ok(Self { language, entropy: Zeroizing::new(entropy.to_vec()) })
    }

    /// Reads words separated by white space of any kind, in any Unicode form, of any of the lists.
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
            let found = |word: &str| language.number(word).is_some();
            let positions = (1..).zip(&words).filter(|(_, word)| !found(word)).map(|(position, _)| position);
            (language, positions.collect::<Vec<usize>>())
        });
        let (language, best) =
            unknown.iter().min_by_key(|(_, unknown)| unknown.len()).expect("there are lists");
        if let [position, ..] = **best {
            return Err(MnemonicError::UnknownWord { position, language: *language });
        }
        // A list without one of the words has no number for it.
        Language::ALL
            .into_iter()
            .find_map(|language| {
                let numbers: Option<Vec<usize>> = words.iter().map(|word| language.number(word)).collect();
                let entropy = entropy_of(&Zeroizing::new(numbers?))?;
                Some(Self { language, entropy })
            })
            .ok_or(MnemonicError::Checksum)
    }

    /// The words in order, as their list spells them.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        let bits = with_checksum(&self.entropy);
        (0..self.word_count()).map(move |index| {
            let number =
                (0..WORD_BITS).fold(0, |number, bit| number << 1 | bit_at(&bits, index * WORD_BITS + bit));
            self.language.word(number)
        })
    }

    /// Three words for each four bytes.
    fn word_count(&self) -> usize {
        self.entropy.len() / 4 * 3
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
        write!(f, "Mnemonic({} {} words, redacted)", self.word_count(), self.language)
    }
}

/// Bits that a word stands for.
const WORD_BITS: usize = 11;

/// The entropy and behind it the first byte of its SHA-256, of which as many bits count as fill the last word.
fn with_checksum(entropy: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bits = Zeroizing::new(Vec::with_capacity(entropy.len() + 1));
    bits.extend_from_slice(entropy);
    bits.push(hash::sha256(entropy)[0]);
    bits
}

fn bit_at(bytes: &[u8], position: usize) -> usize {
    usize::from(bytes[position / 8] >> (7 - position % 8) & 1)
}

/// The entropy that so many words stand for, if its checksum is right.
fn entropy_of(numbers: &[usize]) -> Option<Zeroizing<Vec<u8>>> {
    let len = numbers.len() / 3 * 4;
    let mut bits = Zeroizing::new(vec![0u8; len + 1]);
    for position in 0..numbers.len() * WORD_BITS {
        let number = numbers[position / WORD_BITS];
        let bit = number >> (WORD_BITS - 1 - position % WORD_BITS) & 1;
        bits[position / 8] |= u8::from(bit == 1) << (7 - position % 8);
    }
    // As many bits of checksum as there are four bytes of entropy.
    let unused = 8 - len / 4;
    let entropy = Zeroizing::new(bits[..len].to_vec());
    (bits[len] == hash::sha256(&entropy)[0] >> unused << unused).then_some(entropy)
}

/// The text in Unicode's compatibility decomposition, as BIP39 hashes it.
pub(crate) fn nfkd(text: &str) -> Zeroizing<String> {
    let mut text = Cow::Borrowed(text);
    bip39::Mnemonic::normalize_utf8_cow(&mut text);
    Zeroizing::new(text.into_owned())
}
