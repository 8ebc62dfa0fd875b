//! The configuration of the stage.

use serde::Deserialize;

use super::sites::SiteFrom;
use super::start::Clock;
use crate::container::channels::Choice;

/// The keys that the stage depends on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    pub(super) archive: ArchiveParams,
    pub(super) ingest: IngestParams,
    pub(super) units: UnitsParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveParams {
    pub(super) audio: String,
    pub(super) channel: Choice,
    pub(super) exclude: Vec<String>,
    pub(super) timezone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IngestParams {
    pub(super) site_from: SiteFrom,
    pub(super) site_sheet: Option<String>,
    pub(super) name_pattern: Option<String>,
    pub(super) bare_name_clock: Clock,
    pub(super) max_rejected_fraction: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitsParams {
    pub(super) max_recordings: usize,
}
