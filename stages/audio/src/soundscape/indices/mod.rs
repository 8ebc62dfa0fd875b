//! The acoustic indices of stage `soundscape`: an open set with one file for each index and one line in [`INDICES`]. Each index is a
//! column of the table `soundscape`, and the table of definitions in `docs/soundscape.md` follows from the list.

mod aci;
mod adi;
mod aei;
mod bi;
mod diversity;
mod entropy;
pub(super) mod index;
mod ndsi;
mod spectral_entropy;
mod temporal_entropy;

use index::Index;

/// Every index.
pub(super) static INDICES: &[&dyn Index] = &[
    &aci::Aci,
    &adi::Adi,
    &aei::Aei,
    &bi::Bi,
    &ndsi::Ndsi,
    &spectral_entropy::SpectralEntropy,
    &temporal_entropy::TemporalEntropy,
    &entropy::Entropy,
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::settings::SoundscapeSettings;
    use super::super::spectrogram::Spectrogram;
    use super::index::Minute;
    use super::*;

    /// A spectrogram of frames of 4 bins, 1 kHz apart, from its powers; the envelope is given.
    fn all(frames: &[[f64; 4]], envelope: &[f64]) -> Vec<Option<f64>> {
        let mut spectrogram = Spectrogram::new(8, 8000);
        frames.iter().for_each(|frame| spectrogram.push(frame));
        let settings = SoundscapeSettings {
            anthrophony_hz: [0.0, 1000.0],
            biophony_hz: [1000.0, 4000.0],
            diversity_threshold_db: -10.0,
            ..SoundscapeSettings::default()
        };
        let minute = Minute { spectrogram: &spectrogram, envelope, settings: &settings };
        INDICES.iter().map(|index| index.of(&minute)).collect()
    }

    fn named(name: &str, values: &[Option<f64>]) -> Option<f64> {
        values[INDICES.iter().position(|index| index.name() == name).unwrap()]
    }

    #[test]
    fn known_answers() {
        let ln = f64::ln;
        // Amplitudes 1, 2, 1, 1 and 3, 2, 1, 1.
        let found = all(&[[1.0, 4.0, 1.0, 1.0], [9.0, 4.0, 1.0, 1.0]], &[1.0, 0.0, 1.0, 0.0]);
        let near = |name: &str, expected: f64| {
            let value = named(name, &found).unwrap();
            assert!((value - expected).abs() < 1e-7, "{name}: {value}, expected {expected}");
        };
        // Only the first bin changes: by 2, of 4.
        near("aci", 0.5);
        // The loudest cell is 3, and -10 dB of it are 0.949: all cells count in all four bands.
        near("adi", ln(4.0));
        near("aei", 0.0);
        // Mean amplitudes 2, 1, 1 from 1 kHz to the last bin: 6.02 dB above the lowest, by 1 kHz.
        near("bi", 20.0 * 2f64.log10() / 1000.0);
        // Powers of the bands of 1 kHz: 5, 4, 1, 1. The second one is in both bands.
        near("ndsi", (6.0 - 9.0) / 15.0);
        let hf = -[5.0, 4.0, 1.0, 1.0].map(|p: f64| p / 11.0 * ln(p / 11.0)).iter().sum::<f64>() / ln(4.0);
        near("spectral_entropy", hf);
        near("temporal_entropy", 0.5);
        near("entropy", hf * 0.5);
    }

    #[test]
    fn a_minute_without_sound_has_no_index() {
        assert!(all(&[[0.0; 4]; 3], &[0.0; 3]).iter().all(Option::is_none));
        assert!(all(&[], &[]).iter().all(Option::is_none));
    }

    #[test]
    fn one_frame_has_no_complexity_and_one_piece_no_envelope() {
        let found = all(&[[1.0, 4.0, 1.0, 1.0]], &[1.0]);
        let missing: Vec<&str> =
            INDICES.iter().zip(&found).filter(|(_, value)| value.is_none()).map(|(index, _)| index.name()).collect();
        assert_eq!(missing, ["aci", "temporal_entropy", "entropy"]);
    }

    #[test]
    fn bins_without_any_power_are_left_out_of_the_complexity_and_leave_the_area_open() {
        let found = all(&[[1.0, 4.0, 0.0, 1.0], [9.0, 4.0, 0.0, 1.0]], &[1.0; 2]);
        assert_eq!((named("aci", &found), named("bi", &found)), (Some(0.5), None));
    }

    #[test]
    fn what_is_loud_outside_of_the_bands_alone_has_no_diversity() {
        let mut spectrogram = Spectrogram::new(8, 8000);
        spectrogram.push(&[1e-9, 1e-9, 1.0, 1.0]);
        let settings =
            SoundscapeSettings { anthrophony_hz: [0.0, 500.0], biophony_hz: [500.0, 1000.0], ..SoundscapeSettings::default() };
        let minute = Minute { spectrogram: &spectrogram, envelope: &[], settings: &settings };
        assert_eq!((adi::Adi.of(&minute), aei::Aei.of(&minute)), (None, None));
    }

    #[test]
    fn an_index_whose_band_was_not_recorded_is_null() {
        let mut spectrogram = Spectrogram::new(1024, 16_000);
        (0..5).for_each(|frame| spectrogram.push(&[1.0 + f64::from(frame); 513]));
        let settings = SoundscapeSettings::default();
        let minute = Minute { spectrogram: &spectrogram, envelope: &[1.0, 2.0], settings: &settings };
        let missing: Vec<&str> = INDICES.iter().filter(|index| index.of(&minute).is_none()).map(|index| index.name()).collect();
        assert_eq!(missing, ["adi", "aei", "bi", "ndsi"], "10 kHz is above half of 16 kHz");
    }

    /// Compares a part of a file of the repository with what follows from the indices; `CHORUS_BLESS=1` writes it.
    fn check_part(file: &str, begin: &str, end: &str, expected: &str) {
        let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{file} lacks `{begin}`"));
        let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("{file} lacks `{end}`"));
        if std::env::var_os("CHORUS_BLESS").is_some() {
            std::fs::write(&path, [before, begin, expected, end, after].concat()).unwrap();
            return;
        }
        assert_eq!(found, expected, "{file} differs from the indices; CHORUS_BLESS=1 cargo test -p chorus-audio writes it anew");
    }

    #[test]
    fn schema_and_documentation_follow_from_the_indices() {
        let columns = &chorus_tables::schema("soundscape").unwrap().columns;
        for index in INDICES {
            let column = columns.iter().find(|column| column.name == index.name());
            assert!(column.is_some_and(|column| column.nullable), "{}: not a column that may be null", index.name());
        }
        let row = |index: &&dyn Index| format!("| `{}` | {} | {} |\n", index.name(), index.definition(), index.source());
        let rows: String = INDICES.iter().map(row).collect();
        let table = format!("\n| column | definition | source |\n|---|---|---|\n{rows}");
        check_part("docs/soundscape.md", "<!-- indices: begin -->", "<!-- indices: end -->", &table);
    }
}
