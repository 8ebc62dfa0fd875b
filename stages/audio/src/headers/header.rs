//! What the headers of a file state, whatever their format.

use chorus_engine::Exact;
use chorus_wav::MAX_SAMPLE_RATE_HZ;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use chorus_clock::reading::{offset_is_unknown, parse_iso};

/// What a file's headers state. Each field is that of the most trusted format that has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Header {
    /// Starts of the recording, the most trusted format first.
    pub times: Vec<HeaderTime>,
    /// Manufacturer.
    pub make: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Version of the recorder's firmware.
    pub firmware: Option<String>,
    /// Gain as the recorder states it.
    pub gain: Option<String>,
    /// Battery voltage at the start, V.
    pub battery_v: Option<Exact>,
    /// Temperature inside of the recorder, or else outside of it, °C.
    pub temperature_c: Option<Exact>,
    /// Latitude and longitude, WGS 84, degrees, north and east positive.
    pub position: Option<(Exact, Exact)>,
    /// By how much the file's own rate is too slow; only stated where it is not 1.
    pub time_expansion: Option<Exact>,
    /// The rate at which the sound was sampled, Hz.
    pub sample_rate_hz: Option<u32>,
    /// What is stated of the time or its expansion and cannot be read.
    pub notes: Vec<String>,
}

/// A start that a header states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeaderTime {
    /// The format that states it.
    pub format: HeaderFormat,
    /// Date and time as written.
    pub local: DateTime,
    /// Offset from UTC, s, where the header states it.
    pub offset_s: Option<i32>,
    /// The header states the offset `-00:00`, which means that it is not known (RFC 3339).
    #[serde(default)]
    pub offset_unknown: bool,
}

impl HeaderTime {
    pub(super) fn new(format: HeaderFormat, (local, offset): (DateTime, Option<Offset>)) -> Self {
        Self { format, local, offset_s: offset.map(Offset::seconds), offset_unknown: false }
    }

    /// A time in ISO's format; see [`parse_iso`].
    pub(super) fn of_iso(format: HeaderFormat, text: &str) -> Option<Self> {
        let sign = text.rfind('-').unwrap_or_default();
        let offset_unknown = offset_is_unknown(text[sign..].trim_end().as_bytes());
        Some(Self { offset_unknown, ..Self::new(format, parse_iso(text)?) })
    }

    /// The offset from UTC, where the header states it.
    #[must_use]
    pub fn offset(&self) -> Option<Offset> {
        Offset::from_seconds(self.offset_s?).ok()
    }
}

impl std::fmt::Display for HeaderTime {
    /// As the header states it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.local)?;
        match self.offset() {
            None if self.offset_unknown => f.write_str("-00:00"),
            None => Ok(()),
            Some(Offset::UTC) => f.write_str("Z"),
            Some(offset) => write!(f, "{offset}"),
        }
    }
}

/// The formats of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderFormat {
    /// GUANO.
    Guano,
    /// opensoundscape's JSON.
    Opensoundscape,
    /// AudioMoth's comment.
    AudioMoth,
    /// Wildlife Acoustics' chunk.
    Wamd,
    /// Broadcast Wave's chunk.
    Bext,
}

impl HeaderFormat {
    /// The format's name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Guano => "GUANO header",
            Self::Opensoundscape => "opensoundscape header",
            Self::AudioMoth => "AudioMoth header",
            Self::Wamd => "wamd header",
            Self::Bext => "bext header",
        }
    }
}

impl Header {
    /// `self`, with the fields that it lacks taken from `other`.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.times.extend(other.times);
        self.notes.extend(other.notes);
        Self {
            times: self.times,
            notes: self.notes,
            make: self.make.or(other.make),
            model: self.model.or(other.model),
            serial: self.serial.or(other.serial),
            firmware: self.firmware.or(other.firmware),
            gain: self.gain.or(other.gain),
            battery_v: self.battery_v.or(other.battery_v),
            temperature_c: self.temperature_c.or(other.temperature_c),
            position: self.position.or(other.position),
            time_expansion: self.time_expansion.or(other.time_expansion),
            sample_rate_hz: self.sample_rate_hz.or(other.sample_rate_hz),
        }
    }

    /// Whether an AudioMoth made the recording.
    #[must_use]
    pub fn is_audiomoth(&self) -> bool {
        self.model.as_deref().is_some_and(|model| model.starts_with("AudioMoth"))
    }

    /// The factor from a file's own rate to the rate at which the sound was sampled. Where a header states both a factor and a
    /// rate, and this rate is the file's own, the file was corrected after recording and the factor was left as it was. A factor that gives a
    /// rate that no recorder has is not believed.
    #[must_use]
    pub fn expansion_of(&self, file_rate_hz: u32) -> f64 {
        match (self.time_expansion, self.sample_rate_hz) {
            (Some(_), Some(rate)) if rate == file_rate_hz => 1.0,
            (Some(Exact(factor)), _) if f64::from(file_rate_hz) * factor <= f64::from(MAX_SAMPLE_RATE_HZ) => factor,
            _ => 1.0,
        }
    }

    /// Why it is not certain at which rate the sound was sampled: the header's rate is another one than the file's, and the factor of time
    /// expansion does not lead from one to the other.
    pub(crate) fn rate_doubt(&self, file_rate_hz: u32) -> Option<String> {
        /// Rates of resampled files are rounded.
        const APART: f64 = 0.01;
        let rate_hz = self.sample_rate_hz.filter(|rate| *rate != file_rate_hz)?;
        let factor = self.expansion_of(file_rate_hz);
        let used_hz = f64::from(file_rate_hz) * factor;
        let is_like = (used_hz - f64::from(rate_hz)).abs() <= f64::from(rate_hz) * APART;
        (!is_like).then(|| {
            format!(
                "the header says that the sound was sampled at {rate_hz} Hz, and the file has {file_rate_hz} Hz with a time expansion of \
                 {factor}: {used_hz:.0} Hz was used"
            )
        })
    }
}
