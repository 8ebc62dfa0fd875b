//! Which windows are worth learning from without labels: those with sound above the background, spread over sites and hours.

use std::collections::BTreeMap;
use std::ops::Range;

use half::f16;

/// How much a window's spectrogram rises above its mean, in decibels: the mean over some mel bands of the loudest frame less the mean over
/// all frames. Steady noise, however loud, has little of it. `values` are little-endian float16 `[mel, frame]`.
pub(crate) fn activity(values: &[u8], [mels, frames]: [i64; 2], bands: &Range<usize>) -> f32 {
    let (mels, frames) = (mels as usize, frames as usize);
    let bands = bands.start.min(mels.saturating_sub(1))..bands.end.min(mels);
    let number = bands.len().max(1) as f32;
    let of_band = |band: usize| {
        let row = &values[2 * band * frames..2 * (band + 1) * frames];
        let (mut sum, mut peak) = (0.0, f32::NEG_INFINITY);
        for pair in row.chunks_exact(2) {
            let value = f16::from_le_bytes([pair[0], pair[1]]).to_f32();
            sum += value;
            peak = peak.max(value);
        }
        peak - sum / frames as f32
    };
    bands.map(of_band).sum::<f32>() / number
}

/// The places of at most `most` windows: round by round the most active one that is left of each stratum, such as a site and an hour.
pub(crate) fn spread(windows: &[(String, f32)], most: usize) -> Vec<usize> {
    let mut strata: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, (stratum, _)) in windows.iter().enumerate() {
        strata.entry(stratum).or_default().push(place);
    }
    for places in strata.values_mut() {
        // The last is the first to be taken; of equal ones, the earlier.
        places.sort_by(|&a, &b| windows[a].1.total_cmp(&windows[b].1).then(b.cmp(&a)));
    }
    let mut taken = Vec::with_capacity(most.min(windows.len()));
    while taken.len() < most.min(windows.len()) {
        for places in strata.values_mut() {
            if taken.len() < most {
                taken.extend(places.pop());
            }
        }
    }
    taken.sort_unstable();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_and_steady_noise_does_not() {
        let window = |value: &dyn Fn(usize, usize) -> f32| -> Vec<u8> {
            (0..4)
                .flat_map(|band| (0..10).map(move |frame| (band, frame)))
                .flat_map(|(b, f)| f16::from_f32(value(b, f)).to_le_bytes())
                .collect()
        };
        let shape = [4, 10];
        assert_eq!(activity(&window(&|_, _| -20.0), shape, &(0..4)), 0.0);
        let call = window(&|band, frame| if band == 2 && frame == 5 { -40.0 } else { -80.0 });
        assert_eq!(activity(&call, shape, &(2..3)), 36.0);
        assert_eq!(activity(&call, shape, &(0..4)), 9.0);
        assert_eq!(activity(&call, shape, &(0..2)), 0.0, "it lies in another band");
    }

    #[test]
    fn every_stratum_gives_its_most_active_windows() {
        let windows: Vec<(String, f32)> =
            [("a", 1.0), ("a", 5.0), ("a", 3.0), ("b", 0.1), ("c", 2.0), ("c", 2.0)].map(|(s, v)| (s.to_owned(), v)).into();
        assert_eq!(spread(&windows, 3), [1, 3, 4]);
        assert_eq!(spread(&windows, 5), [1, 2, 3, 4, 5]);
        assert_eq!(spread(&windows, 100), [0, 1, 2, 3, 4, 5]);
        assert_eq!(spread(&[], 3), [0usize; 0]);
    }
}
