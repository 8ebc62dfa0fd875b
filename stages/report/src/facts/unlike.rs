//! Sounds that are unlike everything that was learnt: the table `unknown_sounds`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::best::{Pick, Sound};

pub(super) const COLUMNS: &[&str] = &["group", "recording_id", "site", "start_s", "end_s", "unknown", "rise_db"];

/// A group of similar sounds.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Number of windows.
    pub(crate) windows: u64,
    /// Windows by site.
    pub(crate) sites: BTreeMap<String, u64>,
    /// Sum over the windows of how far they rise above the background, dB.
    rise_db: f64,
    /// The windows nearest to its centre; their score is the share of known windows that are more like what was learnt.
    pub(crate) picks: Vec<Pick>,
}

impl Group {
    /// How far its windows rise above the background, dB, in the mean.
    pub(crate) fn mean_rise_db(&self) -> f64 {
        self.rise_db / self.windows.max(1) as f64
    }

    /// Adds a window.
    pub(super) fn add(&mut self, site: &str, rise_db: f64) {
        self.windows += 1;
        *self.sites.entry(site.to_owned()).or_default() += 1;
        self.rise_db += rise_db;
    }
}

/// Adds rows of the table, in its order: group by group, the nearest to the centre first. Of each group so many are singled out.
pub(super) fn add(groups: &mut Vec<Group>, most: usize, batch: &Batch) -> Result<(), TableError> {
    let (numbers, recordings, sites) = (batch.u64("group")?, batch.utf8("recording_id")?, batch.utf8("site")?);
    let (starts, ends) = (batch.f64("start_s")?, batch.f64("end_s")?);
    let (shares, rises) = (batch.f32("unknown")?, batch.f32("rise_db")?);
    for row in 0..batch.rows() {
        let number = usize::try_from(numbers.value(row)).unwrap_or(usize::MAX);
        if groups.len() < number {
            groups.push(Group::default());
        }
        let Some(group) = groups.last_mut() else { continue };
        group.add(sites.value(row), rises.value(row).into());
        if group.picks.len() < most {
            group.picks.push(Pick {
                site: sites.value(row).to_owned(),
                recording_id: recordings.value(row).to_owned(),
                recording: None,
                start_s: starts.value(row),
                end_s: ends.value(row),
                score: shares.value(row),
                probability: None,
                sound: Sound::Unasked,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rows::{f32, f64, i64, read_back, text};
    use super::*;

    #[test]
    fn groups_are_told_apart_also_over_batches() {
        let batch = |rows: &[(i64, i64, &str, f32)]| {
            read_back(
                "unknown_sounds",
                [
                    i64("group", rows.iter().map(|row| row.0)),
                    i64("rank", rows.iter().map(|row| row.1)),
                    text("recording_id", rows.iter().map(|_| "r")),
                    text("site", rows.iter().map(|row| row.2)),
                    f64("start_s", rows.iter().map(|_| 3.0)),
                    f32("rise_db", rows.iter().map(|row| row.3)),
                ],
            )
        };
        let mut groups = Vec::new();
        add(&mut groups, 1, &batch(&[(1, 1, "A", 12.0), (1, 2, "B", 20.0)])).unwrap();
        add(&mut groups, 1, &batch(&[(1, 3, "A", 13.0), (2, 1, "A", 30.0)])).unwrap();
        assert_eq!(groups.iter().map(|group| (group.windows, group.picks.len())).collect::<Vec<_>>(), [(3, 1), (1, 1)]);
        assert_eq!((groups[0].mean_rise_db(), groups[0].sites["A"]), (15.0, 2));
    }
}
