//! A share that ends while another looks elsewhere has still made what it made.
#![allow(clippy::unwrap_used)]

#[path = "common/keys.rs"]
mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let found =
            if self.0.contains(&"recordings") { days().map(|day| (day, External::new())).into() } else { BTreeMap::new() };
        Ok(Scan { units: found, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        for &table in self.0 {
            cx.sink(table, &[])?.finish()?;
        }
        Ok(())
    }
}

const ANNOTATE: Tables = Tables(&["annotations", "reviews", "labels"]);

/// While it works, the second share makes its part and ends.
struct Meanwhile(PathBuf);

impl Work for Meanwhile {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let second = Registry::default().with("annotate-classes", Tables(&["classes"])).with("annotate", ANNOTATE);
        run(&self.0, second, "2/2", &["annotate"]);
        ANNOTATE.run(cx)
    }
}

/// The passes of which a share made something.
fn run(dir: &Path, registry: Registry, of: &str, stages: &[&str]) -> Vec<&'static str> {
    let path = dir.display();
    let sets = ["annotate.format=anuraset_raw", "units.keep_free_gib=0"].map(str::to_owned);
    let sets = [&sets[..], &[format!("archive.path={path}/archive"), format!("run.path={path}/run")]].concat();
    let registry = registry.with("ingest", Tables(&["recordings"])).with("segment", Tables(&["segments"]));
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
    assert_eq!(run(dir.path(), Registry::default(), "2/2", &["ingest", "segment"]), ["ingest", "segment"]);
    let first = Registry::default()
        .with("annotate-classes", Tables(&["classes"]))
        .with("annotate", Meanwhile(dir.path().to_owned()))
        .with("split", Tables(&["splits", "split_classes", "training_sets"]));
    let made = run(dir.path(), first, "1/2", &["ingest", "segment", "annotate", "split"]);
    assert_eq!(made, ["ingest", "segment", "annotate-classes", "annotate", "split"]);
}
