//! Apple's Core Audio Format: chunks with 64-bit sizes. Uncompressed sound is read here; AAC and ALAC go through symphonia. Source: Apple,
//! "Apple Core Audio Format Specification 1.0".

use std::fs::File;

use super::compressed::{CompressedReader, Stream, caf_stream};
use super::raw::{DataChunk, Layout, RawReader, expect_frames, length, read_at};
use super::samples::Encoding;
use super::{Facts, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, Source};
use crate::error::{Fault, RejectCode};

/// Chunks looked at before a file counts as rubbish.
const MAX_CHUNKS: usize = 4096;
/// Bytes of the file header, of a chunk's header, and of the edit count before the samples.
const FILE_HEAD_BYTES: u64 = 8;
const CHUNK_HEAD_BYTES: u64 = 12;
const EDIT_COUNT_BYTES: u64 = 4;
/// The size of a data chunk that was not finished.
const TO_END_OF_FILE: u64 = u64::MAX;
/// Flags of linear PCM.
const IS_FLOAT: u32 = 1;
const IS_LITTLE_ENDIAN: u32 = 2;

/// The `desc` chunk.
#[derive(Debug, Clone, PartialEq)]
struct Description {
    sample_rate_hz: f64,
    format: [u8; 4],
    flags: u32,
    bytes_per_packet: u32,
    channels: u32,
    bits: u32,
}

/// The packets of compressed sound, by the `pakt` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packets {
    pub(super) number: u64,
    /// Frames of sound.
    pub(super) frames: u64,
    /// Frames of the first packets that are no sound.
    pub(super) priming: u64,
}

#[derive(Debug, Default)]
struct Outline {
    description: Option<Description>,
    data: Option<DataChunk>,
    packets: Option<Packets>,
}

/// Opens a CAF file.
pub(super) fn open(mut file: File) -> Result<Source, Fault> {
    let Outline { description, data, packets } = outline(&mut file)?;
    let description = description.ok_or_else(|| bad_header("no description of its format".to_owned()))?;
    let data = data.ok_or_else(|| Fault::Rejected(RejectCode::NoAudioData, "the file has no data chunk".to_owned()))?;
    match &description.format {
        b"lpcm" | b"alaw" | b"ulaw" => uncompressed(file, &description, &data),
        b"alac" | b"aac " => {
            let stream: Stream = caf_stream(file, &data, packets)?;
            CompressedReader::new(stream).map(|reader| Source::Compressed(Box::new(reader)))
        }
        other => Err(Fault::Rejected(
            RejectCode::UnsupportedCodec,
            format!("not supported: {:?} in CAF; convert the file", String::from_utf8_lossy(other)),
        )),
    }
}

fn uncompressed(file: File, description: &Description, data: &DataChunk) -> Result<Source, Fault> {
    let (layout, sample_rate_hz) = (description.layout()?, description.rate()?);
    let frames = data.available / layout.frame_bytes() as u64;
    let declared_frames = data.declared.map(|bytes| bytes / layout.frame_bytes() as u64);
    expect_frames(frames, declared_frames)?;
    let facts = Facts {
        codec: layout.encoding.codec_name(layout.big_endian),
        container: "caf",
        sample_rate_hz,
        channels: layout.channels,
        bits_per_sample: description.bits as u16,
        frames,
        declared_frames,
        repair: data.repair(frames, declared_frames, sample_rate_hz),
        comment: None,
    };
    RawReader::new(file, data.start, layout, facts).map(Source::Raw)
}

