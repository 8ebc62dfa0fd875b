//! An archive as recorders of many makes leave it behind, with a site sheet that knows which of them stood where and when.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{Survey, text};

/// One second at 8 kHz, with further chunks behind the samples.
fn recording(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let chunk = |id: &[u8; 4], payload: &[u8]| {
        let pad = vec![0; payload.len() % 2];
        [id.as_slice(), &(payload.len() as u32).to_le_bytes(), payload, &pad].concat()
    };
    let fmt = [1u16.to_le_bytes(), 1u16.to_le_bytes()].concat();
    let fmt = [fmt, 8000u32.to_le_bytes().to_vec(), 16_000u32.to_le_bytes().to_vec(), vec![2, 0, 16, 0]].concat();
    let samples: Vec<u8> = (0..8000i16).flat_map(|i| (i % 97 * 100).to_le_bytes()).collect();
    let more: Vec<u8> = chunks.iter().flat_map(|(id, payload)| chunk(id, payload)).collect();
    let body = [chunk(b"fmt ", &fmt), chunk(b"data", &samples), more].concat();
    [b"RIFF".as_slice(), &(body.len() as u32 + 4).to_le_bytes(), b"WAVE", &body].concat()
}

/// An AudioMoth's comment in its chunk.
fn moth(time: &str, zone: &str, serial: &str) -> (&'static [u8; 4], Vec<u8>) {
    let comment = format!(
        "Recorded at {time} (UTC{zone}) by AudioMoth {serial} at medium gain while battery was 4.2V and temperature was -3.5C. \
         High-pass filter with frequency of 15.0kHz applied."
    );
    (b"LIST", [b"INFOICMT".as_slice(), &(comment.len() as u32).to_le_bytes(), comment.as_bytes()].concat())
}

fn guano(fields: &str) -> (&'static [u8; 4], Vec<u8>) {
    (b"guan", format!("GUANO|Version: 1.0\n{fields}").into_bytes())
}

fn wamd() -> (&'static [u8; 4], Vec<u8>) {
    let entry =
        |name: u16, value: &str| [&name.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value.as_bytes()].concat();
    let entries = [(1, "SM4"), (2, "S4A02641"), (3, "2.4.9"), (5, "2020-03-02 19:00:00-03:00"), (6, "WGS84,10.5,S,50.25,W")];
    (b"wamd", entries.into_iter().flat_map(|(name, value)| entry(name, value)).collect())
}

fn bext() -> (&'static [u8; 4], Vec<u8>) {
    let mut payload = vec![0; 602];
    payload[256..263].copy_from_slice(b"ZOOM F3");
    payload[320..338].copy_from_slice(b"2020-03-0305:30:00");
    (b"bext", payload)
}

const ID: &str = "24E144055E080032";

/// Recordings by their path, and a configuration that ingests them.
fn archive(files: &[(&str, Vec<u8>)], sheet: Option<&str>, ingest: &str) -> Survey {
    let survey = Survey::empty(&format!(
        "archive: {{path: archive, timezone: America/Sao_Paulo}}\nrun: {{path: run}}\nannotate: {{format: anuraset_raw}}\nunits: {{keep_free_gib: 0}}\n\
         ingest: {{max_rejected_fraction: 1, {ingest}}}\n"
    ));
    // Labels make it a survey that is complete; only its first stage is run.
    let labels = ("strong_labels/a/x.txt", b"0\t1\tFROG\n".to_vec());
    for (path, bytes) in files.iter().chain([&labels]) {
        let path = survey.archive().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    if let Some(sheet) = sheet {
        fs::write(survey.archive().join("sites.csv"), sheet).unwrap();
    }
    survey
}

fn ingest(survey: &Survey) -> String {
    survey.run_with(&["ingest"])
}

fn field_season() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        // The same AudioMoth at two sites, its names in UTC.
        ("card1/20200301_220000.WAV", recording(&[moth("22:00:00 01/03/2020", "", ID)])),
        ("card2/20200316_220000.WAV", recording(&[moth("19:00:00 16/03/2020", "-3", ID)])),
        // Its header and its name contradict each other.
        ("card2/20200317_230000.WAV", recording(&[moth("22:00:00 17/03/2020", "", ID)])),
        // A clock that was never set, though the name is sound; and both dead.
        ("card2/M_20200318_190000.WAV", recording(&[moth("00:00:05 01/01/1970", "", ID)])),
        ("card2/19700101_000005.WAV", recording(&[moth("00:00:05 01/01/1970", "", ID)])),
        ("song/S4A02641_20200302_190000.wav", recording(&[wamd()])),
        (
            "bats/x.wav",
            recording(&[guano(
                "Timestamp: 2020-03-02T19:00:00\nLoc Position: -11.5 -51.5\nTE: 10\nSamplerate: 80000\nMake: Pettersson\nPET|Gain: 80",
            )]),
        ),
        ("zoom/ZOOM0001.WAV", recording(&[bext()])),
        ("old/dawn.wav", recording(&[])),
        ("old/broken_20200301_190000.wav", b"<html>".to_vec()),
    ]
}

