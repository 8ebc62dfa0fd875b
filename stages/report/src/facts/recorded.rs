//! What was recorded, and what of it could not be read: the table `recordings`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;
use super::day::{Day, nights};

/// Files that are listed one by one, for each status; the rest is counted.
const LISTED: usize = 150;

/// Degrees within which coordinates are of one place; about 100 m.
const SAME_PLACE_DEG: f64 = 0.001;

/// Columns that are read, with what [`super::Found::name_recordings`] reads.
pub(super) const COLUMNS: &[&str] = &[
    "recording_id",
    "path",
    "start_utc",
    "start_local",
    "utc_offset_min",
    "timezone",
    "time_note",
    "duration_s",
    "sample_rate_hz",
    "dead_channels",
    "duplicate_of",
    "copy_of",
    "latitude",
    "longitude",
    "status",
    "reason_code",
    "reason",
    "lost_s",
];

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Sites by name.
    pub(crate) sites: BTreeMap<String, Site>,
    /// Files that could not be read, the first of them.
    pub(crate) rejected: Vec<Damaged>,
    /// Files that could be read in part, the first of them.
    pub(crate) repaired: Vec<Damaged>,
    /// Numbers of all such files by the code of their damage.
    pub(crate) damage: BTreeMap<String, u64>,
    /// Recordings with the same content as another one.
    pub(crate) duplicates: u64,
    /// Those of them that are copies: of the same site and start. They count once.
    pub(crate) copies: u64,
    /// Recordings whose start is doubtful.
    pub(crate) doubtful: u64,
}

/// What one site recorded.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// Recordings, readable or not. Copies are not counted.
    pub(crate) recordings: u64,
    /// Those of them that could not be read.
    pub(crate) rejected: u64,
    /// Those of them that could be read in part.
    pub(crate) repaired: u64,
    /// Readable recordings without a known start.
    pub(crate) untimed: u64,
    /// Seconds that can be read.
    pub(crate) recorded_s: f64,
    /// Date of the first recording.
    pub(crate) first: Option<Day>,
    /// Date of the last recording.
    pub(crate) last: Option<Day>,
    /// Latitude and longitude of the first recording that has them.
    pub(crate) place: Option<(f64, f64)>,
    /// Whether other recordings name another place.
    pub(crate) moved: bool,
    /// Nights with recordings.
    pub(crate) nights: BTreeMap<Day, Night>,
}

/// What one site recorded in one night.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Night {
    /// Seconds that can be read.
    pub(crate) recorded_s: f64,
    /// Files that could not be read.
    pub(crate) rejected: u64,
}

/// A file that could not be read as it stands.
#[derive(Debug)]
pub(crate) struct Damaged {
    /// The site.
    pub(crate) site: String,
    /// Path in the archive.
    pub(crate) path: String,
    /// The damage in words.
    pub(crate) reason: String,
    /// Seconds that are lost, where that is known.
    pub(crate) lost_s: Option<f64>,
}

impl Recorded {
    /// Adds recordings of one site.
    pub(super) fn add(&mut self, site: &str, batch: &Batch) -> Result<(), TableError> {
        let (status, starts, durations) = (batch.utf8("status")?, batch.micros("start_local")?, batch.f64("duration_s")?);
        let (latitudes, longitudes) = (batch.f64("latitude")?, batch.f64("longitude")?);
        let (notes, duplicates, copies) = (batch.utf8("time_note")?, batch.utf8("duplicate_of")?, batch.utf8("copy_of")?);
        for i in 0..batch.rows() {
            let status = status.value(i);
            let at = self.sites.entry(site.to_owned()).or_default();
            at.add_place(cell(latitudes, i).zip(cell(longitudes, i)));
            let is_copy = cell(copies, i).is_some();
            self.copies += u64::from(is_copy);
            if !is_copy {
                at.recordings += 1;
                at.add_time(cell(starts, i), cell(durations, i).filter(|_| status != "rejected"));
            }
            match status {
                "rejected" => at.rejected += 1,
                "repaired" => at.repaired += 1,
                _ => {}
            }
            self.doubtful += u64::from(cell(notes, i).is_some());
            self.duplicates += u64::from(cell(duplicates, i).is_some());
            if status != "ok" {
                self.add_damaged(site, batch, i, status == "rejected")?;
            }
        }
        Ok(())
    }

    fn add_damaged(&mut self, site: &str, batch: &Batch, row: usize, rejected: bool) -> Result<(), TableError> {
        let code = cell(batch.utf8("reason_code")?, row).unwrap_or("unknown");
        *self.damage.entry(code.to_owned()).or_default() += 1;
        let files = if rejected { &mut self.rejected } else { &mut self.repaired };
        if files.len() < LISTED {
            files.push(Damaged {
                site: site.to_owned(),
                path: batch.utf8("path")?.value(row).to_owned(),
                reason: cell(batch.utf8("reason")?, row).unwrap_or(code).to_owned(),
                lost_s: cell(batch.f64("lost_s")?, row),
            });
        }
        Ok(())
    }

    /// A sum over sites.
    pub(crate) fn total(&self, of: impl Fn(&Site) -> u64) -> u64 {
        self.sites.values().map(of).sum()
    }

    /// Seconds that can be read.
    pub(crate) fn recorded_s(&self) -> f64 {
        self.sites.values().map(|s| s.recorded_s).sum()
    }

