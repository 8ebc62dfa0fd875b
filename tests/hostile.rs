//! Names, labels and models from strangers: what the programs show, write and open of them.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{CHORUS, Survey, text};

/// A site that spreadsheets would run, and that leads out of a quoted field.
const SITE: &str = "=cmd|' \"x\" calc'!A0";
/// A recording whose name clears the screen, turns its text around, is markup, and has a second line that looks like a message.
const NAME: &str = "\u{1b}[2J\u{202e}<script>alert(1)</scr>\nerror: all is lost_20250130_183000.wav";
/// A file that is no recording.
const BROKEN: &str = "\u{9b}31mbroken\u{7}_20250130_193000.wav";

/// Asserts that a text does nothing to a terminal.
fn calm(bytes: &[u8], what: &str) {
    let said = text(bytes);
    let is_active = |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!said.contains(is_active), "{what}: {said:?}");
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
}

/// A survey with hostile names, and a model that was trained elsewhere.
struct Hostile {
    survey: Survey,
    made: Survey,
}

impl Hostile {
    fn new() -> Self {
        let (survey, made) = (Survey::tiny(), Survey::made());
        let folder = survey.archive().join("raw_data").join(SITE);
        fs::rename(survey.archive().join("raw_data/POND01"), &folder).unwrap();
        // No name of a file holds a slash.
        fs::rename(folder.join("POND01_20250130_183000.wav"), folder.join(Self::name())).unwrap();
        fs::write(folder.join(BROKEN), "this is no recording").unwrap();
        Self { survey, made }
    }

    fn name() -> String {
        NAME.replace('/', "\u{2215}")
    }

    fn chorus(&self, args: &[&str]) -> Output {
        let model = format!("model.path={}", self.made.run().join("model").display());
        let sets = [
            "annotate.format=none",
            "ingest.site_sheet=null",
            "archive.timezone=America/Bogota",
            "detect.threshold=0",
            model.as_str(),
        ];
        let sets = sets.iter().flat_map(|set| ["--set", *set]);
        self.survey.chorus(&args.iter().copied().chain(sets).collect::<Vec<_>>())
    }

    /// What a command with the settings prints; what it says has to be calm.
    fn prints(&self, args: &[&str]) -> String {
        Self::printed(args, &self.chorus(args))
    }

    /// The answer to a question.
    fn asks(&self, args: &[&str]) -> String {
        Self::printed(args, &self.survey.chorus(&[&["query"], args].concat()))
    }

    fn printed(args: &[&str], output: &Output) -> String {
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        calm(&output.stderr, "stderr");
        text(&output.stdout)
    }
}

#[test]
fn names_do_nothing_where_they_are_shown() {
    let hostile = Hostile::new();
    let survey = &hostile.survey;
    hostile.prints(&["run"]);
    calm(&fs::read(survey.run().join("log.jsonl")).unwrap(), "log.jsonl");
    calm(hostile.prints(&["status", "--units"]).as_bytes(), "status");
    let paths = "SELECT path, status FROM recordings ORDER BY path";
    let table = hostile.asks(&[paths, "--format", "table"]);
    calm(table.as_bytes(), "a table");
    assert!(table.contains("\\u{1b}[2J\\u{202e}<script>") && table.contains("\\nerror: all is lost"), "{table}");
    assert!(!table.lines().any(|line| line.starts_with("error: ")), "{table}");
    let json = hostile.asks(&[paths, "--format", "json"]);
    calm(json.as_bytes(), "JSON");
    let found: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].as_str().unwrap().into())
        .collect();
    assert!(found.contains(&format!("raw_data/{SITE}/{}", Hostile::name())), "tables keep names as they are: {found:?}");
    let page = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(!page.contains("<script>alert") && page.contains("&quot;x&quot; calc"));
}

