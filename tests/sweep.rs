//! `chorus sweep`: every combination is a run, and their metrics are one table.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use common::{CHORUS, Survey, ask, assert_same, contents, text};

const METHODS: [&str; 4] = ["--vary", "train.mixing=none,mix2", "--vary", "train.seed=0,1"];
const RUNS: [&str; 4] = ["mixing-none,seed-0", "mixing-none,seed-1", "mixing-mix2,seed-0", "mixing-mix2,seed-1"];

fn folder(survey: &Survey) -> PathBuf {
    survey.folder().join("run-sweep")
}

fn sweep(survey: &Survey, args: &[&str]) -> Output {
    survey.chorus(&[&["sweep"], args].concat())
}

fn sweep_well(survey: &Survey, args: &[&str]) -> (String, String) {
    let output = sweep(survey, args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// The tables of a sweep, by path with their content.
fn tables(survey: &Survey) -> BTreeMap<String, Vec<u8>> {
    contents(&folder(survey).join("tables"), "tables")
}

/// Units that a run of the sweep took over, by pass.
fn taken(survey: &Survey, run: &str) -> BTreeMap<String, u64> {
    let log = fs::read_to_string(folder(survey).join(run).join("log.jsonl")).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter_map(|event| Some((event["pass"].as_str()?.to_owned(), event["taken"].as_u64()?))).collect()
}

#[test]
fn the_tables_hold_what_the_runs_say_with_mean_and_spread() {
    let survey = Survey::tiny();
    let (table, said) = sweep_well(&survey, &METHODS);
    // What no varied key touches was made once, and nothing else in the base.
    assert!(survey.run().join("tables/features").exists() && !survey.run().join("model/model.yaml").exists());
    for run in RUNS {
        assert_eq!(taken(&survey, run)["featurize"], 6, "{run}");
        assert!(!folder(&survey).join(run).join("report").exists());
    }
    let question = "FROM metrics WHERE subset = 'test' AND site IS NULL AND class IS NULL AND \"group\" IS NULL";
    for metric in ["average_precision", "f1_fixed", "auroc"] {
        for mixing in ["none", "mix2"] {
            let values: Vec<f64> = [0, 1]
                .iter()
                .flat_map(|seed| {
                    let run = folder(&survey).join(format!("mixing-{mixing},seed-{seed}"));
                    ask(&run, &format!("SELECT value {question} AND metric = '{metric}'"))
                })
                .map(|value| value.parse().unwrap())
                .collect();
            assert_eq!(values.len(), 2);
            let mean = (values[0] + values[1]) / 2.0;
            // The standard deviation of two values is their difference over the root of two.
            let sd = (values[0] - values[1]).abs() / 2_f64.sqrt();
            let summary =
                "SELECT runs, mean, sd, low, high FROM sweep_summary WHERE subset = 'test' AND site IS NULL AND class IS NULL";
            let found = ask(
                &folder(&survey),
                &format!("{summary} AND \"group\" IS NULL AND metric = '{metric}' AND variant = 'train.mixing={mixing}'"),
            );
            let found: Vec<f64> = found[0].split(',').map(|value| value.parse().unwrap()).collect();
            let wanted = [2.0, mean, sd, values[0].min(values[1]), values[0].max(values[1])];
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{metric} {mixing}: {found:?} {wanted:?}");
            if metric != "auroc" {
                assert!(table.contains(&format!("{mean:.3} ± {sd:.3}")), "{table}");
            }
        }
    }
    let rows: usize = RUNS.iter().map(|run| ask(&folder(&survey).join(run), "SELECT metric FROM metrics").len()).sum();
    assert_eq!(ask(&folder(&survey), "SELECT COUNT(*) AS n FROM sweep_metrics"), [rows.to_string()]);
    let runs = ask(&folder(&survey), "SELECT DISTINCT run, variant, seed, fold FROM sweep_metrics ORDER BY run");
    assert_eq!(runs[0], "\"mixing-mix2,seed-0\",train.mixing=mix2,0,");
    assert_eq!(runs.len(), 4);
    assert!(said.contains("tables: "), "{said}");
    // A second sweep makes nothing and says the same.
    let before = tables(&survey);
    let logs = || RUNS.map(|run| fs::read(folder(&survey).join(run).join("log.jsonl")).unwrap());
    let (logged, (again, _)) = (logs(), sweep_well(&survey, &METHODS));
    assert_eq!((again, logs()), (table, logged));
    assert_same(&tables(&survey), &before, "a second sweep");
    let (planned, _) = sweep_well(&survey, &[&METHODS[..], &["--dry-run"]].concat());
    assert!(planned.lines().skip(2).all(|line| line.ends_with("made")), "{planned}");
    // A run of the sweep is a run like any other.
    let status = survey.chorus(&["status", "--set", &format!("run.path={}", folder(&survey).join(RUNS[1]).display())]);
    assert!(text(&status.stdout).contains("train.mixing \"none\" -> \"mix2\""), "{}", text(&status.stdout));
}

#[test]
fn parts_of_a_sweep_at_the_same_time_make_what_one_process_makes() {
    let alone = Survey::tiny();
    sweep_well(&alone, &METHODS);
    let survey = Survey::tiny();
    survey.take_archive_of(&alone);
    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&METHODS[..], more].concat()
    }
    let refused = sweep(&survey, &with(&["--part", "1/2"]));
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("--shared in place of --part"), "{}", text(&refused.stderr));
    sweep_well(&survey, &with(&["--shared"]));
    assert!(survey.run().join("tables/features").exists() && !folder(&survey).exists());
    let parts: Vec<_> = (1..=2)
        .map(|part| {
            survey.command(&[&["sweep"], &with(&["--part", &format!("{part}/2"), "-j", "1"])[..]].concat()).spawn().unwrap()
        })
        .collect();
    for mut part in parts {
        assert!(part.wait().unwrap().success());
    }
    assert!(!folder(&survey).join("tables").exists(), "a part makes no tables of all runs");
    let logs = || RUNS.map(|run| fs::read(folder(&survey).join(run).join("log.jsonl")).unwrap());
    let logged = logs();
    sweep_well(&survey, &METHODS);
    assert_eq!(logs(), logged, "the whole sweep makes no run again");
    assert_same(&tables(&survey), &tables(&alone), "two parts");
}

