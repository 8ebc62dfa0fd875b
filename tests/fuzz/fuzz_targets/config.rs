//! The configuration: a file, and settings on the command line behind a line of `---set`.
#![no_main]

#[path = "../../../pipeline/cli/declarations.rs"]
mod declarations;

use chorus_engine::{Config, ConfigError};
use chorus_fuzz::{Bound, bounded};
use declarations::declarations;
use libfuzzer_sys::fuzz_target;

/// Every key has a default and a place; a problem prints the value that it is about.
const CONFIG: Bound = Bound { fixed: 2 << 20, per_byte: 4000 };

fuzz_target!(|input: &str| {
    let (text, sets) = input.split_once("\n---set\n").unwrap_or((input, ""));
    let sets: Vec<String> = sets.lines().map(str::to_owned).collect();
    let read = bounded(input.len(), CONFIG, || Config::from_text(text, "c.yaml", "c", &sets, declarations()));
    match read {
        Ok(config) => {
            let printed = config.to_yaml();
            let again = Config::from_text(&printed, "c.yaml", "c", &[], declarations()).expect("what is printed is a configuration");
            assert_eq!(again.to_yaml(), printed);
        }
        Err(ConfigError::Invalid { problems }) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.found.is_empty()));
        }
        Err(error) => panic!("a text has no file that could be unreadable: {error}"),
    }
});
