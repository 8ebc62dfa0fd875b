//! A stage on its own waits until the stages before it are fresh, also where it cannot know yet which units it will have. What is made
//! by the same command is never refused.
#![allow(clippy::unwrap_used)]

#[path = "common/keys.rs"]
mod keys;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chorus_engine::graph::{Input, Output, Pass, Per, Program};
use chorus_engine::{
    Config, Console, External, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
};

const SEEN: &str = "seen";

/// Finds a day for each file of the archive. A file is only new until the stage has really looked at it.
struct Find;

impl Work for Find {
    type Found = ();

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let there = fs::read_dir(cx.archive()?.location(""))?.count();
        let seen = cx.cached(SEEN).map_or(0, |seen| seen.len());
        if !cx.look_only {
            cx.cache(SEEN, &vec![b'x'; there])?;
        }
        let known = if cx.look_only { seen } else { there };
        let day = |i: usize| (Unit::SiteDay { site: format!("S{i}"), date: None, part: 0 }, External::new());
        let pending = (known < there).then(|| format!("{} files are new", there - known));
        Ok(Scan { units: (0..known).map(day).collect::<BTreeMap<_, _>>(), pending, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        Ok(cx.sink("recordings", &[])?.finish()?)
    }
}

/// Writes an empty table.
struct Writes(&'static str);

impl Work for Writes {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        Ok(cx.sink(self.0, &[])?.finish()?)
    }
}

fn pass(name: &'static str, per: Per, input: Input, output: &'static str) -> Pass {
    Pass { inputs: vec![input], outputs: vec![Output::Table(output)], ..Pass::new(name, per) }
}

/// Days are found, cut and counted, and then added up; `score` belongs to the worker.
fn registry() -> Registry {
    use Input::Table;
    let score = Pass { program: Program::Torch, ..pass("score", Per::SiteDay, Table("segments"), "predictions") };
    Registry::default()
        .with(Some(pass("find", Per::SiteDay, Input::Archive, "recordings")), Find)
        .with(Some(pass("cut", Per::SiteDay, Table("recordings"), "segments")), Writes("segments"))
        .with(Some(pass("count", Per::SiteDay, Table("segments"), "labels")), Writes("labels"))
        .with(Some(pass("add", Per::Run, Table("labels"), "splits")), Writes("splits"))
        .with_foreign(Some(score))
}

/// All stages but that of the worker, which is not there in these tests.
const OWN: [&str; 4] = ["find", "cut", "count", "add"];

/// An archive with so many files.
fn archive(files: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("archive")).unwrap();
    (0..files).for_each(|i| add(dir.path(), i));
    dir
}

fn add(dir: &Path, file: usize) {
    fs::write(dir.join(format!("archive/{file}.wav")), "").unwrap();
}

fn runner(dir: &Path, sets: &[String]) -> Runner {
    let path = dir.display();
    let own = ["annotate.format=anuraset_raw".to_owned(), "units.keep_free_gib=0".to_owned()];
    let paths = [format!("archive.path={path}/archive"), format!("run.path={path}/run")];
    let config = Config::from_text("", "c", "c", &[&own, &paths, sets].concat(), keys::keys()).unwrap();
    Runner::new(config, registry(), Console::new())
}

fn options(selection: Selection) -> RunOptions {
    RunOptions::new(selection, 1)
}

fn only(stages: &[&str]) -> RunOptions {
    options(Selection::Only(stages.iter().map(|&stage| stage.to_owned()).collect()))
}

fn made(dir: &Path, options: &RunOptions) -> usize {
    runner(dir, &[]).run(options).unwrap().made()
}

fn refused(dir: &Path, options: &RunOptions) -> String {
    runner(dir, &[]).run(options).unwrap_err().to_string()
}

#[test]
fn in_an_empty_run_every_stage_but_the_first_is_refused() {
    let dir = archive(2);
    for stage in ["cut", "count", "score"] {
        let wanted = format!(
            "{stage} cannot run: find is not fresh (2 files are new); run `chorus run {stage} --with-upstream -c c --set \
             annotate.format=anuraset_raw --set "
        );
        let said = refused(dir.path(), &only(&[stage]));
        assert!(said.starts_with(&wanted), "{said}");
        let unit = RunOptions { units: vec!["site=S0".into()], ..only(&[stage]) };
        assert_eq!(refused(dir.path(), &unit), said);
    }
    assert!(refused(dir.path(), &only(&["add"])).starts_with("add cannot run: count is not fresh (waits for find)"));
    for plan in runner(dir.path(), &[]).plan(false).unwrap() {
        let wanted = match plan.pass {
            "find" => "2 files are new",
            "add" => "waits for count",
            _ => "waits for find",
        };
        assert_eq!((plan.is_fresh(), plan.reason().as_deref()), (false, Some(wanted)), "{}", plan.pass);
    }
}

