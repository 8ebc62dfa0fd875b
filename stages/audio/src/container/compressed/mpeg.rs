//! MPEG audio (MP3, and layers 1 and 2), alone or in WAV, and AAC in ADTS frames: streams of frames without a
//! container, between tags.
//!
//! symphonia reads the tags that encoders leave in a first, silent frame (Xing, Info, LAME, VBRI): the length, and
//! the frames that the encoder put before and behind the recording. Without them nothing is cut, as with ffmpeg and
//! mpg123.

use chorus_archive::ReadSeek;
use chorus_wav::bytes::{length, read_at};
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::default::formats::{AdtsReader, MpaReader};

use super::super::facts::{Repair, RepairCode};
use super::super::sniff::id3v2_bytes;
use super::stream::{self, Edges, Stream};
use crate::error::Fault;

/// Tags one behind the other, of which taggers leave more than one.
const MAX_TAGS: usize = 16;
/// Bytes of an ID3v1 tag, and of the footer of an APE tag.
const ID3V1_BYTES: u64 = 128;
const APE_FOOTER_BYTES: u64 = 32;
/// Frames that a damaged count may be wrong by before it is not believed: those of two MPEG frames.
const COUNT_SLACK: u64 = 2 * 1152;
/// Bytes of an ADTS header without and with its checksum.
const ADTS_HEAD_BYTES: [u64; 2] = [7, 9];

/// An MP3 file.
pub(super) fn mp3(mut file: Box<dyn ReadSeek>) -> Result<Stream, Fault> {
    let (start, end, repair) = between_tags(&mut file)?;
    let mut stream = section(file, start, end - start, "mp3")?;
    stream.repair = repair;
    Ok(stream)
}

/// MPEG frames in `bytes` bytes of a file from `start` on.
pub(in super::super) fn section(
    file: Box<dyn ReadSeek>,
    start: u64,
    bytes: u64,
    container: &'static str,
) -> Result<Stream, Fault> {
    let demuxer = stream::demuxer(container, stream::section(file, start, bytes)?, MpaReader::try_new)?;
    let edges = edges(&*demuxer);
    Ok(Stream { edges, packet_overhead: Some(0), ..Stream::new(demuxer, container, bytes) })
}

/// AAC in ADTS frames.
pub(super) fn adts(mut file: Box<dyn ReadSeek>) -> Result<Stream, Fault> {
    let (start, end, repair) = between_tags(&mut file)?;
    let mut head = [0; 2];
    read_at(&mut file, start, &mut head)?;
    let overhead = ADTS_HEAD_BYTES[usize::from(head[1] & 1 == 0)];
    let demuxer = stream::demuxer("adts", stream::section(file, start, end - start)?, AdtsReader::try_new)?;
    Ok(Stream { packet_overhead: Some(overhead), repair, ..Stream::new(demuxer, "adts", end - start) })
}

/// The encoder's own frames, by its tag.
fn edges(demuxer: &dyn FormatReader) -> Edges {
    let Some(track) = demuxer.default_track(TrackType::Audio) else { return Edges::none(None) };
    let (delay, padding) = (track.delay.unwrap_or(0), track.padding.unwrap_or(0));
    Edges {
        origin: -i64::from(delay),
        skip: u64::from(delay),
        keep: track.num_frames,
        slack: Some(u64::from(padding) + COUNT_SLACK),
        cut_by_decoder: false,
        starts_late: false,
    }
}

/// Where the frames begin and end, between the tags of a file, and what is wrong with those.
fn between_tags(file: &mut Box<dyn ReadSeek>) -> Result<(u64, u64, Option<Repair>), Fault> {
    let len = length(file)?;
    let end = before_tags(file, len)?;
    let mut start = 0;
    for _ in 0..MAX_TAGS {
        let mut head = [0; 10];
        let read = read_at(file, start, &mut head)?;
        match id3v2_bytes(&head[..read]) {
            Some(bytes) if start + bytes > end => {
                let detail = format!("an ID3 tag states {bytes} bytes, more than the file has; its size was not believed");
                return Ok((start + head.len() as u64, end, Some(Repair::new(RepairCode::BadChunk, detail))));
            }
            Some(bytes) => start += bytes,
            None => break,
        }
    }
    Ok((start, end, None))
}

/// Where the tags at the end of the file begin.
fn before_tags(file: &mut Box<dyn ReadSeek>, len: u64) -> Result<u64, Fault> {
    let mut end = len;
    for _ in 0..MAX_TAGS {
        let mut head = [0; 16];
        if end >= ID3V1_BYTES {
            read_at(file, end - ID3V1_BYTES, &mut head)?;
            if head.starts_with(b"TAG") {
                end -= ID3V1_BYTES;
                continue;
            }
        }
        if end < APE_FOOTER_BYTES {
            break;
        }
        read_at(file, end - APE_FOOTER_BYTES, &mut head)?;
        // The size counts the footer; a header of the same length may stand before the tag, and reads as rubbish between frames.
        let bytes = u64::from(u32::from_le_bytes([head[12], head[13], head[14], head[15]]));
        if !head.starts_with(b"APETAGEX") || !(APE_FOOTER_BYTES..=end).contains(&bytes) {
            break;
        }
        end -= bytes;
    }
    Ok(end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn between(bytes: &[u8]) -> (u64, u64, bool) {
        let mut file: Box<dyn ReadSeek> = Box::new(std::io::Cursor::new(bytes.to_vec()));
        let (start, end, repair) = between_tags(&mut file).unwrap();
        (start, end, repair.is_some())
    }

    #[test]
    fn tags_are_passed_over_at_both_ends() {
        let id3v2 = [b"ID3\x04\0\0\0\0\0\x05".as_slice(), &[7; 5]].concat();
        let id3v1 = [b"TAG".as_slice(), &[0; 125]].concat();
        let ape = [[9; 8].as_slice(), b"APETAGEX", &2000_u32.to_le_bytes(), &40_u32.to_le_bytes(), &[0; 16]].concat();
        let sound = [1; 200];
        assert_eq!(between(&sound), (0, 200, false));
        assert_eq!(between(&[&id3v2[..], &id3v2, &sound, &ape, &id3v1].concat()), (30, 230, false));
        assert_eq!(between(&[b"ID3\x04\0\0\x7F\x7F\x7F\x7F".as_slice(), &sound].concat()), (10, 210, true), "a size that lies");
        assert_eq!(between(b"ID3"), (0, 3, false));
    }
}
