//! ADPCM in WAV: four bits a sample, in blocks that can be decoded one by one.
//!
//! Sources: IMA Digital Audio Focus and Technical Working Groups, "Recommended Practices for Enhancing Digital Audio
//! Compatibility", revision 3.00 (IMA ADPCM, with the block layout of format tag 0x11 in RFC 2361), and the Microsoft
//! ADPCM part of "New Multimedia Data Types and Data Techniques", revision 3.0. As libsndfile and ffmpeg do, the
//! `fact` chunk is not used to cut the last block.

use std::io::{self, Read, Seek, SeekFrom};

/// The two block formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// IMA ADPCM, format tag 0x0011.
    Ima,
    /// Microsoft ADPCM, format tag 0x0002.
    Microsoft,
}

/// How blocks are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adpcm {
    /// The block format.
    pub variant: Variant,
    /// Samples of a frame.
    pub channels: u16,
    /// Bytes of a whole block.
    pub bytes: usize,
}

impl Adpcm {
    /// Bytes before a block's codes.
    fn head_bytes(self) -> usize {
        let per_channel = if self.variant == Variant::Ima { 4 } else { 7 };
        per_channel * usize::from(self.channels)
    }

    /// Whether a block can hold a frame, and there are no more channels than the format lays out.
    pub(crate) fn is_sound(self) -> bool {
        let most_channels = if self.variant == Variant::Ima { 8 } else { 2 };
        self.bytes >= self.head_bytes() && (1..=most_channels).contains(&self.channels)
    }

    /// ffmpeg's name of the encoding.
    #[must_use]
    pub fn codec_name(self) -> &'static str {
        if self.variant == Variant::Ima { "adpcm_ima_wav" } else { "adpcm_ms" }
    }

    /// Frames of a block of so many bytes, the last of a file being shorter at times.
    fn frames_of(self, bytes: usize) -> usize {
        let channels = usize::from(self.channels);
        match (bytes.checked_sub(self.head_bytes()), self.variant) {
            (None, _) => 0,
            // Eight codes of a channel lie together.
            (Some(codes), Variant::Ima) => 1 + codes / (4 * channels) * 8,
            (Some(codes), Variant::Microsoft) => 2 + codes * 2 / channels,
        }
    }

    /// Frames of so many bytes of data.
    #[must_use]
    pub fn frames(self, bytes: u64) -> u64 {
        let whole = bytes / self.bytes as u64;
        let rest = (bytes % self.bytes as u64) as usize;
        whole * self.frames_of(self.bytes) as u64 + self.frames_of(rest) as u64
    }

    /// Appends the samples of one block to `out`, interleaved.
    fn decode(self, block: &[u8], out: &mut Vec<f32>) {
        let frames = self.frames_of(block.len());
        let channels = usize::from(self.channels);
        let first = out.len();
        out.resize(first + frames * channels, 0.0);
        let out = &mut out[first..];
        match self.variant {
            Variant::Ima if frames > 0 => ima_block(block, channels, out),
            Variant::Microsoft if frames > 0 => microsoft_block(block, channels, out),
            _ => {}
        }
    }
}

/// Streams the frames of ADPCM blocks.
#[derive(Debug)]
pub(crate) struct AdpcmReader<R> {
    source: R,
    blocks: Adpcm,
    bytes_left: u64,
    block: Vec<u8>,
    decoded: Vec<f32>,
    /// Samples of `decoded` that were handed out.
    taken: usize,
}

impl<R: Read + Seek> AdpcmReader<R> {
    /// A reader of `bytes` bytes of blocks from `start` on, which the source holds.
    pub(crate) fn new(mut source: R, start: u64, bytes: u64, blocks: Adpcm) -> io::Result<Self> {
        source.seek(SeekFrom::Start(start))?;
        Ok(Self { source, blocks, bytes_left: bytes, block: Vec::new(), decoded: Vec::new(), taken: 0 })
    }

    /// Appends up to `max_frames` frames to `out`.
    pub(crate) fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> io::Result<usize> {
        if self.taken == self.decoded.len() {
            self.next_block()?;
        }
        let channels = usize::from(self.blocks.channels);
        let samples = (self.decoded.len() - self.taken).min(max_frames * channels);
        out.extend_from_slice(&self.decoded[self.taken..self.taken + samples]);
        self.taken += samples;
        Ok(samples / channels)
    }

    fn next_block(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.taken = 0;
        self.block.resize(self.bytes_left.min(self.blocks.bytes as u64) as usize, 0);
        self.source.read_exact(&mut self.block)?;
        self.bytes_left -= self.block.len() as u64;
        self.blocks.decode(&self.block, &mut self.decoded);
        Ok(())
    }
}

/// Step sizes of IMA ADPCM.
const IMA_STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130,
    143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282,
    1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493,
    10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
/// How a code moves the index of the step size.
const IMA_MOVES: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

/// Fills `out` from a block: per channel a sample, a step index and a zero; then words of eight codes, channel by channel.
fn ima_block(block: &[u8], channels: usize, out: &mut [f32]) {
    let (heads, words) = block.split_at(4 * channels);
    for channel in 0..channels {
        let head = &heads[4 * channel..];
        let mut sample = i32::from(i16::from_le_bytes([head[0], head[1]]));
        let mut index = usize::from(head[2]).min(IMA_STEPS.len() - 1);
        out[channel] = as_float(sample);
        let codes = words.chunks_exact(4).skip(channel).step_by(channels).flatten().flat_map(|byte| [byte & 0x0F, byte >> 4]);
        for (frame, code) in out.chunks_exact_mut(channels).skip(1).zip(codes) {
            (sample, index) = ima_step(sample, index, code);
            frame[channel] = as_float(sample);
        }
    }
}

