//! `docs/recordings-status.md` explains exactly the codes that the code knows.
#![allow(clippy::unwrap_used)]

use chorus_audio::container::RepairCode;
use chorus_audio::error::RejectCode;

/// The codes in the first column of the table under a heading.
fn documented(heading: &str) -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recordings-status.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect()
}

#[test]
fn the_page_and_the_code_know_the_same_codes() {
    assert_eq!(documented("Codes of `repaired`"), RepairCode::ALL.map(|code| code.to_string()));
    assert_eq!(documented("Codes of `rejected`"), RejectCode::ALL.map(|code| code.to_string()));
}
