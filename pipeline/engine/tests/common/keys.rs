//! Keys for tests of the engine: its own, and a few of the stages' names with fewer keys.

use chorus_keys::{Declarations, Finding, Keys, Values};

#[derive(Keys)]
#[keys(section = "archive")]
#[allow(dead_code)]
struct Archive {
    /// Folder.
    #[key(default = ".", within = "archive.path")]
    audio: String,
    /// Channel.
    #[key(default = "mix")]
    channel: String,
    /// Folders.
    #[key(default = "[]")]
    exclude: Vec<String>,
    /// Zone.
    timezone: Option<String>,
}

#[derive(Keys)]
#[keys(section = "annotate")]
#[allow(dead_code)]
struct Annotate {
    /// Layout.
    #[key(default = "none")]
    format: String,
    /// Folder.
    #[key(within = "archive.path")]
    folder: Option<String>,
}

#[derive(Keys)]
#[keys(section = "ingest")]
#[allow(dead_code)]
struct Ingest {
    /// Sheet.
    #[key(within = "archive.path")]
    site_sheet: Option<String>,
}

#[derive(Keys)]
#[keys(section = "segment")]
#[allow(dead_code)]
struct Segment {
    /// Length.
    #[key(default = "3", range = 0.1..=600.0)]
    window_s: f64,
    /// Step.
    #[key(default = "3", range = 0.01..=600.0)]
    hop_s: f64,
    /// Shortest rest.
    #[key(default = "1", range = 0.0..=600.0)]
    min_tail_s: f64,
}

#[derive(Keys)]
#[keys(section = "featurize")]
#[allow(dead_code)]
struct Featurize {
    /// Bands.
    #[key(default = "128", range = 4..=1024)]
    n_mels: usize,
    /// Step.
    #[key(default = "128", range = 1..=65_536)]
    hop_length: usize,
    /// Rate.
    #[key(default = "16000", range = 1..=10_000_000)]
    sample_rate_hz: u32,
    /// Upper edge.
    #[key(default = "8000", range = above(0.0))]
    f_max_hz: f64,
    /// Level.
    #[key(default = "db")]
    level: String,
    /// High-pass.
    high_pass_hz: Option<f64>,
}

fn f_max(values: &Values) -> Vec<Finding> {
    let half = values.number("featurize.sample_rate_hz") / 2.0;
    let over = values.number("featurize.f_max_hz") > half;
    over.then(|| Finding::new("featurize.f_max_hz", "too much", "allowed: up to half of the rate")).into_iter().collect()
}

#[derive(Keys)]
#[keys(section = "split")]
#[allow(dead_code)]
struct Split {
    /// Seed.
    #[key(default = "0")]
    seed: u64,
}

#[derive(Keys)]
#[keys(section = "train")]
#[allow(dead_code)]
struct Train {
    /// Seed.
    #[key(default = "0")]
    seed: u64,
    /// Memory.
    #[key(default = "4")]
    memory_gib: f64,
    /// Weights.
    #[key(path)]
    initial_weights: Option<String>,
    /// What it learns from.
    on: Option<String>,
}

#[derive(Keys)]
#[keys(section = "model")]
#[allow(dead_code)]
struct Ensemble {
    /// Folders.
    #[key(default = "[]", path)]
    ensemble: Vec<String>,
}

#[derive(Keys)]
#[keys(section = "evaluate")]
#[allow(dead_code)]
struct Evaluate {
    /// Seed.
    #[key(default = "0")]
    seed: u64,
}

#[derive(Keys)]
#[keys(section = "detect")]
#[allow(dead_code)]
struct Detect {
    /// Threshold.
    #[key(range = 0.0..=1.0)]
    threshold: Option<f64>,
}

#[derive(Keys)]
#[keys(section = "report")]
#[allow(dead_code)]
struct Report {
    /// Title.
    title: Option<String>,
}

/// All keys that the tests use.
pub fn keys() -> &'static Declarations {
    chorus_engine::config::declarations()
        .section::<Archive>()
        .section::<Annotate>()
        .section::<Ingest>()
        .section::<Segment>()
        .section::<Featurize>()
        .section::<Split>()
        .section::<Train>()
        .section::<Ensemble>()
        .section::<Evaluate>()
        .section::<Detect>()
        .section::<Report>()
        .check(f_max)
        .into_static()
}
