//! A stage touches only the inputs, outputs and keys that it declares; anything else is an error at run time. And
//! nothing that a stage leaves half-done is ever visible.
#![allow(clippy::unwrap_used)]

#[path = "common/keys.rs"]
mod keys;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{
    Config, Console, External, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
    locked,
};

/// A day with no recordings.
struct Day;

impl Work for Day {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let unit = Unit::SiteDay { site: "A".into(), date: None, part: 0 };
        Ok(Scan { units: BTreeMap::from([(unit, External::new())]), ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        cx.sink("recordings", &[])?.finish()?;
        Ok(())
    }
}

/// The pass that finds the day.
fn find() -> Option<Pass> {
    Some(Pass { inputs: vec![Input::Archive], outputs: vec![Output::Table("recordings")], ..Pass::new("find", Per::SiteDay) })
}

/// The pass that reads what was found.
fn cut() -> Option<Pass> {
    Some(Pass {
        inputs: vec![Input::Table("recordings")],
        outputs: vec![Output::Table("segments")],
        keys: vec!["segment.*"],
        ..Pass::new("cut", Per::SiteDay)
    })
}

/// A stage `cut` that does something it should not.
struct Cut(fn(&UnitContext<'_>) -> Result<(), WorkError>);

impl Work for Cut {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        self.0(cx)?;
        cx.sink("segments", &[])?.finish()?;
        Ok(())
    }
}

/// Runs both passes in a new run; gives back the error, and whether `segments` is visible.
fn run(work: fn(&UnitContext<'_>) -> Result<(), WorkError>) -> (Result<(), String>, bool) {
    let dir = tempfile::tempdir().unwrap();
    let result = run_in(dir.path(), Registry::default().with(find(), Day).with(cut(), Cut(work)));
    (result, dir.path().join("run/tables/segments").exists())
}

fn run_in(dir: &Path, registry: Registry) -> Result<(), String> {
    let path = dir.display();
    std::fs::create_dir(dir.join("archive")).unwrap();
    let sets = ["annotate.format=anuraset_raw", "units.keep_free_gib=0"].map(str::to_owned);
    let sets = [&sets[..], &[format!("archive.path={path}/archive"), format!("run.path={path}/run")]].concat();
    let runner = Runner::new(Config::from_text("", "c", "c", &sets, keys::keys()).unwrap(), registry, Console::new());
    let selection = Selection::Only(vec!["find".into(), "cut".into()]);
    runner.run(&RunOptions::new(selection, 1)).map(drop).map_err(|e| e.to_string())
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
        type Found = ();

        fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
            Ok(Scan::default())
        }

        fn run(&self, _: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let said = run_in(dir.path(), Registry::default().with(find(), Day).with(cut(), Nothing)).unwrap_err();
    assert!(said.contains("ended without its output tables/segments/site=A"), "{said}");
}

#[test]
fn what_the_scan_found_reaches_every_unit_and_the_report_at_the_end() {
    struct Counted(Arc<Mutex<Vec<String>>>);
    impl Work for Counted {
        type Found = BTreeMap<Unit, String>;

        fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Self::Found>, WorkError> {
            let day = |site: &str| Unit::SiteDay { site: site.into(), date: None, part: 0 };
            let found = BTreeMap::from(["A", "B"].map(|site| (day(site), format!("found at {site}"))));
            let units = found.keys().map(|unit| (unit.clone(), External::new())).collect();
            Ok(Scan { units, found, ..Scan::default() })
        }

        fn run(&self, cx: &UnitContext<'_>, found: &Self::Found) -> Result<(), WorkError> {
            locked(&self.0).push(found[cx.unit()].clone());
            cx.sink("recordings", &[])?.finish()?;
            Ok(())
        }

        fn summarise(&self, _: &Console, found: &Self::Found) {
            locked(&self.0).push(format!("{} in all", found.len()));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::default();
    let registry = Registry::default().with(find(), Counted(Arc::clone(&seen))).with(cut(), Cut(|_| Ok(())));
    assert_eq!(run_in(dir.path(), registry), Ok(()));
    assert_eq!(*locked(&seen), ["found at A", "found at B", "2 in all"]);
}
