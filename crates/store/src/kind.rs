//! Which engine a store has, and how to tell from its directory.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Which key-value engine carries a store on disk. For one in memory see [`Store::memory`](crate::Store::memory).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Engine {
    /// sled 0.34, a tree over a log.
    #[default]
    Sled,
    /// fjall 3, a log-structured merge tree; only where this crate's feature `fjall` is on.
    Fjall,
}

impl Engine {
    /// All engines, also those this program was built without.
    pub const ALL: [Engine; 2] = [Engine::Sled, Engine::Fjall];

    /// The engine's name: `sled` or `fjall`. [`Engine::from_str`] reads it back.
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Sled => "sled",
            Engine::Fjall => "fjall",
        }
    }

    /// Whether this program was built with the engine.
    pub const fn is_built_in(self) -> bool {
        match self {
            Engine::Sled => true,
            Engine::Fjall => cfg!(feature = "fjall"),
        }
    }

    /// The engine of the store in `path`, or `None` if no store is there. Only looks at file names.
    pub fn of(path: &Path) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| match engine {
            Engine::Sled => path.join("conf").is_file() || path.join("db").is_file(),
            Engine::Fjall => path.join("fjall").is_dir(),
        })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No engine has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no store engine is called {got:?}: there are sled and fjall")]
pub struct UnknownEngine {
    /// The name given.
    pub got: String,
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let found = Engine::ALL.into_iter().find(|engine| engine.name() == name);
        found.ok_or_else(|| UnknownEngine { got: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for engine in Engine::ALL {
            assert_eq!(engine.name().parse(), Ok(engine));
            assert_eq!(engine.to_string(), engine.name());
        }
        assert_eq!("Sled".parse::<Engine>(), Err(UnknownEngine { got: "Sled".to_owned() }));
        assert_eq!("".parse::<Engine>(), Err(UnknownEngine { got: String::new() }));
    }

    #[test]
    fn an_empty_or_absent_directory_has_no_engine() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Engine::of(dir.path()), None);
        assert_eq!(Engine::of(&dir.path().join("absent")), None);
        std::fs::write(dir.path().join("LOCK"), b"").unwrap();
        assert_eq!(Engine::of(dir.path()), None);
    }
}