#[test]
fn no_table_is_a_program_and_our_readers_take_the_mark_back() {
    let hostile = Hostile::new();
    let survey = &hostile.survey;
    hostile.prints(&["run"]);
    let marked = format!("'{SITE}");
    let sites = |printed: &str| -> Vec<String> {
        csv::Reader::from_reader(printed.as_bytes()).records().map(|row| row.unwrap()[0].to_owned()).collect()
    };
    let ask: [&str; 3] = ["SELECT DISTINCT site FROM recordings ORDER BY site", "--format", "csv"];
    assert!(sites(&hostile.asks(&ask)).contains(&marked));
    assert!(sites(&hostile.asks(&[&ask[..], &["--raw"]].concat())).contains(&SITE.to_owned()));
    let (none, raw): (&[&str], &[&str]) = (&[], &["--raw"]);
    for (format, file, column, more, wanted) in [
        ("csv", "detections.csv", "site", none, marked.as_str()),
        ("csv", "detections.csv", "site", raw, SITE),
        ("detection-histories", "effort_h.csv", "site", none, marked.as_str()),
        ("occupancy", "visits.csv", "site", none, marked.as_str()),
        // Its standard knows no such mark.
        ("darwin-core", "event.csv", "locationID", none, SITE),
    ] {
        let folder = format!("{format}{}", more.len());
        hostile.prints(&[&["export", format, "-o", folder.as_str()][..], more].concat());
        let rows = rows(&survey.folder().join(&folder).join(file));
        assert!(rows.iter().any(|row| row[column] == wanted), "{format} {more:?}: {rows:?}");
    }
    hostile.prints(&["clips", "-o", "heard", "--per-class", "5"]);
    let sheet = survey.folder().join("heard/sheet.csv");
    assert!(rows(&sheet).iter().any(|row| row["site"] == marked));
    let page = fs::read_to_string(survey.folder().join("heard/review.html")).unwrap();
    assert_eq!((page.matches("<script").count(), page.contains("<script>alert")), (2, false));
    // A sheet that somebody filled in names its recordings as they are.
    let filled = fs::read_to_string(&sheet).unwrap().replace(",,\n", ",yes,\n");
    fs::write(&sheet, filled).unwrap();
    let review = Command::new(CHORUS).args(["review", "--format", "csv"]).arg(&sheet).output().unwrap();
    assert!(review.status.success() && text(&review.stdout).lines().count() > 1, "{}", text(&review.stderr));
}

#[test]
fn labels_open_no_file_outside_of_the_archive() {
    let survey = Survey::tiny();
    survey.configure("annotate: {format: csv, folder: labels.csv, classes: [FICPRI]}\nunits: {keep_free_gib: 0}\n");
    let rows =
        "file,start_s,end_s,label\n../../secret.wav,0,1,FICPRI\n/etc/passwd,0,1,FICPRI\nPOND01_20250130_183000.wav,0,1,FICPRI\n";
    fs::write(survey.archive().join("labels.csv"), rows).unwrap();
    // It is there, and it is a recording.
    let recording = survey.archive().join("raw_data/POND01/POND01_20250130_183000.wav");
    fs::copy(recording, survey.folder().join("secret.wav")).unwrap();
    survey.run_with(&["annotate", "--with-upstream"]);
    let paired = survey.ask("SELECT COUNT(*) AS n FROM annotations WHERE recording_id IS NOT NULL");
    assert_eq!(paired, "n\n1\n");
    for folder in ["../secret.wav", "/etc"] {
        let output = survey.chorus(&["run", "annotate", "--with-upstream", "--set", &format!("annotate.folder={folder}")]);
        assert!(!output.status.success(), "{folder}");
        assert!(text(&output.stderr).contains("archive"), "{folder}: {}", text(&output.stderr));
    }
}

#[test]
fn a_model_s_card_costs_no_more_than_it_says() {
    let hostile = Hostile::new();
    let card = hostile.made.run().join("model/model.yaml");
    let laughs: String = (1..40).map(|i| format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1)).collect();
    fs::write(&card, format!("a0: &a0 [x, x]\n{laughs}")).unwrap();
    let output = hostile.chorus(&["run"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("model.yaml") && said.contains("an alias"), "{said}");
}
