//! What is made again, and what is not.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Survey, assert_same, contents};

fn passes(made: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    made.keys().map(String::as_str).collect()
}

#[test]
fn a_second_run_does_nothing_and_says_so() {
    let survey = Survey::made();
    let before = survey.results();
    let made = survey.made_by(|survey| {
        let said = survey.run_all();
        assert!(said.contains("nothing to do"), "{said}");
    });
    assert!(made.is_empty(), "{made:?}");
    assert_same(&survey.results(), &before, "a second run changed files");
    assert!(survey.chorus(&["status"]).status.success());
    assert!(survey.to_make(&[]).is_empty());
}

#[test]
fn another_number_of_bands_makes_features_and_all_that_follows_again_and_nothing_before() {
    let survey = Survey::made();
    let made = survey.made_by(|survey| drop(survey.run_with(&["--set", "featurize.n_mels=40"])));
    assert_eq!(passes(&made), ["detect", "detect-activity", "evaluate", "featurize", "predict", "report", "train"]);
    let status = survey.chorus(&["status"]);
    let said = common::text(&status.stdout);
    assert_eq!(status.status.code(), Some(1));
    assert!(said.contains("featurize.n_mels 40 -> 32"), "{said}");
    // With the old value, all is stale again but for what never depended on it.
    assert!(!survey.to_make(&[]).contains_key("ingest"));
}

#[test]
fn other_decisions_cost_no_new_predictions_and_reach_the_detections() {
    let survey = Survey::made();
    let sets = ["min_positives=1", "per_site=true", "threshold_for=precision", "precision=0.5", "calibration=isotonic"];
    let sets: Vec<String> = sets.iter().flat_map(|set| ["--set".to_owned(), format!("evaluate.{set}")]).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let made = survey.made_by(|survey| drop(survey.run_with(&sets)));
    assert_eq!(passes(&made), ["detect", "detect-activity", "evaluate", "report"]);
    let ask = |sql: &str| survey.ask(sql).trim().to_owned();
    assert_ne!(ask("SELECT COUNT(*) AS n FROM thresholds WHERE site IS NOT NULL"), "n\n0");
    let apart = "SELECT COUNT(*) AS n FROM detections d JOIN thresholds t ON d.class = t.class AND d.site = t.site
                 WHERE d.threshold <> t.threshold OR d.peak_score < d.threshold";
    assert_eq!(ask(apart), "n\n0", "a site's own threshold is the one that was applied there");
    let without = "SELECT COUNT(*) AS n FROM detections d JOIN calibration c ON d.class = c.class
                   WHERE c.site IS NULL AND d.probability IS NULL AND c.method <> 'none'";
    assert_eq!(ask(without), "n\n0");
    assert_ne!(ask("SELECT COUNT(*) AS n FROM detections WHERE probability IS NOT NULL"), "n\n0");
}

#[test]
fn a_touched_recording_makes_nothing_again() {
    let survey = Survey::made();
    let later = SystemTime::now() + Duration::from_secs(3600);
    for path in contents(&survey.archive().join("raw_data"), "").keys() {
        let file =
            fs::File::options().write(true).open(format!("{}{path}", survey.archive().join("raw_data").display())).unwrap();
        file.set_modified(later).unwrap();
    }
    let made = survey.made_by(|survey| drop(survey.run_all()));
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn a_recording_that_changed_under_an_old_time_is_noticed() {
    let survey = Survey::made();
    survey.run_all();
    let raw = survey.archive().join("raw_data");
    let path = format!("{}{}", raw.display(), contents(&raw, "").keys().next().unwrap());
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4000].fill(7);
    std::thread::sleep(Duration::from_millis(20));
    fs::File::options().write(true).open(&path).and_then(|mut file| std::io::Write::write_all(&mut file, &bytes)).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let made = survey.made_by(|survey| drop(survey.run_all()));
    assert_eq!(made["ingest"].len(), 1, "{made:?}");
    assert_eq!(made["featurize"].len(), 1, "{made:?}");
}

