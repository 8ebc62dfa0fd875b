//! Bytes to f32 samples, and frames of them from a source.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes taken from the source at a time (and at least one frame).
const BLOCK_BYTES: usize = 64 * 1024;

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Integers of one byte, silence at 128.
    Unsigned8,
    /// Signed integers of one byte.
    Signed8,
    /// Signed integers of two bytes.
    Int16,
    /// Signed integers of three bytes.
    Int24,
    /// Signed integers of four bytes.
    Int32,
    /// Signed integers of five to eight bytes.
    Wide(u8),
    /// IEEE floats of four bytes.
    Float32,
    /// IEEE floats of eight bytes.
    Float64,
    /// ITU-T G.711 A-law.
    ALaw,
    /// ITU-T G.711 mu-law.
    MuLaw,
}

/// How frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How each sample is written.
    pub encoding: Encoding,
    /// The order of a sample's bytes.
    pub big_endian: bool,
    /// Samples of a frame.
    pub channels: u16,
}

impl Layout {
    /// Bytes of a frame.
    #[must_use]
    pub fn frame_bytes(self) -> usize {
        usize::from(self.channels) * self.encoding.bytes()
    }
}

/// Streams frames.
#[derive(Debug)]
pub(crate) struct PcmReader<R> {
    source: R,
    decoder: Decoder,
    frame_bytes: usize,
    frames_left: u64,
    replaced: u64,
    block: Vec<u8>,
}

impl<R: Read + Seek> PcmReader<R> {
    pub(crate) fn new(mut source: R, start: u64, layout: Layout, frames: u64) -> io::Result<Self> {
        source.seek(SeekFrom::Start(start))?;
        Ok(Self {
            source,
            decoder: Decoder::new(layout.encoding, layout.big_endian),
            frame_bytes: layout.frame_bytes(),
            frames_left: frames,
            replaced: 0,
            block: Vec::new(),
        })
    }

    pub(crate) fn replaced(&self) -> u64 {
        self.replaced
    }

    pub(crate) fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> io::Result<usize> {
        let wanted = self.frames_left.min(max_frames as u64) as usize;
        let per_block = (BLOCK_BYTES / self.frame_bytes).max(1);
        let mut done = 0;
        while done < wanted {
            let frames = per_block.min(wanted - done);
            self.block.resize(frames * self.frame_bytes, 0);
            self.source.read_exact(&mut self.block)?;
            self.replaced += self.decoder.decode(&self.block, out);
            done += frames;
        }
        self.frames_left -= wanted as u64;
        Ok(wanted)
    }
}

impl Encoding {
    /// Signed integers of so many bytes, 1 to 8.
    #[must_use]
    pub fn signed(bytes: u8) -> Option<Self> {
        match bytes {
            1 => Some(Self::Signed8),
            2 => Some(Self::Int16),
            3 => Some(Self::Int24),
            4 => Some(Self::Int32),
            5..=8 => Some(Self::Wide(bytes)),
            _ => None,
        }
    }

    /// Bytes of a sample.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 | Self::Signed8 | Self::ALaw | Self::MuLaw => 1,
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Int32 | Self::Float32 => 4,
            Self::Wide(bytes) => usize::from(bytes),
            Self::Float64 => 8,
        }
    }

    /// ffmpeg's name of the encoding.
    #[must_use]
    pub fn codec_name(self, big_endian: bool) -> String {
        let name = match self {
            Self::Unsigned8 => return "pcm_u8".to_owned(),
            Self::Signed8 => return "pcm_s8".to_owned(),
            Self::ALaw => return "pcm_alaw".to_owned(),
            Self::MuLaw => return "pcm_mulaw".to_owned(),
            Self::Int16 => "pcm_s16",
            Self::Int24 => "pcm_s24",
            Self::Int32 => "pcm_s32",
            // ffmpeg reads no other width than 64.
            Self::Wide(bytes) => return format!("pcm_s{}{}", 8 * u32::from(bytes), if big_endian { "be" } else { "le" }),
            Self::Float32 => "pcm_f32",
            Self::Float64 => "pcm_f64",
        };
        format!("{name}{}", if big_endian { "be" } else { "le" })
    }
}

