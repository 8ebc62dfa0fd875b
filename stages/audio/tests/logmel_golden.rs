//! The log-mel spectrogram against torchaudio's: `golden/logmel/make.py` made the arrays.
#![allow(clippy::unwrap_used)]

use chorus_audio::dsp::logmel::{LogMel, MelConfig};

/// The difference allowed, in dB, for values within 80 dB of the loudest.
const TOLERANCE_DB: f32 = 0.01;
const RANGE_DB: f32 = 80.0;

fn mix2() -> MelConfig {
    MelConfig {
        sample_rate_hz: 16_000,
        n_fft: 512,
        win_length: 512,
        hop_length: 128,
        n_mels: 128,
        f_min_hz: 0.0,
        f_max_hz: 8000.0,
    }
}

fn narrow() -> MelConfig {
    MelConfig {
        sample_rate_hz: 22_050,
        n_fft: 1024,
        win_length: 800,
        hop_length: 400,
        n_mels: 40,
        f_min_hz: 150.0,
        f_max_hz: 10_000.0,
    }
}

/// Reads a `.npy` file (version 1) of little-endian float32 in C order.
fn npy(name: &str) -> Vec<f32> {
    let path = format!("{}/tests/golden/logmel/{name}.npy", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let header_len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, values) = bytes[10..].split_at(header_len);
    let header = String::from_utf8_lossy(header);
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    values.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

fn assert_golden(name: &str, config: &MelConfig) {
    let samples = npy(&format!("{name}.samples"));
    let golden = npy(&format!("{name}.logmel"));
    let mut mel = LogMel::new(config).unwrap();
    assert_eq!(golden.len(), config.n_mels * mel.frames(samples.len()));
    let mut ours = vec![0.0; golden.len()];
    mel.compute(&samples, &mut ours).unwrap();

    let peak = golden.iter().copied().fold(f32::MIN, f32::max);
    let compared: Vec<f32> = ours
        .iter()
        .zip(&golden)
        .filter(|(_, golden)| **golden >= peak - RANGE_DB)
        .map(|(ours, golden)| (ours - golden).abs())
        .collect();
    let worst = compared.iter().copied().fold(0.0, f32::max);
    eprintln!("{name}: largest difference {worst:.5} dB over {} of {} values", compared.len(), golden.len());
    assert!(worst < TOLERANCE_DB, "{name}: {worst} dB apart");
}

#[test]
fn tone() {
    assert_golden("tone", &mix2());
}

#[test]
fn noise() {
    assert_golden("noise", &mix2());
}

#[test]
fn chirp() {
    assert_golden("chirp", &mix2());
}

#[test]
fn pulsed_call() {
    assert_golden("pulses", &mix2());
}

#[test]
fn silence() {
    assert_golden("silence", &mix2());
}

#[test]
fn short_window_in_a_long_transform_with_band_limits() {
    assert_golden("narrow", &narrow());
}
