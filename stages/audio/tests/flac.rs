//! FLAC: sound files, cut files, holes, unknown lengths.
#![allow(clippy::unwrap_used)]

mod common;

use chorus_audio::container::RepairCode;
use chorus_audio::error::RejectCode;
use common::{Flac, as_floats, probed, ramp, read_all, rejection};

const BLOCK: usize = 500;

#[test]
fn samples_are_exact_and_facts_complete() {
    for channels in [1, 2] {
        let samples = ramp(4 * BLOCK * channels + 100 * channels);
        let flac = Flac::new(&samples, channels, BLOCK, 2100).bytes();
        let (facts, read) = read_all(&flac, 333).unwrap();
        assert_eq!(read, as_floats(&samples));
        assert_eq!((facts.codec.as_str(), facts.container), ("flac", "flac"));
        assert_eq!((facts.sample_rate_hz, facts.bits_per_sample), (22_050, 16));
        assert_eq!((usize::from(facts.channels), facts.frames, facts.declared_frames), (channels, 2100, Some(2100)));
        assert_eq!(facts.repair, None);
        assert_eq!(probed(&flac).unwrap(), facts);
    }
}

#[test]
fn an_unknown_length_is_counted() {
    let samples = ramp(2100);
    let (facts, read) = read_all(&Flac::new(&samples, 1, BLOCK, 0).bytes(), 4096).unwrap();
    assert_eq!(read, as_floats(&samples));
    assert_eq!((facts.frames, facts.declared_frames, facts.repair), (2100, None, None));
}

#[test]
fn a_cut_file_keeps_its_whole_frames() {
    let samples = ramp(2000);
    for total in [2000, 0] {
        let mut bytes = Flac::new(&samples, 1, BLOCK, total).bytes();
        bytes.truncate(bytes.len() - 300);
        let (facts, read) = read_all(&bytes, 4096).unwrap();
        assert_eq!(read, as_floats(&samples[..1500]));
        assert_eq!(facts.frames, 1500);
        let repair = facts.repair.unwrap();
        assert_eq!(repair.code, RepairCode::Truncated, "{}", repair.detail);
        // Without a total, nobody knows how much there was.
        assert_eq!(repair.lost_s, (total > 0).then_some(500.0 / 22_050.0));
    }
}

#[test]
fn a_damaged_block_reads_as_silence_and_later_times_stay_right() {
    let samples = ramp(3000);
    for (total, damaged) in [(3000, 0), (3000, 2), (0, 2)] {
        let mut flac = Flac::new(&samples, 1, BLOCK, total);
        flac.frames[damaged][200..240].fill(0x55);
        let (facts, read) = read_all(&flac.bytes(), 123).unwrap();
        let mut expected = as_floats(&samples);
        expected[damaged * BLOCK..][..BLOCK].fill(0.0);
        assert_eq!(read, expected, "block {damaged} of {total} frames");
        let repair = facts.repair.unwrap();
        assert_eq!((facts.frames, repair.code), (3000, RepairCode::Damaged));
        assert_eq!(repair.lost_s, Some(500.0 / 22_050.0));
    }
}

#[test]
fn more_frames_than_promised_are_kept() {
    let samples = ramp(2000);
    let (facts, read) = read_all(&Flac::new(&samples, 1, BLOCK, 700).bytes(), 4096).unwrap();
    assert_eq!(read, as_floats(&samples));
    assert_eq!((facts.frames, facts.declared_frames), (2000, Some(700)));
    assert_eq!(facts.repair.unwrap().code, RepairCode::WrongTotal);
}

#[test]
fn a_stream_cut_from_a_longer_one_begins_at_once() {
    let samples = ramp(2000);
    let mut flac = Flac::new(&samples, 1, BLOCK, 0);
    flac.frames.drain(..2);
    let (facts, read) = read_all(&flac.bytes(), 4096).unwrap();
    assert_eq!(read, as_floats(&samples[1000..]));
    assert_eq!(facts.repair, None);
}

#[test]
fn a_header_without_sound_is_refused() {
    let flac = Flac::new(&ramp(2000), 1, BLOCK, 2000);
    let (code, _) = rejection(&flac.head);
    assert_eq!(code, RejectCode::NoAudioData);
    // The first frame is cut, and there is no other.
    let (code, _) = rejection(&flac.bytes()[..flac.head.len() + 100]);
    assert_eq!(code, RejectCode::DecodeFailed);
    let (code, _) = rejection(&flac.bytes()[..20]);
    assert_eq!(code, RejectCode::TruncatedHeader);
    let (code, _) = rejection(&[b"fLaC\x81\0\0\x02".as_slice(), &[0; 50]].concat());
    assert_eq!(code, RejectCode::BadHeader);
}

#[test]
fn malformed_and_lengthy_metadata_does_no_harm() {
    let samples = ramp(1000);
    let mut flac = Flac::new(&samples, 1, BLOCK, 1000);
    flac.head[4] = 0;
    // A comment block that states ten entries and holds none, then an empty picture that is the last block.
    flac.head.extend([b"\x04\0\0\x08\0\0\0\0\x0A\0\0\0".as_slice(), b"\x86\x01\0\0", &[0; 1 << 16]].concat());
    let (facts, read) = read_all(&flac.bytes(), 4096).unwrap();
    assert_eq!((read, facts.repair), (as_floats(&samples), None));
    for cut in [44, 60] {
        assert_eq!(rejection(&flac.head[..cut]).0, RejectCode::TruncatedHeader);
    }
}

#[test]
fn a_tag_before_the_stream_is_passed_over() {
    let samples = ramp(1000);
    let tag = [b"ID3\x04\0\0\0\0\x01\x48".as_slice(), &[7; 200]].concat();
    let (facts, read) = read_all(&[tag, Flac::new(&samples, 1, BLOCK, 1000).bytes()].concat(), 4096).unwrap();
    assert_eq!((read, facts.repair), (as_floats(&samples), None));
}
