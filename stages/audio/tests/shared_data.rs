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
        } else if entry.extension().is_some_and(|found| found == extension) {
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
fn odd_files_are_read_repaired_or_refused() {
    let Some(dir) = shared("odd_formats") else { return };
    // "ok" or a code, and the frames that can be read.
    for (file, outcome, frames) in [
        ("derived_from_opso_1min/pcm_u8.wav", "ok", 64_000),
        ("derived_from_opso_1min/ext_pcm24.wav", "ok", 64_000),
        ("derived_from_opso_1min/double.wav", "ok", 64_000),
        ("derived_from_opso_1min/ulaw.wav", "ok", 64_000),
        ("derived_from_opso_1min/rf64.wav", "ok", 64_000),
        ("derived_from_opso_1min/w64.w64", "ok", 64_000),
        ("derived_from_opso_1min/flac24.flac", "ok", 64_000),
        ("derived_from_opso_1min/odd_chunk_no_pad.wav", "ok", 64_000),
        ("derived_from_opso_1min/data_size_zero.wav", "size_missing", 64_000),
        ("derived_from_opso_1min/data_size_ffffffff.wav", "size_missing", 64_000),
        ("derived_from_opso_1min/truncated_half.wav", "truncated", 31_989),
        ("derived_from_opso_1min/header_only_no_data.wav", "no_audio_data", 0),
        ("derived_from_opso_1min/truncated_header_20B.wav", "truncated_header", 0),
        ("derived_from_opso_1min/ima_adpcm.wav", "unsupported_codec", 0),
        ("derived_from_opso_1min/mp3.mp3", "unsupported_container", 0),
        ("derived_from_opso_1min/not_audio.wav", "not_audio", 0),
        ("derived_from_opso_1min/prealloc_zeros.wav", "not_audio", 0),
        ("empty/zero_length.wav", "empty_file", 0),
        ("scipy/test-44100Hz-2ch-32bit-float-be.wav", "ok", 441),
        ("scipy/test-8000Hz-le-3ch-5S-24bit-inconsistent.wav", "inconsistent_header", 5),
        ("flac_faulty/05 - wrong total number of samples.flac", "wrong_total", 109_487),
        ("flac_faulty/10 - invalid vorbis comment metadata block.flac", "ok", 119_279),
    ] {
        let found = match probe(dir.join(file)) {
            Ok(facts) => (facts.repair.map_or("ok", |repair| repair.code.as_str()), facts.frames),
            Err(AudioError::Rejected { code, .. }) => (code.as_str(), 0),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, (outcome, frames), "{file}");
    }
}
