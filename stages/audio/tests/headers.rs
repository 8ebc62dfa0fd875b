//! What recorders write about a recording is found wherever it stands in the file, and never harms the sound.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use chorus_archive::Local;
use chorus_audio::container::{Facts, RepairCode, probe};
use chorus_audio::headers::{Header, HeaderFormat};
use common::{Flac, as_floats, chunk, fmt, pcm16, probed, ramp, read_all, riff};

const COMMENT: &str = "Recorded at 20:26:15 03/09/2024 (UTC+1) by AudioMoth 24E144055E080032 at medium gain while battery was 4.2V and temperature was 19.3C.";
const GUANO: &str =
    "GUANO|Version: 1.0\nMake: Wildlife Acoustics\nModel: SM4BAT\nSerial: S4U01234\nTimestamp: 2024-09-03 20:26:15+01:00\n";

fn info(comment: &str) -> Vec<u8> {
    let comment = format!("{comment}{}", "\0".repeat(comment.len() % 2));
    let entries = [b"INFO".to_vec(), chunk(b"IART", b"AudioMoth 24E144055E080032\0\0"), chunk(b"ICMT", comment.as_bytes())];
    chunk(b"LIST", &entries.concat())
}

fn wamd() -> Vec<u8> {
    let entry = |name: u16, value: &[u8]| [&name.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value].concat();
    let position = b"WGS84,46.83631,N,92.01620,W,200";
    chunk(b"wamd", &[entry(0, &[1, 0]), entry(1, b"SM4"), entry(5, b"2024-09-03 20:26:15"), entry(6, position)].concat())
}

fn bext() -> Vec<u8> {
    let mut payload = vec![0; 602];
    payload[256..263].copy_from_slice(b"ZOOM F3");
    payload[320..338].copy_from_slice(b"2024-09-0320:26:15");
    chunk(b"bext", &payload)
}

/// 16-bit mono at 8 kHz.
fn head() -> Vec<u8> {
    chunk(b"fmt ", &fmt(1, 1, 8000, 16))
}

fn sound() -> Vec<u8> {
    chunk(b"data", &pcm16(&ramp(101)))
}

fn header_of(chunks: &[Vec<u8>]) -> Header {
    let facts = probed(&riff(chunks)).unwrap();
    assert_eq!((facts.frames, facts.repair), (101, None));
    *facts.header
}

#[test]
fn headers_are_found_before_and_behind_the_data() {
    for tags in [info(COMMENT), chunk(b"guan", GUANO.as_bytes()), wamd(), bext()] {
        let before = header_of(&[head(), tags.clone(), sound()]);
        let behind = header_of(&[head(), sound(), tags]);
        assert_eq!(before, behind);
        assert_eq!(before.times.len(), 1);
        assert_eq!(before.times[0].local.to_string(), "2024-09-03T20:26:15");
    }
}

#[test]
fn all_formats_in_one_file_by_their_order_of_trust() {
    let header = header_of(&[head(), bext(), wamd(), info(COMMENT), sound(), chunk(b"guan", GUANO.as_bytes())]);
    let formats: Vec<HeaderFormat> = header.times.iter().map(|time| time.format).collect();
    assert_eq!(formats, [HeaderFormat::Guano, HeaderFormat::AudioMoth, HeaderFormat::Wamd, HeaderFormat::Bext]);
    assert_eq!((header.model.as_deref(), header.serial.as_deref()), (Some("SM4BAT"), Some("S4U01234")));
    assert_eq!(header.gain.as_deref(), Some("medium"), "which only the comment says");
    assert_eq!(header.position.map(|(latitude, longitude)| (latitude.0, longitude.0)), Some((46.83631, -92.0162)));
}

#[test]
fn headers_behind_data_of_no_useful_size_are_read_and_are_no_sound() {
    let tail = [info(COMMENT), chunk(b"guan", GUANO.as_bytes())].concat();
    for (size, code) in [
        (0_u32, RepairCode::SizeMissing),
        (u32::MAX, RepairCode::SizeMissing),
        (0x7FFF_FFFF, RepairCode::SizeMissing),
        (100_000, RepairCode::Truncated),
    ] {
        let mut bytes = riff(&[head(), sound(), tail.clone()]);
        let at = bytes.windows(4).position(|name| name == b"data").unwrap() + 4;
        bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
        let (facts, samples) = read_all(&bytes, 64).unwrap();
        assert_eq!(samples, as_floats(&ramp(101)), "{size:#x}");
        assert_eq!(facts.repair.unwrap().code, code, "{size:#x}");
        assert_eq!((facts.header.times.len(), facts.header.gain.as_deref()), (2, Some("medium")), "{size:#x}");
    }
}

