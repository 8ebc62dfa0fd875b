//! From the samples of a recording to what is told of each of its minutes.

use super::bands::{self, NOMINAL_HZ, Spectrum};
use super::indices::INDICES;
use super::indices::index::Minute;
use super::levels::{Levels, decibels};
use super::settings::SoundscapeSettings;
use super::spectrogram::Spectrogram;
use super::weather::{Weather, weather};
use crate::dsp::powers::FramePowers;

/// Samples of a piece of the envelope, as in scikit-maad.
const ENVELOPE_SAMPLES: usize = 512;

/// What is told of a minute. Levels are in dBFS; `None` where nothing can be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measures {
    /// Its length in frames of the recording.
    pub(super) frames: u64,
    /// Equivalent continuous level.
    pub(super) level: Option<f64>,
    /// Largest magnitude.
    pub(super) peak: Option<f64>,
    /// Levels that are exceeded in 10, 50 and 90 % of the time.
    pub(super) exceeded: [Option<f64>; 3],
    /// Share of the time in which nothing was recorded.
    pub(super) silent: f64,
    /// Share of the samples at full scale.
    pub(super) clipped: f64,
    /// Signs of rain and wind.
    pub(super) weather: Weather,
    /// One for each of [`INDICES`].
    pub(super) indices: Vec<Option<f64>>,
    /// Levels of the third-octave bands.
    pub(super) bands: [Option<f64>; NOMINAL_HZ.len()],
}

/// Measures one minute after the other. How the samples are cut into slices changes nothing.
///
/// Memory: the amplitudes of one minute's spectrogram, 4 bytes each. With the defaults that is 5 MB at 22.05 kHz and 92 MB at 384 kHz,
/// however long the recording is.
pub(super) struct Meter<'a> {
    settings: &'a SoundscapeSettings,
    frames: u64,
    /// The first sample. All others are taken relative to it, so that an offset costs no precision and one value throughout is 0.
    first: f32,
    peak: f32,
    clipped: f64,
    levels: Levels,
    envelope: Envelope,
    short: FramePowers,
    spectrogram: Spectrogram,
    long: FramePowers,
    spectrum: Spectrum,
    relative: Vec<f64>,
}

impl<'a> Meter<'a> {
    /// A meter for a recording of this sample rate.
    pub(super) fn new(settings: &'a SoundscapeSettings, rate_hz: u32) -> Self {
        let length = bands::frame_length(rate_hz);
        Self {
            settings,
            frames: 0,
            first: 0.0,
            peak: 0.0,
            clipped: 0.0,
            levels: Levels::new(rate_hz),
            envelope: Envelope::default(),
            short: FramePowers::new(settings.window_length, settings.hop_length),
            spectrogram: Spectrogram::new(settings.window_length, rate_hz),
            long: FramePowers::new(length, length / 2),
            spectrum: Spectrum::new(length, rate_hz),
            relative: Vec::new(),
        }
    }

    /// Frames of the present minute.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes the next samples of the downmix. `clipped` is the share of the samples of all channels heard that are at full scale, times
    /// the number of frames.
    pub(super) fn push(&mut self, mono: &[f32], clipped: f64) {
        if self.frames == 0 {
            self.first = mono.first().copied().unwrap_or_default();
        }
        self.frames += mono.len() as u64;
        self.clipped += clipped;
        self.peak = mono.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
        let first = f64::from(self.first);
        self.relative.clear();
        self.relative.extend(mono.iter().map(|sample| f64::from(*sample) - first));
        self.levels.push(&self.relative);
        self.envelope.push(&self.relative);
        let (spectrogram, spectrum) = (&mut self.spectrogram, &mut self.spectrum);
        self.short.push(&self.relative, |powers| spectrogram.push(powers));
        self.long.push(&self.relative, |powers| spectrum.push(powers));
    }

    /// What is told of the present minute; the next sample begins another one.
    pub(super) fn finish(&mut self) -> Measures {
        let levels = self.levels.found();
        let envelope = self.envelope.around(levels.mean);
        let minute = Minute { spectrogram: &self.spectrogram, envelope: &envelope, settings: self.settings };
        let measures = Measures {
            frames: self.frames,
            level: levels.level,
            peak: decibels(f64::from(self.peak).powi(2)),
            exceeded: levels.exceeded,
            silent: levels.silent,
            clipped: (self.clipped / self.frames.max(1) as f64).min(1.0),
            weather: weather(&self.spectrum, &levels, self.settings),
            indices: INDICES.iter().map(|index| index.of(&minute)).collect(),
            bands: self.spectrum.third_octaves().map(|power| power.and_then(decibels)),
        };
        (self.frames, self.peak, self.clipped) = (0, 0.0, 0.0);
        self.levels.clear();
        self.envelope = Envelope::default();
        self.spectrogram.clear();
        self.spectrum.clear();
        self.short.restart();
        self.long.restart();
        measures
    }
}

/// The lowest and the highest sample of each piece of [`ENVELOPE_SAMPLES`].
#[derive(Debug, Default)]
struct Envelope {
    pieces: Vec<(f64, f64)>,
    samples: usize,
    current: Option<(f64, f64)>,
}

impl Envelope {
    fn push(&mut self, samples: &[f64]) {
        for &sample in samples {
            let (low, high) = self.current.unwrap_or((sample, sample));
            let piece = (low.min(sample), high.max(sample));
            self.current = Some(piece);
            self.samples += 1;
            if self.samples == ENVELOPE_SAMPLES {
                self.pieces.push(piece);
                (self.samples, self.current) = (0, None);
            }
        }
    }

    /// The largest distance from `mean` in each whole piece.
    fn around(&self, mean: f64) -> Vec<f64> {
        self.pieces.iter().map(|(low, high)| (mean - low).max(high - mean)).collect()
    }
}
