//! FLAC. symphonia gets STREAMINFO and the audio, without tags, pictures and seek tables, so that a malformed tag does not
//! prevent reading and a large one takes no memory. The first frame corrects a STREAMINFO that contradicts it, and replaces one
//! that is missing. Tags that recorders write are read here. Source: RFC 9639.

use std::io::{Cursor, Read, Seek, SeekFrom};

use chorus_archive::ReadSeek;
use chorus_wav::bytes::{length, payload, read_at};
use symphonia::core::formats::TrackType;
use symphonia::core::io::ReadOnlySource;
use symphonia::default::formats::FlacReader;

use super::super::facts::{Repair, RepairCode};
use super::super::sniff::id3v2_bytes;
use super::fault::rejected;
use super::stream::{self, Edges, Stream};
use crate::error::{Fault, RejectCode};
use crate::headers::{TAG_BYTES, Tags};

/// Bytes of a STREAMINFO block, and the type of that block (section 8.2).
const STREAMINFO_BYTES: usize = 34;
const STREAMINFO_TYPE: u8 = 0;
/// Types of the blocks that hold tags.
const APPLICATION_TYPE: u8 = 2;
const VORBIS_COMMENT_TYPE: u8 = 4;
/// The flag of the last metadata block.
const LAST_BLOCK: u8 = 0x80;
/// The longest header of a frame.
const FRAME_HEAD_BYTES: usize = 16;

/// A FLAC file.
pub(super) fn stream(mut file: Box<dyn ReadSeek>) -> Result<Stream, Fault> {
    let len = length(&mut file)?;
    let mut tags = Tags::default();
    let (streaminfo, at) = metadata(&mut file, len, &mut tags)?;
    let mut head = [0; FRAME_HEAD_BYTES];
    let read = read_at(&mut file, at, &mut head)?;
    let frame = FrameHead::parse(&head[..read]);
    let (streaminfo, repair) = match (streaminfo, &frame) {
        (Some(stated), Some(frame)) => stated.corrected(frame),
        (Some(stated), None) => (stated, None),
        (None, frame) => StreamInfo::of(frame.as_ref())?,
    };
    file.seek(SeekFrom::Start(at))?;
    let bare = [b"fLaC".as_slice(), &[LAST_BLOCK | STREAMINFO_TYPE, 0, 0, STREAMINFO_BYTES as u8], &streaminfo.0].concat();
    let source = ReadOnlySource::new(Cursor::new(bare).chain(file));
    let demuxer = stream::demuxer("flac", Box::new(source), FlacReader::try_new)?;
    let edges = Edges::none(demuxer.default_track(TrackType::Audio).and_then(|track| track.num_frames));
    Ok(Stream { edges, packet_overhead: Some(0), repair, tags, ..Stream::new(demuxer, "flac", len.saturating_sub(at)) })
}

/// Walks the metadata blocks: the STREAMINFO, and where the audio begins. Tags on the way are put into `tags`.
fn metadata(file: &mut Box<dyn ReadSeek>, len: u64, tags: &mut Tags) -> Result<(Option<StreamInfo>, u64), Fault> {
    let mut head = [0; 10];
    let read = read_at(file, 0, &mut head)?;
    let mut at = id3v2_bytes(&head[..read]).unwrap_or(0) + 4;
    let mut streaminfo = None;
    loop {
        let mut block = [0; 4 + STREAMINFO_BYTES];
        let read = read_at(file, at, &mut block)?;
        let flags = block[0];
        let size = u32::from_be_bytes([0, block[1], block[2], block[3]]) as usize;
        at += 4 + size as u64;
        if read < 4 || at > len {
            return Err(rejected(
                RejectCode::TruncatedHeader,
                format!("the flac file ends after {len} bytes, inside its metadata"),
            ));
        }
        if flags & !LAST_BLOCK == STREAMINFO_TYPE && size == STREAMINFO_BYTES {
            let mut bytes = [0; STREAMINFO_BYTES];
            bytes.copy_from_slice(&block[4..]);
            streaminfo.get_or_insert(StreamInfo(bytes));
        }
        match flags & !LAST_BLOCK {
            APPLICATION_TYPE => tags.take_foreign(&payload(file, at - size as u64, size as u64, TAG_BYTES)?),
            VORBIS_COMMENT_TYPE => tags.take_vorbis(&payload(file, at - size as u64, size as u64, TAG_BYTES)?),
            _ => {}
        }
        if flags & LAST_BLOCK != 0 {
            return Ok((streaminfo, at));
        }
    }
}

/// The payload of a STREAMINFO block: block sizes, frame sizes, then 20 bits of sample rate, 3 of channels, 5 of
/// bits, 36 of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StreamInfo([u8; STREAMINFO_BYTES]);

impl StreamInfo {
    /// One made from a stream's first frame alone.
    fn of(frame: Option<&FrameHead>) -> Result<(Self, Option<Repair>), Fault> {
        let complete = frame.and_then(|frame| Some((frame, frame.sample_rate_hz?, frame.bits?)));
        let (frame, rate, bits) = complete
            .ok_or_else(|| rejected(RejectCode::BadHeader, "the flac file has no STREAMINFO block of 34 bytes".to_owned()))?;
        let packed = u64::from(rate) << 44 | u64::from(frame.channels - 1) << 41 | u64::from(bits - 1) << 36;
        let mut made = Self([0; STREAMINFO_BYTES]);
        made.0[10..18].copy_from_slice(&packed.to_be_bytes());
        made.set_blocks(frame);
        let detail = "there is no STREAMINFO block; the first frame's header was taken for it".to_owned();
        Ok((made, Some(Repair::new(RepairCode::InconsistentHeader, detail))))
    }

