//! Damaged and hostile files: an answer or a reason, never a panic, no memory beyond what the file's own length accounts for, no
//! endless work.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Flac, chunk, fmt, golden_codec, pcm16, ramp, read_all, riff};
use proptest::prelude::*;

/// Far over what files of a few kilobytes need, far under what their headers can claim: 2 GiB and more.
const MOST_BYTES: u64 = 512 << 20;

/// Far over what decoding some kilobytes takes, on a busy machine too.
const MOST_TIME: Duration = Duration::from_secs(10);

/// The most address space that this process ever had, where the system tells: an allocation counts even if it is never touched.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn survives(bytes: &[u8]) {
    let (before, started) = (peak_bytes(), Instant::now());
    if let Ok((facts, samples)) = read_all(bytes, 4096) {
        assert!(facts.frames > 0 && samples.iter().all(|sample| sample.is_finite()));
        assert_eq!(samples.len() as u64, facts.frames * u64::from(facts.channels));
    }
    let grown = peak_bytes().zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
    assert!(grown < MOST_BYTES, "{grown} bytes more for a file of {}", bytes.len());
    assert!(started.elapsed() < MOST_TIME, "{:?} for a file of {} bytes", started.elapsed(), bytes.len());
}

fn seeds() -> Vec<Vec<u8>> {
    let data = pcm16(&ramp(60));
    let list = chunk(b"LIST", b"INFOICMT\x04\0\0\0note");
    let tags = [
        chunk(b"guan", b"GUANO|Version: 1.0\nTimestamp: 2020-03-01 19:00:00-03:00\nTE: 10\nLoc Position: -10.5 -50.5"),
        chunk(b"wamd", b"\0\0\x02\0\0\0\x01\0\x01\0\x03\0\0\0SM4"),
        chunk(b"LIST", b"INFOICMT\x30\0\0\0Recorded at 09:32:00 04/05/2018 (UTC) by AudioMoth "),
    ];
    let mut unfinished = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &data), tags.concat()]);
    unfinished[40..44].fill(0);
    let plain = riff(&[chunk(b"fmt ", &fmt(1, 2, 8000, 16)), list.clone(), chunk(b"data", &data)]);
    let float = riff(&[chunk(b"fmt ", &fmt(3, 1, 8000, 32)), chunk(b"data", &data), list]);
    let mut long = riff(&[chunk(b"ds64", &[0; 28]), chunk(b"fmt ", &fmt(1, 1, 8000, 24)), chunk(b"data", &data)]);
    long[..4].copy_from_slice(b"RF64");
    let mut sony = [b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\0\0".as_slice(), &[0; 24]].concat();
    for (name, payload) in [(b"fmt ", fmt(1, 1, 8000, 16)), (b"data", data)] {
        sony.extend([name.as_slice(), &[0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A]].concat());
        sony.extend((payload.len() as u64 + 24).to_le_bytes());
        sony.extend(payload);
    }
    vec![plain, float, long, sony, unfinished]
}

/// A place, and bytes that often break parsers.
fn wound() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let bytes = prop_oneof![
        Just(vec![0; 4]),
        Just(vec![0xFF; 4]),
        Just(vec![0xFF; 8]),
        Just(vec![0xFF, 0xFF, 0xFF, 0x7F]),
        Just(b"data".to_vec()),
        Just(b"fmt ".to_vec()),
        Just(b"LIST".to_vec()),
        Just(b"guan".to_vec()),
        prop::collection::vec(any::<u8>(), 1..6),
    ];
    (any::<prop::sample::Index>(), bytes).prop_map(|(at, bytes)| (at.index(1 << 16), bytes))
}

const COMPRESSED: [&str; 13] = [
    "tones.mp3",
    "no_info.mp3",
    "mp3.wav",
    "layer2.mp2",
    "tones.ogg",
    "flac.ogg",
    "aac.m4a",
    "fragmented.mp4",
    "adts.aac",
    "alac.m4a",
    "alac.caf",
    "flac.mp4",
    "ima_adpcm.wav",
];

const WITH_TABLES: [&str; 8] =
    ["aac.m4a", "alac.m4a", "flac.mp4", "alac.caf", "tones.caf", "tones.aiff", "alaw.aifc", "ms_adpcm.wav"];

const HEADS: [&str; 10] = [
    "FORM\0\0\0\0AIFFCOMM",
    "caff\0\x01\0\0desc",
    "\0\0\0\x10ftypM4A ",
    "OggS\0\x02",
    "",
    "RIFF\0\0\0\0WAVE",
    "RF64\0\0\0\0WAVEds64",
    "fLaC",
    "OggS",
    "ID3",
];

/// A place that is most often in the header, where lies do harm.
fn header_wound() -> impl Strategy<Value = (usize, Vec<u8>)> {
    (wound(), any::<bool>()).prop_map(|((at, bytes), early)| (if early { at % 200 } else { at }, bytes))
}

fn wounded(mut bytes: Vec<u8>, wounds: Vec<(usize, Vec<u8>)>, keep: f64) -> Vec<u8> {
    for (at, wound) in wounds {
        for (offset, byte) in wound.into_iter().enumerate() {
            let len = bytes.len();
            bytes[(at + offset) % len] = byte;
        }
    }
    bytes.truncate((bytes.len() as f64 * keep).ceil() as usize);
    bytes
}

