//! A whole survey on disk, read back the way a user's tools would.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chorus_demo::{DemoError, Options, write};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// A line of `truth.csv`.
struct Label {
    recording: String,
    start_s: f64,
    end_s: f64,
    code: String,
    quality: String,
    individual: String,
    low_hz: f64,
    high_hz: f64,
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn truth(dir: &Path) -> Vec<Label> {
    let number = |field: &str| field.parse().unwrap();
    rows(&dir.join("truth.csv"))
        .into_iter()
        .map(|row| Label {
            recording: row[0].clone(),
            start_s: number(&row[1]),
            end_s: number(&row[2]),
            code: row[3].clone(),
            quality: row[4].clone(),
            individual: row[5].clone(),
            low_hz: number(&row[6]),
            high_hz: number(&row[7]),
        })
        .collect()
}

/// Recording to (site, subset).
fn subsets(dir: &Path) -> BTreeMap<String, (String, String)> {
    rows(&dir.join("subset.csv")).into_iter().map(|row| (row[0].clone(), (row[1].clone(), row[2].clone()))).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Hash of the paths and contents of everything under `dir`.
fn checksum(dir: &Path) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for path in files(dir) {
        hasher.update(path.strip_prefix(dir).unwrap().to_string_lossy().as_bytes());
        hasher.update(&fs::read(&path).unwrap());
    }
    hasher.finalize()
}

fn wav_path(dir: &Path, site: &str, recording: &str) -> PathBuf {
    dir.join("raw_data").join(site).join(recording).with_extension("wav")
}

/// Mean power per frame of 512 samples between two frequencies: `[frame]`.
fn band_powers(sound: &[f32], rate_hz: f64, low_hz: f64, high_hz: f64) -> Vec<f64> {
    const SIZE: usize = 512;
    let fft = FftPlanner::new().plan_fft_forward(SIZE);
    let bin = |hz: f64| (hz / rate_hz * SIZE as f64).round() as usize;
    sound
        .chunks_exact(SIZE)
        .map(|frame| {
            let hann = |i: usize| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / SIZE as f32).cos();
            let mut spectrum: Vec<_> = frame.iter().enumerate().map(|(i, &x)| Complex::new(x * hann(i), 0.0)).collect();
            fft.process(&mut spectrum);
            spectrum[bin(low_hz) - 1..=bin(high_hz) + 1].iter().map(|z| f64::from(z.norm_sqr())).sum()
        })
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_thread_count() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { troubles: true, ..Options::tiny() };
    let written = |name: &str, options: &Options, threads: usize| {
        let dir = root.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write(&dir, options)).unwrap();
        checksum(&dir)
    };
    let first = written("first", &options, 1);
    assert_eq!(first, written("second", &options, 4));
    assert_ne!(first, written("other", &Options { seed: 2, ..options }, 1));
}

#[test]
fn labels_lie_inside_their_recordings_and_match_the_truth() {
    let root = tempfile::tempdir().unwrap();
    let options = Options::tiny();
    let summary = write(root.path(), &options).unwrap();
    let (truth, subsets) = (truth(root.path()), subsets(root.path()));
    assert_eq!(subsets.len() as u32, summary.recordings);
    for (recording, (site, _)) in &subsets {
        let reader = hound::WavReader::open(wav_path(root.path(), site, recording)).unwrap();
        let spec =
            hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        assert_eq!((reader.spec(), reader.duration()), (spec, 12 * 16_000));

        let path = root.path().join("strong_labels").join(site).join(recording).with_extension("txt");
        let expected: String = truth
            .iter()
            .filter(|label| label.recording == *recording)
            .map(|label| format!("{:.6}\t{:.6}\t{}_{}\n", label.start_s, label.end_s, label.code, label.quality))
            .collect();
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
    }
    assert!(truth.iter().all(|label| 0.0 <= label.start_s && label.start_s < label.end_s && label.end_s <= 12.0));
}

#[test]
fn the_default_survey_is_long_tailed_and_both_subsets_hear_the_frequent_species() {
    let root = tempfile::tempdir().unwrap();
    let summary = write(root.path(), &Options::default()).unwrap();
    let labels: Vec<_> = summary.species.iter().map(|species| (species.train_labels, species.test_labels)).collect();
    let counted = truth(root.path()).len() as u32;
    assert_eq!(labels.iter().map(|(train, test)| train + test).sum::<u32>(), counted);
    let (last, rest) = labels.split_last().unwrap();
    let (second_last, others) = rest.split_last().unwrap();
    assert!(others.iter().all(|&(train, test)| train > 0 && test > 0), "{labels:?}");
    assert!(last.0 > 0 && last.1 == 0, "the rarest is in train only: {labels:?}");
    assert!(second_last.0 == 0 && second_last.1 > 0, "the second rarest is in test only: {labels:?}");
    assert!(labels[0].0 > 5 * last.0, "{labels:?}");
    assert!(labels[0].1 > 5 * second_last.1, "{labels:?}");
}

