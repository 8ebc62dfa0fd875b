//! The two forms of a package, and the words in which they differ.

use super::deployment::Deployment;
use super::fields::{ACOUSTIC_LEVELS, ACOUSTIC_METHODS};

/// The form of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Version 1.0.2 of the standard.
    Standard,
    /// With the terms for sound that are proposed for a later version.
    Acoustic,
}

impl Form {
    pub(super) fn is_acoustic(self) -> bool {
        self == Self::Acoustic
    }

    /// The word for how a deployment's media came about. Version 1.0.2 has none for recorders that run without pauses.
    pub(super) fn capture_method(self, deployment: &Deployment) -> &'static str {
        match self {
            Self::Standard => "timeLapse",
            Self::Acoustic if deployment.is_continuous() => "continuous",
            Self::Acoustic => "recordingSchedule",
        }
    }

    /// The words that the metadata may have for it.
    pub(super) fn methods(self) -> &'static [&'static str] {
        if self.is_acoustic() { ACOUSTIC_METHODS } else { &["activityDetection", "timeLapse"] }
    }

    /// The words that the metadata may have for levels of observations.
    pub(super) fn levels(self) -> &'static [&'static str] {
        if self.is_acoustic() { ACOUSTIC_LEVELS } else { &["media", "event"] }
    }

    /// The word for observations of a part of a recording. Version 1.0.2 knows whole media only.
    pub(super) fn level(self) -> &'static str {
        if self.is_acoustic() { "interval" } else { "media" }
    }
}