#[test]
fn a_changed_label_file_makes_its_own_day_again_and_what_depends_on_it() {
    let survey = Survey::made();
    let (path, text) = &labels_of(&survey, "train");
    let mut changed = text.clone();
    changed.extend(b"0.5\t3.5\tFICPRI_H\n");
    fs::write(survey.archive().join(path), changed).unwrap();
    let made = survey.made_by(|survey| drop(survey.run_all()));
    let site = path.split('/').nth(1).unwrap();
    assert_eq!(made["annotate"].len(), 1, "{made:?}");
    assert!(made["annotate"][0].starts_with(&format!("site={site}/")), "{made:?} {path}");
    for untouched in ["ingest", "segment", "featurize", "annotate-classes"] {
        assert!(!made.contains_key(untouched), "{made:?}");
    }
    assert!(made.contains_key("train"), "{made:?}");
}

/// A label file of a recording on one side of the split, with its content.
fn labels_of(survey: &Survey, subset: &str) -> (String, Vec<u8>) {
    let list = fs::read_to_string(survey.archive().join("subset.csv")).unwrap();
    let line = list.lines().find(|line| line.ends_with(subset)).unwrap();
    let (name, site) = (line.split(',').next().unwrap(), line.split(',').nth(1).unwrap());
    let path = format!("strong_labels/{site}/{name}.txt");
    let text = fs::read(survey.archive().join(&path)).unwrap();
    (path, text)
}

#[test]
fn a_line_that_does_not_count_stops_the_cascade_at_the_labels() {
    let survey = Survey::made();
    let labels = contents(&survey.archive().join("strong_labels"), "strong_labels");
    let (path, text) = labels.iter().next().unwrap();
    let mut changed = text.clone();
    changed.extend(b"0.5\t1.5\tNOSUCHCODE_H\n");
    fs::write(survey.archive().join(path), changed).unwrap();
    let made = survey.made_by(|survey| drop(survey.run_all()));
    // annotations and reviews tell of the line; labels are the same bytes, so nothing is learnt again.
    assert!(made.contains_key("annotate") && made.contains_key("report"), "{made:?}");
    assert!(!made.contains_key("train") && !made.contains_key("evaluate"), "{made:?}");
}

/// What `status` says, whatever it may have remembered, and what it says without its memory of summaries and columns.
fn status_both_ways(survey: &Survey, args: &[&str]) -> (String, String) {
    let status = || common::text(&survey.chorus(&[&["status", "--units"], args].concat()).stdout);
    let remembering = status();
    for memory in ["ingest/summaries", "annotate/columns"] {
        let path = survey.run().join("state/cache").join(memory);
        assert!(path.exists(), "{memory}");
        fs::rename(&path, path.with_extension("away")).unwrap();
    }
    let afresh = status();
    for memory in ["ingest/summaries", "annotate/columns"] {
        let path = survey.run().join("state/cache").join(memory);
        fs::rename(path.with_extension("away"), &path).unwrap();
    }
    (remembering, afresh)
}

#[test]
fn what_is_remembered_of_a_listing_never_changes_what_status_says() {
    let survey = Survey::made();
    // A copied archive has other inodes: what is remembered holds for this one now.
    survey.run_all();
    let raw = survey.archive().join("raw_data");
    let recordings = contents(&raw, "");
    let (path, sound) = recordings.iter().next().unwrap();
    let site = path.split('/').nth(1).unwrap().to_owned();
    let file = |name: &str| raw.join(&site).join(name);
    let check = |what: &str, args: &[&str], wanted: &str| {
        let (remembering, afresh) = status_both_ways(&survey, args);
        assert_eq!(remembering, afresh, "{what}");
        assert!(remembering.contains(wanted), "{what}: {remembering}");
    };
    check("nothing", &[], "fresh");
    check("another site", &["--set", "ingest.site_from=prefix"], "ingest.site_from");
    check("another zone", &["--set", "archive.timezone=Asia/Tokyo"], "archive.timezone");
    check("smaller parts", &["--set", "units.max_recordings=1"], "part-001");
    check("another channel", &["--set", "archive.channel=1"], "archive.channel");
    let sheet = survey.archive().join("sites.csv");
    let sites = fs::read_to_string(&sheet).unwrap();
    fs::write(&sheet, sites.replace("POND01", "POND99")).unwrap();
    check("another sheet", &[], "recordings in the archive");
    fs::write(&sheet, &sites).unwrap();
    check("the sheet as it was", &[], "fresh");
    fs::write(file("new.wav"), sound).unwrap();
    check("a new file", &[], "1 file is new");
    fs::write(raw.join("apart.wav"), sound).unwrap();
    check("a new file in another folder, which moves all positions", &[], "2 files are new");
    survey.run_with(&["ingest"]);
    check("read", &[], "fresh");
    fs::write(file("new.wav"), b"no sound").unwrap();
    check("a changed file", &[], "1 file may have changed");
    fs::remove_file(file("new.wav")).unwrap();
    check("a file that went away", &[], "stale");
    fs::remove_dir_all(survey.run().join("state/cache/ingest/files")).unwrap();
    check("a memory that is gone", &[], "files are new");
    survey.run_with(&["ingest"]);
    check("read again", &[], "fresh");
}

