//! The highest detections of a class, spread over sites and dates: the first is the highest of all, then comes the highest at each other
//! site, then those of a second date at each site, and only then further ones of the same site and date. One loud night is not all that
//! is heard.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;
use super::day::Day;
use crate::export::clock::Start;

/// A detection and where to hear it.
#[derive(Debug, Clone)]
pub(crate) struct Pick {
    /// The site.
    pub(crate) site: String,
    /// The recording.
    pub(crate) recording_id: String,
    /// What is known of the recording, once it was met.
    pub(crate) recording: Option<Place>,
    /// Start within the recording, seconds.
    pub(crate) start_s: f64,
    /// End within the recording, seconds.
    pub(crate) end_s: f64,
    /// Highest score.
    pub(crate) score: f32,
    /// Calibrated probability, where the model holds a calibration.
    pub(crate) probability: Option<f64>,
    /// Its clip.
    pub(crate) sound: Sound,
}

/// Of a recording, what its clips are cut and told by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// Path in the archive.
    pub(crate) path: String,
    /// What a clock at the site showed when the detection began, to the second; `None` where that is not known.
    pub(crate) local: Option<String>,
    /// Frames a second.
    pub(crate) sample_rate_hz: u32,
    /// Channels, from 1, on which nothing was recorded.
    pub(crate) dead_channels: Option<String>,
}

/// The clip of a detection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Sound {
    /// None was asked for.
    #[default]
    Unasked,
    /// The recording cannot be read any more.
    Gone,
    /// Somebody speaks there, and the configuration withholds that.
    Withheld,
    /// It lies beside the page.
    Here(Heard),
}

/// A clip beside the page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    /// The names of its files without their endings.
    pub(crate) name: String,
    /// Width and height of the picture, pixels.
    pub(crate) size: (usize, usize),
    /// Where it begins in the recording, seconds.
    pub(crate) begins_s: f64,
    /// Where the detection, or as much of it as is heard, ends in the recording, seconds.
    pub(crate) heard_until_s: f64,
    /// Its length, seconds.
    pub(crate) length_s: f64,
    /// Frames a second.
    pub(crate) rate_hz: u32,
}

/// The highest detections of a class while detections pass by, in the order of the table.
#[derive(Debug, Default)]
pub(super) struct Best(BTreeMap<String, OfSite>);

#[derive(Debug, Default)]
struct OfSite {
    /// The highest of each of the dates with the highest, best first.
    dates: Vec<(Option<Day>, Pick)>,
    /// The highest of the others, best first.
    others: Vec<Pick>,
}

impl Best {
    /// Looks at a detection of a recording of `date`; `pick` makes it, where it is among the `most` best. Of equals the first stays ahead.
    pub(super) fn add(&mut self, most: usize, site: &str, date: Option<Day>, score: f32, pick: impl FnOnce() -> Pick) {
        if !self.0.contains_key(site) {
            self.0.insert(site.to_owned(), OfSite::default());
        }
        let Some(OfSite { dates, others }) = self.0.get_mut(site) else { return };
        let same = dates.iter().position(|(known, _)| *known == date);
        let is_next_date = same.is_none() && (dates.len() < most || dates.last().is_some_and(|(_, last)| score > last.score));
        let is_better = same.is_some_and(|at| score > dates[at].1.score);
        let is_other = others.len() < most || others.last().is_some_and(|last| score > last.score);
        if !(is_next_date || is_better || is_other) {
            return;
        }
        let mut rest = pick();
        if is_next_date {
            dates.push((date, rest));
        } else if let Some(at) = same.filter(|_| is_better) {
            std::mem::swap(&mut dates[at].1, &mut rest);
            insert(others, rest, most);
        } else {
            insert(others, rest, most);
        }
        dates.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        dates.truncate(most);
    }

