//! Circular time roll, frequency masks and time masks (SpecAugment, Park et al. 2019), drawn for each example alone.
//!
//! Rolls and masks are worked out on the host as small tables, `[batch, mel]` and `[batch, frame]`, and applied by one
//! gather and two products, whatever the number of masks.

use chorus_keys::Keys;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

#[cfg(feature = "torch")]
use crate::{Result, device};

/// Options of rolls and masks; zeros switch a part off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct AugmentOptions {
    /// Roll each training window in time by a random number of frames.
    #[key(default = "true")]
    pub time_roll: bool,
    /// Number of frequency masks of each training window (SpecAugment, Park et al. 2019).
    #[key(unit = "masks", default = "3", range = 0..=64)]
    pub frequency_masks: usize,
    /// Largest width of a frequency mask.
    #[key(unit = "bands", default = "10", range = 0..=1024)]
    pub frequency_mask_bands: usize,
    /// Number of time masks of each training window.
    #[key(unit = "masks", default = "6", range = 0..=64)]
    pub time_masks: usize,
    /// Largest width of a time mask.
    #[key(unit = "frames", default = "30", range = 0..=65_536)]
    pub time_mask_frames: usize,
}

impl AugmentOptions {
    /// No roll and no masks.
    pub const NONE: Self =
        Self { time_roll: false, frequency_masks: 0, frequency_mask_bands: 0, time_masks: 0, time_mask_frames: 0 };

    /// Whether there is no roll and no mask, however wide masks might be.
    pub fn is_none(&self) -> bool {
        !self.time_roll && self.frequency_masks == 0 && self.time_masks == 0
    }
}

/// What is done to one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// Frames by which each example moves later, `[batch]`.
    shifts: Vec<usize>,
    /// 1 for bands that stay and 0 for masked ones, `[batch, mel]`.
    bands: Vec<f32>,
    /// The same for frames, `[batch, frame]`, after the roll.
    frames: Vec<f32>,
}

impl Augmentation {
    /// Draws for a batch of `[batch, channel, mels, frames]`.
    pub fn draw(options: &AugmentOptions, rng: &mut ChaCha8Rng, batch: usize, mels: usize, frames: usize) -> Self {
        let mut drawn = Self {
            shifts: Vec::with_capacity(batch),
            bands: Vec::with_capacity(batch * mels),
            frames: Vec::with_capacity(batch * frames),
        };
        for _ in 0..batch {
            drawn.shifts.push(if options.time_roll { rng.random_range(0..frames) } else { 0 });
            drawn.bands.extend(kept(rng, mels, options.frequency_masks, options.frequency_mask_bands));
            drawn.frames.extend(kept(rng, frames, options.time_masks, options.time_mask_frames));
        }
        drawn
    }
}

#[cfg(feature = "torch")]
impl Augmentation {
    /// Rolls, then masks with 0, the minimum of normalised clips `[batch, channel, mel, frame]`.
    ///
    /// # Errors
    /// A batch of another shape than drawn for.
    pub fn apply(&self, clips: &Tensor) -> Result<Tensor> {
        let batch = self.shifts.len() as i64;
        let frames = self.frames.len() / self.shifts.len();
        let table = |values: &[f32]| device::send(&Tensor::f_from_slice(values)?.f_to_kind(clips.kind())?, clips.device());
        let sources: Vec<i64> = (self.shifts.iter())
            .flat_map(|shift| (0..frames).map(move |frame| ((frame + frames - shift) % frames) as i64))
            .collect();
        let sources = device::send(&Tensor::f_from_slice(&sources)?.f_view([batch, 1, 1, -1])?, clips.device())?;
        let rolled = clips.f_gather(3, &sources.f_expand_as(clips)?, false)?;
        let bands = table(&self.bands)?.f_view([batch, 1, -1, 1])?;
        let kept_frames = table(&self.frames)?.f_view([batch, 1, 1, -1])?;
        Ok(rolled.f_mul(&bands)?.f_mul(&kept_frames)?)
    }
}

/// Ones, with `masks` stretches of 0 to `widest` zeros at uniform places.
fn kept(rng: &mut ChaCha8Rng, length: usize, masks: usize, widest: usize) -> Vec<f32> {
    let mut kept = vec![1.0; length];
    for _ in 0..masks {
        let width = rng.random_range(0..=widest.min(length));
        let start = rng.random_range(0..=length - width);
        kept[start..start + width].fill(0.0);
    }
    kept
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    const SHAPE: [i64; 4] = [40, 1, 16, 50];

    fn clips() -> Tensor {
        let n: i64 = SHAPE.iter().product();
        Tensor::arange(n, tch::kind::FLOAT_CPU).view(SHAPE) + 1.0
    }

    fn drawn(options: &AugmentOptions, step: usize) -> Augmentation {
        Augmentation::draw(options, &mut stream(1, Purpose::Augmentation, 0, step), 40, 16, 50)
    }

    fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
        tensor.view([-1, SHAPE[3]]).try_into().unwrap()
    }

    #[test]
    fn a_roll_moves_each_clip_in_a_circle_by_its_own_shift() {
        let options = AugmentOptions { time_roll: true, ..AugmentOptions::NONE };
        let augmentation = drawn(&options, 0);
        let rolled = rows(&augmentation.apply(&clips()).unwrap());
        for (index, (before, after)) in rows(&clips()).into_iter().zip(rolled).enumerate() {
            let mut expected = before;
            expected.rotate_right(augmentation.shifts[index / 16]);
            assert_eq!(after, expected);
        }
        let mut shifts = augmentation.shifts;
        shifts.sort_unstable();
        shifts.dedup();
        assert!(shifts.len() > 20, "{shifts:?}");
    }

    #[test]
    fn masks_blank_whole_bands_and_frames_and_no_more_than_allowed() {
        let options =
            AugmentOptions { time_roll: false, frequency_masks: 2, frequency_mask_bands: 3, time_masks: 3, time_mask_frames: 5 };
        let masked = drawn(&options, 1).apply(&clips()).unwrap();
        let blank = masked.eq(0.0).to_kind(tch::Kind::Float);
        assert_eq!(masked, clips() * (1.0 - &blank));
        let mean = |dim: i64| Vec::<f32>::try_from(blank.mean_dim([dim].as_slice(), false, tch::Kind::Float).view(-1)).unwrap();
        let bands = mean(3).into_iter().filter(|&share| share == 1.0).count();
        let frames = mean(2).into_iter().filter(|&share| share == 1.0).count();
        assert!((1..=40 * 6).contains(&bands) && (1..=40 * 15).contains(&frames), "{bands} {frames}");
        // Expected by the uniform widths: fewer than 2 * 1.5 bands and 3 * 2.5 frames, as masks overlap.
        assert!(bands > 40 * 2 && bands < 40 * 3 && frames > 40 * 5 && frames < 40 * 8, "{bands} {frames}");
    }

    #[test]
    fn the_same_key_draws_the_same_and_none_changes_nothing() {
        assert_eq!(drawn(&AugmentOptions::default(), 2), drawn(&AugmentOptions::default(), 2));
        assert_ne!(drawn(&AugmentOptions::default(), 2), drawn(&AugmentOptions::default(), 3));
        assert_eq!(drawn(&AugmentOptions::NONE, 2).apply(&clips()).unwrap(), clips());
    }

    #[test]
    fn masks_wider_than_the_clip_are_cut() {
        let options = AugmentOptions { time_masks: 1, time_mask_frames: 500, ..AugmentOptions::NONE };
        assert_eq!(drawn(&options, 0).apply(&clips()).unwrap().size(), SHAPE);
    }
}
