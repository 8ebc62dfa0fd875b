//! The `fmt ` chunk: how samples are encoded, and what to believe when its fields contradict each other.

use crate::adpcm::{Adpcm, Variant};
use crate::error::{Defect, DefectKind, Error, Reason};
use crate::limits::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};
use crate::pcm::Encoding;

const TAG_PCM: u16 = 0x0001;
const TAG_MICROSOFT_ADPCM: u16 = 0x0002;
const TAG_FLOAT: u16 = 0x0003;
const TAG_ALAW: u16 = 0x0006;
const TAG_MULAW: u16 = 0x0007;
const TAG_IMA_ADPCM: u16 = 0x0011;
const TAG_MP3: u16 = 0x0055;
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// The last 14 bytes of a GUID of WAVE_FORMAT_EXTENSIBLE that holds a format tag in its first two.
const TAG_GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// Format tags (RFC 2361) of encodings that occur in archives and are not read.
const OTHER_TAGS: [(u16, &str); 7] = [
    (0x0031, "GSM 6.10"),
    (0x0040, "G.721 ADPCM"),
    (0x0050, "MPEG audio"),
    (0x00FF, "AAC"),
    (0x0161, "Windows Media Audio"),
    (0x674F, "Ogg Vorbis"),
    (0xF1AC, "FLAC"),
];

/// A usable format.
#[derive(Debug, Clone, PartialEq)]
pub struct Format {
    /// What the data chunk holds.
    pub body: Body,
    /// Samples of a frame.
    pub channels: u16,
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Significant bits per sample; 0 where the encoding has none.
    pub bits: u16,
}

/// What the data chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Samples as they are.
    Pcm(Encoding),
    /// Blocks of ADPCM.
    Adpcm(Adpcm),
    /// MPEG frames.
    Mp3,
}

/// The fields as they stand.
struct Fields {
    tag: u16,
    channels: u16,
    sample_rate_hz: u32,
    byte_rate: u32,
    block_align: u16,
    bits: u16,
}

impl Format {
    /// Reads the payload of a `fmt ` chunk, which must have at least 16 bytes; also returns what in it contradicts itself.
    pub(crate) fn parse(payload: &[u8], big_endian: bool) -> Result<(Self, Option<Defect>), Error> {
        let fields = Fields::read(payload, big_endian)?;
        let (body, contradiction) = fields.body()?;
        let bits = if body == Body::Mp3 { 0 } else { fields.bits };
        Ok((Self { body, channels: fields.channels, sample_rate_hz: fields.sample_rate_hz, bits }, contradiction))
    }
}

