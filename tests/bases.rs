//! A run with a base: what is the same there is taken over, what is not is made, and either way the result is the run's own.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use common::{Survey, assert_same, contents, text};

/// The run that is derived from the survey's own.
fn derived(survey: &Survey) -> PathBuf {
    survey.folder().join("derived")
}

fn with_base(survey: &Survey, args: &[&str], sets: &[&str]) -> Output {
    let run = [format!("run.path={}", derived(survey).display()), format!("run.base={}", survey.run().display())];
    let sets = run.iter().map(String::as_str).chain(sets.iter().copied()).flat_map(|set| ["--set", set]);
    survey.chorus(&args.iter().copied().chain(sets).collect::<Vec<_>>())
}

/// Runs the derived run and gives back what was said.
fn derive(survey: &Survey, args: &[&str], sets: &[&str]) -> String {
    let output = with_base(survey, &[&["run"], args].concat(), sets);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// All that a run is worth, by path with its content.
fn worth(run: &Path) -> BTreeMap<String, Vec<u8>> {
    ["tables", "model", "report"].iter().flat_map(|part| contents(&run.join(part), part)).collect()
}

/// Units that a run made and took, by pass, as its log tells.
fn log(run: &Path) -> (BTreeMap<String, usize>, BTreeMap<String, u64>) {
    let (mut made, mut taken) = (BTreeMap::new(), BTreeMap::new());
    for line in fs::read_to_string(run.join("log.jsonl")).unwrap_or_default().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let pass = event["pass"].as_str().unwrap().to_owned();
        match event["taken"].as_u64() {
            Some(number) => *taken.entry(pass).or_default() += number,
            None => *made.entry(pass).or_default() += 1,
        }
    }
    (made, taken)
}

fn same_file(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).unwrap();
    id(a) == id(b)
}

