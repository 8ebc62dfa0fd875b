//! The WAV family: every member, and what power loss and careless writers leave.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::io::{Cursor, Read, Seek};

use chorus_wav::{ChunkSink, DefectKind, Error, Form, FrameReader, Reason, Wav, WavReader};
use common::{as_floats, chunk, fmt, pcm16, ramp, riff};

/// What is wrong with a file: the first defect, the sentences of all, and the seconds that are lost.
#[derive(Debug, PartialEq)]
struct Damage {
    kind: DefectKind,
    detail: String,
    lost_s: Option<f64>,
}

fn damage_of(wav: &Wav) -> Option<Damage> {
    let rate = f64::from(wav.format.sample_rate_hz);
    let lost_frames: Option<u64> = wav.defects.iter().map(|defect| defect.lost_frames).sum();
    Some(Damage {
        kind: wav.defects.first()?.kind,
        detail: wav.defects.iter().map(|defect| defect.detail.as_str()).collect::<Vec<_>>().join("; "),
        lost_s: lost_frames.map(|frames| frames as f64 / rate),
    })
}

/// What a file is, and all its samples, read in parts of `max_frames`.
fn read_all(bytes: &[u8], max_frames: usize) -> Result<(Wav, Vec<f32>), Error> {
    let mut reader = WavReader::open(Cursor::new(bytes))?;
    let (mut all, mut part) = (Vec::new(), Vec::new());
    loop {
        part.clear();
        let frames = reader.read(max_frames, &mut part)?;
        assert!(frames <= max_frames);
        assert_eq!(part.len(), frames * usize::from(reader.wav().format.channels));
        if frames == 0 {
            return Ok((reader.wav().clone(), all));
        }
        all.extend_from_slice(&part);
    }
}

fn rejection(bytes: &[u8]) -> (Reason, String) {
    match read_all(bytes, 1000) {
        Err(Error::Refused { reason, detail }) => (reason, detail),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// A file on a disk, which may be sparse.
fn on_disk(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    file
}

fn parsed(source: impl Read + Seek) -> Wav {
    WavReader::open(source).unwrap().wav().clone()
}

/// Keeps the chunks `guan`.
#[derive(Default)]
struct Guano(Vec<Vec<u8>>);

impl ChunkSink for Guano {
    fn wants(&self, id: &[u8; 4]) -> bool {
        id == b"guan"
    }

    fn take(&mut self, _: &[u8; 4], payload: &[u8], _: bool) {
        self.0.push(payload.to_vec());
    }
}

fn guano(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut sink = Guano::default();
    Wav::parse(&mut Cursor::new(bytes), Form::of(bytes).unwrap(), 0, &mut sink).unwrap();
    sink.0
}

/// A plain file with a data chunk that states `size` bytes, whatever it holds.
fn with_data_size(samples: &[i16], size: u32) -> Vec<u8> {
    let mut bytes = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(samples))]);
    bytes[40..44].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[test]
