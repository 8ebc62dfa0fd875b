//! WAV files of any shape, made in memory. The tests of `chorus-audio` use them too.
#![allow(dead_code)]

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