#[test]
fn what_is_the_same_is_taken_over_and_the_run_is_a_whole_one() {
    let survey = Survey::made();
    survey.run_all();
    let expected = survey.results();
    let status = with_base(&survey, &["status"], &[]);
    let told = text(&status.stdout);
    assert!(told.contains("in base") && told.contains("the base gives 6 units"), "{told}");
    assert!(!told.contains("missing") && !told.contains("waiting") && !told.contains("stale"), "{told}");
    assert_eq!(status.status.code(), Some(1));
    let planned = with_base(&survey, &["run", "--dry-run", "--json"], &[]);
    let plans: Vec<serde_json::Value> = serde_json::from_slice(&planned.stdout).unwrap();
    assert!(plans.len() > 9 && plans.iter().all(|plan| plan["units"].as_array().unwrap().is_empty()), "{plans:?}");
    assert!(!derived(&survey).exists(), "a look at a run has written");
    let said = derive(&survey, &[], &[]);
    assert!(said.contains("taken from") && said.contains("0 units made and 42 taken over from the base"), "{said}");
    assert!(!said.contains("reading") && log(&derived(&survey)).0.is_empty(), "{said}");
    assert_same(&worth(&derived(&survey)), &expected, "a derived run");
    for path in expected.keys() {
        assert!(same_file(&survey.run().join(path), &derived(&survey).join(path)), "{path} is a copy");
    }
    let memory: Vec<String> = contents(&survey.run().join("state/cache/ingest"), "state/cache/ingest").into_keys().collect();
    assert!(!memory.is_empty() && memory.iter().all(|path| same_file(&survey.run().join(path), &derived(&survey).join(path))));
    assert!(derive(&survey, &[], &[]).contains("nothing to do"));
    // It needs its base no more, and says what to do where the configuration still names it.
    fs::remove_dir_all(survey.run()).unwrap();
    let gone = with_base(&survey, &["status"], &[]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(text(&gone.stderr).contains("leave run.base out"), "{}", text(&gone.stderr));
    let alone =
        ["status", "--set", "run.base=null", "--set", &format!("run.path={}", derived(&survey).display())].map(str::to_owned);
    let alone = survey.chorus(&alone.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(alone.status.success(), "{}", text(&alone.stdout));
}

#[test]
fn a_changed_key_makes_what_depends_on_it_and_the_result_is_that_of_a_run_alone() {
    let survey = Survey::made();
    survey.run_all();
    let before = survey.results();
    derive(&survey, &[], &["train.seed=1"]);
    let (made, taken) = log(&derived(&survey));
    let passes: [Vec<&String>; 2] = [made.keys().collect(), taken.keys().collect()];
    assert_eq!(passes[0], ["detect", "detect-activity", "evaluate", "predict", "report", "train"]);
    assert_eq!(passes[1], ["annotate", "annotate-classes", "featurize", "ingest", "segment", "split"]);
    let found = worth(&derived(&survey));
    // A run with a base of its own: derived from this one, which is derived itself.
    let third = survey.folder().join("third");
    let of_third = |sets: &[&str]| {
        let base = [format!("run.path={}", third.display()), format!("run.base={}", derived(&survey).display())];
        let sets = base.iter().map(String::as_str).chain(sets.iter().copied()).flat_map(|set| ["--set", set]);
        let output = survey.chorus(&["run"].into_iter().chain(sets).collect::<Vec<_>>());
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    of_third(&["train.seed=1"]);
    assert_same(&worth(&third), &found, "a base of a base");
    assert!(log(&third).0.is_empty());
    // What is made anew in a derived run leaves the files that it shared with its base alone.
    of_third(&["featurize.n_mels=40"]);
    assert_same(&worth(&derived(&survey)), &found, "the base of a run that went on");
    assert_same(&survey.results(), &before, "the base");
    survey.run_with(&["--set", "train.seed=1"]);
    assert_same(&found, &survey.results(), "a derived run and one alone");
}

#[test]
fn force_and_damage_make_units_in_place_of_taking_them() {
    let survey = Survey::made();
    survey.run_all();
    let expected = survey.results();
    let path = expected.keys().find(|path| path.starts_with("tables/features/")).unwrap();
    let mut bytes = expected[path].clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(survey.run().join(path), bytes).unwrap();
    derive(&survey, &["--verify"], &[]);
    assert_eq!(log(&derived(&survey)).0, [("featurize".to_owned(), 1)].into());
    assert_same(&worth(&derived(&survey)), &expected, "with a damaged base");
    fs::remove_dir_all(derived(&survey)).unwrap();
    derive(&survey, &["ingest", "--force"], &[]);
    let (made, taken) = log(&derived(&survey));
    assert!(made["ingest"] == 6 && taken.is_empty(), "{made:?} {taken:?}");
}

#[test]
fn a_base_that_is_made_again_meanwhile_is_taken_whole_or_not_at_all() {
    let survey = Survey::made();
    survey.run_all();
    let expected = survey.results();
    let mut remade = 0;
    for round in 0..4 {
        // The base changes between two settings while the derived run, which wants one of them, takes what fits.
        let bands = ["featurize.n_mels=40", "featurize.n_mels=32"][round % 2];
        let mut command = survey.command(&["run", "featurize", "--set", bands]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 * round as u64));
        let said = derive(&survey, &["featurize", "--with-upstream"], &[]);
        assert!(child.wait().unwrap().success());
        remade += usize::from(said.contains("featurize         made"));
        let features = |all: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
            all.iter().filter(|(path, _)| path.starts_with("tables/features/")).map(|(p, b)| (p.clone(), b.clone())).collect()
        };
        assert_same(&features(&worth(&derived(&survey))), &features(&expected), &format!("round {round}: {said}"));
        fs::remove_dir_all(derived(&survey)).unwrap();
    }
    assert!(remade > 0, "the base always had what was wanted");
}

#[test]
fn shares_take_over_their_own_units() {
    let survey = Survey::made();
    survey.run_all();
    let expected = survey.results();
    let shares = ["1/3", "2/3", "3/3"];
    let start = |share: &str| {
        let sets = [format!("run.path={}", derived(&survey).display()), format!("run.base={}", survey.run().display())];
        let mut command = survey.command(&[
            "run",
            "featurize",
            "--with-upstream",
            "-j",
            "1",
            "--units",
            share,
            "--set",
            &sets[0],
            "--set",
            &sets[1],
        ]);
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = shares.iter().map(|share| start(share)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let rest = derive(&survey, &[], &[]);
    assert_same(&worth(&derived(&survey)), &expected, &rest);
    let (made, taken) = log(&derived(&survey));
    assert!(made.is_empty(), "{made:?}");
    let names: BTreeSet<&String> = taken.keys().collect();
    assert!(names.len() == 12 && taken["featurize"] == 6 && taken["train"] == 1, "{taken:?}");
}

#[test]
fn what_can_be_no_base_is_refused_before_anything_is_made() {
    let survey = Survey::made();
    for (base, wanted) in [(survey.archive(), "this folder is no run"), (survey.run(), "this is the folder of the run itself")] {
        for command in ["run", "status", "check"] {
            let output = survey.chorus(&[command, "--set", &format!("run.base={}", base.display())]);
            let said = text(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains(wanted), "{command}: {said}");
        }
    }
}

#[test]
fn shares_that_were_made_in_runs_of_their_own_are_merged_without_making_anything() {
    let survey = Survey::tiny();
    const FIRST: [&str; 3] = ["run", "featurize", "--with-upstream"];
    survey.run_with(&FIRST[1..]);
    let parts: Vec<PathBuf> = (1..=3).map(|part| survey.folder().join(format!("part{part}"))).collect();
    for (i, part) in (1..).zip(&parts) {
        let share = format!("{i}/3");
        let set = format!("run.path={}", part.display());
        let output = survey.chorus(&[&FIRST[..], &["--units", &share, "--set", &set]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let merge = |bases: &[PathBuf]| {
        let bases: Vec<String> = bases.iter().map(|base| base.display().to_string()).collect();
        let sets = [format!("run.base=[{}]", bases.join(", ")), format!("run.path={}", derived(&survey).display())];
        survey.chorus(&[&FIRST[..], &["--take-only", "--set", &sets[0], "--set", &sets[1]]].concat())
    };
    let refused = merge(&parts[..2]);
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("--take-only: ingest lacks") && said.contains("run.base"), "{said}");
    let output = merge(&parts);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("0 units made and"), "{said}");
    assert!(log(&derived(&survey)).0.is_empty());
    assert_same(&worth(&derived(&survey)), &worth(&survey.run()), "a run merged of three");
    // Where two of them have a unit, it is taken once.
    fs::remove_dir_all(derived(&survey)).unwrap();
    let output = merge(&[vec![survey.run()], parts].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_same(&worth(&derived(&survey)), &worth(&survey.run()), "a run merged of four");
}
