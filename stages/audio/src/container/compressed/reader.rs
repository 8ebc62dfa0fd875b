//! Packets to frames: holes between packets, frames of the encoder at both ends, and what is lost.

use std::io;

use chorus_wav::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::default::get_codecs;

use super::super::facts::{Facts, Repair, RepairCode};
use super::super::frames::Frames;
use super::fault::{rejected, unreadable};
use super::guard;
use super::stream::{Edges, Stream};
use crate::error::{Fault, RejectCode};
use crate::headers;

/// Where the header states no total, a longer hole is taken for a wrong frame number.
const LONGEST_UNDECLARED_HOLE_S: u64 = 60;
/// The most frames that a byte of a compressed file can encode: a FLAC frame of eight bytes can hold 65,535.
const MOST_FRAMES_PER_BYTE: u64 = 8192;
/// Packets in a row without a byte, or that the demuxer stumbles over, before a file counts as ended.
const MAX_IDLE_PACKETS: u32 = 10_000;

/// Streams the frames of a compressed file.
pub(in super::super) struct CompressedReader {
    demuxer: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    facts: Facts,
    clock: Clock,
    window: Window,
    /// What is wrong around the packets.
    found: Option<Repair>,
    /// Bytes that packets can be made of, where nothing else lies between, and those of them that did.
    audio_bytes: Option<u64>,
    packet_overhead: u64,
    packet_bytes: u64,
    /// Packets in a row that moved nothing.
    idle: u32,
    end: End,
    /// Decoded and not yet handed out, interleaved.
    decoded: Vec<f32>,
    taken: usize,
    /// Frames of silence to hand out before `decoded`, in place of what was lost.
    silence: u64,
    /// Frames handed out.
    delivered: u64,
    finished: bool,
}

/// How the packets ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As they should, or in a way that the totals show.
    Ordinary,
    /// The file ends and the stream does not.
    Early,
    /// The decoder panicked.
    Broken,
    /// Another stream follows.
    Chained,
}