#[test]
fn what_only_looks_like_a_header_stays_sound() {
    // A name within the samples, with a size that does not lead to the end.
    let mut data = pcm16(&ramp(101));
    data[150..158].copy_from_slice(b"guan\x04\0\0\0");
    let mut bytes = riff(&[head(), chunk(b"data", &data)]);
    bytes[40..44].fill(0xFF);
    assert_eq!(read_all(&bytes, 64).unwrap().0.frames, 101);
}

#[test]
fn a_cut_header_loses_only_itself() {
    let mut bytes = riff(&[head(), sound(), info(COMMENT), chunk(b"guan", GUANO.as_bytes())]);
    bytes.truncate(bytes.len() - 60);
    let facts = probed(&bytes).unwrap();
    assert_eq!((facts.frames, facts.header.gain.as_deref()), (101, Some("medium")));
}

#[test]
fn a_large_header_is_read_in_part() {
    let long = format!("{GUANO}Note: {}\nModel: unseen", "x".repeat(1 << 20));
    assert_eq!(header_of(&[head(), chunk(b"guan", long.as_bytes()), sound()]).model.as_deref(), Some("SM4BAT"));
}

#[test]
fn time_expanded_recordings_have_the_rate_at_which_they_were_made() {
    let facts = |guano: &str| -> Facts { probed(&riff(&[head(), sound(), chunk(b"guan", guano.as_bytes())])).unwrap() };
    let expanded = facts("TE: 10");
    assert_eq!((expanded.sample_rate_hz, expanded.time_expansion, expanded.duration_s()), (80_000, 10.0, 101.0 / 80_000.0));
    assert_eq!(facts("TE: 10\nSamplerate: 80000").sample_rate_hz, 80_000);
    assert_eq!(facts("TE: 10\nSamplerate: 8000").sample_rate_hz, 8000, "corrected already");
    for none in ["TE: 1", "TE: 0", "TE: -10", "TE: 1e9", "TE: x", ""] {
        assert_eq!((facts(none).sample_rate_hz, facts(none).time_expansion), (8000, 1.0), "{none}");
    }
}

#[test]
fn flac_holds_them_as_comments_and_as_chunks_of_the_wav_it_was_made_from() {
    let samples = ramp(1000);
    let with_block = |kind: u8, payload: &[u8]| {
        let mut flac = Flac::new(&samples, 1, 100, 1000);
        flac.head[4] = 0;
        let size = (payload.len() as u32).to_be_bytes();
        flac.head.extend([&[kind | 0x80], &size[1..], payload].concat());
        let (facts, read) = read_all(&flac.bytes(), 4096).unwrap();
        assert_eq!((read, facts.repair), (as_floats(&samples), None));
        *facts.header
    };
    let entry = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let comments =
        [entry("encoder"), 2_u32.to_le_bytes().to_vec(), entry(&format!("comment={COMMENT}")), entry("ARTIST=me")].concat();
    assert_eq!(with_block(4, &comments).serial.as_deref(), Some("24E144055E080032"));
    let foreign = [b"riff".to_vec(), chunk(b"guan", GUANO.as_bytes())].concat();
    assert_eq!(with_block(2, &foreign).serial.as_deref(), Some("S4U01234"));
}

#[test]
fn a_time_expanded_recording_has_its_rate_in_flac_too() {
    let samples = ramp(1000);
    let (plain, _) = read_all(&Flac::new(&samples, 1, 100, 1000).bytes(), 4096).unwrap();
    let mut flac = Flac::new(&samples, 1, 100, 1000);
    flac.head[4] = 0;
    let entry = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let comments = [entry("encoder"), 1_u32.to_le_bytes().to_vec(), entry("GUANO=GUANO|Version: 1.0\nTE: 10")].concat();
    flac.head.extend([&[0x84], &(comments.len() as u32).to_be_bytes()[1..], &comments].concat());
    let (facts, read) = read_all(&flac.bytes(), 4096).unwrap();
    assert_eq!((facts.time_expansion, facts.sample_rate_hz), (10.0, 10 * plain.sample_rate_hz));
    assert_eq!((facts.frames, read), (plain.frames, as_floats(&samples)));
}

/// An Ogg file with another second page: the page of the comments. The first page has one segment, and so has the second.
fn with_comments(file: &[u8], comments: &[u8]) -> Vec<u8> {
    let length = |at: usize| 28 + usize::from(file[at + 27]);
    let (first, second) = (length(0), length(length(0)));
    let mut segments = vec![255_u8; comments.len() / 255];
    segments.push((comments.len() % 255) as u8);
    let mut page = [&file[first..first + 26], &[segments.len() as u8], &segments, comments].concat();
    page[22..26].fill(0);
    let checksum = page.iter().fold(0_u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| if sum & 1 << 31 != 0 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 })
    });
    page[22..26].copy_from_slice(&checksum.to_le_bytes());
    [&file[..first], &page, &file[first + second..]].concat()
}

