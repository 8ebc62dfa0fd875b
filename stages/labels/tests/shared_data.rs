//! Real annotation files, where the collection is at hand: `CHORUS_SHARED`, or `../shared/data` beside the workspace.
//!
//! The totals were counted apart with a few lines of Python that split lines at tabs; `--nocapture` prints the table of sites.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chorus_labels::event::Event;
use chorus_labels::judge::{AnnotatedRecording, AnnotationRow, Judge, Review, account};
use chorus_labels::reading::Reading;

fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CHORUS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let found = Some(root.join(part)).filter(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no {part} in {}", root.display());
    }
    found
}

fn files_with(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(files_with(&entry, extension));
        } else if entry.extension().is_some_and(|found| found == extension) {
            files.push(entry);
        }
    }
    files.sort();
    files
}

/// The events of a file.
fn events(reading: &Reading, path: &Path) -> Vec<Event> {
    reading.read(&std::fs::read(path).unwrap()).by_recording.into_values().flatten().collect()
}

/// A judge that takes every code for a class, but these.
fn judge<'a>(reading: &Reading, files: impl Iterator<Item = &'a PathBuf>, but: &[&str]) -> Judge {
    let label_text = reading.label_text();
    let labels = files.flat_map(|path| events(reading, path)).filter(|event| event.problem.is_none());
    let labels = labels.map(|event| label_text.parse(&event.label)).filter(|label| label.unused.is_none());
    let codes: BTreeSet<String> = labels.map(|label| label.code).filter(|code| !but.contains(&code.as_str())).collect();
    Judge { label_text, codes: None, classes: codes.into_iter().collect(), qualities: Vec::new(), channel: None }
}

/// What is known of one site.
#[derive(Default)]
struct Site {
    files: usize,
    empty: usize,
    used: usize,
    species: BTreeSet<usize>,
    reasons: BTreeMap<String, usize>,
}

#[test]
fn every_line_of_anurasets_label_files_is_accounted_for() {
    let Some(dir) = shared("anuraset_labels/bounding_boxes") else { return };
    let files = files_with(&dir, "txt");
    let reading = Reading::from_yaml("format: anuraset_raw").unwrap();
    let judge = judge(&reading, files.iter(), &["UND"]);
    let mut sites: BTreeMap<String, Site> = BTreeMap::new();
    let (mut lines_of_files, mut frequency_lines, mut rows) = (0, 0, 0);
    for path in &files {
        let relative = path.strip_prefix(&dir).unwrap();
        let site = sites.entry(relative.iter().next().unwrap().to_string_lossy().into_owned()).or_default();
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        lines_of_files += text.lines().count();
        frequency_lines += text.lines().filter(|line| line.starts_with("\\\t")).count();
        let recording = AnnotatedRecording { id: "r".into(), duration_s: Some(f64::MAX), ..AnnotatedRecording::default() };
        let mut reviews = BTreeMap::new();
        let lines: Vec<AnnotationRow> = account(&judge, "f", events(&reading, path), Ok(&recording), &mut reviews, true);
        let review: &Review = &reviews["r"];
        assert_eq!(review.lines as usize, lines.len());
        site.files += 1;
        site.empty += usize::from(lines.is_empty());
        rows += lines.len();
        for line in lines {
            match line.unused {
                None => site.used += 1,
                Some(unused) => *site.reasons.entry(unused.kind).or_default() += 1,
            }
            site.species.extend(line.class);
        }
    }
    eprintln!("{:22} {:>5} {:>5} {:>6} {:>7} {:>6}  reasons", "site", "files", "empty", "used", "species", "unused");
    for (name, site) in &sites {
        let unused: usize = site.reasons.values().sum();
        let (files, empty, used, species) = (site.files, site.empty, site.used, site.species.len());
        eprintln!("{name:22} {files:>5} {empty:>5} {used:>6} {species:>7} {unused:>6}  {:?}", site.reasons);
    }
    // 1,738 files, 405 of them empty; 23,886 lines, of which 3,894 are frequency lines; 77 codes, UND among them with 680 events.
    assert_eq!((files.len(), sites.values().map(|s| s.empty).sum::<usize>()), (1738, 405));
    assert_eq!((lines_of_files, frequency_lines), (23_886, 3_894));
    assert_eq!(rows, lines_of_files - frequency_lines, "nothing is unaccounted for");
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (reason, count) in sites.values().flat_map(|site| &site.reasons) {
        *reasons.entry(reason).or_default() += count;
    }
    assert_eq!(reasons["marked FALSE"], 21);
    assert_eq!(reasons["UND is not among the classes"], 680);
    assert_eq!(reasons.iter().filter(|(reason, _)| reason.starts_with("code is")).map(|(_, n)| n).sum::<usize>(), 4);
    let used: usize = sites.values().map(|site| site.used).sum();
    // Two lines are broken: one is blank, one has no label.
    assert_eq!((used, used + reasons.values().sum::<usize>()), (19_965 - 680, rows));
    assert_eq!(rows - used, 680 + 21 + 4 + 2);
    let of_site = |name: &str| sites[name].used + sites[name].reasons.values().sum::<usize>();
    let wanted = [("INCT17", 6997), ("INCT20955", 5414), ("INCT4", 1603), ("INCT41", 2083), ("LEAR01", 1250)];
    for (name, count) in wanted {
        assert_eq!(of_site(name), count, "{name}");
    }
    assert_eq!(judge.classes.len(), 76);
}