    /// Dates of the first and the last recording.
    pub(crate) fn span(&self) -> Option<(Day, Day)> {
        let first = self.sites.values().filter_map(|s| s.first).min();
        first.zip(self.sites.values().filter_map(|s| s.last).max())
    }
}

impl Site {
    fn add_place(&mut self, place: Option<(f64, f64)>) {
        let Some((latitude, longitude)) = place else { return };
        let (first_latitude, first_longitude) = *self.place.get_or_insert((latitude, longitude));
        self.moved |= (latitude - first_latitude).abs() > SAME_PLACE_DEG || (longitude - first_longitude).abs() > SAME_PLACE_DEG;
    }

    /// `duration_s` is `None` for what could not be read.
    fn add_time(&mut self, start_local_us: Option<i64>, duration_s: Option<f64>) {
        self.recorded_s += duration_s.unwrap_or(0.0);
        let timed = start_local_us.and_then(|us| Some((us, Day::of(us)?)));
        let Some((start_us, day)) = timed else {
            self.untimed += u64::from(duration_s.is_some());
            return;
        };
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
        self.last = Some(self.last.map_or(day, |last| last.max(day)));
        match duration_s {
            Some(duration_s) => {
                for (night, seconds) in nights(start_us, duration_s) {
                    self.nights.entry(night).or_default().recorded_s += seconds;
                }
            }
            // A moment will do to find the night of a file that could not be read.
            None => nights(start_us, 1e-6).iter().for_each(|(night, _)| self.nights.entry(*night).or_default().rejected += 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{f64, i64, read_back, text};
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    /// A row: path, start, duration, status.
    type Row<'a> = (&'a str, Option<i64>, Option<f64>, &'a str);

    fn recordings(rows: &[Row<'_>]) -> Batch {
        let damaged = |text: &'static str| rows.iter().map(move |r| (r.3 != "ok").then_some(text));
        read_back(
            "recordings",
            [
                text("path", rows.iter().map(|r| r.0)),
                i64("start_local", rows.iter().map(|r| r.1)),
                text("time_note", rows.iter().map(|r| r.1.filter(|us| *us < HOUR_US).map(|_| "a dead clock"))),
                f64("duration_s", rows.iter().map(|r| r.2)),
                text("duplicate_of", rows.iter().map(|r| r.0.contains("copy").then_some("r0"))),
                text("copy_of", rows.iter().map(|r| r.0.starts_with("second copy").then_some("r0"))),
                f64("latitude", (0..rows.len()).map(|i| (i > 0).then_some(-15.0))),
                f64("longitude", rows.iter().map(|r| if r.0.contains("far") { -44.0 } else { -43.0 })),
                text("status", rows.iter().map(|r| r.3)),
                text("reason_code", damaged("truncated")),
                text("reason", damaged("the file ends early")),
                f64("lost_s", rows.iter().map(|r| (r.3 == "repaired").then_some(2.5))),
            ],
        )
    }

    #[test]
    fn readable_unreadable_and_untimed_recordings_are_told_apart() {
        let mut recorded = Recorded::default();
        recorded
            .add(
                "A",
                &recordings(&[
                    ("a.wav", Some(11 * HOUR_US), Some(7200.0), "ok"),
                    ("copy.wav", Some(36 * HOUR_US), Some(600.0), "repaired"),
                    ("far.wav", Some(60 * HOUR_US), None, "rejected"),
                    ("untimed.wav", None, Some(60.0), "ok"),
                    ("second copy.wav", Some(11 * HOUR_US), Some(7200.0), "ok"),
                ]),
            )
            .unwrap();
        recorded.add("B", &recordings(&[("b.wav", Some(0), Some(1.0), "ok")])).unwrap();
        let a = &recorded.sites["A"];
        assert_eq!((a.recordings, a.repaired, a.rejected, a.untimed, a.recorded_s), (4, 1, 1, 1, 7860.0));
        assert_eq!((a.first, a.last), (Some(Day(0)), Some(Day(2))));
        let nights: Vec<_> = a.nights.iter().map(|(d, n)| (d.0, n.recorded_s, n.rejected)).collect();
        assert_eq!(nights, [(-1, 3600.0, 0), (0, 3600.0, 0), (1, 600.0, 0), (2, 0.0, 1)]);
        assert_eq!((a.place, a.moved), (Some((-15.0, -43.0)), true));
        assert_eq!(recorded.sites["B"].place, None, "half a coordinate is none");
        assert_eq!((recorded.duplicates, recorded.copies, recorded.doubtful), (2, 1, 1));
        assert_eq!((recorded.total(|s| s.recordings), recorded.span()), (5, Some((Day(0), Day(2)))), "each recording once");
        assert_eq!(recorded.damage["truncated"], 2);
        assert_eq!((recorded.rejected[0].path.as_str(), recorded.repaired[0].lost_s), ("far.wav", Some(2.5)));
    }

    #[test]
    fn a_thousand_broken_files_are_counted_and_the_first_ones_listed() {
        let mut recorded = Recorded::default();
        recorded.add("A", &recordings(&vec![("x.wav", None, None, "rejected"); 1000])).unwrap();
        assert_eq!((recorded.rejected.len(), recorded.total(|s| s.rejected)), (LISTED, 1000));
        assert_eq!(recorded.sites["A"].untimed, 0, "only what can be read is missed in the calendars");
    }
}
