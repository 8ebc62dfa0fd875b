//! The section `soundscape` of the configuration.

use std::collections::BTreeMap;

use chorus_keys::{Finding, Keys, Values};
use serde::Deserialize;

/// A hop shorter than this part of the window would make the spectrogram of a minute too large for no gain.
const LEAST_HOP: usize = 8;

/// The keys. The defaults of the indices are those of `all_spectral_alpha_indices` and `all_temporal_alpha_indices` of scikit-maad.
#[derive(Debug, Clone, PartialEq, Deserialize, Keys)]
#[keys(section = "soundscape", default)]
pub(crate) struct SoundscapeSettings {
    /// Write the table soundscape: sound levels and acoustic indices of every minute. Every recording is read once more for it.
    #[key(default = "false")]
    #[allow(dead_code, reason = "read by its name, where the stage is declared")]
    pub(crate) enabled: bool,
    /// Length of the Hann window of the spectrogram that the indices are computed from, at the recording's own sample rate; an even
    /// number.
    #[key(unit = "samples", default = "1024", range = 64..=65_536, example = "512")]
    pub(crate) window_length: usize,
    /// Step from one frame of that spectrogram to the next, from an eighth of window_length to all of it.
    #[key(unit = "samples", default = "512", range = 8..=65_536, example = "256")]
    pub(crate) hop_length: usize,
    /// Lower and upper edge of the band in which people and machines are heard (anthrophony), for NDSI. Its lower edge is that of
    /// ADI and AEI too.
    #[key(unit = "Hz", default = "[0, 1000]", range = 0.0..=5_000_000.0, example = "[1000, 2000]")]
    pub(crate) anthrophony_hz: [f64; 2],
    /// Lower and upper edge of the band in which animals are heard (biophony), for NDSI and BI. Its upper edge is that of ADI and AEI
    /// too. Where it lies above half the sample rate of a recording, these indices are null.
    #[key(unit = "Hz", default = "[1000, 10000]", range = 0.0..=5_000_000.0, example = "[2000, 8000]")]
    pub(crate) biophony_hz: [f64; 2],
    /// Width of the bands of ADI and AEI.
    #[key(unit = "Hz", default = "1000", range = above(0.0).up_to(1_000_000.0), example = "500")]
    pub(crate) diversity_step_hz: f64,
    /// In ADI and AEI, a cell of the spectrogram counts from this level on, relative to the loudest cell of the minute.
    #[key(unit = "dB", default = "-50", range = -200.0..=0.0, example = "-30")]
    pub(crate) diversity_threshold_db: f64,
    /// Calibration of all recordings: what is added to a level in dBFS to get dB re 20 µPa. See docs/soundscape.md for how to find it.
    #[key(unit = "dB", range = -100.0..=300.0, example = "94.5")]
    pub(crate) calibration_db: Option<f64>,
    /// The same for single sites, by their names. It comes before calibration_db.
    #[key(unit = "dB", default = "{}", range = -100.0..=300.0, example = "{POND01: 94.5, MARSH02: 92}")]
    pub(crate) calibration_by_site: BTreeMap<String, f64>,
    /// The same for single recorders, by their serial numbers (column serial of the table recordings). It comes before the others.
    #[key(unit = "dB", default = "{}", range = -100.0..=300.0, example = "{S4A03895: 93.1}")]
    pub(crate) calibration_by_serial: BTreeMap<String, f64>,
    /// A minute is clipping when this share of its samples is at full scale.
    #[key(default = "0.0001", range = above(0.0).up_to(1.0), example = "0.001")]
    pub(crate) clipping_fraction: f64,
    /// Rain: lowest level of the bands 0.56 to 1.12 kHz and 4.47 to 5.62 kHz, both. It depends on the recorder and its gain.
    #[key(unit = "dBFS", default = "-50", range = -200.0..=20.0, example = "-45")]
    pub(crate) rain_level_dbfs: f64,
    /// Rain: lowest ratio of mean to standard deviation of the spectrum within each of the two bands. Noise has more, tones have less.
    #[key(default = "2", range = 0.0..=1000.0, example = "3")]
    pub(crate) rain_flatness: f64,
    /// Rain: largest difference of the levels that are exceeded for 10 % and for 90 % of the minute. Rain is steady.
    #[key(unit = "dB", default = "10", range = 0.0..=200.0, example = "6")]
    pub(crate) rain_range_db: f64,
    /// Wind: lowest level of the band 22 to 89 Hz. It depends on the recorder and its gain.
    #[key(unit = "dBFS", default = "-45", range = -200.0..=20.0, example = "-40")]
    pub(crate) wind_level_dbfs: f64,
    /// Wind: by how much the band 22 to 89 Hz is at least above the band 0.45 to 1.78 kHz.
    #[key(unit = "dB", default = "15", range = -100.0..=200.0, example = "20")]
    pub(crate) wind_excess_db: f64,
}

