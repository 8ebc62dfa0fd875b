//! Every layout of annotations from end to end: small archives are synthesised, the real binary labels them, and tables are asked.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{CHORUS, text};
use tempfile::TempDir;

const RATE_HZ: u32 = 4000;

/// An archive that is made file by file, and its configuration.
struct Field {
    folder: TempDir,
    settings: String,
}

impl Field {
    /// An archive of recordings of so many seconds, and the section annotate (and others) of its configuration.
    fn new(recordings: &[(&str, u32)], settings: &str) -> Self {
        let field = Self { folder: tempfile::tempdir().unwrap(), settings: settings.to_owned() };
        for (path, seconds) in recordings {
            field.put(path, &wav(*seconds));
        }
        field
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.archive().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn chorus(&self, args: &[&str]) -> Output {
        let (archive, run) = (self.archive(), self.folder.path().join("run"));
        let config = self.folder.path().join("field.yaml");
        let places = format!("run: {{path: {}}}\nunits: {{keep_free_gib: 0}}\n", run.display());
        fs::write(&config, format!("{places}{}", self.settings.replace("ARCHIVE", &archive.to_string_lossy()))).unwrap();
        Command::new(CHORUS).args(args).arg("-c").arg(config).current_dir(self.folder.path()).output().unwrap()
    }

    /// Runs these stages and gives back what was said.
    fn run(&self, stages: &[&str]) -> String {
        let output = self.chorus(&[&["run"], stages].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    fn label(&self) -> String {
        self.run(&["ingest", "segment", "annotate"])
    }

    /// The answer's rows as CSV, without its header.
    fn ask(&self, sql: &str) -> Vec<String> {
        common::ask(&self.folder.path().join("run"), sql)
    }

    /// `path,start of window,class` of each positive window.
    fn positives(&self) -> Vec<String> {
        self.ask(
            "SELECT r.path, s.start_s, l.class FROM labels l JOIN segments s ON l.segment_id = s.segment_id \
             JOIN recordings r ON l.recording_id = r.recording_id WHERE l.value = 1 ORDER BY r.path, s.start_s, l.class",
        )
    }

    /// `path,reviewed` of each recording.
    fn reviewed(&self) -> Vec<String> {
        self.ask("SELECT r.path, v.reviewed FROM reviews v JOIN recordings r ON v.recording_id = r.recording_id ORDER BY r.path")
    }

    /// `line,reason` of each label that does not count.
    fn unused(&self) -> Vec<String> {
        self.ask("SELECT line, reason FROM annotations WHERE NOT used ORDER BY file, line, item")
    }
}

/// A recording of soft noise, 16 bit, mono.
fn wav(seconds: u32) -> Vec<u8> {
    wav_of(seconds, 1)
}

/// The same with so many channels.
fn wav_of(seconds: u32, channels: u16) -> Vec<u8> {
    let frame_bytes = 2 * channels;
    let data_bytes = seconds * RATE_HZ * u32::from(frame_bytes);
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    bytes.extend(channels.to_le_bytes());
    bytes.extend(RATE_HZ.to_le_bytes());
    bytes.extend((RATE_HZ * u32::from(frame_bytes)).to_le_bytes());
    bytes.extend(frame_bytes.to_le_bytes());
    bytes.extend(b"\x10\0data");
    bytes.extend(data_bytes.to_le_bytes());
    let mut state = 1u32;
    for _ in 0..data_bytes / 2 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend(((state >> 20) as i16 - 2048).to_le_bytes());
    }
    bytes
}

const SHORT: &str = "archive: {path: ARCHIVE, audio: audio}\nsegment: {window_s: 3, hop_s: 3}\n\
    featurize: {sample_rate_hz: 4000, f_max_hz: 2000}\n";

fn with(annotate: &str) -> String {
    format!("{SHORT}annotate: {annotate}\n")
}

#[test]
fn a_date_with_a_time_of_day_counts_from_the_start_of_its_recording() {
    let recordings = [("audio/A/A_20260303_200000.wav", 9), ("audio/A/early.wav", 6)];
    let settings = with("{format: csv, folder: events.csv}");
    let field = Field::new(&recordings, &settings.replace("audio: audio", "audio: audio, timezone: America/Sao_Paulo"));
    let known = "A_20260303_200000.wav";
    let events = format!(
        "file,start,end,label\n\
         {known},2026-03-03T20:00:03.5,2026-03-03 20:00:05,FROG\n\
         {known},2026-03-03T23:00:07Z,2026-03-03T20:00:08-03:00,TOAD\n\
         {known},0:01,2.5,NEWT\n\
         {known},2026-03-03T20:01:00,2026-03-03T20:01:01,TOAD\n\
         early.wav,2026-03-03T20:00:03,2026-03-03T20:00:04,FROG\n"
    );
    field.put("events.csv", events.as_bytes());
    let said = field.label();
    assert_eq!(
        field.positives(),
        [
            "audio/A/A_20260303_200000.wav,0.0,NEWT",
            "audio/A/A_20260303_200000.wav,3.0,FROG",
            "audio/A/A_20260303_200000.wav,6.0,TOAD",
        ]
    );
    let unused = field.unused();
    assert!(unused.len() == 2 && unused[0].contains("begins at 60 s, after the recording's end at 9 s"), "{unused:?}");
    assert!(unused[1].contains("counts from the recording's start, which is not known"), "{unused:?}");
    assert!(said.contains("which is not known") && said.contains("2 of 5 annotations are not used"), "{said}");
    assert_eq!(field.reviewed(), ["audio/A/A_20260303_200000.wav,true", "audio/A/early.wav,false"]);
}

#[test]
fn events_of_a_channel_that_nobody_listens_to_are_left_out_and_told() {
    let table = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n\
         1\tSpectrogram 1\t1\t0.5\t1.5\t1\t2\tFROG\n\
         2\tSpectrogram 1\t2\t3.5\t4.5\t1\t2\tFROG\n\
         3\tSpectrogram 1\t1\t6.5\t7.5\t1\t2\tTOAD\n\
         4\tSpectrogram 1\t2\t6.5\t7.5\t1\t2\tTOAD\n";
    let labelled = |channel: &str, channels: u16| {
        let settings = with("{format: raven}").replace("audio: audio", &format!("audio: audio, channel: {channel}"));
        let field = Field::new(&[], &settings);
        field.put("audio/A/a.wav", &wav_of(9, channels));
        field.put("audio/A/a.txt", table.as_bytes());
        let said = field.label();
        let labels =
            "SELECT s.start_s, l.class, l.value FROM labels l JOIN segments s ON l.segment_id = s.segment_id ORDER BY 1, 2";
        (field.ask(labels), field.unused(), said)
    };
    let all = ["0.0,FROG,1", "0.0,TOAD,0", "3.0,FROG,1", "3.0,TOAD,0", "6.0,FROG,0", "6.0,TOAD,1"];
    let (mixed, joined, said) = labelled("mix", 2);
    assert_eq!((mixed, joined), (all.map(str::to_owned).to_vec(), vec!["5,the event of line 4 in another channel".to_owned()]));
    assert!(!said.contains("archive.channel"), "{said}");
    let (first, unused, said) = labelled("1", 2);
    assert_eq!(first, ["0.0,FROG,1", "0.0,TOAD,0", "3.0,FROG,", "3.0,TOAD,0", "6.0,FROG,0", "6.0,TOAD,1"]);
    assert_eq!(unused.len(), 2, "{unused:?}");
    let told = "2 events are in a channel that archive.channel does not take: FROG (1 in channel 2), TOAD (1 in channel 2)";
    assert!(said.contains(told), "{said}");
    let (alone, unused, _) = labelled("1", 1);
    assert_eq!((alone, unused), (all.map(str::to_owned).to_vec(), vec![]), "one channel, whatever the table says");
}

#[test]
fn raven_tables_one_or_several_for_a_recording_and_several_recordings_in_a_table() {
    let recordings =
        [("audio/A/A_20200301_190000.wav", 9), ("audio/B/same.wav", 6), ("audio/A/same.wav", 6), ("audio/A/unseen.wav", 3)];
    let field = Field::new(&recordings, &with("{format: raven, folder: tables}"));
    let head = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)";
    field.put(
        "tables/A/A_20200301_190000.Table.1.selections.txt",
        format!("{head}\tSpecies\t\r\n1\tWaveform 1\t1\t0,5\t1.5\t0\t2000\tFROG\t\r\n1\tSpectrogram 1\t1\t0,5\t1.5\t800\t1200\tFROG\t\r\n")
            .as_bytes(),
    );
    field.put(
        "tables/A/A_20200301_190000.Table.2.selections.txt",
        format!("{head}\tAnnotation\n1\tSpectrogram 1\t1\t7\t8\t1\t2\tTOAD\n").as_bytes(),
    );
    // Begin Time is that of the sequence; the time within the recording is its offset.
    let several = format!(
        "{head}\tBegin Path\tFile Offset (s)\tSpecies\n\
         1\tSpectrogram 1\t1\t10\t11\t1\t2\tD:\\field\\B\\same.wav\t4\tFROG\n\
         2\tSpectrogram 1\t1\t16\t17\t1\t2\tD:\\field\\A\\same.wav\t0.5\tTOAD\n\
         3\tSpectrogram 1\t1\t18\t19\t1\t2\tD:\\field\\B\\gone.wav\t0.5\tTOAD\n\
         4\tSpectrogram 1\t1\t20\t21\t1\t2\tsame.wav\t0.5\tTOAD\n"
    );
    field.put("tables/all.txt", several.as_bytes());
    let said = field.label();
    assert_eq!(
        field.positives(),
        [
            "audio/A/A_20200301_190000.wav,0.0,FROG",
            "audio/A/A_20200301_190000.wav,6.0,TOAD",
            "audio/A/same.wav,0.0,TOAD",
            "audio/B/same.wav,3.0,FROG"
        ]
    );
    assert_eq!(
        field.reviewed(),
        ["audio/A/A_20200301_190000.wav,true", "audio/A/same.wav,true", "audio/A/unseen.wav,false", "audio/B/same.wav,true"]
    );
    assert_eq!(
        field.unused(),
        [
            "2,the selection of line 3 in another view",
            "4,no recording of that name",
            "5,\"fits 2 recordings: audio/A/same.wav, audio/B/same.wav\""
        ]
    );
    assert!(said.contains("warning: 3 of 7 annotations are not used, in 2 files: no recording is found (2)"), "{said}");
    assert_eq!(field.ask("SELECT low_hz, high_hz FROM annotations WHERE line = 3 AND class = 'FROG'"), ["800.0,1200.0"]);
    assert_eq!(
        field.ask("SELECT COUNT(*) AS n FROM labels WHERE value IS NULL"),
        ["2"],
        "one window that nobody looked at, two classes"
    );
}

#[test]
fn times_of_a_session_are_placed_by_the_lengths_of_its_recordings_or_not_used() {
    let recordings =
        [("audio/A/1.wav", 6), ("audio/A/2.wav", 9), ("audio/B/3.wav", 6), ("audio/B/4.wav", 9), ("audio/B/5.wav", 9)];
    let field = Field::new(&recordings, &with("{format: raven, folder: tables}"));
    let head = "Begin Time (s)\tEnd Time (s)\tBegin File\tSpecies";
    // The second recording begins after 6 s, so 13 s is its eighth.
    field.put("tables/a.txt", format!("{head}\n1\t2\t1.wav\tFROG\n13\t13.5\t2.wav\tTOAD\n").as_bytes());
    // Only with the one between them, of which the table says nothing, are these times in the third: at 1 and at 4 s.
    field.put("tables/b.txt", format!("{head}\n1\t2\t3.wav\tFROG\n16\t16.5\t5.wav\tTOAD\n19\t20\t5.wav\tTOAD\n").as_bytes());
    field.label();
    assert_eq!(
        field.positives(),
        [
            "audio/A/1.wav,0.0,FROG",
            "audio/A/2.wav,6.0,TOAD",
            "audio/B/3.wav,0.0,FROG",
            "audio/B/5.wav,0.0,TOAD",
            "audio/B/5.wav,3.0,TOAD"
        ]
    );
    let field = Field { settings: with("{format: raven, folder: more}"), ..field };
    field.put("more/b.txt", format!("{head}\n1\t2\t3.wav\tFROG\n7\t8\t5.wav\tTOAD\n").as_bytes());
    let said = field.label();
    assert!(field.positives().is_empty());
    assert_eq!(field.unused().len(), 2);
    assert!(field.unused().iter().all(|line| line.contains("more than one way") && line.contains("File Offset (s)")));
    assert!(field.reviewed().iter().all(|line| line.ends_with("false")), "what cannot be placed is no review: {said}");
}

#[test]
fn a_table_without_the_column_stops_the_stage_before_it_does_anything() {
    let field = Field::new(&[("audio/A/1.wav", 3)], &with("{format: raven, folder: tables}"));
    field.put("tables/1.txt", b"Begin Time (s)\tEnd Time (s)\tNotes\n1\t2\tFROG\n");
    let output = field.chorus(&["run", "ingest", "segment", "annotate"]);
    let said = text(&output.stderr);
    assert!(!output.status.success());
    for wanted in ["tables/1.txt", "Begin Time (s), End Time (s), Notes", "annotate.label_column"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let field = Field { settings: with("{format: raven, folder: tables, label_column: Notes}"), ..field };
    field.label();
    assert_eq!(field.positives(), ["audio/A/1.wav,0.0,FROG"]);
}

#[test]
fn audacity_tracks_beside_recordings() {
    let field = Field::new(&[("audio/A/1.wav", 6), ("audio/A/2.wav", 3), ("audio/A/3.wav", 3)], &with("{format: audacity}"));
    field.put("audio/A/1.txt", b"0.5\t1.5\tWood frog_2\n\\\t800\t1200.5\n4\t4.2\tToad\n");
    field.put("audio/A/2.txt", b"");
    field.put("audio/A/CONFIG.TXT", b"Sample rate (Hz) : 48000\n");
    field.label();
    assert_eq!(field.positives(), ["audio/A/1.wav,0.0,Wood frog_2", "audio/A/1.wav,3.0,Toad"]);
    assert_eq!(field.reviewed(), ["audio/A/1.wav,true", "audio/A/2.wav,true", "audio/A/3.wav,false"]);
    assert_eq!(
        field.ask("SELECT line, code, quality, low_hz, high_hz, used FROM annotations ORDER BY line"),
        ["1,Wood frog_2,,800.0,1200.5,true", "3,Toad,,,,true"]
    );
    // AnuraSet's convention is an option here, and nobody who looks at everything writes empty files.
    let field = Field { settings: with("{format: audacity, label_text: code_quality, reviewed: all}"), ..field };
    field.put("audio/A/1.txt", b"0.5\t1.5\tBOAFAB_M\n");
    field.label();
    assert_eq!(field.ask("SELECT class, quality FROM annotations"), ["BOAFAB,M"]);
    assert_eq!(field.reviewed()[2], "audio/A/3.wav,true");
}

#[test]
fn csv_files_of_events_with_a_code_table() {
    let field = Field::new(
        &[("audio/A/1.wav", 6), ("audio/B/2.wav", 3), ("audio/B/3.wav", 3)],
        &with("{format: csv, folder: events, code_table: codes.csv, low_column: f0, frequency_unit: khz, qualities: [H]}"),
    );
    field.put(
        "events/all.csv",
        "file;start;end;label;f0;quality\nA/1.wav;0,5;1,5;frog;0,8;H\n1;4;5;Frog;;H\nB/2.wav;;;;;\n2;0;1;noise;;H\n2;0;1;frog;;L\n2;0;1;TOAD;;H\n2;0;1;toda;;H\n"
            .as_bytes(),
    );
    // A file without a column for the recording is called after it.
    field.put("events/B/3.csv", b"start,end,label,f0\n0,1,toad,\n");
    field.put(
        "codes.csv",
        b"code,class,scientific_name,english\nfrog,RANA,Rana x,Frog\nFrog,RANA,,\ntoad,BUFO,Bufo x,Toad\nnoise,,,\n",
    );
    field.label();
    assert_eq!(
        field.ask("SELECT class, scientific_name, english FROM classes ORDER BY class"),
        ["BUFO,Bufo x,Toad", "RANA,Rana x,Frog"]
    );
    assert_eq!(
        field.ask("SELECT code, class, low_hz FROM annotations WHERE file LIKE '%all.csv' AND line = 2"),
        ["frog,RANA,800.0"]
    );
    // The quality of the file without such a column is none of those that count.
    assert_eq!(field.positives(), ["audio/A/1.wav,0.0,RANA", "audio/A/1.wav,3.0,RANA"]);
    assert_eq!(
        field.unused(),
        [
            "2,quality `` is not in annotate.qualities",
            "5,noise is dropped by codes.csv",
            "6,quality `L` is not in annotate.qualities",
            "7,TOAD is not in codes.csv; did you mean toad?",
            "8,toda is not in codes.csv; did you mean toad?"
        ]
    );
    assert_eq!(field.ask("SELECT label, code, used FROM annotations WHERE line = 4"), [",,true"], "reviewed, and nothing heard");
}

#[test]
fn a_folder_for_each_class() {
    let settings = format!("{}annotate: {{format: folders}}\n", SHORT.replace(", audio: audio", ""));
    let clips = [("dog/1.wav", 4), ("dog/2.wav", 4), ("rain/3.wav", 4), ("loose.wav", 4)];
    let field = Field::new(&clips, &settings.replace("hop_s: 3", "hop_s: 3, tail: pad"));
    field.run(&["ingest", "segment", "annotate", "split"]);
    let all: Vec<String> = ["dog/1.wav", "dog/2.wav", "rain/3.wav"]
        .iter()
        .flat_map(|path| ["0.0", "3.0"].map(|start| format!("{path},{start},{}", path.split('/').next().unwrap())))
        .collect();
    assert_eq!(field.positives(), all);
    assert_eq!(
        field.ask("SELECT file, line, label, start_s FROM annotations WHERE used AND class = 'rain'"),
        ["rain/3.wav,1,rain,"]
    );
    assert_eq!(field.unused(), ["1,\"lies in no folder, expected one for each class\""]);
    assert_eq!(field.ask("SELECT COUNT(*) AS n FROM splits WHERE subset = 'unused'"), ["1"]);
}

#[test]
fn csv_files_of_clips() {
    let recordings = [("audio/1-1-A-0.wav", 3), ("audio/1-2-A-1.wav", 3), ("audio/2-3-A-0.wav", 3)];
    let field = Field::new(&recordings, &with("{format: clips, folder: meta/esc.csv}"));
    field
        .put("meta/esc.csv", b"filename,fold,target,category\n1-1-A-0.wav,1,0,dog;rain\n1-2-A-1.wav,1,1,\n4-4-A-0.wav,4,0,dog\n");
    field.label();
    assert_eq!(field.positives(), ["audio/1-1-A-0.wav,0.0,dog", "audio/1-1-A-0.wav,0.0,rain"]);
    assert_eq!(
        field.ask("SELECT line, item, label, used FROM annotations ORDER BY line, item"),
        ["2,1,dog,true", "2,2,rain,true", "3,1,,true", "4,1,dog,false"]
    );
    assert_eq!(field.reviewed(), ["audio/1-1-A-0.wav,true", "audio/1-2-A-1.wav,true", "audio/2-3-A-0.wav,false"]);
    field.put("meta/esc.csv", b"filename,fold,DOG,RAIN\n1-1-A-0.wav,1,1,0\n1-2-A-1.wav,1,0,0\n2-3-A-0.wav,2,1,1\n");
    field.label();
    assert_eq!(field.positives(), ["audio/1-1-A-0.wav,0.0,DOG", "audio/2-3-A-0.wav,0.0,DOG", "audio/2-3-A-0.wav,0.0,RAIN"]);
}

/// Species, and events of two recordings of 12 s as AnuraSet's annotators would have drawn them: recording, start, end, species.
const SPECIES: [&str; 3] = ["BOAFAB", "DENMIN", "SPHSUR"];
const EVENTS: [(usize, f64, f64, usize); 5] =
    [(0, 0.4, 2.2, 0), (0, 6.7, 6.9, 1), (0, 3.0, 4.0, 2), (1, 0.0, 11.9, 1), (1, 9.2, 9.4, 0)];
const NAMES: [&str; 2] = ["INCT4_20191125_020000", "INCT4_20191126_020000"];

/// Whether AnuraSet's rule, as its description has it, labels the window that starts at a second.
fn touches(recording: usize, window: i32, species: usize) -> bool {
    EVENTS.iter().any(|&(own, start, end, code)| {
        own == recording && code == species && window <= end.ceil() as i32 && window + 3 >= start.floor() as i32
    })
}

/// The rows of a `metadata.csv` in the order of its columns, older copies having two of them swapped and other names of clips.
fn metadata(old: bool) -> (String, Vec<String>) {
    let (third, second) = if old { ("species_number", "subset") } else { ("subset", "species_number") };
    let mut text = format!("sample_name,fname,min_t,max_t,site,date,{second},{third},{}\n", SPECIES.join(","));
    let mut clips = Vec::new();
    for (recording, fname) in NAMES.iter().enumerate() {
        for start in 0..10 {
            let clip = if old { format!("SAMPLE_{:05}", clips.len()) } else { format!("{fname}_{start}_{}", start + 3) };
            let bits: Vec<u8> = (0..SPECIES.len()).map(|species| touches(recording, start, species).into()).collect();
            let (number, subset) = (bits.iter().sum::<u8>().to_string(), ["train", "test"][recording]);
            let (a, b) = if old { (subset, number.as_str()) } else { (number.as_str(), subset) };
            let bits: Vec<String> = bits.iter().map(u8::to_string).collect();
            let date = format!("2019-11-{} 02:00:00", 25 + recording);
            text += &format!("{clip},{fname},{start},{},INCT4,{date},{a},{b},{}\n", start + 3, bits.join(","));
            clips.push(clip);
        }
    }
    (text, clips)
}

/// A shipped configuration with this archive.
fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name);
    let text = fs::read_to_string(path).unwrap().replace("path: anuraset\n", "path: ARCHIVE\n");
    assert!(text.contains("ARCHIVE"));
    text
}