/// Turns whole samples of one encoding and byte order into f32.
#[derive(Debug, Clone, Copy)]
struct Decoder {
    encoding: Encoding,
    big_endian: bool,
}

impl Decoder {
    fn new(encoding: Encoding, big_endian: bool) -> Self {
        Self { encoding, big_endian }
    }

    /// Appends the samples of `bytes` to `out`. NaN and infinity read as 0; returns how many of them there were.
    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) -> u64 {
        let first = out.len();
        self.append(bytes, out);
        match self.encoding {
            Encoding::Float32 | Encoding::Float64 => silence_non_finite(&mut out[first..]),
            _ => 0,
        }
    }

    fn append(self, bytes: &[u8], out: &mut Vec<f32>) {
        match (self.encoding, self.big_endian) {
            (Encoding::Unsigned8, _) => out.extend(bytes.iter().map(|&byte| (f32::from(byte) - 128.0) / 128.0)),
            (Encoding::Signed8, _) => out.extend(bytes.iter().map(|&byte| f32::from(byte.cast_signed()) / 128.0)),
            (Encoding::ALaw, _) => out.extend(bytes.iter().map(|&byte| f32::from(expand_alaw(byte)) / 32_768.0)),
            (Encoding::MuLaw, _) => out.extend(bytes.iter().map(|&byte| f32::from(expand_mulaw(byte)) / 32_768.0)),
            (Encoding::Int16, false) => each(bytes, out, |b: [u8; 2]| f32::from(i16::from_le_bytes(b)) / 32_768.0),
            (Encoding::Int16, true) => each(bytes, out, |b: [u8; 2]| f32::from(i16::from_be_bytes(b)) / 32_768.0),
            (Encoding::Int24, false) => each(bytes, out, |[a, b, c]: [u8; 3]| from_i32(i32::from_le_bytes([0, a, b, c]))),
            (Encoding::Int24, true) => each(bytes, out, |[a, b, c]: [u8; 3]| from_i32(i32::from_be_bytes([a, b, c, 0]))),
            (Encoding::Int32, false) => each(bytes, out, |b: [u8; 4]| from_i32(i32::from_le_bytes(b))),
            (Encoding::Int32, true) => each(bytes, out, |b: [u8; 4]| from_i32(i32::from_be_bytes(b))),
            (Encoding::Wide(width), _) => {
                out.extend(bytes.chunks_exact(usize::from(width)).map(|sample| wide(sample, self.big_endian)));
            }
            (Encoding::Float32, false) => each(bytes, out, f32::from_le_bytes),
            (Encoding::Float32, true) => each(bytes, out, f32::from_be_bytes),
            (Encoding::Float64, false) => each(bytes, out, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
            (Encoding::Float64, true) => each(bytes, out, |b: [u8; 8]| f64::from_be_bytes(b) as f32),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, sample: impl Fn([u8; N]) -> f32) {
    out.extend(bytes.as_chunks::<N>().0.iter().map(|&chunk| sample(chunk)));
}

fn from_i32(value: i32) -> f32 {
    value as f32 / 2_147_483_648.0
}

/// A left-justified integer of five to eight bytes.
fn wide(sample: &[u8], big_endian: bool) -> f32 {
    let mut bytes = [0; 8];
    if big_endian {
        bytes[..sample.len()].copy_from_slice(sample);
        (i64::from_be_bytes(bytes) as f64 / 2f64.powi(63)) as f32
    } else {
        bytes[8 - sample.len()..].copy_from_slice(sample);
        (i64::from_le_bytes(bytes) as f64 / 2f64.powi(63)) as f32
    }
}

/// Replaces what is not finite by silence, since one NaN would spread over every feature of its window; returns how
/// many there were.
fn silence_non_finite(samples: &mut [f32]) -> u64 {
    let mut replaced = 0;
    for sample in samples {
        let is_number = sample.is_finite();
        replaced += u64::from(!is_number);
        *sample = if is_number { *sample } else { 0.0 };
    }
    replaced
}

/// ITU-T G.711 A-law, expanded to 16 bits.
fn expand_alaw(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let segment = (code & 0x70) >> 4;
    let mantissa = i16::from(code & 0x0F) << 4 | 0x08;
    let magnitude = match segment {
        0 => mantissa,
        _ => (mantissa + 0x100) << (segment - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711 mu-law, expanded to 16 bits.
fn expand_mulaw(byte: u8) -> i16 {
    /// The bias that makes all segments one series.
    const BIAS: i16 = 0x84;
    let code = !byte;
    let magnitude = (((i16::from(code & 0x0F) << 3) + BIAS) << ((code & 0x70) >> 4)) - BIAS;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, big_endian: bool, bytes: &[u8]) -> Vec<f32> {
        let mut out = Vec::new();
        Decoder::new(encoding, big_endian).decode(bytes, &mut out);
        out
    }

    #[test]
    fn integers_scale_by_half_their_range() {
        assert_eq!(decoded(Encoding::Unsigned8, false, &[0, 128, 255]), [-1.0, 0.0, 127.0 / 128.0]);
        assert_eq!(decoded(Encoding::Int16, false, &[0x00, 0x80, 0xFF, 0x7F]), [-1.0, 32_767.0 / 32_768.0]);
        assert_eq!(decoded(Encoding::Int16, true, &[0x80, 0x00, 0x40, 0x00]), [-1.0, 0.5]);
        assert_eq!(decoded(Encoding::Int24, false, &[1, 0, 0, 0, 0, 0x80]), [1.0 / 8_388_608.0, -1.0]);
        assert_eq!(decoded(Encoding::Int24, true, &[0, 0, 1, 0xC0, 0, 0]), [1.0 / 8_388_608.0, -0.5]);
        assert_eq!(decoded(Encoding::Int32, false, &[0, 0, 0, 0x80]), [-1.0]);
        assert_eq!(decoded(Encoding::Int32, true, &[0x40, 0, 0, 0]), [0.5]);
        assert_eq!(decoded(Encoding::Signed8, true, &[0x80, 0x40, 0xFF]), [-1.0, 0.5, -1.0 / 128.0]);
        assert_eq!(decoded(Encoding::Wide(5), false, &[0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0x20]), [-1.0, 0.25]);
        assert_eq!(decoded(Encoding::Wide(8), true, &[0xC0, 0, 0, 0, 0, 0, 0, 0]), [-0.5]);
    }

    #[test]
    fn samples_that_are_not_finite_are_counted() {
        let bytes: Vec<u8> = [f32::NAN, 1.0, f32::INFINITY].iter().flat_map(|x| x.to_be_bytes()).collect();
        let mut out = vec![f32::NAN];
        assert_eq!(Decoder::new(Encoding::Float32, true).decode(&bytes, &mut out), 2);
        assert_eq!(out[1..], [0.0, 1.0, 0.0]);
        assert_eq!(Decoder::new(Encoding::Int16, true).decode(&[0x7F, 0xFF], &mut out), 0);
    }

    #[test]
    fn floats_stand_as_they_are_but_for_nan_and_infinity() {
        let bytes: Vec<u8> = [1.5_f32, f32::NAN, f32::NEG_INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(decoded(Encoding::Float32, false, &bytes), [1.5, 0.0, 0.0]);
        assert_eq!(decoded(Encoding::Float64, true, &(-0.25_f64).to_be_bytes()), [-0.25]);
        assert_eq!(decoded(Encoding::Float64, false, &1e300_f64.to_le_bytes()), [0.0]);
    }

    // The corner values of the tables in ITU-T G.711.
    #[test]
    fn companding_laws_expand_as_in_g711() {
        assert_eq!([0x00, 0x80, 0x7F, 0xFF, 0xFE].map(expand_mulaw), [-32_124, 32_124, 0, 0, 8]);
        assert_eq!([0x2A, 0xAA, 0x55, 0xD5, 0x54].map(expand_alaw), [-32_256, 32_256, -8, 8, -24]);
    }
}
