//! What is counted while predictions pass by: effort and detections by site, hour, and time from sunset and sunrise. Nothing of a
//! single window is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::Clock;
use crate::effort::{NightHour, end_utc_us, hours, night_hour};
use crate::error::ScoreError;
use crate::events::{Rule, groups};
use crate::predicted::Predicted;
use crate::sun::{Place, Sun};

/// Width of the bins of time from sunset and sunrise, minutes.
pub(super) const SUN_BIN_MIN: i32 = 30;
const US_PER_MINUTE: i64 = 60_000_000;
const S_PER_MINUTE: f64 = 60.0;

/// A recording: when, how long and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recorded {
    /// `None` where no time is known.
    pub(super) clock: Option<Clock>,
    /// Length, seconds.
    pub(super) duration_s: f64,
    /// Where it was made; `None` where that is not known.
    pub(super) place: Option<Place>,
}

/// What was found of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Windows that are part of an event.
    pub(super) windows: u64,
    /// Minutes with such a window.
    pub(super) minutes: u64,
    /// Events that begin.
    pub(super) events: u64,
}

/// Effort of some span of time, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    /// Recorded time, microseconds.
    pub(super) recorded_us: i64,
    /// Windows that begin.
    pub(super) windows: u64,
    /// Minutes of recordings that begin and hold a window.
    pub(super) minutes: u64,
    /// By number of the class.
    pub(super) found: BTreeMap<u32, Found>,
}

impl Cell {
    /// Recorded time, seconds.
    pub(super) fn recorded_s(&self) -> f64 {
        self.recorded_us as f64 / 1e6
    }

    /// What was found of a class.
    pub(super) fn found(&self, class: u32) -> Found {
        self.found.get(&class).copied().unwrap_or_default()
    }

    /// The numbers of the classes that were found.
    pub(super) fn detected(&self) -> impl Iterator<Item = u32> {
        self.found.iter().filter(|(_, found)| found.windows > 0).map(|(class, _)| *class)
    }

    /// Adds another span's.
    pub(super) fn add(&mut self, other: &Self) {
        self.recorded_us += other.recorded_us;
        self.windows += other.windows;
        self.minutes += other.minutes;
        for (class, found) in &other.found {
            let own = self.found.entry(*class).or_default();
            own.windows += found.windows;
            own.minutes += found.minutes;
            own.events += found.events;
        }
    }
}

/// What time is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Anchor {
    /// The night's last sunrise.
    Sunrise,
    /// The night's first sunset.
    Sunset,
}

impl Anchor {
    pub(super) const ALL: [Self; 2] = [Self::Sunrise, Self::Sunset];

    /// As the table `sun_activity` says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sunrise => "sunrise",
            Self::Sunset => "sunset",
        }
    }

    fn of(self, sun: Sun) -> Option<i64> {
        match self {
            Self::Sunrise => sun.sunrise_us(),
            Self::Sunset => sun.sunset_us(),
        }
    }
}

/// A bin of time from sunset or sunrise in a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FromSun {
    /// The date on which the night begins; `None` where no time is known.
    pub(super) night: Option<Date>,
    /// What is counted from.
    pub(super) anchor: Anchor,
    /// Begin of the bin, minutes after the anchor; `None` where the night's sun is not known or does not do that.
    pub(super) offset_min: Option<i32>,
}

/// Where a night was listened to, and what the sun does there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NightSun {
    pub(super) place: Place,
    pub(super) sun: Sun,
    /// By whose clock the night begins at noon.
    clock: Clock,
}

impl NightSun {
    /// An instant as a clock at the site shows it, microseconds since 1970-01-01.
    pub(super) fn local_us(&self, utc_us: i64) -> Option<i64> {
        let instant = Timestamp::from_microsecond(utc_us).ok()?;
        Some(utc_us + i64::from(self.clock.zone.to_offset(instant).seconds()) * 1_000_000)
    }
}

/// What is known of one site.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// By local hour; `None` for recordings without a time.
    pub(super) hours: BTreeMap<Option<NightHour>, Cell>,
    /// By time from sunset and sunrise.
    pub(super) from_sun: BTreeMap<FromSun, Cell>,
    /// The nights whose sun is known.
    pub(super) suns: BTreeMap<Date, NightSun>,
}

