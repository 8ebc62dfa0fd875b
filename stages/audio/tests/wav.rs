//! The WAV family: every member, and what power loss and careless writers leave.
#![allow(clippy::unwrap_used)]

mod common;

use chorus_audio::container::{RepairCode, measure, probe};
use chorus_audio::error::{AudioError, RejectCode};
use common::{as_floats, chunk, fmt, on_disk, pcm16, ramp, read_all, rejection, riff};

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
        let (facts, samples) = read_all(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &data)]), 2).unwrap();
        assert_eq!((facts.codec.as_str(), facts.bits_per_sample, &facts.repair), (codec, bits, &None));
        assert_eq!(samples, expected, "{codec} of {bits} bits");
    }
}

#[test]
fn frames_are_interleaved_and_survive_any_slicing() {
    let samples = ramp(120_000);
    let bytes = riff(&[chunk(b"fmt ", &fmt(1, 3, 44_100, 16)), chunk(b"data", &pcm16(&samples))]);
    for max_frames in [1009, 39_999, 1_000_000] {
        let (facts, read) = read_all(&bytes, max_frames).unwrap();
        assert!(read == as_floats(&samples), "{max_frames}");
        assert_eq!((facts.channels, facts.frames, facts.declared_frames), (3, 40_000, Some(40_000)));
        assert!((facts.duration_s() - 40_000.0 / 44_100.0).abs() < 1e-12);
    }
}

#[test]
fn big_endian_files_are_read() {
    let fmt = [1_u16.to_be_bytes(), 1_u16.to_be_bytes()].concat();
    let fmt = [fmt, 8000_u32.to_be_bytes().to_vec(), 16_000_u32.to_be_bytes().to_vec(), vec![0, 2, 0, 16]].concat();
    let chunk = |id: &[u8; 4], payload: &[u8]| [id.as_slice(), &(payload.len() as u32).to_be_bytes(), payload].concat();
    let bytes = [b"RIFX\0\0\0\x40WAVE".to_vec(), chunk(b"fmt ", &fmt), chunk(b"data", &[0x40, 0, 0xC0, 0])].concat();
    let (facts, samples) = read_all(&bytes, 10).unwrap();
    assert_eq!((facts.container, facts.codec.as_str(), facts.sample_rate_hz), ("rifx", "pcm_s16be", 8000));
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
        let (facts, samples) = read_all(&bytes, 64).unwrap();
        assert_eq!((samples, facts.repair), (as_floats(&ramp(100)), None));
        assert_eq!((facts.declared_frames, facts.header.model.as_deref()), (Some(100), Some("ok")));
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
    let (facts, samples) = read_all(&bytes, 64).unwrap();
    assert_eq!((facts.container, facts.frames, facts.repair), ("w64", 50, None));
    assert_eq!(samples, as_floats(&ramp(50)));

    let mut unfinished = bytes;
    unfinished[136..144].fill(0xFF);
    let facts = probe(&on_disk(&unfinished).path).unwrap();
    assert_eq!((facts.frames, facts.repair.unwrap().code), (52, RepairCode::SizeMissing), "the padding can't be told from sound");
}

#[test]
fn sizes_of_zero_or_all_ones_mean_the_end_of_the_file() {
    let samples = ramp(1000);
    for size in [0, u32::MAX, u32::MAX - 36, 0x7FFF_F000] {
        let (facts, read) = read_all(&with_data_size(&samples, size), 4096).unwrap();
        assert_eq!(read, as_floats(&samples));
        assert_eq!((facts.frames, facts.declared_frames), (1000, None));
        let repair = facts.repair.unwrap();
        assert_eq!((repair.code, repair.lost_s), (RepairCode::SizeMissing, Some(0.0)), "{}", repair.detail);
    }
}

