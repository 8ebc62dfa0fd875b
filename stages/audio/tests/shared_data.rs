//! Real and oddly made files, where the collection is at hand: `CHORUS_SHARED`, or `../shared/data` beside the workspace.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use chorus_audio::container::probe;
use chorus_audio::error::AudioError;

fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CHORUS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let found = Some(root.join(part)).filter(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no {part} in {}", root.display());
    }
    found
}

fn files_with(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(files_with(&entry, extension));
        } else if (extension.is_empty() || entry.extension().is_some_and(|found| found == extension)) {
            files.push(entry);
        }
    }
    files
}

#[test]
fn survey_recordings_are_sound() {
    let Some(dir) = shared("survey_us") else { return };
    let files = files_with(&dir, "flac");
    assert_eq!(files.len(), 48);
    for file in files {
        let facts = probe(&file).unwrap();
        assert_eq!((facts.duration_s(), facts.repair), (60.0, None), "{}", file.display());
    }
}

#[test]
fn dump() {
    for part in ["odd_formats", "recorder_headers"] {
        let Some(dir) = shared(part) else { return };
        let mut files = files_with(&dir, "");
        files.sort();
        for file in files {
            let name = file.strip_prefix(&dir).unwrap().display().to_string();
            match probe(&file) {
                Ok(f) => eprintln!("DUMP {part}/{name}|{}|{}x{}@{} {}|{}", f.repair.as_ref().map_or("ok", |r| r.code.as_str()), f.frames, f.channels, f.sample_rate_hz, f.codec, f.repair.map_or(String::new(), |r| r.detail)),
                Err(AudioError::Rejected { code, detail, .. }) => eprintln!("DUMP {part}/{name}|{code}|0|{detail}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
