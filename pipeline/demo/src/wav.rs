//! Sound into the bytes of a WAV file.

/// Bytes before the samples.
pub(crate) const HEADER_BYTES: usize = 44;

/// 16-bit PCM mono WAV of `sound` (`[frame]`, full scale 1, clipped beyond).
pub(crate) fn bytes(sound: &[f32], rate_hz: u32) -> Vec<u8> {
    let data_bytes = 2 * sound.len() as u32;
    let mut wav = Vec::with_capacity(HEADER_BYTES + data_bytes as usize);
    wav.extend(b"RIFF");
    wav.extend((HEADER_BYTES as u32 - 8 + data_bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1u16, 1].into_iter().flat_map(u16::to_le_bytes)); // PCM, one channel
    wav.extend([rate_hz, 2 * rate_hz].into_iter().flat_map(u32::to_le_bytes)); // frames and bytes per second
    wav.extend([2u16, 16].into_iter().flat_map(u16::to_le_bytes)); // bytes per frame, bits per sample
    wav.extend(b"data");
    wav.extend(data_bytes.to_le_bytes());
    wav.extend(sound.iter().flat_map(|&sample| ((sample * 32768.0).round() as i16).to_le_bytes()));
    wav
}