#[test]
fn a_size_that_wrapped_at_4_gib_means_the_end_of_the_file() {
    let file = on_disk(&with_data_size(&ramp(100), 200));
    let sparse = std::fs::File::options().write(true).open(&file.path).unwrap();
    sparse.set_len(44 + (1 << 32) + 200).unwrap();
    let facts = probe(&file.path).unwrap();
    assert_eq!((facts.frames, facts.repair.unwrap().code), ((1 << 31) + 100, RepairCode::SizeMissing));
    // One more byte is padding, two more are something else behind the data.
    sparse.set_len(44 + (1 << 32) + 202).unwrap();
    assert_eq!(probe(&file.path).unwrap().frames, 100);
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
        let sparse = std::fs::File::options().write(true).open(&file.path).unwrap();
        sparse.set_len(head + DATA_BYTES).unwrap();
        let facts = probe(&file.path).unwrap();
        assert_eq!((facts.frames, facts.declared_frames, facts.repair), (DATA_BYTES / 2, Some(DATA_BYTES / 2), None));
        // Half of it is there.
        sparse.set_len(head + DATA_BYTES / 2).unwrap();
        let facts = probe(&file.path).unwrap();
        assert_eq!((facts.frames, facts.repair.unwrap().code), (DATA_BYTES / 4, RepairCode::Truncated));
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
        let (facts, read) = read_all(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &payload)]), 10).unwrap();
        assert_eq!((read, facts.bits_per_sample, facts.repair), (vec![0.25, -0.25], bits, None));
    }
}

#[test]
fn a_cut_file_says_how_much_is_lost() {
    let mut bytes = with_data_size(&ramp(8000), 16_000);
    bytes.truncate(44 + 12_001);
    let (facts, read) = read_all(&bytes, 4096).unwrap();
    assert_eq!(read, as_floats(&ramp(8000)[..6000]));
    let repair = facts.repair.unwrap();
    assert_eq!((repair.code, repair.lost_s), (RepairCode::Truncated, Some(0.25)));
    assert!(repair.detail.contains("6000 of 8000"), "{}", repair.detail);
}

#[test]
fn trailing_zeros_stay() {
    let mut samples = ramp(500);
    samples.extend([0; 500]);
    let (facts, read) = read_all(&with_data_size(&samples, 2000), 4096).unwrap();
    assert_eq!((read, facts.frames, facts.repair), (as_floats(&samples), 1000, None));
}

#[test]
fn a_missing_pad_byte_is_noticed() {
    let data = chunk(b"data", &pcm16(&ramp(10)));
    let padded = chunk(b"odd ", b"abc");
    let bare = padded[..padded.len() - 1].to_vec();
    for odd in [padded, bare] {
        let bytes = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), odd, data.clone()]);
        let (facts, read) = read_all(&bytes, 100).unwrap();
        assert_eq!((read, facts.repair), (as_floats(&ramp(10)), None));
    }
}

#[test]
fn rubbish_between_chunks_is_jumped_over() {
    let (head, data) = (chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(&ramp(10))));
    let mut too_long = chunk(b"wamd", &[1; 30]);
    too_long[4..8].copy_from_slice(&0x7000_0000_u32.to_le_bytes());
    for rubbish in [too_long, vec![0xA7; 333]] {
        let (facts, read) = read_all(&riff(&[head.clone(), rubbish.clone(), data.clone()]), 100).unwrap();
        assert_eq!(read, as_floats(&ramp(10)));
        assert_eq!(facts.repair.unwrap().code, RepairCode::BadChunk);
        // The same before the format.
        let (facts, read) = read_all(&riff(&[rubbish, head.clone(), data.clone()]), 100).unwrap();
        assert_eq!((read, facts.repair.unwrap().code), (as_floats(&ramp(10)), RepairCode::BadChunk));
    }
}

#[test]
fn contradicting_fields_are_weighed() {
    // A block size of no use, and one that the byte rate does not confirm: bits and channels decide.
    for (block, byte_rate) in [(0_u16, 16_000_u32), (4, 16_000), (3, 1)] {
        let mut fmt = fmt(1, 1, 8000, 16);
        fmt[8..12].copy_from_slice(&byte_rate.to_le_bytes());
        fmt[12..14].copy_from_slice(&block.to_le_bytes());
        let (facts, read) = read_all(&riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &pcm16(&ramp(10)))]), 100).unwrap();
        assert_eq!(read, as_floats(&ramp(10)));
        let repair = facts.repair.unwrap();
        assert_eq!(repair.code, RepairCode::InconsistentHeader, "{}", repair.detail);
    }
}

