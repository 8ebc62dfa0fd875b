//! What ADI and AEI have in common: how much of each band is loud.

use super::index::Minute;

/// The share of the cells of each band that are at least as loud as the threshold, relative to the loudest cell of all; `None` where
/// the bands were not all recorded, and where no cell in them is so loud.
///
/// A band reaches from the bin nearest to its lower edge to the one nearest to its upper edge, both included, as in scikit-maad: so
/// neighbours share a bin.
pub(super) fn shares(minute: &Minute<'_>) -> Option<Vec<f64>> {
    let (spectrogram, settings) = (minute.spectrogram, minute.settings);
    let ([low, high], step) = (settings.diversity_hz(), settings.diversity_step_hz);
    if high > spectrogram.nyquist_hz() || low >= high {
        return None;
    }
    let loudest = spectrogram.amplitudes().flatten().copied().fold(0.0f32, f32::max);
    let threshold = f64::from(loudest) * 10f64.powf(settings.diversity_threshold_db / 20.0);
    // How many cells of each bin are loud.
    let mut loud = vec![0u64; spectrogram.bins()];
    for frame in spectrogram.amplitudes() {
        loud.iter_mut().zip(frame).for_each(|(count, amplitude)| *count += u64::from(f64::from(*amplitude) >= threshold));
    }
    let bands = ((high - low) / step).floor() as usize;
    let share = |band: usize| {
        let edge = |band: usize| spectrogram.nearest_bin(low + band as f64 * step);
        let bins = edge(band)..=edge(band + 1);
        let cells = bins.clone().count() * spectrogram.frames();
        bins.map(|bin| loud[bin]).sum::<u64>() as f64 / cells as f64
    };
    let is_heard = loudest > 0.0;
    let shares: Vec<f64> = if is_heard { (0..bands).map(share).collect() } else { Vec::new() };
    shares.iter().any(|share| *share > 0.0).then_some(shares)
}
