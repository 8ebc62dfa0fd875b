//! Stage `ingest`: from a folder of files to the table `recordings`, one row per audio file, readable or not.
//!
//! The archive is listed once; each file is read in full once (content hash, facts, levels) and remembered by path, size, time of
//! change and inode, so that a later run reads only what changed. Rows are committed per site and local day.

mod error;
mod glance;
mod list;
mod probe;
mod rows;
mod sites;
mod start;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chorus_engine::{External, Scan, ScanContext, Unit, UnitContext, Work, WorkError, hash_bytes};
use serde::Deserialize;

pub use error::IngestError;
pub use glance::{Glance, glance};
use rows::Recording;

use crate::container::channels::Choice;

/// The keys that the stage depends on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    archive: ArchiveParams,
    ingest: IngestParams,
    units: UnitsParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveParams {
    audio: String,
    channel: Choice,
    exclude: Vec<String>,
    timezone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IngestParams {
    site_from: sites::SiteFrom,
    site_sheet: Option<String>,
    bare_name_clock: start::Clock,
    max_rejected_fraction: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitsParams {
    max_recordings: usize,
}

/// The stage.
#[derive(Default)]
pub struct Ingest {
    /// The rows of each unit, between the scan and the units' work.
    rows: Mutex<BTreeMap<Unit, Vec<Recording>>>,
}

impl Work for Ingest {
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let params: Params = cx.params()?;
        let archive = cx.archive()?;
        let files = list::files(&archive, &params.archive.audio, &params.archive.exclude)?;
        let (probed, pending) = probe::all(cx, &archive, files)?;
        let sheet = sites::Sheet::read(&archive, params.ingest.site_sheet.as_deref(), params.archive.timezone.as_deref())?;
        let recordings = rows::make(&archive, probed, &sheet, &params)?;
        if !cx.look_only {
            judge(cx, &recordings, params.ingest.max_rejected_fraction)?;
        }
        let units = rows::by_unit(recordings, params.units.max_recordings);
        let hash = |rows: &Vec<Recording>| serde_json::to_vec(rows).map(|text| hash_bytes(&text));
        let external = |(unit, rows): (&Unit, &Vec<Recording>)| {
            Ok((unit.clone(), External::from([("recordings in the archive".to_owned(), hash(rows)?)])))
        };
        let scan = Scan { units: units.iter().map(external).collect::<Result<_, WorkError>>()?, pending, ..Scan::default() };
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = units;
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.get(cx.unit()).ok_or("the unit was not found by the scan")?;
        Ok(rows::write(cx, rows)?)
    }
}

/// Tells what was rejected, and fails when it is too much.
fn judge(cx: &ScanContext<'_>, recordings: &[Recording], max_fraction: f64) -> Result<(), IngestError> {
    let rejected: Vec<&Recording> = recordings.iter().filter(|r| r.status == "rejected").collect();
    if rejected.is_empty() {
        return Ok(());
    }
    let first = rejected[0];
    let example = format!("{}: {}", first.path, first.reason.as_deref().unwrap_or_default());
    if rejected.len() as f64 > max_fraction * recordings.len() as f64 {
        return Err(IngestError::TooManyRejected { rejected: rejected.len(), of: recordings.len(), max_fraction, example });
    }
    cx.console().warn(&format!(
        "{} of {} recordings cannot be read ({example}); `SELECT path, reason FROM recordings WHERE status = 'rejected'` lists them",
        rejected.len(),
        recordings.len()
    ));
    Ok(())
}