impl Site {
    /// The nights with effort, each hour added up.
    pub(super) fn nights(&self) -> BTreeMap<Date, Cell> {
        let mut nights: BTreeMap<Date, Cell> = BTreeMap::new();
        for (at, cell) in &self.hours {
            if let Some(at) = at {
                nights.entry(at.night).or_default().add(cell);
            }
        }
        nights
    }

    /// Learns where its nights are from the earliest recording of each that knows its place and its time.
    fn place_nights(&mut self, recordings: &[&Recorded]) -> Result<(), ScoreError> {
        let mut earliest: BTreeMap<Date, (i64, Clock, Place)> = BTreeMap::new();
        for recorded in recordings {
            let (Some(clock), Some(place)) = (&recorded.clock, recorded.place) else { continue };
            if !clock.is_utc {
                continue;
            }
            for (at, _) in hours(clock.start_us, clock.at(recorded.duration_s)?, &clock.zone)? {
                let known = earliest.get(&at.night);
                if known.is_none_or(|(start_us, ..)| clock.start_us < *start_us) {
                    earliest.insert(at.night, (clock.start_us, clock.clone(), place));
                }
            }
        }
        for (night, (_, clock, place)) in earliest {
            let sun = Sun::of(night, &clock.zone, place)?;
            self.suns.insert(night, NightSun { place, sun, clock });
        }
        Ok(())
    }

    /// The bin of an instant, for each anchor.
    fn bins(&self, night: Date, utc_us: i64) -> [FromSun; 2] {
        Anchor::ALL.map(|anchor| {
            let from = self.anchor_us(night, anchor);
            let offset_min = from.map(|from| bin_of(utc_us - from) * SUN_BIN_MIN);
            FromSun { night: Some(night), anchor, offset_min }
        })
    }

    fn anchor_us(&self, night: Date, anchor: Anchor) -> Option<i64> {
        self.suns.get(&night).and_then(|known| anchor.of(known.sun))
    }

    /// Adds recorded time, split at every local hour and every bin.
    fn record(&mut self, recorded: &Recorded) -> Result<(), ScoreError> {
        let Some(clock) = &recorded.clock else {
            let recorded_us = end_utc_us(0, recorded.duration_s)?;
            self.timeless(|cell| cell.recorded_us += recorded_us);
            return Ok(());
        };
        let mut from_us = clock.start_us;
        for (at, part_us) in hours(from_us, clock.at(recorded.duration_s)?, &clock.zone)? {
            self.hours.entry(Some(at)).or_default().recorded_us += part_us;
            for anchor in Anchor::ALL {
                let anchor_us = self.anchor_us(at.night, anchor);
                for (offset_min, bin_us) in split_at_bins(from_us, from_us + part_us, anchor_us) {
                    let bin = FromSun { night: Some(at.night), anchor, offset_min };
                    self.from_sun.entry(bin).or_default().recorded_us += bin_us;
                }
            }
            from_us += part_us;
        }
        Ok(())
    }

    /// Changes all that holds an instant.
    fn at(&mut self, clock: Option<&Clock>, seconds: f64, change: impl Fn(&mut Cell)) -> Result<(), ScoreError> {
        let Some(clock) = clock else {
            self.timeless(change);
            return Ok(());
        };
        let utc_us = clock.at(seconds)?;
        let at = night_hour(utc_us, &clock.zone)?;
        change(self.hours.entry(Some(at)).or_default());
        for bin in self.bins(at.night, utc_us) {
            change(self.from_sun.entry(bin).or_default());
        }
        Ok(())
    }

    /// Changes what has no time.
    fn timeless(&mut self, change: impl Fn(&mut Cell)) {
        change(self.hours.entry(None).or_default());
        for anchor in Anchor::ALL {
            change(self.from_sun.entry(FromSun { night: None, anchor, offset_min: None }).or_default());
        }
    }
}

