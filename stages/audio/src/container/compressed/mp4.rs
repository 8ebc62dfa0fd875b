//! MPEG-4 files (M4A, MP4, MOV) with AAC, ALAC or FLAC. An edit list states where the recording begins after the encoder's first
//! frames, and how long it is. symphonia 0.6.1 does not apply edit lists, so they are read here. Source: ISO/IEC 14496-12
//! (boxes).

use chorus_archive::ReadSeek;
use chorus_wav::bytes::{length, read_at, u32_be};
use symphonia::core::formats::TrackType;
use symphonia::core::io::{MediaSourceStream, SeekBuffered};
use symphonia::default::formats::IsoMp4Reader;

use super::super::sniff::unsupported;
use super::fault::rejected;
use super::stream::{self, Edges, Stream};
use crate::error::{Fault, RejectCode};

/// Boxes looked at before a file counts as rubbish, and how deep they may lie in each other.
const MAX_BOXES: usize = 4096;
const MAX_DEPTH: usize = 8;
/// Boxes that hold boxes on the way to what is needed.
const HOLDERS: [&[u8; 4]; 6] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"];
/// The most steps that finding the times of all packets may take: symphonia goes through the table of durations for each.
const MAX_STEPS: u64 = 4_000_000_000;
/// Encodings that are read.
const CODECS: [&[u8; 4]; 3] = [b"mp4a", b"alac", b"fLaC"];

/// What the boxes say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Outline {
    has_index: bool,
    is_fragmented: bool,
    /// Units of time a second, of the edit list's durations.
    timescale: u32,
    tracks: Vec<Track>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Track {
    is_sound: bool,
    codec: [u8; 4],
    timescale: u32,
    /// The first edit that is not empty: where it begins in the track, and how long it is.
    edit: Option<(u64, u64)>,
    durations: u64,
    packets: u64,
}

/// An MPEG-4 file.
pub(super) fn stream(mut file: Box<dyn ReadSeek>) -> Result<Stream, Fault> {
    let len = length(&mut file)?;
    let outline = outline(&mut file, len)?;
    outline.check(len)?;
    let demuxer = stream::demuxer("mp4", stream::whole(file)?, |mut source: MediaSourceStream<'static>, options| {
        // The reader goes back to the start of the box whose name is the mark of the format.
        source.seek_buffered_rel(4);
        let mut mark = [0; 4];
        symphonia::core::io::ReadBytes::read_buf_exact(&mut source, &mut mark)?;
        IsoMp4Reader::try_new(source, options)
    })?;
    let track = demuxer.default_track(TrackType::Audio);
    let rate = track.and_then(|track| track.codec_params.as_ref()?.audio()?.sample_rate).unwrap_or(0);
    let frames = track.and_then(|track| track.num_frames).filter(|&frames| frames > 0);
    let edges = outline.edges(rate, frames);
    Ok(Stream { edges, ..Stream::new(demuxer, "mp4", len) })
}

impl Outline {
    /// Refuses what can't be read, by name.
    fn check(&self, len: u64) -> Result<(), Fault> {
        if !self.has_index {
            return Err(rejected(
                RejectCode::TruncatedHeader,
                format!(
                    "the mp4 file has no index (moov) in its {len} bytes: recorders write it last, and without it nothing can be found"
                ),
            ));
        }
        let sound =
            self.sound().ok_or_else(|| rejected(RejectCode::NoAudioData, "the mp4 file has no sound track".to_owned()))?;
        if !CODECS.contains(&&sound.codec) {
            return unsupported(&format!("{:?} in MP4", String::from_utf8_lossy(&sound.codec)));
        }
        let steps = self.tracks.iter().map(|track| track.durations.saturating_mul(track.packets)).fold(0, u64::saturating_add);
        if steps > MAX_STEPS {
            return Err(rejected(
                RejectCode::BadHeader,
                format!("the mp4 file's table of durations takes {steps} steps to follow"),
            ));
        }
        Ok(())
    }

    fn sound(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.is_sound)
    }

    /// Where the recording lies in a track of `frames` frames. Edits in other units than frames are not applied.
    fn edges(&self, rate_hz: u32, frames: Option<u64>) -> Edges {
        let edit = self.sound().filter(|track| track.timescale == rate_hz).and_then(|track| track.edit);
        let (skip, length) = edit.unwrap_or((0, 0));
        let left = frames.map(|frames| frames.saturating_sub(skip));
        let edited = (length > 0 && self.timescale > 0).then(|| in_frames(length, rate_hz, self.timescale));
        // The edit's length is in coarse units. Where it agrees with the track to within one unit, nothing is cut at the end.
        let coarse = u64::from(rate_hz) / u64::from(self.timescale.max(1)) + 1;
        let keep = match (edited, left) {
            (Some(edited), Some(left)) if edited + coarse < left => Some(edited),
            (Some(edited), None) if !self.is_fragmented => Some(edited),
            (_, left) => left,
        };
        Edges { skip, keep, slack: if keep.is_some() { None } else { Some(0) }, ..Edges::none(None) }
    }
}

