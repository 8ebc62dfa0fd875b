//! From a file to frames of samples: format by content, damage repaired where that is honest, memory bounded.
//!
//! A recording is either read ([`Reader`]), read with a [`Repair`] that says what was wrong and what is lost, or refused with
//! [`AudioError::Rejected`]. Samples are f32, interleaved `[frame, channel]`; integers of `b` bits are divided by 2^(b - 1), so they
//! lie in [-1, 1). Float samples stand as they are in the file, except that NaN and infinity read as 0, which is a repair.

mod adpcm;
mod aiff;
mod caf;
pub mod channels;
mod compressed;
pub mod levels;
mod raw;
mod samples;
mod sniff;
mod wav;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{AudioError, Fault, RejectCode};
use crate::headers::Header;
use adpcm::AdpcmReader;
use compressed::CompressedReader;
use levels::{LevelMeter, Levels};
use raw::RawReader;
use sniff::Kind;

/// The largest sample rate that a header may state: twice what the fastest bat detectors use.
pub const MAX_SAMPLE_RATE_HZ: u32 = 1_000_000;

/// More channels than any array that records to one file.
pub const MAX_CHANNELS: u16 = 128;

/// Frames per read where the whole of a recording is passed through.
pub(crate) const READ_FRAMES: usize = 16_384;

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
    /// What was wrong and has been worked around.
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
}

/// A defect that did not prevent reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// The defect as a stable code; the first, where there are several.
    pub code: RepairCode,
    /// The defects as sentences: what was found, and what was done.
    pub detail: String,
    /// Seconds of sound that are lost; None where that can't be known.
    pub lost_s: Option<f64>,
}

impl Repair {
    fn new(code: RepairCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), lost_s: Some(0.0) }
    }

    /// The same with so many seconds lost.
    fn losing(self, seconds: f64) -> Self {
        Self { lost_s: Some(seconds), ..self }
    }

    /// The same with an unknown number of seconds lost.
    fn losing_unknown(self) -> Self {
        Self { lost_s: None, ..self }
    }

    /// Adds `next` to what is already known to be wrong.
    fn join(known: Option<Self>, next: Self) -> Option<Self> {
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

/// The defects that are worked around: codes of `recordings.reason_code`, explained in `docs/recordings-status.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepairCode {
    /// `truncated`: the file ends before its promised length.
    Truncated,
    /// `size_missing`: the header holds no usable length (0, a placeholder, or a size that wrapped at 4 GiB).
    SizeMissing,
    /// `bad_chunk`: a chunk with a wrong size or rubbish in its place had to be jumped over.
    BadChunk,
    /// `inconsistent_header`: fields that contradict each other, of which the likelier was believed.
    InconsistentHeader,
    /// `damaged`: parts in the middle can't be decoded and read as silence.
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

/// A recording open for reading from its first frame on.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Raw(RawReader),
    Adpcm(AdpcmReader),
    Compressed(Box<CompressedReader>),
}

impl Reader {
    /// What is known of the recording. For uncompressed ones that is final from the start, but for samples that are no numbers: `repair` tells
    /// of them when the last frame was read. Elsewhere `frames` is the header's figure (or 0) and `repair` is empty until
    /// [`Reader::read`] has returned 0.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        match &self.source {
            Source::Raw(reader) => reader.facts(),
            Source::Adpcm(reader) => reader.facts(),
            Source::Compressed(reader) => reader.facts(),
        }
    }

    /// Replaces the contents of `out` by the next frames, interleaved `[frame, channel]`: at most `max_frames` (at least 1) of them.
    /// Returns their number, which is 0 only at the end.
    ///
    /// # Errors
    ///
    /// When the file can't be read any further, or when nothing in it can be decoded.
    pub fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, AudioError> {
        let max_frames = max_frames.max(1);
        out.clear();
        match &mut self.source {
            Source::Raw(reader) => reader.read(max_frames, out),
            Source::Adpcm(reader) => reader.read(max_frames, out),
            Source::Compressed(reader) => reader.read(max_frames, out),
        }
        .map_err(|fault| fault.at(&self.path))
    }
}

/// Opens a recording. Its name plays no part.
///
/// # Errors
///
/// [`AudioError::Rejected`] when its header shows that it can't be used, [`AudioError::Io`] when it can't be read.
pub fn open(path: impl AsRef<Path>) -> Result<Reader, AudioError> {
    let path = path.as_ref();
    let source = open_source(path).map_err(|fault| fault.at(path))?;
    Ok(Reader { path: path.to_owned(), source })
}

fn open_source(path: &Path) -> Result<Source, Fault> {
    // Opening a pipe would wait for someone to write to it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Fault::Rejected(RejectCode::NotAudio, "not a file but a folder, a pipe or a device".to_owned()));
    }
    let mut file = File::open(path)?;
    let (kind, start) = sniff::recognise(&mut file)?;
    match kind {
        Kind::Wav(form) => wav::open(file, form, start),
        Kind::Aiff => aiff::open(file),
        Kind::Caf => caf::open(file),
        kind => compressed::open(file, kind),
    }
}

/// Finds out what a recording is. The headers of integers tell all; anything else is decoded from end to end, because a compressed file's
/// header does not know that the file was cut, nor that of floats which samples are no numbers.
///
/// # Errors
///
/// As [`open`] and [`Reader::read`].
pub fn probe(path: impl AsRef<Path>) -> Result<Facts, AudioError> {
    let mut reader = open(path)?;
    if matches!(reader.source, Source::Compressed(_)) || reader.facts().codec.starts_with("pcm_f") {
        let mut frames = Vec::new();
        while reader.read(READ_FRAMES, &mut frames)? > 0 {}
    }
    Ok(reader.facts().clone())
}

/// [`probe`] and [`Levels`] in one pass over the recording.
///
/// # Errors
///
/// As [`open`] and [`Reader::read`].
pub fn measure(path: impl AsRef<Path>) -> Result<(Facts, Levels), AudioError> {
    let mut reader = open(path)?;
    let mut meter = LevelMeter::new(reader.facts());
    let mut frames = Vec::new();
    while reader.read(READ_FRAMES, &mut frames)? > 0 {
        meter.push(&frames);
    }
    Ok((reader.facts().clone(), meter.levels()))
}
