//! What becomes of odd recordings on the way from the archive to features, and what `chorus probe` says of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use chorus_tables::TableReader;

const CHORUS: &str = env!("CARGO_BIN_EXE_chorus");
const RATE_HZ: u32 = 16_000;
const SECONDS: usize = 4;

/// A 16-bit WAV file of these interleaved samples.
fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let block = channels * 2;
    [
        b"RIFF".as_slice(),
        &(data.len() as u32 + 36).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0",
        &channels.to_le_bytes(),
        &RATE_HZ.to_le_bytes(),
        &(RATE_HZ * u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        b"\x10\0data",
        &(data.len() as u32).to_le_bytes(),
        &data,
    ]
    .concat()
}

/// A chirp that no window repeats.
fn chirp() -> Vec<i16> {
    (0..SECONDS * RATE_HZ as usize).map(|i| (8000.0 * (1e-6 * (i * i) as f64 + 0.1 * i as f64).sin()) as i16).collect()
}

/// An archive of one site with a file of every kind; one of two microphones is broken in `half.wav`.
fn archive(folder: &Path) {
    let site = folder.join("archive/POND");
    fs::create_dir_all(&site).unwrap();
    let sound = chirp();
    let beside = |other: fn(i16) -> i16| sound.iter().flat_map(|&s| [s, other(s)]).collect::<Vec<_>>();
    fs::write(site.join("mono.wav"), wav(1, &sound)).unwrap();
    fs::write(site.join("half.wav"), wav(2, &beside(|_| 0))).unwrap();
    fs::write(site.join("both.wav"), wav(2, &beside(|s| s / 2))).unwrap();
    fs::write(site.join("silent.wav"), wav(1, &vec![0; sound.len()])).unwrap();
    fs::write(site.join("page.wav"), "<html>404</html>").unwrap();
    let mp3 = Path::new(env!("CARGO_MANIFEST_DIR")).join("stages/audio/tests/golden/codecs/tones.mp3");
    fs::copy(mp3, site.join("wrongly_named.wav")).unwrap();
    let labels = folder.join("archive/strong_labels/POND");
    fs::create_dir_all(&labels).unwrap();
    fs::write(labels.join("mono.txt"), "0.5\t1.5\tHYLA_H\n").unwrap();
    let settings = "archive: {path: archive}\nrun: {path: run}\nannotate: {format: anuraset_raw}\nunits: {keep_free_gib: 0}\n\
                    segment: {window_s: 1, hop_s: 1, tail: pad}\ningest: {max_rejected_fraction: 1}\n";
    fs::write(folder.join("config.yaml"), settings).unwrap();
}

fn chorus(folder: &Path, args: &[&str]) -> Output {
    Command::new(CHORUS).args(args).current_dir(folder).output().unwrap()
}

