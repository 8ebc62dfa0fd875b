//! The pages for people: links lead somewhere, errors are quoted as the program says them, and commands and keys exist.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CHORUS: &str = env!("CARGO_BIN_EXE_chorus");
/// Stands for what differs from case to case in a quoted message.
const ANY: char = '…';

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == extension)).collect()
}

/// The README and all pages of docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages = with_extension(&Path::new(ROOT).join("docs"), "md");
    pages.push(Path::new(ROOT).join("README.md"));
    pages
}

/// A page in two parts: its text with code blocks left blank, and its code blocks.
fn text_and_code(page: &str) -> (String, String) {
    let (mut text, mut code) = (String::new(), String::new());
    let mut is_fenced = false;
    for line in page.lines() {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        let is_code = is_fence || is_fenced || line.starts_with("    ");
        text += if is_code { "" } else { line };
        code += if is_code && !is_fence { line } else { "" };
        text.push('\n');
        code.push('\n');
    }
    (text, code)
}

/// What stands between backticks, with each line end as a space.
fn spans(text: &str) -> Vec<String> {
    let of = |paragraph: &str| -> Vec<String> {
        let parts: Vec<&str> = paragraph.split('`').collect();
        parts.iter().skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    text.split("\n\n").flat_map(of).collect()
}

/// The targets of a text's links. Code has none.
fn links(text: &str) -> Vec<String> {
    let without_code: String = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
    without_code.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The names of a page's headings in links, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let sign = |c: char| match c {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        c if c.is_alphanumeric() => c.to_lowercase().next(),
        _ => None,
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim().chars().filter_map(sign).collect()).collect()
}

/// What `make docs` takes along. A page that leads elsewhere in the repository leads nowhere on the site.
const ON_THE_SITE: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs"];

