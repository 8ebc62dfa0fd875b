//! How loud a recording is, in one streaming pass.

use super::facts::Facts;

/// Levels over all samples of all channels (not over their mix, in which a clipped or dead channel would hide).
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// Root mean square, dB re full scale (a full-scale square wave has 0, a sine -3.01). None when every sample is 0.
    pub level_dbfs: Option<f64>,
    /// Largest magnitude, dB re full scale. None when every sample is 0.
    pub peak_dbfs: Option<f64>,
    /// Share of samples at the encoding's largest or smallest value, 0 to 1.
    pub clipped_fraction: f64,
    /// Mean of the samples, full scale being 1.
    pub dc_offset: f64,
    /// Channels, counted from 1, whose samples are all one value: nothing was recorded there. All of them where every
    /// sample is 0.
    pub dead_channels: Vec<u16>,
}

/// Gathers [`Levels`] from samples in the order in which they are read.
#[derive(Debug, Clone)]
pub struct LevelMeter {
    clip_at: f32,
    samples: u64,
    clipped: u64,
    peak: f32,
    sum: f64,
    sum_of_squares: f64,
    /// The first sample of each channel, and whether another has followed that differs.
    first: Vec<f32>,
    alive: Vec<bool>,
}

impl LevelMeter {
    /// A meter for a recording, whose encoding decides which value counts as clipped.
    #[must_use]
    pub fn new(facts: &Facts) -> Self {
        Self {
            clip_at: clip_level(&facts.codec, facts.bits_per_sample),
            samples: 0,
            clipped: 0,
            peak: 0.0,
            sum: 0.0,
            sum_of_squares: 0.0,
            first: Vec::new(),
            alive: vec![false; usize::from(facts.channels)],
        }
    }

    /// Takes the next samples, interleaved; how they are cut into slices does not matter.
    pub fn push(&mut self, samples: &[f32]) {
        self.watch(samples);
        self.samples += samples.len() as u64;
        for &sample in samples {
            let magnitude = sample.abs();
            self.peak = self.peak.max(magnitude);
            self.clipped += u64::from(magnitude >= self.clip_at);
            self.sum += f64::from(sample);
            self.sum_of_squares += f64::from(sample) * f64::from(sample);
        }
    }

    /// Looks for a second value in the channels that had only one value so far.
    fn watch(&mut self, samples: &[f32]) {
        if self.alive.iter().all(|&alive| alive) {
            return;
        }
        let channels = self.alive.len();
        let phase = (self.samples % channels as u64) as usize;
        let missing = channels - self.first.len();
        self.first.extend(samples.iter().take(missing));
        for (i, &sample) in samples.iter().enumerate() {
            let channel = (phase + i) % channels;
            self.alive[channel] |= sample != self.first[channel];
        }
    }

    /// The levels of what was pushed.
    #[must_use]
    pub fn levels(&self) -> Levels {
        let n = self.samples.max(1) as f64;
        Levels {
            level_dbfs: (self.sum_of_squares > 0.0).then(|| 10.0 * (self.sum_of_squares / n).log10()),
            peak_dbfs: (self.peak > 0.0).then(|| 20.0 * f64::from(self.peak).log10()),
            clipped_fraction: self.clipped as f64 / n,
            dc_offset: self.sum / n,
            dead_channels: (1..).zip(&self.alive).filter(|(_, alive)| !**alive).map(|(number, _)| number).collect(),
        }
    }
}

/// The magnitude from which on a sample may have been cut off: the encoding's largest positive value.
pub(crate) fn clip_level(codec: &str, bits: u16) -> f32 {
    match codec {
        // ITU-T G.711: the largest values that the two laws expand to, of 32768.
        "pcm_mulaw" => 32_124.0 / 32_768.0,
        "pcm_alaw" => 32_256.0 / 32_768.0,
        _ if codec.starts_with("pcm_f") || bits == 0 => 1.0,
        // Four bits a sample, decoded to 16.
        _ if codec.starts_with("adpcm") => 32_767.0 / 32_768.0,
        _ => (1.0 - (1.0 - f64::from(bits)).exp2()) as f32,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn meter(codec: &str, bits: u16) -> LevelMeter {
        meter_of(codec, bits, 1)
    }

    fn meter_of(codec: &str, bits: u16, channels: u16) -> LevelMeter {
        LevelMeter::new(&Facts {
            codec: codec.to_owned(),
            container: "wav",
            sample_rate_hz: 8000,
            channels,
            bits_per_sample: bits,
            frames: 0,
            declared_frames: None,
            repair: None,
            time_expansion: 1.0,
            header: Default::default(),
        })
    }

    #[test]
    fn sine_is_three_db_under_its_peak() {
        let sine: Vec<f32> = (0..8000).map(|i| 0.5 * (i as f32 * std::f32::consts::TAU / 80.0).sin()).collect();
        let mut meter = meter("pcm_s16le", 16);
        sine.chunks(77).for_each(|part| meter.push(part));
        let levels = meter.levels();
        assert!((levels.peak_dbfs.unwrap() + 6.0206).abs() < 1e-3);
        assert!((levels.level_dbfs.unwrap() + 9.0309).abs() < 1e-3);
        assert!(levels.dc_offset.abs() < 1e-6);
        assert_eq!(levels.clipped_fraction, 0.0);
    }

    #[test]
    fn clipping_is_judged_by_the_encoding() {
        for (codec, bits, top) in [
            ("pcm_s16le", 16, 32_767.0 / 32_768.0),
            ("pcm_u8", 8, 127.0 / 128.0),
            ("flac", 24, 8_388_607.0 / 8_388_608.0),
            ("pcm_f32le", 32, 1.0),
            ("mp3", 0, 1.0),
            ("adpcm_ms", 4, 32_767.0 / 32_768.0),
        ] {
            let mut meter = meter(codec, bits);
            meter.push(&[top, -1.0, 0.98 * top, 0.0]);
            assert_eq!(meter.levels().clipped_fraction, 0.5, "{codec} {bits}");
        }
    }

    #[test]
    fn silence_has_no_level() {
        let mut meter = meter("pcm_s16le", 16);
        meter.push(&[0.0; 10]);
        let levels = meter.levels();
        assert_eq!((levels.level_dbfs, levels.peak_dbfs, levels.dc_offset), (None, None, 0.0));
    }

    #[test]
    fn channels_of_one_value_are_dead() {
        let mut meter = meter_of("pcm_s16le", 16, 3);
        // Cut within frames: channel 1 varies late, 2 is silent, 3 stuck at a value.
        for part in [[0.1, 0.0].as_slice(), &[0.7, 0.1], &[0.0, 0.7, 0.2, 0.0, 0.7]] {
            meter.push(part);
        }
        assert_eq!(meter.levels().dead_channels, [2, 3]);
        meter.push(&[0.2, 0.5, 0.7]);
        assert_eq!(meter.levels().dead_channels, [3]);
        let mut silent = meter_of("pcm_s16le", 16, 2);
        silent.push(&[0.0; 10]);
        assert_eq!(silent.levels().dead_channels, [1, 2]);
    }

    #[test]
    fn offset_is_the_mean() {
        let mut meter = meter("pcm_f32le", 32);
        meter.push(&[0.25, 0.75]);
        assert_eq!(meter.levels().dc_offset, 0.5);
    }
}
