//! Apple's Core Audio Format: chunks with 64-bit sizes. Uncompressed sound is read here; AAC and ALAC go through symphonia.
//! Source: Apple, "Apple Core Audio Format Specification 1.0".

use chorus_archive::ReadSeek;
use chorus_wav::bytes::{length, payload, read_at, u32_be, u64_be};
use chorus_wav::{Data, Encoding, FrameReader, Layout, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};

use super::compressed::CompressedReader;
use super::compressed::caf::{DESCRIPTION_BYTES, Parts, stream};
use super::facts::{Facts, Repair};
use super::frames::Frames;
use super::uncompressed::Uncompressed;
use crate::error::{Fault, RejectCode};

/// Chunks looked at before a file counts as rubbish.
const MAX_CHUNKS: usize = 4096;
/// Bytes of the file header, of a chunk's header, and of the edit count before the samples.
const FILE_HEAD_BYTES: u64 = 8;
const CHUNK_HEAD_BYTES: u64 = 12;
const EDIT_COUNT_BYTES: u64 = 4;
/// The most that is read of a cookie (which has some tens of bytes) and of a packet table (some bytes a packet).
const MOST_COOKIE_BYTES: u64 = 64 * 1024;
const MOST_TABLE_BYTES: u64 = 256 << 20;
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

#[derive(Debug, Default)]
struct Outline {
    description: Option<[u8; DESCRIPTION_BYTES]>,
    data: Option<Data>,
    cookie: Option<Vec<u8>>,
    packets: Option<Vec<u8>>,
}

/// Opens a CAF file.
pub(super) fn open(mut file: Box<dyn ReadSeek>) -> Result<Box<dyn Frames>, Fault> {
    let Outline { description, data, cookie, packets } = outline(&mut file)?;
    let bytes = description.ok_or_else(|| bad_header("no description of its format".to_owned()))?;
    let data = data.ok_or_else(|| Fault::Rejected(RejectCode::NoAudioData, "the file has no data chunk".to_owned()))?;
    let description = Description::parse(&bytes);
    match &description.format {
        b"lpcm" | b"alaw" | b"ulaw" => uncompressed(file, &description, &data),
        b"alac" | b"aac " => {
            let stream = stream(file, &Parts { description: bytes, cookie, packets, data })?;
            Ok(Box::new(CompressedReader::new(stream)?))
        }
        other => Err(Fault::Rejected(
            RejectCode::UnsupportedCodec,
            format!("not supported: {:?} in CAF; convert the file", String::from_utf8_lossy(other)),
        )),
    }
}

fn uncompressed(file: Box<dyn ReadSeek>, description: &Description, data: &Data) -> Result<Box<dyn Frames>, Fault> {
    let (layout, sample_rate_hz) = (description.layout()?, description.rate()?);
    let (frames, declared_frames) = data.frames(|bytes| bytes / layout.frame_bytes() as u64)?;
    let facts = Facts {
        codec: layout.encoding.codec_name(layout.big_endian),
        container: "caf",
        sample_rate_hz,
        channels: layout.channels,
        bits_per_sample: description.bits as u16,
        frames,
        declared_frames,
        repair: Repair::of(data.defect(frames, declared_frames).as_slice(), sample_rate_hz),
        time_expansion: 1.0,
        header: Box::default(),
    };
    Ok(Box::new(Uncompressed::new(FrameReader::pcm(file, data.start, layout, frames)?, facts)))
}

/// Walks the chunks.
fn outline(file: &mut Box<dyn ReadSeek>) -> Result<Outline, Fault> {
    let len = length(file)?;
    let mut found = Outline::default();
    let mut at = FILE_HEAD_BYTES;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; CHUNK_HEAD_BYTES as usize];
        if read_at(file, at, &mut head)? < head.len() {
            break;
        }
        let size = u64_be(&head, 4);
        let start = at + CHUNK_HEAD_BYTES;
        match &head[..4] {
            b"desc" if found.description.is_none() => found.description = Some(description(file, start)?),
            b"data" if found.data.is_none() => found.data = Some(data(start, size, len)),
            b"kuki" if found.cookie.is_none() => found.cookie = Some(payload(file, start, size, MOST_COOKIE_BYTES)?),
            b"pakt" if found.packets.is_none() => found.packets = Some(payload(file, start, size, MOST_TABLE_BYTES)?),
            _ => {}
        }
        match start.checked_add(size) {
            Some(next) if next <= len => at = next,
            _ => break,
        }
    }
    Ok(found)
}

fn data(start: u64, size: u64, len: u64) -> Data {
    let samples = start + EDIT_COUNT_BYTES;
    let rest = len.saturating_sub(samples);
    match size {
        TO_END_OF_FILE => Data::stated(samples, rest, rest),
        0 => Data::to_end_of_file(samples, rest, "0, as when a recorder loses power"),
        _ => Data::stated(samples, size.saturating_sub(EDIT_COUNT_BYTES), rest),
    }
}

/// The `desc` chunk.
fn description(file: &mut Box<dyn ReadSeek>, start: u64) -> Result<[u8; DESCRIPTION_BYTES], Fault> {
    let mut bytes = [0; DESCRIPTION_BYTES];
    let read = read_at(file, start, &mut bytes)?;
    if read < bytes.len() {
        return Err(Fault::Rejected(
            RejectCode::TruncatedHeader,
            format!("the description has {read} bytes, expected {DESCRIPTION_BYTES}"),
        ));
    }
    Ok(bytes)
}

impl Description {
    fn parse(bytes: &[u8; DESCRIPTION_BYTES]) -> Self {
        Self {
            sample_rate_hz: f64::from_bits(u64_be(bytes, 0)),
            format: [bytes[8], bytes[9], bytes[10], bytes[11]],
            flags: u32_be(bytes, 12),
            bytes_per_packet: u32_be(bytes, 16),
            channels: u32_be(bytes, 24),
            bits: u32_be(bytes, 28),
        }
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

fn bad_header(found: String) -> Fault {
    Fault::Rejected(RejectCode::BadHeader, format!("the header states {found}"))
}
