//! A recording's windows at one sample rate, in order, from one pass over it.
//!
//! Memory: two windows and one block, whatever the recording's length. A window depends on the recording and its own
//! start alone, not on the other windows asked for: the resampler always runs from the first frame on.

use super::high_pass::HighPass;
use super::resample::{Resampler, resampled_len};
use crate::container::channels::mix_to_mono;
use crate::container::{READ_FRAMES, Reader};
use crate::error::AudioError;

/// A window that was cut from a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window<'a> {
    /// Which, from 0.
    pub index: usize,
    /// Where it begins in the stream, samples at the target rate.
    pub start: u64,
    /// Its mono samples.
    pub samples: &'a [f32],
}

/// How a recording is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut<'a> {
    /// The rate that the recording is brought to, Hz.
    pub rate_hz: u32,
    /// Corner of a high-pass over the whole recording, Hz.
    pub high_pass_hz: Option<f64>,
    /// Length of a window, seconds.
    pub window_s: f64,
    /// The channels that are mixed down, counted from 0.
    pub channels: &'a [usize],
    /// Where windows start: frames of the recording, at its own rate, in ascending order.
    pub starts: &'a [u64],
}

/// Calls `each` for every window with its mono samples at `cut.rate_hz`: exactly `round(window_s * rate_hz)` of them, with zeros
/// behind the recording's end.
///
/// # Errors
///
/// When `starts` are not in order, the recording can't be read, or `each` fails.
pub fn for_each_window<E: From<AudioError>>(
    reader: &mut Reader,
    cut: Cut<'_>,
    mut each: impl FnMut(Window<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (rate_hz, all) = (reader.facts().sample_rate_hz, reader.facts().channels);
    let mut resampler = Resampler::new(rate_hz, cut.rate_hz)?;
    let mut filter = cut.high_pass_hz.map(|corner_hz| HighPass::new(corner_hz, cut.rate_hz));
    let mut cutter = Cutter::new(rate_hz, cut.rate_hz, cut.window_s, cut.starts)?;
    let (mut frames, mut mono) = (Vec::new(), Vec::new());
    while !cutter.is_done() {
        let at_end = reader.read(READ_FRAMES, &mut frames)? == 0;
        let held = cutter.held.len();
        if at_end {
            resampler.finish(&mut cutter.held)?;
        } else {
            let samples = if all <= 1 {
                &frames
            } else {
                mix_to_mono(&frames, all, cut.channels, &mut mono);
                &mono
            };
            resampler.push(samples, &mut cutter.held)?;
        }
        if let Some(filter) = &mut filter {
            filter.process(&mut cutter.held[held..]);
        }
        if at_end {
            return cutter.flush(&mut each);
        }
        cutter.cut(&mut each)?;
    }
    Ok(())
}

/// Cuts windows from a stream of samples.
struct Cutter {
    /// Where each window starts in the stream, ascending.
    starts: Vec<u64>,
    window_len: usize,
    /// The next window to cut.
    next: usize,
    /// The part of the stream that is still needed, to whose end the stream is appended, and the position of its first sample.
    held: Vec<f32>,
    held_from: u64,
}

impl Cutter {
    fn new(rate_hz: u32, target_hz: u32, window_s: f64, starts: &[u64]) -> Result<Self, AudioError> {
        if let Some(at) = starts.windows(2).position(|pair| pair[1] < pair[0]) {
            return Err(AudioError::WindowOrder { index: at + 1, found: starts[at + 1], previous: starts[at] });
        }
        Ok(Self {
            starts: starts.iter().map(|&start| resampled_len(start, rate_hz, target_hz)).collect(),
            window_len: (window_s * f64::from(target_hz)).round() as usize,
            next: 0,
            held: Vec::new(),
            held_from: 0,
        })
    }

    fn is_done(&self) -> bool {
        self.next == self.starts.len()
    }

    /// Hands out every window that is complete, then forgets what no later window needs.
    fn cut<E>(&mut self, each: &mut impl FnMut(Window<'_>) -> Result<(), E>) -> Result<(), E> {
        while let Some(&start) = self.starts.get(self.next) {
            // Samples before `start` are only dropped, so the offset is never negative.
            let offset = (start - self.held_from) as usize;
            let Some(samples) = self.held.get(offset..offset + self.window_len) else { break };
            each(Window { index: self.next, start, samples })?;
            self.next += 1;
        }
        let needed_from = self.starts.get(self.next).copied().unwrap_or(u64::MAX);
        let spent = self.held.len().min((needed_from - self.held_from) as usize);
        // What is left is moved to the front: rarely, so that a sample is moved about once.
        if spent >= self.window_len {
            self.held.drain(..spent);
            self.held_from += spent as u64;
        }
        Ok(())
    }

    /// Hands out the windows that are left, filled up with zeros.
    fn flush<E>(&mut self, each: &mut impl FnMut(Window<'_>) -> Result<(), E>) -> Result<(), E> {
        self.cut(each)?;
        let mut window = vec![0.0; self.window_len];
        while let Some(&start) = self.starts.get(self.next) {
            let offset = self.held.len().min((start - self.held_from) as usize);
            let rest = &self.held[offset..];
            window[..rest.len()].copy_from_slice(rest);
            window[rest.len()..].fill(0.0);
            each(Window { index: self.next, start, samples: &window })?;
            self.next += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The windows of `stream`, pushed in slices, and the most samples that were held.
    fn cut_all(stream: &[f32], window_len: usize, starts: &[u64], slice: usize) -> (Vec<Vec<f32>>, usize) {
        let mut cutter = Cutter::new(1000, 1000, window_len as f64 / 1000.0, starts).unwrap();
        let mut windows = Vec::new();
        let mut most = 0;
        let mut each = |window: Window<'_>| {
            assert_eq!(window.index, windows.len());
            windows.push(window.samples.to_vec());
            Ok::<(), AudioError>(())
        };
        for part in stream.chunks(slice) {
            cutter.held.extend_from_slice(part);
            most = most.max(cutter.held.len());
            cutter.cut(&mut each).unwrap();
        }
        cutter.flush(&mut each).unwrap();
        (windows, most)
    }

    proptest! {
        #[test]
        fn windows_are_slices_of_the_stream(
            len in 0_usize..400, window_len in 1_usize..60, slice in 1_usize..80, mut starts in prop::collection::vec(0_u64..500, 0..30),
        ) {
            starts.sort_unstable();
            let stream: Vec<f32> = (1..=len).map(|i| i as f32).collect();
            let (windows, most) = cut_all(&stream, window_len, &starts, slice);
            let expected: Vec<Vec<f32>> = starts
                .iter()
                .map(|&start| (start as usize..start as usize + window_len).map(|i| stream.get(i).copied().unwrap_or(0.0)).collect())
                .collect();
            prop_assert_eq!(windows, expected);
            prop_assert!(most < 2 * window_len + slice, "held {} samples", most);
        }
    }

    #[test]
    fn starts_move_with_the_rate() {
        let cutter = Cutter::new(22_050, 16_000, 3.0, &[0, 22_050, 33_075, 33_076]).unwrap();
        assert_eq!(cutter.starts, [0, 16_000, 24_000, 24_001]);
        assert_eq!(cutter.window_len, 48_000);
    }

    #[test]
    fn unsorted_starts_are_refused() {
        let message = Cutter::new(8000, 8000, 1.0, &[0, 9, 5]).err().unwrap().to_string();
        assert!(message.contains("window 2") && message.contains("frame 5"), "{message}");
    }
}
