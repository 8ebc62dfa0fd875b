//! The configuration of the stage.

use std::sync::Arc;

use chorus_engine::{EngineError, ScanContext};
use chorus_keys::{Finding, Keys, Values};
use serde::Deserialize;

use super::sites::SiteFrom;
use super::start::Clock;
use crate::container::channels::Choice;

/// The keys of the section `archive` that say what is read, and how.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "archive")]
pub(crate) struct ArchiveSettings {
    /// Folder of the archive that is searched for recordings, with all folders in it.
    #[key(default = ".", within = "archive.path", example = "raw_data")]
    pub(super) audio: String,
    /// Folders and files of the archive that are skipped: their paths in the archive, or patterns of such paths. In a pattern,
    /// `*` is any text within one name, `**` any number of folders, `?` one character, and `{a,b}` is a or b. A folder is
    /// skipped with all that it holds. An entry that matches nothing gives a warning.
    #[key(default = "[]", example = "[raw_data/tests, \"**/*_test.wav\"]")]
    pub(super) exclude: Vec<String>,
    /// How recordings with several channels are downmixed to one: the mean of the channels, or one channel by its number, from 1.
    #[key(default = "mix", range = 1..=128, example = "2")]
    pub(super) channel: Choice,
    /// IANA time zone of the recorders' clocks. Without one, start_utc is null where neither the file nor the site sheet says the
    /// offset from UTC.
    #[key(example = "America/Sao_Paulo")]
    pub(super) timezone: Option<String>,
}

/// The section `ingest` of the configuration.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "ingest")]
pub(crate) struct IngestSettings {
    /// Where the site of a recording is taken from when the site sheet does not assign one.
    #[key(default = "folder")]
    pub(super) site_from: SiteFrom,
    /// With site_from: folder, the level of the folder that is the site: 1 is the first folder below archive.audio; null: the folder
    /// that holds the recording.
    #[key(unit = "folders", range = 1..=64, example = "1")]
    pub(super) site_folder: Option<usize>,
    /// Site sheet: a CSV file of the archive with the column site and any of latitude, longitude, timezone, folder, name, serial,
    /// from, to and start. See docs/recorders.md.
    #[key(within = "archive.path", example = "sites.csv")]
    pub(super) site_sheet: Option<String>,
    /// Pattern of file names that hold the time of recording. It is tried before the patterns of known recorders. See
    /// docs/recorders.md.
    #[key(example = "\"{site}_%Y%m%d_%H%M%S\"")]
    pub(super) name_pattern: Option<String>,
    /// Clock of file names without prefix and time zone: YYYYMMDD_HHMMSS, as AudioMoth writes them.
    #[key(default = "utc")]
    pub(super) bare_name_clock: Clock,
    /// Share of recordings that may be rejected. When more are rejected, the run fails.
    #[key(default = "0.2", range = 0.0..=1.0)]
    pub(super) max_rejected_fraction: f64,
}

/// Checks that the time zone is one.
pub(crate) fn timezone(values: &Values) -> Vec<Finding> {
    let unknown = values.text("archive.timezone").filter(|zone| jiff::tz::TimeZone::get(zone).is_err());
    let refuse = |zone: &str| {
        let allowed = "allowed: an IANA time zone, such as America/Sao_Paulo or UTC";
        Finding::new("archive.timezone", format!("`{zone}`"), allowed)
    };
    unknown.map(refuse).into_iter().collect()
}

/// All that the stage is configured with.
#[derive(Debug)]
pub(super) struct Params {
    pub(super) archive: Arc<ArchiveSettings>,
    pub(super) ingest: Arc<IngestSettings>,
    pub(super) max_recordings: usize,
}

impl Params {
    pub(super) fn of(cx: &ScanContext<'_>) -> Result<Self, EngineError> {
        Ok(Self { archive: cx.settings()?, ingest: cx.settings()?, max_recordings: cx.value("units.max_recordings")? })
    }
}
