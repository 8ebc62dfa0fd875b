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
    /// Bits of a sample as stored; codecs such as MP3 have none.
    pub bits_per_sample: Option<u32>,
    /// The recorder's gain, as the recorder states it.
    pub gain: Option<String>,
    /// Root mean square level, dBFS.
    pub level_dbfs: Option<f64>,
    /// Temperature at the start, degrees Celsius.
    pub temperature_c: Option<f64>,
}

/// Media types by extension; the first is for what is not among them.
const MEDIA_TYPES: [(&str, &str); 11] = [
    ("", "audio/x-unknown"),
    ("wav", "audio/wav"),
    ("w64", "audio/x-w64"),
    ("flac", "audio/flac"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("m4a", "audio/mp4"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("caf", "audio/x-caf"),
];

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
    /// How far it is to be expected at its place and time, where the run was given a table of that and it says something.
    pub expectation: Option<Expectation>,
}

/// What the table `plausibility` says of a detection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// How far the class is to be expected there and then, 0 to 1.
    pub expected: f64,
    /// Whether that is enough.
    pub is_plausible: bool,
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

    /// The media type of the file, by its extension.
    pub fn media_type(&self) -> &'static str {
        let extension = self.name().rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
        MEDIA_TYPES.iter().find(|(known, _)| *known == extension).unwrap_or(&MEDIA_TYPES[0]).1
    }

    /// The gain in dB, where the recorder states it so.
    pub fn gain_db(&self) -> Option<f64> {
        let gain = self.gain.as_deref()?.trim();
        let number = gain.strip_suffix("dB").or_else(|| gain.strip_suffix("db")).or_else(|| gain.strip_suffix("DB"))?;
        number.trim().parse().ok().filter(|db: &f64| db.is_finite())
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
            bits_per_sample: None,
            gain: None,
            level_dbfs: None,
            temperature_c: None,
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
            expectation: None,
        }
    }

    #[test]
    fn a_recording_knows_its_name_and_its_folder() {
        let recording = recording("r");
        assert_eq!((recording.name(), recording.folder()), ("r.wav", "A"));
        let alone = Recording { path: "r.wav".into(), ..recording };
        assert_eq!((alone.name(), alone.folder()), ("r.wav", ""));
        assert_eq!(detection_at("FROG", 1.5, 0.5).id(&alone), "r:FROG:1.5");
        assert_eq!(
            (alone.media_type(), Recording { path: "a/b.x".into(), ..alone }.media_type()),
            ("audio/wav", "audio/x-unknown")
        );
    }

    #[test]
    fn a_gain_is_a_number_only_where_the_recorder_says_decibels() {
        let of = |gain: Option<&str>| Recording { gain: gain.map(str::to_owned), ..recording("r") }.gain_db();
        assert_eq!((of(Some("12 dB")), of(Some("19.5dB")), of(Some("-3 dB"))), (Some(12.0), Some(19.5), Some(-3.0)));
        assert_eq!([None, Some("medium"), Some("2"), Some("dB"), Some("12 dB, 18 dB")].map(of), [None; 5]);
    }
}
