//! Stage `ingest`: from a folder of files to the table `recordings`, one row per audio file, readable or not.
//!
//! The archive is listed once. Each file is read once, in full (content hash, facts and levels in one pass: see
//! `container::hashed`). The result is stored with the file's path, size and version, so a later run reads only files that
//! changed. Rows are committed per site and local day. The memory that is needed does not depend on the size of the archive: see
//! `pieces` and `catalogue`.

mod beside;
mod catalogue;
mod copies;
mod error;
mod exclude;
mod folders;
mod found;
mod glance;
mod list;
mod listed;
mod listing;
mod params;
mod pieces;
mod probe;
mod rows;
mod sheet;
mod sites;
mod start;
mod summary;
mod twins;

use std::collections::BTreeMap;

use chorus_archive::Kind;
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Console, External, Fault, Scan, ScanContext, UnitContext, Work, WorkError, counted};

use crate::names::OwnPattern;
use catalogue::{Catalogue, Look};
pub use error::IngestError;
use exclude::Exclude;
pub use glance::{Glance, glance};
use list::Seen;
pub use list::is_audio_name;
use params::Params;
pub(crate) use params::{ArchiveSettings, IngestSettings, timezone};
use rows::Rules;
pub use sheet::{Sheet as SiteSheet, SiteColumns, site_columns};
use summary::Tally;

/// The stage.
pub struct Ingest;

impl Ingest {
    /// What the stage declares of itself.
    pub fn declare(_: &Config) -> Option<Pass> {
        Some(Pass {
            code_version: 7,
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
        let (params, archive) = (Params::of(cx)?, cx.archive()?);
        let mut faults = Vec::new();
        let audio = &params.archive.audio;
        if !matches!(archive.kind_of(audio), Ok(Some(Kind::Folder))) {
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
        if let Err(e) = sheet::Sheet::read(archive, params.ingest.site_sheet.as_deref(), params.archive.timezone.as_deref()) {
            let found = format!("a sheet that cannot be used ({e})");
            faults.push(Fault { key: "ingest.site_sheet", found, allowed: "correct the sheet, or leave the key out".to_owned() });
        }
        Ok(faults)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<Catalogue>, WorkError> {
        let params = Params::of(cx)?;
        let archive = cx.archive()?;
        let own_names = params.ingest.name_pattern.as_deref().map(OwnPattern::new).transpose().map_err(IngestError::from)?;
        let sheet = sheet::Sheet::read(archive, params.ingest.site_sheet.as_deref(), params.archive.timezone.as_deref())?;
        let exclude = Exclude::new(&params.archive.exclude);
        let Seen { listing, lost } = list::list(archive, &params.archive.audio, &exclude)?;
        let rules = Rules { archive_name: archive.name(), sheet, own_names, params };
        rules.refuse_long_folders(&listing)?;
        let doubts = rules.doubtful_folders(&listing);
        let Look { catalogue, tally, pending, units, hours } = Catalogue::look(cx, rules, listing)?;
        if cx.only.is_some() && !cx.look_only && pending.files() > 0 {
            let others = format!("read its part; other shares have to read {} yet", counted(pending.files(), "file"));
            let (units, hours, all) = (BTreeMap::new(), BTreeMap::new(), External::new());
            return Ok(Scan { units, hours, all, pending: Some(others), lost, found: catalogue });
        }
        let remarks = catalogue.rules().sheet.judge(&tally.fits)?;
        if !cx.look_only {
            let pattern = tally.unfitting_pattern(catalogue.rules());
            lost.iter().for_each(|link| cx.console().warn(&lost_link(link)));
            exclude.remarks().iter().chain(&remarks).chain(&pattern).chain(&doubts).for_each(|remark| cx.console().warn(remark));
            check_rejected(cx, &tally, catalogue.rules().params.ingest.max_rejected_fraction)?;
        }
        Ok(Scan { units, hours, all: External::new(), pending: pending.in_words(), lost, found: catalogue })
    }

    fn run(&self, cx: &UnitContext<'_>, catalogue: &Catalogue) -> Result<(), WorkError> {
        Ok(rows::write(cx, &catalogue.rows(cx)?)?)
    }

    fn summarise(&self, console: &Console, catalogue: &Catalogue) {
        catalogue.twins().iter().for_each(|sentence| console.warn(sentence));
    }
}

/// What a warning says of a link that leads nowhere.
fn lost_link(link: &str) -> String {
    format!("{link}: this link leads nowhere; if recordings are behind it, mount the disk, else remove the link")
}

/// Warns of rejected recordings.
///
/// # Errors
/// [`IngestError::TooManyRejected`].
fn check_rejected(cx: &ScanContext<'_>, tally: &Tally, max_fraction: f64) -> Result<(), IngestError> {
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