#[test]
fn ogg_holds_them_as_comments() {
    let file = common::golden_codec("flac.ogg");
    let (before, sound) = read_all(&file, 4096).unwrap();
    let entry = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    for (comment, serial) in [(format!("COMMENT={COMMENT}"), "24E144055E080032"), (format!("guano={GUANO}"), "S4U01234")] {
        let comments = [entry("encoder"), 1_u32.to_le_bytes().to_vec(), entry(&comment)].concat();
        let block = [&[0x84], &(comments.len() as u32).to_be_bytes()[1..], &comments].concat();
        let (facts, read) = read_all(&with_comments(&file, &block), 4096).unwrap();
        assert_eq!(facts.header.serial.as_deref(), Some(serial));
        assert!(read == sound && facts.frames == before.frames && facts.header.times.len() == 1, "{facts:?}");
    }
}

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("CHORUS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let found = Some(root.join("recorder_headers")).filter(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no recorder_headers in {}", root.display());
    }
    found
}

/// Real files. What they hold was read independently: GUANO with the Python package guano 1.0.16, the other formats by hand.
#[test]
fn real_recorders() {
    let Some(dir) = shared() else { return };
    type Expected =
        (&'static str, &'static [(HeaderFormat, &'static str, Option<i32>)], [Option<&'static str>; 5], [Option<f64>; 4]);
    // Times with their offset in minutes; make, model, serial, firmware, gain; battery, temperature, latitude, longitude.
    let (oad, moth) = (Some("Open Acoustic Devices"), Some("AudioMoth"));
    let cases: [Expected; 7] = [
        (
            "1min.wav",
            &[(HeaderFormat::AudioMoth, "2018-05-04T09:32:00", Some(0))],
            [oad, moth, Some("0FE081F80FE081F0"), None, Some("2")],
            [Some(4.3), None, None, None],
        ),
        (
            "metadata.wav",
            &[(HeaderFormat::AudioMoth, "2020-04-04T10:25:00", Some(0))],
            [oad, moth, Some("24526B065D325963"), None, Some("2")],
            [Some(4.7), None, None, None],
        ),
        (
            "Audiomoth.WAV",
            &[(HeaderFormat::Guano, "2024-09-03T20:26:15", Some(60)), (HeaderFormat::AudioMoth, "2024-09-03T20:26:15", Some(60))],
            [oad, moth, Some("24E144055E080032"), Some("AudioMoth-Firmware-Basic (1.10.1)"), Some("medium")],
            [Some(4.2), Some(19.3), None, None],
        ),
        (
            "audiomoth_gps.wav",
            &[(HeaderFormat::Opensoundscape, "2024-05-28T10:00:00", Some(0))],
            [oad, moth, Some("243B1F026488F56E"), None, Some("medium")],
            [Some(3.8), Some(12.8), None, None],
        ),
        (
            "Echometer.wav",
            &[(HeaderFormat::Guano, "2022-08-15T21:34:14", Some(60)), (HeaderFormat::Wamd, "2022-08-15T21:34:14", Some(60))],
            [Some("Wildlife Acoustics"), Some("Echo Meter Touch 2 Standard Android"), None, Some("App 2.8.14"), Some("0.00")],
            [None, None, Some(50.7179417), Some(-1.7611083)],
        ),
        ("20170701_213954-MYOMYS-LR_0_0.5.wav", &[], [None; 5], [None; 4]),
        ("great_plains_toad.wav", &[], [None; 5], [None; 4]),
    ];
    for (file, times, texts, numbers) in cases {
        let facts = probe(&Local::new(&dir), file).unwrap();
        let header = facts.header;
        let found: Vec<_> = header.times.iter().map(|t| (t.format, t.local.to_string(), t.offset_s.map(|s| s / 60))).collect();
        let expected: Vec<_> = times.iter().map(|(format, local, offset)| (*format, (*local).to_owned(), *offset)).collect();
        assert_eq!(found, expected, "{file}");
        let (make, model) = (header.make.as_deref(), header.model.as_deref());
        assert_eq!([make, model, header.serial.as_deref(), header.firmware.as_deref(), header.gain.as_deref()], texts, "{file}");
        let position = (header.position.map(|p| p.0.0), header.position.map(|p| p.1.0));
        assert_eq!([header.battery_v.map(|v| v.0), header.temperature_c.map(|t| t.0), position.0, position.1], numbers, "{file}");
        assert_eq!((facts.time_expansion, facts.repair), (1.0, None), "{file}");
    }
}
