//! From a file to frames of samples: the format by content, damage repaired where that is honest, memory bounded.
//!
//! A recording is either read ([`Reader`]), read with a [`Repair`] that describes what was wrong and what is lost, or
//! refused with [`AudioError::Rejected`]. Samples are f32, interleaved `[frame, channel]`; integers of `b` bits are
//! divided by 2^(b - 1), so they lie in [-1, 1). Float samples are as they are in the file, except that NaN and
//! infinity read as 0, which is a repair.

mod aiff;
mod caf;
pub mod channels;
mod compressed;
mod facts;
mod frames;
mod hashed;
pub mod levels;
mod silence;
mod sniff;
mod uncompressed;
mod wav;

use chorus_archive::{Archive, ReadSeek};

use crate::error::{AudioError, Fault, RejectCode};
pub use chorus_wav::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};
pub use facts::{Facts, Repair, RepairCode};
use frames::Frames;
pub use hashed::{ContentHash, hashed};
use levels::{LevelMeter, Levels};
use sniff::Kind;

/// Frames per read where the whole of a recording is read.
pub(crate) const READ_FRAMES: usize = 16_384;

/// The longest recording that is believed, days. A few kilobytes of compressed silence at a stated rate of 1 Hz would last for years, and
/// have as many windows as a whole survey.
pub const MOST_DAYS: u64 = 100;

/// A recording open for reading from its first frame on.
#[derive(Debug)]
pub struct Reader {
    location: String,
    frames: Box<dyn Frames>,
    /// Frames that were read.
    read: u64,
}

impl Reader {
    /// Opens a recording. Its name plays no part: `location` is how errors name it.
    ///
    /// # Errors
    ///
    /// [`AudioError::Rejected`] when its header shows that it cannot be used, [`AudioError::Io`] when it cannot be read.
    pub fn new(source: Box<dyn ReadSeek>, location: String) -> Result<Self, AudioError> {
        let opened = frames(source).and_then(|frames| {
            believable(frames.facts(), if frames.is_settled() { frames.facts().frames } else { 0 })?;
            Ok(frames)
        });
        match opened {
            Ok(frames) => Ok(Self { location, frames, read: 0 }),
            Err(fault) => Err(fault.at(&location)),
        }
    }

    /// What is known of the recording. For uncompressed recordings this is final from the start, except for samples that are
    /// not finite, which are added to `repair` with the last frame, and for coded silence of AudioMoths, which `frames` counts
    /// when [`Reader::read`] has returned 0. For compressed recordings `frames` is the header's figure (or 0) and `repair` is
    /// empty until then.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.frames.facts()
    }

    /// Replaces the contents of `out` by the next frames, interleaved `[frame, channel]`: at most `max_frames` (at
    /// least 1) of them. Returns their number, which is 0 only at the end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any further, or when nothing in it can be decoded.
    pub fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, AudioError> {
        out.clear();
        let read = self.frames.read(max_frames.max(1), out).and_then(|read| {
            self.read += read as u64;
            believable(self.frames.facts(), self.read)?;
            Ok(read)
        });
        read.map_err(|fault| fault.at(&self.location))
    }
}

/// Refuses a recording that lasts longer than any.
fn believable(facts: &Facts, frames: u64) -> Result<(), Fault> {
    let most = MOST_DAYS * 86_400 * u64::from(facts.sample_rate_hz);
    if frames <= most {
        return Ok(());
    }
    let detail = format!(
        "at {} Hz, as the header states, the recording lasts more than {MOST_DAYS} days; expected the rate that it was recorded with. \
         Correct the header, or convert the file",
        facts.sample_rate_hz
    );
    Err(Fault::Rejected(RejectCode::BadHeader, detail))
}

fn frames(mut source: Box<dyn ReadSeek>) -> Result<Box<dyn Frames>, Fault> {
    let (kind, start) = sniff::recognise(&mut source)?;
    match kind {
        Kind::Wav(form) => wav::open(source, form, start),
        Kind::Aiff => aiff::open(source),
        Kind::Caf => caf::open(source),
        Kind::Flac => Ok(silence::of_flac(compressed::open(source, Kind::Flac)?)),
        kind => compressed::open(source, kind),
    }
}

/// Opens a recording of an archive.
///
/// # Errors
///
/// As [`Reader::new`]; [`AudioError::Archive`] when the archive does not give it.
pub fn open(archive: &dyn Archive, path: &str) -> Result<Reader, AudioError> {
    Reader::new(archive.open(path)?, archive.location(path))
}

/// Finds out what a recording is. For integer samples the header is mostly enough. Other recordings are decoded from end to end:
/// the header of a compressed file does not show that the file was cut, the header of floats does not show that some samples are
/// not finite, and one channel of 16 bits may hold coded silence.
///
/// # Errors
///
/// As [`open`] and [`Reader::read`].
pub fn probe(archive: &dyn Archive, path: &str) -> Result<Facts, AudioError> {
    probe_reader(open(archive, path)?)
}

/// [`probe`] of an open recording.
///
/// # Errors
///
/// As [`Reader::read`].
pub fn probe_reader(mut reader: Reader) -> Result<Facts, AudioError> {
    if !reader.frames.is_settled() {
        let mut frames = Vec::new();
        while reader.read(READ_FRAMES, &mut frames)? > 0 {}
    }
    Ok(reader.facts().clone())
}

/// The facts and [`Levels`] of a recording, in one pass over it.
///
/// # Errors
///
/// As [`Reader::read`].
pub fn measure(mut reader: Reader) -> Result<(Facts, Levels), AudioError> {
    let mut meter = LevelMeter::new(reader.facts());
    let mut frames = Vec::new();
    while reader.read(READ_FRAMES, &mut frames)? > 0 {
        meter.push(&frames);
    }
    Ok((reader.facts().clone(), meter.levels()))
}
