//! Each codec and container against libsndfile or ffmpeg: `golden/codecs/make.py` made the files and what is expected
//! of them. Then the same files cut and damaged.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use chorus_audio::container::{Facts, RepairCode};
use chorus_audio::error::{AudioError, RejectCode};
use common::{golden_codec, read_all};
use serde::Deserialize;

/// As in the script.
const STRIDE: usize = 41;
const RATE_HZ: u32 = 16_000;
/// The difference allowed of a lossy codec, RMS, full scale being 1.
const LOSSY_RMS: f32 = 1e-3;
/// Expected samples are written with eight digits.
const ROUNDING: f32 = 1e-8;

#[derive(Deserialize)]
struct Expected {
    lossless: bool,
    channels: u16,
    frames: u64,
    samples: Vec<f32>,
}

fn expected() -> BTreeMap<String, Expected> {
    serde_json::from_slice(&golden_codec("expected.json")).unwrap()
}

/// Every [`STRIDE`]-th sample of the first channel.
fn strided(samples: &[f32], channels: u16) -> Vec<f32> {
    samples.iter().step_by(STRIDE * usize::from(channels)).copied().collect()
}

#[test]
fn samples_are_those_of_the_reference_decoders() {
    let expected = expected();
    assert!(expected.len() >= 17);
    for (name, expected) in expected {
        let (facts, samples) = read_all(&golden_codec(&name), 777).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((facts.frames, facts.channels), (expected.frames, expected.channels), "{name}");
        assert_eq!((facts.sample_rate_hz, &facts.repair), (RATE_HZ, &None), "{name}");
        let found = strided(&samples, facts.channels);
        assert_eq!(found.len(), expected.samples.len(), "{name}");
        let errors: Vec<f32> = found.iter().zip(&expected.samples).map(|(a, b)| (a - b).abs()).collect();
        let rms = (errors.iter().map(|e| e * e).sum::<f32>() / errors.len() as f32).sqrt();
        let worst = errors.iter().copied().fold(0.0, f32::max);
        assert!(if expected.lossless { worst <= ROUNDING } else { rms < LOSSY_RMS }, "{name}: RMS {rms}, worst {worst}");
    }
}

#[test]
fn what_a_file_is_stands_in_its_facts() {
    for (name, container, codec, bits) in [
        ("tones.mp3", "mp3", "mp3", 0),
        ("layer2.mp2", "mp3", "mp2", 0),
        ("mp3.wav", "wav", "mp3", 0),
        ("tones.ogg", "ogg", "vorbis", 0),
        ("flac.ogg", "ogg", "flac", 16),
        ("aac.m4a", "mp4", "aac", 0),
        ("adts.aac", "adts", "aac", 0),
        ("alac.m4a", "mp4", "alac", 16),
        ("alac.caf", "caf", "alac", 16),
        ("tones.caf", "caf", "pcm_s16be", 16),
        ("tones.aiff", "aiff", "pcm_s16be", 16),
        ("alaw.aifc", "aifc", "pcm_alaw", 8),
        ("ima_adpcm.wav", "wav", "adpcm_ima_wav", 4),
        ("ms_adpcm.wav", "wav", "adpcm_ms", 4),
    ] {
        let (facts, _) = read_all(&golden_codec(name), 4096).unwrap();
        assert_eq!((facts.container, facts.codec.as_str(), facts.bits_per_sample), (container, codec, bits), "{name}");
    }
}

/// A file of which a share is left.
fn cut(name: &str, share: f64) -> Result<(Facts, Vec<f32>), AudioError> {
    let mut bytes = golden_codec(name);
    bytes.truncate((bytes.len() as f64 * share) as usize);
    read_all(&bytes, 4096)
}

#[test]
fn a_cut_file_keeps_its_beginning_and_says_so() {
    for name in [
        "tones.mp3",
        "no_info.mp3",
        "mp3.wav",
        "tones.ogg",
        "adts.aac",
        "tones.aiff",
        "tones.caf",
        "ima_adpcm.wav",
        "ms_adpcm.wav",
    ] {
        let (_, whole) = read_all(&golden_codec(name), 4096).unwrap();
        let (facts, left) = cut(name, 0.7).unwrap_or_else(|e| panic!("{name}: {e}"));
        let repair = facts.repair.unwrap_or_else(|| panic!("{name}: nothing is said"));
        assert_eq!(repair.code, RepairCode::Truncated, "{name}: {}", repair.detail);
        // The last frame before the cut may have leant on what followed.
        let sound = left.len().min(whole.len()).saturating_sub(2048);
        assert!(left.len() > whole.len() / 3 && left[..sound] == whole[..sound], "{name}: {} of {}", left.len(), whole.len());
    }
}

#[test]
fn a_file_whose_index_is_gone_is_refused() {
    for name in ["aac.m4a", "alac.m4a"] {
        match cut(name, 0.7) {
            Err(AudioError::Rejected { code: RejectCode::TruncatedHeader, detail, .. }) => {
                assert!(detail.contains("index"), "{name}: {detail}");
            }
            other => panic!("{name}: {:?}", other.map(|(facts, _)| facts)),
        }
    }
}

#[test]
fn damage_in_the_middle_costs_its_own_place_only() {
    for name in ["tones.mp3", "alac.m4a", "aac.m4a", "flac.mp4"] {
        let mut bytes = golden_codec(name);
        let middle = bytes.len() * 45 / 100;
        bytes[middle..middle + 40].fill(0xA5);
        let (facts, samples) = read_all(&bytes, 4096).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (clean, whole) = read_all(&golden_codec(name), 4096).unwrap();
        let before = whole.len() / 10;
        assert!(samples[..before] == whole[..before], "{name}: what comes before is untouched");
        assert!(facts.frames <= clean.frames && facts.frames * 2 > clean.frames, "{name}: {} of {}", facts.frames, clean.frames);
    }
}

#[test]
fn a_lost_page_of_ogg_reads_as_silence_and_later_times_stay_right() {
    let bytes = golden_codec("tones.ogg");
    let (clean, whole) = read_all(&bytes, 4096).unwrap();
    // A byte of the first page of sound: four kilobytes of headers stand before it.
    let mut damaged = bytes;
    damaged[5000] ^= 0x55;
    let (facts, samples) = read_all(&damaged, 4096).unwrap();
    let repair = facts.repair.unwrap();
    assert_eq!((facts.frames, repair.code), (clean.frames, RepairCode::Damaged), "{}", repair.detail);
    let last = whole.len() - 4000;
    assert!(samples[last..] == whole[last..] && samples[..4000].iter().all(|&sample| sample == 0.0));
}

#[test]
fn frames_of_silence_stand_in_for_what_a_decoder_refuses() {
    let mut bytes = golden_codec("flac.mp4");
    let (clean, whole) = read_all(&bytes, 4096).unwrap();
    // The whole of the sound but its end is one packet after another of the index: a broken one leaves a hole of its own length.
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0);
    let (facts, samples) = read_all(&bytes, 4096).unwrap();
    assert_eq!((facts.frames, samples.len()), (clean.frames, whole.len()));
}
