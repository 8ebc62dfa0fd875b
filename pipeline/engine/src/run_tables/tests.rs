use std::fs;
use std::time::Instant;

use super::*;
use crate::files::atomic::OutputState;
use crate::graph::{Input, Output, Per};
use crate::state::fingerprint::Fingerprint;
use crate::state::inputs;
use crate::state::journal::Journal;
use crate::state::states::{States, load, load_states};
use crate::state::unit_state::UnitState;
use crate::{Unit, files_below};

fn pass(name: &'static str, per: Per, inputs: &[Input], outputs: &[Output]) -> Pass {
    Pass { inputs: inputs.to_vec(), outputs: outputs.to_vec(), ..Pass::new(name, per) }
}

/// A short pipeline: recordings to detections, with a model that is trained in between.
fn passes(_: &Config) -> Vec<Pass> {
    use Input::{Archive, Model, Table};
    vec![
        pass("ingest", Per::SiteDay, &[Archive], &[Output::Table("recordings")]),
        pass("segment", Per::SiteDay, &[Table("recordings")], &[Output::Table("segments")]),
        pass(
            "train",
            Per::Run,
            &[Table("segments")],
            &[Output::Table("training_log"), Output::File("model/weights.safetensors")],
        ),
        pass("predict", Per::SiteDay, &[Table("segments"), Model("weights.safetensors")], &[Output::Table("predictions")]),
        pass("detect", Per::SiteDay, &[Table("predictions")], &[Output::Table("detections")]),
    ]
}

fn units(sites: usize, days: usize) -> Vec<Unit> {
    let date = |day: usize| jiff::civil::date(2020, 1, 1).checked_add(jiff::Span::new().days(day as i64)).unwrap();
    let unit = |site: usize, day: usize| Unit::SiteDay { site: format!("S{site:02}"), date: Some(date(day)), part: 0 };
    (0..sites).flat_map(|site| (0..days).map(move |day| unit(site, day))).collect()
}

/// A made-up run: its states are real, and its tables' files hold a few bytes.
struct MadeUp {
    _dir: tempfile::TempDir,
    run: RunDir,
    passes: Vec<Pass>,
    units: Vec<Unit>,
}

impl MadeUp {
    fn new(sites: usize, days: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let config = Config::from_text("", "c", "c", &["model.path=m".to_owned()], crate::test_keys::keys()).unwrap();
        run.write(&run.resolved_config(), config.to_yaml().as_bytes()).unwrap();
        let made = Self { _dir: dir, run, passes: passes(&config), units: units(sites, days) };
        made.passes.iter().for_each(|pass| made.make(pass.name, "1"));
        made
    }

    fn pass(&self, name: &str) -> &Pass {
        self.passes.iter().find(|pass| pass.name == name).unwrap()
    }

    /// Makes every unit of a pass from what is recorded now. `content` is what its files hold.
    fn make(&self, name: &str, content: &str) {
        let units = if self.pass(name).per == Per::Run { vec![Unit::Run] } else { self.units.clone() };
        let states = load_states(&self.run, &self.passes).unwrap();
        units.iter().for_each(|unit| self.make_unit(name, unit, content, &states));
    }

    fn make_unit(&self, name: &str, unit: &Unit, content: &str, states: &States) {
        let pass = self.pass(name);
        let mut inputs = inputs::common(&self.run, pass, &self.passes, states).unwrap();
        inputs.extend(inputs::own(pass, &self.passes, unit, states));
        let mut outputs = Vec::new();
        for output in &pass.outputs {
            let path = RunDir::output(*output, unit);
            let bytes = format!("{path} {content}");
            let file = self.run.path().join(&path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &bytes).unwrap();
            let hash = crate::hash_bytes(bytes.as_bytes());
            outputs.push((path, OutputState { bytes: bytes.len() as u64, hash, rows: Some(1) }));
        }
        let schemas = inputs::schemas(pass).into();
        let inputs = inputs.into_iter().collect();
        let fingerprint = Fingerprint { code_version: pass.code_version, inputs, schemas, ..Fingerprint::default() };
        let state = UnitState { fingerprint, outputs: outputs.into_iter().collect(), place: None };
        Journal::new(&self.run, name).made([(unit, &state)]).unwrap();
    }

    fn open(&self) -> RunTables {
        RunTables::open(self.run.path(), passes).unwrap()
    }

    fn said(&self, table: &str) -> Vec<String> {
        self.open().freshness(&[table]).iter().map(ToString::to_string).collect()
    }

    fn file(&self, table: &'static str, unit: &Unit) -> PathBuf {
        self.run.path().join(RunDir::output(Output::Table(table), unit))
    }
}

