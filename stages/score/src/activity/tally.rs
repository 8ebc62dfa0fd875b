//! Counts of effort and detections by site, local hour, and time from sunset and sunrise. Counts of parts of a site add up to those
//! of the whole: a window, a minute and an event each belong to one recording, and a recording to one part.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::bins::{Bin, Scale, half_hour, hour, split_at_bins};
use super::cell::{Cell, Found};
use super::night_sun::NightSun;
use crate::clock::{self, Clock};
use crate::effort::{end_utc_us, hours, night_hour};
use crate::error::ScoreError;
use crate::predicted::Predicted;
use crate::rule::ClassEvents;
use crate::sun::Place;

const S_PER_MINUTE: f64 = 60.0;

/// A recording: when, how long and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    /// `None` where no time is known.
    pub(crate) clock: Option<Clock>,
    /// Length, seconds.
    pub(crate) duration_s: f64,
    /// Where it was made; `None` where that is not known.
    pub(crate) place: Option<Place>,
}

/// The counts of one site, or of a part of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Site {
    /// Each scale counts all effort once.
    pub(super) cells: BTreeMap<Bin, Cell>,
    /// The nights whose place is known.
    pub(super) suns: BTreeMap<Date, NightSun>,
}

impl Site {
    /// The nights with effort, each hour added up.
    pub(super) fn nights(&self) -> BTreeMap<Date, Cell> {
        let mut nights: BTreeMap<Date, Cell> = BTreeMap::new();
        for (bin, cell) in self.cells.iter().filter(|(bin, _)| bin.scale == Scale::Hour) {
            if let Some(night) = bin.night {
                nights.entry(night).or_default().add(cell);
            }
        }
        nights
    }

    /// Adds what another part says of a night's sun.
    pub(super) fn add_sun(&mut self, night: Date, sun: NightSun) {
        let known = self.suns.entry(night).or_insert(sun);
        if sun.rank() < known.rank() {
            *known = sun;
        }
    }

    /// Finds where its nights are. A recording that does not know its place is taken to be where the first is that does.
    fn place_nights(&mut self, recordings: &[Recorded]) -> Result<(), ScoreError> {
        let timed = || recordings.iter().filter_map(|r| Some((r.clock.as_ref().filter(|clock| clock.is_utc)?, r)));
        let placed = timed().filter_map(|(clock, r)| Some((clock.start_us, r.place?)));
        let Some((_, first)) = placed.min_by_key(|(start_us, _)| *start_us) else { return Ok(()) };
        let mut earliest: BTreeMap<Date, (bool, &Clock, Place)> = BTreeMap::new();
        for (clock, recorded) in timed() {
            let (is_own, place) = (recorded.place.is_some(), recorded.place.unwrap_or(first));
            for (at, _) in hours(clock.start_us, clock::at(clock, recorded.duration_s)?, &clock.zone)? {
                let known = earliest.entry(at.night).or_insert((is_own, clock, place));
                if (!is_own, clock.start_us) < (!known.0, known.1.start_us) {
                    *known = (is_own, clock, place);
                }
            }
        }
        for (night, (is_own, clock, place)) in earliest {
            self.suns.insert(night, NightSun::of(night, clock, place, is_own)?);
        }
        Ok(())
    }

    /// The instant that a scale counts from in a night, by a clock that is right.
    fn anchor_us(&self, night: Date, scale: Scale, clock: &Clock) -> Option<i64> {
        self.suns.get(&night).filter(|_| clock.is_utc).and_then(|known| scale.anchor_us(known.sun))
    }

    /// Adds recorded time, split at every local hour and every half hour from sunset and sunrise.
    fn record(&mut self, recorded: &Recorded) -> Result<(), ScoreError> {
        let Some(clock) = &recorded.clock else {
            let recorded_us = end_utc_us(0, recorded.duration_s)?;
            self.timeless(|cell| cell.recorded_us += recorded_us);
            return Ok(());
        };
        let mut from_us = clock.start_us;
        for (at, part_us) in hours(from_us, clock::at(clock, recorded.duration_s)?, &clock.zone)? {
            self.cells.entry(hour(at)).or_default().recorded_us += part_us;
            for scale in Scale::ANCHORS {
                let anchor_us = self.anchor_us(at.night, scale, clock);
                for (position, bin_us) in split_at_bins(from_us, from_us + part_us, anchor_us) {
                    let bin = Bin { night: Some(at.night), scale, position };
                    self.cells.entry(bin).or_default().recorded_us += bin_us;
                }
            }
            from_us += part_us;
        }
        Ok(())
    }

