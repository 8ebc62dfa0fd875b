//! From sound to log-mel spectrograms in a graph, as `chorus_audio::dsp::logmel` makes them. The Fourier transform is a convolution with
//! cosines and sines, which every program computes, and fast.

use std::f64::consts::PI;

use chorus_audio::dsp::logmel::{Level, MelConfig, PCEN_SCALE, POWER_FLOOR, Pcen};

use super::graph::{Attribute, Graph, Value};
use super::proto::element;

/// The cosines and sines take this much of the file at most.
const MOST_BYTES: usize = 1 << 28;

/// Windows of sound `[batch, sample]`, full scale being 1, to spectrograms `[batch, 1, mel, frame]`, rounded to float16 as the table
/// `features` holds them.
///
/// # Errors
/// In words, a transform that is too long, or a window that is too short.
pub(super) fn log_mel(graph: &mut Graph, sound: &Value, samples: usize, config: &MelConfig) -> Result<Value, String> {
    let (n_fft, bins) = (config.n_fft, config.n_fft / 2 + 1);
    if 4 * 2 * bins * n_fft > MOST_BYTES {
        return Err(format!(
            "featurize.n_fft is {n_fft}, which is too long for a network that takes sound; export one that takes features"
        ));
    }
    if samples <= n_fft / 2 {
        return Err(format!("a window has {samples} samples, expected more than half of featurize.n_fft, {n_fft}"));
    }
    let (half, hop) = ((n_fft / 2) as i64, config.hop_length as i64);
    let first = graph.integers(&[1]);
    let channel = graph.add("Unsqueeze", &[sound, &first], &[]);
    let ends = graph.integers(&[0, 0, half, 0, 0, half]);
    let padded = graph.add("Pad", &[&channel, &ends], &[("mode", Attribute::Word("reflect"))]);
    let waves = graph.floats(&[2 * bins as i64, 1, n_fft as i64], &waves(config));
    let strides = [("strides", Attribute::Integers(vec![hop])), ("kernel_shape", Attribute::Integers(vec![n_fft as i64]))];
    let spectrum = graph.add("Conv", &[&padded, &waves], &strides);
    let squares = graph.add("Mul", &[&spectrum, &spectrum], &[]);
    // A band's weights count for the squares of cosines and of sines.
    let weights: Vec<f32> = config.band_weights().chunks_exact(bins).flat_map(|row| [row, row].concat()).collect();
    let weights = graph.floats(&[config.n_mels as i64, 2 * bins as i64], &weights);
    let powers = graph.add("MatMul", &[&weights, &squares], &[]);
    let level = match config.level {
        Level::Db => decibels(graph, &powers),
        Level::Pcen => normalised(graph, &powers, samples / config.hop_length + 1, &config.pcen(), config.frame_rate_hz()),
    };
    let cast = |graph: &mut Graph, value: &Value, to: i32| graph.add("Cast", &[value], &[("to", Attribute::Integer(to.into()))]);
    let rounded = cast(graph, &level, element::FLOAT16);
    let rounded = cast(graph, &rounded, element::FLOAT);
    Ok(graph.add("Unsqueeze", &[&rounded, &first], &[]))
}

/// Windowed cosines, then sines, `[2 * bin, sample]`.
fn waves(config: &MelConfig) -> Vec<f32> {
    let (n_fft, bins, window) = (config.n_fft, config.n_fft / 2 + 1, config.analysis_window());
    let mut waves = Vec::with_capacity(2 * bins * n_fft);
    for wave in [f64::cos, f64::sin] {
        for bin in 0..bins {
            // Whole turns are left out before they cost digits.
            let angle = |i: usize| 2.0 * PI * ((bin * i) % n_fft) as f64 / n_fft as f64;
            waves.extend(window.iter().enumerate().map(|(i, &weight)| (f64::from(weight) * wave(angle(i))) as f32));
        }
    }
    waves
}

/// 10 log10(max(x, 1e-10)).
fn decibels(graph: &mut Graph, powers: &Value) -> Value {
    let floor = graph.floats(&[], &[POWER_FLOOR]);
    let floored = graph.add("Max", &[powers, &floor], &[]);
    let logarithm = graph.add("Log", &[&floored], &[]);
    let factor = graph.floats(&[], &[(10.0 * std::f64::consts::LOG10_E) as f32]);
    graph.add("Mul", &[&logarithm, &factor], &[])
}

/// PCEN of powers `[batch, mel, frame]`. The smoothed energy is a weighted sum over the frames up to the present one.
fn normalised(graph: &mut Graph, powers: &Value, frames: usize, pcen: &Pcen, frame_rate_hz: f64) -> Value {
    let b = pcen.smoothing(frame_rate_hz);
    let weight = |from: usize, to: usize| if from > to { 0.0 } else { b * (1.0 - b).powi((to - from) as i32) };
    let sums: Vec<f32> =
        (0..frames).flat_map(|from| (0..frames).map(move |to| (from, to))).map(|(from, to)| weight(from, to) as f32).collect();
    let begun: Vec<f32> = (0..frames).map(|to| ((1.0 - b).powi(to as i32 + 1) + pcen.eps) as f32).collect();
    let number = |graph: &mut Graph, value: f64| graph.floats(&[], &[value as f32]);
    let scale = number(graph, PCEN_SCALE);
    let energy = graph.add("Mul", &[powers, &scale], &[]);
    let sums = graph.floats(&[frames as i64, frames as i64], &sums);
    let smooth = graph.add("MatMul", &[&energy, &sums], &[]);
    let begun = graph.floats(&[frames as i64], &begun);
    let smooth = graph.add("Add", &[&smooth, &begun], &[]);
    let gain = number(graph, -pcen.gain);
    let control = graph.add("Pow", &[&smooth, &gain], &[]);
    let controlled = graph.add("Mul", &[&energy, &control], &[]);
    let bias = number(graph, pcen.bias);
    let raised = graph.add("Add", &[&controlled, &bias], &[]);
    let power = number(graph, pcen.power);
    let compressed = graph.add("Pow", &[&raised, &power], &[]);
    let level = number(graph, pcen.bias.powf(pcen.power));
    graph.add("Sub", &[&compressed, &level], &[])
}
