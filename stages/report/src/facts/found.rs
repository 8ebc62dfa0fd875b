//! What the classifier found: the tables `activity` and `detections`.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::Unit;
use chorus_tables::{Batch, TableError};

use super::best::{Best, Pick, Sound};
use super::cells::cell;
use super::day::Day;
use super::rarefaction::{self, Expected};
use super::sun::Sun;
use super::tally::Tally;

/// Hours of a clock.
pub(crate) const HOURS: usize = 24;

pub(super) const ACTIVITY: &[&str] = &["site", "night", "hour", "class", "effort_s", "windows", "windows_detected"];
pub(super) const ACCUMULATION: &[&str] = &["site", "nights", "classes"];
pub(super) const DETECTIONS: &[&str] =
    &["recording_id", "class", "start_s", "end_s", "peak_score", "probability", "threshold", "calibrated_here", "unknown_sound"];

/// What the classifier found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Classes by name, found or not.
    pub(crate) classes: BTreeMap<String, Class>,
    /// Seconds listened to, by site.
    pub(crate) effort_s: BTreeMap<String, f64>,
    /// Nights listened to, by site.
    pub(crate) nights: BTreeMap<String, BTreeSet<Day>>,
    /// Seconds listened to, by local hour.
    pub(crate) effort_by_hour_s: [f64; HOURS],
    /// Nights with effort at any site, one after the other, and the classes detected until then.
    pub(crate) accumulation: Vec<(u32, u32)>,
    /// Activity around sunset and sunrise.
    pub(crate) sun: Sun,
    /// Sites with detections where thresholds were chosen without a window of the site.
    pub(crate) uncalibrated: BTreeSet<String>,
    /// Seconds listened to whose hour is not known.
    pub(crate) untimed_s: f64,
    /// The hour of the last row: it has a row for each class, and all of them tell of the same effort.
    hour: Option<(String, Option<i32>, Option<i32>)>,
}

/// What was found of one class.
#[derive(Debug, Default)]
pub(crate) struct Class {
    /// By site.
    pub(crate) sites: BTreeMap<String, AtSite>,
    /// By local hour, 0 to 23.
    pub(crate) hours: [Tally; HOURS],
    /// By night and local hour, all sites together.
    pub(crate) seasons: BTreeMap<Day, [Tally; HOURS]>,
    /// Events: runs of neighbouring windows.
    pub(crate) events: u64,
    /// Those of them that are unlike everything that was learned; none in a run that does not look for such sounds.
    pub(crate) doubtful: u64,
    /// The threshold that was applied, where anything was detected.
    pub(crate) threshold: Option<f64>,
    /// The events with the highest scores, over sites and dates; the first is the highest of all, the earliest of several.
    pub(crate) picks: Vec<Pick>,
    /// The same while events pass by.
    best: Best,
}

/// What was found of one class at one site.
#[derive(Debug, Default)]
pub(crate) struct AtSite {
    /// All hours together.
    pub(crate) tally: Tally,
    /// Nights with detections.
    pub(crate) nights: BTreeSet<Day>,
}

impl Found {
    /// Adds rows of `activity`, in the order of the table.
    pub(super) fn add_activity(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (sites, classes) = (batch.utf8("site")?, batch.utf8("class")?);
        let (nights, hours, effort) = (batch.date("night")?, batch.i32("hour")?, batch.f64("effort_s")?);
        let (windows, detected) = (batch.u64("windows")?, batch.u64("windows_detected")?);
        for i in 0..batch.rows() {
            let (site, night, hour) = (sites.value(i), cell(nights, i), cell(hours, i));
            if self.hour.as_ref().is_none_or(|(s, n, h)| (s.as_str(), *n, *h) != (site, night, hour)) {
                self.hour = Some((site.to_owned(), night, hour));
                self.add_effort(site, night.map(Day), hour, effort.value(i));
            }
            let tally = Tally { windows: windows.value(i), detected: detected.value(i) };
            let class = slot(&mut self.classes, classes.value(i));
            if let Some(hour) = hour_of_clock(hour) {
                class.hours[hour].add(tally);
                if let Some(night) = night {
                    class.seasons.entry(Day(night)).or_default()[hour].add(tally);
                }
            }
            let at = slot(&mut class.sites, site);
            at.tally.add(tally);
            at.nights.extend(night.filter(|_| tally.detected > 0).map(Day));
        }
        Ok(())
    }