#[test]
fn a_fresh_run_has_nothing_to_say() {
    let made = MadeUp::new(2, 3);
    let tables = ["recordings", "segments", "training_log", "predictions", "detections"];
    assert_eq!(made.open().freshness(&tables), []);
    assert_eq!(made.open().present().iter().map(|table| table.name.as_str()).collect::<Vec<_>>().len(), 5);
    // Tables that the run does not have are another error's business.
    assert_eq!(made.open().freshness(&["metrics"]), []);
}

#[test]
fn predictions_of_a_former_model_are_stale_and_so_is_what_comes_from_them() {
    let made = MadeUp::new(2, 3);
    made.make("train", "2");
    let states = load_states(&made.run, &made.passes).unwrap();
    made.make_unit("predict", &made.units[0], "2", &states);
    assert_eq!(
        made.said("predictions"),
        ["the table predictions is stale: 5 of 6 site-days are older than model/weights.safetensors; \
          run `chorus run predict --with-upstream -c FILE`"]
    );
    assert_eq!(
        made.said("detections"),
        ["the table detections is stale: 5 of 6 site-days of predictions are older than model/weights.safetensors; \
          run `chorus run detect --with-upstream -c FILE`"]
    );
    assert!(made.said("segments").is_empty() && made.said("training_log").is_empty());
    made.make("predict", "2");
    assert!(made.said("predictions").is_empty());
    assert!(made.said("detections")[0].contains("6 of 6 site-days are older than predictions; run `chorus run detect "));
    made.make("segment", "2");
    assert_eq!(
        made.said("training_log"),
        [
            "the table training_log is stale: the output of train is older than segments; run `chorus run train --with-upstream -c FILE`"
        ]
    );
    // Segments are an input of training and of prediction: the first stage that is stale is named.
    assert!(made.said("predictions")[0].contains("the output of train is older than segments"));
}

#[test]
fn a_deleted_or_cut_off_file_and_a_unit_without_a_state_make_a_table_incomplete() {
    let made = MadeUp::new(1, 4);
    fs::remove_file(made.file("predictions", &made.units[1])).unwrap();
    let sentence =
        "the table predictions is incomplete: 1 of 4 site-days has no file; run `chorus run predict --with-upstream -c FILE`";
    assert_eq!(made.said("predictions"), [sentence]);
    fs::write(made.file("predictions", &made.units[1]), "x").unwrap();
    assert!(made.said("predictions")[0].contains("1 of 4 site-days has a file of another size than recorded"));
    made.make("predict", "1");
    Journal::new(&made.run, "predict").making([(&made.units[2], vec![])]).unwrap();
    let sentence = "the table predictions is incomplete: 1 of 4 site-days is not made yet, or not to the end; \
                    run `chorus run predict --with-upstream -c FILE`";
    assert_eq!(made.said("predictions"), [sentence]);
    assert!(made.said("detections").iter().any(|said| said.contains("incomplete: 1 of 4 site-days of predictions is not made")));
    // The file is there all the same.
    assert_eq!(made.open().partitions("predictions").unwrap().len(), 4);
}

#[test]
fn a_file_that_is_gone_or_cut_off_shows_in_the_tables_that_come_from_it() {
    let made = MadeUp::new(1, 4);
    let incomplete =
        |why: &str| [format!("the table detections is incomplete: {why}; run `chorus run detect --with-upstream -c FILE`")];
    fs::remove_file(made.file("predictions", &made.units[1])).unwrap();
    assert_eq!(made.said("detections"), incomplete("1 of 4 site-days of predictions has no file"));
    assert!(made.said("segments").is_empty());
    made.make("predict", "1");
    // A log is no input of what comes from the model, and the weights are.
    fs::remove_file(made.file("training_log", &Unit::Run)).unwrap();
    assert!(made.said("detections").is_empty());
    let weights = made.run.path().join("model/weights.safetensors");
    fs::write(&weights, "cut").unwrap();
    assert_eq!(made.said("detections"), incomplete("model/weights.safetensors has another size than recorded"));
    fs::remove_file(&weights).unwrap();
    assert_eq!(made.said("detections"), incomplete("model/weights.safetensors is missing"));
    assert!(made.said("training_log")[0].contains("incomplete: tables/training_log/part-000.parquet is missing"));
    fs::remove_file(made.file("recordings", &made.units[0])).unwrap();
    assert_eq!(made.said("detections"), incomplete("1 of 4 site-days of recordings has no file"));
}

