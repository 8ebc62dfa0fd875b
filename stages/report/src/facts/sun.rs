//! Activity around sunset and sunrise: the table `sun_activity`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;
use super::tally::Tally;

pub(super) const COLUMNS: &[&str] =
    &["site", "night", "anchor", "offset_min", "class", "effort_s", "windows", "windows_detected"];

/// What time is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Anchor {
    /// The night's first sunset.
    Sunset,
    /// The night's last sunrise.
    Sunrise,
}

impl Anchor {
    /// Both, in the order of a night.
    pub(crate) const ALL: [Self; 2] = [Self::Sunset, Self::Sunrise];

    /// Its name in the table, and in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sunset => "sunset",
            Self::Sunrise => "sunrise",
        }
    }
}

/// A half hour: what it is counted from, and its begin in minutes after that.
pub(crate) type HalfHour = (Anchor, i32);

/// Effort and detections by half hours from sunset and sunrise, all sites and nights together. Each anchor tells of all effort.
#[derive(Debug, Default)]
pub(crate) struct Sun {
    /// Seconds listened to.
    pub(crate) effort_s: BTreeMap<HalfHour, f64>,
    /// Seconds listened to without a known distance from the anchor: no time, no place, or no such event in that night.
    pub(crate) unplaced_s: BTreeMap<Anchor, f64>,
    /// Windows by class.
    pub(crate) classes: BTreeMap<String, BTreeMap<HalfHour, Tally>>,
    /// Site, night and half hour of the last row: there is a row for each class, and all of them tell of the same effort.
    last: Option<(String, Option<i32>, Anchor, Option<i32>)>,
}

impl Sun {
    /// Adds rows, in the order of the table.
    pub(super) fn add(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (sites, nights, anchors) = (batch.utf8("site")?, batch.date("night")?, batch.utf8("anchor")?);
        let (offsets, classes, effort) = (batch.i32("offset_min")?, batch.utf8("class")?, batch.f64("effort_s")?);
        let (windows, detected) = (batch.u64("windows")?, batch.u64("windows_detected")?);
        for i in 0..batch.rows() {
            let Some(anchor) = Anchor::ALL.into_iter().find(|a| a.name() == anchors.value(i)) else { continue };
            let (site, night, offset) = (sites.value(i), cell(nights, i), cell(offsets, i));
            if self.last.as_ref().is_none_or(|(s, n, a, o)| (s.as_str(), *n, *a, *o) != (site, night, anchor, offset)) {
                self.last = Some((site.to_owned(), night, anchor, offset));
                let seconds = match offset {
                    Some(offset) => self.effort_s.entry((anchor, offset)).or_default(),
                    None => self.unplaced_s.entry(anchor).or_default(),
                };
                *seconds += effort.value(i);
            }
            let Some(offset) = offset else { continue };
            if !self.classes.contains_key(classes.value(i)) {
                self.classes.insert(classes.value(i).to_owned(), BTreeMap::new());
            }
            let Some(class) = self.classes.get_mut(classes.value(i)) else { continue };
            class.entry((anchor, offset)).or_default().add(Tally { windows: windows.value(i), detected: detected.value(i) });
        }
        Ok(())
    }

    /// The share of windows of a half hour in which a class was detected; `None` where nothing was listened to.
    pub(crate) fn share(&self, class: &str, at: HalfHour) -> Option<f64> {
        self.classes.get(class)?.get(&at)?.share()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{f64, i32, i64, read_back, text};
    use super::*;

    #[test]
    fn effort_counts_once_by_half_hour_and_windows_by_class() {
        let rows: [(&str, Option<i32>, &str, Option<i32>, &str, i64); 8] = [
            ("A", Some(5), "sunrise", None, "X", 1),
            ("A", Some(5), "sunrise", None, "Y", 0),
            ("A", Some(5), "sunset", Some(-30), "X", 4),
            ("A", Some(5), "sunset", Some(-30), "Y", 0),
            ("A", Some(5), "sunset", Some(0), "X", 2),
            ("A", Some(5), "sunset", Some(0), "Y", 0),
            ("B", Some(5), "sunset", Some(0), "X", 6),
            ("B", Some(5), "sunset", Some(0), "Y", 0),
        ];
        let mut sun = Sun::default();
        // A half hour may be divided between two batches.
        for rows in [&rows[..3], &rows[3..]] {
            let batch = read_back(
                "sun_activity",
                [
                    text("site", rows.iter().map(|r| r.0)),
                    i32("night", rows.iter().map(|r| r.1)),
                    text("anchor", rows.iter().map(|r| r.2)),
                    i32("offset_min", rows.iter().map(|r| r.3)),
                    text("class", rows.iter().map(|r| r.4)),
                    f64("effort_s", rows.iter().map(|_| 600.0)),
                    i64("windows", rows.iter().map(|_| 10)),
                    i64("windows_detected", rows.iter().map(|r| r.5)),
                ],
            );
            sun.add(&batch).unwrap();
        }
        assert_eq!(sun.effort_s, [((Anchor::Sunset, -30), 600.0), ((Anchor::Sunset, 0), 1200.0)].into());
        assert_eq!(sun.unplaced_s, [(Anchor::Sunrise, 600.0)].into());
        let share = |class, offset| sun.share(class, (Anchor::Sunset, offset));
        assert_eq!((share("X", -30), share("X", 0), share("Y", 0), share("X", 30)), (Some(0.4), Some(0.4), Some(0.0), None));
    }
}
