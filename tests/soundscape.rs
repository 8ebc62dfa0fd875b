//! Sound levels and acoustic indices, from files to answers.
#![allow(clippy::unwrap_used)]

mod common;

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use common::{Survey, assert_same, contents, text};

/// Writes a 16-bit WAV of one channel.
fn write(path: &Path, rate_hz: u32, samples: &[f64]) {
    let data: Vec<u8> = samples.iter().flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes()).collect();
    let size = u32::try_from(data.len()).unwrap();
    let mut bytes = [b"RIFF".as_slice(), &(36 + size).to_le_bytes(), b"WAVEfmt ", &16u32.to_le_bytes(), &[1, 0, 1, 0]].concat();
    bytes.extend([rate_hz.to_le_bytes(), (2 * rate_hz).to_le_bytes()].concat());
    bytes.extend([[2, 0, 16, 0], *b"data", size.to_le_bytes()].concat());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, [bytes, data].concat()).unwrap();
}

/// A tone of 1 kHz with this amplitude by second, and noise 60 dB below full scale.
fn tone(rate_hz: u32, seconds: u32, amplitude: impl Fn(u32) -> f64) -> Vec<f64> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        0.001 * (f64::from(state >> 8) / 8_388_608.0 - 1.0)
    };
    let sample = |i: u32| amplitude(i / rate_hz) * (TAU * 1000.0 * f64::from(i) / f64::from(rate_hz)).sin() + noise();
    (0..rate_hz * seconds).map(sample).collect()
}

/// Two sites, three recordings: one of a minute and a half, whose last half is softer, and two short ones.
fn survey() -> Survey {
    let survey = Survey::empty("");
    let archive = survey.archive();
    write(
        &archive.join("POND/POND_20200301_205930.wav"),
        22_050,
        &tone(22_050, 90, |second| if second < 60 { 0.5 } else { 0.05 }),
    );
    write(&archive.join("POND/POND_20200302_040000.wav"), 22_050, &tone(22_050, 10, |_| 0.5));
    write(&archive.join("MARSH/MARSH_20200301_210000.wav"), 16_000, &tone(16_000, 10, |_| 0.1));
    let config = format!(
        "archive: {{path: {}, timezone: UTC}}\nrun: {{path: {}}}\nunits: {{keep_free_gib: 0}}\nsoundscape: {{enabled: true, calibration_by_site: {{POND: 100}}}}\n",
        archive.display(),
        survey.run().display()
    );
    fs::write(survey.config(), config).unwrap();
    survey
}

const MAKE: [&str; 2] = ["soundscape", "--with-upstream"];

fn numbers(row: &str) -> Vec<Option<f64>> {
    row.split(',').map(|field| if field.is_empty() { None } else { Some(field.parse().unwrap()) }).collect()
}

fn rows(survey: &Survey, sql: &str) -> Vec<Vec<Option<f64>>> {
    survey.ask(sql).lines().skip(1).map(numbers).collect()
}

fn assert_near(found: &[Vec<Option<f64>>], expected: &[&[Option<f64>]], tolerance: f64) {
    let is_near = |a: &Option<f64>, b: &Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance,
        _ => a == b,
    };
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(a, b)| a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| is_near(a, b)));
    assert!(same, "found {found:?}, expected {expected:?}");
}

#[test]
fn every_minute_has_a_row_with_its_levels() {
    let survey = survey();
    survey.run_with(&MAKE);
    let levels = rows(
        &survey,
        "SELECT minute, start_s, seconds, level_dbfs, l10_dbfs, l90_dbfs, peak_dbfs, band_1000_hz_dbfs, level_db, clipped_fraction, silent_fraction
         FROM soundscape ORDER BY site, date, minute",
    );
    // A sine of amplitude a has 20 log10(a) - 3.01 dB; POND is calibrated, MARSH is not.
    let row = |minute: f64, seconds: f64, level: f64, calibration: Option<f64>| {
        let level = Some(level);
        let peak = level.map(|level| level + 3.0103);
        let pressure = level.zip(calibration).map(|(level, calibration)| level + calibration);
        [Some(minute), Some(60.0 * minute), Some(seconds), level, level, level, peak, level, pressure, Some(0.0), Some(0.0)]
    };
    let expected = [
        row(0.0, 10.0, -23.0103, None),
        row(0.0, 60.0, -9.0309, Some(100.0)),
        row(1.0, 30.0, -29.0309, Some(100.0)),
        row(0.0, 10.0, -9.0309, Some(100.0)),
    ];
    assert_near(&levels, &expected.each_ref().map(|row| row.as_slice()), 0.2);
    // At 16 kHz the band up to 10 kHz was not recorded, and no band that ends above 8 kHz.
    let missing = survey.ask(
        "SELECT site, COUNT(adi) AS adi, COUNT(aei) AS aei, COUNT(bi) AS bi, COUNT(ndsi) AS ndsi, COUNT(aci) AS aci, COUNT(entropy) AS entropy,
                COUNT(band_6300_hz_dbfs) AS b6300, COUNT(band_8000_hz_dbfs) AS b8000, COUNT(band_10000_hz_dbfs) AS b10000, COUNT(rain) AS rain
         FROM soundscape GROUP BY site ORDER BY site",
    );
    let lines: Vec<&str> = missing.lines().skip(1).collect();
    assert_eq!(lines, ["MARSH,0,0,0,0,1,1,1,0,0,1", "POND,3,3,3,3,3,3,3,3,0,3"]);
    let flags = survey.ask("SELECT COUNT(*) AS n FROM soundscape WHERE rain OR wind OR clipping");
    assert_eq!(flags, "n\n0\n", "a tone is neither rain nor wind");
    let starts = survey.ask("SELECT start_utc FROM soundscape WHERE site = 'POND' ORDER BY start_utc");
    let starts: Vec<&str> = starts.lines().skip(1).collect();
    assert!(starts[0].contains("20:59:30") && starts[1].contains("21:00:30") && starts[2].contains("04:00:00"), "{starts:?}");
}