#[test]
fn nobody_is_heard_in_train_and_in_test() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &Options::default()).unwrap();
    let subsets = subsets(root.path());
    let mut pitches: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut heard: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for label in truth(root.path()) {
        let (site, subset) = &subsets[&label.recording];
        heard.entry(label.individual.clone()).or_default().insert(format!("{site} {subset}"));
        pitches.entry(label.individual).or_default().push(label.low_hz);
    }
    assert!(heard.values().all(|places| places.len() == 1), "{heard:?}");
    // An individual's calls keep to its own pitch, within their small spread.
    for (individual, pitches) in pitches {
        let (low, high) = pitches.iter().fold((f64::MAX, 0f64), |(low, high), &p| (low.min(p), high.max(p)));
        assert!(high < 1.03 * low, "{individual}: {low} to {high} Hz");
    }
}

#[test]
fn a_label_is_louder_in_its_band_than_the_same_recording_without_calls() {
    let root = tempfile::tempdir().unwrap();
    let options = Options::default();
    write(root.path(), &options).unwrap();
    let (truth, subsets, rate_hz) = (truth(root.path()), subsets(root.path()), f64::from(options.sample_rate_hz));
    let mut checked = 0;
    for (recording, (site, _)) in &subsets {
        let mut reader = hound::WavReader::open(wav_path(root.path(), site, recording)).unwrap();
        let sound: Vec<f32> = reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32768.0).collect();
        let labels: Vec<&Label> = truth.iter().filter(|label| label.recording == *recording).collect();
        let seconds = |frame: usize| (frame as f64 + 0.5) * 512.0 / rate_hz;
        let within = |label: &Label, frame: usize| (label.start_s..label.end_s).contains(&seconds(frame));
        for label in &labels {
            let powers = band_powers(&sound, rate_hz, label.low_hz, label.high_hz);
            let mean = |is_in: &dyn Fn(usize) -> bool| {
                let kept: Vec<f64> = (0..powers.len()).filter(|&frame| is_in(frame)).map(|frame| powers[frame]).collect();
                kept.iter().sum::<f64>() / kept.len() as f64
            };
            let inside = mean(&|frame| within(label, frame));
            let outside = mean(&|frame| labels.iter().all(|other| !within(other, frame)));
            if outside.is_finite() {
                let gain_db = 10.0 * (inside / outside).log10();
                assert!(gain_db > 6.0, "{recording} {} {:.2} s: {gain_db:.1} dB", label.code, label.start_s);
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked} labels");
}

#[test]
fn no_more_species_call_at_once_than_asked_for_and_as_many_do() {
    for most in [1, 5] {
        let root = tempfile::tempdir().unwrap();
        let options = Options { max_polyphony: most, species: 20, nights: 4, ..Options::tiny() };
        write(root.path(), &options).unwrap();
        let truth = truth(root.path());
        let calling_at = |label: &Label| {
            let at_start =
                |other: &&Label| other.recording == label.recording && (other.start_s..other.end_s).contains(&label.start_s);
            truth.iter().filter(at_start).map(|other| other.code.as_str()).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(truth.iter().map(calling_at).max(), Some(most as usize));
    }
}

#[test]
fn troubles_are_what_the_summary_says() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { troubles: true, ..Options::tiny() };
    let summary = write(root.path(), &options).unwrap();
    let silent = summary.silent_site.unwrap();
    assert!(truth(root.path()).iter().all(|label| !label.recording.starts_with(&silent)));
    assert!(subsets(root.path()).values().any(|(site, _)| *site == silent));

    let [empty, truncated, html, stray] = &summary.troubles[..] else { panic!("{:?}", summary.troubles) };
    let bytes = |path: &Path| fs::read(root.path().join(path)).unwrap();
    assert!(bytes(&empty.path).is_empty());
    let cut = bytes(&truncated.path);
    let promised = u32::from_le_bytes(cut[40..44].try_into().unwrap()) as usize;
    assert_eq!(promised, 12 * 16_000 * 2);
    assert!(cut.len() - 44 < promised * 6 / 10);
    assert!(bytes(&html.path).starts_with(b"<!DOCTYPE html>"));
    assert!(stray.path.to_string_lossy().ends_with("_Summary.txt"));

    let recorded = files(&root.path().join("raw_data")).len();
    assert_eq!(recorded, summary.recordings as usize + summary.troubles.len());
    let labelled = files(&root.path().join("strong_labels")).len();
    assert_eq!(labelled, summary.recordings as usize, "troubles have no labels");
}

#[test]
fn a_directory_with_something_in_it_is_refused_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("thesis.txt"), "years of work").unwrap();
    let error = write(root.path(), &Options::tiny()).unwrap_err();
    assert!(matches!(&error, DemoError::NotEmpty { found, .. } if found == "thesis.txt"), "{error}");
    assert_eq!(files(root.path()).len(), 1);
}

#[test]
fn impossible_options_are_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("survey");
    let refused = [
        ("species", Options { species: 25, ..Options::tiny() }),
        ("nights", Options { nights: 1, ..Options::tiny() }),
        ("recording_s", Options { recording_s: f64::NAN, ..Options::tiny() }),
        ("recordings_per_night", Options { recordings_per_night: 422, recording_s: 60.0, ..Options::tiny() }),
        ("sites", Options { sites: 1, troubles: true, ..Options::tiny() }),
    ];
    for (expected, options) in refused {
        let error = write(&dir, &options).unwrap_err();
        assert!(matches!(&error, DemoError::Option { name, .. } if *name == expected), "{error}");
    }
    assert!(!dir.exists());
}
