//! Samples that lie in a file as they are, frame behind frame: the readers of WAV, AIFF and CAF end here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::samples::{Decoder, Encoding};
use super::{Facts, Repair, RepairCode};
use crate::error::{Fault, RejectCode};

/// Bytes taken from the file at a time (and at least one frame).
const BLOCK_BYTES: usize = 64 * 1024;

/// Where the samples are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataChunk {
    pub(super) start: u64,
    /// Bytes to read, which the file does hold.
    pub(super) available: u64,
    /// Bytes that the header promises, where it does.
    pub(super) declared: Option<u64>,
    pub(super) extent: Extent,
}

/// How the end of the data was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Stated,
    CutShort,
    /// The size is unusable, for the reason given.
    ToEndOfFile(&'static str),
}

impl DataChunk {
    /// The data from `start` on, where the header states `size` bytes and the file holds `rest`.
    pub(super) fn stated(start: u64, size: u64, rest: u64) -> Self {
        let extent = if size > rest { Extent::CutShort } else { Extent::Stated };
        Self { start, available: size.min(rest), declared: Some(size), extent }
    }

    /// The data from `start` on, all `rest` bytes of the file, because the stated size is of no use.
    pub(super) fn to_end_of_file(start: u64, rest: u64, why: &'static str) -> Self {
        Self { start, available: rest, declared: None, extent: Extent::ToEndOfFile(why) }
    }

    /// What is wrong with the extent, when the data makes `frames` frames and the header promises `declared`.
    pub(super) fn repair(&self, frames: u64, declared: Option<u64>, rate_hz: u32) -> Option<Repair> {
        match self.extent {
            Extent::Stated => None,
            Extent::ToEndOfFile(found) => Some(Repair::new(
                RepairCode::SizeMissing,
                format!("the data chunk's size is {found}; read to the end of the file, {frames} frames"),
            )),
            Extent::CutShort => {
                let declared = declared.unwrap_or(frames);
                let missing = declared.saturating_sub(frames);
                // A cut inside the last frame, or of a byte of padding, loses nothing that could be read.
                (missing > 0).then(|| {
                    Repair::new(RepairCode::Truncated, format!("the file holds {frames} of {declared} promised frames"))
                        .losing(missing as f64 / f64::from(rate_hz))
                })
            }
        }
    }
}

/// Refuses a recording without a frame.
pub(super) fn expect_frames(frames: u64, declared: Option<u64>) -> Result<(), Fault> {
    if frames > 0 {
        return Ok(());
    }
    let promised = declared.map_or("an unknown number of".to_owned(), |n| n.to_string());
    Err(Fault::Rejected(RejectCode::NoAudioData, format!("the header promises {promised} frames and the file holds none")))
}

/// How the samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) encoding: Encoding,
    pub(super) big_endian: bool,
    pub(super) channels: u16,
}

impl Layout {
    pub(super) fn frame_bytes(self) -> usize {
        usize::from(self.channels) * self.encoding.bytes()
    }
}

/// Streams the frames.
#[derive(Debug)]
pub(super) struct RawReader {
    file: File,
    facts: Facts,
    decoder: Decoder,
    frame_bytes: usize,
    frames_left: u64,
    /// Samples that were no numbers so far.
    replaced: u64,
    block: Vec<u8>,
}

impl RawReader {
    /// A reader of `facts.frames` frames from `start` on, which the file holds.
    pub(super) fn new(mut file: File, start: u64, layout: Layout, facts: Facts) -> Result<Self, Fault> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self {
            file,
            decoder: Decoder::new(layout.encoding, layout.big_endian),
            frame_bytes: layout.frame_bytes(),
            frames_left: facts.frames,
            facts,
            replaced: 0,
            block: Vec::new(),
        })
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Appends up to `max_frames` frames to `out`.
    pub(super) fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Fault> {
        let wanted = self.frames_left.min(max_frames as u64) as usize;
        let per_block = (BLOCK_BYTES / self.frame_bytes).max(1);
        let mut done = 0;
        while done < wanted {
            let frames = per_block.min(wanted - done);
            self.block.resize(frames * self.frame_bytes, 0);
            self.file.read_exact(&mut self.block)?;
            self.replaced += self.decoder.decode(&self.block, out);
            done += frames;
        }
        self.frames_left -= wanted as u64;
        if self.frames_left == 0 {
            self.tell_replaced();
        }
        Ok(wanted)
    }

    /// Adds to the repair, once, what was replaced in the whole recording.
    fn tell_replaced(&mut self) {
        let replaced = std::mem::take(&mut self.replaced);
        if replaced == 0 {
            return;
        }
        let samples = self.facts.frames * u64::from(self.facts.channels);
        let detail = format!("{replaced} of {samples} samples are NaN or infinite and read as 0");
        let lost_s = replaced as f64 / samples as f64 * self.facts.duration_s();
        let repair = Repair::new(RepairCode::BadSamples, detail).losing(lost_s);
        self.facts.repair = Repair::join(self.facts.repair.take(), repair);
    }
}

/// Reads at `at` until `buffer` is full or the file ends; returns the number of bytes read.
pub(super) fn read_at<R: Read + Seek>(source: &mut R, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    source.seek(SeekFrom::Start(at))?;
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The file's length in bytes.
pub(super) fn length(source: &mut impl Seek) -> io::Result<u64> {
    source.seek(SeekFrom::End(0))
}