const SHEET: &str = "\
site,serial,from,to,name,folder,latitude,longitude,timezone,start
POND,24E144055E080032,2020-03-01,2020-03-14,,,-10,-50,,
MARSH,24e144055e080032,2020-03-15,,,,-11,-51,,
RIVER,S4A02641,,,,,,,,
CAVE,,,,,bats,,,America/Manaus,
HILL,,,,dawn,,,,,2020-03-05 05:30
NOWHERE,FFFF,,,,,,,,
";

#[test]
fn every_header_reaches_its_columns() {
    let survey = archive(&field_season(), Some(SHEET), "site_sheet: sites.csv");
    let said = ingest(&survey);
    for wanted in ["no recording fits line 7 (NOWHERE)", "no line assigns 3 recordings"] {
        assert!(said.contains(wanted), "{wanted} is missing in: {said}");
    }
    let device = survey.ask("SELECT path, make, model, serial, firmware, gain, battery_v, temperature_c FROM recordings WHERE path LIKE 'song%' OR path LIKE 'bats%' OR path LIKE 'zoom%' OR path LIKE 'card1%' ORDER BY path");
    assert_eq!(
        device,
        "path,make,model,serial,firmware,gain,battery_v,temperature_c\n\
         bats/x.wav,Pettersson,,,,80,,\n\
         card1/20200301_220000.WAV,Open Acoustic Devices,AudioMoth,24E144055E080032,,medium,4.2,-3.5\n\
         song/S4A02641_20200302_190000.wav,Wildlife Acoustics,SM4,S4A02641,2.4.9,,,\n\
         zoom/ZOOM0001.WAV,,ZOOM F3,,,,,\n"
    );
    let places = survey.ask("SELECT path, site, site_source, latitude, longitude, timezone FROM recordings ORDER BY path");
    assert_eq!(
        places,
        "path,site,site_source,latitude,longitude,timezone\n\
         bats/x.wav,CAVE,sheet,-11.5,-51.5,America/Manaus\n\
         card1/20200301_220000.WAV,POND,sheet,-10.0,-50.0,America/Sao_Paulo\n\
         card2/19700101_000005.WAV,card2,folder,,,America/Sao_Paulo\n\
         card2/20200316_220000.WAV,MARSH,sheet,-11.0,-51.0,America/Sao_Paulo\n\
         card2/20200317_230000.WAV,MARSH,sheet,-11.0,-51.0,America/Sao_Paulo\n\
         card2/M_20200318_190000.WAV,MARSH,sheet,-11.0,-51.0,America/Sao_Paulo\n\
         old/broken_20200301_190000.wav,old,folder,,,America/Sao_Paulo\n\
         old/dawn.wav,HILL,sheet,,,America/Sao_Paulo\n\
         song/S4A02641_20200302_190000.wav,RIVER,sheet,-10.5,-50.25,America/Sao_Paulo\n\
         zoom/ZOOM0001.WAV,zoom,folder,,,America/Sao_Paulo\n"
    );
}

