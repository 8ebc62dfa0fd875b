//! An index of the lines of a sheet, since a sheet may have a line for each of many recordings.

use std::collections::BTreeMap;

use chorus_archive::composed;
use jiff::tz::TimeZone;

use super::line::{Line, Subject};

/// Positions of lines by a text.
type Positions = BTreeMap<String, Vec<usize>>;

/// Positions of the lines. Every line is in one of the maps, by its most selective field.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Of lines that assign, by the recorder.
    by_serial: Positions,
    /// By the name up to the first `*`.
    by_name: Positions,
    /// By the last of the folders.
    by_folder: Positions,
    /// Of lines that describe, by the site.
    describing: Positions,
    /// Zones by site, of whatever lines.
    zones: BTreeMap<String, TimeZone>,
}

impl Index {
    pub(super) fn of(lines: &[Line]) -> Self {
        let mut index = Self::default();
        for (at, line) in lines.iter().enumerate() {
            let (positions, key) = match (&line.serial, &line.name, line.folders.last()) {
                (Some(serial), _, _) => (&mut index.by_serial, serial.as_str()),
                (_, Some(name), _) => (&mut index.by_name, before_star(name.as_str())),
                (_, _, Some(folder)) => (&mut index.by_folder, folder.as_str()),
                (None, None, None) => (&mut index.describing, line.site.as_str()),
            };
            positions.entry(composed(key).into_owned()).or_default().push(at);
            if let Some(zone) = &line.zone {
                index.zones.entry(composed(&line.site).into_owned()).or_insert_with(|| zone.clone());
            }
        }
        index
    }

    /// The lines that may assign a recording, in the order of the sheet: all that fit are among them.
    pub(super) fn assigning(&self, subject: &Subject<'_>) -> Vec<usize> {
        let of = |positions: &'_ Positions, key: &str| positions.get(key).cloned().unwrap_or_default();
        let mut lines = subject.serial.map_or_else(Vec::new, |serial| of(&self.by_serial, &serial.to_ascii_uppercase()));
        let ends = subject.stem.char_indices().map(|(at, _)| at).chain([subject.stem.len()]);
        lines.extend(ends.flat_map(|end| of(&self.by_name, &subject.stem[..end])));
        lines.extend(subject.way.iter().flat_map(|folder| of(&self.by_folder, folder)));
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// The lines that describe a site, in the order of the sheet.
    pub(super) fn describing(&self, site: &str) -> &[usize] {
        self.describing.get(&*composed(site)).map_or(&[], Vec::as_slice)
    }

    /// The zone that the sheet gives a site.
    pub(super) fn zone(&self, site: &str) -> Option<&TimeZone> {
        self.zones.get(&*composed(site))
    }
}

/// What a name that fits the pattern begins with.
fn before_star(pattern: &str) -> &str {
    pattern.split('*').next().unwrap_or_default()
}
