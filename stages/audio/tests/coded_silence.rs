//! Coded silence of AudioMoths (T.WAV): a block of 512 bytes that stands for many.
#![allow(clippy::unwrap_used)]

mod common;

use chorus_audio::container::RepairCode;
use common::{Flac, as_floats, chunk, fmt, pcm16, probed, ramp, read_all, riff};

/// Samples of a block.
const BLOCK: usize = 256;
/// Samples between the header of [`wav`], of 44 bytes, and the first multiple of 512 bytes.
const LEAD: usize = (512 - 44) / 2;
/// Samples between the header of an AudioMoth, of 488 bytes, and the first multiple of 512 bytes.
const LEAD_OF_MOTHS: usize = 12;

/// The block that stands for so many blocks of silence.
fn coded(blocks: u32) -> Vec<i16> {
    let count = (0..32).map(|bit| if blocks >> bit & 1 == 1 { 1 } else { -1 });
    count.chain([0; BLOCK - 32]).collect()
}

fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
    riff(&[chunk(b"fmt ", &fmt(1, channels, 8000, 16)), chunk(b"data", &pcm16(samples))])
}

/// Sound with a gap of 3 blocks, one of 65,538, and the end of a file within a block. And what it really was.
fn triggered(lead: usize) -> (Vec<i16>, Vec<f32>) {
    let (first, second, last) = (ramp(lead + 2 * BLOCK), ramp(BLOCK), ramp(100));
    let file = [&first[..], &coded(3), &second, &coded(65_538), &last].concat();
    let (short, long) = (vec![0.0; 3 * BLOCK], vec![0.0; 65_538 * BLOCK]);
    (file, [as_floats(&first), short, as_floats(&second), long, as_floats(&last)].concat())
}

#[test]
fn gaps_have_the_length_that_their_block_states_however_the_file_is_read() {
    let (file, real) = triggered(LEAD);
    for max_frames in [97, 256, 16_384] {
        let (facts, read) = read_all(&wav(1, &file), max_frames).unwrap();
        assert!(read == real, "{max_frames}: {} of {} frames", read.len(), real.len());
        assert_eq!((facts.frames, facts.repair), (real.len() as u64, None));
    }
    // 234 + 512 + 3 * 256 + 256 + 65,538 * 256 + 100 frames at 8 kHz.
    assert_eq!(probed(&wav(1, &file)).unwrap().duration_s(), 16_779_598.0 / 8000.0);
}

#[test]
fn what_is_no_block_of_a_count_stays_sound() {
    let sound = ramp(LEAD);
    let mut later = coded(3);
    later[255] = 1;
    let as_it_is = |channels: u16, samples: &[i16]| {
        let (facts, read) = read_all(&wav(channels, samples), 1000).unwrap();
        assert_eq!((read, facts.repair), (as_floats(samples), None));
    };
    for block in [later, vec![0; BLOCK], coded(0), [vec![2], coded(3)[1..].to_vec()].concat()] {
        as_it_is(1, &[&sound[..], &block].concat());
    }
    as_it_is(1, &[&sound[1..], &coded(3)].concat());
    as_it_is(1, &coded(3)[..200]);
    as_it_is(2, &[&sound[..], &sound, &coded(3)].concat());
}

#[test]
fn a_count_that_no_recording_has_is_told() {
    // A day of 8000 frames a second has 2,700,000 blocks.
    let file = [ramp(LEAD), coded(2_700_001)].concat();
    let (facts, read) = read_all(&wav(1, &file), 1000).unwrap();
    assert_eq!(read, as_floats(&file));
    let repair = facts.repair.unwrap();
    assert_eq!((repair.code, repair.lost_s), (RepairCode::Damaged, None));
    assert!(repair.detail.contains("24.0 h") && repair.detail.contains("may be early"), "{}", repair.detail);
}

#[test]
fn in_flac_only_a_file_of_an_audiomoth_holds_coded_silence() {
    let gap = [ramp(LEAD_OF_MOTHS), coded(40), ramp(BLOCK)].concat();
    let flac = |comment: &str| {
        let mut flac = Flac::new(&gap, 1, 500, gap.len() as u64);
        let entry = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let comments = [entry("flac"), 1u32.to_le_bytes().to_vec(), entry(&format!("COMMENT={comment}"))].concat();
        // The comments are the last block, and STREAMINFO no longer is.
        flac.head[4] = 0;
        flac.head.push(0x84);
        flac.head.extend(&(comments.len() as u32).to_be_bytes()[1..]);
        flac.head.extend(comments);
        flac.bytes()
    };
    let moth = "Recorded at 20:00:00 01/03/2023 (UTC) by AudioMoth 24E144055E080032 at medium gain while battery was 4.2V.";
    assert_eq!(probed(&flac(moth)).unwrap().frames, (LEAD_OF_MOTHS + 40 * BLOCK + BLOCK) as u64);
    assert_eq!(probed(&flac("a frog")).unwrap().frames, gap.len() as u64);
}