#[test]
fn behind_new_files_every_stage_is_refused_until_they_are_looked_at() {
    let dir = archive(1);
    assert_eq!(made(dir.path(), &only(&OWN)), 4);
    assert_eq!(made(dir.path(), &only(&["count"])), 0);
    add(dir.path(), 1);
    let wanted = "count cannot run: find is not fresh (1 files are new); run `chorus run count --with-upstream -c c --set ";
    let said = refused(dir.path(), &only(&["count"]));
    assert!(said.starts_with(wanted), "{said}");
    // What is there already is known to be fresh all the same.
    let plans = runner(dir.path(), &[]).plan(false).unwrap();
    assert_eq!((plans[1].fresh(), plans[1].units.len(), plans[1].awaits), (1, 1, Some("find")));
    assert_eq!(made(dir.path(), &only(&["find"])), 1);
    assert!(refused(dir.path(), &only(&["count"])).contains("cut is not fresh (missing, 1 of 2 units)"));
    assert_eq!(made(dir.path(), &only(&["cut"])), 1);
    assert_eq!(made(dir.path(), &only(&["count"])), 1);
    let unknown = RunOptions { units: vec!["site=NOWHERE".into()], ..only(&["count"]) };
    assert!(refused(dir.path(), &unknown).starts_with("no unit matches `site=NOWHERE`"));
}

#[test]
fn what_the_same_command_makes_is_not_waited_for() {
    let upstream = || options(Selection::WithUpstream(vec!["add".into()]));
    let dir = archive(2);
    assert_eq!(made(dir.path(), &upstream()), 7);
    add(dir.path(), 2);
    assert_eq!(made(dir.path(), &upstream()), 4);
    add(dir.path(), 3);
    assert_eq!(made(dir.path(), &only(&["find", "cut"])), 2);
    // In a share, which makes nothing of the whole run.
    add(dir.path(), 4);
    let shared = runner(dir.path(), &[]).with_share(Some("1/1".parse().unwrap()));
    assert_eq!(shared.run(&upstream()).unwrap().made(), 4);
    assert_eq!(made(dir.path(), &upstream()), 1);
    // In a run that takes from another one, whose look at the archive counts too.
    let sets = [format!("run.path={}/derived", dir.path().display()), format!("run.base={}/run", dir.path().display())];
    assert_eq!(runner(dir.path(), &sets).run(&upstream()).unwrap().taken(), 16);
}

#[test]
fn a_model_whose_folder_is_gone_is_said_to_be_missing() {
    let dir = archive(1);
    let model = dir.path().join("model");
    fs::create_dir(&model).unwrap();
    fs::write(model.join("model.yaml"), chorus_card::testing::card(serde_yaml::Mapping::new()).to_yaml()).unwrap();
    let sets = [
        format!("archive.path={}/archive", dir.path().display()),
        format!("run.path={}/run", dir.path().display()),
        format!("model.path={}", model.display()),
        "units.keep_free_gib=0".to_owned(),
    ];
    let runner = || {
        let config = Config::from_text("", "c", "c", &sets, keys::keys()).unwrap();
        let use_it = Pass {
            inputs: vec![Input::Table("recordings"), Input::Model("model.yaml")],
            ..pass("use", Per::SiteDay, Input::Archive, "segments")
        };
        // A setting that the model's card brings.
        let set = Pass { keys: vec!["segment.window_s"], ..pass("set", Per::SiteDay, Input::Table("recordings"), "labels") };
        let found = Registry::default().with(Some(pass("find", Per::SiteDay, Input::Archive, "recordings")), Find);
        Runner::new(config, found.with(Some(use_it), Writes("segments")).with(Some(set), Writes("labels")), Console::new())
    };
    runner().run(&options(Selection::All)).unwrap();
    let reasons = || runner().plan(false).unwrap().iter().map(chorus_engine::plan::PassPlan::reason).collect::<Vec<_>>();
    assert_eq!(reasons(), [None, None, None]);
    fs::remove_file(model.join("model.yaml")).unwrap();
    assert_eq!(reasons()[1].as_deref(), Some("stale, 1 of 1 unit: input model/model.yaml is missing"));
    fs::remove_dir(&model).unwrap();
    let missing = format!("stale, 1 of 1 unit: the model's folder {} is missing", model.display());
    assert_eq!(reasons(), [None, Some(missing.clone()), Some(missing)]);
}

#[test]
fn other_models_of_an_ensemble_are_compared_with_the_settings_before_anything_is_made() {
    let dir = archive(1);
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let card = chorus_card::testing::card(serde_yaml::from_str("featurize: {n_mels: 64}").unwrap());
    fs::write(other.join("model.yaml"), card.to_yaml()).unwrap();
    let models = Input::Models { key: "model.ensemble", file: "model.yaml" };
    let ensemble = format!("model.ensemble=[{}]", other.display());
    let check = |set: &str| {
        let sets = ["annotate.format=anuraset_raw".to_owned(), format!("run.path={}/run", dir.path().display())];
        let sets =
            [&sets[..], &[format!("archive.path={}/archive", dir.path().display()), ensemble.clone(), set.to_owned()]].concat();
        let config = Config::from_text("", "c", "c", &sets, keys::keys()).unwrap();
        let mean = pass("mean", Per::Run, models, "predictions");
        Runner::new(config, Registry::default().with(Some(mean), Writes("predictions")), Console::new()).check()
    };
    let error = check("featurize.n_mels=128").unwrap_err().to_string();
    assert!(error.contains("other/model.yaml: featurize.n_mels is 64 in this model and 128 in this configuration"), "{error}");
    check("featurize.n_mels=64").unwrap();
    fs::remove_file(other.join("model.yaml")).unwrap();
    assert!(check("featurize.n_mels=64").unwrap_err().to_string().contains("cannot be used as the card of a model"));
}