#[test]
fn anurasets_processed_release_is_labelled_as_its_metadata_says() {
    for old in [false, true] {
        let (metadata, clips) = metadata(old);
        let paths: Vec<String> = clips.iter().map(|clip| format!("audio/INCT4/{clip}.wav")).collect();
        let recordings: Vec<(&str, u32)> = paths.iter().map(|path| (path.as_str(), 3)).collect();
        let field = Field::new(&recordings, &shipped("anuraset_processed.yaml"));
        field.put("metadata.csv", metadata.as_bytes());
        field.run(&["ingest", "segment", "annotate", "split"]);
        let mut expected = Vec::new();
        for row in metadata.lines().skip(1) {
            let fields: Vec<&str> = row.split(',').collect();
            for (species, bit) in SPECIES.iter().zip(&fields[8..]) {
                expected.push(format!("audio/INCT4/{}.wav,{species},{bit}", fields[0]));
            }
        }
        expected.sort();
        let found = field.ask(
            "SELECT r.path, l.class, l.value FROM labels l JOIN recordings r ON l.recording_id = r.recording_id ORDER BY r.path, l.class",
        );
        assert_eq!(found, expected);
        let rows = field.ask("SELECT COUNT(DISTINCT line) AS n FROM annotations WHERE used");
        assert_eq!(rows, [clips.len().to_string()], "every row of metadata.csv is accounted for");
        let tests = field.ask("SELECT COUNT(*) AS n FROM splits WHERE subset = 'test'");
        assert_eq!(tests, ["10"], "the release's own test clips");
    }
}

