//! Real and oddly made files, where the collection is at hand: `CHORUS_SHARED`, or `../shared/data` beside the workspace.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chorus_archive::Local;
use chorus_audio::container::{measure, open, probe};
use chorus_audio::error::AudioError;

/// Every file of the collection: "ok" or a code, and the frames that can be read.
const ODD_FORMATS: [(&str, &str, u64); 61] = [
    ("derived_from_opso_1min/aiff24.aiff", "ok", 64_000),
    ("derived_from_opso_1min/caf.caf", "ok", 64_000),
    ("derived_from_opso_1min/data_size_ffffffff.wav", "size_missing", 64_000),
    ("derived_from_opso_1min/data_size_zero.wav", "size_missing", 64_000),
    ("derived_from_opso_1min/double.wav", "ok", 64_000),
    ("derived_from_opso_1min/ext_pcm24.wav", "ok", 64_000),
    ("derived_from_opso_1min/flac24.flac", "ok", 64_000),
    ("derived_from_opso_1min/float32.wav", "ok", 64_000),
    ("derived_from_opso_1min/header_only_no_data.wav", "no_audio_data", 0),
    ("derived_from_opso_1min/ima_adpcm.wav", "ok", 65_312),
    ("derived_from_opso_1min/mp3.mp3", "ok", 64_000),
    ("derived_from_opso_1min/not_audio.wav", "not_audio", 0),
    ("derived_from_opso_1min/odd_chunk_no_pad.wav", "ok", 64_000),
    ("derived_from_opso_1min/odd_chunk_padded.wav", "ok", 64_000),
    ("derived_from_opso_1min/opus.opus", "unsupported_container", 0),
    ("derived_from_opso_1min/pcm24.wav", "ok", 64_000),
    ("derived_from_opso_1min/pcm32.wav", "ok", 64_000),
    ("derived_from_opso_1min/pcm_u8.wav", "ok", 64_000),
    ("derived_from_opso_1min/prealloc_zeros.wav", "not_audio", 0),
    ("derived_from_opso_1min/resampled_384k.wav", "ok", 192_000),
    ("derived_from_opso_1min/rf64.wav", "ok", 64_000),
    ("derived_from_opso_1min/stereo_ch2_silent.wav", "ok", 64_000),
    ("derived_from_opso_1min/truncated_half.wav", "truncated", 31_989),
    ("derived_from_opso_1min/truncated_header_20B.wav", "truncated_header", 0),
    ("derived_from_opso_1min/ulaw.wav", "ok", 64_000),
    ("derived_from_opso_1min/vorbis.ogg", "ok", 64_000),
    ("derived_from_opso_1min/w64.w64", "ok", 64_000),
    ("empty/two_byte.wav", "not_audio", 0),
    ("empty/zero_length.wav", "empty_file", 0),
    ("flac_faulty/01 - wrong max blocksize.flac", "inconsistent_header", 101_999),
    ("flac_faulty/02 - wrong maximum framesize.flac", "ok", 195_891),
    ("flac_faulty/03 - wrong bit depth.flac", "inconsistent_header", 89_903),
    ("flac_faulty/04 - wrong number of channels.flac", "inconsistent_header", 97_391),
    ("flac_faulty/05 - wrong total number of samples.flac", "wrong_total", 109_487),
    ("flac_faulty/06 - missing streaminfo metadata block.flac", "inconsistent_header", 69_743),
    ("flac_faulty/07 - other metadata blocks preceding streaminfo metadata block.flac", "ok", 106_031),
    ("flac_faulty/08 - blocksize 65536.flac", "bad_header", 0),
    ("flac_faulty/10 - invalid vorbis comment metadata block.flac", "ok", 119_279),
    ("flac_faulty/11 - incorrect metadata block length.flac", "truncated_header", 0),
    ("scipy/test-1234Hz-le-1ch-10S-20bit-extra.wav", "ok", 10),
    ("scipy/test-44100Hz-2ch-32bit-float-be.wav", "ok", 441),
    ("scipy/test-44100Hz-2ch-32bit-float-le.wav", "ok", 441),
    ("scipy/test-44100Hz-be-1ch-4bytes.wav", "ok", 4_410),
    ("scipy/test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav", "no_audio_data", 0),
    ("scipy/test-44100Hz-le-1ch-4bytes-early-eof.wav", "truncated", 236),
    ("scipy/test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav", "truncated_header", 0),
    ("scipy/test-44100Hz-le-1ch-4bytes-rf64.wav", "ok", 4_410),
    ("scipy/test-44100Hz-le-1ch-4bytes.wav", "ok", 4_410),
    ("scipy/test-48000Hz-2ch-64bit-float-le-wavex.wav", "ok", 480),
    ("scipy/test-8000Hz-be-3ch-5S-24bit.wav", "ok", 5),
    ("scipy/test-8000Hz-le-1ch-1byte-ulaw.wav", "ok", 9),
    ("scipy/test-8000Hz-le-2ch-1byteu.wav", "ok", 800),
    ("scipy/test-8000Hz-le-3ch-5S-24bit-inconsistent.wav", "inconsistent_header", 5),
    ("scipy/test-8000Hz-le-3ch-5S-24bit-rf64.wav", "ok", 5),
    ("scipy/test-8000Hz-le-3ch-5S-24bit.wav", "ok", 5),
    ("scipy/test-8000Hz-le-3ch-5S-36bit.wav", "ok", 5),
    ("scipy/test-8000Hz-le-3ch-5S-45bit.wav", "ok", 5),
    ("scipy/test-8000Hz-le-3ch-5S-53bit.wav", "ok", 5),
    ("scipy/test-8000Hz-le-3ch-5S-64bit.wav", "ok", 5),
    ("scipy/test-8000Hz-le-4ch-9S-12bit.wav", "ok", 9),
    ("scipy/test-8000Hz-le-5ch-9S-5bit.wav", "ok", 9),
];

