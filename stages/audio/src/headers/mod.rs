//! What recorders write about a recording into its file: when, by which device, with which settings, where.
//!
//! Everything here is a pure function over bytes that [`crate::container`] found; nothing in it can fail: what cannot be
//! understood is not there, or a note where a time depends on it. Formats, in the order in which they are believed:
//!
//! | format | where | module |
//! |---|---|---|
//! | GUANO | chunk `guan`, Vorbis comment `GUANO` | [`guano`] |
//! | opensoundscape's JSON | the comment of a clip that it wrote | [`opensoundscape`] |
//! | AudioMoth's sentence | the comment (`ICMT`), a `bext` description, Vorbis comment `COMMENT` | [`audiomoth`] |
//! | Wildlife Acoustics | chunk `wamd` | [`wamd`] |
//! | Broadcast Wave | chunk `bext` | [`bext`] |

pub mod audiomoth;
pub mod bext;
pub mod guano;
pub mod opensoundscape;
mod tags;
pub mod wamd;

use chorus_engine::Exact;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

pub(crate) use tags::{TAG_BYTES, Tags};

/// The largest expansion that detectors use is 32; a larger one is a mistake.
const MAX_TIME_EXPANSION: f64 = 100.0;

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
}

impl HeaderTime {
    fn new(format: HeaderFormat, (local, offset): (DateTime, Option<Offset>)) -> Self {
        Self { format, local, offset_s: offset.map(Offset::seconds) }
    }

    /// The offset from UTC, where the header states it.
    #[must_use]
    pub fn offset(&self) -> Option<Offset> {
        Offset::from_seconds(self.offset_s?).ok()
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

    /// By how much a file's own rate has to be multiplied to get the rate at which the sound was sampled. A header that states
    /// both, and whose rate is the file's own already, was written by someone who corrected the one and left the other.
    #[must_use]
    pub fn expansion_of(&self, file_rate_hz: u32) -> f64 {
        match (self.time_expansion, self.sample_rate_hz) {
            (Some(_), Some(rate)) if rate == file_rate_hz => 1.0,
            (Some(Exact(factor)), _) => factor,
            (None, _) => 1.0,
        }
    }
}

/// What all headers of a file say.
pub(crate) fn read(tags: &Tags) -> Header {
    let guano = tags.guano.as_deref().map(|bytes| guano::parse(&decode(bytes))).unwrap_or_default();
    let wamd = tags.wamd.as_deref().map(wamd::parse).unwrap_or_default();
    let bext = tags.bext.as_deref().map(bext::parse).unwrap_or_default();
    let comment = tags.comment.as_deref().map(|bytes| comment(&decode(bytes))).unwrap_or_default();
    let artist = tags.artist.as_deref().map(|bytes| audiomoth::parse_artist(&decode(bytes))).unwrap_or_default();
    guano.or(comment).or(artist).or(wamd).or(bext)
}

/// A comment: opensoundscape's, AudioMoth's, or nothing that is known.
fn comment(text: &str) -> Header {
    opensoundscape::parse(text).unwrap_or_else(|| audiomoth::parse(text))
}

/// Bytes as text: UTF-8 (perhaps cut within a character), and else Latin-1, without the blanks and zeros that pad it.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    };
    text.trim_matches(|c: char| c == '\0' || c == '\u{FEFF}' || c.is_whitespace()).to_owned()
}

/// A text that is not empty.
fn said(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text.to_owned())
}

/// The number that a text begins with, whatever its unit; finite.
fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(text.len());
    text[..end].parse().ok().filter(|number: &f64| number.is_finite())
}

/// A battery's voltage, where it is one.
fn volts(text: &str) -> Option<Exact> {
    leading_number(text).filter(|volts| (0.0..=100.0).contains(volts)).map(Exact)
}

/// A temperature in °C that nature knows.
fn celsius(text: &str) -> Option<Exact> {
    leading_number(text).filter(|degrees| (-100.0..=150.0).contains(degrees)).map(Exact)
}

/// A position on Earth. Receivers without a fix state 0, 0.
fn position(latitude: f64, longitude: f64) -> Option<(Exact, Exact)> {
    let is_there = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    (is_there && (latitude, longitude) != (0.0, 0.0)).then_some((Exact(latitude), Exact(longitude)))
}

/// Whether a detector may state such a factor of time expansion; 1 means that there is none.
fn is_factor(factor: f64) -> bool {
    (1.0..=MAX_TIME_EXPANSION).contains(&factor)
}

/// A factor of time expansion other than 1.
fn expansion(factor: f64) -> Option<Exact> {
    (is_factor(factor) && factor > 1.0).then_some(Exact(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_or_else_latin_1() {
        assert_eq!(decode("\u{FEFF}  Rivière\0\0 ".as_bytes()), "Rivière");
        assert_eq!(decode(b"Rivi\xE8re\0"), "Rivière");
        assert_eq!(decode(b"\xC3\xA8\xC3"), "è", "cut within a character");
        assert_eq!(decode(b"\0\0 "), "");
    }

    #[test]
    fn the_more_trusted_format_speaks_first_and_the_other_fills_the_gaps() {
        let tags = Tags {
            guano: Some(b"GUANO|Version: 1.0\nModel: SM4BAT\nTimestamp: 2020-03-01 19:00:00-03:00".to_vec()),
            comment: Some(
                b"Recorded at 22:00:00 01/03/2020 (UTC) by AudioMoth 24E144055E080032 at medium gain while battery was 4.2V"
                    .to_vec(),
            ),
            ..Tags::default()
        };
        let header = read(&tags);
        assert_eq!(header.model.as_deref(), Some("SM4BAT"));
        assert_eq!(header.gain.as_deref(), Some("medium"));
        let formats: Vec<HeaderFormat> = header.times.iter().map(|time| time.format).collect();
        assert_eq!(formats, [HeaderFormat::Guano, HeaderFormat::AudioMoth]);
    }

    #[test]
    fn time_expansion_is_applied_once() {
        let header = |rate| Header { time_expansion: Some(Exact(10.0)), sample_rate_hz: rate, ..Header::default() };
        assert_eq!(header(None).expansion_of(25_600), 10.0);
        assert_eq!(header(Some(256_000)).expansion_of(25_600), 10.0);
        assert_eq!(header(Some(256_000)).expansion_of(256_000), 1.0, "the file's rate was corrected already");
        assert_eq!(Header::default().expansion_of(25_600), 1.0);
    }
}