#[test]
fn a_sweep_that_was_killed_goes_on_where_it_was() {
    let alone = Survey::tiny();
    sweep_well(&alone, &METHODS);
    let survey = Survey::tiny();
    survey.take_archive_of(&alone);
    let runs_begun = || RUNS.iter().filter(|run| folder(&survey).join(run).exists()).count();
    let mut killed = 0;
    for wanted in 1..=4 {
        let mut child =
            survey.command(&[&["sweep"], &METHODS[..]].concat()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while runs_begun() < wanted && child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(2));
        }
        // Somewhere within that run.
        std::thread::sleep(Duration::from_millis(150 * wanted as u64));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().ok();
        child.wait().unwrap();
    }
    assert!(killed >= 2, "the sweep was over before it could be killed");
    let (_, said) = sweep_well(&survey, &METHODS);
    assert_same(&tables(&survey), &tables(&alone), &said);
    for run in RUNS {
        let worth = |survey: &Survey| contents(&folder(survey).join(run).join("tables"), "tables");
        assert_same(&worth(&survey), &worth(&alone), run);
    }
}

#[test]
fn a_polite_stop_says_how_to_go_on() {
    let survey = Survey::tiny();
    let mut child =
        survey.command(&[&["sweep"], &METHODS[..]].concat()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !folder(&survey).join(RUNS[0]).join("state/segment").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("continues from there"), "{said}");
    assert!(!folder(&survey).join(RUNS[3]).exists(), "{said}");
    sweep_well(&survey, &METHODS);
}

#[test]
fn a_run_that_fails_is_told_and_the_others_go_on() {
    let survey = Survey::made();
    let folds = ["--set", "split.source=folds", "--set", "split.folds=4", "--vary", "split.fold=1,9,2"];
    let output = sweep(&survey, &folds);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("fold-9 failed") && said.contains("split.fold names `9`"), "{said}");
    let found = ask(&folder(&survey), "SELECT DISTINCT run, variant, seed, fold FROM sweep_metrics ORDER BY run");
    assert_eq!(found, ["fold-1,all,0,1", "fold-2,all,0,2"]);
    assert!(text(&output.stdout).contains("all      2"), "{}", text(&output.stdout));
}

#[test]
fn sites_are_left_out_in_turn_and_the_configuration_may_say_so() {
    let survey = Survey::made();
    let config = fs::read_to_string(survey.config()).unwrap();
    let source = config.replace("{source: file, file: subset.csv}", "{source: leave_one_site_out}");
    fs::write(survey.config(), source + "sweep: {vary: [\"split.site=POND01,MARSH02\"]}\n").unwrap();
    sweep_well(&survey, &[]);
    let found = ask(&folder(&survey), "SELECT DISTINCT run, fold FROM sweep_metrics ORDER BY run");
    assert_eq!(found, ["site-MARSH02,MARSH02", "site-POND01,POND01"]);
    // What the command line varies stands in place of it.
    let (planned, _) = sweep_well(&survey, &["--set", "split.site=POND01", "--vary", "train.seed=5", "--dry-run"]);
    assert!(planned.contains("seed-5") && !planned.contains("MARSH02"), "{planned}");
}

#[test]
fn runs_share_with_each_other_what_they_do_not_share_with_all() {
    let survey = Survey::made();
    sweep_well(&survey, &["--vary", "featurize.n_mels=40,48", "--vary", "train.seed=0,1"]);
    for (run, shared) in [("n_mels-40,seed-0", false), ("n_mels-40,seed-1", true), ("n_mels-48,seed-1", true)] {
        assert_eq!(taken(&survey, run).contains_key("featurize"), shared, "{run}");
    }
}

#[test]
fn what_cannot_be_swept_is_told_before_anything_is_made() {
    let survey = Survey::tiny();
    for (args, wanted) in [
        (vec![], "nothing is varied"),
        (vec!["--vary", "train.sed=1"], "did you mean train.seed?"),
        (vec!["--vary", "train.seed=-1"], "a whole number from 0"),
        (vec!["--vary", "run.path=a,b"], "sets this key itself"),
        (vec!["--vary", "train.seed=1", "--vary", "train.seed=2"], "varied twice"),
        (
            vec!["--set", "annotate.format=none", "--set", "model.path=m", "--vary", "train.seed=1"],
            "a run with model.path has none",
        ),
    ] {
        let output = sweep(&survey, &args);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(wanted), "{args:?}: {said}");
    }
    assert!(!survey.run().exists() && !folder(&survey).exists());
    let missing = std::process::Command::new(CHORUS)
        .args(["query", "SELECT * FROM sweep_metrics", "--run"])
        .arg(Survey::made().run())
        .output();
    let said = text(&missing.unwrap().stderr);
    assert!(said.contains("`chorus sweep` makes it"), "{said}");
}