/// The bin of a time after (negative: before) sunset or sunrise.
fn bin_of(after_us: i64) -> i32 {
    // A night has at most some hundred bins.
    after_us.div_euclid(i64::from(SUN_BIN_MIN) * US_PER_MINUTE) as i32
}

/// The parts of a span within one bin each, with their lengths in microseconds; all of it in none without an anchor.
fn split_at_bins(start_us: i64, end_us: i64, anchor_us: Option<i64>) -> Vec<(Option<i32>, i64)> {
    let Some(anchor_us) = anchor_us else { return vec![(None, end_us - start_us)] };
    let mut parts = Vec::new();
    let mut from_us = start_us;
    while from_us < end_us {
        let offset_min = bin_of(from_us - anchor_us) * SUN_BIN_MIN;
        let bin_end_us = anchor_us + i64::from(offset_min + SUN_BIN_MIN) * US_PER_MINUTE;
        let until_us = bin_end_us.min(end_us);
        parts.push((Some(offset_min), until_us - from_us));
        from_us = until_us;
    }
    parts
}

/// Effort and detections of all sites.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Hash of the model's weights; empty without predictions.
    pub(super) model_id: String,
    /// Numbers of the classes by name.
    pub(super) classes: BTreeMap<String, u32>,
    /// By name.
    pub(super) sites: BTreeMap<String, Site>,
}

impl Tally {
    /// Adds the recorded time of all recordings of a site.
    ///
    /// # Errors
    /// A time outside the calendar, a place that is none.
    pub(super) fn record(&mut self, site: &str, recordings: &[&Recorded]) -> Result<(), ScoreError> {
        let site = self.sites.entry(site.to_owned()).or_default();
        site.place_nights(recordings)?;
        recordings.iter().try_for_each(|recorded| site.record(recorded))
    }

    /// Counts the windows of a recording, and the events that `rule` makes of each class's.
    ///
    /// # Errors
    /// A time outside the calendar, windows that contradict each other, a class without a rule.
    pub(super) fn count(
        &mut self,
        site: &str,
        clock: Option<&Clock>,
        predicted: &Predicted,
        rule: impl Fn(&str) -> Result<Rule, ScoreError>,
    ) -> Result<(), ScoreError> {
        if self.model_id.is_empty() {
            self.model_id.clone_from(&predicted.model_id);
        }
        let site = self.sites.entry(site.to_owned()).or_default();
        for &start_s in &predicted.starts_s {
            site.at(clock, start_s, |cell| cell.windows += 1)?;
        }
        for minute_s in minutes(predicted.starts_s.iter().copied()) {
            site.at(clock, minute_s, |cell| cell.minutes += 1)?;
        }
        for (class, windows) in &predicted.windows {
            let number = number(&mut self.classes, class);
            let found = move |cell: &mut Cell, change: fn(&mut Found)| change(cell.found.entry(number).or_default());
            let groups = groups(windows, &rule(class)?)?;
            for group in &groups {
                site.at(clock, windows[group[0]].start_s, |cell| found(cell, |f| f.events += 1))?;
            }
            let members = || groups.iter().flatten().map(|&i| &windows[i]);
            for window in members() {
                site.at(clock, window.start_s, |cell| found(cell, |f| f.windows += 1))?;
            }
            for minute_s in minutes(members().map(|window| window.start_s)) {
                site.at(clock, minute_s, |cell| found(cell, |f| f.minutes += 1))?;
            }
        }
        Ok(())
    }
}

/// The number of a class, a new one where it has none yet.
pub(super) fn number(classes: &mut BTreeMap<String, u32>, class: &str) -> u32 {
    if let Some(number) = classes.get(class) {
        return *number;
    }
    let next = classes.len() as u32;
    classes.insert(class.to_owned(), next);
    next
}

