//! A share that ends while another looks elsewhere has still made what it made.
#![allow(clippy::unwrap_used)]

#[path = "common/keys.rs"]
mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{
    Config, Console, External, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Share, Unit, UnitContext, Work,
    WorkError,
};

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

/// A day of the first share and a day of the second.
fn days() -> [Unit; 2] {
    let day = |site: String| Unit::SiteDay { site, date: None, part: 0 };
    ["1/2", "2/2"].map(|owner| (0..).map(|i| day(format!("S{i}"))).find(|unit| share(owner).owns(unit)).unwrap())
}

/// Writes empty tables, and finds the days where it is the one to look for them.
struct Tables(&'static [&'static str]);

impl Work for Tables {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let found =
            if self.0.contains(&"recordings") { days().map(|day| (day, External::new())).into() } else { BTreeMap::new() };
        Ok(Scan { units: found, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        for &table in self.0 {
            cx.sink(table, &[])?.finish()?;
        }
        Ok(())
    }
}

/// A pass that writes tables.
fn pass(name: &'static str, per: Per, inputs: &[Input], tables: &Tables) -> Option<Pass> {
    let outputs = tables.0.iter().map(|table| Output::Table(table)).collect();
    Some(Pass { inputs: inputs.to_vec(), outputs, ..Pass::new(name, per) })
}

const RECORDINGS: Tables = Tables(&["recordings"]);
const CLASSES: Tables = Tables(&["classes"]);
const LABELS: Tables = Tables(&["labels"]);
const SPLITS: Tables = Tables(&["splits"]);

/// Four passes: days are found and the classes named; days are labelled, for which all days have to be known; and
/// labels are split.
fn registry(labels: impl Work + 'static) -> Registry {
    use Input::{Archive, Table};
    let labelling = pass("label", Per::SiteDay, &[Table("recordings"), Table("classes")], &LABELS);
    let labelling = labelling.map(|pass| Pass { scanned: vec!["recordings"], ..pass });
    Registry::default()
        .with(pass("find", Per::SiteDay, &[Archive], &RECORDINGS), RECORDINGS)
        .with(pass("name", Per::Run, &[Table("recordings")], &CLASSES), CLASSES)
        .with(labelling, labels)
        .with(pass("split", Per::Run, &[Table("labels")], &SPLITS), SPLITS)
}

/// While it works, the second share makes its part and ends.
struct Meanwhile(PathBuf);

impl Work for Meanwhile {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, found: &()) -> Result<(), WorkError> {
        assert_eq!(run(&self.0, registry(LABELS), "2/2", &["label"]), ["label"]);
        LABELS.run(cx, found)
    }
}

/// The passes of which a share made something.
fn run(dir: &Path, registry: Registry, of: &str, stages: &[&str]) -> Vec<&'static str> {
    let path = dir.display();
    let sets = ["annotate.format=anuraset_raw", "units.keep_free_gib=0"].map(str::to_owned);
    let sets = [&sets[..], &[format!("archive.path={path}/archive"), format!("run.path={path}/run")]].concat();
    let config = Config::from_text("", "c", "c", &sets, keys::keys()).unwrap();
    let runner = Runner::new(config, registry, Console::new()).with_share(Some(share(of)));
    let selection = Selection::Only(stages.iter().map(|&stage| stage.to_owned()).collect());
    let options = RunOptions { selection, force: false, jobs: 1, units: Vec::new(), verify: false };
    runner.run(&options).unwrap().0.iter().filter(|done| done.made > 0).map(|done| done.pass).collect()
}

#[test]
fn what_a_share_made_before_it_ended_is_found() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("archive")).unwrap();
    assert_eq!(run(dir.path(), registry(LABELS), "2/2", &["find"]), ["find"]);
    let first = registry(Meanwhile(dir.path().to_owned()));
    let made = run(dir.path(), first, "1/2", &["find", "name", "label", "split"]);
    assert_eq!(made, ["find", "name", "label", "split"]);
}
