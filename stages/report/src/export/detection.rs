//! Recordings and their detections, as exports and reviews see them.

use std::sync::Arc;

use super::clock::Start;
use super::error::ExportError;

/// A recording that can be read.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its identity.
    pub id: String,
    /// The site.
    pub site: String,
    /// Path relative to the archive, with forward slashes.
    pub path: String,
    /// When it began.
    pub start: Start,
    /// Seconds.
    pub duration_s: f64,
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Latitude and longitude, degrees.
    pub place: Option<(f64, f64)>,
    /// Make and model of the recorder, as far as they are known.
    pub recorder: Option<String>,
    /// Serial number of the recorder.
    pub serial: Option<String>,
    /// Channels, from 1, on which nothing was recorded.
    pub dead_channels: Option<String>,
}

/// A detected event in a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The class.
    pub class: Arc<str>,
    /// Start within the recording, seconds.
    pub start_s: f64,
    /// End within the recording, seconds.
    pub end_s: f64,
    /// Windows over the threshold.
    pub windows: u32,
    /// Largest score.
    pub peak_score: f32,
    /// Mean score of the windows.
    pub mean_score: f32,
    /// Calibrated probability of the peak.
    pub probability: Option<f64>,
    /// The threshold that was applied.
    pub threshold: f64,
    /// Hash of the model's weights.
    pub model_id: Arc<str>,
}

const S_PER_HOUR: f64 = 3600.0;

impl Recording {
    /// The hour of the site's clock into which a second of the recording falls, with the site; where no time is known, the hour of the recording.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub(crate) fn hour(&self, seconds: f64) -> Result<String, ExportError> {
        Ok(match self.start.local(seconds)? {
            Some(local) => format!("{} {}", self.site, local.strftime("%F %H")),
            None => format!("{} {}", self.id, (seconds / S_PER_HOUR) as u64),
        })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The folder within the archive; empty where it lies in none.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Detection {
    /// An identity that is the same in every export of the same detections.
    pub fn id(&self, recording: &Recording) -> String {
        format!("{}:{}:{}", recording.id, self.class, self.start_s)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A recording of a minute without a known start.
    pub(crate) fn recording(id: &str) -> Recording {
        Recording {
            id: id.into(),
            site: "A".into(),
            path: format!("A/{id}.wav"),
            start: Start::Unknown,
            duration_s: 60.0,
            sample_rate_hz: 16_000,
            place: None,
            recorder: None,
            serial: None,
            dead_channels: None,
        }
    }

    /// A detection of 3 s.
    pub(crate) fn detection_at(class: &str, start_s: f64, peak_score: f32) -> Detection {
        Detection {
            class: class.into(),
            start_s,
            end_s: start_s + 3.0,
            windows: 1,
            peak_score,
            mean_score: peak_score,
            probability: None,
            threshold: 0.25,
            model_id: "cafe".into(),
        }
    }

    #[test]
    fn a_recording_knows_its_name_and_its_folder() {
        let recording = recording("r");
        assert_eq!((recording.name(), recording.folder()), ("r.wav", "A"));
        let alone = Recording { path: "r.wav".into(), ..recording };
        assert_eq!((alone.name(), alone.folder()), ("r.wav", ""));
        assert_eq!(detection_at("FROG", 1.5, 0.5).id(&alone), "r:FROG:1.5");
    }
}
