//! The WAV family as recordings. `chorus-wav` reads the files; what recorders write beside the samples and MP3 in WAV
//! are added here.

use chorus_archive::ReadSeek;
use chorus_wav::{Body, ChunkSink, Form, FrameReader, Wav};

use super::compressed::{CompressedReader, mpeg};
use super::facts::{Facts, Repair};
use super::frames::Frames;
use super::silence;
use super::uncompressed::Uncompressed;
use crate::error::Fault;
use crate::headers::{self, Header, Tags};

impl ChunkSink for Tags {
    fn wants(&self, id: &[u8; 4]) -> bool {
        Self::is_header(id)
    }

    fn take(&mut self, id: &[u8; 4], payload: &[u8], big_endian: bool) {
        self.take_chunk(id, payload, big_endian);
    }
}

/// Opens a file of the WAV family whose header begins at byte `start`.
pub(super) fn open(mut source: Box<dyn ReadSeek>, form: Form, start: u64) -> Result<Box<dyn Frames>, Fault> {
    let mut tags = Tags::default();
    let wav = Wav::parse(&mut source, form, start, &mut tags)?;
    if wav.format.body == Body::Mp3 {
        let mut stream = mpeg::section(source, wav.data.start, wav.data.available, form.name())?;
        stream.repair = Repair::of(&wav.defects, wav.format.sample_rate_hz);
        stream.tags = tags;
        return Ok(Box::new(CompressedReader::new(stream)?));
    }
    let facts = facts(&wav, headers::read(&tags));
    let frames = Box::new(Uncompressed::new(FrameReader::of(source, &wav)?, facts));
    Ok(silence::of_wav(frames, wav.data.start))
}

fn facts(wav: &Wav, header: Header) -> Facts {
    let time_expansion = header.expansion_of(wav.format.sample_rate_hz);
    let sample_rate_hz = (f64::from(wav.format.sample_rate_hz) * time_expansion).round() as u32;
    Facts {
        codec: wav.codec_name(),
        container: wav.form.name(),
        sample_rate_hz,
        time_expansion,
        channels: wav.format.channels,
        bits_per_sample: wav.format.bits,
        frames: wav.frames,
        declared_frames: wav.declared_frames,
        repair: Repair::of(&wav.defects, sample_rate_hz),
        header: Box::new(header),
    }
}