#[test]
fn a_new_night_adds_units_and_leaves_all_others_fresh() {
    let survey = Survey::made();
    let raw = survey.archive().join("raw_data");
    let recordings = contents(&raw, "");
    let (path, sound) = recordings.iter().next().unwrap();
    let site = path.split('/').nth(1).unwrap().to_owned();
    fs::write(raw.join(&site).join(format!("{site}_20250310_200000.wav")), sound).unwrap();
    let planned = survey.chorus(&["status"]);
    assert!(common::text(&planned.stdout).contains("1 file is new"), "{}", common::text(&planned.stdout));
    let planned = common::text(&survey.chorus(&["run", "--dry-run"]).stdout);
    let line = |stage: &str| planned.lines().find(|line| line.starts_with(stage)).unwrap().to_owned();
    assert!(line("ingest ").contains("0 or more") && line("predict ").contains("or more"), "{planned}");
    assert!(!line("report ").contains("or more"), "{planned}");
    assert!(planned.contains("when ingest has read new files: 1 file is new"), "{planned}");
    let made = survey.made_by(|survey| drop(survey.run_all()));
    let day = format!("site={site}/date=2025-03-10/part-000");
    for pass in ["ingest", "segment", "annotate", "featurize", "predict", "detect"] {
        assert_eq!(made[pass], std::slice::from_ref(&day), "{pass}: {made:?}");
    }
    // The new recording was not reviewed: the split knows of it, and the model need not learn again.
    assert!(made.contains_key("split") && made.contains_key("detect-activity"), "{made:?}");
}

#[test]
fn a_recording_that_went_away_takes_its_units_with_it() {
    let survey = Survey::made();
    let raw = survey.archive().join("raw_data");
    let site = fs::read_dir(&raw).unwrap().flatten().next().unwrap().file_name().to_string_lossy().into_owned();
    fs::remove_dir_all(raw.join(&site)).unwrap();
    survey.run_with(&["--remove-missing"]);
    let left = contents(&survey.run().join("tables"), "");
    // What was annotated stays: its recordings are missing, and the annotations say so.
    let of_site: Vec<&String> =
        left.keys().filter(|path| path.contains(&format!("site={site}/")) && !path.contains("date=__HIVE")).collect();
    assert!(of_site.is_empty(), "{of_site:?}");
    assert!(survey.chorus(&["status"]).status.success());
    let lines = survey.ask(&format!("SELECT COUNT(*) AS n FROM annotations WHERE site = '{site}' AND used"));
    assert_eq!(lines.trim(), "n\n0");
}

#[test]
fn tables_that_no_state_tells_of_go_with_the_next_run() {
    let survey = Survey::made();
    let expected = survey.results();
    let stray = survey.run().join("tables/predictions/site=OLD");
    common::copy(&survey.run().join("tables/predictions/site=POND01"), &stray);
    survey.run_all();
    assert_same(&survey.results(), &expected, "a stray partition");
}

