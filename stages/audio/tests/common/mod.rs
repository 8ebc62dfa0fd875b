//! Recordings made in memory: WAV files of any shape, and FLAC without compression.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::Cursor;

use chorus_audio::container::{Facts, Reader, probe_reader};
use chorus_audio::error::{AudioError, RejectCode};

#[path = "../../wav/tests/common/mod.rs"]
mod wav;
#[allow(unused_imports)]
pub use wav::*;

/// A recording in memory.
pub fn reader(bytes: &[u8]) -> Result<Reader, AudioError> {
    Reader::new(Box::new(Cursor::new(bytes.to_vec())), "recording.bin".to_owned())
}

/// What is found out about it.
pub fn probed(bytes: &[u8]) -> Result<Facts, AudioError> {
    probe_reader(reader(bytes)?)
}

/// All samples of a file, read in parts of `max_frames`, and the facts at the end.
pub fn read_all(bytes: &[u8], max_frames: usize) -> Result<(Facts, Vec<f32>), AudioError> {
    let mut reader = reader(bytes)?;
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

/// A FLAC file of 16-bit silence, in blocks of 65,535 frames that take some ten bytes each.
pub fn silent_flac(rate_hz: u32, blocks: u32) -> Vec<u8> {
    let mut file = streaminfo(1, 65_535, 0);
    // The rate has the first 20 bits of the packed fields.
    file[18..21].copy_from_slice(&[(rate_hz >> 12) as u8, (rate_hz >> 4) as u8, (rate_hz << 4) as u8]);
    for number in 0..blocks {
        let mut frame = vec![0xFF, 0xF8, 0x70, 0x08];
        let mut coded = [0; 4];
        frame.extend(char::from_u32(number).unwrap().encode_utf8(&mut coded).bytes());
        frame.extend(65_534_u16.to_be_bytes());
        frame.push(crc8(&frame));
        // A constant subframe of value 0.
        frame.extend([0, 0, 0]);
        frame.extend(crc16(&frame).to_be_bytes());
        file.extend(frame);
    }
    file
}

fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 }))
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 })
    })
}
