//! Whole minutes: against scikit-maad and scipy (`tests/golden/soundscape/make.py` made the values), and from files.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::io::Cursor;

use serde::Deserialize;

use super::bands::NOMINAL_HZ;
use super::indices::INDICES;
use super::minute::{Measures, Meter};
use super::settings::SoundscapeSettings;
use crate::container::Reader;

/// A case of `expected.json`.
#[derive(Deserialize)]
struct Case {
    name: String,
    rate: u32,
    seconds: u32,
    tone: f64,
    seed: u64,
    window: usize,
    hop: usize,
    anthrophony: [f64; 2],
    biophony: [f64; 2],
    step: f64,
    threshold: f64,
    indices: BTreeMap<String, f64>,
    level_dbfs: f64,
    l10_dbfs: f64,
    l50_dbfs: f64,
    l90_dbfs: f64,
    bands: Vec<f64>,
}

impl Case {
    fn settings(&self) -> SoundscapeSettings {
        SoundscapeSettings {
            window_length: self.window,
            hop_length: self.hop,
            anthrophony_hz: self.anthrophony,
            biophony_hz: self.biophony,
            diversity_step_hz: self.step,
            diversity_threshold_db: self.threshold,
            ..SoundscapeSettings::default()
        }
    }

    /// The sound, as `make.py` makes it.
    fn sound(&self) -> Vec<f32> {
        let mut state = self.seed;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1u32 << 23) - 1.0
        };
        let sample = |i: u32| {
            let t = f64::from(i) / f64::from(self.rate);
            let tone = if t * 4.0 % 1.0 < 0.5 { (2.0 * PI * self.tone * t).sin() } else { 0.0 };
            (0.02 * noise() + 0.3 * tone + 0.01) as f32
        };
        (0..self.rate * self.seconds).map(sample).collect()
    }
}

fn measured(samples: &[f32], rate_hz: u32, settings: &SoundscapeSettings, slice: usize) -> Measures {
    let mut meter = Meter::new(settings, rate_hz);
    samples.chunks(slice).for_each(|part| meter.push(part, 0.0));
    meter.finish()
}

fn index(name: &str, measures: &Measures) -> Option<f64> {
    measures.indices[INDICES.iter().position(|index| index.name() == name).unwrap()]
}

#[test]
fn indices_are_those_of_scikit_maad_and_levels_those_of_scipy() {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/soundscape/expected.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
    assert_eq!(cases.len(), 4);
    for case in &cases {
        let found = measured(&case.sound(), case.rate, &case.settings(), 10_000);
        let near = |what: &str, found: Option<f64>, expected: f64, tolerance: f64| {
            let error = (found.unwrap_or(f64::NAN) - expected).abs();
            assert!(error < tolerance, "{}: {what}: found {found:?}, expected {expected}", case.name);
        };
        for name in INDICES.iter().map(|index| index.name()) {
            match case.indices.get(name) {
                Some(&expected) => near(name, index(name, &found), expected, 1e-6 * expected.abs()),
                None => assert_eq!(index(name, &found), None, "{}: {name}: its band was not recorded", case.name),
            }
        }
        near("level", found.level, case.level_dbfs, 1e-6);
        for (found, expected) in found.exceeded.into_iter().zip([case.l10_dbfs, case.l50_dbfs, case.l90_dbfs]) {
            near("a percentile", found, expected, 1e-6);
        }
        let known = found.bands.iter().filter(|band| band.is_some()).count();
        assert_eq!(known, case.bands.len(), "{}: bands up to half the sample rate", case.name);
        for ((band, expected), hz) in found.bands.iter().zip(&case.bands).zip(NOMINAL_HZ) {
            near(&format!("{hz} Hz"), *band, *expected, 1e-6);
        }
    }
}

/// Ten seconds of noise with a seed.
fn noise(seed: u32, rate_hz: u32, amplitude: f32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        amplitude * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
    };
    (0..10 * rate_hz).map(|_| next()).collect()
}

#[test]
fn slices_and_the_minute_before_change_nothing() {
    let (settings, samples) = (SoundscapeSettings::default(), noise(1, 8000, 0.1));
    let whole = measured(&samples, 8000, &settings, samples.len());
    assert_eq!(whole, measured(&samples, 8000, &settings, 77));
    let mut meter = Meter::new(&settings, 8000);
    meter.push(&noise(2, 8000, 0.5), 3.0);
    let other = meter.finish();
    meter.push(&samples, 0.0);
    assert_eq!(meter.finish(), whole);
    assert!(other != whole && other.clipped > 0.0);
}

#[test]
fn an_offset_is_no_sound_and_twice_the_sound_is_six_db() {
    let settings = SoundscapeSettings { biophony_hz: [1000.0, 7000.0], ..SoundscapeSettings::default() };
    let samples = noise(3, 16_000, 0.125);
    let changed = |factor: f32, offset: f32| -> Measures {
        let samples: Vec<f32> = samples.iter().map(|sample| factor * sample + offset).collect();
        measured(&samples, 16_000, &settings, 5000)
    };
    let (as_is, twice, moved) = (changed(1.0, 0.0), changed(2.0, 0.0), changed(1.0, 0.25));
    let six = 20.0 * 2f64.log10();
    let levels = |found: &Measures| -> Vec<f64> {
        [found.level].iter().chain(&found.exceeded).chain(&found.bands).flatten().copied().collect()
    };
    assert_eq!(levels(&as_is).len(), 4 + 25);
    for ((as_is, twice), moved) in levels(&as_is).iter().zip(levels(&twice)).zip(levels(&moved)) {
        assert!((twice - as_is - six).abs() < 1e-9 && (moved - as_is).abs() < 1e-3, "{as_is} {twice} {moved}");
    }
    for (as_is, twice) in as_is.indices.iter().zip(&twice.indices) {
        let (as_is, twice) = (as_is.unwrap(), twice.unwrap());
        assert!((as_is - twice).abs() < 1e-9 * as_is.abs().max(1.0), "no index depends on the level: {as_is} {twice}");
    }
    // The bands add up to the level, less what lies below 22 Hz and above 7.1 kHz: a ninth of white noise.
    let sum: f64 = as_is.bands.iter().flatten().map(|db| 10f64.powf(db / 10.0)).sum();
    let missing = as_is.level.unwrap() - 10.0 * sum.log10();
    assert!((missing + 10.0 * ((7079.5 - 22.4) / 8000.0f64).log10()).abs() < 0.1, "{missing}");
}