fn every_encoding_is_read() {
    let extensible = |tag: u8, bits: u16| {
        let guid = [tag, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
        [fmt(0xFFFE, 1, 8000, bits), vec![22, 0, bits as u8, 0, 4, 0, 0, 0], guid.to_vec()].concat()
    };
    let mut in_four_bytes = fmt(1, 1, 8000, 24);
    in_four_bytes[8..14].copy_from_slice(&[0x00, 0x7D, 0, 0, 4, 0]);
    for (codec, fmt, bits, data, expected) in [
        ("pcm_u8", fmt(1, 1, 8000, 8), 8, vec![0, 128, 192], vec![-1.0, 0.0, 0.5]),
        ("pcm_s16le", fmt(1, 1, 8000, 16), 16, pcm16(&[-32_768, 16_384]), vec![-1.0, 0.5]),
        ("pcm_s16le", fmt(1, 1, 8000, 12), 12, pcm16(&[-32_768, 16_384]), vec![-1.0, 0.5]),
        ("pcm_s24le", fmt(1, 1, 8000, 24), 24, vec![0, 0, 0xC0], vec![-0.5]),
        ("pcm_s24le", fmt(1, 1, 8000, 20), 20, vec![0, 0, 0xC0], vec![-0.5]),
        ("pcm_s32le", in_four_bytes, 24, vec![0, 0, 0, 0xC0], vec![-0.5]),
        ("pcm_s32le", fmt(1, 1, 8000, 32), 32, vec![0, 0, 0, 0x40], vec![0.5]),
        ("pcm_f32le", fmt(3, 1, 8000, 32), 32, 0.3_f32.to_le_bytes().to_vec(), vec![0.3]),
        ("pcm_f64le", fmt(3, 1, 8000, 64), 64, 0.3_f64.to_le_bytes().to_vec(), vec![0.3]),
        ("pcm_alaw", fmt(6, 1, 8000, 8), 8, vec![0xAA], vec![32_256.0 / 32_768.0]),
        ("pcm_mulaw", fmt(7, 1, 8000, 8), 8, vec![0x00], vec![-32_124.0 / 32_768.0]),
        ("pcm_s16le", extensible(1, 16), 16, pcm16(&[8192]), vec![0.25]),
        ("pcm_f32le", extensible(3, 32), 32, 0.3_f32.to_le_bytes().to_vec(), vec![0.3]),
    ] {
        let (wav, samples) = read_all(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &data)]), 2).unwrap();
        assert_eq!((wav.codec_name().as_str(), wav.format.bits, damage_of(&wav)), (codec, bits, None));
        assert_eq!(samples, expected, "{codec} of {bits} bits");
    }
}

#[test]
fn frames_are_interleaved_and_survive_any_slicing() {
    let samples = ramp(120_000);
    let bytes = riff(&[chunk(b"fmt ", &fmt(1, 3, 44_100, 16)), chunk(b"data", &pcm16(&samples))]);
    for max_frames in [1009, 39_999, 1_000_000] {
        let (wav, read) = read_all(&bytes, max_frames).unwrap();
        assert!(read == as_floats(&samples), "{max_frames}");
        assert_eq!((wav.format.channels, wav.frames, wav.declared_frames), (3, 40_000, Some(40_000)));
    }
}

#[test]
fn big_endian_files_are_read() {
    let fmt = [1_u16.to_be_bytes(), 1_u16.to_be_bytes()].concat();
    let fmt = [fmt, 8000_u32.to_be_bytes().to_vec(), 16_000_u32.to_be_bytes().to_vec(), vec![0, 2, 0, 16]].concat();
    let chunk = |id: &[u8; 4], payload: &[u8]| [id.as_slice(), &(payload.len() as u32).to_be_bytes(), payload].concat();
    let bytes = [b"RIFX\0\0\0\x40WAVE".to_vec(), chunk(b"fmt ", &fmt), chunk(b"data", &[0x40, 0, 0xC0, 0])].concat();
    let (wav, samples) = read_all(&bytes, 10).unwrap();
    assert_eq!((wav.form, wav.codec_name().as_str(), wav.format.sample_rate_hz), (Form::Rifx, "pcm_s16be", 8000));
    assert_eq!(samples, [0.5, -0.5]);
}

#[test]
fn long_forms_take_their_size_from_their_own_header() {
    let data = pcm16(&ramp(100));
    for mark in [b"RF64", b"BW64"] {
        let ds64 = [0_u64.to_le_bytes(), 200_u64.to_le_bytes(), 100_u64.to_le_bytes()].concat();
        let mut bytes = riff(&[
            chunk(b"ds64", &[ds64, vec![0; 4]].concat()),
            chunk(b"fmt ", &fmt(1, 1, 8000, 16)),
            chunk(b"data", &data),
            chunk(b"guan", b"Model: ok"),
        ]);
        bytes[..4].copy_from_slice(mark);
        bytes[76..80].fill(0xFF);
        let (wav, samples) = read_all(&bytes, 64).unwrap();
        assert_eq!((samples, damage_of(&wav)), (as_floats(&ramp(100)), None));
        assert_eq!((wav.declared_frames, guano(&bytes)), (Some(100), vec![b"Model: ok".to_vec()]));
    }
}

