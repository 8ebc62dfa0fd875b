//! Stage `ingest`: from a folder of files to the table `recordings`, one row per audio file, readable or not.
//!
//! The archive is listed once; each file is read in full once (content hash, facts, levels) and remembered by path, size, time of
//! change and inode, so that a later run reads only what changed. Rows are committed per site and local day. Details are held for a
//! few hundred files at a time, whatever the archive's size: see `pieces` and `catalogue`.

mod catalogue;
mod error;
mod glance;
mod list;
mod pieces;
mod probe;
mod rows;
mod sheet;
mod sites;
mod start;
mod summary;

use std::sync::Arc;

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, External, Fault, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_keys::{Finding, Keys, Values};
use serde::Deserialize;

use crate::names::OwnPattern;
use catalogue::Catalogue;
pub use error::IngestError;
pub use glance::{Glance, glance};
use rows::Rules;
pub use sheet::Sheet as SiteSheet;
use summary::Tally;

use crate::container::channels::Choice;

/// The keys of the section `archive` that say what is read, and how.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "archive")]
pub(crate) struct ArchiveSettings {
    /// Folder of the archive that is searched for recordings, with all folders in it.
    #[key(default = ".", within = "archive.path", example = "raw_data")]
    audio: String,
    /// Folders and files of the archive that are skipped, by their paths.
    #[key(default = "[]", example = "[raw_data/tests, raw_data/POND01/broken.wav]")]
    exclude: Vec<String>,
    /// How recordings with several channels are downmixed to one: the mean of the channels, or one channel by its number, from 1.
    #[key(default = "mix", range = 1..=128, example = "2")]
    channel: Choice,
    /// IANA time zone of the recorders' clocks. Without one, start_utc is null where neither the file nor the site sheet says the
    /// offset from UTC.
    #[key(example = "America/Sao_Paulo")]
    timezone: Option<String>,
}

/// The section `ingest` of the configuration.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "ingest")]
pub(crate) struct IngestSettings {
    /// Where the site of a recording is taken from when the site sheet does not assign one.
    #[key(default = "folder")]
    site_from: sites::SiteFrom,
    /// Site sheet: a CSV file of the archive with the column site and any of latitude, longitude, timezone, folder, name, serial,
    /// from, to and start. See docs/recorders.md.
    #[key(within = "archive.path", example = "sites.csv")]
    site_sheet: Option<String>,
    /// Pattern of file names that hold the time of recording. It is tried before the patterns of known recorders. See
    /// docs/recorders.md.
    #[key(example = "\"{site}_%Y%m%d_%H%M%S\"")]
    name_pattern: Option<String>,
    /// Clock of file names without prefix and time zone: YYYYMMDD_HHMMSS, as AudioMoth writes them.
    #[key(default = "utc")]
    bare_name_clock: start::Clock,
    /// Share of recordings that may be rejected. When more are rejected, the run fails.
    #[key(default = "0.2", range = 0.0..=1.0)]
    max_rejected_fraction: f64,
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
struct Params {
    archive: Arc<ArchiveSettings>,
    ingest: Arc<IngestSettings>,
    max_recordings: usize,
}

impl Params {
    fn of(cx: &ScanContext<'_>) -> Result<Self, EngineError> {
        Ok(Self { archive: cx.settings()?, ingest: cx.settings()?, max_recordings: cx.value("units.max_recordings")? })
    }
}

/// The stage.
pub struct Ingest;

impl Ingest {
    /// What the stage declares of itself.
    pub fn declare(_: &Config) -> Option<Pass> {
        Some(Pass {
            code_version: 3,
            inputs: vec![Input::Archive],
            outputs: vec![Output::Table("recordings")],
            keys: vec![
                "archive.audio",
                "archive.channel",
                "archive.exclude",
                "archive.timezone",
                "ingest.*",
                "units.max_recordings",
            ],
            exploratory: true,
            ..Pass::new("ingest", Per::SiteDay)
        })
    }
}

impl Work for Ingest {
    /// The archive as the scan saw it, from which each unit takes its recordings.
    type Found = Catalogue;

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let (params, archive) = (Params::of(cx)?, cx.archive_folder()?);
        let mut faults = Vec::new();
        let audio = &params.archive.audio;
        if !archive.join(audio).is_dir() {
            let allowed = "name a folder that is there, or `.` for the whole archive".to_owned();
            faults.push(Fault { key: "archive.audio", found: format!("`{audio}`, and the archive has no such folder"), allowed });
        }
        if let Some(Err(e)) = params.ingest.name_pattern.as_deref().map(OwnPattern::new) {
            let found = format!("a pattern that cannot be used ({e})");
            faults.push(Fault {
                key: "ingest.name_pattern",
                found,
                allowed: "see docs/recorders.md for what a pattern may hold".to_owned(),
            });
        }
        if let Err(e) = sheet::Sheet::read(&archive, params.ingest.site_sheet.as_deref(), params.archive.timezone.as_deref()) {
            let found = format!("a sheet that cannot be used ({e})");
            faults.push(Fault { key: "ingest.site_sheet", found, allowed: "correct the sheet, or leave the key out".to_owned() });
        }
        Ok(faults)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<Catalogue>, WorkError> {
        let params = Params::of(cx)?;
        let archive = cx.archive_folder()?;
        let own_names = params.ingest.name_pattern.as_deref().map(OwnPattern::new).transpose().map_err(IngestError::from)?;
        let sheet = sheet::Sheet::read(&archive, params.ingest.site_sheet.as_deref(), params.archive.timezone.as_deref())?;
        let files = list::files(&archive, &params.archive.audio, &params.archive.exclude)?;
        let rules = Rules { archive, sheet, own_names, params };
        let (catalogue, tally, pending) = Catalogue::look(cx, rules, files)?;
        let remarks = catalogue.rules().sheet.judge(&tally.fits)?;
        if !cx.look_only {
            let pattern = catalogue.rules().unfitting_pattern(&tally);
            remarks.iter().chain(&pattern).for_each(|remark| cx.console().warn(remark));
            judge(cx, &tally, catalogue.rules().params.ingest.max_rejected_fraction)?;
        }
        Ok(Scan { units: catalogue.externals(), all: External::new(), pending: pending.in_words(), found: catalogue })
    }

    fn run(&self, cx: &UnitContext<'_>, catalogue: &Catalogue) -> Result<(), WorkError> {
        Ok(rows::write(cx, &catalogue.rows(cx)?)?)
    }
}

/// Tells what was rejected, and fails when it is too much.
fn judge(cx: &ScanContext<'_>, tally: &Tally, max_fraction: f64) -> Result<(), IngestError> {
    let &Tally { rejected, recordings: of, .. } = tally;
    let Some((_, example)) = tally.first_rejected.clone() else { return Ok(()) };
    if rejected as f64 > max_fraction * of as f64 {
        return Err(IngestError::TooManyRejected { rejected, of, max_fraction, example });
    }
    cx.console().warn(&format!(
        "{rejected} of {of} recordings cannot be read ({example}); `SELECT path, reason FROM recordings WHERE status = 'rejected'` lists them"
    ));
    Ok(())
}
