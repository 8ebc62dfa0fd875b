//! The section `privacy`: speech in recordings, and what becomes of it.

use chorus_keys::{Choices, Declarations, Keys};
use serde::Deserialize;

/// The keys of the section `privacy`.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "privacy")]
pub struct PrivacySettings {
    /// File of a backbone that hears speech, such as Silero VAD. With it, stage speech makes the table speech.
    #[key(path, example = "silero_vad_16k_sequence.onnx")]
    pub backbone: Option<String>,
    /// File that describes it. Null: the file beside privacy.backbone that has its name and the extension .yaml.
    #[key(path, example = "silero-vad.yaml")]
    pub contract: Option<String>,
    /// What becomes of speech. withhold: clips, review pages and exports leave out detections that overlap with it.
    #[key(default = "withhold")]
    pub speech: Speech,
    /// A second counts as speech from this probability on.
    #[key(default = "0.5", range = 0.0..=1.0)]
    pub threshold: f64,
    /// Seconds before and after speech that count as speech too.
    #[key(unit = "s", default = "1", range = 0.0..=60.0)]
    pub margin_s: f64,
}

/// What becomes of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Speech {
    /// Nothing that people listen to or read has detections that overlap with it.
    Withhold,
    /// It is in the table speech, and nothing else changes.
    Tell,
}

/// The configuration keys of the stage.
pub fn declarations() -> Declarations {
    Declarations::default().section::<PrivacySettings>()
}
