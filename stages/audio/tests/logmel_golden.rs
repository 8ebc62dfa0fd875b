//! The log-mel spectrogram against torchaudio's and librosa's: `golden/logmel/make.py` made the arrays.
#![allow(clippy::unwrap_used)]

use chorus_audio::dsp::logmel::{Level, LogMel, MelConfig, MelNorm, MelScale, WindowShape};

/// The difference allowed, in dB, for values within 80 dB of the loudest.
const TOLERANCE_DB: f32 = 0.01;
const RANGE_DB: f32 = 80.0;

fn mix2() -> MelConfig {
    MelConfig::default()
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
        ..MelConfig::default()
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

/// librosa's own settings.
fn slaney() -> MelConfig {
    MelConfig { mel_scale: MelScale::Slaney, mel_norm: MelNorm::Slaney, ..mix2() }
}

/// The golden values and ours.
fn compute(name: &str, config: &MelConfig) -> (Vec<f32>, Vec<f32>) {
    let samples = npy(&format!("{name}.samples"));
    let golden = npy(&format!("{name}.logmel"));
    let mut mel = LogMel::new(config).unwrap();
    assert_eq!(golden.len(), config.n_mels * mel.frames(samples.len()));
    let mut ours = vec![0.0; golden.len()];
    mel.compute(&samples, &mut ours).unwrap();
    (golden, ours)
}

fn assert_golden(name: &str, config: &MelConfig) {
    let (golden, ours) = compute(name, config);
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

#[test]
fn other_windows() {
    assert_golden("hamming", &MelConfig { window: WindowShape::Hamming, ..mix2() });
    assert_golden("blackman", &MelConfig { window: WindowShape::Blackman, ..mix2() });
}

#[test]
fn librosas_scale_and_norm() {
    assert_golden("slaney_chirp", &slaney());
    assert_golden("slaney_pulses", &slaney());
}

#[test]
fn librosas_pcen() {
    let (golden, ours) = compute("pcen", &MelConfig { level: Level::Pcen, ..slaney() });
    let largest = golden.iter().copied().fold(0.0, f32::max);
    let worst = ours.iter().zip(&golden).map(|(ours, golden)| (ours - golden).abs()).fold(0.0, f32::max);
    eprintln!("pcen: largest difference {worst:.2e} of values up to {largest:.3}");
    assert!(worst < 1e-3 * largest, "{worst} of {largest}");
}