    fn add_effort(&mut self, site: &str, night: Option<Day>, hour: Option<i32>, seconds: f64) {
        *slot(&mut self.effort_s, site) += seconds;
        slot(&mut self.nights, site).extend(night);
        match hour_of_clock(hour).and_then(|h| self.effort_by_hour_s.get_mut(h)) {
            Some(of_hour) => *of_hour += seconds,
            None => self.untimed_s += seconds,
        }
    }

    /// Adds rows of `accumulation`; those of single sites are left to the table.
    pub(super) fn add_accumulation(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (sites, nights, classes) = (batch.utf8("site")?, batch.u32("nights")?, batch.u32("classes")?);
        let together = (0..batch.rows()).filter(|&i| cell(sites, i).is_none());
        self.accumulation.extend(together.map(|i| (nights.value(i), classes.value(i))));
        Ok(())
    }

    /// Adds rows of `detections` of one unit; of each class the `most` highest are kept.
    pub(super) fn add_detections(&mut self, unit: &Unit, most: usize, batch: &Batch) -> Result<(), TableError> {
        let (recordings, classes) = (batch.utf8("recording_id")?, batch.utf8("class")?);
        let (starts, ends) = (batch.f64("start_s")?, batch.f64("end_s")?);
        let (scores, probabilities) = (batch.f32("peak_score")?, batch.f64("probability")?);
        let (thresholds, here) = (batch.f64("threshold")?, batch.bool("calibrated_here")?);
        let unlike = batch.bool("unknown_sound")?;
        if (0..batch.rows()).any(|i| cell(here, i) == Some(false)) {
            self.uncalibrated.insert(unit.site().to_owned());
        }
        let date = match unit {
            Unit::SiteDay { date, .. } => date.and_then(Day::on),
            Unit::Run => None,
        };
        for i in 0..batch.rows() {
            let class = slot(&mut self.classes, classes.value(i));
            class.events += 1;
            class.doubtful += u64::from(cell(unlike, i) == Some(true));
            class.threshold = Some(thresholds.value(i));
            class.best.add(most, unit.site(), date, scores.value(i), || Pick {
                site: unit.site().to_owned(),
                recording_id: recordings.value(i).to_owned(),
                recording: None,
                start_s: starts.value(i),
                end_s: ends.value(i),
                score: scores.value(i),
                probability: cell(probabilities, i),
                sound: Sound::Unasked,
            });
        }
        Ok(())
    }

    /// Settles the picks, once all detections were added.
    pub(super) fn pick(&mut self, most: usize) {
        self.classes.values_mut().for_each(|class| class.picks = std::mem::take(&mut class.best).picks(most));
    }

    /// Tells the picks of their recordings.
    pub(super) fn name_recordings(&mut self, site: &str, batch: &Batch) -> Result<(), TableError> {
        self.classes.values_mut().flat_map(|class| &mut class.picks).try_for_each(|pick| pick.meet(site, batch))
    }

    /// Takes note of a class, found or not.
    pub(super) fn know(&mut self, class: &str) {
        slot(&mut self.classes, class);
    }

    /// The classes with detections, most frequent first.
    pub(crate) fn by_frequency(&self) -> Vec<(&str, &Class)> {
        let mut found: Vec<_> = self.classes.iter().map(|(name, c)| (name.as_str(), c)).filter(|(_, c)| c.is_found()).collect();
        found.sort_by_key(|(_, c)| std::cmp::Reverse(c.tally().detected));
        found
    }