#[test]
fn silence_is_no_level_and_no_index() {
    let found = measured(&[0.25; 20_000], 8000, &SoundscapeSettings::default(), 999);
    assert_eq!((found.level, found.exceeded, found.silent), (None, [None; 3], 1.0));
    assert!(found.indices.iter().all(Option::is_none) && found.bands.iter().all(Option::is_none), "{found:?}");
    assert!((found.peak.unwrap() + 12.0412).abs() < 1e-4);
}

/// A 16-bit WAV of frames.
fn wav(frames: &[[i16; 2]], rate_hz: u32) -> Reader {
    let spec = hound::WavSpec { channels: 2, sample_rate: rate_hz, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    frames.as_flattened().iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    Reader::new(Box::new(Cursor::new(bytes.into_inner())), "recording.wav".to_owned()).unwrap()
}

#[test]
fn minutes_follow_each_other_and_the_last_one_is_as_long_as_it_is() {
    // Two minutes and a half; the second minute is louder, and in it the left channel clips in one frame of a hundred.
    let rate = 8000;
    let frame = |i: u32| {
        let noise = ((i.wrapping_mul(2_654_435_761) >> 16) as i16) / 16;
        match i / (60 * rate) {
            1 if i.is_multiple_of(100) => [i16::MAX, noise],
            1 => [4 * noise, 4 * noise],
            _ => [noise, noise],
        }
    };
    let frames: Vec<[i16; 2]> = (0..150 * rate).map(frame).collect();
    let settings = SoundscapeSettings::default();
    let minutes = super::measure(&mut wav(&frames, rate), &[0, 1], &settings, || false).unwrap();
    assert_eq!(minutes.iter().map(|minute| minute.frames).collect::<Vec<_>>(), [480_000, 480_000, 240_000]);
    assert_eq!(minutes.iter().map(|minute| minute.clipped).collect::<Vec<_>>(), [0.0, 0.005, 0.0]);
    let levels: Vec<f64> = minutes.iter().map(|minute| minute.level.unwrap()).collect();
    assert!((levels[0] - levels[2]).abs() < 0.1 && levels[1] > levels[0] + 10.0, "{levels:?}");
    // Each minute is what it is alone.
    let alone = super::measure(&mut wav(&frames[480_000..960_000], rate), &[0, 1], &settings, || false).unwrap();
    assert_eq!(alone, minutes[1..2]);
    let left = super::measure(&mut wav(&frames, rate), &[0], &settings, || false).unwrap();
    assert_eq!(left[1].clipped, 0.01);
    assert!(super::measure(&mut wav(&frames, rate), &[0], &settings, || true).is_err(), "a stop was asked for");
}

#[test]
fn a_rest_of_some_samples_has_a_level_and_nothing_else() {
    let found = measured(&noise(4, 8000, 0.1)[..100], 8000, &SoundscapeSettings::default(), 100);
    assert!(found.level.is_some() && found.exceeded == [None; 3] && found.bands == [None; NOMINAL_HZ.len()]);
    assert!(found.indices.iter().all(Option::is_none), "{found:?}");
    assert_eq!((found.weather.rain, found.weather.wind), (None, None));
}

#[test]
fn every_rate_has_its_bands() {
    for (rate_hz, highest) in [(8000, 3150.0), (16_000, 6300.0), (22_050, 8000.0), (48_000, 20_000.0), (384_000, 160_000.0)] {
        let found = measured(&noise(5, rate_hz, 0.1)[..rate_hz as usize], rate_hz, &SoundscapeSettings::default(), 16_384);
        let known = found.bands.iter().filter(|band| band.is_some()).count();
        assert_eq!(NOMINAL_HZ[known - 1], highest, "{rate_hz} Hz");
        let defined = rate_hz >= 20_000;
        assert_eq!([index("adi", &found), index("ndsi", &found), index("bi", &found)].map(|value| value.is_some()), [defined; 3]);
        assert!(index("aci", &found).is_some() && index("entropy", &found).is_some(), "{rate_hz} Hz");
    }
}

#[test]
fn steady_noise_is_rain_and_a_rumble_is_wind() {
    let settings = SoundscapeSettings::default();
    let rain = measured(&noise(6, 16_000, 0.1), 16_000, &settings, 16_384);
    assert_eq!((rain.weather.rain, rain.weather.wind), (Some(true), Some(false)), "{:?}", rain.weather);
    let hiss = measured(&noise(6, 16_000, 0.001), 16_000, &settings, 16_384);
    assert_eq!(hiss.weather.rain, Some(false), "{:?}", hiss.weather);
    // Noise that falls by 12 dB an octave from 25 Hz on.
    let mut rumble = noise(7, 16_000, 0.002);
    for _ in 0..2 {
        let mut last = 0.0;
        for sample in &mut rumble {
            last = 0.99 * last + *sample;
            *sample = last;
        }
    }
    let wind = measured(&rumble, 16_000, &settings, 16_384);
    assert_eq!((wind.weather.rain, wind.weather.wind), (Some(false), Some(true)), "{:?}", wind.weather);
}