#[test]
fn a_repaired_header_does_not_hide_a_cut() {
    let mut fmt = fmt(1, 1, 8000, 16);
    fmt[12] = 0;
    let mut bytes = riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &pcm16(&ramp(100)))]);
    bytes.truncate(bytes.len() - 100);
    let repair = read_all(&bytes, 100).unwrap().0.repair.unwrap();
    assert_eq!(repair.code, RepairCode::Truncated);
    assert!(repair.detail.contains("50 of 100") && repair.detail.contains("block size 0"), "{}", repair.detail);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason() {
    let head = |fmt: &[u8]| riff(&[chunk(b"fmt ", fmt), chunk(b"data", &[1; 64])]);
    let plain = fmt(1, 1, 8000, 16);
    let data = chunk(b"data", &[1; 64]);
    let cases: [(Vec<u8>, RejectCode, &str); 16] = [
        (head(&plain)[..20].to_vec(), RejectCode::TruncatedHeader, "20 bytes"),
        (head(&plain)[..44].to_vec(), RejectCode::NoAudioData, "promises 32 frames"),
        (riff(&[chunk(b"fmt ", &plain)]), RejectCode::NoAudioData, "no data chunk"),
        (
            riff(&[chunk(b"fmt ", &plain), chunk(b"data", &[]), chunk(b"LIST", b"INFO")]),
            RejectCode::NoAudioData,
            "promises 0 frames",
        ),
        (riff(&[data]), RejectCode::BadHeader, "fmt"),
        (head(&fmt(1, 0, 8000, 16)), RejectCode::BadHeader, "0 channels"),
        (head(&fmt(1, 1, 0, 16)), RejectCode::BadHeader, "0 Hz"),
        (head(&fmt(1, 1, 2_000_000, 16)), RejectCode::BadHeader, "2000000 Hz"),
        (head(&fmt(1, 1, 8000, 0)), RejectCode::BadHeader, "0 bits"),
        (head(&fmt(0x11, 1, 8000, 4)), RejectCode::BadHeader, "IMA ADPCM of 1 channels in blocks of 1 bytes"),
        (head(&fmt(0x11, 1, 8000, 3)), RejectCode::UnsupportedCodec, "IMA ADPCM of 3 bits"),
        (head(&fmt(0x31, 1, 8000, 0)), RejectCode::UnsupportedCodec, "GSM 6.10"),
        (head(&fmt(0x55, 1, 8000, 0)), RejectCode::NoAudioData, "ends before a first frame"),
        (head(&fmt(0x1234, 1, 8000, 16)), RejectCode::UnsupportedCodec, "0x1234"),
        (head(&fmt(1, 1, 8000, 72)), RejectCode::UnsupportedCodec, "72-bit"),
        (head(&fmt(0xFFFE, 1, 8000, 16)), RejectCode::BadHeader, "extensible"),
    ];
    for (bytes, expected, reason) in cases {
        let (code, detail) = rejection(&bytes);
        assert_eq!(code, expected, "{detail}");
        assert!(detail.contains(reason), "{detail:?} does not say {reason:?}");
    }
}

#[test]
fn a_missing_file_is_no_rejection() {
    let file = on_disk(b"");
    let path = file.path.with_extension("gone");
    assert!(matches!(probe(&path), Err(AudioError::Io { path: named, .. }) if named == path));
}

#[test]
fn levels_cover_all_channels() {
    let bytes = riff(&[chunk(b"fmt ", &fmt(1, 2, 8000, 16)), chunk(b"data", &pcm16(&[32_767, 0].repeat(500)))]);
    let (facts, levels) = measure(&on_disk(&bytes).path).unwrap();
    assert_eq!(facts.frames, 500);
    assert_eq!(levels.clipped_fraction, 0.5);
    assert!((levels.level_dbfs.unwrap() + 3.0103).abs() < 1e-3);
    assert!((levels.dc_offset - 0.5).abs() < 1e-4);
    assert_eq!(levels.dead_channels, [1, 2], "stuck at a value is as dead as silent");
}

