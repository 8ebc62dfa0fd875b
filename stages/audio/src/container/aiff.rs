//! AIFF and AIFF-C, big-endian chunks of IFF. Sources: Apple, "Audio Interchange File Format", version 1.3, and
//! "AIFF-C", draft of 1991.

use chorus_archive::ReadSeek;
use chorus_wav::bytes::{length, read_at};
use chorus_wav::{Data, Encoding, FrameReader, Layout, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};

use super::facts::{Facts, Repair, RepairCode};
use super::frames::Frames;
use super::uncompressed::Uncompressed;
use crate::error::{Fault, RejectCode};

/// Chunks looked at before a file counts as rubbish.
const MAX_CHUNKS: usize = 4096;
/// Bytes of the sound chunk before the samples: an offset and a block size.
const SOUND_HEAD_BYTES: u64 = 8;

/// The encodings of AIFF-C that are not those of AIFF: mark, encoding, little-endian.
const ENCODINGS: [(&[u8; 4], Encoding, bool); 13] = [
    (b"raw ", Encoding::Unsigned8, false),
    (b"in24", Encoding::Int24, false),
    (b"in32", Encoding::Int32, false),
    (b"42ni", Encoding::Int24, true),
    // libsndfile writes it so.
    (b"42n1", Encoding::Int24, true),
    (b"23ni", Encoding::Int32, true),
    (b"fl32", Encoding::Float32, false),
    (b"FL32", Encoding::Float32, false),
    (b"fl64", Encoding::Float64, false),
    (b"FL64", Encoding::Float64, false),
    (b"alaw", Encoding::ALaw, false),
    (b"ulaw", Encoding::MuLaw, false),
    (b"ALAW", Encoding::ALaw, false),
];

/// The `COMM` chunk.
#[derive(Debug, Clone, PartialEq)]
struct Common {
    channels: u16,
    frames: u32,
    bits: u16,
    sample_rate_hz: f64,
    /// AIFF-C's mark of the encoding.
    mark: Option<[u8; 4]>,
}

/// Opens an AIFF or AIFF-C file.
pub(super) fn open(mut file: Box<dyn ReadSeek>) -> Result<Box<dyn Frames>, Fault> {
    let (common, data) = outline(&mut file)?;
    let common = common.ok_or_else(|| bad_header("no COMM chunk, so its format is not known".to_owned()))?;
    let (layout, sample_rate_hz) = (common.layout()?, common.rate()?);
    let data = data.ok_or_else(|| Fault::Rejected(RejectCode::NoAudioData, "the file has no SSND chunk".to_owned()))?;
    let (frames, declared_frames) = data.frames(|bytes| bytes / layout.frame_bytes() as u64)?;
    let mut repair = Repair::of(data.defect(frames, declared_frames).as_slice(), sample_rate_hz);
    if let (Some(declared), true) = (declared_frames, common.frames > 0)
        && declared != u64::from(common.frames)
    {
        let detail = format!("COMM states {} frames and SSND {declared}; SSND was believed", common.frames);
        repair = Repair::join(repair, Repair::new(RepairCode::InconsistentHeader, detail));
    }
    let facts = Facts {
        codec: layout.encoding.codec_name(layout.big_endian),
        container: if common.mark.is_some() { "aifc" } else { "aiff" },
        sample_rate_hz,
        channels: layout.channels,
        bits_per_sample: common.bits,
        frames,
        declared_frames,
        repair,
        time_expansion: 1.0,
        header: Box::default(),
    };
    Ok(Box::new(Uncompressed::new(FrameReader::pcm(file, data.start, layout, frames)?, facts)))
}

/// Walks the chunks for the format and the sound.
fn outline(file: &mut Box<dyn ReadSeek>) -> Result<(Option<Common>, Option<Data>), Fault> {
    let len = length(file)?;
    let (mut common, mut data) = (None, None);
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        if read_at(file, at, &mut head)? < head.len() || common.is_some() && data.is_some() {
            break;
        }
        let size = u64::from(u32::from_be_bytes([head[4], head[5], head[6], head[7]]));
        let start = at + 8;
        match &head[..4] {
            b"COMM" if common.is_none() => common = Some(Common::read(file, start, size)?),
            b"SSND" if data.is_none() => data = Some(sound(file, start, size, len)?),
            _ => {}
        }
        at = start + size + size % 2;
    }
    Ok((common, data))
}