fn run(folder: &Path, set: &str) {
    let output = chorus(folder, &["run", "ingest", "segment", "featurize", "-c", "config.yaml", "--set", set]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn ask(folder: &Path, sql: &str) -> String {
    let output = chorus(folder, &["query", sql, "--run", "run", "--format", "csv"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The spectrograms of each recording, by the name of its file.
fn features(folder: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let names = ask(folder, "SELECT s.segment_id, r.path FROM segments s JOIN recordings r ON s.recording_id = r.recording_id");
    let names: BTreeMap<&str, &str> = names.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let date = fs::read_dir(folder.join("run/tables/features/site=POND")).unwrap().next().unwrap().unwrap().path();
    for file in fs::read_dir(date).unwrap() {
        let reader = TableReader::open(chorus_tables::schema("features").unwrap(), &file.unwrap().path()).unwrap();
        for batch in reader.batches(&[]).unwrap() {
            let batch = batch.unwrap();
            for (id, array) in batch.texts("segment_id").unwrap().into_iter().zip(batch.arrays("logmel").unwrap().iter()) {
                let name = names[id.unwrap().as_str()].rsplit('/').next().unwrap();
                found.entry(name.to_owned()).or_default().push(array.unwrap().to_vec());
            }
        }
    }
    found
}

#[test]
fn names_that_are_not_utf8_are_rows_with_their_reason() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    archive(dir.path());
    for name in [b"a\xE9.wav", b"a\xEA.wav"] {
        fs::write(dir.path().join("archive/POND").join(std::ffi::OsStr::from_bytes(name)), wav(1, &chirp())).unwrap();
    }
    for _ in 0..2 {
        run(dir.path(), "archive.channel=mix");
        let rows = ask(dir.path(), "SELECT path, status FROM recordings WHERE reason_code = 'name_not_utf8' ORDER BY path");
        assert_eq!(rows, "path,status\nPOND/a\\xE9.wav,rejected\nPOND/a\\xEA.wav,rejected\n");
    }
}

#[test]
fn a_dead_channel_is_told_and_does_not_lower_the_level() {
    let dir = tempfile::tempdir().unwrap();
    archive(dir.path());
    run(dir.path(), "archive.channel=mix");
    let rows = ask(
        dir.path(),
        "SELECT path, status, reason_code, codec, dead_channels, level_dbfs IS NULL AS silent FROM recordings ORDER BY path",
    );
    let expected = "path,status,reason_code,codec,dead_channels,silent\n\
                    POND/both.wav,ok,,pcm_s16le,,false\n\
                    POND/half.wav,ok,,pcm_s16le,2,false\n\
                    POND/mono.wav,ok,,pcm_s16le,,false\n\
                    POND/page.wav,rejected,not_audio,,,true\n\
                    POND/silent.wav,ok,,pcm_s16le,1,true\n\
                    POND/wrongly_named.wav,ok,,mp3,,false\n";
    assert_eq!(rows, expected);
    let features = features(dir.path());
    assert_eq!(features.keys().collect::<Vec<_>>(), ["both.wav", "half.wav", "mono.wav", "silent.wav", "wrongly_named.wav"]);
    assert_eq!(features["mono.wav"].len(), SECONDS);
    assert!(features["half.wav"] == features["mono.wav"], "the mean with a dead channel is half of the sound");
    assert!(features["both.wav"] != features["mono.wav"]);
}

#[test]
fn a_chosen_channel_is_heard_and_a_recording_without_it_is_a_row() {
    let dir = tempfile::tempdir().unwrap();
    archive(dir.path());
    run(dir.path(), "archive.channel=mix");
    let mono = features(dir.path()).remove("mono.wav").unwrap();
    run(dir.path(), "archive.channel=1");
    let first = features(dir.path());
    assert!(first["both.wav"] == mono && first["half.wav"] == mono);
    run(dir.path(), "archive.channel=2");
    let rows = ask(dir.path(), "SELECT path, reason FROM recordings WHERE reason_code = 'no_such_channel' ORDER BY path");
    assert_eq!(rows.lines().count(), 4, "{rows}");
    assert!(rows.contains("POND/mono.wav,the recording has 1 channel; archive.channel asks for channel 2"), "{rows}");
    let second = features(dir.path());
    assert_eq!(second.keys().collect::<Vec<_>>(), ["both.wav", "half.wav"]);
    assert!(second["both.wav"] != mono);
}

#[test]
fn probe_says_what_a_file_is_and_what_is_wrong_with_it() {
    let dir = tempfile::tempdir().unwrap();
    archive(dir.path());
    let files = ["archive/POND/half.wav", "archive/POND/page.wav", "archive/POND/gone.wav"];
    let output = chorus(dir.path(), &["probe", "--json", files[0], files[1], files[2]]);
    assert_eq!(output.status.code(), Some(1), "some cannot be read");
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[0]["status"].as_str(), lines[0]["dead_channels"].as_str()), (Some("ok"), Some("2")));
    assert_eq!((&lines[0]["duration_s"], &lines[0]["frames"]), (&4.0.into(), &64_000.into()));
    assert_eq!(lines[1]["reason_code"], "not_audio");
    assert_eq!(lines[2]["reason_code"], "unreadable");
    let table = String::from_utf8(chorus(dir.path(), &["probe", files[0], files[1]]).stdout).unwrap();
    assert!(table.contains("nothing recorded on channel 2") && table.contains("not_audio: the file is text"), "{table}");

    let output = chorus(dir.path(), &["probe", "--samples", files[0]]);
    assert!(output.status.success());
    assert_eq!(output.stdout.len(), 4 * 2 * 64_000);
    let expected: Vec<u8> = chirp().iter().flat_map(|&s| [f32::from(s) / 32_768.0, 0.0]).flat_map(f32::to_le_bytes).collect();
    assert!(output.stdout == expected);
    assert_eq!(chorus(dir.path(), &["probe", "--samples", files[0], files[1]]).status.code(), Some(2));
}