/// The next sample and step index.
fn ima_step(sample: i32, index: usize, code: u8) -> (i32, usize) {
    let step = IMA_STEPS[index];
    let bit = |bit: u8, shift: u32| if code & bit != 0 { step >> shift } else { 0 };
    let change = (step >> 3) + bit(1, 2) + bit(2, 1) + bit(4, 0);
    let next = if code & 8 != 0 { sample - change } else { sample + change };
    let index = (index as i32 + IMA_MOVES[usize::from(code & 7)]).clamp(0, IMA_STEPS.len() as i32 - 1);
    (next.clamp(i32::from(i16::MIN), i32::from(i16::MAX)), index as usize)
}

/// Predictor coefficients of Microsoft ADPCM, of 256: the seven pairs that every file has.
const MICROSOFT_COEFFICIENTS: [(i32, i32); 7] = [(256, 0), (512, -256), (0, 0), (192, 64), (240, 0), (460, -208), (392, -232)];
/// How a code scales the step, of 256.
const MICROSOFT_SCALES: [i32; 16] = [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];
/// The smallest step.
const MICROSOFT_LEAST_STEP: i32 = 16;

struct MicrosoftChannel {
    coefficients: (i32, i32),
    step: i32,
    last: i32,
    before: i32,
}

/// Fills `out` from a block: predictors, steps, last and earlier samples of all channels; then codes, frame by frame.
fn microsoft_block(block: &[u8], channels: usize, out: &mut [f32]) {
    let (head, codes) = block.split_at(7 * channels);
    let pair = |at: usize| i32::from(i16::from_le_bytes([head[at], head[at + 1]]));
    let channel = |i: usize| MicrosoftChannel {
        coefficients: MICROSOFT_COEFFICIENTS[usize::from(head[i]).min(MICROSOFT_COEFFICIENTS.len() - 1)],
        step: pair(channels + 2 * i),
        last: pair(3 * channels + 2 * i),
        before: pair(5 * channels + 2 * i),
    };
    let mut states: Vec<MicrosoftChannel> = (0..channels).map(channel).collect();
    for (i, state) in states.iter().enumerate() {
        out[i] = as_float(state.before);
        out[channels + i] = as_float(state.last);
    }
    let codes = codes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    for ((i, sample), code) in out[2 * channels..].iter_mut().enumerate().zip(codes) {
        *sample = as_float(states[i % channels].next(code));
    }
}

impl MicrosoftChannel {
    fn next(&mut self, code: u8) -> i32 {
        let signed = i32::from(code) - if code & 8 != 0 { 16 } else { 0 };
        let predicted = (self.last * self.coefficients.0 + self.before * self.coefficients.1) >> 8;
        let sample = predicted.saturating_add(signed.saturating_mul(self.step)).clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        self.step = (MICROSOFT_SCALES[usize::from(code)].saturating_mul(self.step) >> 8).max(MICROSOFT_LEAST_STEP);
        (self.before, self.last) = (self.last, sample);
        sample
    }
}

fn as_float(sample: i32) -> f32 {
    sample as f32 / 32_768.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(variant: Variant, channels: u16, bytes: usize) -> Adpcm {
        Adpcm { variant, channels, bytes }
    }

    #[test]
    fn frames_are_counted_over_whole_and_cut_blocks() {
        let ima = blocks(Variant::Ima, 1, 256);
        assert_eq!([0, 3, 4, 7, 8, 256, 260].map(|bytes| ima.frames(bytes)), [0, 0, 1, 1, 9, 505, 506]);
        let microsoft = blocks(Variant::Microsoft, 2, 256);
        assert_eq!([0, 13, 14, 15, 256, 512].map(|bytes| microsoft.frames(bytes)), [0, 0, 2, 3, 244, 488]);
        assert!(!blocks(Variant::Ima, 2, 7).is_sound() && !blocks(Variant::Microsoft, 3, 99).is_sound());
    }

    #[test]
    fn ima_codes_move_by_their_step() {
        // Sample 100, step 7: code 7 adds 7/8 + 7/4 + 7/2 + 7 in whole numbers, code 15 takes as much of the next step away.
        let mut out = Vec::new();
        blocks(Variant::Ima, 1, 8).decode(&[100, 0, 0, 0, 0xF7, 0, 0, 0], &mut out);
        let samples: Vec<i32> = out.iter().map(|s| (s * 32_768.0) as i32).collect();
        assert_eq!(samples[..3], [100, 111, 111 - (16 / 8 + 16 / 4 + 16 / 2 + 16)]);
        assert_eq!(samples.len(), 9);
    }

    #[test]
    fn microsoft_codes_add_to_a_prediction() {
        // Predictor 0 repeats the last sample; step 16, codes 1 and -1 (the step stays at its least).
        let mut out = Vec::new();
        blocks(Variant::Microsoft, 1, 8).decode(&[0, 16, 0, 50, 0, 40, 0, 0x1F], &mut out);
        assert_eq!(out.iter().map(|s| (s * 32_768.0) as i32).collect::<Vec<_>>(), [40, 50, 66, 50]);
    }
}