#[test]
fn an_output_that_is_damaged_or_gone_is_made_again() {
    let survey = Survey::made();
    let expected = survey.results();
    let path = expected.keys().find(|path| path.starts_with("tables/features/")).unwrap();
    fs::remove_file(survey.run().join(path)).unwrap();
    survey.run_all();
    assert_same(&survey.results(), &expected, "a missing output");
    let mut bytes = expected[path].clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(survey.run().join(path), bytes).unwrap();
    assert!(survey.chorus(&["status"]).status.success(), "sizes alone do not show it");
    let verified = survey.chorus(&["status", "--verify"]);
    assert!(common::text(&verified.stdout).contains("is damaged"), "{}", common::text(&verified.stdout));
    survey.run_with(&["--verify"]);
    assert_same(&survey.results(), &expected, "a damaged output");
    let weights = survey.run().join("model/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    survey.run_with(&["--verify"]);
    assert_same(&survey.results(), &expected, "damaged weights");
}

#[test]
fn a_missing_disk_costs_nothing_and_what_is_gone_for_good_is_removed_when_asked_to() {
    let survey = Survey::made();
    let before = survey.results();
    let (sites, elsewhere) = (survey.archive().join("raw_data"), survey.folder().join("elsewhere"));
    let all = contents(&sites, "");
    let gone: Vec<&str> =
        all.keys().map(|path| path.trim_start_matches('/')).filter(|path| path.ends_with(".wav")).skip(1).collect();
    assert!(gone.len() >= 4, "{gone:?}");
    let moved = |from: &Path, to: &Path| {
        for path in &gone {
            fs::create_dir_all(to.join(path).parent().unwrap()).unwrap();
            fs::rename(from.join(path), to.join(path)).unwrap();
        }
    };
    moved(&sites, &elsewhere);
    let refused = survey.chorus(&["run"]);
    let said = common::text(&refused.stderr);
    let next = format!("with: chorus run --remove-missing -c {}", survey.config().display());
    assert!(!refused.status.success() && said.contains("is a disk missing?") && said.trim_end().ends_with(&next), "{said}");
    assert_same(&survey.results(), &before, "a missing disk changed files");
    moved(&elsewhere, &sites);
    assert!(survey.run_all().contains("nothing to do"));
    moved(&sites, &elsewhere);
    survey.run_with(&["ingest", "--remove-missing"]);
    assert_eq!(survey.ask("SELECT COUNT(*) AS n FROM recordings").trim(), "n\n1");
}

#[cfg(unix)]
#[test]
fn nothing_is_removed_while_a_link_to_a_folder_leads_nowhere() {
    let survey = Survey::made();
    let before = survey.results();
    let raw = survey.archive().join("raw_data");
    let site = fs::read_dir(&raw).unwrap().flatten().next().unwrap().file_name().to_string_lossy().into_owned();
    let (folder, elsewhere) = (raw.join(&site), survey.folder().join("disk"));
    fs::rename(&folder, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    assert!(survey.run_all().contains("nothing to do"), "a link to a folder is a folder");
    let away = survey.folder().join("away");
    fs::rename(&elsewhere, &away).unwrap();
    let link = format!("raw_data/{site} -> {}", elsewhere.display());
    for (args, wanted) in [(&["run"][..], "lead nowhere"), (&["run", "--dry-run"], "without --dry-run, this command refuses")] {
        let output = survey.chorus(args);
        let said = common::text(&output.stderr);
        assert!(said.contains(wanted) && said.contains(&link) && said.contains("--remove-missing"), "{said}");
        assert_eq!(output.status.success(), args.len() > 1, "{said}");
    }
    assert_same(&survey.results(), &before, "a missing disk changed files");
    fs::remove_file(&folder).unwrap();
    let said = common::text(&survey.chorus(&["run"]).stderr);
    assert!(said.contains(&format!("no recordings of {site} any more")) && said.contains("--remove-missing"), "{said}");
    assert_same(&survey.results(), &before, "a missing site changed files");
    let said = survey.run_with(&["ingest", "--remove-missing", "--quiet"]);
    assert!(said.contains("removed: its recordings are no longer in the archive"), "{said}");
}