/// Walks the chunks.
fn outline(file: &mut File) -> Result<Outline, Fault> {
    let len = length(file)?;
    let mut found = Outline::default();
    let mut at = FILE_HEAD_BYTES;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; CHUNK_HEAD_BYTES as usize];
        if read_at(file, at, &mut head)? < head.len() {
            break;
        }
        let size = u64_at(&head, 4);
        let start = at + CHUNK_HEAD_BYTES;
        match &head[..4] {
            b"desc" if found.description.is_none() => found.description = Some(Description::read(file, start)?),
            b"data" if found.data.is_none() => found.data = Some(data(start, size, len)),
            b"pakt" if found.packets.is_none() => found.packets = Packets::read(file, start)?,
            _ => {}
        }
        match start.checked_add(size) {
            Some(next) if next <= len => at = next,
            _ => break,
        }
    }
    Ok(found)
}

fn data(start: u64, size: u64, len: u64) -> DataChunk {
    let samples = start + EDIT_COUNT_BYTES;
    let rest = len.saturating_sub(samples);
    match size {
        TO_END_OF_FILE => DataChunk::stated(samples, rest, rest),
        0 => DataChunk::to_end_of_file(samples, rest, "0, as when a recorder loses power"),
        _ => DataChunk::stated(samples, size.saturating_sub(EDIT_COUNT_BYTES), rest),
    }
}

impl Description {
    fn read(file: &mut File, start: u64) -> Result<Self, Fault> {
        let mut bytes = [0; 32];
        let read = read_at(file, start, &mut bytes)?;
        if read < bytes.len() {
            return Err(Fault::Rejected(
                RejectCode::TruncatedHeader,
                format!("the description has {read} bytes, expected {}", bytes.len()),
            ));
        }
        Ok(Self {
            sample_rate_hz: f64::from_bits(u64_at(&bytes, 0)),
            format: [bytes[8], bytes[9], bytes[10], bytes[11]],
            flags: u32_at(&bytes, 12),
            bytes_per_packet: u32_at(&bytes, 16),
            channels: u32_at(&bytes, 24),
            bits: u32_at(&bytes, 28),
        })
    }

    fn layout(&self) -> Result<Layout, Fault> {
        let channels = u16::try_from(self.channels).unwrap_or(u16::MAX);
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(bad_header(format!("{} channels, expected 1 to {MAX_CHANNELS}", self.channels)));
        }
        let bytes = self.bytes_per_packet / self.channels;
        let encoding = match (&self.format, self.flags & IS_FLOAT != 0, bytes) {
            (b"alaw", _, _) => Some(Encoding::ALaw),
            (b"ulaw", _, _) => Some(Encoding::MuLaw),
            (_, true, 4) => Some(Encoding::Float32),
            (_, true, 8) => Some(Encoding::Float64),
            (_, true, _) => None,
            (_, false, bytes) => u8::try_from(bytes).ok().and_then(Encoding::signed),
        };
        let encoding = encoding.ok_or_else(|| bad_header(format!("samples of {bytes} bytes (flags {})", self.flags)))?;
        if !(1..=64).contains(&self.bits) {
            return Err(bad_header(format!("{} bits per sample, expected 1 to 64", self.bits)));
        }
        Ok(Layout { encoding, big_endian: self.flags & IS_LITTLE_ENDIAN == 0, channels })
    }

    fn rate(&self) -> Result<u32, Fault> {
        let rate = self.sample_rate_hz.round();
        if !(1.0..=f64::from(MAX_SAMPLE_RATE_HZ)).contains(&rate) {
            return Err(bad_header(format!("a sample rate of {rate} Hz, expected 1 to {MAX_SAMPLE_RATE_HZ}")));
        }
        Ok(rate as u32)
    }
}

impl Packets {
    /// None where the chunk is cut.
    fn read(file: &mut File, start: u64) -> Result<Option<Self>, Fault> {
        let mut bytes = [0; 24];
        let read = read_at(file, start, &mut bytes)?;
        Ok((read == bytes.len()).then(|| Self {
            number: u64_at(&bytes, 0),
            frames: u64_at(&bytes, 8),
            priming: u64::from(u32_at(&bytes, 16)),
        }))
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

fn bad_header(found: String) -> Fault {
    Fault::Rejected(RejectCode::BadHeader, format!("the header states {found}"))
}