impl Fields {
    fn read(payload: &[u8], big_endian: bool) -> Result<Self, Error> {
        let u16_at = |at: usize| {
            let pair = [payload[at], payload[at + 1]];
            if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let u32_at = |at: usize| {
            let (first, second) = (u32::from(u16_at(at)), u32::from(u16_at(at + 2)));
            if big_endian { first << 16 | second } else { second << 16 | first }
        };
        let fields = Self {
            tag: effective_tag(u16_at(0), payload, big_endian)?,
            channels: u16_at(2),
            sample_rate_hz: u32_at(4),
            byte_rate: u32_at(8),
            block_align: u16_at(12),
            bits: u16_at(14),
        };
        if !(1..=MAX_CHANNELS).contains(&fields.channels) {
            return bad_header(format!("{} channels, expected 1 to {MAX_CHANNELS}", fields.channels));
        }
        if !(1..=MAX_SAMPLE_RATE_HZ).contains(&fields.sample_rate_hz) {
            return bad_header(format!("a sample rate of {} Hz, expected 1 to {MAX_SAMPLE_RATE_HZ}", fields.sample_rate_hz));
        }
        Ok(fields)
    }

    fn body(&self) -> Result<(Body, Option<Defect>), Error> {
        let stated = self.stated_bytes();
        let encoding = match self.tag {
            TAG_PCM => self.integer(stated)?,
            TAG_FLOAT => match self.bits {
                32 => Encoding::Float32,
                64 => Encoding::Float64,
                bits => return unsupported(format!("{bits}-bit float")),
            },
            TAG_ALAW => Encoding::ALaw,
            TAG_MULAW => Encoding::MuLaw,
            TAG_IMA_ADPCM => return self.adpcm(Variant::Ima, "IMA ADPCM"),
            TAG_MICROSOFT_ADPCM => return self.adpcm(Variant::Microsoft, "Microsoft ADPCM"),
            TAG_MP3 => return Ok((Body::Mp3, None)),
            tag => {
                let name = OTHER_TAGS.iter().find(|(known, _)| *known == tag).map_or("unknown", |(_, name)| name);
                return unsupported(format!("{name} (format tag 0x{tag:04X})"));
            }
        };
        Ok((Body::Pcm(encoding), self.contradiction(encoding, stated)))
    }

    fn adpcm(&self, variant: Variant, name: &str) -> Result<(Body, Option<Defect>), Error> {
        if self.bits != 4 {
            return unsupported(format!("{name} of {} bits", self.bits));
        }
        let blocks = Adpcm { variant, channels: self.channels, bytes: usize::from(self.block_align) };
        if !blocks.is_sound() {
            return bad_header(format!("{name} with channels: {}, in blocks of {} bytes", self.channels, self.block_align));
        }
        Ok((Body::Adpcm(blocks), None))
    }

    /// Bytes per sample by the block size, where that divides evenly.
    fn stated_bytes(&self) -> Option<usize> {
        (self.block_align > 0 && self.block_align.is_multiple_of(self.channels))
            .then(|| usize::from(self.block_align / self.channels))
    }

    /// Integers lie left-justified in whole bytes: as many as their bits need, unless block size and byte rate agree on more
    /// (24 bits in 32).
    fn integer(&self, stated: Option<usize>) -> Result<Encoding, Error> {
        if self.bits == 0 {
            return bad_header("0 bits per sample, expected 1 to 64".to_owned());
        }
        let needed = usize::from(self.bits).div_ceil(8);
        let by_rate = u64::from(self.sample_rate_hz) * u64::from(self.block_align) == u64::from(self.byte_rate);
        let bytes = match stated {
            Some(stated) if stated > needed && by_rate => stated,
            _ => needed,
        };
        match bytes {
            1 => Ok(Encoding::Unsigned8),
            _ => u8::try_from(bytes)
                .ok()
                .and_then(Encoding::signed)
                .map_or_else(|| unsupported(format!("{}-bit integers in {bytes} bytes", self.bits)), Ok),
        }
    }

    /// What the chosen encoding disagrees with.
    fn contradiction(&self, encoding: Encoding, stated: Option<usize>) -> Option<Defect> {
        let frame_bytes = usize::from(self.channels) * encoding.bytes();
        let byte_rate = u64::from(self.sample_rate_hz) * frame_bytes as u64;
        let detail = if stated != Some(encoding.bytes()) {
            format!("block size {} and bits {} disagree; read as {frame_bytes} bytes a frame", self.block_align, self.bits)
        } else if self.byte_rate != 0 && u64::from(self.byte_rate) != byte_rate {
            format!(
                "byte rate {} where {} Hz makes {byte_rate}; the sample rate was believed",
                self.byte_rate, self.sample_rate_hz
            )
        } else {
            return None;
        };
        Some(Defect::harmless(DefectKind::InconsistentHeader, detail))
    }
}

/// The format tag, which WAVE_FORMAT_EXTENSIBLE keeps in a GUID at byte 24.
fn effective_tag(tag: u16, payload: &[u8], big_endian: bool) -> Result<u16, Error> {
    if tag != TAG_EXTENSIBLE {
        return Ok(tag);
    }
    let Some(guid) = payload.get(24..40) else {
        return bad_header(format!("an extensible fmt chunk of {} bytes, expected 40", payload.len()));
    };
    let (tag, tail_sound) = if big_endian {
        (u16::from_be_bytes([guid[2], guid[3]]), guid[8..] == TAG_GUID_TAIL[6..])
    } else {
        (u16::from_le_bytes([guid[0], guid[1]]), guid[2..] == TAG_GUID_TAIL)
    };
    if tail_sound { Ok(tag) } else { unsupported(format!("unknown format GUID {guid:02X?}")) }
}

fn bad_header<T>(found: String) -> Result<T, Error> {
    Err(Error::refused(Reason::BadHeader, format!("the header states {found}")))
}

fn unsupported<T>(name: String) -> Result<T, Error> {
    Err(Error::refused(
        Reason::UnsupportedCodec,
        format!(
            "not supported: {name} in WAV. Expected PCM of up to 64 bits, float, a-law, mu-law, IMA or Microsoft ADPCM, or MP3; convert the file"
        ),
    ))
}
