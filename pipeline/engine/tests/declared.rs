//! A stage touches only the inputs, outputs and keys that it declares; anything else is an error at run time. And nothing that a stage
//! leaves half-done is ever visible.
#![allow(clippy::unwrap_used)]

#[path = "common/keys.rs"]
mod keys;

use std::collections::BTreeMap;
use std::path::Path;

use chorus_engine::{
    Config, Console, External, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
};

/// A day with no recordings.
struct Day;

impl Work for Day {
    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let unit = Unit::SiteDay { site: "A".into(), date: None, part: 0 };
        Ok(Scan { units: BTreeMap::from([(unit, External::new())]), ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        cx.sink("recordings", &[])?.finish()?;
        Ok(())
    }
}

/// A stage `segment` that does something it should not.
struct Segment(fn(&UnitContext<'_>) -> Result<(), WorkError>);

impl Work for Segment {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        self.0(cx)?;
        cx.sink("segments", &[])?.finish()?;
        Ok(())
    }
}

/// Runs ingest and segment in a new run; gives back what was said against it, and whether `segments` is visible.
fn run(work: fn(&UnitContext<'_>) -> Result<(), WorkError>) -> (Result<(), String>, bool) {
    let dir = tempfile::tempdir().unwrap();
    let result = run_in(dir.path(), Registry::default().with("ingest", Day).with("segment", Segment(work)));
    (result, dir.path().join("run/tables/segments").exists())
}

fn run_in(dir: &Path, registry: Registry) -> Result<(), String> {
    let path = dir.display();
    std::fs::create_dir(dir.join("archive")).unwrap();
    let sets = ["annotate.format=anuraset_raw", "units.keep_free_gib=0"].map(str::to_owned);
    let sets = [&sets[..], &[format!("archive.path={path}/archive"), format!("run.path={path}/run")]].concat();
    let runner = Runner::new(Config::from_text("", "c", "c", &sets, keys::keys()).unwrap(), registry, Console::new());
    let selection = Selection::Only(vec!["ingest".into(), "segment".into()]);
    runner
        .run(&RunOptions { selection, force: false, jobs: 1, units: Vec::new(), verify: false })
        .map(drop)
        .map_err(|e| e.to_string())
}

fn refused(work: fn(&UnitContext<'_>) -> Result<(), WorkError>, wanted: &str) {
    let (result, visible) = run(work);
    let said = result.unwrap_err();
    assert!(said.contains(wanted), "`{wanted}` is missing in: {said}");
    assert!(!visible, "outputs of a unit that failed are visible");
}

#[test]
fn what_is_declared_can_be_used() {
    let (result, visible) = run(|cx| {
        assert!(cx.read("recordings", &[])?.is_some());
        Ok(())
    });
    assert_eq!(result, Ok(()));
    assert!(visible);
}

#[test]
fn an_undeclared_table_is_refused() {
    refused(|cx| cx.read("labels", &[]).map(drop).map_err(Into::into), "used table `labels`");
    refused(|cx| cx.partitions("features").map(drop).map_err(Into::into), "used table `features`");
}

#[test]
fn an_undeclared_output_is_refused() {
    refused(|cx| Ok(cx.sink("labels", &[])?.finish()?), "used output table `labels`");
    refused(|cx| Ok(cx.write_file("model/model.yaml", b"")?), "used output file `model/model.yaml`");
    refused(|cx| Ok(cx.write_file("report/clips/a.wav", b"")?), "used output file `report/clips/a.wav`");
}

#[test]
fn the_archive_and_the_model_are_refused_where_they_are_not_declared() {
    refused(|cx| cx.archive().map(drop).map_err(Into::into), "used the archive");
    refused(|cx| cx.sound().map(drop).map_err(Into::into), "used recordings of the archive");
    refused(|cx| cx.model_file("weights.safetensors").map(drop).map_err(Into::into), "used model file `weights.safetensors`");
}

#[test]
fn undeclared_keys_are_refused() {
    #[derive(Debug, serde::Deserialize, chorus_keys::Keys)]
    #[keys(section = "split")]
    struct SplitSettings {
        /// Seed.
        #[key(default = "0")]
        #[serde(rename = "seed")]
        _seed: u64,
    }
    refused(|cx| cx.settings::<SplitSettings>().map(drop).map_err(Into::into), "used key `split.seed`");
    refused(|cx| cx.value::<u64>("split.seed").map(drop).map_err(Into::into), "used key `split.seed`");
}

#[test]
fn a_missing_output_is_an_error() {
    struct Nothing;
    impl Work for Nothing {
        fn run(&self, _: &UnitContext<'_>) -> Result<(), WorkError> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let said = run_in(dir.path(), Registry::default().with("ingest", Day).with("segment", Nothing)).unwrap_err();
    assert!(said.contains("ended without its output tables/segments/site=A"), "{said}");
}