#[test]
fn a_table_that_one_of_several_runs_lacks_is_told() {
    let (one, two) = (MadeUp::new(1, 2), MadeUp::new(1, 2));
    fs::remove_dir_all(two.run.tables().join("detections")).unwrap();
    let runs = RunTables::open_all(&[one.run.path().to_owned(), two.run.path().to_owned()], passes).unwrap();
    let said = |tables: &[&str]| RunTables::freshness_of_all(&runs, tables).iter().map(ToString::to_string).collect::<Vec<_>>();
    let wanted = format!(
        "{}: the table detections is incomplete: this run has no such table; run `chorus run detect --with-upstream -c FILE`",
        runs[1].name()
    );
    assert_eq!(said(&["segments", "detections"]), [wanted]);
    // What no run has is another error's business, and so is what a run of another configuration does not make.
    assert!(said(&["metrics"]).is_empty());
    fs::create_dir(one.run.tables().join("metrics")).unwrap();
    let runs = RunTables::open_all(&[one.run.path().to_owned(), two.run.path().to_owned()], passes).unwrap();
    let lacking = RunTables::freshness_of_all(&runs, &["metrics"]).pop().unwrap();
    assert_eq!((lacking.fault, lacking.command), (Fault::Incomplete, None));
}

#[test]
fn another_version_of_the_code_or_of_a_schema_makes_stale() {
    let made = MadeUp::new(1, 2);
    let newer = |config: &Config| {
        let mut passes = passes(config);
        passes[1].code_version = 2;
        passes
    };
    let said = |run: &RunTables, table: &str| run.freshness(&[table]).iter().map(ToString::to_string).collect::<Vec<_>>();
    let run = RunTables::open(made.run.path(), newer).unwrap();
    let why = "2 of 2 site-days were made by version 1 of the stage's code, and this chorus has version 2";
    assert_eq!(
        said(&run, "segments"),
        [format!("the table segments is stale: {why}; run `chorus run segment --with-upstream -c FILE`")]
    );
    assert!(said(&run, "recordings").is_empty());
    let mut state = load(&made.run, "ingest").unwrap().remove(&made.units[0]).unwrap();
    let former = state.fingerprint.schemas.iter().map(|id| id.replace("recordings/", "recordings/0"));
    state.fingerprint.schemas = former.collect::<Vec<_>>().into();
    Journal::new(&made.run, "ingest").made([(&made.units[0], &state)]).unwrap();
    let version = schema("recordings").unwrap().version;
    let why = |of: &str| {
        format!(
            "1 of 2 site-days{of} was made with version 0{version} of the columns of recordings, and this chorus has version {version}"
        )
    };
    for (table, why, stage) in [("recordings", why(""), "ingest"), ("detections", why(" of recordings"), "detect")] {
        assert_eq!(
            made.said(table),
            [format!("the table {table} is stale: {why}; run `chorus run {stage} --with-upstream -c FILE`")]
        );
    }
}

#[test]
fn a_copy_without_states_is_readable_and_says_that_nothing_is_known() {
    let made = MadeUp::new(2, 2);
    fs::remove_dir_all(made.run.path().join("state")).unwrap();
    let files: Vec<Unit> = made.open().partitions("recordings").unwrap().into_iter().map(|part| part.unit).collect();
    assert_eq!(files, made.units);
    let findings = made.open().freshness(&["recordings", "segments"]);
    assert_eq!((findings.len(), findings[0].fault, findings[0].command.as_ref()), (1, Fault::Unknown, None));
    let said = findings[0].to_string();
    assert!(
        said.starts_with("whether the tables recordings, segments are fresh is not known: the run's folder has no state/"),
        "{said}"
    );
    fs::remove_file(made.run.resolved_config()).unwrap();
    assert_eq!(made.open().freshness(&["recordings"]).len(), 1);
}

#[test]
fn a_table_of_a_former_configuration_is_stale() {
    let made = MadeUp::new(1, 1);
    let without_detect = |config: &Config| passes(config).into_iter().filter(|pass| pass.name != "detect").collect();
    let run = RunTables::open(made.run.path(), without_detect).unwrap();
    assert!(run.freshness(&["detections"])[0].to_string().contains("makes no such table"));
    fs::remove_file(made.run.resolved_config()).unwrap();
    let said = made.open().freshness(&["detections"])[0].to_string();
    assert!(said.contains("`chorus run` writes this file") && !said.contains("init"), "{said}");
    fs::write(made.run.resolved_config(), "archive: [\n").unwrap();
    let finding = &made.open().freshness(&["detections"])[0];
    assert_eq!(finding.fault, Fault::Unknown);
    assert!(finding.why.contains("configuration cannot be read"), "{finding}");
}