#[test]
fn the_start_comes_from_the_most_trusted_source_and_disagreement_is_told() {
    let survey = archive(&field_season(), Some(SHEET), "site_sheet: sites.csv");
    ingest(&survey);
    let starts = survey.ask(
        "SELECT path, STRFTIME(start_utc, '%Y-%m-%d %H:%M:%S') AS utc, utc_offset_min, time_source FROM recordings ORDER BY path",
    );
    assert_eq!(
        starts,
        "path,utc,utc_offset_min,time_source\n\
         bats/x.wav,2020-03-02 23:00:00,-240,header\n\
         card1/20200301_220000.WAV,2020-03-01 22:00:00,-180,header\n\
         card2/19700101_000005.WAV,,,none\n\
         card2/20200316_220000.WAV,2020-03-16 22:00:00,-180,header\n\
         card2/20200317_230000.WAV,2020-03-17 22:00:00,-180,header\n\
         card2/M_20200318_190000.WAV,2020-03-18 22:00:00,-180,filename\n\
         old/broken_20200301_190000.wav,2020-03-01 22:00:00,-180,filename\n\
         old/dawn.wav,2020-03-05 08:30:00,-180,sheet\n\
         song/S4A02641_20200302_190000.wav,2020-03-02 22:00:00,-180,header\n\
         zoom/ZOOM0001.WAV,2020-03-03 08:30:00,-180,header\n"
    );
    let notes = survey.ask("SELECT path, time_note FROM recordings WHERE time_note IS NOT NULL ORDER BY path");
    for wanted in [
        "card2/19700101_000005.WAV,the AudioMoth header says 1970-01-01T00:00:05Z: the clock was not set; the name says 1970-01-01T00:00:05: the clock was not set",
        "the AudioMoth header says 2020-03-17T22:00:00Z and the name says 2020-03-17T23:00:00",
        "1h apart: the AudioMoth header was believed",
        "card2/M_20200318_190000.WAV,the AudioMoth header says 1970-01-01T00:00:05Z: the clock was not set",
    ] {
        assert!(notes.contains(wanted), "{wanted} is missing in: {notes}");
    }
    assert_eq!(notes.lines().count(), 4, "{notes}");
    let rates = survey.ask("SELECT sample_rate_hz, time_expansion, duration_s FROM recordings WHERE path = 'bats/x.wav'");
    assert_eq!(rates, "sample_rate_hz,time_expansion,duration_s\n80000,10.0,0.1\n");
}

#[test]
fn a_changed_sheet_files_recordings_anew_without_reading_them_again() {
    let survey = archive(&field_season(), Some(SHEET), "site_sheet: sites.csv");
    ingest(&survey);
    fs::write(survey.archive().join("sites.csv"), SHEET.replace("MARSH,", "SWAMP,")).unwrap();
    ingest(&survey);
    assert_eq!(
        survey.ask("SELECT site, COUNT(*) AS n FROM recordings WHERE site IN ('MARSH', 'SWAMP') GROUP BY site"),
        "site,n\nSWAMP,3\n"
    );
    assert_eq!(survey.ask("SELECT COUNT(*) AS n FROM recordings"), "n\n10\n");
}

#[test]
fn what_an_older_program_remembered_is_read_again() {
    let survey = archive(&field_season(), None, "");
    ingest(&survey);
    let memory = common::contents(&survey.run().join("state/cache/ingest/files"), "");
    let mut changed = 0;
    for (path, bytes) in memory {
        let path = survey.run().join(format!("state/cache/ingest/files{path}"));
        // Lines as they were before there was a format, with a fact that must not be believed.
        let mut text = text(&bytes);
        let start = text.find("\"format\":").unwrap();
        let format = text[start..=start + text[start..].find(',').unwrap()].to_owned();
        text = text.replace(&format, "");
        changed += text.matches("Pettersson").count();
        fs::write(&path, text.replace("Pettersson", "Nobody")).unwrap();
    }
    assert!(changed > 0);
    survey.run_with(&["ingest", "--force"]);
    assert_eq!(survey.ask("SELECT COUNT(*) AS n FROM recordings WHERE make = 'Pettersson'"), "n\n1\n");
}

#[test]
fn names_of_one_s_own() {
    let files = [("a/Pond 7 01-03-20 19.30 left.wav", recording(&[])), ("a/MARSH_20200302_190000.wav", recording(&[]))];
    let survey = archive(&files, None, "site_from: prefix, name_pattern: \"{site} %d-%m-%y %H.%M *\"");
    let said = ingest(&survey);
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(
        survey.ask("SELECT site, STRFTIME(start_utc, '%Y-%m-%d %H:%M') AS utc FROM recordings ORDER BY site"),
        "site,utc\nMARSH,2020-03-02 22:00\nPond 7,2020-03-01 22:30\n"
    );
    let said = survey.run_with(&["ingest", "--set", "ingest.name_pattern=REC_%Y%m%d_%H%M"]);
    assert!(said.contains("`REC_%Y%m%d_%H%M` fits none of 2 names"), "{said}");
}