#[test]
fn wave64_is_read() {
    let guid =
        |name: &[u8; 4]| [name.as_slice(), &[0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A]].concat();
    let riff = [b"riff".as_slice(), &[0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 4, 0xC1, 0, 0]].concat();
    let padded = |id: Vec<u8>, payload: &[u8]| {
        let mut bytes = [id, (payload.len() as u64 + 24).to_le_bytes().to_vec(), payload.to_vec()].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let bytes = [
        [riff, 300_u64.to_le_bytes().to_vec(), guid(b"wave")].concat(),
        padded(vec![9; 16], b"13 odd bytes."),
        padded(guid(b"fmt "), &fmt(1, 1, 8000, 16)),
        padded(guid(b"data"), &pcm16(&ramp(50))),
    ]
    .concat();
    let (wav, samples) = read_all(&bytes, 64).unwrap();
    assert_eq!((wav.form, wav.frames, damage_of(&wav)), (Form::W64, 50, None));
    assert_eq!(samples, as_floats(&ramp(50)));

    let mut unfinished = bytes;
    unfinished[136..144].fill(0xFF);
    let wav = parsed(Cursor::new(unfinished));
    assert_eq!(
        (wav.frames, damage_of(&wav).unwrap().kind),
        (52, DefectKind::SizeMissing),
        "the padding can't be told from sound"
    );
}

#[test]
fn sizes_of_zero_or_all_ones_mean_the_end_of_the_file() {
    let samples = ramp(1000);
    for size in [0, u32::MAX, u32::MAX - 36, 0x7FFF_F000] {
        let (wav, read) = read_all(&with_data_size(&samples, size), 4096).unwrap();
        assert_eq!(read, as_floats(&samples));
        assert_eq!((wav.frames, wav.declared_frames), (1000, None));
        let damage = damage_of(&wav).unwrap();
        assert_eq!((damage.kind, damage.lost_s), (DefectKind::SizeMissing, Some(0.0)), "{}", damage.detail);
    }
}

#[test]
fn a_size_that_wrapped_at_4_gib_means_the_end_of_the_file() {
    let file = on_disk(&with_data_size(&ramp(100), 200));
    file.set_len(44 + (1 << 32) + 200).unwrap();
    let wav = parsed(&file);
    assert_eq!((wav.frames, damage_of(&wav).unwrap().kind), ((1 << 31) + 100, DefectKind::SizeMissing));
    // One more byte is padding, two more are something else behind the data.
    file.set_len(44 + (1 << 32) + 202).unwrap();
    assert_eq!(parsed(&file).frames, 100);
}

#[test]
fn sizes_over_4_gib_take_neither_time_nor_memory() {
    const DATA_BYTES: u64 = 5 << 30;
    for name in [b"RF64", b"BW64"] {
        let ds64 =
            [(DATA_BYTES + 72).to_le_bytes().as_slice(), &DATA_BYTES.to_le_bytes(), &(DATA_BYTES / 2).to_le_bytes(), &[0; 4]]
                .concat();
        let mut data = chunk(b"data", &[]);
        data[4..8].fill(0xFF);
        let mut bytes = riff(&[chunk(b"ds64", &ds64), chunk(b"fmt ", &fmt(1, 1, 48_000, 16)), data]);
        bytes[..4].copy_from_slice(name);
        bytes[4..8].fill(0xFF);
        let (file, head) = (on_disk(&bytes), bytes.len() as u64);
        file.set_len(head + DATA_BYTES).unwrap();
        let wav = parsed(&file);
        assert_eq!((wav.frames, wav.declared_frames, damage_of(&wav)), (DATA_BYTES / 2, Some(DATA_BYTES / 2), None));
        // Half of it is there.
        file.set_len(head + DATA_BYTES / 2).unwrap();
        let wav = parsed(&file);
        assert_eq!((wav.frames, damage_of(&wav).unwrap().kind), (DATA_BYTES / 4, DefectKind::Truncated));
    }
}

#[test]
fn integers_of_any_width_are_read() {
    for (bits, bytes) in [(12_u16, 2_u16), (20, 3), (24, 4), (36, 5), (45, 6), (53, 7), (64, 8)] {
        // A quarter of full scale and its negative, left-justified.
        let top = 1_u64 << (8 * u32::from(bytes) - 3);
        let sample = |value: u64| value.to_le_bytes()[..usize::from(bytes)].to_vec();
        let payload = [sample(top), sample(top.wrapping_neg())].concat();
        let mut fmt = fmt(1, 1, 8000, bits);
        fmt[8..12].copy_from_slice(&(8000 * u32::from(bytes)).to_le_bytes());
        fmt[12..14].copy_from_slice(&bytes.to_le_bytes());
        let (wav, read) = read_all(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &payload)]), 10).unwrap();
        assert_eq!((read, wav.format.bits, damage_of(&wav)), (vec![0.25, -0.25], bits, None));
    }
}