#[test]
fn files_that_are_no_units_and_folders_that_are_not_there_are_passed_over() {
    let made = MadeUp::new(1, 2);
    let folder = made.run.tables().join("recordings");
    fs::write(folder.join("site=S00/date=2020-01-01/notes.txt"), "x").unwrap();
    fs::write(folder.join("site=S00/date=2020-01-01/.part-000.parquet.partial"), "x").unwrap();
    fs::write(folder.join("README"), "x").unwrap();
    let run = made.open();
    let parts = run.partitions("recordings").unwrap();
    assert_eq!(parts.iter().map(|part| part.unit.clone()).collect::<Vec<_>>(), made.units);
    assert_eq!((parts[1].site(), parts[1].date()), (Some("S00"), Some(jiff::civil::date(2020, 1, 2))));
    let log = run.partitions("training_log").unwrap();
    assert_eq!((log.len(), log[0].site(), log[0].date()), (1, None, None));
    assert!(run.partitions("metrics").unwrap().is_empty());
    assert!(matches!(run.made_partitions("metrics"), Err(RunTablesError::NotMade { .. })));
    assert!(matches!(run.partitions("no_table"), Err(RunTablesError::Table(_))));
    assert!(matches!(RunTables::open(&folder, passes), Err(RunTablesError::NoRun { .. })));
}

#[test]
fn a_table_that_no_stage_of_the_run_makes_is_told_with_what_it_needs() {
    let made = MadeUp::new(1, 1);
    let run = made.open().with_arguments("--run 'runs/my ponds'".to_owned());
    let lacking = |table: &str| run.made_partitions(table).unwrap_err();
    let needs = "it needs labels (annotate.format); set that, and `chorus run --run 'runs/my ponds'` makes it. There are: ";
    let told = lacking("metrics").to_string();
    assert!(told.contains(&format!("this run makes no table `metrics`: {needs}")), "{told}");
    let told = lacking("metrics").of_view("worst").to_string();
    assert!(told.contains("this run makes no table `metrics` (the view `worst` reads it): it needs labels"), "{told}");
    fs::remove_dir_all(made.run.tables().join("detections")).unwrap();
    let command = "`chorus run detect --with-upstream --run 'runs/my ponds'`";
    let told = lacking("detections").to_string();
    assert!(told.contains(&format!("this run has no table `detections` yet; {command} makes it.")), "{told}");
    assert!(run.makes("detections") && !run.makes("metrics"));
    fs::write(made.file("predictions", &made.units[0]), "x").unwrap();
    assert!(run.freshness(&["predictions"])[0].to_string().ends_with("--with-upstream --run 'runs/my ponds'`"));
}

#[test]
fn a_table_that_a_sweep_lacks_is_looked_for_in_its_runs() {
    let dir = tempfile::tempdir().unwrap();
    let lacking = || RunTables::open(dir.path(), passes).unwrap().made_partitions("detections").unwrap_err().to_string();
    for folder in ["tables/sweep_metrics", "seed-1/tables", "seed-0/tables", "a"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let wanted = format!("name a run of the sweep, such as {}. There are: sweep_metrics", dir.path().join("seed-0").display());
    assert!(lacking().contains(&wanted), "{}", lacking());
    fs::create_dir(dir.path().join("tables/recordings")).unwrap();
    assert!(
        lacking().contains("this run has no table `detections` yet; `chorus run detect --with-upstream -c FILE` makes it."),
        "{}",
        lacking()
    );
}

#[test]
fn runs_that_are_opened_together_have_names_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.join("tables")).unwrap();
        path
    };
    let names = |folders: &[PathBuf]| -> Result<Vec<String>, RunTablesError> {
        Ok(RunTables::open_all(folders, passes)?.iter().map(|run| run.name().to_owned()).collect())
    };
    assert_eq!(names(&[folder("a/x"), folder("a/y")]).unwrap(), ["x", "y"]);
    assert_eq!(names(&[folder("a/x"), folder("b/x")]).unwrap(), ["a/x", "b/x"]);
    assert_eq!(names(&[folder("a/x")]).unwrap(), [""]);
    assert!(matches!(names(&[folder("a/x"), folder("a/x")]), Err(RunTablesError::SameRun { .. })));
}

/// Ten thousand site-days: `cargo test -p chorus-engine --release -- --ignored --nocapture ten_thousand`.
#[test]
#[ignore = "prints what a large run costs"]
fn ten_thousand_site_days() {
    let made = MadeUp::new(25, 400);
    for table in ["recordings", "predictions", "detections"] {
        for _ in 0..2 {
            let start = Instant::now();
            let run = made.open();
            let opened = start.elapsed();
            let parts = run.partitions(table).unwrap().len();
            let listed = start.elapsed() - opened;
            assert!(run.freshness(&[table]).is_empty());
            let judged = start.elapsed() - opened - listed;
            println!("{table}: {parts} parts, opened in {opened:?}, listed in {listed:?}, judged in {judged:?}");
        }
    }
}

#[test]
fn states_of_later_stages_do_not_matter() {
    let made = MadeUp::new(1, 2);
    for pass in ["predict", "detect"] {
        files_below(&made.run.states(pass)).unwrap().iter().for_each(|file| fs::write(file, "no state").unwrap());
    }
    assert!(made.said("segments").is_empty() && made.said("recordings").is_empty());
    assert!(made.said("predictions")[0].contains("state/predict records nothing of how it was made"));
}