/// Where the samples of a sound chunk of `size` bytes lie.
fn sound(file: &mut Box<dyn ReadSeek>, start: u64, size: u64, len: u64) -> Result<Data, Fault> {
    let mut head = [0; 4];
    read_at(file, start, &mut head)?;
    let samples = start + SOUND_HEAD_BYTES + u64::from(u32::from_be_bytes(head));
    let rest = len.saturating_sub(samples);
    let unfinished = size <= SOUND_HEAD_BYTES || size == u64::from(u32::MAX);
    Ok(if unfinished && rest > 0 {
        Data::to_end_of_file(samples, rest, "of no use, as when a recorder loses power")
    } else {
        Data::stated(samples, size.saturating_sub(samples - start), rest)
    })
}

impl Common {
    fn read(file: &mut Box<dyn ReadSeek>, start: u64, size: u64) -> Result<Self, Fault> {
        let mut bytes = [0; 22];
        let read = read_at(file, start, &mut bytes)?.min(size as usize);
        if read < 18 {
            return Err(Fault::Rejected(
                RejectCode::TruncatedHeader,
                format!("the COMM chunk has {read} bytes, expected at least 18"),
            ));
        }
        let pair = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Ok(Self {
            channels: pair(0),
            frames: u32::from(pair(2)) << 16 | u32::from(pair(4)),
            bits: pair(6),
            sample_rate_hz: extended(&bytes[8..18]),
            mark: (read == 22).then(|| [bytes[18], bytes[19], bytes[20], bytes[21]]),
        })
    }

    fn layout(&self) -> Result<Layout, Fault> {
        if !(1..=MAX_CHANNELS).contains(&self.channels) {
            return Err(bad_header(format!("{} channels, expected 1 to {MAX_CHANNELS}", self.channels)));
        }
        let mark = self.mark.unwrap_or(*b"NONE");
        let (encoding, little_endian) = match &mark {
            b"NONE" | b"twos" | b"sowt" => (self.integer()?, &mark == b"sowt"),
            _ => match ENCODINGS.iter().find(|(known, _, _)| **known == mark) {
                Some((_, encoding, little_endian)) => (*encoding, *little_endian),
                None => {
                    return Err(Fault::Rejected(
                        RejectCode::UnsupportedCodec,
                        format!("not supported: {:?} in AIFF-C; convert the file", String::from_utf8_lossy(&mark)),
                    ));
                }
            },
        };
        Ok(Layout { encoding, big_endian: !little_endian, channels: self.channels })
    }

    fn integer(&self) -> Result<Encoding, Fault> {
        let bytes = u8::try_from(self.bits.div_ceil(8)).unwrap_or(u8::MAX);
        Encoding::signed(bytes).ok_or_else(|| bad_header(format!("{} bits per sample, expected 1 to 64", self.bits)))
    }

    fn rate(&self) -> Result<u32, Fault> {
        let rate = self.sample_rate_hz.round();
        if !(1.0..=f64::from(MAX_SAMPLE_RATE_HZ)).contains(&rate) {
            return Err(bad_header(format!("a sample rate of {rate} Hz, expected 1 to {MAX_SAMPLE_RATE_HZ}")));
        }
        Ok(rate as u32)
    }
}

/// An 80-bit extended float: a sign and 15 bits of exponent, biased by 16383, then a mantissa whose highest bit is 1.
fn extended(bytes: &[u8]) -> f64 {
    let exponent = i32::from(u16::from_be_bytes([bytes[0], bytes[1]]) & 0x7FFF) - 16_383;
    let mantissa = bytes[2..10].iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    mantissa as f64 * 2f64.powi(exponent - 63)
}

fn bad_header(found: String) -> Fault {
    Fault::Rejected(RejectCode::BadHeader, format!("the header states {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_extended_floats() {
        assert_eq!(extended(&[0x40, 0x0E, 0xAC, 0x44, 0, 0, 0, 0, 0, 0]), 44_100.0);
        assert_eq!(extended(&[0x40, 0x0B, 0xFA, 0, 0, 0, 0, 0, 0, 0]), 8000.0);
        assert_eq!(extended(&[0; 10]), 0.0);
    }
}