fn in_frames(length: u64, rate_hz: u32, timescale: u32) -> u64 {
    let frames = u128::from(length) * u128::from(rate_hz);
    u64::try_from((frames + u128::from(timescale) / 2) / u128::from(timescale)).unwrap_or(u64::MAX)
}

/// Goes through the boxes.
fn outline(file: &mut Box<dyn ReadSeek>, len: u64) -> Result<Outline, Fault> {
    let mut found = Outline::default();
    let mut ends = vec![len];
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        while ends.len() > 1 && ends.last().is_some_and(|&end| at >= end) {
            ends.pop();
        }
        let end = ends.last().copied().unwrap_or(len);
        let Some((name, body, next)) = box_at(file, at, end)? else {
            // Rubbish inside a box ends that box only.
            if ends.len() == 1 {
                break;
            }
            at = end;
            continue;
        };
        if HOLDERS.contains(&&name) && ends.len() < MAX_DEPTH {
            found.has_index |= &name == b"moov";
            if &name == b"trak" {
                found.tracks.push(Track::default());
            }
            ends.push(next);
            at = body;
        } else {
            found.take(file, &name, body, next)?;
            at = next;
        }
    }
    Ok(found)
}

/// The name of the box at `at`, where its contents begin, and where it ends.
fn box_at(file: &mut Box<dyn ReadSeek>, at: u64, end: u64) -> Result<Option<([u8; 4], u64, u64)>, Fault> {
    let mut head = [0; 16];
    let read = read_at(file, at, &mut head)?;
    if read < 8 || at + 8 > end {
        return Ok(None);
    }
    let name = [head[4], head[5], head[6], head[7]];
    let (head_bytes, size) = match u32_be(&head, 0) {
        0 => (8, end - at),
        1 if read == 16 => (16, u64::from(u32_be(&head, 8)) << 32 | u64::from(u32_be(&head, 12))),
        size => (8, u64::from(size)),
    };
    if size < head_bytes {
        return Ok(None);
    }
    // A cut file ends inside its sound: the box is as long as what is left of it.
    Ok(Some((name, at + head_bytes, at.saturating_add(size).min(end))))
}

impl Outline {
    /// Keeps what is needed of a box.
    fn take(&mut self, file: &mut Box<dyn ReadSeek>, name: &[u8; 4], body: u64, end: u64) -> Result<(), Fault> {
        let mut bytes = [0; 64];
        let wanted = bytes.len().min(usize::try_from(end.saturating_sub(body)).unwrap_or(usize::MAX));
        let read = read_at(file, body, &mut bytes[..wanted])?;
        let bytes = &bytes[..read];
        let version_1 = bytes.first() == Some(&1);
        let u32_at = |at: usize| bytes.get(at..at + 4).map(|_| u32_be(bytes, at));
        match (name, self.tracks.last_mut()) {
            (b"mvex", _) => self.is_fragmented = true,
            (b"mvhd", _) => self.timescale = u32_at(if version_1 { 20 } else { 12 }).unwrap_or(0),
            (b"mdhd", Some(track)) => track.timescale = u32_at(if version_1 { 20 } else { 12 }).unwrap_or(0),
            (b"hdlr", Some(track)) => track.is_sound |= bytes.get(8..12) == Some(b"soun"),
            (b"stsd", Some(track)) => {
                track.codec = bytes.get(12..16).and_then(|name| name.try_into().ok()).unwrap_or(track.codec)
            }
            (b"stts", Some(track)) => track.durations = u32_at(4).unwrap_or(0).into(),
            (b"stsz", Some(track)) => track.packets = u32_at(8).unwrap_or(0).into(),
            (b"elst", Some(track)) => track.edit = edit(bytes, version_1),
            _ => {}
        }
        Ok(())
    }
}

/// The first edit that is not empty, of those in the first bytes of an edit list.
fn edit(list: &[u8], version_1: bool) -> Option<(u64, u64)> {
    let count = u32_be(list.get(..8)?, 4) as usize;
    let entries = list[8..].chunks_exact(if version_1 { 20 } else { 12 }).take(count);
    let long = |entry: &[u8], at: usize| u64::from(u32_be(entry, at)) << 32 | u64::from(u32_be(entry, at + 4));
    let mut edits = entries.map(|entry| match version_1 {
        true => (long(entry, 8).cast_signed(), long(entry, 0)),
        false => (i64::from(u32_be(entry, 4).cast_signed()), u64::from(u32_be(entry, 0))),
    });
    edits.find_map(|(start, length)| Some((u64::try_from(start).ok()?, length)))
}
