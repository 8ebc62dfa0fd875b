//! What is wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The file and line, or `--set`.
    pub place: String,
    /// The key.
    pub key: String,
    /// What was found.
    pub found: String,
    /// What is allowed, or what to do.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: found {}; {}", self.place, self.key, self.found, self.allowed)
    }
}

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; name a configuration file with -c, or write one with `chorus init ARCHIVE`", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration that a run recorded cannot be read.
    #[error("{}: {source}; `chorus run` writes this file: name the folder of such a run, or copy the whole folder", .path.display())]
    Unrecorded {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Keys are unknown, values wrong, or combinations impossible. All problems are listed.
    #[error(
        "the configuration has {}:\n{}\n`chorus config` prints every key with its meaning and range",
        count(.problems.len()),
        list(.problems)
    )]
    Invalid {
        /// Every problem found.
        problems: Vec<Problem>,
    },
}

fn count(n: usize) -> String {
    if n == 1 { "a problem".into() } else { format!("{n} problems") }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n")
}