impl SoundscapeSettings {
    /// The lower and upper edge of ADI and AEI, Hz.
    pub(super) fn diversity_hz(&self) -> [f64; 2] {
        [self.anthrophony_hz[0], self.biophony_hz[1]]
    }

    /// Whether any calibration is configured.
    pub(super) fn calibrates(&self) -> bool {
        self.calibration_db.is_some() || !self.calibration_by_site.is_empty() || !self.calibration_by_serial.is_empty()
    }

    /// What is added to dBFS for a recording of a site, by a recorder with this serial number; `None` where nothing is known.
    pub(super) fn calibration(&self, site: &str, serial: Option<&str>) -> Option<f64> {
        let of_serial = |serial: &str| self.calibration_by_serial.iter().find(|(name, _)| name.eq_ignore_ascii_case(serial));
        let by_serial = serial.and_then(of_serial).map(|(_, db)| *db);
        by_serial.or_else(|| self.calibration_by_site.get(site).copied()).or(self.calibration_db)
    }

    /// What is wrong with settings each of which is in its range.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut refuse = |fits: bool, key: &str, found: String, allowed: String| {
            if !fits {
                findings.push(Finding::new(key, found, allowed));
            }
        };
        let window = self.window_length;
        let is_even = window.is_multiple_of(2);
        refuse(is_even, "soundscape.window_length", window.to_string(), "allowed: an even number".to_owned());
        refuse(
            self.hop_length <= window && self.hop_length * LEAST_HOP >= window,
            "soundscape.hop_length",
            self.hop_length.to_string(),
            format!("allowed: {} to soundscape.window_length, {window}", window.div_ceil(LEAST_HOP)),
        );
        for (key, [low, high]) in
            [("soundscape.anthrophony_hz", self.anthrophony_hz), ("soundscape.biophony_hz", self.biophony_hz)]
        {
            let allowed = "allowed: first the lower edge, then the upper one".to_owned();
            refuse(low < high, key, format!("[{low}, {high}]"), allowed);
        }
        let [low, high] = self.diversity_hz();
        refuse(
            low >= high || self.diversity_step_hz <= high - low,
            "soundscape.diversity_step_hz",
            format!("{} Hz", self.diversity_step_hz),
            format!(
                "allowed: up to {} Hz, from the lower edge of soundscape.anthrophony_hz to the upper one of soundscape.biophony_hz",
                high - low
            ),
        );
        findings
    }
}

/// Checks the settings against each other.
pub(crate) fn findings(values: &Values) -> Vec<Finding> {
    values.settings::<SoundscapeSettings>().map(|settings| settings.findings()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_together_are_found() {
        type Spoil = fn(&mut SoundscapeSettings);
        let keys = |spoil: Spoil| {
            let mut settings = SoundscapeSettings::default();
            spoil(&mut settings);
            settings.findings().into_iter().map(|finding| finding.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(|_| ()), [""; 0]);
        assert_eq!(keys(|s| s.window_length = 1023), ["soundscape.window_length"]);
        assert_eq!(keys(|s| s.hop_length = 127), ["soundscape.hop_length"]);
        assert_eq!(keys(|s| s.hop_length = 128), [""; 0]);
        assert_eq!(keys(|s| s.hop_length = 1025), ["soundscape.hop_length"]);
        assert_eq!(keys(|s| s.anthrophony_hz = [1000.0, 1000.0]), ["soundscape.anthrophony_hz"]);
        assert_eq!(keys(|s| s.biophony_hz = [2000.0, 1000.0]), ["soundscape.biophony_hz"]);
        assert_eq!(keys(|s| s.diversity_step_hz = 10_001.0), ["soundscape.diversity_step_hz"]);
    }

    #[test]
    fn a_recorder_comes_before_its_site_and_a_site_before_all() {
        let mut settings = SoundscapeSettings::default();
        assert_eq!(settings.calibration("A", Some("S1")), None);
        settings.calibration_db = Some(90.0);
        settings.calibration_by_site.insert("A".into(), 91.0);
        settings.calibration_by_serial.insert("s1".into(), 92.0);
        let of = |site, serial| settings.calibration(site, serial).unwrap();
        assert_eq!([of("A", Some("S1")), of("A", Some("S2")), of("A", None), of("B", None)], [92.0, 91.0, 91.0, 90.0]);
    }
}
