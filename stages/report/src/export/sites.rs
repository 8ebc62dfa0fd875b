//! `sites.csv`: what is known of each site: its place, and the columns of the site sheet.

use std::collections::BTreeMap;

use chorus_audio::{SiteColumns, site_columns};

use super::destination::Destination;
use super::detection::Recording;
use super::error::ExportError;
use super::run::Run;

/// The word for what is missing, as R knows it.
pub(super) const MISSING: &str = "NA";

/// Sites with their coordinates: those of the first recording that has some.
#[derive(Debug, Default)]
pub(super) struct Sites(BTreeMap<String, Option<(f64, f64)>>);

impl Sites {
    /// Adds a recording's.
    pub(super) fn add(&mut self, recording: &Recording) {
        let place = self.0.entry(recording.site.clone()).or_default();
        *place = place.or(recording.place);
    }

    /// Their names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Writes `sites.csv`, and gives back what a person should know of it.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub(super) fn write(&self, run: &Run, destination: &Destination) -> Result<Vec<String>, ExportError> {
        let (columns, mut notes) = match further(run) {
            Ok(columns) => (columns, Vec::new()),
            Err(error) => (SiteColumns::default(), vec![format!("sites.csv lacks the columns of the site sheet: {error}")]),
        };
        for (column, sites) in &columns.differing {
            let sites = sites.iter().filter(|site| self.0.contains_key(*site)).cloned().collect::<Vec<_>>().join(", ");
            if !sites.is_empty() {
                notes.push(format!("sites.csv: {column} is {MISSING} at {sites}: the lines of the site sheet differ"));
            }
        }
        let names = columns.names.iter().map(String::as_str);
        let header: Vec<&str> = ["site", "latitude", "longitude"].into_iter().chain(names).collect();
        let mut table = destination.file("sites.csv")?.csv(&header)?;
        for (site, place) in &self.0 {
            let (latitude, longitude) = place.unzip();
            let degrees = |degrees: Option<f64>| degrees.map_or_else(|| MISSING.to_owned(), |d| d.to_string());
            let mut row = vec![site.clone(), degrees(latitude), degrees(longitude)];
            let values = columns.of(site);
            row.extend((0..columns.names.len()).map(|at| match values.and_then(|values| values[at].as_deref()) {
                Some(value) => value.to_owned(),
                None => MISSING.to_owned(),
            }));
            table.row(&row)?;
        }
        table.finish()?;
        Ok(notes)
    }
}

/// The columns of the run's site sheet; none where it has no sheet. The error says why they cannot be read.
fn further(run: &Run) -> Result<SiteColumns, String> {
    let Some(sheet) = run.configured("ingest.site_sheet").and_then(serde_yaml::Value::as_str) else {
        return Ok(SiteColumns::default());
    };
    let archive = run.sound().map_err(|error| error.to_string())?;
    let archive = archive.ok_or_else(|| "the run does not name its archive".to_owned())?;
    site_columns(&*archive, sheet).map_err(|error| error.to_string())
}
