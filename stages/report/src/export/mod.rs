//! A run's detections as files that other programs open: `chorus export`. What each holds and what opens it: docs/exports.md.
//!
//! - [`run`]: recordings and their detections, a unit at a time. [`destination`]: a folder that appears whole. [`clock`]: instants and
//!   local time.
//! - A file for each format. Each is a function from the run to files; memory grows with sites, nights and classes, not with detections.
//!
//! Names from the archive are text to every format: separators, quotation marks and line ends within them are quoted, or become spaces where
//! the format knows no quotes.

mod audacity;
mod camtrap_dp;
pub(crate) mod clock;
mod darwin_core;
pub(crate) mod destination;
mod error;
mod filter;
mod flat;
mod histories;
mod kaleidoscope;
pub(crate) mod raven;
pub(crate) mod run;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use destination::Destination;
use run::Run;

pub use error::ExportError;
pub use filter::Filter;

/// A format of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Selection tables of Raven.
    Raven,
    /// Label tracks of Audacity.
    Audacity,
    /// The table of clusters that Kaleidoscope opens.
    Kaleidoscope,
    /// One flat table.
    Csv,
    /// A Camera Trap Data Package.
    CamtrapDp,
    /// A Darwin Core Archive.
    DarwinCore,
    /// Sites by nights for each class, as occupancy models take them.
    DetectionHistories,
}

impl Format {
    /// All of them with their names.
    pub const ALL: [(&str, Self); 7] = [
        ("raven", Self::Raven),
        ("audacity", Self::Audacity),
        ("kaleidoscope", Self::Kaleidoscope),
        ("csv", Self::Csv),
        ("camtrap-dp", Self::CamtrapDp),
        ("darwin-core", Self::DarwinCore),
        ("detection-histories", Self::DetectionHistories),
    ];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(|(name, _)| name).join(", ");
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| format).ok_or_else(|| format!("found `{name}`, expected one of {}", names()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name))
    }
}

/// What to export, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder of the run.
    pub run: PathBuf,
    /// The format.
    pub format: Format,
    /// Which detections.
    pub filter: Filter,
    /// The folder to write.
    pub folder: PathBuf,
    /// Whether to put files over those that are in the folder.
    pub force: bool,
    /// With [`Format::CamtrapDp`]: a file with what the run does not know, such as the contributors.
    pub metadata: Option<PathBuf>,
}

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Readable recordings that were looked at.
    pub recordings: u64,
    /// Detections that were written.
    pub detections: u64,
    /// What a person should know of it, in sentences.
    pub notes: Vec<String>,
}

/// Exports the detections of a run.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn export(request: &Request) -> Result<Summary, ExportError> {
    let run = Run::open(&request.run)?;
    let filter = &request.filter;
    filter.check(&run)?;
    let destination = Destination::new(&request.folder, request.force, run.path(), run.archive().as_deref())?;
    let summary = match request.format {
        Format::Raven => raven::write(&run, filter, &destination),
        Format::Audacity => audacity::write(&run, filter, &destination),
        Format::Kaleidoscope => kaleidoscope::write(&run, filter, &destination),
        Format::Csv => flat::write(&run, filter, &destination),
        Format::CamtrapDp => camtrap_dp::write(&run, filter, &destination, request.metadata.as_deref()),
        Format::DarwinCore => darwin_core::write(&run, filter, &destination),
        Format::DetectionHistories => histories::write(&run, filter, &destination),
    }?;
    destination.publish()?;
    Ok(summary)
}

/// A sentence on what a format could not hold, where there is any.
fn left_out(detections: u64, recordings: u64, why: &str) -> Option<String> {
    let some = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    (recordings > 0).then(|| format!("{} in {} left out: {why}", some(detections, "detection"), some(recordings, "recording")))
}

/// Text for a format that knows no quotes: what ends a field or a line becomes a space.
pub(crate) fn unquoted(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The path of a file that says something of a recording: the recording's own with something behind it.
fn beside(path: &Path, suffix: &str) -> String {
    format!("{}{suffix}", path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_one_name_each() {
        for (name, format) in Format::ALL {
            assert_eq!((name.parse(), format.to_string()), (Ok(format), name.to_owned()));
        }
        assert!("ravens".parse::<Format>().unwrap_err().contains("raven, audacity, "));
    }

    #[test]
    fn what_ends_a_field_is_a_space_where_there_are_no_quotes() {
        assert_eq!(unquoted("a\tb\r\nc \"d\" é"), "a b  c \"d\" é");
    }

    #[test]
    fn what_is_left_out_is_told() {
        assert_eq!(left_out(0, 0, "x"), None);
        assert_eq!(left_out(1, 2, "no start is known").unwrap(), "1 detection in 2 recordings left out: no start is known");
    }
}
