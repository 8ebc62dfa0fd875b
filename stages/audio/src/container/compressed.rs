//! Compressed recordings, through symphonia: FLAC so far. A further codec is a feature of symphonia in Cargo.toml and a line in `sniff`.
//!
//! What is known of symphonia 0.6.1 and shapes this code:
//! - FLAC frames that fail their checksum, or contradict STREAMINFO, are dropped without a word: the next packet's timestamp shows the hole.
//! - A FLAC that ends early gives an unexpected end of file when STREAMINFO states a total, and an ordinary end when it does not:
//!   then only the bytes that belong to no packet tell.
//! - A STREAMINFO that contradicts all frames (block size, bits, channels) makes the whole file unreadable.
//! - A malformed tag makes the whole file unreadable too, and metadata is read into memory: `flac` keeps both from it.

mod flac;

use std::fs::File;
use std::io;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::default::{get_codecs, get_probe};

use super::{Facts, Repair, RepairCode};
use crate::error::{Fault, RejectCode};
use crate::headers::{self, Tags};

/// Where the header states no total, a longer hole is taken for a wrong frame number.
const LONGEST_UNDECLARED_HOLE_S: u64 = 60;

/// Streams the frames of a compressed file.
pub(super) struct CompressedReader {
    demuxer: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    facts: Facts,
    clock: Clock,
    /// Bytes of audio in the file, where the container tells, and those of them that made up packets.
    audio_bytes: Option<u64>,
    packet_bytes: u64,
    /// Decoded and not yet handed out, interleaved.
    decoded: Vec<f32>,
    taken: usize,
    /// Frames of silence to hand out before `decoded`, in place of what was lost.
    silence: u64,
    /// Frames handed out.
    delivered: u64,
    finished: bool,
}

impl std::fmt::Debug for CompressedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompressedReader").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl CompressedReader {
    pub(super) fn new(file: File, container: &'static str) -> Result<Self, Fault> {
        let mut tags = Tags::default();
        let (source, audio_bytes): (Box<dyn MediaSource>, _) = match container {
            "flac" => flac::bare_stream(file, &mut tags).map(|(source, bytes)| (source, Some(bytes)))?,
            _ => (Box::new(file), None),
        };
        let stream = MediaSourceStream::new(source, Default::default());
        let demuxer = get_probe()
            .probe(&Hint::new(), stream, Default::default(), Default::default())
            .map_err(|error| unreadable(container, error))?;
        let track = demuxer
            .default_track(TrackType::Audio)
            .ok_or_else(|| rejected(RejectCode::NoAudioData, format!("a {container} file without an audio track")))?;
        let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or_else(|| {
            rejected(RejectCode::BadHeader, format!("the {container} header does not say how the audio is encoded"))
        })?;
        let decoder = get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(|error| unreadable(container, error))?;
        let facts = Facts {
            codec: decoder.codec_info().short_name.to_owned(),
            container,
            sample_rate_hz: params.sample_rate.unwrap_or(0),
            channels: params.channels.as_ref().map_or(0, |channels| channels.count() as u16),
            bits_per_sample: params.bits_per_sample.unwrap_or(0) as u16,
            frames: track.num_frames.unwrap_or(0),
            declared_frames: track.num_frames,
            repair: None,
            time_expansion: 1.0,
            header: Box::new(headers::read(&tags)),
        };
        if facts.sample_rate_hz == 0 || facts.channels == 0 {
            return Err(rejected(
                RejectCode::BadHeader,
                format!("the {container} header states {} Hz and {} channels", facts.sample_rate_hz, facts.channels),
            ));
        }
        Ok(Self {
            track: track.id,
            clock: Clock::new(&facts),
            facts,
            demuxer,
            decoder,
            audio_bytes,
            packet_bytes: 0,
            decoded: Vec::new(),
            taken: 0,
            silence: 0,
            delivered: 0,
            finished: false,
        })
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Appends up to `max_frames` frames to `out`; 0 only at the end, after which the facts are final.
    pub(super) fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Fault> {
        while self.silence == 0 && self.taken == self.decoded.len() {
            if self.finished || !self.next_packet()? {
                return self.finish().map(|()| 0);
            }
        }
        let channels = usize::from(self.facts.channels);
        let frames = if self.silence > 0 {
            let frames = self.silence.min(max_frames as u64) as usize;
            out.resize(out.len() + frames * channels, 0.0);
            self.silence -= frames as u64;
            frames
        } else {
            let samples = (self.decoded.len() - self.taken).min(max_frames * channels);
            out.extend_from_slice(&self.decoded[self.taken..self.taken + samples]);
            self.taken += samples;
            samples / channels
        };
        self.delivered += frames as u64;
        Ok(frames)
    }

    /// Decodes the next sound packet into `decoded`, and into `silence` what is missing before it. False at the end.
    fn next_packet(&mut self) -> Result<bool, Fault> {
        loop {
            let packet = match self.demuxer.next_packet() {
                Ok(Some(packet)) => packet,
                Err(Error::IoError(error)) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
                // The end, or damage that the demuxer does not get past: what is missing shows in the totals.
                Ok(None) | Err(_) => return Ok(false),
            };
            if packet.track_id != self.track {
                continue;
            }
            self.packet_bytes += packet.data.len() as u64;
            // A packet that can't be decoded leaves a hole, as if the demuxer had dropped it.
            let Ok(buffer) = self.decoder.decode(&packet) else { continue };
            if buffer.frames() == 0 || buffer.spec().channels().count() != usize::from(self.facts.channels) {
                continue;
            }
            buffer.copy_to_vec_interleaved(&mut self.decoded);
            self.taken = 0;
            self.silence = self.clock.advance(packet.pts.get(), buffer.frames() as u64);
            return Ok(true);
        }
    }

    /// Settles the facts.
    fn finish(&mut self) -> Result<(), Fault> {
        if self.finished {
            return Ok(());
        }
        self.finished = true;
        if self.delivered == 0 {
            return Err(rejected(
                RejectCode::DecodeFailed,
                format!("no frame of this {} file can be decoded", self.facts.container),
            ));
        }
        self.facts.frames = self.delivered;
        self.facts.repair = self.repair();
        Ok(())
    }

    fn repair(&self) -> Option<Repair> {
        let frames = self.delivered;
        let seconds = |frames: u64| frames as f64 / f64::from(self.facts.sample_rate_hz);
        let mut repair = None;
        if self.clock.lost > 0 {
            let detail = format!("{} frames within the recording can't be decoded and read as silence", self.clock.lost);
            repair =
                Repair::join(repair, Repair { lost_s: seconds(self.clock.lost), ..Repair::new(RepairCode::Damaged, detail) });
        }
        let unused = self.audio_bytes.map_or(0, |bytes| bytes.saturating_sub(self.packet_bytes));
        let next = match self.facts.declared_frames {
            Some(declared) if frames < declared => Repair {
                lost_s: seconds(declared - frames),
                ..Repair::new(RepairCode::Truncated, format!("the file holds {frames} of {declared} promised frames"))
            },
            Some(declared) if frames > declared => Repair::new(
                RepairCode::WrongTotal,
                format!("the header promises {declared} frames and the file holds {frames}; all were kept"),
            ),
            None if unused > 0 && repair.is_none() => Repair::new(
                RepairCode::Truncated,
                format!("the header states no length, and {unused} bytes hold no complete frame; {frames} frames were kept"),
            ),
            _ => return repair,
        };
        Repair::join(repair, next)
    }
}

