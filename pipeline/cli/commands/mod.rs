//! One file per command.

pub(crate) mod check;
pub(crate) mod clips;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod device;
pub(crate) mod export;
mod freshness;
pub(crate) mod init;
pub(crate) mod model;
pub(crate) mod probe;
pub(crate) mod query;
pub(crate) mod review;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod sweep;

use chorus_audio::{Featurize, Ingest, Segment};
use chorus_engine::{Config, Console, Registry, Runner};
use chorus_labels::{Annotate, AnnotateClasses, Split};
use chorus_report::Report;
use chorus_score::{Activity, Detect, Evaluate};

/// A runner that holds every stage of this program; train and predict are the worker's.
pub(crate) fn runner(config: Config) -> Runner {
    let registry = Registry::default()
        .with("ingest", Ingest::default())
        .with("segment", Segment)
        .with("annotate-classes", AnnotateClasses::default())
        .with("annotate", Annotate::default())
        .with("split", Split)
        .with("featurize", Featurize)
        .with("evaluate", Evaluate)
        .with("detect", Detect)
        .with("detect-activity", Activity)
        .with("report", Report);
    Runner::new(config, registry, Console::new())
}
