//! The lists that the words of a mnemonic are from.

use core::fmt;
use std::sync::LazyLock;

use crate::mnemonic::nfkd;

/// The ten word lists of BIP39, and two that are in use without standing there.
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
    /// Russian; not in BIP39.
    Russian,
    /// Turkish; not in BIP39.
    Turkish,
}

impl Language {
    /// Every list, English first.
    pub const ALL: [Self; 12] = [
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
        Self::Russian,
        Self::Turkish,
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
            Self::Russian => "Russian",
            Self::Turkish => "Turkish",
        }
    }

    /// The word with this number, below [`LIST_LEN`], in the list's own spelling.
    pub(crate) fn word(self, number: usize) -> &'static str {
        match self.list() {
            List::Kept(words) => words[number],
            List::Own(words) => &words[number],
        }
    }

    /// The number of a word that is given in Unicode's compatibility decomposition.
    pub(crate) fn number(self, word: &str) -> Option<usize> {
        match self.list() {
            List::Kept(words) => words.iter().position(|known| *known == word),
            List::Own(words) => words.iter().position(|known| known == word),
        }
    }

    fn list(self) -> List {
        let kept = |language: bip39::Language| List::Kept(language.word_list());
        match self {
            Self::English => kept(bip39::Language::English),
            Self::ChineseSimplified => kept(bip39::Language::SimplifiedChinese),
            Self::ChineseTraditional => kept(bip39::Language::TraditionalChinese),
            Self::Czech => kept(bip39::Language::Czech),
            Self::French => kept(bip39::Language::French),
            Self::Italian => kept(bip39::Language::Italian),
            Self::Japanese => kept(bip39::Language::Japanese),
            Self::Korean => kept(bip39::Language::Korean),
            Self::Portuguese => kept(bip39::Language::Portuguese),
            Self::Spanish => kept(bip39::Language::Spanish),
            Self::Russian => List::Own(&RUSSIAN),
            Self::Turkish => List::Own(&TURKISH),
        }
    }
}

/// Words in a list.
pub(crate) const LIST_LEN: usize = 2048;

/// A list of [`LIST_LEN`] words, decomposed.
enum List {
    /// Of the library.
    Kept(&'static [&'static str; LIST_LEN]),
    /// Of the files beside this one.
    Own(&'static [String]),
}

// The lists of python-mnemonic 0.21, from whose authors BIP39's test vectors come; its licence lies beside them.
static RUSSIAN: LazyLock<Vec<String>> = LazyLock::new(|| read(include_str!("words/russian.txt")));
static TURKISH: LazyLock<Vec<String>> = LazyLock::new(|| read(include_str!("words/turkish.txt")));

fn read(list: &str) -> Vec<String> {
    let words: Vec<String> = list.lines().map(|word| nfkd(word).to_string()).collect();
    assert_eq!(words.len(), LIST_LEN, "the file is part of the program");
    words
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