#[test]
fn anurasets_raw_release_gives_the_labels_of_the_processed_one() {
    let paths = NAMES.map(|name| format!("raw_data/INCT4/{name}.wav"));
    let recordings: Vec<(&str, u32)> = paths.iter().map(|path| (path.as_str(), 12)).collect();
    let field = Field::new(&recordings, &shipped("anuraset.yaml"));
    field.put(
        "species.csv",
        b"code,scientific_name\nBOAFAB,Boana faber\nDENMIN,Dendropsophus minutus\nSPHSUR,Sphaenorhynchus surdus\n",
    );
    for (recording, name) in NAMES.iter().enumerate() {
        let own = EVENTS.iter().filter(|event| event.0 == recording);
        let track: String = own.map(|(_, start, end, code)| format!("{start}\t{end}\t{}_M\n", SPECIES[*code])).collect();
        field.put(&format!("strong_labels/INCT4/{name}.txt"), track.as_bytes());
    }
    field.label();
    let found = field.ask(
        "SELECT r.path, s.start_s, l.class, l.value FROM labels l JOIN segments s ON l.segment_id = s.segment_id \
         JOIN recordings r ON l.recording_id = r.recording_id ORDER BY r.path, s.start_s, l.class",
    );
    let mut expected = Vec::new();
    for (recording, path) in paths.iter().enumerate() {
        for start in 0..10 {
            for (species, code) in SPECIES.iter().enumerate() {
                expected.push(format!("{path},{start}.0,{code},{}", i32::from(touches(recording, start, species))));
            }
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn rules_that_no_window_could_meet_are_refused_by_the_configuration() {
    let refused = |annotate: &str, wanted: &[&str]| {
        let output = Field::new(&[("audio/1.wav", 3)], &with(annotate)).chorus(&["run", "ingest"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(wanted.iter().all(|part| said.contains(part)), "{said}");
    };
    refused("{format: raven, min_overlap_s: 4}", &["annotate.min_overlap_s: found 4 s", "segment.window_s, 3 s"]);
    refused("{format: raven, min_overlap_s: null, min_overlap_fraction: null}", &["no window can be positive"]);
    refused("{format: csv}", &["annotate.folder"]);
    refused("{format: audacity, label_column: x}", &["annotate.label_column", "raven, csv and clips"]);
    refused("{format: ravn}", &["anuraset_raw, anuraset_processed, raven, audacity, csv, clips, folders"]);
}

#[test]
fn a_share_of_an_event_may_decide_alone() {
    let field = Field::new(&[("audio/1.wav", 6)], &with("{format: audacity, min_overlap_s: null}"));
    field.put("audio/1.txt", b"1\t6\tFROG\n");
    field.label();
    assert_eq!(field.positives(), ["audio/1.wav,3.0,FROG"], "2 of 5 s lie in the first window, 3 in the second");
}

#[test]
fn what_a_table_says_of_one_recording_dirties_only_its_unit() {
    let recordings = [("audio/A/A_20200301_190000.wav", 3), ("audio/B/B_20200301_190000.wav", 3)];
    let field = Field::new(&recordings, &with("{format: csv, folder: all.csv, classes: [FROG]}"));
    let table = |end: &str| format!("file,start,end,label\nA_20200301_190000,0,1,FROG\nB_20200301_190000,0,{end},FROG\n");
    field.put("all.csv", table("1").as_bytes());
    field.label();
    assert!(field.label().contains("annotate          fresh, 2 units"));
    field.put("all.csv", table("2").as_bytes());
    let said = field.label();
    assert!(said.contains("annotate          made 1 unit, 1 fresh"), "{said}");
    assert_eq!(field.ask("SELECT site, end_s FROM annotations ORDER BY site"), ["A,1.0", "B,2.0"]);
}

#[test]
fn init_recognises_the_layouts() {
    let written = |files: &[(&str, &[u8])]| {
        let field = Field::new(&[("A/1.wav", 3), ("B/2.wav", 3)], "");
        files.iter().for_each(|(path, bytes)| field.put(path, bytes));
        let config = field.folder.path().join("found.yaml");
        let output = Command::new(CHORUS).arg("init").arg(field.archive()).arg("-o").arg(&config).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let checked = Command::new(CHORUS).args(["check", "-c"]).arg(&config).output().unwrap();
        assert!(checked.status.success(), "{}", text(&checked.stderr));
        fs::read_to_string(config).unwrap()
    };
    for (files, wanted) in [
        (&[("A/1.Table.1.selections.txt", &b"Begin Time (s)\tEnd Time (s)\tSpecies\n"[..])][..], "format: raven\n"),
        (&[("A/1.txt", b"1\t2\tfrog\n")], "format: audacity\n"),
        (&[("metadata.csv", b"sample_name,site,subset,FROG\n1,A,train,1\n")], "format: anuraset_processed\n"),
        (&[("metadata.csv", b"sample_name,site,subset,FROG\n1,A,train,1\n")], "source: file\n  file: metadata.csv"),
        (&[("events.csv", b"file,start,end,label\n1,0,1,x\n")], "format: csv\n  folder: events.csv\n"),
        (&[], "format: folders\n"),
    ] {
        let text = written(files);
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}
