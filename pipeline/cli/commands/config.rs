//! `chorus config`.

use std::process::ExitCode;

use chorus_engine::config::keys::{KEYS, Key};

use crate::output;

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let mut section = "";
    for key in KEYS.iter() {
        let (own, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if own != section {
            section = own;
            output::line(&format!("\n{section}:"))?;
        }
        output::line(&entry(key, if own.is_empty() { "" } else { "  " }, name))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A key as it would stand in a file, with its meaning and range as comments.
fn entry(key: &Key, indent: &str, name: &str) -> String {
    let unit = if key.unit.is_empty() { String::new() } else { format!(" [{}]", key.unit) };
    format!("{indent}# {}{unit}; {}\n{indent}{name}: {}", key.about, key.allowed(), key.default)
}
