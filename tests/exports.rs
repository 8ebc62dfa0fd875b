//! A run's detections as other programs' files: what is written is what was detected, and what is read back is what was written.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{Survey, contents, copy, text};

/// A threshold under which the tiny network detects something of several classes.
const THRESHOLD: &str = "detect.threshold=0.25";

/// A survey with detections.
fn detected() -> Survey {
    let survey = Survey::made();
    survey.run_with(&["detect", "--with-upstream", "--set", THRESHOLD]);
    assert!(count(&survey) > 8, "the test needs detections");
    survey
}

fn count(survey: &Survey) -> usize {
    survey.ask("SELECT COUNT(*) AS n FROM detections").lines().nth(1).unwrap().parse().unwrap()
}

/// Exports into a folder beside the run and gives back what stdout and stderr said.
fn export(survey: &Survey, folder: &str, args: &[&str]) -> (String, String) {
    let output = survey.chorus(&[&["export"], args, &["-o", folder, "--set", THRESHOLD]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// A CSV file as rows of fields by column.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Events as `path class start end`, in whole microseconds, sorted.
fn events(csv: &str) -> Vec<(String, String, i64, i64)> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let micros = |field: &str| (field.parse::<f64>().unwrap() * 1e6).round() as i64;
    let event = |row: csv::StringRecord| (row[0].to_owned(), row[1].to_owned(), micros(&row[2]), micros(&row[3]));
    let mut events: Vec<_> = reader.records().map(|row| event(row.unwrap())).collect();
    events.sort();
    events
}

const DETECTIONS: &str =
    "SELECT r.path, d.class, d.start_s, d.end_s FROM detections d JOIN recordings r ON d.recording_id = r.recording_id";

#[test]
fn what_raven_and_audacity_get_is_what_annotate_reads_back() {
    let survey = detected();
    let wanted = events(&survey.ask(DETECTIONS));
    export(&survey, "raven", &["raven"]);
    export(&survey, "audacity", &["audacity"]);
    for (from, format) in [("raven/recordings", "raven"), ("raven/all.selections.txt", "raven"), ("audacity", "audacity")] {
        // Labels lie in the archive: one of its own for each round.
        let again = Survey::tiny();
        again.take_archive_of(&survey);
        let labels = again.archive().join("labels");
        fs::create_dir(&labels).unwrap();
        let source = survey.folder().join(from);
        if source.is_dir() {
            copy(&source, &labels)
        } else {
            fs::copy(&source, labels.join("all.txt")).map(drop).unwrap()
        }
        let format = format!("annotate.format={format}");
        let sets = ["--set", &format, "--set", "annotate.folder=labels"];
        let output = again.chorus(&[&["run", "annotate", "--with-upstream"][..], &sets].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let read = "SELECT r.path, a.class, a.start_s, a.end_s FROM annotations a JOIN recordings r ON a.recording_id = r.recording_id WHERE a.used";
        assert_eq!(events(&again.ask(read)), wanted, "{from}");
        let unused = again.ask("SELECT COUNT(*) AS n FROM annotations WHERE NOT used");
        assert_eq!(unused.trim(), "n\n0", "{from}");
    }
}

#[test]
fn a_table_for_kaleidoscope_comes_back_with_the_ids_that_a_person_wrote() {
    let survey = detected();
    let wanted = events(&survey.ask(DETECTIONS));
    export(&survey, "kaleidoscope", &["kaleidoscope"]);
    let again = Survey::tiny();
    again.take_archive_of(&survey);
    let mut table = csv::Reader::from_path(survey.folder().join("kaleidoscope/cluster.csv")).unwrap();
    let mut heard = csv::Writer::from_path(again.archive().join("cluster.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (best, manual) = (at("TOP1MATCH*"), at("MANUAL ID"));
    heard.write_record(&header).unwrap();
    for row in table.records() {
        let row = row.unwrap();
        // The person agrees with each match.
        heard.write_record(row.iter().enumerate().map(|(i, field)| if i == manual { &row[best] } else { field })).unwrap();
    }
    heard.flush().unwrap();
    let sets = ["--set", "annotate.format=csv", "--set", "annotate.folder=cluster.csv"];
    let output = again.chorus(&[&["run", "annotate", "--with-upstream"][..], &sets].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = "SELECT r.path, a.class, a.start_s, a.end_s FROM annotations a JOIN recordings r ON a.recording_id = r.recording_id WHERE a.used";
    assert_eq!(events(&again.ask(read)), wanted);
}

#[test]
fn every_format_holds_every_detection() {
    let survey = detected();
    let n = count(&survey);
    for (format, file) in [
        ("csv", "detections.csv"),
        ("kaleidoscope", "cluster.csv"),
        ("darwin-core", "occurrence.csv"),
        ("camtrap-dp", "observations.csv"),
    ] {
        let (said, noted) = export(&survey, format, &[format]);
        assert!(said.contains(&format!("{n} detections in 8 recordings, for {format}")) && noted.is_empty(), "{said}{noted}");
        let is_absence = |row: &&BTreeMap<String, String>| row.get("occurrenceStatus").is_some_and(|status| status == "absent");
        let rows = rows(&survey.folder().join(format).join(file));
        assert_eq!(rows.len() - rows.iter().filter(is_absence).count(), n, "{format}");
    }
    // What is told of one detection is the same everywhere.
    let flat = rows(&survey.folder().join("csv/detections.csv"));
    let observed = rows(&survey.folder().join("camtrap-dp/observations.csv"));
    let occurred = rows(&survey.folder().join("darwin-core/occurrence.csv"));
    for ((flat, observed), occurred) in flat.iter().zip(&observed).zip(&occurred) {
        assert_eq!((&flat["detection_id"], &flat["detection_id"]), (&observed["observationID"], &occurred["occurrenceID"]));
        assert_eq!((&flat["scientific_name"], &flat["site"]), (&observed["scientificName"], &occurred["locality"]));
        // Both tell the second; the flat table tells what is beyond, too, always in as many digits.
        assert!(flat["start_local"].len() == 26 && flat["start_utc"].len() == 27, "{flat:?}");
        let start = format!("{}{}", &flat["start_local"][..19], flat["utc_offset"]);
        assert_eq!(observed["eventStart"], start);
        assert!(occurred["eventDate"].starts_with(&format!("{start}/")), "{occurred:?}");
    }
    let media = rows(&survey.folder().join("camtrap-dp/media.csv"));
    assert_eq!(media.len(), 8);
    assert!(media.iter().all(|m| survey.archive().join(&m["filePath"]).is_file() && m["fileMediatype"] == "audio/wav"));
}

#[test]
fn what_was_listened_for_and_not_found_is_absent_and_each_row_is_of_an_event() {
    let survey = detected();
    export(&survey, "dwc", &["darwin-core"]);
    let table = |file: &str| rows(&survey.folder().join("dwc").join(file));
    let events: Vec<String> = table("event.csv").iter().map(|row| row["eventID"].clone()).collect();
    for file in ["occurrence.csv", "humboldt.csv", "multimedia.csv"] {
        assert!(table(file).iter().all(|row| events.contains(&row["eventID"])), "{file}");
    }
    let absent = table("occurrence.csv").into_iter().filter(|row| row["occurrenceStatus"] == "absent");
    let mut absent: Vec<String> = absent.map(|row| format!("{},{}", row["eventID"], row["scientificName"])).collect();
    absent.sort();
    let wanted = survey.ask(
        "SELECT a.site || ':' || CAST(a.night AS VARCHAR) AS event, c.scientific_name FROM activity a JOIN classes c ON a.class = c.class \
         GROUP BY a.site, a.night, c.scientific_name HAVING SUM(a.windows_detected) = 0 ORDER BY event, c.scientific_name",
    );
    let mut wanted: Vec<&str> = wanted.lines().skip(1).collect();
    wanted.sort_unstable();
    assert!(!wanted.is_empty(), "the test needs a class that is not found in some night");
    assert_eq!(absent, wanted);
    // The same in terms of the Humboldt Extension, with the effort.
    let nights = table("humboldt.csv");
    let listed: usize = nights.iter().map(|row| row["absentTaxa"].split(" | ").filter(|name| !name.is_empty()).count()).sum();
    assert_eq!((nights.len(), listed), (events.len(), absent.len()));
    // Two recordings of 12 s a night.
    assert!(nights.iter().all(|row| row["samplingEffortValue"] == "0.0067" && row["isAbsenceReported"] == "true"), "{nights:?}");
    let media = table("multimedia.csv");
    assert!(
        media.len() == 8 && media.iter().all(|row| row["sample_rate"] == "16000" && row["mediaDuration"] == "12"),
        "{media:?}"
    );
}

#[test]
fn a_night_in_which_nothing_was_looked_for_has_no_scope_and_says_nothing_of_one() {
    let survey = Survey::made();
    // Four recordings to learn from show of no class that it can be told, so that detect looks for none.
    let usable = ["--set", "detect.classes=usable"];
    survey.run_with(&[&["detect", "--with-upstream"], &usable[..]].concat());
    let path = survey.ask("SELECT path FROM recordings ORDER BY path LIMIT 1").lines().nth(1).unwrap().to_owned();
    let class = survey.ask("SELECT class FROM classes ORDER BY class LIMIT 1").lines().nth(1).unwrap().to_owned();
    // A taxon that a person heard lies neither within a scope nor outside of it where there is none.
    let sheet = format!("recording,class,start_s,end_s,verdict\n{path},{class},0,1.5,yes\n");
    fs::write(survey.folder().join("heard.csv"), sheet).unwrap();
    let args = ["export", "darwin-core", "-o", "dwc", "--sheet", "heard.csv"];
    let output = survey.chorus(&[&args[..], &usable].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = |file: &str| rows(&survey.folder().join("dwc").join(file));
    let occurred = table("occurrence.csv");
    assert!(occurred.len() == 1 && occurred[0]["occurrenceStatus"] == "present", "{occurred:?}");
    let nights = table("humboldt.csv");
    assert!(!nights.is_empty() && nights.len() == table("event.csv").len());
    for night in &nights {
        for of_scope in ["targetTaxonomicScope", "isTaxonomicScopeFullyReported", "hasNonTargetTaxa", "absentTaxa"] {
            assert_eq!(night[of_scope], "", "{of_scope}: {night:?}");
        }
        // The effort is told all the same.
        assert_eq!(
            (night["isAbsenceReported"].as_str(), night["samplingEffortValue"].as_str()),
            ("false", "0.0067"),
            "{night:?}"
        );
    }
}

#[test]
fn what_people_heard_stands_in_the_place_of_what_the_model_found() {
    let survey = detected();
    let output = survey.chorus(&["clips", "-o", "listen", "--per-class", "20", "--set", THRESHOLD]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let clips = rows(&survey.folder().join("listen/sheet.csv"));
    let mut sheet = csv::Writer::from_path(survey.folder().join("heard.csv")).unwrap();
    let columns = ["recording", "class", "start_s", "end_s"];
    sheet.write_record(columns.iter().chain(&["verdict", "listener"])).unwrap();
    let verdict = |i: usize| ["yes", "no", "unsure", ""][i % 4];
    for (i, clip) in clips.iter().enumerate() {
        sheet.write_record(columns.map(|column| clip[column].as_str()).into_iter().chain([verdict(i), "Ada"])).unwrap();
    }
    // What the model did not find, and a class that nobody knows.
    let first = &clips[0]["recording"];
    let unheard = survey.ask(&format!(
        "SELECT class, COALESCE(scientific_name, class) AS name FROM classes WHERE class NOT IN (SELECT d.class FROM detections d \
         JOIN recordings r ON d.recording_id = r.recording_id WHERE r.path = '{first}' AND d.start_s < 2) ORDER BY class LIMIT 1"
    ));
    let (silent, name) = unheard.lines().nth(1).and_then(|row| row.split_once(',')).expect("a class without a detection there");
    sheet.write_record([first.as_str(), silent, "0", "1.5", "yes", "Bo"]).unwrap();
    sheet.write_record([first.as_str(), "NOSUCHFROG", "0", "1.5", "yes", "Bo"]).unwrap();
    sheet.write_record(["nowhere.wav", silent, "0", "1.5", "yes", "Bo"]).unwrap();
    sheet.flush().unwrap();
    let (_, noted) = export(&survey, "dp", &["camtrap-dp", "--sheet", "heard.csv", "--acoustic"]);
    assert!(noted.contains("1 verdict is about recordings that are not in this export; the first is `nowhere.wav`"), "{noted}");
    assert!(noted.contains("1 observations by people alone"), "{noted}");
    assert!(noted.contains("the run does not have their classes: NOSUCHFROG (1)"), "{noted}");
    let media = rows(&survey.folder().join("dp/media.csv"));
    assert!(
        media.iter().all(|row| row["samplingFrequency"] == "16000" && row["captureMethod"] == "recordingSchedule"),
        "{media:?}"
    );
    let id_of: BTreeMap<&str, &str> = media.iter().map(|row| (row["filePath"].as_str(), row["mediaID"].as_str())).collect();
    let observed = rows(&survey.folder().join("dp/observations.csv"));
    let by_id: BTreeMap<&str, &BTreeMap<String, String>> =
        observed.iter().map(|row| (row["observationID"].as_str(), row)).collect();
    export(&survey, "dwc", &["darwin-core", "--sheet", "heard.csv"]);
    let occurred = rows(&survey.folder().join("dwc/occurrence.csv"));
    let occurred: BTreeMap<&str, &BTreeMap<String, String>> =
        occurred.iter().map(|row| (row["occurrenceID"].as_str(), row)).collect();
    for (i, clip) in clips.iter().enumerate() {
        let id = format!("{}:{}:{}", id_of[clip["recording"].as_str()], clip["class"], clip["start_s"]);
        let (row, occurrence) = (by_id[id.as_str()], occurred.get(id.as_str()));
        let told = [&row["classificationMethod"], &row["observationType"], &row["classifiedBy"]];
        match verdict(i) {
            "yes" => {
                assert_eq!(told, ["human", "animal", "Ada"], "{row:?}");
                assert_eq!(occurrence.unwrap()["identificationVerificationStatus"], "verified");
            }
            "no" => {
                assert_eq!(told, ["human", "unknown", "Ada"], "{row:?}");
                assert!(row["scientificName"].is_empty() && row["observationTags"].ends_with("review:refuted"), "{row:?}");
                assert!(occurrence.is_none(), "{occurrence:?}");
            }
            _ => {
                assert_eq!(told[..2], ["machine", "animal"], "{row:?}");
                assert!(!row["frequencyHigh"].is_empty(), "{row:?}");
                assert_eq!(occurrence.unwrap()["identificationVerificationStatus"], "unverified");
            }
        }
    }
    let alone = observed.iter().find(|row| row["observationTags"].ends_with("review:heard")).unwrap();
    assert_eq!((alone["scientificName"].as_str(), alone["classifiedBy"].as_str()), (name, "Bo"));
    let package = fs::read_to_string(survey.folder().join("dp/datapackage.json")).unwrap();
    assert!(!package.contains("NOSUCHFROG") && !observed.iter().any(|row| row["observationTags"].contains("NOSUCHFROG")));
    assert_eq!(occurred[alone["observationID"].as_str()]["identifiedBy"], "Bo");
    let package: serde_json::Value =
        serde_json::from_slice(&fs::read(survey.folder().join("dp/datapackage.json")).unwrap()).unwrap();
    assert_eq!(package["project"]["observationLevel"][0], "interval");
    assert!(package["resources"][2]["schema"]["fields"].as_array().unwrap().iter().any(|field| field["name"] == "frequencyLow"));
    // Sheets in the archive need no option, and the standard form has none of the new terms.
    fs::create_dir(survey.archive().join("reviews")).unwrap();
    fs::copy(survey.folder().join("heard.csv"), survey.archive().join("reviews/heard.csv")).unwrap();
    let gone = survey.chorus(&["export", "camtrap-dp", "-o", "gone", "--sheet", "gone.csv", "--set", THRESHOLD]);
    assert!(gone.status.code() == Some(2) && text(&gone.stderr).contains("correct --sheet"), "{}", text(&gone.stderr));
    let sets = ["--set", "annotate.review_sheets=reviews", "--set", THRESHOLD];
    survey.run_with(&[&["detect", "--with-upstream"], &sets[..]].concat());
    let output = survey.chorus(&[&["export", "camtrap-dp", "-o", "own"], &sets[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let own = rows(&survey.folder().join("own/observations.csv"));
    assert!(own.iter().any(|row| row["classificationMethod"] == "human") && !own[0].contains_key("frequencyLow"), "{own:?}");
}

#[test]
fn filters_choose_what_is_written() {
    let survey = detected();
    let all = events(&survey.ask(DETECTIONS));
    let (class, site) = (all[0].1.clone(), "POND01");
    let args = ["csv", "--class", &class, "--site", site, "--min-score", "0.5"];
    export(&survey, "some", &args);
    let wanted = survey.ask(&format!("{DETECTIONS} WHERE d.class = '{class}' AND d.site = '{site}' AND d.peak_score >= 0.5"));
    let found = rows(&survey.folder().join("some/detections.csv"));
    let found = found.iter().fold("path,class,start_s,end_s\n".to_owned(), |csv, row| {
        csv + &format!("{},{},{},{}\n", row["path"], row["class"], row["start_s"], row["end_s"])
    });
    assert_eq!(events(&found), events(&wanted));
    assert!(events(&found).len() < all.len());
}

#[test]
fn histories_tell_nights_without_effort_from_nights_without_a_call() {
    let survey = Survey::made();
    // A night is lost at one site: its second recording there is of the small hours of the next date.
    for lost in ["20250131_183000", "20250201_013000"] {
        fs::remove_file(survey.archive().join(format!("raw_data/POND01/POND01_{lost}.wav"))).unwrap();
    }
    let everything = "detect.threshold=0";
    survey.run_with(&["detect", "--with-upstream", "--set", everything]);
    let history = |folder: &str, class: &str, args: &[&str]| {
        let output = survey.chorus(&[&["export", "detection-histories", "-o", folder, "--set", everything], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let read = |file: &str| fs::read_to_string(survey.folder().join(folder).join(file)).unwrap();
        (read(&format!("histories/{class}.csv")), read("effort_h.csv"), read("sites.csv"))
    };
    let (heard, effort, sites) = history("heard", "FICPRI", &[]);
    assert_eq!(heard, "site,2025-01-30,2025-01-31\nMARSH02,1,1\nPOND01,1,NA\n");
    // Two recordings of 12 s a night.
    assert_eq!(effort, "site,2025-01-30,2025-01-31\nMARSH02,0.0067,0.0067\nPOND01,0.0067,NA\n");
    assert!(sites.starts_with("site,latitude,longitude,timezone\nMARSH02,-") && sites.lines().count() == 3, "{sites}");
    // A class that is never sure: some scores are 1 when rounded.
    let unsure = survey.ask("SELECT class, MAX(peak_score) AS peak FROM detections GROUP BY class ORDER BY peak LIMIT 1");
    let unsure = unsure.lines().nth(1).unwrap().split(',').next().unwrap();
    let (unheard, ..) = history("unheard", unsure, &["--min-score", "1"]);
    assert_eq!(unheard, "site,2025-01-30,2025-01-31\nMARSH02,0,0\nPOND01,0,NA\n");
    // The nights with a detection are those of the table of activity.
    let nights =
        survey.ask("SELECT site, night FROM activity WHERE class = 'FICPRI' AND windows_detected > 0 GROUP BY site, night");
    assert_eq!(nights.lines().count() - 1, heard.matches(",1").count());
}

#[test]
fn names_from_the_archive_are_text_to_every_format() {
    let made = Survey::made();
    let survey = Survey::tiny();
    let site = "Río, \"2\"; = 100%";
    let name = "a \"b\", c'_20250130_183000.wav";
    let folder = survey.archive().join("raw_data").join(site);
    fs::rename(survey.archive().join("raw_data/POND01"), &folder).unwrap();
    fs::rename(folder.join("POND01_20250130_183000.wav"), folder.join(name)).unwrap();
    let model = format!("model.path={}", made.run().join("model").display());
    let sets = ["--set", "annotate.format=none", "--set", "ingest.site_sheet=null", "--set", "archive.timezone=America/Bogota"];
    let sets = [&sets[..], &["--set", &model, "--set", "detect.threshold=0"]].concat();
    let chorus = |args: &[&str]| {
        let output = survey.chorus(&[args, &sets].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    chorus(&["run"]);
    let path = format!("raw_data/{site}/{name}");
    for (format, file, column) in [
        ("csv", "detections.csv", "path"),
        ("darwin-core", "occurrence.csv", "associatedMedia"),
        ("kaleidoscope", "cluster.csv", "IN FILE"),
    ] {
        chorus(&["export", format, "-o", format, "--site", site]);
        let rows = rows(&survey.folder().join(format).join(file));
        let wanted = if column == "IN FILE" { name } else { &path };
        assert!(rows.iter().any(|row| row[column] == *wanted), "{format}: {rows:?}");
    }
    // Without a table of classes the model's card knows the names.
    let flat = rows(&survey.folder().join("csv/detections.csv"));
    assert!(flat.iter().all(|row| row["site"] == site && row["scientific_name"].contains(' ') && row["utc_offset"] == "-05:00"));
    chorus(&["export", "audacity", "-o", "audacity"]);
    assert!(survey.folder().join("audacity").join(format!("{path}.txt")).is_file());
    chorus(&["export", "raven", "-o", "raven"]);
    let table = fs::read_to_string(survey.folder().join("raven/all.selections.txt")).unwrap();
    let fields = table.lines().next().unwrap().split('\t').count();
    assert!(table.lines().all(|line| line.split('\t').count() == fields) && table.contains(&path));
    chorus(&["export", "detection-histories", "-o", "histories"]);
    let histories = rows(&survey.folder().join("histories/effort_h.csv"));
    assert!(histories.iter().any(|row| row["site"] == site), "{histories:?}");
    // A package of media traps wants coordinates, and says of which site.
    let output = survey.chorus(&[&["export", "camtrap-dp", "-o", "package"], &sets[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(site) && text(&output.stderr).contains("site sheet"), "{}", text(&output.stderr));
    assert!(!survey.folder().join("package").exists());
}

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing_behind() {
    let survey = detected();
    let (run, archive) = (survey.run().join("x"), survey.archive().join("x"));
    let (run, archive) = (run.to_str().unwrap(), archive.to_str().unwrap());
    fs::create_dir(survey.folder().join("mine")).unwrap();
    fs::write(survey.folder().join("mine/notes.txt"), "mine").unwrap();
    let before = contents(survey.folder(), "");
    for (args, wanted) in [
        (&["csv", "-o", run][..], "lies within the run"),
        (&["csv", "-o", archive], "lies within the archive"),
        (&["csv", "-o", "mine"], "--force"),
        (&["xls", "-o", "out"], "detection-histories"),
        (&["csv", "-o", "out", "--class", "NONE"], "this run has no class `NONE`"),
        (&["csv", "-o", "out", "--site", "NONE"], "MARSH02, POND01"),
        (
            &["csv", "-o", "out", "--metadata", "m.yaml"],
            "--metadata: the format csv does not take this option; it is for: camtrap-dp",
        ),
    ] {
        let output = survey.chorus(&[&["export"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(wanted), "{args:?}: {}", text(&output.stderr));
    }
    let after = contents(survey.folder(), "");
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    export(&survey, "mine", &["csv", "--force"]);
    assert_eq!(fs::read(survey.folder().join("mine/notes.txt")).unwrap(), b"mine");
    assert!(survey.folder().join("mine/detections.csv").is_file());
}

#[test]
fn a_detection_ends_with_its_recording_and_a_night_without_a_window_is_not_heard() {
    let survey = Survey::tiny();
    // Windows of 5 s in recordings of 12 s: the third is filled up. One night at one site holds recordings of 2 s, too short for any.
    for short in ["20250131_183000", "20250201_013000"] {
        shorten(&survey.archive().join(format!("raw_data/POND01/POND01_{short}.wav")), 2);
    }
    let sets =
        ["--set", "segment.window_s=5", "--set", "segment.hop_s=5", "--set", "segment.tail=pad", "--set", "detect.threshold=0"];
    survey.run_with(&[&["detect", "--with-upstream"], &sets[..]].concat());
    let export = |format: &str| {
        let output = survey.chorus(&[&["export", format, "-o", format], &sets[..]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        survey.folder().join(format)
    };
    let ends = |rows: &[BTreeMap<String, String>], start: &str, end: &str| -> Vec<f64> {
        rows.iter().filter(|row| row[start].parse::<f64>().unwrap() < 12.0).map(|row| row[end].parse().unwrap()).collect()
    };
    let found = ends(&rows(&export("csv").join("detections.csv")), "start_s", "end_s");
    assert!(found.contains(&12.0) && found.iter().all(|end| *end <= 12.0), "{found:?}");
    let table = fs::read_to_string(export("raven").join("all.selections.txt")).unwrap();
    let (mut raven, all) = (csv::ReaderBuilder::new(), table.as_bytes());
    let all: Vec<BTreeMap<String, String>> =
        raven.delimiter(b'\t').from_reader(all).deserialize().map(|row| row.unwrap()).collect();
    let firsts = ends(&all, "Begin Time (s)", "End Time (s)");
    assert!(firsts.contains(&12.0) && firsts.iter().all(|end| *end <= 12.0), "{firsts:?}");
    let sets = [&sets[..4], &["--set", "segment.tail=drop", "--set", "detect.threshold=0"]].concat();
    survey.run_with(&[&["detect", "--with-upstream"], &sets[..]].concat());
    let output = survey.chorus(&[&["export", "detection-histories", "-o", "histories"], &sets[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = |file: &str| fs::read_to_string(survey.folder().join("histories").join(file)).unwrap();
    assert_eq!(read("histories/FICPRI.csv"), "site,2025-01-30,2025-01-31\nMARSH02,1,1\nPOND01,1,NA\n");
    assert!(read("effort_h.csv").ends_with("POND01,0.0067,NA\n"), "{}", read("effort_h.csv"));
}

/// Leaves so many seconds of a WAV file of 16 kHz, 16 bits and one channel.
fn shorten(path: &Path, seconds: u32) {
    let bytes = seconds * 32_000;
    let mut wav = fs::read(path).unwrap();
    assert_eq!(&wav[36..40], b"data");
    wav.truncate(44 + bytes as usize);
    wav[4..8].copy_from_slice(&(36 + bytes).to_le_bytes());
    wav[40..44].copy_from_slice(&bytes.to_le_bytes());
    fs::write(path, wav).unwrap();
}

#[test]
fn a_part_that_is_not_made_is_no_absence() {
    let survey = detected();
    let folder = survey.run().join("tables/detections/site=POND01/date=2025-01-30");
    fs::remove_dir_all(&folder).unwrap();
    for command in [&["export", "csv"][..], &["export", "detection-histories"], &["clips"]] {
        let output = survey.chorus(&[command, &["-o", "out", "--set", THRESHOLD]].concat());
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("site=POND01/date=2025-01-30"), "{command:?}: {said}");
        assert!(said.contains("chorus run detect --with-upstream") && !survey.folder().join("out").exists(), "{said}");
    }
    // Another site's are all there.
    export(&survey, "other", &["csv", "--site", "MARSH02"]);
}
