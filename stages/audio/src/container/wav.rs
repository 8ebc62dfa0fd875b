//! The WAV family: RIFF, RIFX, RF64, BW64 and Sony Wave64, read by ourselves because recorders lose power.
//!
//! Headers are not believed further than the file goes: nothing is allocated or skipped by a stated size without a check against
//! the file's length. Sources: RFC 2361 (format tags), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Sony's Wave64 description.

mod chunks;
mod format;
mod samples;

use std::io::{self, Read, Seek, SeekFrom};

use super::sniff::WavForm;
use super::{Facts, MAX_SAMPLE_RATE_HZ, Repair, RepairCode};
use crate::error::{Fault, RejectCode};
use crate::headers::{self, Header};
use chunks::{DataChunk, Extent, Outline};
use format::Format;
use samples::Decoder;

/// Bytes taken from the file at a time (and at least one frame).
const BLOCK_BYTES: usize = 64 * 1024;

/// Streams the frames of a file of the WAV family.
#[derive(Debug)]
pub(super) struct WavReader<R> {
    source: R,
    facts: Facts,
    decoder: Decoder,
    frame_bytes: usize,
    frames_left: u64,
    block: Vec<u8>,
}

impl<R: Read + Seek> WavReader<R> {
    pub(super) fn new(mut source: R, form: WavForm) -> Result<Self, Fault> {
        let outline = chunks::outline(&mut source, form)?;
        let big_endian = form == WavForm::Rifx;
        let format = Format::parse(&outline.fmt, big_endian)?;
        let data = outline.data.as_ref().ok_or_else(no_data_chunk)?;
        let header = headers::read(&outline.tags);
        let facts = facts(form, big_endian, &outline, data, &format, header)?;
        source.seek(SeekFrom::Start(data.start))?;
        Ok(Self {
            source,
            decoder: Decoder::new(format.encoding, big_endian),
            frame_bytes: format.frame_bytes(),
            frames_left: facts.frames,
            facts,
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
            self.source.read_exact(&mut self.block)?;
            self.decoder.decode(&self.block, out);
            done += frames;
        }
        self.frames_left -= wanted as u64;
        Ok(wanted)
    }
}

fn no_data_chunk() -> Fault {
    Fault::Rejected(
        RejectCode::NoAudioData,
        "the file has a format and no data chunk: the header is there, the sound is not".to_owned(),
    )
}

fn facts(
    form: WavForm,
    big_endian: bool,
    outline: &Outline,
    data: &DataChunk,
    format: &Format,
    header: Header,
) -> Result<Facts, Fault> {
    let frame_bytes = format.frame_bytes() as u64;
    let frames = data.available / frame_bytes;
    let declared_frames = data.declared.map(|bytes| bytes / frame_bytes);
    if frames == 0 {
        let promised = declared_frames.map_or("an unknown number of".to_owned(), |n| n.to_string());
        return Err(Fault::Rejected(
            RejectCode::NoAudioData,
            format!("the header promises {promised} frames and the file holds none"),
        ));
    }
    let time_expansion = time_expansion(format.sample_rate_hz, &header);
    let sample_rate_hz = (f64::from(format.sample_rate_hz) * time_expansion).round() as u32;
    let mut repair = extent_repair(data.extent, frames, declared_frames, sample_rate_hz);
    for known in [&outline.repair, &format.repair].into_iter().flatten() {
        repair = Repair::join(repair, known.clone());
    }
    Ok(Facts {
        codec: format.encoding.codec_name(big_endian),
        container: form.container(),
        sample_rate_hz,
        time_expansion,
        channels: format.channels,
        bits_per_sample: format.bits,
        frames,
        declared_frames,
        repair,
        header: Box::new(header),
    })
}

/// By how much the sound was sampled faster than the file states: the factor of its header, unless that gives a rate that no
/// recorder has.
fn time_expansion(file_rate_hz: u32, header: &Header) -> f64 {
    let factor = header.expansion_of(file_rate_hz);
    if f64::from(file_rate_hz) * factor <= f64::from(MAX_SAMPLE_RATE_HZ) { factor } else { 1.0 }
}

fn extent_repair(extent: Extent, frames: u64, declared: Option<u64>, rate_hz: u32) -> Option<Repair> {
    match extent {
        Extent::Stated => None,
        Extent::ToEndOfFile(found) => Some(Repair::new(
            RepairCode::SizeMissing,
            format!("the data chunk's size is {found}; read to the end of the file, {frames} frames"),
        )),
        Extent::CutShort => {
            let declared = declared.unwrap_or(frames);
            let missing = declared.saturating_sub(frames);
            // A cut inside the last frame, or of a byte of padding, loses nothing that could be read.
            (missing > 0).then(|| Repair {
                lost_s: missing as f64 / f64::from(rate_hz),
                ..Repair::new(RepairCode::Truncated, format!("the file holds {frames} of {declared} promised frames"))
            })
        }
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
