//! A piece of a recording to listen to and to look at: what `chorus clips` and the report are made of.
//!
//! - [`audio`]: spans of a recording as samples, and samples as a WAV file. [`picture`]: samples as a spectrogram.
//!
//! What is heard is what the model heard: one channel, the mean of those that are not dead, or the one that `archive.channel` chooses.

mod audio;
mod error;
mod picture;

use std::ops::Range;

use chorus_archive::Archive;
use chorus_audio::container::channels;
use chorus_audio::error::AudioError;

pub(crate) use error::ClipError;
pub(crate) use picture::{Extent, marks};

/// Clips of one recording that are cut in one pass over it, and so are in memory at a time.
pub(crate) const AT_ONCE: usize = 16;
/// Bytes of samples that all threads together hold at a time: minutes of an ultrasonic recording.
const MOST_BYTES: f64 = (1_u64 << 30) as f64;

/// How many clips of up to `longest_s` seconds one of `threads` threads cuts in one pass over a recording: 16, and fewer at high rates.
pub(crate) fn at_once(rate_hz: u32, longest_s: f64, threads: usize) -> usize {
    let bytes = f64::from(rate_hz) * longest_s * size_of::<f32>() as f64;
    let fit = MOST_BYTES / threads.max(1) as f64 / bytes.max(1.0);
    (fit as usize).clamp(1, AT_ONCE)
}

/// How clips are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Making {
    /// The channels that are heard.
    pub(crate) choice: channels::Choice,
    /// Seconds before and after the event.
    pub(crate) context_s: f64,
    /// How large pictures are.
    pub(crate) extent: Extent,
}

/// A piece of a recording around an event.
pub(crate) struct Clip {
    /// 16 bits, one channel, the recording's own rate.
    pub(crate) wav: Vec<u8>,
    /// The spectrogram, a PNG file.
    pub(crate) png: Vec<u8>,
    /// Width of the picture, pixels.
    pub(crate) width: usize,
    /// Height of the picture, pixels.
    pub(crate) height: usize,
    /// Where it begins in the recording, seconds.
    pub(crate) begins_s: f64,
    /// Its length, seconds.
    pub(crate) length_s: f64,
    /// Frames a second.
    pub(crate) rate_hz: u32,
}

/// Clips of events of one recording of an archive, in their order, from one pass over it; `events` are seconds of the recording. Memory
/// grows with the clips, not with the recording.
///
/// # Errors
/// Those of decoding. Of each clip: [`ClipError::Unfit`] where the recording ends before, or so soon that nothing can be drawn.
pub(crate) fn clips(
    archive: &dyn Archive,
    path: &str,
    events: &[Range<f64>],
    dead: Option<&str>,
    making: Making,
) -> Result<Vec<Result<Clip, ClipError>>, AudioError> {
    let context_s = making.context_s;
    let spans: Vec<Range<f64>> = events.iter().map(|e| (e.start - context_s).max(0.0)..e.end + context_s).collect();
    let audio::Cuttings { rate_hz, samples } = audio::cut(archive, path, &spans, making.choice, dead)?;
    let clip = |((event, span), samples): ((&Range<f64>, &Range<f64>), Vec<f32>)| {
        let within = event.start - span.start..event.end - span.start;
        let picture = picture::picture(&samples, rate_hz, &within, making.extent)?;
        Ok(Clip {
            wav: audio::wav(&samples, rate_hz)?,
            png: picture.png,
            width: picture.width,
            height: picture.height,
            begins_s: span.start,
            length_s: samples.len() as f64 / f64::from(rate_hz),
            rate_hz,
        })
    };
    Ok(events.iter().zip(&spans).zip(samples).map(clip).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A WAV file of a tone.
    pub(crate) fn tone(hz: f64, seconds: f64, rate_hz: u32) -> Vec<u8> {
        let sample = |i: usize| (i as f64 / f64::from(rate_hz) * hz * std::f64::consts::TAU).sin() as f32 * 0.5;
        audio::wav(&(0..(seconds * f64::from(rate_hz)) as usize).map(sample).collect::<Vec<_>>(), rate_hz).unwrap()
    }

    #[test]
    fn clips_at_high_rates_are_cut_few_at_a_time() {
        assert_eq!((at_once(48_000, 34.0, 2), at_once(48_000, 34.0, 64)), (16, 2));
        // With a minute before and after, on 64 threads.
        assert_eq!((at_once(384_000, 34.0, 2), at_once(384_000, 150.0, 64), at_once(0, 0.0, 0)), (10, 1, 16));
    }

    #[test]
    fn clips_of_a_recording_begin_before_their_events_and_one_behind_its_end_is_none() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.wav"), tone(1000.0, 10.0, 8000)).unwrap();
        let archive = chorus_archive::Local::new(dir.path());
        let making = Making { choice: channels::Choice::Mix, context_s: 1.0, extent: Extent::SHEET };
        let found = clips(&archive, "a.wav", &[0.5..2.0, 9.0..12.0, 60.0..63.0], None, making).unwrap();
        let spans: Vec<_> = found.iter().map(|clip| clip.as_ref().ok().map(|clip| (clip.begins_s, clip.length_s))).collect();
        assert_eq!(spans, [Some((0.0, 3.0)), Some((8.0, 2.0)), None]);
        assert!(matches!(found[2], Err(ClipError::Unfit { samples: 0, .. })));
    }
}
