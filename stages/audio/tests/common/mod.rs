//! Recordings made in memory: WAV files of any shape, and FLAC without compression.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::PathBuf;

use chorus_audio::container::{Facts, open};
use chorus_audio::error::{AudioError, RejectCode};

/// A directory with one file in it.
pub struct OneFile {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn on_disk(bytes: &[u8]) -> OneFile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recording.bin");
    std::fs::write(&path, bytes).unwrap();
    OneFile { _dir: dir, path }
}

/// All samples of a file, read in parts of `max_frames`, and the facts at the end.
pub fn read_all(bytes: &[u8], max_frames: usize) -> Result<(Facts, Vec<f32>), AudioError> {
    let file = on_disk(bytes);
    let mut reader = open(&file.path)?;
    let (mut all, mut part) = (Vec::new(), Vec::new());
    loop {
        let frames = reader.read(max_frames, &mut part)?;
        assert!(frames <= max_frames);
        assert_eq!(part.len(), frames * usize::from(reader.facts().channels));
        if frames == 0 {
            return Ok((reader.facts().clone(), all));
        }
        all.extend_from_slice(&part);
    }
}

/// The code and sentence with which a file is refused.
pub fn rejection(bytes: &[u8]) -> (RejectCode, String) {
    match read_all(bytes, 1000) {
        Err(AudioError::Rejected { code, detail, .. }) => (code, detail),
        other => panic!("expected a rejection, found {other:?}"),
    }
}

/// A file of `golden/codecs`.
pub fn golden_codec(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/golden/codecs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A chunk with its pad byte.
pub fn chunk(id: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = [id.as_slice(), &(payload.len() as u32).to_le_bytes(), payload].concat();
    bytes.extend(std::iter::repeat_n(0, payload.len() % 2));
    bytes
}

/// A RIFF file of these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF".as_slice(), &(body.len() as u32 + 4).to_le_bytes(), b"WAVE", &body].concat()
}

/// The payload of a `fmt ` chunk of 16 bytes.
pub fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    [
        &tag.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        &bits.to_le_bytes(),
    ]
    .concat()
}

/// 16-bit samples as bytes.
pub fn pcm16(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A ramp that no part of can be mistaken for another.
pub fn ramp(n: usize) -> Vec<i16> {
    (0..n).map(|i| ((i * 37) % 60_000) as i16).collect()
}

/// What 16-bit samples read as.
pub fn as_floats(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect()
}

/// A FLAC file of uncompressed ("verbatim") 16-bit blocks.
pub struct Flac {
    pub head: Vec<u8>,
    pub frames: Vec<Vec<u8>>,
}

impl Flac {
    /// `samples` are interleaved; `total` is the STREAMINFO's number of frames, 0 when unknown.
    pub fn new(samples: &[i16], channels: usize, block: usize, total: u64) -> Self {
        let frames = samples.chunks(block * channels).enumerate();
        Self {
            head: streaminfo(channels, block, total),
            frames: frames.map(|(number, block)| verbatim_frame(number, channels, block)).collect(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head.clone(), self.frames.concat()].concat()
    }
}

fn streaminfo(channels: usize, block: usize, total: u64) -> Vec<u8> {
    let rate = 22_050_u64;
    let packed = rate << 44 | (channels as u64 - 1) << 41 | 15 << 36 | total;
    let block = (block as u16).to_be_bytes();
    // The last metadata block, of type 0 and 34 bytes; frame sizes and the checksum of the sound are unknown.
    [b"fLaC\x80\0\0\x22".as_slice(), &block, &block, &[0; 6], &packed.to_be_bytes(), &[0; 16]].concat()
}

fn verbatim_frame(number: usize, channels: usize, samples: &[i16]) -> Vec<u8> {
    assert!(number < 128, "longer numbers take several bytes");
    let block = samples.len() / channels;
    let mut frame = vec![0xFF, 0xF8, 0x70, ((channels as u8 - 1) << 4) | 0x08, number as u8];
    frame.extend((block as u16 - 1).to_be_bytes());
    frame.push(crc8(&frame));
    for channel in 0..channels {
        frame.push(0x02);
        frame.extend(samples.iter().skip(channel).step_by(channels).flat_map(|sample| sample.to_be_bytes()));
    }
    frame.extend(crc16(&frame).to_be_bytes());
    frame
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 }))
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 })
    })
}