    /// The classes without detections.
    pub(crate) fn never(&self) -> Vec<&str> {
        self.classes.iter().filter(|(_, c)| !c.is_found()).map(|(name, _)| name.as_str()).collect()
    }

    /// Number of classes detected at a site.
    pub(crate) fn classes_at(&self, site: &str) -> u64 {
        self.classes.values().filter(|c| c.sites.get(site).is_some_and(|at| at.tally.detected > 0)).count() as u64
    }

    /// All nights that were listened to, at any site.
    pub(crate) fn all_nights(&self) -> BTreeSet<Day> {
        self.nights.values().flatten().copied().collect()
    }

    /// How many classes so many of these nights would have given, had they been drawn by chance.
    pub(crate) fn rarefaction(&self) -> Vec<Expected> {
        let nights = |class: &Class| class.sites.values().flat_map(|at| &at.nights).collect::<BTreeSet<_>>().len() as u32;
        let detected: Vec<u32> = self.classes.values().map(nights).collect();
        rarefaction::curve(&detected, self.all_nights().len() as u32)
    }

    /// Number of classes detected at a site in the nights from `first` on.
    pub(crate) fn richness(&self, site: &str, first: Day, nights: i32) -> usize {
        let detected =
            |c: &&Class| c.sites.get(site).is_some_and(|at| at.nights.range(first..first.plus(nights)).next().is_some());
        self.classes.values().filter(detected).count()
    }
}

impl Class {
    /// All sites together.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.sites.values().for_each(|at| sum.add(at.tally));
        sum
    }

    /// Whether it was detected at all.
    pub(crate) fn is_found(&self) -> bool {
        self.events > 0 || self.tally().detected > 0
    }

    /// The first and the last night with a detection.
    pub(crate) fn span(&self) -> Option<(Day, Day)> {
        let first = self.sites.values().filter_map(|at| at.nights.first()).min()?;
        self.sites.values().filter_map(|at| at.nights.last()).max().map(|last| (*first, *last))
    }

    /// In the nights from `first` to `last`, of those in which the class was looked for: how many, a night at two sites counting twice, and
    /// those of them with a detection.
    pub(crate) fn site_nights(&self, listened: &BTreeMap<String, BTreeSet<Day>>, first: Day, last: Day) -> (u64, u64) {
        let sites = self.sites.iter().filter(|(_, at)| at.tally.windows > 0);
        let (mut all, mut detected) = (0, 0);
        for (site, at) in sites {
            all += listened.get(site).map_or(0, |nights| nights.range(first..=last).count() as u64);
            detected += at.nights.range(first..=last).count() as u64;
        }
        (all, detected)
    }

    /// Windows by local hour in the nights from `first` to `last`.
    pub(crate) fn hours_in(&self, first: Day, last: Day) -> [Tally; HOURS] {
        let mut hours = [Tally::default(); HOURS];
        for night in self.seasons.range(first..=last).map(|(_, of_night)| of_night) {
            hours.iter_mut().zip(night).for_each(|(sum, of)| sum.add(*of));
        }
        hours
    }

    /// Number of sites with detections.
    pub(crate) fn sites_found(&self) -> usize {
        self.sites.values().filter(|at| at.tally.detected > 0).count()
    }

    /// Number of site-nights with detections.
    pub(crate) fn nights_found(&self) -> usize {
        self.sites.values().map(|at| at.nights.len()).sum()
    }
}

fn hour_of_clock(hour: Option<i32>) -> Option<usize> {
    usize::try_from(hour?).ok().filter(|h| *h < HOURS)
}

/// The value of a key, made where it is not there yet. Millions of rows pass here, so the key is copied only when it is new.
fn slot<'a, V: Default>(map: &'a mut BTreeMap<String, V>, key: &str) -> &'a mut V {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), V::default());
    }
    map.get_mut(key).expect("it was just inserted")
}

#[cfg(test)]
mod tests {
    use super::super::rows::{bool, f32, f64, i32, i64, read_back, text};
    use super::*;