#[test]
fn a_cut_file_says_how_much_is_lost() {
    let mut bytes = with_data_size(&ramp(8000), 16_000);
    bytes.truncate(44 + 12_001);
    let (wav, read) = read_all(&bytes, 4096).unwrap();
    assert_eq!(read, as_floats(&ramp(8000)[..6000]));
    let damage = damage_of(&wav).unwrap();
    assert_eq!((damage.kind, damage.lost_s), (DefectKind::Truncated, Some(0.25)));
    assert!(damage.detail.contains("6000 of 8000"), "{}", damage.detail);
}

#[test]
fn trailing_zeros_stay() {
    let mut samples = ramp(500);
    samples.extend([0; 500]);
    let (wav, read) = read_all(&with_data_size(&samples, 2000), 4096).unwrap();
    assert_eq!((read, wav.frames, damage_of(&wav)), (as_floats(&samples), 1000, None));
}

#[test]
fn a_missing_pad_byte_is_noticed() {
    let data = chunk(b"data", &pcm16(&ramp(10)));
    let padded = chunk(b"odd ", b"abc");
    let bare = padded[..padded.len() - 1].to_vec();
    for odd in [padded, bare] {
        let bytes = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), odd, data.clone()]);
        let (wav, read) = read_all(&bytes, 100).unwrap();
        assert_eq!((read, damage_of(&wav)), (as_floats(&ramp(10)), None));
    }
}

#[test]
fn rubbish_between_chunks_is_jumped_over() {
    let (head, data) = (chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(&ramp(10))));
    let mut too_long = chunk(b"wamd", &[1; 30]);
    too_long[4..8].copy_from_slice(&0x7000_0000_u32.to_le_bytes());
    for rubbish in [too_long, vec![0xA7; 333]] {
        let (wav, read) = read_all(&riff(&[head.clone(), rubbish.clone(), data.clone()]), 100).unwrap();
        assert_eq!(read, as_floats(&ramp(10)));
        assert_eq!(damage_of(&wav).unwrap().kind, DefectKind::BadChunk);
        // The same before the format.
        let (wav, read) = read_all(&riff(&[rubbish, head.clone(), data.clone()]), 100).unwrap();
        assert_eq!((read, damage_of(&wav).unwrap().kind), (as_floats(&ramp(10)), DefectKind::BadChunk));
    }
}

#[test]
fn contradicting_fields_are_weighed() {
    // A block size of no use, and one that the byte rate does not confirm: bits and channels decide.
    for (block, byte_rate) in [(0_u16, 16_000_u32), (4, 16_000), (3, 1)] {
        let mut fmt = fmt(1, 1, 8000, 16);
        fmt[8..12].copy_from_slice(&byte_rate.to_le_bytes());
        fmt[12..14].copy_from_slice(&block.to_le_bytes());
        let (wav, read) = read_all(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &pcm16(&ramp(10)))]), 100).unwrap();
        assert_eq!(read, as_floats(&ramp(10)));
        let damage = damage_of(&wav).unwrap();
        assert_eq!(damage.kind, DefectKind::InconsistentHeader, "{}", damage.detail);
    }
}