/// Every file of the collection: "ok" or a code, and the frames that can be read.
const RECORDER_HEADERS: [(&str, &str, u64); 7] = [
    ("1min.wav", "ok", 1_920_000),
    ("20170701_213954-MYOMYS-LR_0_0.5.wav", "ok", 250_000),
    // Triggered: with the silence between, it has 10 s.
    ("Audiomoth.WAV", "ok", 2_500_000),
    ("Echometer.wav", "ok", 1_787_520),
    ("audiomoth_gps.wav", "ok", 95_999),
    ("great_plains_toad.wav", "ok", 1_965_596),
    ("metadata.wav", "ok", 479_022),
];

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
        } else if extension.is_empty() || entry.extension().is_some_and(|found| found == extension) {
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
        let facts = probe(&Local::new(&dir), file.strip_prefix(&dir).unwrap().to_str().unwrap()).unwrap();
        assert_eq!((facts.duration_s(), facts.repair), (60.0, None), "{}", file.display());
    }
}

#[test]
fn every_odd_file_is_read_repaired_or_refused() {
    for (part, expected) in [("odd_formats", ODD_FORMATS.as_slice()), ("recorder_headers", &RECORDER_HEADERS)] {
        let Some(dir) = shared(part) else { continue };
        let mut files = files_with(&dir, "");
        files.retain(|file| !file.extension().is_some_and(|extension| extension == "txt" || extension == "csv"));
        let names: BTreeSet<&str> = files.iter().map(|file| file.strip_prefix(&dir).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, expected.iter().map(|(name, _, _)| *name).collect(), "the list above is not that of the files");
        for (file, outcome, frames) in expected {
            let found = match probe(&Local::new(&dir), file) {
                Ok(facts) => (facts.repair.map_or("ok", |repair| repair.code.as_str()), facts.frames),
                Err(AudioError::Rejected { code, .. }) => (code.as_str(), 0),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, (*outcome, *frames), "{file}");
        }
    }
}

#[test]
fn a_silent_channel_is_found() {
    let Some(dir) = shared("odd_formats") else { return };
    let (_, levels) = measure(open(&Local::new(&dir), "derived_from_opso_1min/stereo_ch2_silent.wav").unwrap()).unwrap();
    assert_eq!(levels.dead_channels, [2]);
}