    /// Changes all cells that hold an instant.
    fn at(&mut self, clock: Option<&Clock>, seconds: f64, change: impl Fn(&mut Cell)) -> Result<(), ScoreError> {
        let Some(clock) = clock else {
            self.timeless(change);
            return Ok(());
        };
        let utc_us = clock::at(clock, seconds)?;
        let at = night_hour(utc_us, &clock.zone)?;
        change(self.cells.entry(hour(at)).or_default());
        for scale in Scale::ANCHORS {
            let from = self.anchor_us(at.night, scale, clock);
            let position = from.map(|from| half_hour(utc_us - from));
            change(self.cells.entry(Bin { night: Some(at.night), scale, position }).or_default());
        }
        Ok(())
    }

    /// Changes the cells of what has no time.
    fn timeless(&mut self, change: impl Fn(&mut Cell)) {
        for scale in [Scale::Hour, Scale::Sunrise, Scale::Sunset] {
            change(self.cells.entry(Bin { night: None, scale, position: None }).or_default());
        }
    }
}

/// Effort and detections by site.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Hash of the model's weights; empty without predictions.
    pub(super) model_id: String,
    /// Numbers of the classes by name.
    pub(super) classes: BTreeMap<String, u32>,
    /// By name.
    pub(super) sites: BTreeMap<String, Site>,
}

impl Tally {
    /// Adds the recorded time of all recordings of a site, or of a part of it. Before their windows are counted, since this finds
    /// the nights' suns.
    ///
    /// # Errors
    /// A time outside the calendar, a place that is not on Earth.
    pub(crate) fn record(&mut self, site: &str, recordings: &[Recorded]) -> Result<(), ScoreError> {
        let site = self.sites.entry(site.to_owned()).or_default();
        site.place_nights(recordings)?;
        recordings.iter().try_for_each(|recorded| site.record(recorded))
    }

