//! What is found out about a recording.

use std::fmt;

use chorus_wav::{Defect, DefectKind};

use crate::headers::Header;

/// What a recording is, as far as its samples go.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The encoding, under ffmpeg's name: `pcm_s16le`, `pcm_f32le`, `pcm_mulaw`, `flac`, ….
    pub codec: String,
    /// The file format: `wav`, `rifx`, `rf64`, `bw64`, `w64`, `aiff`, `aifc`, `caf`, `flac`, `mp3`, `adts`, `ogg`, `mp4`.
    pub container: &'static str,
    /// Frames per second of the sound in the field: of a time-expanded recording, more than its file states.
    pub sample_rate_hz: u32,
    /// By how much `sample_rate_hz` is above the rate that the file itself states: 1, unless the recording is time-expanded.
    pub time_expansion: f64,
    /// Samples per frame.
    pub channels: u16,
    /// Significant bits per sample, as the header states them; 0 where the encoding has no such thing (MP3, Vorbis, AAC).
    pub bits_per_sample: u16,
    /// Frames that can be read.
    pub frames: u64,
    /// Frames that the header promises, where it promises any.
    pub declared_frames: Option<u64>,
    /// What was wrong and has been repaired.
    pub repair: Option<Repair>,
    /// What the recorder wrote beside the samples.
    pub header: Box<Header>,
}

impl Facts {
    /// The length of what can be read, in seconds.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.frames as f64 / f64::from(self.sample_rate_hz)
    }

    /// The same at the rate of the sound in the field, where they have the rate that the file states and the header states a time expansion.
    pub(super) fn expanded(self) -> Self {
        let time_expansion = self.header.expansion_of(self.sample_rate_hz);
        let sample_rate_hz = (f64::from(self.sample_rate_hz) * time_expansion).round() as u32;
        Self { sample_rate_hz, time_expansion, ..self }
    }
}

/// A defect that did not prevent reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// The defect as a stable code; the first, where there are several.
    pub code: RepairCode,
    /// The defects as sentences: what was found, and what was done.
    pub detail: String,
    /// Seconds of sound that are lost; `None` where their number cannot be known.
    pub lost_s: Option<f64>,
}

impl Repair {
    pub(super) fn new(code: RepairCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), lost_s: Some(0.0) }
    }

    /// The same with so many seconds lost.
    pub(super) fn losing(self, seconds: f64) -> Self {
        Self { lost_s: Some(seconds), ..self }
    }

    /// The same with an unknown number of seconds lost.
    pub(super) fn losing_unknown(self) -> Self {
        Self { lost_s: None, ..self }
    }

    /// Adds `next` to what is already known to be wrong.
    pub(super) fn join(known: Option<Self>, next: Self) -> Option<Self> {
        Some(match known {
            None => next,
            Some(mut first) => {
                first.detail = format!("{}; {}", first.detail, next.detail);
                first.lost_s = first.lost_s.zip(next.lost_s).map(|(a, b)| a + b);
                first
            }
        })
    }
}

/// The defects that do not prevent reading: codes of `recordings.reason_code`, explained in `docs/recordings-status.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepairCode {
    /// `truncated`: the file ends before its promised length.
    Truncated,
    /// `size_missing`: the header holds no usable length (0, a placeholder, or a size that wrapped at 4 GiB).
    SizeMissing,
    /// `bad_chunk`: a chunk with a wrong size, or bytes that are no chunk, had to be skipped.
    BadChunk,
    /// `inconsistent_header`: fields that contradict each other, of which the likelier was believed.
    InconsistentHeader,
    /// `damaged`: parts in the middle cannot be decoded and read as silence.
    Damaged,
    /// `wrong_total`: more frames than the header promises.
    WrongTotal,
    /// `bad_samples`: float samples that are NaN or infinite, which read as 0.
    BadSamples,
}

impl RepairCode {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Truncated,
        Self::SizeMissing,
        Self::BadChunk,
        Self::InconsistentHeader,
        Self::Damaged,
        Self::WrongTotal,
        Self::BadSamples,
    ];

    /// The code as it stands in tables. It never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::SizeMissing => "size_missing",
            Self::BadChunk => "bad_chunk",
            Self::InconsistentHeader => "inconsistent_header",
            Self::Damaged => "damaged",
            Self::WrongTotal => "wrong_total",
            Self::BadSamples => "bad_samples",
        }
    }
}

impl fmt::Display for RepairCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Repair {
    /// All defects of a file of the WAV family, the first of which gives the code.
    pub(super) fn of(defects: &[Defect], sample_rate_hz: u32) -> Option<Self> {
        defects.iter().fold(None, |known, defect| {
            let code = match defect.kind {
                DefectKind::Truncated => RepairCode::Truncated,
                DefectKind::SizeMissing => RepairCode::SizeMissing,
                DefectKind::BadChunk => RepairCode::BadChunk,
                DefectKind::InconsistentHeader => RepairCode::InconsistentHeader,
            };
            let lost_s = defect.lost_frames.map(|frames| frames as f64 / f64::from(sample_rate_hz));
            Self::join(known, Self { lost_s, ..Self::new(code, defect.detail.as_str()) })
        })
    }
}
