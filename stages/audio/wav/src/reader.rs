//! The parts of a file, and its frames.

use std::io::{self, Read, Seek};

use crate::adpcm::AdpcmReader;
use crate::bytes::read_at;
use crate::chunks::{self, ChunkSink, MAX_CHUNKS, Outline};
use crate::data::Data;
use crate::error::{Defect, DefectKind, Error, Reason};
use crate::form::Form;
use crate::format::{Body, Format};
use crate::pcm::{Layout, PcmReader};

/// What a file of the WAV family is.
#[derive(Debug, Clone, PartialEq)]
pub struct Wav {
    /// The member of the family.
    pub form: Form,
    /// How the samples are encoded.
    pub format: Format,
    /// Where they lie.
    pub data: Data,
    /// Frames that can be read; 0 for MP3, whose packets have to be decoded to count them.
    pub frames: u64,
    /// Frames that the header promises, where it promises any.
    pub declared_frames: Option<u64>,
    /// What is wrong, the worst first.
    pub defects: Vec<Defect>,
}

impl Wav {
    /// Reads the header of a file of this form, which begins at byte `start`. `sink` receives the chunks that it wants.
    ///
    /// # Errors
    /// [`Error::Refused`] when nothing can be read; [`Error::Io`].
    pub fn parse<R: Read + Seek>(source: &mut R, form: Form, start: u64, sink: &mut dyn ChunkSink) -> Result<Self, Error> {
        let outline = chunks::outline(source, form, start, sink)?;
        let (format, contradiction) = Format::parse(&outline.fmt, form.is_big_endian())?;
        let data = outline.data.clone().ok_or_else(|| no_data_chunk(&outline))?;
        let later = outline.later_data_bytes;
        let frames_of = |bytes: u64| match format.body {
            Body::Pcm(encoding) => bytes / (format.channels as usize * encoding.bytes()) as u64,
            Body::Adpcm(blocks) => blocks.frames(bytes),
            Body::Mp3 => 0,
        };
        let (frames, declared_frames) = if format.body == Body::Mp3 { (0, None) } else { data.frames(frames_of)? };
        let extent = if format.body == Body::Mp3 { None } else { data.defect(frames, declared_frames) };
        let not_read = |detail: String, lost_frames| Defect { kind: DefectKind::BadChunk, detail, lost_frames };
        let later = match frames_of(later) {
            _ if format.body == Body::Mp3 && later > 0 => {
                Some(not_read(format!("{later} bytes in later data chunks were not read"), None))
            }
            0 => None,
            lost => {
                Some(not_read(format!("{lost} frames in later data chunks, of which WAV has one, were not read"), Some(lost)))
            }
        };
        let defects = extent.into_iter().chain(outline.defects).chain(contradiction).chain(later).collect();
        Ok(Self { form, format, data, frames, declared_frames, defects })
    }

    /// The name of the encoding, as ffmpeg has it: `pcm_s16le`, `adpcm_ms`, `mp3`, ….
    #[must_use]
    pub fn codec_name(&self) -> String {
        match self.format.body {
            Body::Pcm(encoding) => encoding.codec_name(self.form.is_big_endian()),
            Body::Adpcm(blocks) => blocks.codec_name().to_owned(),
            Body::Mp3 => "mp3".to_owned(),
        }
    }
}

fn no_data_chunk(outline: &Outline) -> Error {
    let detail = if outline.gave_up {
        format!("the first {MAX_CHUNKS} chunks hold a format and no data, and no more of them are looked at")
    } else {
        "the file has a format and no data chunk: the header is there, the sound is not".to_owned()
    };
    Error::refused(Reason::NoData, detail)
}

/// Reads the frames of uncompressed or ADPCM samples, whatever file they lie in.
#[derive(Debug)]
pub struct FrameReader<R>(Inner<R>);

#[derive(Debug)]
enum Inner<R> {
    Pcm(PcmReader<R>),
    Adpcm(AdpcmReader<R>),
}

impl<R: Read + Seek> FrameReader<R> {
    /// The frames of `frames` frames of this layout from byte `start` on, which the source holds.
    ///
    /// # Errors
    /// Those of the source.
    pub fn pcm(source: R, start: u64, layout: Layout, frames: u64) -> io::Result<Self> {
        PcmReader::new(source, start, layout, frames).map(Inner::Pcm).map(Self)
    }

    /// The frames of a parsed file.
    ///
    /// # Errors
    /// [`Reason::UnsupportedCodec`] for MP3; [`Error::Io`].
    pub fn of(source: R, wav: &Wav) -> Result<Self, Error> {
        match wav.format.body {
            Body::Pcm(encoding) => {
                let layout = Layout { encoding, big_endian: wav.form.is_big_endian(), channels: wav.format.channels };
                Ok(Self::pcm(source, wav.data.start, layout, wav.frames)?)
            }
            Body::Adpcm(blocks) => Ok(Self(Inner::Adpcm(AdpcmReader::new(source, wav.data.start, wav.data.available, blocks)?))),
            Body::Mp3 => Err(Error::refused(Reason::UnsupportedCodec, "MP3 in WAV is found and not decoded")),
        }
    }

    /// Appends up to `max_frames` frames to `out`, interleaved `[frame, channel]`. Returns their number, which is 0
    /// only at the end.
    ///
    /// # Errors
    /// Those of the source.
    pub fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Pcm(reader) => reader.read(max_frames, out),
            Inner::Adpcm(reader) => reader.read(max_frames, out),
        }
    }

    /// Samples so far that were NaN or infinite, and read as 0.
    #[must_use]
    pub fn replaced(&self) -> u64 {
        match &self.0 {
            Inner::Pcm(reader) => reader.replaced(),
            Inner::Adpcm(_) => 0,
        }
    }
}

/// A file of the WAV family, open for reading from its first frame on.
#[derive(Debug)]
pub struct WavReader<R> {
    wav: Wav,
    frames: FrameReader<R>,
}

impl<R: Read + Seek> WavReader<R> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(mut source: R) -> Result<Self, Error> {
        let mut head = [0; 16];
        let read = read_at(&mut source, 0, &mut head)?;
        let form = Form::of(&head[..read]).filter(|form| *form == Form::W64 || head[8..12] == *b"WAVE");
        let form = form.ok_or_else(|| {
            Error::refused(Reason::NotWav, format!("the file begins with {:02X?}, expected RIFF and WAVE", &head[..read]))
        })?;
        let wav = Wav::parse(&mut source, form, 0, &mut ())?;
        Ok(Self { frames: FrameReader::of(source, &wav)?, wav })
    }

    /// What the file is.
    #[must_use]
    pub fn wav(&self) -> &Wav {
        &self.wav
    }

    /// As [`FrameReader::read`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Error> {
        Ok(self.frames.read(max_frames, out)?)
    }

    /// As [`FrameReader::replaced`].
    #[must_use]
    pub fn replaced(&self) -> u64 {
        self.frames.replaced()
    }
}