#[test]
fn the_tables_of_other_programs_are_accounted_for() {
    let Some(dir) = shared("raven") else { return };
    // Layout, file, rows that can be used, rows that cannot, labels with their counts.
    let msd = "MSD-0003_20180427_2minstart00.Table.1.selections.txt";
    let cases: [(&str, &str, usize, usize, &[(&str, usize)]); 6] = [
        ("raven", msd, 9, 1, &[("WOTH", 4), ("EATO", 4), ("LOWA", 1)]),
        ("raven", "raven_with_Annotation_col.txt", 1, 0, &[("CSWA", 1)]),
        ("raven", "EmptyExample.Table.1.selections.txt", 0, 0, &[]),
        ("audacity", "maad_spinetail/spinetail.txt", 18, 0, &[("SP", 14), ("CRER", 4)]),
        ("audacity", "maad_spinetail/cold_forest_daylight_label.NOAUDIO.txt", 160, 0, &[("3", 52), ("1", 51), ("6", 1)]),
        ("csv", "monitor_survey/survey_anno.csv", 7, 0, &[("OVEN", 4), ("BTNW", 3)]),
    ];
    for (format, file, usable, unusable, labels) in cases {
        let unit = if format == "csv" { "khz" } else { "hz" };
        let reading = Reading::from_yaml(&format!("{{format: {format}, frequency_unit: {unit}}}")).unwrap();
        let events = events(&reading, &dir.join(file));
        let bad = events.iter().filter(|event| event.problem.is_some()).count();
        eprintln!("{file:56} {:>4} events, {bad} unused", events.len() - bad);
        assert_eq!((events.len() - bad, bad), (usable, unusable), "{file}");
        for (label, count) in labels {
            assert_eq!(events.iter().filter(|event| event.label == *label).count(), *count, "{file}: {label}");
        }
        assert!(events.iter().all(|event| event.high_hz.is_some_and(|high_hz| high_hz > 500.0)), "{file}");
    }
    // The row without a species says so.
    let events = events(&Reading::from_yaml("format: raven").unwrap(), &dir.join(msd));
    let problems: Vec<&str> = events.iter().filter_map(|event| event.problem.as_deref()).collect();
    assert_eq!(problems, ["no label"]);
    let seconds: f64 = events.iter().map(|event| event.end_s.unwrap() - event.start_s.unwrap()).sum();
    assert!((seconds - 9.746_019_887).abs() < 1e-9, "{seconds}");
}
