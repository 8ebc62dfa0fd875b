//! What every recording has besides calls: noise, insects, wind, rain, and a click now and then.

use std::f64::consts::{SQRT_2, TAU};

use rand::{Rng, RngExt};
use rand_distr::Exp1;

use crate::Options;
use crate::rng::{Stream, keyed};

/// Corners of the low-passed noises whose sum falls by about 3 dB an octave, in Hz.
const PINK_CORNERS_HZ: [f64; 5] = [30.0, 120.0, 480.0, 1_920.0, 7_680.0];

/// Level of that noise (root mean square), of the insects and of the strongest wind, in dBFS.
const NOISE_DBFS: f64 = -52.0;
const INSECTS_DBFS: f64 = -54.0;
const WIND_DBFS: f64 = -26.0;

/// Corner of the wind's rumble, and width of the insects' band, in Hz.
const WIND_CORNER_HZ: f64 = 60.0;
const INSECTS_WIDTH_HZ: f64 = 150.0;

/// Fraction of recordings with rain, and with clicks.
const RAINY: f64 = 0.3;
const CLICKING: f64 = 0.3;

/// Background of the recording at `index`, made at `site`: `[frame]`, full scale 1.
pub(crate) fn background(options: &Options, site: usize, index: usize) -> Vec<f32> {
    let rate_hz = f64::from(options.sample_rate_hz);
    let mut rng = keyed(options.seed, Stream::Background, index, 0);
    let mut sound = vec![0.0; (options.recording_s * rate_hz) as usize];
    add_noise(&mut sound, rate_hz, &mut rng);
    // The insects are part of the site: the same band in each of its recordings.
    let insects_hz = keyed(options.seed, Stream::Site, site, 1).random_range(7_450.0..7_700.0);
    add_insects(&mut sound, insects_hz, rate_hz, &mut rng);
    add_wind(&mut sound, rate_hz, &mut rng);
    if rng.random_bool(RAINY) {
        let drops_per_s = rng.random_range(4.0..30.0);
        add_bursts(&mut sound, drops_per_s, (-42.0, -24.0), 0.002, rate_hz, &mut rng);
    }
    if rng.random_bool(CLICKING) {
        add_bursts(&mut sound, 0.1, (-22.0, -12.0), 0.006, rate_hz, &mut rng);
    }
    sound
}

/// Pink-ish noise: low-passed noises of equal power, a constant ratio of corners apart.
fn add_noise(sound: &mut [f32], rate_hz: f64, rng: &mut impl Rng) {
    let mut poles = PINK_CORNERS_HZ.map(|corner_hz| LowPass::new(corner_hz, rate_hz));
    let gain = amplitude(NOISE_DBFS) / (PINK_CORNERS_HZ.len() as f64).sqrt();
    for sample in sound {
        let white = white(rng);
        let pink: f64 = poles.iter_mut().map(|pole| pole.next(white) / pole.gain()).sum();
        *sample += (gain * pink) as f32;
    }
}

/// A band of noise around `centre_hz`, trembling.
fn add_insects(sound: &mut [f32], centre_hz: f64, rate_hz: f64, rng: &mut impl Rng) {
    let radius = (-TAU / 2.0 * INSECTS_WIDTH_HZ / rate_hz).exp();
    let (square, turn) = (radius * radius, TAU * centre_hz / rate_hz);
    // Variance of the two-pole resonator's output for white input of variance 1.
    let variance = (1.0 + square) / (1.0 - square) / (1.0 + square * square - 2.0 * square * (2.0 * turn).cos());
    let gain = amplitude(INSECTS_DBFS) / variance.sqrt();
    let tremble_hz = rng.random_range(30.0..60.0);
    let (mut last, mut before) = (0.0, 0.0);
    for (frame, sample) in sound.iter_mut().enumerate() {
        let band = white(rng) + 2.0 * radius * turn.cos() * last - square * before;
        (before, last) = (last, band);
        let tremble = 1.0 + 0.5 * (TAU * tremble_hz * frame as f64 / rate_hz).cos();
        *sample += (gain * tremble * band) as f32;
    }
}

/// Low rumble in gusts: their strength is drawn once a second and changes evenly in between.
fn add_wind(sound: &mut [f32], rate_hz: f64, rng: &mut impl Rng) {
    let strength = amplitude(WIND_DBFS) * rng.random::<f64>().powi(2);
    let gusts: Vec<f64> = (0..=sound.len() / rate_hz as usize + 1).map(|_| rng.random::<f64>().powi(3)).collect();
    let mut poles = [WIND_CORNER_HZ; 2].map(|corner_hz| LowPass::new(corner_hz, rate_hz));
    // Far below the sampling rate, a second pole at the same corner leaves half the power.
    let gain = strength * SQRT_2 / poles[0].gain();
    for (frame, sample) in sound.iter_mut().enumerate() {
        let seconds = frame as f64 / rate_hz;
        let (second, part) = (seconds as usize, seconds.fract());
        let gust = gusts[second] * (1.0 - part) + gusts[second + 1] * part;
        let rumble = poles.iter_mut().fold(white(rng), |input, pole| pole.next(input));
        *sample += (gain * gust * rumble) as f32;
    }
}

/// Short broadband bursts, such as drops and clicks: on average `per_s` a second, peaks within `dbfs`, dying away
/// within a few `decay_s`.
fn add_bursts(sound: &mut [f32], per_s: f64, dbfs: (f64, f64), decay_s: f64, rate_hz: f64, rng: &mut impl Rng) {
    let mut seconds = 0.0;
    loop {
        seconds += rng.sample::<f64, _>(Exp1) / per_s;
        let start = (seconds * rate_hz) as usize;
        if start >= sound.len() {
            return;
        }
        let peak = amplitude(rng.random_range(dbfs.0..dbfs.1));
        for (frame, sample) in sound[start..].iter_mut().take((6.0 * decay_s * rate_hz) as usize).enumerate() {
            *sample += (peak * (-(frame as f64) / (decay_s * rate_hz)).exp() * rng.random_range(-1.0..1.0)) as f32;
        }
    }
}

/// First-order low-pass.
struct LowPass {
    step: f64,
    state: f64,
}

impl LowPass {
    fn new(corner_hz: f64, rate_hz: f64) -> Self {
        Self { step: 1.0 - (-TAU * corner_hz / rate_hz).exp(), state: 0.0 }
    }

    fn next(&mut self, input: f64) -> f64 {
        self.state += self.step * (input - self.state);
        self.state
    }

    /// Standard deviation of the output for white input of standard deviation 1.
    fn gain(&self) -> f64 {
        (self.step / (2.0 - self.step)).sqrt()
    }
}

/// Uniform white noise of variance 1.
fn white(rng: &mut impl Rng) -> f64 {
    (rng.random::<f64>() - 0.5) * 12f64.sqrt()
}

fn amplitude(dbfs: f64) -> f64 {
    10f64.powf(dbfs / 20.0)
}