/// An M4A file whose tables state three thousand million packets of this many bytes.
fn endless_packets(bytes: u32) -> Vec<u8> {
    let mut file = golden_codec("aac.m4a");
    let place = |file: &[u8], name: &[u8]| file.windows(4).position(|window| window == name).unwrap() + 8;
    for (table, fields) in [(b"stsz", [bytes, 3_000_000_000]), (b"stts", [1, 3_000_000_000])] {
        let at = place(&file, table);
        file[at..at + 4].copy_from_slice(&fields[0].to_be_bytes());
        file[at + 4..at + 8].copy_from_slice(&fields[1].to_be_bytes());
    }
    file
}

#[test]
fn endless_tables_end_with_the_file() {
    for bytes in [0, 1, 200, u32::MAX] {
        survives(&endless_packets(bytes));
    }
}

/// An Ogg page with its checksum. A packet of whole segments goes on in the next page.
fn page(flags: u8, number: u32, body: &[u8]) -> Vec<u8> {
    let mut segments = vec![255_u8; body.len() / 255];
    segments.extend(Some((body.len() % 255) as u8).filter(|&rest| rest > 0));
    let mut page = [
        b"OggS\0".as_slice(),
        &[flags],
        &[0; 8],
        b"test",
        &number.to_le_bytes(),
        &[0; 4],
        &[segments.len() as u8],
        &segments,
        body,
    ]
    .concat();
    let checksum = page.iter().fold(0_u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| if sum & 1 << 31 != 0 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 })
    });
    page[22..26].copy_from_slice(&checksum.to_le_bytes());
    page
}

#[test]
fn a_setup_header_larger_than_any_encoder_s_is_not_handed_on() {
    let identification = [b"\x01vorbis\0\0\0\0\x01".as_slice(), &16_000_u32.to_le_bytes(), &[0; 12], &[0xB8, 1]].concat();
    let mut file = [page(2, 0, &identification), page(0, 1, b"\x03vorbis")].concat();
    // One packet over two pages.
    file.extend([page(0, 2, &[0; 255 * 255]), page(1, 3, &[0; 255 * 255])].concat());
    let (code, detail) = common::rejection(&file);
    assert_eq!(code, chorus_audio::error::RejectCode::BadHeader);
    assert!(detail.contains("setup header"), "{detail}");
}

/// Some kilobytes that would be months of silence, with millions of windows.
#[test]
fn a_recording_that_lasts_longer_than_any_is_refused() {
    let file = common::silent_flac(1, 140);
    assert!(file.len() < 4096, "{}", file.len());
    let (code, detail) = common::rejection(&file);
    assert_eq!(code, chorus_audio::error::RejectCode::BadHeader);
    assert!(detail.contains("at 1 Hz") && detail.contains("more than 100 days"), "{detail}");
    // The same at a rate of recorders is some minutes of silence.
    let (facts, samples) = read_all(&common::silent_flac(22_050, 3), 4096).unwrap();
    assert_eq!((facts.frames, samples.len()), (3 * 65_535, 3 * 65_535));
    // Uncompressed recordings are refused when they are opened.
    let long = riff(&[chunk(b"fmt ", &fmt(1, 1, 1, 8)), chunk(b"data", &vec![128; 9_000_000])]);
    assert!(common::reader(&long).unwrap_err().to_string().contains("more than 100 days"));
}

/// PROPTEST_CASES asks for more cases.
fn settings() -> ProptestConfig {
    let settings = ProptestConfig::default();
    ProptestConfig { cases: settings.cases.max(2000), failure_persistence: None, ..settings }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn wav_headers(
        seed in prop::sample::select(seeds()), wounds in prop::collection::vec(wound(), 0..5), keep in prop_oneof![Just(1.0), 0.0..1.0],
    ) {
        survives(&wounded(seed, wounds, keep));
    }

    #[test]
    fn flac_streams(
        total in prop_oneof![Just(0), Just(600_u64), Just(1 << 35)], wounds in prop::collection::vec(wound(), 0..5),
        keep in prop_oneof![Just(1.0), 0.0..1.0],
    ) {
        survives(&wounded(Flac::new(&ramp(600), 1, 100, total).bytes(), wounds, keep));
    }

    #[test]
    fn compressed_files(
        name in prop::sample::select(COMPRESSED.to_vec()), wounds in prop::collection::vec(header_wound(), 0..5),
        keep in prop_oneof![Just(1.0), 0.0..1.0],
    ) {
        survives(&wounded(golden_codec(name), wounds, keep));
    }

    /// MPEG-4 keeps its tables at the end of the file.
    #[test]
    fn tables(
        name in prop::sample::select(WITH_TABLES.to_vec()),
        wounds in prop::collection::vec((0_usize..900, wound()), 1..5),
    ) {
        let bytes = golden_codec(name);
        let (len, from_end) = (bytes.len(), name.ends_with("m4a") || name.ends_with("mp4"));
        let place = |at: usize| if from_end { len - 1 - at % len } else { at % 100 };
        let wounds = wounds.into_iter().map(|(at, (_, wound))| (place(at), wound)).collect();
        survives(&wounded(bytes, wounds, 1.0));
    }

    /// A page whose size can't be right, over and over.
    #[test]
    fn marks_of_ogg_pages(segments in any::<u8>(), times in 1_usize..400) {
        let mark = [b"OggS\0\x02".as_slice(), &[0; 20], &[segments]].concat();
        survives(&[golden_codec("tones.ogg"), mark.repeat(times)].concat());
        survives(&mark.repeat(times));
    }

    #[test]
    fn anything(head in prop::sample::select(HEADS.to_vec()), tail in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&[head.as_bytes(), &tail].concat());
    }
}