#[test]
fn sheets_and_patterns_that_cannot_be_meant_are_refused_before_anything_is_read() {
    let survey = archive(&field_season(), Some("site,latitude\n"), "site_sheet: sites.csv");
    let refused = |args: &[&str], status: i32, wanted: &[&str]| {
        let output = survey.chorus(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(wanted.iter().all(|part| said.contains(part)), "{wanted:?} are missing in: {said}");
        assert!(!survey.run().join("state/cache").exists());
    };
    let wanted = ["survey.yaml:", "ingest.site_sheet: found", "sites.csv", "no line with a site", "docs/recorders.md"];
    refused(&["run", "ingest"], 2, &wanted);
    refused(&["check"], 2, &wanted);
    fs::write(survey.archive().join("sites.csv"), "site,serial\nPOND,A\nMARSH,A\n").unwrap();
    refused(&["run", "ingest"], 2, &["sites.csv, lines 2 and 3", "POND and MARSH", "from and to"]);
    let set = ["--set", "ingest.name_pattern=REC_%Y%m%d"];
    refused(
        &[&["run", "ingest"], set.as_slice()].concat(),
        2,
        &["ingest.name_pattern: `REC_%Y%m%d`", "the hour (%H, or %I with %p) is missing"],
    );
    refused(&[&["check"], set.as_slice()].concat(), 2, &["ingest.name_pattern", "is missing"]);
}

#[test]
fn a_copy_counts_once_and_what_is_said_of_it_counts_for_the_original() {
    let sound = || recording(&[]);
    let files = [
        ("P/Data/M_20200301_190000.wav", sound()),
        ("P/Data/M_20200301_200000.wav", sound()),
        ("P/Data/again/M_20200301_190000.wav", sound()),
        ("System Volume Information/M_20200301_190000.wav", sound()),
    ];
    let survey = archive(&files, None, "site_folder: 1");
    fs::write(survey.archive().join("labels.csv"), "file,start,end,label\nP/Data/again/M_20200301_190000.wav,0.1,0.9,FROG\n")
        .unwrap();
    let sets = ["annotate.format=csv", "annotate.folder=labels.csv", "segment.window_s=1", "segment.hop_s=1"];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let said = survey.run_with(&[&["ingest", "segment", "annotate"], &sets[..]].concat());
    assert!(!said.contains("one site"), "the level of the sites is set: {said}");
    assert_eq!(
        survey.ask(
            "SELECT path, site, duplicate_of IS NOT NULL AS same, copy_of IS NOT NULL AS copy FROM recordings ORDER BY path"
        ),
        "path,site,same,copy\n\
         P/Data/M_20200301_190000.wav,P,false,false\n\
         P/Data/M_20200301_200000.wav,P,true,false\n\
         P/Data/again/M_20200301_190000.wav,P,true,true\n"
    );
    let with_windows =
        "SELECT DISTINCT r.path FROM segments s JOIN recordings r ON s.recording_id = r.recording_id ORDER BY r.path";
    assert_eq!(survey.ask(with_windows), "path\nP/Data/M_20200301_190000.wav\nP/Data/M_20200301_200000.wav\n");
    let heard =
        "SELECT r.path, l.class, l.value FROM labels l JOIN recordings r ON l.recording_id = r.recording_id WHERE l.value = 1";
    assert_eq!(survey.ask(heard), "path,class,value\nP/Data/M_20200301_190000.wav,FROG,1\n");
    let said = survey.run_with(&["ingest", "--force", "--set", "ingest.site_folder=null"]);
    assert!(said.contains("folders whose names look like dates or cards are sites: Data"), "{said}");
}

#[test]
fn one_header_shows_the_clock_of_names_in_a_folder_of_any_size() {
    // More files than ingest keeps in one piece.
    const WITHOUT: usize = 1_100;
    let bare = recording(&[]);
    let name = |minute: usize| format!("A/20200301_{:02}{:02}00.WAV", minute / 60, minute % 60);
    let names: Vec<String> = (0..WITHOUT).map(name).collect();
    let mut files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), bare.clone())).collect();
    files.push(("A/20200301_190000.WAV", recording(&[moth("19:00:00 01/03/2020", "-3", ID)])));
    files.push(("B/20200301_120000.WAV", bare.clone()));
    let survey = archive(&files, None, "site_from: folder");
    ingest(&survey);
    // Names in local time are what a clock at the site shows.
    let local = |survey: &Survey| {
        survey.ask("SELECT site, COUNT(*) AS n FROM recordings WHERE STRFTIME(start_local, '%H%M%S') = SUBSTR(path, 12, 6) GROUP BY site")
    };
    assert_eq!(local(&survey), format!("site,n\nA,{}\n", WITHOUT + 1), "and in the folder B nothing shows it");
    let (fresh, units) = survey.ask_status("ingest");
    assert!(fresh == units && units > 0, "{fresh} of {units}");
    // Without the header, names are in UTC again: of all pieces, from what was read of them.
    fs::remove_file(survey.archive().join("A/20200301_190000.WAV")).unwrap();
    ingest(&survey);
    assert_eq!(local(&survey), "site,n\n");
    fs::write(survey.archive().join("A/20200301_190000.WAV"), recording(&[moth("19:00:00 01/03/2020", "-3", ID)])).unwrap();
    ingest(&survey);
    assert_eq!(local(&survey), format!("site,n\nA,{}\n", WITHOUT + 1));
}