/// Finds the holes between packets from their timestamps.
#[derive(Debug)]
struct Clock {
    declared: Option<u64>,
    longest_hole: u64,
    /// Where the next packet should begin.
    expected: u64,
    /// What to add to a timestamp, once one was found to be wrong.
    shift: i64,
    /// Frames in all holes so far.
    lost: u64,
}

impl Clock {
    fn new(facts: &Facts) -> Self {
        Self {
            declared: facts.declared_frames,
            longest_hole: u64::from(facts.sample_rate_hz) * LONGEST_UNDECLARED_HOLE_S,
            expected: 0,
            shift: 0,
            lost: 0,
        }
    }

    /// Takes a packet of `frames` frames that says it begins at `timestamp`; returns the number of frames missing before it.
    /// A timestamp that can't be right (before what was read, after the end) is taken to mean "next".
    fn advance(&mut self, timestamp: i64, frames: u64) -> u64 {
        let start = timestamp.saturating_add(self.shift);
        let hole = u64::try_from(start).ok().and_then(|start| start.checked_sub(self.expected));
        let believable = |hole: u64| match self.declared {
            Some(declared) => self.expected.saturating_add(hole).saturating_add(frames) <= declared,
            // A stream cut out of a longer one does not begin with frame 0.
            None => self.expected > 0 && hole <= self.longest_hole,
        };
        let hole = match hole {
            Some(hole) if hole == 0 || believable(hole) => hole,
            _ => {
                self.shift = (self.expected as i64).saturating_sub(timestamp);
                0
            }
        };
        self.lost += hole;
        self.expected = self.expected.saturating_add(hole).saturating_add(frames);
        hole
    }
}

fn unreadable(container: &str, error: Error) -> Fault {
    match error {
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => rejected(
            RejectCode::NoAudioData,
            format!("the {container} file ends before a first frame that agrees with its header"),
        ),
        Error::IoError(error) => error.into(),
        Error::Unsupported(what) => rejected(RejectCode::UnsupportedCodec, format!("not supported in {container}: {what}")),
        other => rejected(RejectCode::BadHeader, format!("the {container} header can't be used: {other}")),
    }
}

fn rejected(code: RejectCode, detail: String) -> Fault {
    Fault::Rejected(code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(declared: Option<u64>) -> Clock {
        Clock { declared, longest_hole: 1000, expected: 0, shift: 0, lost: 0 }
    }

    #[test]
    fn holes_are_found_within_the_declared_length() {
        let mut clock = clock(Some(500));
        assert_eq!(clock.advance(0, 100), 0);
        assert_eq!(clock.advance(200, 100), 100);
        assert_eq!(clock.advance(300, 100), 0);
        assert_eq!((clock.expected, clock.lost), (400, 100));
    }

    #[test]
    fn a_first_packet_may_be_missing_when_the_length_is_known() {
        assert_eq!(clock(Some(500)).advance(100, 100), 100);
        assert_eq!(clock(None).advance(100, 100), 0);
    }

    #[test]
    fn impossible_timestamps_mean_next() {
        let mut clock = clock(Some(500));
        assert_eq!(clock.advance(1_000_000, 100), 0);
        assert_eq!(clock.advance(1_000_200, 100), 100, "later timestamps count from the wrong one");
        assert_eq!(clock.advance(0, 100), 0, "a stream that starts over is appended");
        assert_eq!(clock.advance(i64::MIN, 100), 0);
        assert_eq!(clock.expected, 500);
    }
}
