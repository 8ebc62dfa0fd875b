//! From the files of an archive to log-mel spectrograms, sound levels and acoustic indices: the stages `ingest`, `segment`,
//! `featurize` and `soundscape`.
//!
//! - [`container`]: files to samples; [`headers`]: what recorders write beside the samples; [`names`]: what they
//!   write into file names; [`dsp`]: resampling, windows, log-mel.
//! - [`extract`]: recordings to the spectrograms of their windows, shared by `featurize` and by `predict` straight from audio.
//! - [`ahead`]: decoding on a thread while what came before is taken.
//! - [`recordings`]: the recordings of a unit, for stages that listen to them from end to end.

pub mod ahead;
pub mod container;
pub mod dsp;
pub mod error;
pub mod extract;
mod featurize;
pub mod headers;
mod ingest;
pub mod names;
pub mod recordings;
mod segment;
mod soundscape;

use chorus_keys::{Declarations, Finding, Values};

use dsp::logmel::MelConfig;
pub use featurize::Featurize;
pub use ingest::{Glance, Ingest, IngestError, SiteColumns, SiteSheet, glance, is_audio_name, site_columns};
pub use segment::{Segment, SegmentSettings, Tail};
pub use soundscape::Soundscape;

/// The configuration keys of the four stages.
pub fn declarations() -> Declarations {
    Declarations::default()
        .section::<ingest::ArchiveSettings>()
        .section::<ingest::IngestSettings>()
        .section::<SegmentSettings>()
        .section::<MelConfig>()
        .section::<soundscape::SoundscapeSettings>()
        .check(ingest::timezone)
        .check(|values| values.settings::<MelConfig>().map(|config| config.findings()).unwrap_or_default())
        .check(window_holds_a_frame)
        .check(soundscape::findings)
}

fn window_holds_a_frame(values: &Values) -> Vec<Finding> {
    let (window_s, n_fft) = (values.number("segment.window_s"), values.number("featurize.n_fft"));
    let samples = window_s * values.number("featurize.sample_rate_hz");
    let finding = || {
        let allowed = format!("allowed: at least featurize.n_fft, {n_fft} samples");
        Finding::new("segment.window_s", format!("{window_s} s, which is {samples} samples"), allowed)
    };
    (samples < n_fft).then(finding).into_iter().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use chorus_card::{Card, MODEL_CARD};
    use chorus_engine::Config;
    use chorus_keys::Keys;

    use super::*;

    #[test]
    fn values_that_cannot_work_together_are_found() {
        assert_eq!(declarations().findings(&declarations().defaults()), []);
        for (key, value, wanted) in [
            ("featurize.f_max_hz", "9000", "half of featurize.sample_rate_hz"),
            ("featurize.win_length", "1024", "featurize.n_fft"),
            ("featurize.f_min_hz", "8000", "featurize.f_max_hz"),
            ("featurize.n_fft", "513", "even"),
            ("featurize.high_pass_hz", "8000", "less than half of featurize.sample_rate_hz, 8000 Hz"),
            ("segment.window_s", "0.01", "160 samples"),
            ("archive.timezone", "Mars/Base", "IANA"),
        ] {
            let mut values = declarations().defaults();
            values.set(key, serde_yaml::from_str(value).unwrap());
            let findings = declarations().findings(&values);
            assert!(
                findings[0].key == key && findings[0].allowed.contains(wanted) || findings[0].found.contains(wanted),
                "{findings:?}"
            );
        }
    }
    /// The contract of evolution: a card that version 0.1 wrote stays readable, its settings are known, and a model of it is accepted.
    #[test]
    fn a_card_of_version_0_1_brings_settings_that_are_all_known() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipeline/engine/tests/evolution");
        let card = Card::read(&folder.join(MODEL_CARD)).unwrap();
        assert!(card.settings().all(|(key, value)| declarations().find(&key).is_some_and(|key| key.allows(value))));
        let all = chorus_engine::config::declarations().and(declarations()).into_static();
        let config = Config::from_text("", "c", "c", &[format!("model.path={}", folder.display())], all).unwrap();
        assert_eq!(["featurize.n_mels", "featurize.hop_length"].map(|key| config.number(key)), [64.0, 256.0]);
        assert_eq!(config.text("featurize.level"), Some("db"), "what held before the key existed");
    }

    /// The contract of evolution: the keys of a state that version 0.1 wrote mean the same today, with those that were added since.
    #[test]
    fn a_unit_of_version_0_1_has_the_keys_of_today() {
        let text = include_str!("../../../pipeline/engine/tests/evolution/featurize.json");
        let state: serde_json::Value = serde_json::from_str(text).unwrap();
        let recorded = state["fingerprint"]["keys"].as_object().unwrap();
        assert!(recorded.keys().all(|key| declarations().find(key).is_some()));
        let names = [MelConfig::names(), vec!["archive.channel", "segment.window_s"]].concat();
        assert!(names.len() > recorded.len());
        for name in names.into_iter().filter(|name| *name != "featurize.n_mels") {
            let key = declarations().find(name).cloned().unwrap();
            let json = |value| serde_json::to_value::<serde_yaml::Value>(value).unwrap();
            let then = recorded.get(name).cloned().unwrap_or_else(|| json(key.before_value()));
            assert_eq!(json(key.default_value()), then, "{name}");
        }
    }
}