/// The minutes of a recording, counted from its start, in which a window begins: their starts, seconds.
fn minutes(starts_s: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut minutes: Vec<f64> = starts_s.map(|start_s| (start_s / S_PER_MINUTE).floor() * S_PER_MINUTE).collect();
    minutes.dedup();
    minutes
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::events::Window;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// A cell of so many seconds, with a window of each of these classes and one of none.
    pub(in crate::activity) fn cell(recorded_s: i64, classes: &[u32]) -> Cell {
        let found = Found { windows: 1, minutes: 1, events: 1 };
        let found = classes.iter().map(|class| (*class, found)).collect();
        Cell { recorded_us: recorded_s * 1_000_000, windows: 1 + classes.len() as u64, minutes: 1, found }
    }

    const PARIS: Place = Place { latitude: 48.85, longitude: 2.35 };

    fn clock(utc: &str, zone: &str) -> Option<Clock> {
        Clock::new(Some(utc.parse::<Timestamp>().unwrap().as_microsecond()), None, None, Some(zone))
    }

    /// Touching windows of 3 s, with the scores of each class.
    fn predicted(scores: &[(&str, &[f64])]) -> Predicted {
        let windows = |scores: &[f64]| -> Vec<Window> {
            let window = |(i, score): (usize, &f64)| {
                let start_s = 3.0 * i as f64;
                Window { start_s, end_s: start_s + 3.0, score: *score, start_utc_us: None }
            };
            scores.iter().enumerate().map(window).collect()
        };
        let windows: BTreeMap<_, _> = scores.iter().map(|(class, scores)| ((*class).to_owned(), windows(scores))).collect();
        let starts_s = windows.values().next().into_iter().flatten().map(|window| window.start_s).collect();
        Predicted { recording_id: "r".into(), model_id: "m".into(), starts_s, windows }
    }

    fn plain(_: &str) -> Result<Rule, ScoreError> {
        Ok(Rule::plain(0.5, 0.0))
    }

    #[test]
    fn what_is_found_is_counted_in_the_hour_in_which_it_begins() {
        let mut tally = Tally::default();
        let recorded = Recorded { clock: clock("2020-03-01T22:59:54Z", "America/Sao_Paulo"), duration_s: 12.0, place: None };
        tally.record("A", &[&recorded]).unwrap();
        let scores = predicted(&[("X", &[0.1, 0.9, 0.8, 0.1]), ("Y", &[0.1, 0.1, 0.1, 0.1])]);
        tally.count("A", recorded.clock.as_ref(), &scores, plain).unwrap();
        let (x, y) = (tally.classes["X"], tally.classes["Y"]);
        let hour = |hour| &tally.sites["A"].hours[&Some(NightHour { night: date(2020, 3, 1), hour })];
        let effort = |cell: &Cell| (cell.recorded_s(), cell.windows, cell.minutes);
        assert_eq!((effort(hour(19)), effort(hour(20))), ((6.0, 2, 1), (6.0, 2, 0)));
        assert_eq!(hour(19).found(x), Found { windows: 1, minutes: 1, events: 1 });
        assert_eq!(hour(20).found(x), Found { windows: 1, minutes: 0, events: 0 }, "the event began in the hour before");
        assert_eq!((hour(19).found(y), hour(20).detected().collect::<Vec<_>>()), (Found::default(), vec![x]));
        assert_eq!(tally.sites["A"].nights()[&date(2020, 3, 1)].found(x), Found { windows: 2, minutes: 1, events: 1 });
        let bins: Vec<_> = tally.sites["A"].from_sun.keys().map(|bin| (bin.anchor, bin.offset_min)).collect();
        assert_eq!(bins, [(Anchor::Sunrise, None), (Anchor::Sunset, None)], "nobody knows where that is");
    }

    #[test]
    fn a_recording_without_a_time_keeps_its_effort() {
        let mut tally = Tally::default();
        let recorded = Recorded { clock: None, duration_s: 3.0, place: Some(PARIS) };
        tally.record("B", &[&recorded]).unwrap();
        tally.count("B", None, &predicted(&[("X", &[0.9])]), plain).unwrap();
        let cell = &tally.sites["B"].hours[&None];
        assert_eq!((cell.recorded_s(), cell.windows, cell.found(0).events), (3.0, 1, 1));
        assert!(tally.sites["B"].nights().is_empty() && tally.sites["B"].from_sun.len() == 2);
    }

    #[test]
    fn time_counts_from_the_sunset_and_the_sunrise_of_its_night() {
        let mut tally = Tally::default();
        // Sunset in Paris on 2025-03-29 is at 18:17 UTC; 20 minutes lie before it.
        let recorded = Recorded { clock: clock("2025-03-29T17:57:00Z", "Europe/Paris"), duration_s: 3600.0, place: Some(PARIS) };
        tally.record("A", &[&recorded]).unwrap();
        let site = &tally.sites["A"];
        let sunset_us = site.suns[&date(2025, 3, 29)].sun.sunset_us().unwrap();
        let before_us = sunset_us - recorded.clock.as_ref().unwrap().start_us;
        let us = |offset_min| {
            let bin = FromSun { night: Some(date(2025, 3, 29)), anchor: Anchor::Sunset, offset_min: Some(offset_min) };
            site.from_sun[&bin].recorded_us
        };
        assert!((before_us - 20 * US_PER_MINUTE).abs() < US_PER_MINUTE, "{before_us}");
        assert_eq!([us(-30), us(0), us(30)], [before_us, 30 * US_PER_MINUTE, 30 * US_PER_MINUTE - before_us]);
    }

    #[test]
    fn a_clock_whose_zone_is_not_known_tells_nothing_of_the_sun() {
        let bare = Clock::new(None, Some(1_743_270_720_000_000), None, None);
        let mut tally = Tally::default();
        tally.record("A", &[&Recorded { clock: bare, duration_s: 60.0, place: Some(PARIS) }]).unwrap();
        assert!(tally.sites["A"].suns.is_empty());
        assert!(tally.sites["A"].from_sun.keys().all(|bin| bin.night.is_some() && bin.offset_min.is_none()));
    }

    proptest! {
        #[test]
        fn bins_add_up_to_the_span(start in -5_000_i64..5_000, minutes in 0_i64..3_000, anchor in prop::option::of(-3_000_i64..3_000)) {
            let (start_us, end_us) = (start * 7_000_003, start * 7_000_003 + minutes * US_PER_MINUTE);
            let parts = split_at_bins(start_us, end_us, anchor.map(|a| a * 11_000_001));
            prop_assert_eq!(parts.iter().map(|(_, us)| us).sum::<i64>(), end_us - start_us);
            prop_assert!(parts.iter().all(|(_, us)| *us <= i64::from(SUN_BIN_MIN) * US_PER_MINUTE) || anchor.is_none());
            prop_assert!(parts.windows(2).all(|pair| pair[0].0.map(|o| o + SUN_BIN_MIN) == pair[1].0));
        }

        #[test]
        fn hours_and_bins_hold_the_same_effort_and_finds(
            // 2025, all year.
            start_s in 1_735_689_600_i64..1_767_225_600,
            scores in prop::collection::vec(0_u32..10, 1..400),
            latitude in -89.0..89.0_f64,
        ) {
            let duration_s = 3.0 * scores.len() as f64;
            let clock = Clock::new(Some(start_s * 1_000_000), None, None, Some("Europe/Paris"));
            let place = Some(Place { latitude, longitude: 2.0 });
            let recorded = Recorded { clock, duration_s, place };
            let mut tally = Tally::default();
            tally.record("A", &[&recorded]).unwrap();
            let scores: Vec<f64> = scores.iter().map(|&s| f64::from(s) / 10.0).collect();
            tally.count("A", recorded.clock.as_ref(), &predicted(&[("X", &scores)]), plain).unwrap();
            let mut sums = [Cell::default(), Cell::default(), Cell::default()];
            tally.sites["A"].hours.values().for_each(|cell| sums[0].add(cell));
            for (bin, cell) in &tally.sites["A"].from_sun {
                sums[1 + usize::from(bin.anchor == Anchor::Sunset)].add(cell);
            }
            prop_assert_eq!(sums[0].recorded_s(), duration_s);
            prop_assert_eq!(sums[0].windows as usize, scores.len());
            prop_assert!(sums[0].found(0).minutes <= sums[0].minutes && sums[0].found(0).events <= sums[0].found(0).windows);
            prop_assert_eq!(&sums[0], &sums[1]);
            prop_assert_eq!(&sums[0], &sums[2]);
        }
    }
}
