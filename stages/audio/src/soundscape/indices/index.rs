//! What an acoustic index is.

use crate::soundscape::settings::SoundscapeSettings;
use crate::soundscape::spectrogram::Spectrogram;

/// What the indices of a minute are computed from.
pub(in crate::soundscape) struct Minute<'a> {
    /// Its spectrogram.
    pub(in crate::soundscape) spectrogram: &'a Spectrogram,
    /// The largest magnitude in each piece of 512 samples, without the mean of the minute.
    pub(in crate::soundscape) envelope: &'a [f64],
    /// Bands and thresholds.
    pub(in crate::soundscape) settings: &'a SoundscapeSettings,
}

/// An acoustic index of stage `soundscape`. To add one: a file with its definition, a line in `INDICES`, and a column in
/// `data-schemas/soundscape.yaml`.
pub(in crate::soundscape) trait Index: Sync {
    /// The name of its column.
    fn name(&self) -> &'static str;
    /// The definition, as `docs/soundscape.md` has it. `a` is an amplitude of the spectrogram `[bin, frame]`, `p` its square.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test holds docs/soundscape.md to it"))]
    fn definition(&self) -> &'static str;
    /// Who defined it, and which function of scikit-maad gives the same.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test holds docs/soundscape.md to it"))]
    fn source(&self) -> &'static str;
    /// The value in a minute; `None`, never 0, where it is not defined or its band was not recorded.
    fn of(&self, minute: &Minute<'_>) -> Option<f64>;
}

/// The Shannon entropy of shares, in natural units; the values need not add up to 1. `None` where they add up to 0.
pub(super) fn shannon(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let sum: f64 = values.clone().sum();
    let term = |value: f64| if value > 0.0 { value / sum * (value / sum).ln() } else { 0.0 };
    (sum > 0.0).then(|| -values.map(term).sum::<f64>())
}

/// The Shannon entropy divided by its largest value for so many shares; `None` for fewer than two.
pub(super) fn evenness(values: &[f64]) -> Option<f64> {
    let largest = (values.len() as f64).ln();
    shannon(values.iter().copied()).filter(|_| values.len() > 1).map(|entropy| entropy / largest)
}