#[test]
fn clocks_that_contradict_each_other_or_are_shown_elsewhere_are_told() {
    let files = [
        ("P/one/20200301_190000.WAV", recording(&[moth("19:00:00 01/03/2020", "-5", ID)])),
        ("P/two/20200301_200000.WAV", recording(&[])),
        ("Q/20200301_190000.WAV", recording(&[moth("19:00:00 01/03/2020", "-5", ID)])),
        ("Q/20200301_200000.WAV", recording(&[moth("20:00:00 01/03/2020", "", ID)])),
        ("Q/20200301_210000.WAV", recording(&[])),
        ("R/20200301_190000.WAV", recording(&[guano("Timestamp: 2020-03-01T19:00:00-00:00")])),
        ("R/20200301_200000.WAV", recording(&[])),
    ];
    let survey = archive(&files, None, "site_folder: 1");
    ingest(&survey);
    let told = survey.ask(
        "SELECT path, STRFTIME(start_utc, '%H:%M') AS utc, time_note LIKE '%another folder of the site%' AS elsewhere, \
         time_note LIKE '%contradict each other%' AS against FROM recordings WHERE time_source = 'filename' ORDER BY path",
    );
    assert_eq!(
        told,
        "path,utc,elsewhere,against\n\
         P/two/20200301_200000.WAV,20:00,true,false\n\
         Q/20200301_210000.WAV,21:00,false,true\n\
         R/20200301_200000.WAV,23:00,false,false\n"
    );
    // What is remembered says the same.
    let (fresh, units) = survey.ask_status("ingest");
    assert!(fresh == units && units > 0, "{fresh} of {units}");
    fs::remove_file(survey.archive().join("P/one/20200301_190000.WAV")).unwrap();
    ingest(&survey);
    assert_eq!(survey.ask("SELECT path FROM recordings WHERE time_note LIKE '%another folder%'"), "path\n");
}

#[test]
fn a_copy_in_a_folder_that_shows_no_clock_and_copies_of_any_name_count_once() {
    // Files of one length differ by what their headers hold.
    let other = || recording(&[guano("Note: another")]);
    let files = [
        ("P/1/20200301_193000.WAV", recording(&[moth("19:30:00 01/03/2020", "-5", ID)])),
        ("P/1/20200301_203000.WAV", recording(&[])),
        ("P/0/20200301_203000.WAV", recording(&[])),
        ("P/1/20200301_213000 - Copy.WAV", other()),
        ("P/1/20200301_213000.WAV", other()),
        ("P/1/20200301_213000_1.wav", other()),
        ("P/song.wav", other()),
        ("P/sub/song.wav", other()),
    ];
    let survey = archive(&files, None, "site_folder: 1");
    ingest(&survey);
    let counted =
        survey.ask("SELECT path, STRFTIME(start_utc, '%H:%M') AS utc FROM recordings WHERE copy_of IS NULL ORDER BY path");
    let zone = "path,utc\n\
        P/1/20200301_193000.WAV,00:30\n\
        P/1/20200301_203000.WAV,01:30\n\
        P/1/20200301_213000.WAV,02:30\n\
        P/song.wav,\n";
    assert_eq!(counted, zone);
}

#[test]
fn a_site_is_one_in_any_form_of_its_accents() {
    let files =
        [("Rivie\u{300}re/M_20200301_190000.wav", recording(&[])), ("Rivi\u{e8}re/M_20200302_190000.wav", recording(&[]))];
    let survey = archive(&files, None, "site_from: folder");
    ingest(&survey);
    assert_eq!(survey.ask("SELECT site, COUNT(*) AS n FROM recordings GROUP BY site"), "site,n\nRivi\u{e8}re,2\n");
}

#[test]
fn a_site_whose_name_no_folder_can_have_is_refused_before_anything_is_read() {
    let long = "\u{e9}".repeat(126);
    let path = format!("{long}/M_20200301_190000.wav");
    let survey = archive(&[(path.as_str(), recording(&[]))], None, "site_from: folder");
    let output = survey.chorus(&["run", "ingest"]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("2 bytes too long") && said.contains("ingest.site_sheet"), "{said}");
    assert!(!survey.run().join("state/cache/ingest/files").exists());
    fs::write(survey.archive().join("sites.csv"), format!("site,folder\nSHORT,{long}\n")).unwrap();
    survey.run_with(&["ingest", "--set", "ingest.site_sheet=sites.csv"]);
    assert_eq!(survey.ask("SELECT site FROM recordings"), "site\nSHORT\n");
}
