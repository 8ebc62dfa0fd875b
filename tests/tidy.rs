//! What keeps the house tidy: configurations that load, a front door that knows every stage, files with one purpose.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CHORUS: &str = env!("CARGO_BIN_EXE_chorus");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if ["target", ".git", "runs", "demo"].contains(&name.as_str()) && folder == Path::new(ROOT) {
            continue;
        }
        if entry.path().is_dir() { files(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

#[test]
fn every_shipped_configuration_is_sound() {
    let folder = Path::new(ROOT).join("configs");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|x| x == "yaml")) {
        let output =
            Command::new(CHORUS).args(["check", "-c"]).arg(entry.path()).current_dir(std::env::temp_dir()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Their archives are not there, and nothing else may be wrong with them.
        assert!(output.status.success() || said.contains("there is no such folder"), "{}: {said}", entry.path().display());
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn every_key_is_printed_with_its_meaning() {
    let output = Command::new(CHORUS).arg("config").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for wanted in [
        "featurize:",
        "n_mels: 128",
        "# Number of mel bands.",
        "# A whole number from 4 to 1024. Unit: bands. Example: 64",
        "device: auto",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
    // What is printed is a configuration itself.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.yaml");
    std::fs::write(&path, text.replace("format: none", "format: anuraset_raw")).unwrap();
    let output = Command::new(CHORUS).args(["check", "-c"]).arg(&path).output().unwrap();
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no archive is named"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn one_key_or_section_can_be_asked_for() {
    let print = |name: &str| Command::new(CHORUS).args(["config", name]).output().unwrap();
    let text = String::from_utf8(print("segment.tail").stdout).unwrap();
    assert!(text.contains("tail: drop") && text.contains("# - pad: ") && !text.contains("hop_s: "), "{text}");
    let section = String::from_utf8(print("segment").stdout).unwrap();
    assert!(section.contains("hop_s: 3") && !section.contains("n_mels"), "{section}");
    let wrong = print("segment.tial");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean segment.tail?"));
    // Keys at the top level are in no section, and not in one without a name.
    let nameless = print("");
    assert_eq!((nameless.status.code(), nameless.stdout.len()), (Some(2), 0));
}

#[test]
fn the_shipped_schema_is_that_of_the_program_and_every_configuration_names_it() {
    let output = Command::new(CHORUS).args(["config", "--schema"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed == read("configs/schema.json"),
        "configs/schema.json is of other keys: write it anew with `chorus config --schema > configs/schema.json`"
    );
    for entry in std::fs::read_dir(Path::new(ROOT).join("configs")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|x| x == "yaml") {
            let first = std::fs::read_to_string(&path).unwrap().lines().next().map(str::to_owned);
            assert_eq!(first.as_deref(), Some("# yaml-language-server: $schema=schema.json"), "{}", path.display());
        }
    }
}

#[test]
fn the_readme_knows_every_table_and_the_first_commands() {
    let readme = read("README.md");
    let tables = Command::new(CHORUS).arg("schema").output().unwrap();
    for line in String::from_utf8(tables.stdout).unwrap().lines() {
        let table = line.split_whitespace().next().unwrap();
        assert!(readme.contains(&format!("`{table}`")), "the README does not mention the table {table}");
    }
    for command in ["make pipeline", "make test"] {
        assert!(readme.contains(command), "{command}");
    }
}

#[test]
fn the_top_level_is_the_one_that_was_agreed() {
    for name in [
        "Cargo.toml",
        "pipeline",
        "stages",
        "configs",
        "data-schemas",
        "tests",
        "Makefile",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "clippy.toml",
        ".ci/run",
    ] {
        assert!(Path::new(ROOT).join(name).exists(), "{name}");
    }
    assert!(!Path::new(ROOT).join("src").exists());
}

#[test]
fn files_have_one_purpose_and_no_unfinished_marks() {
    let mut found = Vec::new();
    files(Path::new(ROOT), &mut found);
    let marks = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("#[ign", "ore]")];
    let rust: Vec<_> = found.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect();
    assert!(rust.len() > 80);
    for path in rust {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.lines().count() <= 700, "{} is long: does it still have one purpose?", path.display());
        let mark = marks.iter().find(|mark| text.contains(**mark));
        assert!(mark.is_none(), "{}: {mark:?}", path.display());
    }
}

/// Columns of a line of a document: what fits beside another window, and what a diff shows without wrapping.
const DOCUMENT_COLUMNS: usize = 110;

/// The numbers of lines that are too long. Code and tables may be longer, since they cannot be wrapped.
fn long_lines(text: &str) -> Vec<usize> {
    let mut is_fenced = false;
    let mut long = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        }
        let is_free = is_fenced || line.starts_with("    ") || line.starts_with('|');
        if !is_free && line.chars().count() > DOCUMENT_COLUMNS {
            long.push(number);
        }
    }
    long
}

#[test]
fn lines_of_documents_are_short_outside_of_code_and_tables() {
    let long = "x".repeat(DOCUMENT_COLUMNS + 1);
    assert_eq!(long_lines(&format!("{long}\n    {long}\n| {long} |\n```\n{long}\n```\n{long}\n")), [1, 7]);
    let mut found = Vec::new();
    files(Path::new(ROOT), &mut found);
    let documents: Vec<_> = found.iter().filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    assert!(documents.len() > 10);
    for path in documents {
        let long = long_lines(&std::fs::read_to_string(path).unwrap());
        assert!(long.is_empty(), "{}: lines {long:?} have more than {DOCUMENT_COLUMNS} columns", path.display());
    }
}