    /// Counts the windows of a recording, and the events that were found of each class.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub(crate) fn count(
        &mut self,
        site: &str,
        clock: Option<&Clock>,
        predicted: &Predicted,
        events: &[ClassEvents<'_>],
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
        for ClassEvents { class, windows, groups, .. } in events {
            let number = number(&mut self.classes, class);
            let found = move |cell: &mut Cell, change: fn(&mut Found)| change(cell.found.entry(number).or_default());
            for group in groups {
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
mod tests {
    use super::*;
    use crate::activity::bins::US_PER_MINUTE;
    use crate::events::{Rule, Window, groups};
    use jiff::civil::date;
    use proptest::prelude::*;

    const PARIS: Place = Place { latitude: 48.85, longitude: 2.35 };

    fn clock(utc: &str, zone: &str) -> Option<Clock> {
        Clock::new(Some(utc.parse::<jiff::Timestamp>().unwrap().as_microsecond()), None, None, Some(zone))
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

    /// Counts a recording with events of scores from 0.5.
    fn count(tally: &mut Tally, site: &str, recorded: &Recorded, predicted: &Predicted) {
        let rule = Rule::plain(0.5, 0.0);
        let events: Vec<ClassEvents<'_>> = (predicted.windows.iter())
            .map(|(class, windows)| ClassEvents { class, windows, threshold: 0.5, groups: groups(windows, &rule).unwrap() })
            .collect();
        tally.count(site, recorded.clock.as_ref(), predicted, &events).unwrap();
    }

    fn at_hour(night: Date, hour: i32) -> Bin {
        Bin { night: Some(night), scale: Scale::Hour, position: Some(hour) }
    }

    #[test]
    fn what_is_found_is_counted_in_the_hour_in_which_it_begins() {
        let mut tally = Tally::default();
        let recorded = Recorded { clock: clock("2020-03-01T22:59:54Z", "America/Sao_Paulo"), duration_s: 12.0, place: None };
        tally.record("A", std::slice::from_ref(&recorded)).unwrap();
        let scores = predicted(&[("X", &[0.1, 0.9, 0.8, 0.1]), ("Y", &[0.1, 0.1, 0.1, 0.1])]);
        count(&mut tally, "A", &recorded, &scores);
        let (x, y) = (tally.classes["X"], tally.classes["Y"]);
        let hour = |hour| &tally.sites["A"].cells[&at_hour(date(2020, 3, 1), hour)];
        let effort = |cell: &Cell| (cell.recorded_s(), cell.windows, cell.minutes);
        assert_eq!((effort(hour(19)), effort(hour(20))), ((6.0, 2, 1), (6.0, 2, 0)));
        assert_eq!(hour(19).found(x), Found { windows: 1, minutes: 1, events: 1 });
        assert_eq!(hour(20).found(x), Found { windows: 1, minutes: 0, events: 0 }, "the event began in the hour before");
        assert_eq!((hour(19).found(y), hour(20).detected().collect::<Vec<_>>()), (Found::default(), vec![x]));
        assert_eq!(tally.sites["A"].nights()[&date(2020, 3, 1)].found(x), Found { windows: 2, minutes: 1, events: 1 });
        let bins = tally.sites["A"].cells.keys().filter(|bin| bin.scale != Scale::Hour);
        let bins: Vec<_> = bins.map(|bin| (bin.scale, bin.position)).collect();
        assert_eq!(bins, [(Scale::Sunrise, None), (Scale::Sunset, None)], "nobody knows where that is");
    }

    #[test]
    fn a_recording_without_a_time_keeps_its_effort() {
        let mut tally = Tally::default();
        let recorded = Recorded { clock: None, duration_s: 3.0, place: Some(PARIS) };
        tally.record("B", std::slice::from_ref(&recorded)).unwrap();
        count(&mut tally, "B", &recorded, &predicted(&[("X", &[0.9])]));
        let cell = &tally.sites["B"].cells[&Bin { night: None, scale: Scale::Hour, position: None }];
        assert_eq!((cell.recorded_s(), cell.windows, cell.found(0).events), (3.0, 1, 1));
        assert!(tally.sites["B"].nights().is_empty() && tally.sites["B"].cells.len() == 3);
    }

    #[test]
    fn time_counts_from_the_sunset_and_the_sunrise_of_its_night() {
        let mut tally = Tally::default();
        // Sunset in Paris on 2025-03-29 is at 18:17 UTC; 20 minutes lie before it.
        let recorded = Recorded { clock: clock("2025-03-29T17:57:00Z", "Europe/Paris"), duration_s: 3600.0, place: Some(PARIS) };
        tally.record("A", std::slice::from_ref(&recorded)).unwrap();
        let site = &tally.sites["A"];
        let sunset_us = site.suns[&date(2025, 3, 29)].sun.sunset_us().unwrap();
        let before_us = sunset_us - recorded.clock.as_ref().unwrap().start_us;
        let us = |offset_min| {
            let bin = Bin { night: Some(date(2025, 3, 29)), scale: Scale::Sunset, position: Some(offset_min) };
            site.cells[&bin].recorded_us
        };
        assert!((before_us - 20 * US_PER_MINUTE).abs() < US_PER_MINUTE, "{before_us}");
        assert_eq!([us(-30), us(0), us(30)], [before_us, 30 * US_PER_MINUTE, 30 * US_PER_MINUTE - before_us]);
    }

    #[test]
    fn a_clock_whose_zone_is_not_known_tells_nothing_of_the_sun() {
        let bare = Clock::new(None, Some(1_743_270_720_000_000), None, None);
        let mut tally = Tally::default();
        tally.record("A", &[Recorded { clock: bare, duration_s: 60.0, place: Some(PARIS) }]).unwrap();
        assert!(tally.sites["A"].suns.is_empty());
        let mut bins = tally.sites["A"].cells.keys().filter(|bin| bin.scale != Scale::Hour);
        assert!(bins.all(|bin| bin.night.is_some() && bin.position.is_none()));
    }

    #[test]
    fn a_recording_without_a_place_is_where_others_of_its_day_are_and_those_of_its_night_count_more() {
        let at = |utc: &str, place| Recorded { clock: clock(utc, "Europe/Paris"), duration_s: 60.0, place };
        let sun = |recordings: &[Recorded]| {
            let mut tally = Tally::default();
            tally.record("A", recordings).unwrap();
            tally.sites["A"].suns.get(&date(2025, 3, 28)).map(|sun| (sun.is_of_night, sun.place, sun.start_us))
        };
        let near = Place { latitude: 48.0, ..PARIS };
        let (morning, evening) = (at("2025-03-29T04:00:00Z", None), at("2025-03-29T20:00:00Z", Some(PARIS)));
        let start_us = morning.clock.as_ref().unwrap().start_us;
        assert_eq!(sun(&[morning.clone(), evening.clone()]), Some((false, PARIS, start_us)));
        assert_eq!(sun(std::slice::from_ref(&morning)), None);
        let later = at("2025-03-29T05:00:00Z", Some(near));
        let own = Some((true, near, later.clock.as_ref().unwrap().start_us));
        assert_eq!(sun(&[morning, evening, later]), own);
    }

    proptest! {
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
            tally.record("A", std::slice::from_ref(&recorded)).unwrap();
            let scores: Vec<f64> = scores.iter().map(|&s| f64::from(s) / 10.0).collect();
            count(&mut tally, "A", &recorded, &predicted(&[("X", &scores)]));
            let mut sums: BTreeMap<Scale, Cell> = BTreeMap::new();
            for (bin, cell) in &tally.sites["A"].cells {
                sums.entry(bin.scale).or_default().add(cell);
            }
            let sums: Vec<Cell> = sums.into_values().collect();
            prop_assert_eq!(sums[0].recorded_s(), duration_s);
            prop_assert_eq!(sums[0].windows as usize, scores.len());
            prop_assert!(sums[0].found(0).minutes <= sums[0].minutes && sums[0].found(0).events <= sums[0].found(0).windows);
            prop_assert_eq!(&sums[0], &sums[1]);
            prop_assert_eq!(&sums[0], &sums[2]);
        }
    }
}