    /// The best, at most so many.
    pub(super) fn picks(self, most: usize) -> Vec<Pick> {
        let ranked = |of: OfSite| of.dates.into_iter().map(|(_, pick)| pick).chain(of.others).take(most).enumerate();
        let mut picks: Vec<(usize, Pick)> = self.0.into_values().flat_map(ranked).collect();
        picks.sort_by(|(a_rank, a), (b_rank, b)| a_rank.cmp(b_rank).then(b.score.total_cmp(&a.score)));
        picks.into_iter().take(most).map(|(_, pick)| pick).collect()
    }
}

fn insert(others: &mut Vec<Pick>, pick: Pick, most: usize) {
    let at = others.partition_point(|other| other.score >= pick.score);
    others.insert(at, pick);
    others.truncate(most);
}

impl Pick {
    /// Tells it of its recording, where `recordings` of a site hold it; they are sorted by their id.
    pub(super) fn meet(&mut self, site: &str, recordings: &Batch) -> Result<(), TableError> {
        if self.recording.is_some() || self.site != site {
            return Ok(());
        }
        let ids = recordings.utf8("recording_id")?;
        let (mut low, mut high) = (0, recordings.rows());
        while low < high {
            let middle = low.midpoint(high);
            if ids.value(middle) < self.recording_id.as_str() { low = middle + 1 } else { high = middle }
        }
        if low == recordings.rows() || ids.value(low) != self.recording_id {
            return Ok(());
        }
        // A time outside of any calendar is none.
        let local = Start::of_row(recordings, low)?.local(self.start_s).ok().flatten();
        self.recording = Some(Place {
            path: recordings.utf8("path")?.value(low).to_owned(),
            local: local.map(|local| local.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            sample_rate_hz: cell(&recordings.u32("sample_rate_hz")?, low).unwrap_or(0),
            dead_channels: cell(recordings.utf8("dead_channels")?, low).map(str::to_owned),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Site, date and score of the best of these.
    fn best(most: usize, detections: &[(&str, i32, f32)]) -> Vec<(String, f32)> {
        let mut best = Best::default();
        for (i, &(site, date, score)) in detections.iter().enumerate() {
            best.add(most, site, Some(Day(date)), score, || Pick {
                site: site.into(),
                recording_id: i.to_string(),
                recording: None,
                start_s: 0.0,
                end_s: 3.0,
                score,
                probability: None,
                sound: Sound::Unasked,
            });
        }
        best.picks(most).into_iter().map(|pick| (format!("{} {}", pick.site, pick.recording_id), pick.score)).collect()
    }

    #[test]
    fn other_sites_come_before_other_dates_and_these_before_more_of_the_same() {
        let detections =
            [("A", 1, 0.9), ("A", 1, 0.95), ("A", 1, 0.8), ("A", 2, 0.5), ("B", 1, 0.4), ("B", 1, 0.3), ("A", 1, 0.99)];
        let named = |most| best(most, &detections).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(named(1), ["A 6"]);
        assert_eq!(named(2), ["A 6", "B 4"]);
        assert_eq!(named(3), ["A 6", "B 4", "A 3"]);
        assert_eq!(named(5), ["A 6", "B 4", "A 3", "B 5", "A 1"]);
        assert_eq!(named(20).len(), 7);
    }

    #[test]
    fn what_is_kept_while_detections_pass_is_what_a_look_at_all_of_them_gives() {
        let detections: Vec<_> = (0..400u32).map(|i| ("A", (i / 40) as i32, (i * 7919 % 997) as f32 / 997.0)).collect();
        let mut by_date: BTreeMap<i32, f32> = BTreeMap::new();
        for &(_, date, score) in &detections {
            let highest = by_date.entry(date).or_default();
            *highest = highest.max(score);
        }
        let mut wanted: Vec<f32> = by_date.into_values().collect();
        wanted.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(best(4, &detections).into_iter().map(|(_, score)| score).collect::<Vec<_>>(), wanted[..4]);
        assert_eq!(best(2, &[("A", 1, 0.5), ("A", 1, 0.5)])[0].0, "A 0", "of equals the first is ahead");
    }
}