#[test]
fn samples_that_are_no_numbers_are_silence_and_told() {
    let data: Vec<u8> = [0.5_f32, f32::NAN, f32::INFINITY, -0.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    let bytes = riff(&[chunk(b"fmt ", &fmt(3, 2, 8000, 32)), chunk(b"data", &data)]);
    for max_frames in [1, 1000] {
        let (facts, samples) = read_all(&bytes, max_frames).unwrap();
        assert_eq!(samples, [0.5, 0.0, 0.0, -0.5]);
        let repair = facts.repair.unwrap();
        assert_eq!((repair.code, repair.lost_s), (RepairCode::BadSamples, Some(1.0 / 8000.0)));
        assert_eq!(repair.detail, "2 of 4 samples are NaN or infinite and read as 0");
    }
    assert_eq!(probe(on_disk(&bytes).path).unwrap().repair.unwrap().code, RepairCode::BadSamples);
}

#[test]
fn a_second_data_chunk_is_told_with_what_is_lost() {
    let data = chunk(b"data", &pcm16(&ramp(400)));
    let bytes = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), data.clone(), chunk(b"guan", b"Model: ok"), data]);
    let (facts, samples) = read_all(&bytes, 1000).unwrap();
    assert_eq!(samples, as_floats(&ramp(400)));
    let repair = facts.repair.unwrap();
    assert_eq!((repair.code, repair.lost_s), (RepairCode::BadChunk, Some(0.05)));
    assert!(repair.detail.contains("400 frames in later data chunks"), "{}", repair.detail);
}

#[test]
fn a_data_size_of_one_byte_is_none() {
    let samples: Vec<i16> = (0..400).map(|i| -1 - i * 3).collect();
    let (facts, read) = read_all(&with_data_size(&samples, 1), 1000).unwrap();
    assert_eq!((facts.frames, facts.repair.unwrap().code), (400, RepairCode::SizeMissing));
    assert_eq!(read, as_floats(&samples));
    let one = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 8)), chunk(b"data", &[7]), chunk(b"guan", b"Model: ok")]);
    let (facts, read) = read_all(&one, 1000).unwrap();
    assert_eq!((facts.repair, read.len(), facts.header.model.as_deref()), (None, 1, Some("ok")), "a recording of one byte");
}

#[test]
fn sound_behind_a_size_that_is_too_small_is_told() {
    let samples: Vec<i16> = (0..400).map(|i| -1 - i * 3).collect();
    let (facts, read) = read_all(&with_data_size(&samples, 100), 1000).unwrap();
    let repair = facts.repair.unwrap();
    assert_eq!((read.len(), repair.code, repair.lost_s), (50, RepairCode::BadChunk, None));
    assert!(repair.detail.starts_with("700 bytes at the end of the file are no chunk"), "{}", repair.detail);
    let padded = [riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(&samples))]), vec![0; 600]].concat();
    assert_eq!(read_all(&padded, 1000).unwrap().0.repair, None, "zeros are padding");
}

#[test]
fn wav_behind_an_id3_tag_is_wav() {
    let wav = riff(&[chunk(b"fmt ", &fmt(1, 1, 8000, 16)), chunk(b"data", &pcm16(&ramp(400))), chunk(b"guan", b"Model: ok")]);
    let (facts, samples) = read_all(&[b"ID3\x04\0\0\0\0\0\x04tag.".as_slice(), &wav].concat(), 1000).unwrap();
    assert_eq!((facts.container, facts.header.model.as_deref()), ("wav", Some("ok")));
    assert_eq!(samples, as_floats(&ramp(400)));
    let repair = facts.repair.unwrap();
    assert_eq!((repair.code, repair.lost_s), (RepairCode::BadChunk, Some(0.0)));
    assert!(repair.detail.contains("a tag of 14 bytes"), "{}", repair.detail);
}

#[test]
fn more_chunks_than_are_looked_at_are_told_as_such() {
    let junk = vec![chunk(b"JUNK", b""); 5000];
    let format = chunk(b"fmt ", &fmt(1, 1, 8000, 16));
    let data = chunk(b"data", &pcm16(&ramp(4)));
    let (code, detail) = rejection(&riff(&[junk.clone(), vec![format.clone(), data.clone()]].concat()));
    assert!(code == RejectCode::BadHeader && detail.contains("the first 4096 chunks hold no format"), "{detail}");
    let (code, detail) = rejection(&riff(&[vec![format], junk, vec![data]].concat()));
    assert!(code == RejectCode::NoAudioData && detail.contains("the first 4096 chunks hold a format and no data"), "{detail}");
}
