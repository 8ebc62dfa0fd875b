//! Visits of sites for models of occupancy: what `chorus export occupancy` counts is what the tables hold.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{Survey, text};

/// Everything is a detection.
const EVERYTHING: &str = "detect.threshold=0";

type Row = BTreeMap<String, String>;

/// A survey with detections, of which one site recorded nothing in the second night.
fn detected() -> Survey {
    let survey = Survey::made();
    for lost in ["20250131_183000", "20250201_013000"] {
        fs::remove_file(survey.archive().join(format!("raw_data/POND01/POND01_{lost}.wav"))).unwrap();
    }
    survey.run_with(&["detect", "--with-upstream", "--set", EVERYTHING]);
    survey
}

/// What an export says, and its rows by file.
fn export(survey: &Survey, folder: &str, args: &[&str]) -> (String, BTreeMap<String, Vec<Row>>) {
    let output = survey.chorus(&[&["export", "occupancy", "-o", folder, "--set", EVERYTHING], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows = |file: &str| {
        let mut reader = csv::Reader::from_path(survey.folder().join(folder).join(file)).unwrap();
        reader.deserialize().map(|row| row.unwrap()).collect::<Vec<Row>>()
    };
    let files = ["visits.csv", "visit_covariates.csv", "sites.csv"];
    (text(&output.stderr), files.map(|file| (file.to_owned(), rows(file))).into())
}

fn answers(survey: &Survey, sql: &str) -> BTreeMap<Vec<String>, String> {
    let answer = survey.ask(sql);
    let mut reader = csv::Reader::from_reader(answer.as_bytes());
    let split = |row: csv::StringRecord| {
        let mut fields: Vec<String> = row.iter().map(str::to_owned).collect();
        let value = fields.pop().unwrap();
        (fields, value)
    };
    reader.records().map(|row| split(row.unwrap())).collect()
}

#[test]
fn nights_are_visits_and_a_night_without_effort_is_missing() {
    let survey = detected();
    let (said, files) = export(&survey, "nights", &[]);
    assert_eq!(said, "");
    let visits = &files["visits.csv"];
    let highest = answers(
        &survey,
        "SELECT p.class, p.site, night(r.start_local) AS night, MAX(p.logit) AS logit \
         FROM predictions p JOIN recordings r ON p.recording_id = r.recording_id GROUP BY p.class, p.site, night(r.start_local)",
    );
    let windows = answers(&survey, "SELECT site, night, windows FROM nights");
    let classes: BTreeSet<&String> = visits.iter().map(|row| &row["class"]).collect();
    assert_eq!(visits.len(), classes.len() * 2 * 2, "two sites, two nights");
    for row in visits {
        let night = row["start"][..10].to_owned();
        assert_eq!((&row["primary"], &row["start"][10..]), (&"1".to_owned(), "T12:00:00"), "{row:?}");
        if row["site"] == "POND01" && row["visit"] == "2" {
            let nothing = ["effort_h", "windows", "events", "events_refuted", "max_logit", "detected", "listened", "annotation"];
            let found: Vec<&str> = nothing.iter().map(|column| row[*column].as_str()).collect();
            assert_eq!(found, ["0.000000", "0", "NA", "NA", "NA", "NA", "0", "NA"], "{row:?}");
            continue;
        }
        // Two recordings of 12 s; with such a threshold all of it is an event.
        assert_eq!([&row["effort_h"], &row["detected"]], ["0.006667", "1"], "{row:?}");
        assert_eq!(row["windows"], windows[&vec![row["site"].clone(), night.clone()]], "{row:?}");
        let logit: f32 = highest[&vec![row["class"].clone(), row["site"].clone(), night]].parse().unwrap();
        assert_eq!(row["max_logit"].parse::<f32>().unwrap(), logit, "{row:?}");
    }
    let covariates = &files["visit_covariates.csv"];
    assert_eq!(covariates.len(), 4);
    assert!(covariates.iter().all(|row| row["moon"].parse::<f64>().unwrap() < 0.1), "new moon was on 2025-01-29");
    let minutes: Vec<&str> = covariates.iter().map(|row| row["minutes"].as_str()).collect();
    assert_eq!(minutes, ["0.400", "0.400", "0.400", "0.000"]);
    // An unlikely score: events go, and the highest scores stay.
    let (_, unsure) = export(&survey, "unsure", &["--min-score", "1"]);
    let detected = |row: &&Row| row["detected"] == "1";
    assert!(unsure["visits.csv"].iter().filter(detected).count() < visits.iter().filter(detected).count());
    let logits = |rows: &[Row]| rows.iter().map(|row| row["max_logit"].clone()).collect::<Vec<_>>();
    assert_eq!(logits(&unsure["visits.csv"]), logits(visits));
}

#[test]
fn recordings_and_hours_are_visits_too() {
    let survey = detected();
    let (_, files) = export(&survey, "recordings", &["--visit", "recording", "--primary", "month"]);
    let covariates = &files["visit_covariates.csv"];
    let path: BTreeMap<(&str, &str, &str), &str> = covariates
        .iter()
        .map(|row| ((row["site"].as_str(), row["primary"].as_str(), row["visit"].as_str()), row["recording"].as_str()))
        .collect();
    assert_eq!((covariates.len(), path.len()), (6, 6));
    // The recording of the small hours of the first of February is of a night in January.
    assert!(covariates.iter().all(|row| row["primary"] == "2025-01"), "{covariates:?}");
    let events = answers(
        &survey,
        "SELECT d.class, r.path, COUNT(*) AS n FROM detections d JOIN recordings r ON d.recording_id = r.recording_id GROUP BY d.class, r.path",
    );
    let mut counted = 0;
    for row in &files["visits.csv"] {
        let path = path[&(row["site"].as_str(), row["primary"].as_str(), row["visit"].as_str())];
        let n = events.get(&vec![row["class"].clone(), path.to_owned()]).map_or("0", String::as_str);
        assert_eq!(row["events"], n, "{row:?}");
        counted += n.parse::<u64>().unwrap();
    }
    assert_eq!(
        counted,
        answers(&survey, "SELECT 1 AS one, COUNT(*) AS n FROM detections").values().next().unwrap().parse::<u64>().unwrap()
    );
    let (_, hours) = export(&survey, "hours", &["--visit", "1h", "--primary", "year:07"]);
    let starts: BTreeSet<&str> = hours["visits.csv"].iter().map(|row| row["start"].as_str()).collect();
    assert_eq!(
        starts.into_iter().collect::<Vec<_>>(),
        ["2025-01-30T18:00:00", "2025-01-31T01:00:00", "2025-01-31T18:00:00", "2025-02-01T01:00:00"]
    );
    assert!(hours["visits.csv"].iter().all(|row| row["primary"] == "2024"));
    let evening = |row: &&Row| row["start"].ends_with("T18:00:00");
    for row in hours["visit_covariates.csv"].iter().filter(evening) {
        assert!(row["minutes_from_sunset"].parse::<f64>().unwrap().abs() < 120.0, "{row:?}");
    }
}

#[test]
fn verdicts_of_listeners_are_counted_where_they_were_given() {
    let survey = detected();
    let output = survey.chorus(&["clips", "-o", "listen", "--per-class", "6", "--set", EVERYTHING]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut reader = csv::Reader::from_path(survey.folder().join("listen/sheet.csv")).unwrap();
    let mut rows: Vec<Row> = reader.deserialize().map(|row| row.unwrap()).collect();
    let columns: Vec<String> = rows[0].keys().cloned().collect();
    for (i, row) in rows.iter_mut().enumerate() {
        row.insert("verdict".into(), ["yes", "no", "unsure"][i % 3].into());
    }
    let sheets = survey.folder().join("sheets");
    fs::create_dir(&sheets).unwrap();
    let mut writer = csv::Writer::from_path(sheets.join("a.csv")).unwrap();
    writer.write_record(&columns).unwrap();
    rows.iter().for_each(|row| writer.write_record(row.values()).unwrap());
    writer.flush().unwrap();
    let (_, files) = export(&survey, "heard", &["--visit", "recording", "--sheet", "sheets"]);
    let visits = &files["visits.csv"];
    let sum = |column: &str| visits.iter().map(|row| row[column].parse::<usize>().unwrap()).sum::<usize>();
    let said = |verdict: &str| rows.iter().filter(|row| row["verdict"] == verdict).count();
    assert_eq!((sum("confirmed"), sum("refuted"), sum("listened")), (said("yes"), said("no"), said("yes") + said("no")));
    assert!(said("yes") > 0 && sum("events_refuted") == said("no"), "each clip is of a detection");
    for row in visits {
        let (confirmed, refuted) = (row["confirmed"] != "0", row["refuted"] != "0");
        assert!(if confirmed { row["annotation"] == "1" } else { row["annotation"] == "NA" || refuted }, "{row:?}");
    }
    // Another survey's verdicts are told.
    let mut other = csv::Writer::from_path(survey.folder().join("other.csv")).unwrap();
    other.write_record(&columns).unwrap();
    for (i, row) in rows.iter().enumerate() {
        let elsewhere = format!("elsewhere/{i}.wav");
        other.write_record(row.iter().map(|(column, value)| if column == "recording" { &elsewhere } else { value })).unwrap();
    }
    other.flush().unwrap();
    let (noted, _) = export(&survey, "other", &["--sheet", "other.csv"]);
    assert!(
        noted.contains("about recordings that are not in this export") && noted.contains(&format!("{} verdict", rows.len())),
        "{noted}"
    );
    // A row that cannot be used, and a class that the run does not have, are told and stop nothing.
    let class = &rows[0]["class"];
    let path = &rows[0]["recording"];
    let bad =
        format!("recording,class,start_s,end_s,verdict\n{path},{class},6,3,yes\n{path},FORG,0,3,yes\n{path},{class},0,3,yes\n");
    fs::write(survey.folder().join("bad.csv"), bad).unwrap();
    let (noted, files) = export(&survey, "bad", &["--sheet", "bad.csv"]);
    assert!(noted.contains("1 sheet or row of a sheet was not used: bad.csv, line 2: starts at 6 s"), "{noted}");
    assert!(noted.contains("the run does not have their classes: FORG (1)"), "{noted}");
    let confirmed: u64 = files["visits.csv"].iter().map(|row| row["confirmed"].parse::<u64>().unwrap()).sum();
    assert_eq!(confirmed, 1);
}

#[test]
fn sites_have_the_columns_of_their_sheet() {
    let survey = detected();
    let sheet = survey.archive().join("sites.csv");
    let lines: Vec<String> = fs::read_to_string(&sheet).unwrap().lines().map(str::to_owned).collect();
    let more = ["habitat,depth", "\"reeds, open\",1.5", ",0.25"];
    let text = lines.iter().zip(more).map(|(line, more)| format!("{line},{more}\n")).collect::<String>();
    fs::write(&sheet, text).unwrap();
    let (_, files) = export(&survey, "sites", &[]);
    let of = |line: &str| files["sites.csv"].iter().find(|row| line.starts_with(&row["site"])).unwrap();
    assert_eq!((of(&lines[1])["habitat"].as_str(), of(&lines[1])["depth"].as_str()), ("reeds, open", "1.5"));
    assert_eq!((of(&lines[2])["habitat"].as_str(), of(&lines[2])["depth"].as_str()), ("NA", "0.25"));
    fs::remove_file(&sheet).unwrap();
    let (noted, files) = export(&survey, "gone", &[]);
    assert!(noted.contains("sites.csv lacks the columns of the site sheet"), "{noted}");
    assert!(files["sites.csv"].iter().all(|row| row.len() == 3 && row["latitude"].parse::<f64>().is_ok()));
}

#[test]
fn what_is_no_visit_is_refused() {
    let survey = Survey::made();
    for (args, wanted) in [
        (&["--visit", "5h"][..], "--visit: found `5h`, expected recording, nights"),
        (&["--primary", "week"], "--primary: found `week`, expected year"),
        (&["--sheet", "nowhere.csv"], "nowhere.csv: there is no such review sheet or folder"),
    ] {
        let output = survey.chorus(&[&["export", "occupancy", "-o", "out"], args].concat());
        assert!(!output.status.success() && text(&output.stderr).contains(wanted), "{args:?}: {}", text(&output.stderr));
        assert!(!survey.folder().join("out").exists());
    }
}
