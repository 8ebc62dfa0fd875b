//! Normalised difference soundscape index.
//!
//! Kasten et al. (2012) compare the power from 2 to 8 kHz with that from 1 to 2 kHz. scikit-maad cuts the spectrum into bands as wide
//! as that of anthrophony, and takes for each side the bands whose lower edges are nearest to its two edges and all between, both
//! included. With its default edges the band from 1 to 2 kHz counts on both sides, and the power below 1 kHz, most of which is wind, on
//! the side of people. We follow it, so that values can be compared; `anthrophony_hz: [1000, 2000]` and `biophony_hz: [2000, 8000]`
//! come nearer to the paper.

use super::super::spectrogram::nearest;
use super::index::{Index, Minute};

pub(super) struct Ndsi;

impl Index for Ndsi {
    fn name(&self) -> &'static str {
        "ndsi"
    }

    fn definition(&self) -> &'static str {
        "normalised difference soundscape index: (b - n) / (b + n), of the powers b in the bands of `biophony_hz` and n in those of `anthrophony_hz`. Bands are as wide as `anthrophony_hz` and begin at 0 Hz; each side takes those whose lower edges are nearest to its edges, and all between"
    }

    fn source(&self) -> &'static str {
        "Kasten et al. 2012, doi 10.1016/j.ecoinf.2012.08.001; `soundscape_index`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        let (spectrogram, settings) = (minute.spectrogram, minute.settings);
        let (people, animals) = (settings.anthrophony_hz, settings.biophony_hz);
        let (width, step) = (people[1] - people[0], spectrogram.step_hz());
        if people[1].max(animals[1]) > spectrogram.nyquist_hz() || width < step {
            return None;
        }
        // The mean power of the bins of each band. Only ratios count, so the number of bins and frames does not.
        let mut bands: Vec<(f64, u32)> = Vec::new();
        for (bin, power) in spectrogram.power_sums().iter().enumerate() {
            let band = (bin as f64 * step / width).floor() as usize;
            bands.resize(bands.len().max(band + 1), (0.0, 0));
            bands[band].0 += power;
            bands[band].1 += 1;
        }
        let powers: Vec<f64> = bands.iter().map(|(sum, bins)| sum / f64::from((*bins).max(1))).collect();
        let side = |[low, high]: [f64; 2]| -> f64 {
            let edge = |hz: f64| nearest(hz, width, powers.len());
            powers[edge(low)..=edge(high)].iter().sum()
        };
        let (of_animals, of_people) = (side(animals), side(people));
        let sum = of_animals + of_people;
        (sum > 0.0).then(|| (of_animals - of_people) / sum)
    }
}
