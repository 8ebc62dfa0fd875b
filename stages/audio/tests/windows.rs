//! Windows of recordings on disk, from frames at one rate to samples at another.
#![allow(clippy::unwrap_used)]

mod common;

use chorus_audio::container::channels::mix_to_mono;
use chorus_audio::dsp::resample::Resampler;
use chorus_audio::dsp::windows::{Cut, for_each_window};
use chorus_audio::error::AudioError;
use common::{as_floats, chunk, fmt, pcm16, ramp, reader, riff};

const RATE_HZ: u32 = 22_050;
const TARGET_HZ: u32 = 16_000;

fn stereo(samples: &[i16]) -> Vec<u8> {
    riff(&[chunk(b"fmt ", &fmt(1, 2, RATE_HZ, 16)), chunk(b"data", &pcm16(samples))])
}

fn cut(starts: &[u64]) -> Cut<'_> {
    Cut { rate_hz: TARGET_HZ, high_pass_hz: None, window_s: 1.0, channels: &[0, 1], starts }
}

fn windows(file: &[u8], starts: &[u64]) -> Vec<Vec<f32>> {
    let mut windows = Vec::new();
    let mut reader = reader(file).unwrap();
    for_each_window(&mut reader, cut(starts), |window| {
        windows.push(window.samples.to_vec());
        Ok::<(), AudioError>(())
    })
    .unwrap();
    windows
}

#[test]
fn a_window_is_a_slice_of_the_whole_resampled_recording() {
    let samples = ramp(2 * 60_000);
    let mut whole = Vec::new();
    let mut mono = Vec::new();
    mix_to_mono(&as_floats(&samples), 2, &[0, 1], &mut mono);
    let mut resampler = Resampler::new(RATE_HZ, TARGET_HZ).unwrap();
    resampler.push(&mono, &mut whole).unwrap();
    resampler.finish(&mut whole).unwrap();
    assert_eq!(whole.len(), 43_537);
    whole.resize(60_000, 0.0);

    let starts = [0, 11_025, 22_050, 44_100, 59_999];
    let expected: Vec<&[f32]> = [0, 8000, 16_000, 32_000, 43_537].iter().map(|&at| &whole[at..at + 16_000]).collect();
    let file = stereo(&samples);
    assert!(windows(&file, &starts) == expected);
    // Not one bit of a window depends on the others asked for.
    assert!(windows(&file, &starts[3..]) == expected[3..]);
}

#[test]
fn the_caller_s_error_stops_the_work() {
    let file = stereo(&ramp(2 * 60_000));
    let mut seen = 0;
    let stopped = for_each_window(&mut reader(&file).unwrap(), cut(&[0, 0, 0]), |window| {
        seen += 1;
        if window.index == 1 { Err(AudioError::Resample("enough".to_owned())) } else { Ok(()) }
    });
    assert!(matches!(stopped, Err(AudioError::Resample(why)) if why == "enough"));
    assert_eq!(seen, 2);
}
