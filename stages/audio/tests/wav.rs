//! The WAV family as recordings: what `chorus-wav` reads, with the codes of the table, headers and levels.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Cursor;

use chorus_archive::{Archive, Local};
use chorus_audio::container::{Reader, RepairCode, measure, open, probe};
use chorus_audio::error::{AudioError, RejectCode};
use common::{as_floats, chunk, fmt, pcm16, probed, ramp, read_all, rejection, riff};

#[test]
fn every_reason_and_defect_has_its_code() {
    let plain = fmt(1, 1, 8000, 16);
    let whole = riff(&[chunk(b"fmt ", &plain), chunk(b"data", &pcm16(&ramp(100)))]);
    for (bytes, code) in [
        (whole[..20].to_vec(), RejectCode::TruncatedHeader),
        (whole[..44].to_vec(), RejectCode::NoAudioData),
        (riff(&[chunk(b"data", &[1; 64])]), RejectCode::BadHeader),
        (riff(&[chunk(b"fmt ", &fmt(0x31, 1, 8000, 0)), chunk(b"data", &[1; 64])]), RejectCode::UnsupportedCodec),
        (riff(&[chunk(b"fmt ", &fmt(0x55, 1, 8000, 0)), chunk(b"data", &[1; 64])]), RejectCode::NoAudioData),
    ] {
        assert_eq!(rejection(&bytes).0, code);
    }
    let mut unfinished = whole.clone();
    unfinished[40..44].fill(0);
    let mut contradicting = plain.clone();
    contradicting[12] = 0;
    let rubbish = vec![0xA7; 333];
    for (bytes, code, lost_s) in [
        (whole[..144].to_vec(), RepairCode::Truncated, Some(50.0 / 8000.0)),
        (unfinished, RepairCode::SizeMissing, Some(0.0)),
        (riff(&[chunk(b"fmt ", &plain), rubbish, chunk(b"data", &[1; 64])]), RepairCode::BadChunk, Some(0.0)),
        (riff(&[chunk(b"fmt ", &contradicting), chunk(b"data", &[1; 64])]), RepairCode::InconsistentHeader, Some(0.0)),
    ] {
        let repair = probed(&bytes).unwrap().repair.unwrap();
        assert_eq!((repair.code, repair.lost_s), (code, lost_s), "{}", repair.detail);
    }
}

#[test]
fn a_missing_file_and_a_folder_are_told_apart_from_damage() {
    let dir = tempfile::tempdir().unwrap();
    let archive = Local::new(dir.path());
    std::fs::create_dir(dir.path().join("folder.wav")).unwrap();
    match probe(&archive, "gone.wav") {
        Err(AudioError::Archive(error)) => assert_eq!(error.location, archive.location("gone.wav")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(open(&archive, "folder.wav"), Err(AudioError::Rejected { code: RejectCode::NotAudio, .. })));
}

#[test]
fn levels_cover_all_channels() {
    let bytes = riff(&[chunk(b"fmt ", &fmt(1, 2, 8000, 16)), chunk(b"data", &pcm16(&[32_767, 0].repeat(500)))]);
    let (facts, levels) = measure(Reader::new(Box::new(Cursor::new(bytes)), "x.wav".into()).unwrap()).unwrap();
    assert_eq!(facts.frames, 500);
    assert_eq!(levels.clipped_fraction, 0.5);
    assert!((levels.level_dbfs.unwrap() + 3.0103).abs() < 1e-3);
    assert!((levels.dc_offset - 0.5).abs() < 1e-4);
    assert_eq!(levels.dead_channels, [1, 2], "stuck at a value is as dead as silent");
}

#[test]
fn samples_that_are_not_finite_are_silence_and_a_repair() {
    let data: Vec<u8> = [0.5_f32, f32::NAN, f32::INFINITY, -0.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    let bytes = riff(&[chunk(b"fmt ", &fmt(3, 2, 8000, 32)), chunk(b"data", &data)]);
    for max_frames in [1, 1000] {
        let (facts, samples) = read_all(&bytes, max_frames).unwrap();
        assert_eq!(samples, [0.5, 0.0, 0.0, -0.5]);
        let repair = facts.repair.unwrap();
        assert_eq!((repair.code, repair.lost_s), (RepairCode::BadSamples, Some(1.0 / 8000.0)));
        assert_eq!(repair.detail, "2 of 4 samples are NaN or infinite and read as 0");
    }
    assert_eq!(probed(&bytes).unwrap().repair.unwrap().code, RepairCode::BadSamples);
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