impl std::fmt::Debug for CompressedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompressedReader").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl CompressedReader {
    pub(in super::super) fn new(stream: Stream) -> Result<Self, Fault> {
        let Stream { demuxer, container, bytes, packet_overhead, edges, repair, tags } = stream;
        let track = demuxer
            .default_track(TrackType::Audio)
            .ok_or_else(|| rejected(RejectCode::NoAudioData, format!("a {container} file without an audio track")))?;
        let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or_else(|| {
            rejected(RejectCode::BadHeader, format!("the {container} header does not say how the audio is encoded"))
        })?;
        let options = AudioDecoderOptions::default().gapless(edges.cut_by_decoder);
        let decoder = guard::calm(|| get_codecs().make_audio_decoder(params, &options))
            .ok_or_else(|| rejected(RejectCode::BadHeader, format!("the {container} header breaks the decoder")))?
            .map_err(|error| unreadable(container, error))?;
        let facts = Facts {
            codec: decoder.codec_info().short_name.to_owned(),
            container,
            sample_rate_hz: params.sample_rate.unwrap_or(0),
            channels: params.channels.as_ref().map_or(0, |channels| u16::try_from(channels.count()).unwrap_or(u16::MAX)),
            bits_per_sample: bits_per_sample(decoder.codec_info().short_name, params),
            frames: edges.keep.unwrap_or(0),
            declared_frames: edges.keep,
            repair: None,
            time_expansion: 1.0,
            header: Box::new(headers::read(&tags)),
        };
        if !(1..=MAX_SAMPLE_RATE_HZ).contains(&facts.sample_rate_hz) || !(1..=MAX_CHANNELS).contains(&facts.channels) {
            return Err(rejected(
                RejectCode::BadHeader,
                format!("the {container} header states a rate of {} Hz and channels: {}", facts.sample_rate_hz, facts.channels),
            ));
        }
        Ok(Self {
            track: track.id,
            clock: Clock::new(&facts, &edges, bytes),
            window: Window::new(edges, facts.channels),
            found: repair,
            facts: facts.expanded(),
            demuxer,
            decoder,
            audio_bytes: packet_overhead.map(|_| bytes),
            packet_overhead: packet_overhead.unwrap_or(0),
            packet_bytes: 0,
            idle: 0,
            end: End::Ordinary,
            decoded: Vec::new(),
            taken: 0,
            silence: 0,
            delivered: 0,
            finished: false,
        })
    }

    /// Decodes the next sound packet into `decoded`, and into `silence` what is missing before it. False at the end.
    fn next_packet(&mut self) -> Result<bool, Fault> {
        while self.idle <= MAX_IDLE_PACKETS {
            let Some(step) = guard::calm(|| self.step()) else {
                self.end = End::Broken;
                return Ok(false);
            };
            match step? {
                Step::Sound => return Ok(true),
                Step::Nothing => {}
                Step::End(end) => {
                    self.end = end;
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    /// Takes one packet.
    fn step(&mut self) -> Result<Step, Fault> {
        if self.window.is_over() {
            return Ok(Step::End(End::Ordinary));
        }
        let packet = match self.demuxer.next_packet() {
            Ok(Some(packet)) => packet,
            Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Step::End(End::Early)),
            Err(Error::IoError(error)) => return Err(error.into()),
            Err(Error::ResetRequired) => return Ok(Step::End(End::Chained)),
            Err(Error::DecodeError(_)) => {
                self.idle += 1;
                return Ok(Step::Nothing);
            }
            // The end, or damage that the demuxer does not get past: what is missing shows in the totals.
            Ok(None) | Err(_) => return Ok(Step::End(End::Ordinary)),
        };
        self.idle = if packet.data.is_empty() { self.idle + 1 } else { 0 };
        if packet.track_id != self.track {
            return Ok(Step::Nothing);
        }
        self.packet_bytes += packet.data.len() as u64 + self.packet_overhead;
        // A packet that can't be decoded leaves a hole, as if the demuxer had dropped it.
        let Ok(buffer) = self.decoder.decode(&packet) else { return Ok(Step::Nothing) };
        if buffer.frames() == 0 || buffer.spec().channels().count() != usize::from(self.facts.channels) {
            return Ok(Step::Nothing);
        }
        buffer.copy_to_vec_interleaved(&mut self.decoded);
        self.taken = 0;
        let trimmed = if self.window.edges.cut_by_decoder { packet.trim_start.get().cast_signed() } else { 0 };
        let timestamp = packet.pts.get().saturating_sub(self.window.edges.origin).saturating_add(trimmed);
        let hole = self.clock.advance(timestamp, buffer.frames() as u64);
        self.silence = self.window.cut(hole, &mut self.decoded);
        Ok(Step::Sound)
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
        self.facts.repair = self.repairs();
        Ok(())
    }

    /// All that is wrong, the worst first.
    fn repairs(&self) -> Option<Repair> {
        [self.lost_within(), self.lost_at_the_end(), self.found.clone()].into_iter().flatten().fold(None, Repair::join)
    }

    fn lost_within(&self) -> Option<Repair> {
        let lost = self.clock.lost;
        let detail = format!("{lost} frames within the recording can't be decoded and read as silence");
        (lost > 0).then(|| Repair::new(RepairCode::Damaged, detail).losing(self.seconds(lost)))
    }

    fn lost_at_the_end(&self) -> Option<Repair> {
        let frames = self.delivered;
        let truncated = |detail: String| Repair::new(RepairCode::Truncated, detail);
        let unused = self.audio_bytes.map_or(0, |bytes| bytes.saturating_sub(self.packet_bytes));
        match (self.facts.declared_frames, self.end) {
            (_, End::Chained) => Some(
                Repair::new(RepairCode::Damaged, format!("another stream follows behind {frames} frames and was not read"))
                    .losing_unknown(),
            ),
            (None, End::Broken) => {
                Some(Repair::new(RepairCode::Damaged, format!("the decoder broke down behind {frames} frames")).losing_unknown())
            }
            (Some(declared), _) if frames < declared => {
                let missing = self.seconds(declared - frames);
                Some(truncated(format!("the file holds {frames} of {declared} promised frames")).losing(missing))
            }
            (Some(declared), _) if frames > declared => Some(Repair::new(
                RepairCode::WrongTotal,
                format!("the header promises {declared} frames and the file holds {frames}; all were kept"),
            )),
            (None, _) if unused > 0 && self.clock.lost == 0 => Some(
                truncated(format!(
                    "the header states no length, and {unused} bytes hold no complete frame; {frames} frames were kept"
                ))
                .losing_unknown(),
            ),
            (None, End::Early) => {
                Some(truncated(format!("the file ends before its stream does; {frames} frames were kept")).losing_unknown())
            }
            _ => None,
        }
    }

    fn seconds(&self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.facts.sample_rate_hz)
    }
}

impl Frames for CompressedReader {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn is_settled(&self) -> bool {
        false
    }

    /// Appends up to `max_frames` frames to `out`; 0 only at the end, after which the facts are final.
    fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Fault> {
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
}

/// What one packet brought.
enum Step {
    Sound,
    Nothing,
    End(End),
}

/// Bits of a sample of a lossless codec; 0 for lossy codecs.
fn bits_per_sample(codec: &str, params: &AudioCodecParameters) -> u16 {
    /// Where ALAC's settings hold the bits of a sample.
    const ALAC_BITS_AT: usize = 5;
    match codec {
        "flac" => params.bits_per_sample.unwrap_or(0) as u16,
        "alac" => params.extra_data.as_ref().and_then(|settings| settings.get(ALAC_BITS_AT)).map_or(0, |&bits| bits.into()),
        _ => 0,
    }
}

/// Cuts the recording out of what a decoder gives.
#[derive(Debug)]
struct Window {
    edges: Edges,
    channels: usize,
    /// The decoder's frames so far, holes included.
    position: u64,
    /// Frames behind the stated end, in case that there are too many for it to be right.
    behind: Vec<f32>,
    behind_frames: u64,
}

impl Window {
    fn new(edges: Edges, channels: u16) -> Self {
        Self { edges, channels: usize::from(channels), position: 0, behind: Vec::new(), behind_frames: 0 }
    }

    fn last(&self) -> Option<u64> {
        self.edges.keep.map(|keep| self.edges.skip.saturating_add(keep))
    }

    /// Whether nothing that follows belongs to the recording.
    fn is_over(&self) -> bool {
        self.edges.slack.is_none() && self.last().is_some_and(|last| self.position >= last)
    }

    /// Leaves in `decoded` what belongs to the recording of a hole of `hole` frames and the frames that follow it;
    /// returns what belongs to it of the hole.
    fn cut(&mut self, hole: u64, decoded: &mut Vec<f32>) -> u64 {
        let silence = hole.saturating_sub(self.edges.skip.saturating_sub(self.position));
        self.position = self.position.saturating_add(hole);
        let frames = (decoded.len() / self.channels) as u64;
        let before = self.edges.skip.saturating_sub(self.position).min(frames);
        decoded.drain(..before as usize * self.channels);
        self.position += frames;
        let Some(last) = self.last() else { return silence };
        let excess = self.position.saturating_sub(last).min(frames - before);
        if excess == 0 {
            return silence;
        }
        self.behind_frames += excess;
        let keep = decoded.len() - excess as usize * self.channels;
        match self.edges.slack {
            None => decoded.truncate(keep),
            Some(slack) => {
                self.behind.extend(decoded.drain(keep..));
                if self.behind_frames > slack {
                    // Too many to be padding: the stated length is wrong.
                    self.edges.keep = None;
                    decoded.append(&mut self.behind);
                }
            }
        }
        silence
    }
}

/// Finds the holes between packets from their timestamps.
#[derive(Debug)]
struct Clock {
    /// Frames that the decoder can give at most, where the header states it.
    declared: Option<u64>,
    /// Frames that a file of this size can hold, whatever its header says.
    most: u64,
    longest_hole: u64,
    /// Whether a first packet that does not begin at 0 follows a hole.
    starts_late: bool,
    /// Where the next packet should begin.
    expected: u64,
    /// What to add to a timestamp, once one was found to be wrong.
    shift: i64,
    /// Frames in all holes so far.
    lost: u64,
}

impl Clock {
    fn new(facts: &Facts, edges: &Edges, bytes: u64) -> Self {
        let around = edges.skip.saturating_add(edges.slack.unwrap_or(0));
        Self {
            declared: edges.keep.map(|keep| keep.saturating_add(around)),
            most: bytes.saturating_mul(MOST_FRAMES_PER_BYTE),
            longest_hole: u64::from(facts.sample_rate_hz) * LONGEST_UNDECLARED_HOLE_S,
            starts_late: edges.starts_late,
            expected: 0,
            shift: 0,
            lost: 0,
        }
    }

    /// Takes a packet of `frames` frames whose timestamp is `timestamp`; returns the number of frames missing before it.
    /// A timestamp that can't be right (before what was read, after the end) is taken to mean "next".
    fn advance(&mut self, timestamp: i64, frames: u64) -> u64 {
        let start = timestamp.saturating_add(self.shift);
        let hole = u64::try_from(start).ok().and_then(|start| start.checked_sub(self.expected));
        let believable = |hole: u64| match self.declared {
            Some(declared) => self.expected.saturating_add(hole).saturating_add(frames) <= declared.min(self.most),
            // A stream cut out of a longer one does not begin with frame 0.
            None => (self.expected > 0 || self.starts_late) && hole <= self.longest_hole,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(declared: Option<u64>) -> Clock {
        Clock { declared, most: 1 << 40, longest_hole: 1000, starts_late: false, expected: 0, shift: 0, lost: 0 }
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
        assert_eq!(Clock { starts_late: true, ..clock(None) }.advance(100, 100), 100);
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

    #[test]
    fn no_hole_is_longer_than_the_file_could_hold() {
        let mut clock = Clock { most: 1000, ..clock(Some(1 << 36)) };
        assert_eq!(clock.advance(0, 100), 0);
        assert_eq!(clock.advance(1 << 35, 100), 0);
    }

    fn window(skip: u64, keep: Option<u64>, slack: Option<u64>) -> Window {
        Window::new(Edges { skip, keep, slack, ..Edges::none(None) }, 1)
    }

    /// What is left of packets of four frames, 0 to 3, 4 to 7, …
    fn cut(mut window: Window, packets: usize) -> Vec<f32> {
        (0..packets)
            .flat_map(|packet| {
                let mut frames: Vec<f32> = (0..4).map(|i| (4 * packet + i) as f32).collect();
                window.cut(0, &mut frames);
                frames
            })
            .collect()
    }

    #[test]
    fn the_encoder_s_own_frames_are_cut_off() {
        assert_eq!(cut(window(5, Some(4), Some(8)), 4), [5.0, 6.0, 7.0, 8.0]);
        assert_eq!(cut(window(5, Some(4), None), 40), [5.0, 6.0, 7.0, 8.0]);
        assert_eq!(cut(window(1, None, Some(0)), 2), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn a_length_that_too_much_follows_is_not_believed() {
        assert_eq!(cut(window(2, Some(1), Some(5)), 3), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(cut(window(0, Some(4), Some(0)), 3).len(), 12);
    }

    #[test]
    fn a_hole_within_the_encoder_s_first_frames_is_no_silence() {
        let mut window = window(10, None, Some(0));
        assert_eq!(window.cut(6, &mut vec![0.0; 2]), 0);
        assert_eq!(window.cut(6, &mut vec![0.0; 2]), 4);
    }
}
