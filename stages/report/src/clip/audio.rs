//! Spans of a recording as samples, from one pass over it.

use std::io::Cursor;
use std::ops::Range;

use chorus_archive::Archive;
use chorus_audio::container::channels::{self, mix_to_mono};
use chorus_audio::container::open;
use chorus_audio::error::AudioError;

use super::error::ClipError;

/// Frames that are read at a time.
const READ_FRAMES: usize = 16_384;

/// Mono samples of some spans of a recording.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cuttings {
    /// The recording's own rate, Hz.
    pub(super) rate_hz: u32,
    /// For each span its samples; shorter where the recording ends before.
    pub(super) samples: Vec<Vec<f32>>,
}

/// Cuts spans, in seconds, out of a recording, heard as `choice` and the dead channels make the model hear it.
///
/// # Errors
/// Those of decoding.
pub(super) fn cut(
    archive: &dyn Archive,
    path: &str,
    spans: &[Range<f64>],
    choice: channels::Choice,
    dead: Option<&str>,
) -> Result<Cuttings, AudioError> {
    let mut reader = open(archive, path)?;
    let (rate_hz, all) = (reader.facts().sample_rate_hz, reader.facts().channels);
    let heard = choice.of(all, &channels::numbers(dead));
    let frame = |seconds: f64| (seconds.max(0.0) * f64::from(rate_hz)).round() as u64;
    let wanted: Vec<Range<u64>> = spans.iter().map(|span| frame(span.start)..frame(span.end)).collect();
    let last = wanted.iter().map(|span| span.end).max().unwrap_or(0);
    let mut samples = vec![Vec::new(); wanted.len()];
    let (mut at, mut frames, mut mono) = (0, Vec::new(), Vec::new());
    while at < last {
        let read = reader.read(READ_FRAMES, &mut frames)? as u64;
        if read == 0 {
            break;
        }
        mix_to_mono(&frames, all, &heard, &mut mono);
        for (span, own) in wanted.iter().zip(&mut samples) {
            let (from, to) = (span.start.max(at), span.end.min(at + read));
            if from < to {
                own.extend_from_slice(&mono[(from - at) as usize..(to - at) as usize]);
            }
        }
        at += read;
    }
    Ok(Cuttings { rate_hz, samples })
}

/// A WAV file of 16 bits and one channel.
///
/// # Errors
/// [`ClipError::Unfit`] when the samples fit no WAV file.
pub(super) fn wav(samples: &[f32], rate_hz: u32) -> Result<Vec<u8>, ClipError> {
    let failed = |e: hound::Error| ClipError::Unfit { samples: samples.len(), found: e.to_string() };
    let spec = hound::WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(failed)?;
    for sample in samples {
        // Full scale is 1 - 2^-15 to integers of 16 bits.
        let value = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
        writer.write_sample(value).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_cut_to_the_frame_and_end_with_the_recording() {
        let dir = tempfile::tempdir().unwrap();
        // More frames than are read at a time; each tells its position.
        let ramp: Vec<f32> = (0..40_000).map(|i| (i % 30_000) as f32 / 32_768.0).collect();
        std::fs::write(dir.path().join("a.wav"), wav(&ramp, 8000).unwrap()).unwrap();
        let archive = chorus_archive::Local::new(dir.path());
        let spans = [1.0..1.5, 0.0..0.001, 2.0..2.1, 4.9..9.0, 7.0..8.0];
        let found = cut(&archive, "a.wav", &spans, channels::Choice::Mix, None).unwrap();
        assert_eq!(found.rate_hz, 8000);
        assert_eq!(found.samples[0], ramp[8000..12_000]);
        assert_eq!(found.samples[1], ramp[..8]);
        assert_eq!(found.samples[2], ramp[16_000..16_800]);
        assert_eq!(found.samples[3], ramp[39_200..]);
        assert!(found.samples[4].is_empty());
        assert!(cut(&archive, "none.wav", &spans, channels::Choice::Mix, None).is_err());
    }
}
