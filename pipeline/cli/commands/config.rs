//! `chorus config`.

use std::process::ExitCode;

use chorus_keys::{Base, Key, schema};

use crate::args::{KeysArgs, UsageError};
use crate::declarations::declarations;
use crate::output;

/// Maximum number of characters in a line of comments.
const WIDTH: usize = 100;

pub(crate) fn run(args: &KeysArgs) -> anyhow::Result<ExitCode> {
    let all = declarations();
    if args.schema {
        output::json(&serde_json::to_string_pretty(&schema(all, "A configuration of chorus"))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_named = |name: &str, key: &Key| name == key.name || (all.is_section(name) && name == key.section());
    let wanted = |key: &&Key| args.key.as_deref().is_none_or(|name| is_named(name, key));
    let keys: Vec<&Key> = all.keys().iter().filter(wanted).collect();
    if let (Some(name), true) = (&args.key, keys.is_empty()) {
        let next =
            all.nearest(name).map_or_else(|| "`chorus config` lists all keys".to_owned(), |near| format!("did you mean {near}?"));
        return Err(UsageError(format!("no key or section is called `{name}`; {next}")).into());
    }
    let mut section = "";
    for key in keys {
        if key.section() != section {
            section = key.section();
            output::line(&format!("\n{section}:"))?;
        }
        output::line(&entry(key, if section.is_empty() { "" } else { "  " }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A key as it is written in a file, with meaning, unit, range, words and example as comments.
fn entry(key: &Key, indent: &str) -> String {
    let unit = if key.unit.is_empty() { String::new() } else { format!(" Unit: {}.", key.unit) };
    let relative = match key.base {
        Base::None => String::new(),
        Base::Current => " Relative to the current folder.".to_owned(),
        Base::Within(folder) => format!(" Relative to {folder}, and inside it."),
    };
    let example = key.example.map_or_else(String::new, |example| format!(" Example: {example}"));
    let allowed = key.allowed();
    let mut capital = allowed.chars();
    let allowed: String = capital.next().map(|c| c.to_uppercase().chain(capital).collect()).unwrap_or_default();
    let words = key.kind.words().iter().filter(|word| !word.about.is_empty());
    let words = words.map(|word| format!("- {}: {}", word.name, word.about.replace('\n', " ")));
    let lines = key.about.split('\n').map(str::to_owned).chain([format!("{allowed}.{unit}{relative}{example}")]).chain(words);
    let comments: String = lines.flat_map(|line| wrapped(&line)).map(|line| format!("{indent}# {line}\n")).collect();
    format!("{comments}{indent}{}: {}", key.short(), key.default)
}

/// A text in lines of at most [`WIDTH`] characters, broken at spaces. Further lines of a list item are indented.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(word);
                continue;
            }
            if line.chars().count() + 1 + word.chars().count() <= WIDTH {
                line.push(' ');
                line.push_str(word);
                continue;
            }
        }
        lines.push(if text.starts_with("- ") { format!("  {word}") } else { word.to_owned() });
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_keys_are_a_valid_configuration() {
        let text: String = declarations()
            .keys()
            .iter()
            .fold((String::new(), ""), |(text, section), key| {
                let head = if key.section() == section { String::new() } else { format!("{}:\n", key.section()) };
                let indent = if key.section().is_empty() { "" } else { "  " };
                (format!("{text}{head}{}\n", entry(key, indent)), key.section())
            })
            .0;
        let printed = chorus_engine::Config::from_text(&text, "printed", "printed", &[], declarations()).unwrap();
        assert_eq!(*printed.values(), declarations().defaults());
        assert!(text.lines().filter(|line| line.trim_start().starts_with('#')).all(|line| line.chars().count() <= WIDTH + 6));
    }
}