    /// A row: site, night, hour, class, windows, windows detected; each hour holds 600 s.
    type Row<'a> = (&'a str, Option<i32>, Option<i32>, &'a str, i64, i64);

    fn activity(rows: &[Row<'_>]) -> Batch {
        read_back(
            "activity",
            [
                text("site", rows.iter().map(|r| r.0)),
                i32("night", rows.iter().map(|r| r.1)),
                i32("hour", rows.iter().map(|r| r.2)),
                text("class", rows.iter().map(|r| r.3)),
                f64("effort_s", rows.iter().map(|_| 600.0)),
                i64("windows", rows.iter().map(|r| r.4)),
                i64("windows_detected", rows.iter().map(|r| r.5)),
            ],
        )
    }

    /// A row: recording, class, start, score.
    fn detections(rows: &[(&str, &str, f64, f32)]) -> Batch {
        read_back(
            "detections",
            [
                text("recording_id", rows.iter().map(|r| r.0)),
                text("class", rows.iter().map(|r| r.1)),
                f64("start_s", rows.iter().map(|r| r.2)),
                f32("peak_score", rows.iter().map(|r| r.3)),
                f64("threshold", rows.iter().map(|_| 0.25)),
            ],
        )
    }

    fn found() -> Found {
        let mut found = Found::default();
        let first = [
            ("A", None, None, "X", 10, 1),
            ("A", None, None, "Y", 10, 0),
            ("A", Some(5), Some(0), "X", 200, 20),
            ("A", Some(5), Some(0), "Y", 200, 0),
            ("A", Some(5), Some(23), "X", 200, 2),
        ];
        // An hour may be divided between two batches.
        let second =
            [("A", Some(5), Some(23), "Y", 200, 0), ("B", Some(9), Some(23), "X", 100, 3), ("B", Some(9), Some(23), "Y", 100, 0)];
        found.add_activity(&activity(&first)).unwrap();
        found.add_activity(&activity(&second)).unwrap();
        found
    }

    #[test]
    fn effort_counts_once_however_many_classes_tell_of_it() {
        let found = found();
        assert_eq!((found.effort_s["A"], found.effort_s["B"], found.untimed_s), (1800.0, 600.0, 600.0));
        assert_eq!((found.effort_by_hour_s[0], found.effort_by_hour_s[23], found.effort_by_hour_s[12]), (600.0, 1200.0, 0.0));
        assert_eq!(found.nights["A"].iter().map(|d| d.0).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn windows_add_up_by_class_site_and_hour() {
        let found = found();
        let x = &found.classes["X"];
        assert_eq!(x.tally(), Tally { windows: 510, detected: 26 });
        assert_eq!(x.hours[23], Tally { windows: 300, detected: 5 });
        assert_eq!((x.hours[12].share(), x.hours[0].share()), (None, Some(0.1)));
        assert_eq!((x.sites_found(), x.nights_found(), x.span()), (2, 2, Some((Day(5), Day(9)))));
        assert_eq!((found.never(), found.by_frequency().len()), (vec!["Y"], 1));
        assert_eq!(
            (x.site_nights(&found.nights, Day(5), Day(9)), x.site_nights(&found.nights, Day(6), Day(8))),
            ((2, 2), (0, 0))
        );
        assert_eq!((x.hours_in(Day(0), Day(9))[23].windows, x.hours_in(Day(6), Day(9))[23].windows), (300, 100));
        assert_eq!((found.classes_at("A"), found.classes_at("C"), found.all_nights().len()), (1, 0, 2));
        assert_eq!(found.rarefaction().iter().map(|e| e.classes).collect::<Vec<_>>(), [1.0, 1.0]);
        assert_eq!((found.richness("A", Day(5), 1), found.richness("A", Day(6), 7), found.richness("B", Day(5), 7)), (1, 0, 1));
    }

    #[test]
    fn the_first_pick_is_the_highest_of_all_and_each_meets_its_recording() {
        let mut found = found();
        let unit = |site: &str, day| Unit::SiteDay { site: site.into(), date: Some(jiff::civil::date(2020, 3, day)), part: 0 };
        found.add_detections(&unit("A", 1), 3, &detections(&[("r1", "X", 3.0, 0.5), ("r2", "X", 6.0, 0.75)])).unwrap();
        found.add_detections(&unit("A", 2), 3, &detections(&[("r3", "X", 9.0, 0.25)])).unwrap();
        found.add_detections(&unit("B", 1), 3, &detections(&[("r9", "X", 9.0, 0.75)])).unwrap();
        found.pick(3);
        let x = &found.classes["X"];
        assert_eq!((x.events, x.threshold), (4, Some(0.25)));
        assert_eq!(x.picks.iter().map(|p| p.recording_id.as_str()).collect::<Vec<_>>(), ["r2", "r9", "r3"]);
        let names = read_back(
            "recordings",
            [
                text("recording_id", ["r1", "r2", "r3"]),
                text("path", ["one.wav", "two.wav", "three.wav"]),
                i64("start_local", [None, Some(19_000 * 86_400_000_000), None]),
                i64("sample_rate_hz", [8000; 3]),
            ],
        );
        found.name_recordings("B", &names).unwrap();
        assert!(found.classes["X"].picks.iter().all(|p| p.recording.is_none()), "another site's");
        found.name_recordings("A", &names).unwrap();
        let recordings: Vec<_> =
            found.classes["X"].picks.iter().map(|p| p.recording.as_ref().map(|r| (&*r.path, r.local.as_deref()))).collect();
        assert_eq!(recordings, [Some(("two.wav", Some("2022-01-08 00:00:06"))), None, Some(("three.wav", None))]);
    }

    /// What is held grows with sites, nights and classes, and neither with hours nor with detections.
    #[test]
    fn hours_and_detections_pass_by() {
        let (sites, nights, classes) = (["A", "B", "C"], 40, ["X", "Y"]);
        let mut found = Found::default();
        for site in sites {
            for night in 0..nights {
                let hours = (0..24).flat_map(|hour| classes.map(|class| (site, Some(night), Some(hour), class, 200, 1)));
                found.add_activity(&activity(&hours.collect::<Vec<_>>())).unwrap();
                let unit = Unit::SiteDay { site: site.into(), date: Day(night).date(), part: 0 };
                let many: Vec<_> = (0..500_u16).map(|i| ("r1", "X", f64::from(i), f32::from(i) / 500.0)).collect();
                found.add_detections(&unit, 3, &detections(&many)).unwrap();
            }
        }
        found.pick(3);
        let held: usize = found.classes.values().flat_map(|class| class.sites.values()).map(|at| at.nights.len()).sum();
        assert_eq!(held, sites.len() * nights as usize * classes.len());
        assert_eq!((found.classes["X"].events, found.classes["X"].picks.len()), (3 * 40 * 500, 3));
    }

    #[test]
    fn detections_that_are_unlike_what_was_learned_are_counted_by_class() {
        let batch = read_back(
            "detections",
            [
                text("recording_id", ["r1", "r1", "r1", "r2"]),
                text("class", ["X", "X", "Y", "X"]),
                f64("start_s", [0.0, 3.0, 0.0, 0.0]),
                bool("unknown_sound", [Some(true), Some(false), None, Some(true)]),
            ],
        );
        let mut found = Found::default();
        found.add_detections(&Unit::SiteDay { site: "A".into(), date: None, part: 0 }, 1, &batch).unwrap();
        assert_eq!(["X", "Y"].map(|class| (found.classes[class].doubtful, found.classes[class].events)), [(2, 3), (0, 1)]);
    }

    #[test]
    fn a_class_that_is_only_known_by_name_was_not_found() {
        let mut found = Found::default();
        found.know("Z");
        assert_eq!((found.never(), found.by_frequency().len(), found.classes["Z"].span()), (vec!["Z"], 0, None));
    }
}