#[test]
fn hours_are_of_the_local_clock_and_means_are_of_energy() {
    let survey = survey();
    survey.run_with(&MAKE);
    // POND begins at 20:59:30, so that its second minute begins within the hour of 21. By the clock of minutes, that is 21:00.
    let hours = rows(
        &survey,
        "SELECT hour, minutes, level_dbfs, level_db, rain, clipping FROM soundscape_hours WHERE site = 'POND' ORDER BY hour",
    );
    let (loud, soft) = (Some(-9.0309), Some(-29.0309));
    let zero = Some(0.0);
    let expected: [&[Option<f64>]; 3] = [
        &[Some(4.0), Some(1.0), loud, Some(90.9691), zero, zero],
        &[Some(20.0), Some(1.0), loud, Some(90.9691), zero, zero],
        &[Some(21.0), Some(1.0), soft, Some(70.9691), zero, zero],
    ];
    assert_near(&hours, &expected, 0.2);
    let other = survey.ask("SELECT hour, minutes, level_db, adi FROM soundscape_hours WHERE site = 'MARSH'");
    assert_eq!(other, "hour,minutes,level_db,adi\n21,1,,\n", "without a calibration, and without the band of the index");
}

#[test]
fn only_what_changed_is_made_and_the_bytes_do_not_depend_on_threads() {
    let survey = survey();
    let made = survey.made_by(|survey| drop(survey.run_with(&MAKE)));
    assert_eq!(made["soundscape"].len(), 3, "{made:?}");
    let table = || contents(&survey.run().join("tables/soundscape"), "");
    let before = table();
    assert!(survey.run_with(&MAKE).contains("nothing to do"));
    let mistyped = survey.run_with(&[&MAKE[..], &["--set", "soundscape.calibration_by_site={PONT: 100}"]].concat());
    assert!(mistyped.contains("no calibration is configured for recordings of MARSH, POND, so level_db is null"), "{mistyped}");
    survey.run_with(&MAKE);
    survey.run_with(&[&MAKE[..], &["--force", "-j", "1"]].concat());
    assert_same(&table(), &before, "one thread");
    // A recording of another night makes its own unit.
    write(&survey.archive().join("POND/POND_20200303_040000.wav"), 22_050, &tone(22_050, 10, |_| 0.5));
    let made = survey.made_by(|survey| drop(survey.run_with(&MAKE)));
    assert_eq!(made["soundscape"], ["site=POND/date=2020-03-03/part-000"]);
    // Thresholds decide what is written.
    let stale = survey.to_make(&[&MAKE[..], &["--set", "soundscape.wind_level_dbfs=-40"]].concat());
    assert_eq!(stale["soundscape"].len(), 4);
}

#[test]
fn it_is_off_by_default_and_settings_that_cannot_work_are_refused() {
    let survey = survey();
    let output = survey.chorus(&["run", "soundscape", "--set", "soundscape.enabled=false"]);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("soundscape"), "{said}");
    assert!(!survey.run().join("tables/soundscape").exists());
    for (set, wanted) in [
        ("soundscape.hop_length=100", "128 to soundscape.window_length, 1024"),
        ("soundscape.window_length=1023", "an even number"),
        ("soundscape.biophony_hz=[2000, 1000]", "first the lower edge"),
        ("soundscape.calibration_by_site={POND: high}", "names, each with a number"),
    ] {
        let output = survey.chorus(&["check", "--set", set]);
        assert_eq!(output.status.code(), Some(2), "{set}");
        assert!(text(&output.stderr).contains(wanted), "{set}: {}", text(&output.stderr));
    }
}