#[test]
fn a_repaired_header_does_not_hide_a_cut() {
    let mut fmt = fmt(1, 1, 8000, 16);
    fmt[12] = 0;
    let mut bytes = riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &pcm16(&ramp(100)))]);
    bytes.truncate(bytes.len() - 100);
    let damage = damage_of(&read_all(&bytes, 100).unwrap().0).unwrap();
    assert_eq!(damage.kind, DefectKind::Truncated);
    assert!(damage.detail.contains("50 of 100") && damage.detail.contains("block size 0"), "{}", damage.detail);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason() {
    let head = |fmt: &[u8]| riff(&[chunk(b"fmt ", fmt), chunk(b"data", &[1; 64])]);
    let plain = fmt(1, 1, 8000, 16);
    let data = chunk(b"data", &[1; 64]);
    let cases: [(Vec<u8>, Reason, &str); 17] = [
        (b"OggS and more".to_vec(), Reason::NotWav, "expected RIFF and WAVE"),
        (head(&plain)[..20].to_vec(), Reason::TruncatedHeader, "20 bytes"),
        (head(&plain)[..44].to_vec(), Reason::NoData, "promises 32 frames"),
        (riff(&[chunk(b"fmt ", &plain)]), Reason::NoData, "no data chunk"),
        (riff(&[chunk(b"fmt ", &plain), chunk(b"data", &[]), chunk(b"LIST", b"INFO")]), Reason::NoData, "promises 0 frames"),
        (riff(&[data]), Reason::BadHeader, "fmt"),
        (head(&fmt(1, 0, 8000, 16)), Reason::BadHeader, "0 channels"),
        (head(&fmt(1, 1, 0, 16)), Reason::BadHeader, "0 Hz"),
        (head(&fmt(1, 1, 2_000_000, 16)), Reason::BadHeader, "2000000 Hz"),
        (head(&fmt(1, 1, 8000, 0)), Reason::BadHeader, "0 bits"),
        (head(&fmt(0x11, 1, 8000, 4)), Reason::BadHeader, "IMA ADPCM with channels: 1, in blocks of 1 bytes"),
        (head(&fmt(0x11, 1, 8000, 3)), Reason::UnsupportedCodec, "IMA ADPCM of 3 bits"),
        (head(&fmt(0x31, 1, 8000, 0)), Reason::UnsupportedCodec, "GSM 6.10"),
        (head(&fmt(0x55, 1, 8000, 0)), Reason::UnsupportedCodec, "MP3 in WAV is found and not decoded"),
        (head(&fmt(0x1234, 1, 8000, 16)), Reason::UnsupportedCodec, "0x1234"),
        (head(&fmt(1, 1, 8000, 72)), Reason::UnsupportedCodec, "72-bit"),
        (head(&fmt(0xFFFE, 1, 8000, 16)), Reason::BadHeader, "extensible"),
    ];
    for (bytes, expected, reason) in cases {
        let (code, detail) = rejection(&bytes);
        assert_eq!(code, expected, "{detail}");
        assert!(detail.contains(reason), "{detail:?} does not say {reason:?}");
    }
}