    fn packed(&self) -> u64 {
        self.0[10..18].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }

    fn blocks(&self) -> (u16, u16) {
        (u16::from_be_bytes([self.0[0], self.0[1]]), u16::from_be_bytes([self.0[2], self.0[3]]))
    }

    /// Sets block sizes that the stream's frames keep to, and leaves their sizes in bytes open.
    fn set_blocks(&mut self, frame: &FrameHead) {
        let block = frame.block.max(16);
        let (least, most) = if frame.is_variable { (16, u16::MAX) } else { (block, block) };
        self.0[..2].copy_from_slice(&least.to_be_bytes());
        self.0[2..4].copy_from_slice(&most.to_be_bytes());
        self.0[4..10].fill(0);
    }

    /// Brought into agreement with the first frame, which carries a checksum.
    fn corrected(mut self, frame: &FrameHead) -> (Self, Option<Repair>) {
        let packed = self.packed();
        let (least, most) = self.blocks();
        let (channels, bits) = ((packed >> 41 & 7) as u8 + 1, (packed >> 36 & 31) as u8 + 1);
        let total = packed & ((1 << 36) - 1);
        let mut wrong = Vec::new();
        if frame.channels != channels {
            wrong.push(format!("{channels} channels where frames have {}", frame.channels));
        }
        if let Some(found) = frame.bits.filter(|&found| found != bits) {
            wrong.push(format!("{bits} bits where frames have {found}"));
        }
        // The only frame of a short stream may be smaller than the stream's block size.
        let is_fixed = least == most;
        let differs = is_fixed && frame.block != most && total > u64::from(frame.block);
        if frame.block > most || differs || is_fixed == frame.is_variable && least > 16 {
            if frame.block > most || differs {
                wrong.push(format!("blocks of {most} frames where there are {}", frame.block));
            }
            self.set_blocks(frame);
        }
        let bits = frame.bits.unwrap_or(bits);
        let rest = packed & !(7 << 41 | 31 << 36);
        let packed = rest | u64::from(frame.channels - 1) << 41 | u64::from(bits - 1) << 36;
        self.0[10..18].copy_from_slice(&packed.to_be_bytes());
        let detail = || format!("STREAMINFO states {}; the first frame was believed", wrong.join(" and "));
        let repair = (!wrong.is_empty()).then(|| Repair::new(RepairCode::InconsistentHeader, detail()));
        (self, repair)
    }
}

/// The header of a frame (section 9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameHead {
    is_variable: bool,
    block: u16,
    sample_rate_hz: Option<u32>,
    channels: u8,
    bits: Option<u8>,
}

impl FrameHead {
    /// `None` where the header fails its checksum.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let [0xFF, sync @ (0xF8 | 0xF9), sizes, format, number, ..] = *bytes else { return None };
        // A number of as many bytes as its leading ones say, as in UTF-8.
        let mut at = 4 + match number.leading_ones() {
            0 => 1,
            n @ 2..=7 => n as usize,
            _ => return None,
        };
        let mut take = |count: usize| {
            let value = bytes.get(at..at + count)?.iter().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte));
            at += count;
            Some(value)
        };
        let block = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 144 << code,
            6 => take(1)? + 1,
            7 => take(2)? + 1,
            code => 1 << code,
        };
        let sample_rate_hz = match sizes & 0x0F {
            0 => None,
            12 => Some(take(1)? * 1000),
            13 => Some(take(2)?),
            14 => Some(take(2)? * 10),
            15 => return None,
            code => Some(
                [88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000][usize::from(code) - 1],
            ),
        };
        let channels = match format >> 4 {
            code @ 0..=7 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match format >> 1 & 7 {
            0 => None,
            3 => return None,
            code => Some([8, 12, 0, 16, 20, 24, 32][usize::from(code) - 1]),
        };
        let head = bytes.get(..at)?;
        (bytes.get(at) == Some(&crc8(head))).then_some(())?;
        Some(Self { is_variable: sync == 0xF9, block: u16::try_from(block).ok()?, sample_rate_hz, channels, bits })
    }
}

/// The checksum of a frame's header.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn head(bytes: &[u8]) -> Option<FrameHead> {
        FrameHead::parse(&[bytes, &[crc8(bytes)]].concat())
    }

    #[test]
    fn frame_headers_are_read_and_their_checksum_is_kept() {
        let read = head(&[0xFF, 0xF8, 0xC9, 0xA8, 0x00]).unwrap();
        let expected = FrameHead { is_variable: false, block: 4096, sample_rate_hz: Some(44_100), channels: 2, bits: Some(16) };
        assert_eq!(read, expected);
        let read = head(&[0xFF, 0xF9, 0x7C, 0x00, 0xC2, 0x80, 0x01, 0xF3, 96]).unwrap();
        let expected = FrameHead { is_variable: true, block: 500, sample_rate_hz: Some(96_000), channels: 1, bits: None };
        assert_eq!(read, expected);
        assert_eq!(FrameHead::parse(&[0xFF, 0xF8, 0xC9, 0xA8, 0x00, 0x00]), None);
        assert_eq!(head(&[0xFF, 0xF8, 0x09, 0xA8, 0x00]), None, "a reserved block size");
    }
}