/// Whether a file or folder is there, and on the site too.
fn is_on_the_site(target: &Path) -> bool {
    let root = Path::new(ROOT).canonicalize().unwrap();
    target.canonicalize().is_ok_and(|path| ON_THE_SITE.iter().any(|name| path.starts_with(root.join(name))))
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    assert!(is_on_the_site(&Path::new(ROOT).join("docs/tutorial.md")));
    assert!(!is_on_the_site(&Path::new(ROOT).join("Cargo.toml")) && !is_on_the_site(&Path::new(ROOT).join("docs/none.md")));
    let mut wrong = Vec::new();
    for page in pages() {
        let (text, _) = text_and_code(&read(&page));
        for link in links(&text).iter().filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_there =
                is_on_the_site(&target) && (anchor.is_empty() || anchors(&text_and_code(&read(&target)).0).contains(anchor));
            if !is_there {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_site_has_every_page() {
    let docs = Path::new(ROOT).join("docs");
    let listed: BTreeSet<String> = links(&read(&docs.join("SUMMARY.md"))).into_iter().collect();
    for page in with_extension(&docs, "md") {
        let name = page.strip_prefix(&docs).unwrap().to_str().unwrap().to_owned();
        assert!(name == "SUMMARY.md" || listed.contains(&name), "docs/SUMMARY.md lacks {name}");
    }
}

/// Sources without the line ends within texts.
fn sources() -> String {
    let folders = ["pipeline", "stages"].map(|folder| Path::new(ROOT).join(folder));
    let mut paths: Vec<PathBuf> = folders.iter().flat_map(|folder| with_extension(folder, "rs")).collect();
    paths.extend(with_extension(&folders[0], "sh"));
    paths.push(Path::new(ROOT).join("Makefile"));
    let joined = |text: String| text.split("\\\n").map(str::trim_start).collect::<Vec<_>>().join("");
    paths.iter().map(|path| joined(read(path))).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_error_of_the_troubleshooting_page_is_one_of_the_program() {
    let sources = sources();
    let page = read(&Path::new(ROOT).join("docs/howto/troubleshooting.md"));
    let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("#### ")).collect();
    let quoted: Vec<String> = headings.iter().flat_map(|line| spans(line)).collect();
    assert!(quoted.len() > 40);
    for message in quoted {
        let parts: Vec<&str> = message.split(ANY).map(str::trim).filter(|part| part.len() > 2).collect();
        assert!(parts.iter().any(|part| part.len() >= 7), "`{message}` says too little to be found");
        for part in parts {
            assert!(sources.contains(part), "no source says `{part}`, which the page quotes in `{message}`");
        }
    }
}

/// The words of a command line. What is quoted is one word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, c) if c.is_whitespace() => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Every command of Chorus in a line, with its arguments.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words = words(line.trim_start().trim_start_matches("$ "));
    let starts = words.iter().enumerate().filter(|(_, word)| *word == "chorus").map(|(at, _)| at + 1);
    starts.map(|start| words[start..].iter().take_while(|word| *word != "chorus" && *word != "#").cloned().collect()).collect()
}

/// The name of an option in a word such as `--set=KEY`, or `-c`.
fn option(word: &str) -> Option<String> {
    let name = word.split('=').next()?.trim_end_matches(['.', ',', ';', ':', ')']);
    let is_long = name.len() > 2 && name.starts_with("--");
    let is_short = name.len() == 2 && name.starts_with('-') && name.ends_with(|c: char| c.is_ascii_lowercase());
    (is_long || is_short).then(|| name.to_owned())
}

/// Whether help names an option: as a word of its own, and not as the beginning of another one.
fn names_option(help: &str, option: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    help.match_indices(option).any(|(at, _)| !help[..at].ends_with(is_part) && !help[at + option.len()..].starts_with(is_part))
}

fn help(command: &[&str]) -> String {
    let output = Command::new(CHORUS).args(command).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that a help text lists.
fn listed(help: &str) -> BTreeSet<String> {
    let Some((_, list)) = help.split_once("Commands:\n") else { return BTreeSet::new() };
    let is_row = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let rows = list.lines().take_while(|line| !line.starts_with("Options:")).filter(is_row);
    rows.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

#[test]
fn every_command_of_the_pages_exists_with_its_options() {
    assert_eq!(commands("cd x && chorus query \"a -- b\" --run=r # --no"), [["query", "a -- b", "--run=r"]]);
    assert!(names_option("  -c, --config <FILE>", "-c") && !names_option("--config-file", "--config"));
    let top = listed(&help(&[]));
    assert!(top.contains("run") && top.contains("demo"));
    let mut helps: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages() {
        let (text, code) = text_and_code(&read(&page));
        let code = code.replace("\\\n", " ");
        let spans = spans(&text);
        let lines = code.lines().map(str::to_owned).chain(spans.into_iter().filter(|span| span.starts_with("chorus ")));
        for command in lines.flat_map(|line| commands(&line)) {
            let Some(name) = command.first().filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')) else {
                continue;
            };
            if name.starts_with('-') {
                continue;
            }
            let mut path = vec![name.clone()];
            if !top.contains(name) {
                wrong.push(format!("{}: chorus {}", page.display(), command.join(" ")));
                continue;
            }
            let mut of = helps.entry(path.clone()).or_insert_with(|| help(&[name])).clone();
            // Commands of commands, such as `chorus model export onnx`.
            for next in &command[1..] {
                if !listed(&of).contains(next) {
                    break;
                }
                path.push(next.clone());
                let words: Vec<&str> = path.iter().map(String::as_str).collect();
                of = helps.entry(path.clone()).or_insert_with(|| help(&words)).clone();
            }
            seen += 1;
            for option in command.iter().filter_map(|word| option(word)).filter(|option| !names_option(&of, option)) {
                wrong.push(format!("{}: {option} in chorus {}", page.display(), command.join(" ")));
            }
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Names that look like keys: weights of a model.
const OTHER_NAMES: [&str; 3] = ["head.weight", "head.bias", "run.query"];

/// Files that are named like keys, such as `head.yaml`.
const FILE_ENDINGS: [&str; 11] = ["csv", "html", "md", "py", "rs", "safetensors", "sh", "sql", "yaml", "json", "zip"];

#[test]
fn every_key_of_the_pages_exists() {
    let output = Command::new(CHORUS).args(["config", "--schema"]).output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sections = schema["properties"].as_object().unwrap();
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages() {
        let (text, _) = text_and_code(&read(&page));
        for span in spans(&text) {
            // `split.fold: 1`, `split.fold=1` and `split.fold` are keys; `model.yaml` is a file.
            let name = span.split([':', '=', ' ']).next().unwrap();
            let Some((section, key)) = name.split_once('.') else { continue };
            let Some(keys) = sections.get(section).and_then(|of| of["properties"].as_object()) else { continue };
            if key.is_empty() || !key.chars().all(is_part) || FILE_ENDINGS.contains(&key) || OTHER_NAMES.contains(&name) {
                continue;
            }
            seen += 1;
            if !keys.contains_key(key) {
                wrong.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(seen > 150, "{seen}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The environment variables that a text names.
fn variables(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    words.filter(|word| word.strip_prefix("CHORUS_").is_some_and(|rest| !rest.is_empty())).map(str::to_owned).collect()
}

#[test]
fn every_variable_of_the_program_has_a_line_and_pages_name_no_others() {
    let is_test = |path: &Path| {
        path.ends_with("tests.rs")
            || path.components().any(|part| ["tests", "simulation"].iter().any(|name| part.as_os_str() == *name))
    };
    // The variables of workers are made of the names of their programs.
    let mut known: BTreeSet<String> = ["CHORUS_TORCH", "CHORUS_ONNX"].map(str::to_owned).into();
    for folder in ["pipeline", "stages"] {
        for path in with_extension(&Path::new(ROOT).join(folder), "rs").iter().filter(|path| !is_test(path)) {
            let text = read(path);
            let product = text.split("\nmod tests {").next().unwrap_or_default();
            known.extend(product.split("\"CHORUS_").skip(1).flat_map(|rest| {
                let name = rest.split('"').next().unwrap_or_default();
                variables(&format!("CHORUS_{name}"))
            }));
        }
    }
    assert!(known.contains("CHORUS_QUIET") && known.contains("CHORUS_ONNXRUNTIME"), "{known:?}");
    let told = variables(&read(&Path::new(ROOT).join("docs/platforms.md")));
    assert_eq!(known.difference(&told).collect::<Vec<_>>(), [""; 0], "docs/platforms.md says nothing of these");
    for page in pages() {
        let named = variables(&read(&page));
        assert_eq!(named.difference(&known).collect::<Vec<_>>(), [""; 0], "{} names what nothing reads", page.display());
    }
}

#[test]
fn whoever_cites_names_this_version() {
    let citation = read(&Path::new(ROOT).join("CITATION.cff"));
    let version = citation.lines().find_map(|line| line.strip_prefix("version: "));
    assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
}