#[test]
fn samples_that_are_not_finite_are_silence_and_counted() {
    let data: Vec<u8> = [0.5_f32, f32::NAN, f32::INFINITY, -0.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    let bytes = riff(&[chunk(b"fmt ", &fmt(3, 2, 8000, 32)), chunk(b"data", &data)]);
    let mut reader = WavReader::open(Cursor::new(bytes)).unwrap();
    let mut samples = Vec::new();
    while reader.read(1, &mut samples).unwrap() > 0 {}
    assert_eq!((samples, reader.replaced()), (vec![0.5, 0.0, 0.0, -0.5], 2));
}

#[test]
fn a_header_may_stand_behind_a_tag_and_data_of_mp3_is_found() {
    let wav = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(&ramp(400)))]);
    let mut source = Cursor::new([b"ID3\x04\0\0\0\0\0\x04tag.".as_slice(), &wav].concat());
    let wav = Wav::parse(&mut source, Form::Riff, 14, &mut ()).unwrap();
    let found = damage_of(&wav).unwrap();
    assert_eq!((found.kind, found.lost_s), (DefectKind::BadChunk, Some(0.0)));
    assert!(found.detail.contains("a tag of 14 bytes"), "{}", found.detail);
    let (mut reader, mut samples) = (FrameReader::of(source, &wav).unwrap(), Vec::new());
    while reader.read(1000, &mut samples).unwrap() > 0 {}
    assert_eq!(samples, as_floats(&ramp(400)));

    let data = chunk(b"data", &[1; 64]);
    let mp3 = riff(&[chunk(b"fmt ", &fmt(0x55, 1, 8000, 0)), data.clone(), data]);
    let wav = Wav::parse(&mut Cursor::new(mp3), Form::Riff, 0, &mut ()).unwrap();
    assert_eq!((wav.codec_name().as_str(), wav.data.start, wav.data.available), ("mp3", 44, 64));
    assert_eq!(damage_of(&wav).unwrap().detail, "64 bytes in later data chunks were not read");
}

#[test]
fn a_second_data_chunk_is_told_with_what_is_lost() {
    let data = chunk(b"data", &pcm16(&ramp(400)));
    let bytes = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), data.clone(), chunk(b"guan", b"Model: ok"), data]);
    let (wav, samples) = read_all(&bytes, 1000).unwrap();
    assert_eq!(samples, as_floats(&ramp(400)));
    let damage = damage_of(&wav).unwrap();
    assert_eq!((damage.kind, damage.lost_s), (DefectKind::BadChunk, Some(0.05)));
    assert!(damage.detail.contains("400 frames in later data chunks"), "{}", damage.detail);
}

#[test]
fn a_data_size_of_one_byte_is_none() {
    let samples: Vec<i16> = (0..400).map(|i| -1 - i * 3).collect();
    let (wav, read) = read_all(&with_data_size(&samples, 1), 1000).unwrap();
    assert_eq!((wav.frames, damage_of(&wav).unwrap().kind), (400, DefectKind::SizeMissing));
    assert_eq!(read, as_floats(&samples));
    let one = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 8)), chunk(b"data", &[7]), chunk(b"guan", b"Model: ok")]);
    let (wav, read) = read_all(&one, 1000).unwrap();
    assert_eq!((damage_of(&wav), read.len(), guano(&one).len()), (None, 1, 1), "a recording of one byte");
}

#[test]
fn sound_behind_a_size_that_is_too_small_is_told() {
    let samples: Vec<i16> = (0..400).map(|i| -1 - i * 3).collect();
    let (wav, read) = read_all(&with_data_size(&samples, 100), 1000).unwrap();
    let damage = damage_of(&wav).unwrap();
    assert_eq!((read.len(), damage.kind, damage.lost_s), (50, DefectKind::BadChunk, None));
    assert!(damage.detail.starts_with("700 bytes at the end of the file are no chunk"), "{}", damage.detail);
    let padded = [riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(&samples))]), vec![0; 600]].concat();
    assert_eq!(damage_of(&read_all(&padded, 1000).unwrap().0), None, "zeros are padding");
}

#[test]
fn more_chunks_than_are_looked_at_are_told_as_such() {
    let junk = vec![chunk(b"JUNK", b""); 5000];
    let format = chunk(b"fmt ", &fmt(1, 1, 8000, 16));
    let data = chunk(b"data", &pcm16(&ramp(4)));
    let (code, detail) = rejection(&riff(&[junk.clone(), vec![format.clone(), data.clone()]].concat()));
    assert!(code == Reason::BadHeader && detail.contains("the first 4096 chunks hold no format"), "{detail}");
    let (code, detail) = rejection(&riff(&[vec![format], junk, vec![data]].concat()));
    assert!(code == Reason::NoData && detail.contains("the first 4096 chunks hold a format and no data"), "{detail}");
}
