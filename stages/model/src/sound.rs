//! Variations of a window's sound, on decibels, before they are normalised: its level, and other sound beneath it.
//!
//! Sound adds up as power. So a background is added to the powers behind the decibels, and a change of level is a sum of decibels that
//! leaves the floor of -100 dB where it is: what was silent stays silent.

use chorus_keys::Keys;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use crate::Result;
#[cfg(feature = "torch")]
use crate::device;
use crate::error::check;

/// The level of silence, `10 log10(1e-10)`.
#[cfg(feature = "torch")]
const FLOOR_DB: f64 = -100.0;
/// A decibel in natural logarithms of power.
#[cfg(feature = "torch")]
const DECIBEL: f64 = std::f64::consts::LN_10 / 10.0;

/// Options of the variations of level and background; zeros switch a part off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct SoundOptions {
    /// Gain augmentation: each training window gets a random gain of at most this, up or down. Silence stays silent.
    #[key(unit = "dB", default = "0", range = 0.0..=100.0, example = "6")]
    pub gain_db: f64,
    /// Share of training windows to which another window of the training set is added as background, one without any class.
    #[key(default = "0", range = 0.0..=1.0, example = "0.5")]
    pub background_probability: f64,
    /// Lowest and highest gain of that background, relative to its recorded level.
    #[key(unit = "dB", default = "[-10, 0]", range = -100.0..=100.0)]
    pub background_gain_db: [f64; 2],
}

impl SoundOptions {
    /// Refuses a lowest gain above the highest.
    ///
    /// # Errors
    /// [`crate::Error::Option`], which names the option.
    pub(crate) fn check_order(&self) -> Result<()> {
        let [low, high] = self.background_gain_db;
        check(low <= high, "background_gain_db", "the lower gain first", format!("{low}, {high}"))
    }
}

/// What is done to the sound of one batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sound {
    /// Decibels to add to each example `[batch]`; empty for none.
    gains: Vec<f32>,
    /// The examples that get a background.
    examples: Vec<i64>,
    /// For each of them: the row of the dataset that is laid under it.
    rows: Vec<usize>,
    /// And its decibels.
    levels: Vec<f32>,
}

impl Sound {
    /// Draws for a batch of `batch` examples; `quiet` are the rows in which nothing calls.
    pub fn draw(options: &SoundOptions, rng: &mut ChaCha8Rng, batch: usize, quiet: &[usize]) -> Self {
        let mut drawn = Self::default();
        let [low, high] = options.background_gain_db;
        for example in 0..batch {
            if options.gain_db > 0.0 {
                drawn.gains.push(rng.random_range(-options.gain_db..=options.gain_db) as f32);
            }
            if options.background_probability > 0.0 && !quiet.is_empty() && rng.random_bool(options.background_probability) {
                drawn.examples.push(example as i64);
                drawn.rows.push(quiet[rng.random_range(0..quiet.len())]);
                drawn.levels.push(rng.random_range(low..=high) as f32);
            }
        }
        drawn
    }

    /// The rows to read for the backgrounds.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }
}

#[cfg(feature = "torch")]
impl Sound {
    /// Lays the backgrounds `[background, channel, mel, frame]` under their examples and changes levels, all in decibels.
    ///
    /// # Errors
    /// A batch, or backgrounds, of another number than drawn for.
    pub fn apply(&self, features: Tensor, background: Option<&Tensor>) -> Result<Tensor> {
        let device = features.device();
        let decibels = |values: &[f32]| -> Result<Tensor> {
            device::send(&Tensor::f_from_slice(values)?.f_to_kind(features.kind())?.f_view([-1, 1, 1, 1])?, device)
        };
        let mut features = features.shallow_clone();
        if let Some(background) = background {
            let levels = decibels(&self.levels)?;
            let under = background.f_add(&levels)?.f_mul_scalar(DECIBEL)?;
            let examples = device::send(&Tensor::f_from_slice(&self.examples)?, device)?;
            let sum = features.f_index_select(0, &examples)?.f_mul_scalar(DECIBEL)?.f_logaddexp(&under)?;
            features = features.f_index_copy(0, &examples, &sum.f_mul_scalar(1.0 / DECIBEL)?)?;
        }
        if !self.gains.is_empty() {
            let gains = decibels(&self.gains)?;
            let silent = features.f_le(FLOOR_DB)?;
            features = features.f_add(&gains)?.f_clamp_min(FLOOR_DB)?.f_masked_fill(&silent, FLOOR_DB)?;
        }
        Ok(features)
    }
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    fn drawn(options: &SoundOptions, step: usize) -> Sound {
        Sound::draw(options, &mut stream(1, Purpose::Background, 0, step), 400, &[7, 9])
    }

    #[test]
    fn levels_change_each_window_by_its_own_and_silence_stays() {
        let sound = drawn(&SoundOptions { gain_db: 12.0, ..SoundOptions::default() }, 0);
        let features = Tensor::from_slice(&[-100f32, -95.0, -40.0, 3.0]).view([1, 1, 2, 2]).repeat([400, 1, 1, 1]);
        let louder = sound.apply(features, None).unwrap();
        let mut sum = 0.0;
        for (row, &gain) in sound.gains.iter().enumerate() {
            let values: Vec<f32> = louder.get(row as i64).view(-1).try_into().unwrap();
            let expected = [-100.0, (-95.0 + gain).max(-100.0), -40.0 + gain, 3.0 + gain];
            assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{values:?} {gain}");
            assert!(gain.abs() <= 12.0);
            sum += f64::from(gain);
        }
        assert!((sum / 400.0).abs() < 1.5, "{sum}");
        assert!(sound.rows().is_empty());
    }

    #[test]
    fn backgrounds_add_up_as_power() {
        let options = SoundOptions { background_probability: 0.25, background_gain_db: [-6.0, -3.0], ..SoundOptions::default() };
        let sound = drawn(&options, 0);
        assert!((70..130).contains(&sound.rows().len()), "{}", sound.rows().len());
        assert!(sound.rows().contains(&7) && sound.rows().contains(&9));
        let features = Tensor::full([400, 1, 1, 1], -40.0, tch::kind::FLOAT_CPU);
        let background = Tensor::full([sound.rows().len() as i64, 1, 1, 1], -38.0, tch::kind::FLOAT_CPU);
        let mixed: Vec<f32> = sound.apply(features, Some(&background)).unwrap().view(-1).try_into().unwrap();
        let mut levels = sound.examples.iter().zip(&sound.levels).peekable();
        for (row, &value) in mixed.iter().enumerate() {
            let level = levels.next_if(|(example, _)| **example == row as i64).map(|(_, level)| *level);
            let power = level.map_or(0.0, |level| 10f64.powf((-38.0 + f64::from(level)) / 10.0));
            let expected = 10.0 * (10f64.powf(-4.0) + power).log10();
            assert!((f64::from(value) - expected).abs() < 1e-4, "{row}: {value} {expected}");
            assert!(level.is_none_or(|level| (-6.0..=-3.0).contains(&level)));
        }
    }

    #[test]
    fn none_draws_nothing_and_without_quiet_windows_there_is_no_background() {
        assert_eq!(drawn(&SoundOptions::default(), 0), Sound::default());
        let options = SoundOptions { background_probability: 1.0, ..SoundOptions::default() };
        assert_eq!(Sound::draw(&options, &mut stream(1, Purpose::Background, 0, 0), 9, &[]), Sound::default());
        assert!(SoundOptions { background_gain_db: [0.0, -1.0], ..SoundOptions::default() }.check_order().is_err());
    }
}
