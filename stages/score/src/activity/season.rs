//! What nights say together: when a class was first and last heard, and how many classes so many nights gave.
//!
//! A night counts when at least one window of it was scored. A first date is only as good as the listening before it, so both sides
//! of the season come with their effort: a class that was heard on the first night of all may have called long before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::cell::Cell;

/// Nights by date.
pub(super) type Nights = BTreeMap<Date, Cell>;

/// When a class was heard.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Season {
    /// Nights listened to.
    pub(super) nights: u32,
    /// Nights among them with a detection.
    pub(super) nights_detected: u32,
    /// The first and the last of these, with what was listened to outside of them; `None` where the class was never heard.
    pub(super) span: Option<Span>,
}

/// The first and the last night with a detection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) first: Date,
    pub(super) last: Date,
    pub(super) before: Outside,
    pub(super) after: Outside,
}

/// Listening on one side of a season.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Outside {
    /// Nights listened to.
    pub(super) nights: u32,
    /// Recorded seconds of these nights.
    pub(super) effort_s: f64,
    /// The night among them that is next to the season.
    pub(super) nearest: Option<Date>,
}

impl Outside {
    fn of<'a>(nights: impl Iterator<Item = (&'a Date, &'a Cell)>, nearest: fn(Option<Date>, Date) -> Date) -> Self {
        nights.fold(Self::default(), |side, (night, cell)| Self {
            nights: side.nights + 1,
            effort_s: side.effort_s + cell.recorded_s(),
            nearest: Some(nearest(side.nearest, *night)),
        })
    }
}

/// The season of a class.
pub(super) fn season(nights: &Nights, class: u32) -> Season {
    let listened = || nights.iter().filter(|(_, cell)| cell.windows > 0);
    let detected: Vec<Date> = listened().filter(|(_, cell)| cell.found(class).windows > 0).map(|(night, _)| *night).collect();
    let span = detected.first().zip(detected.last()).map(|(&first, &last)| Span {
        first,
        last,
        before: Outside::of(listened().filter(|(night, _)| **night < first), |_, night| night),
        after: Outside::of(listened().filter(|(night, _)| **night > last), |nearest, night| nearest.unwrap_or(night)),
    });
    Season { nights: listened().count() as u32, nights_detected: detected.len() as u32, span }
}

/// The nights of all sites, those of one date added up.
pub(super) fn together<'a>(sites: impl Iterator<Item = &'a Nights>) -> Nights {
    let mut all = Nights::new();
    for (night, cell) in sites.flatten() {
        all.entry(*night).or_default().add(cell);
    }
    all
}

/// What was listened to up to a night, and how many classes that gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) night: Date,
    /// Nights listened to so far.
    pub(super) nights: u32,
    /// The same, a night at two sites counting twice.
    pub(super) site_nights: u32,
    /// Recorded seconds so far.
    pub(super) effort_s: f64,
    /// Classes heard so far.
    pub(super) classes: u32,
    /// Classes among them that were never heard before this night.
    pub(super) new_classes: u32,
}

/// The accumulation of classes over the nights of some sites, in order of time.
pub(super) fn accumulate(sites: &[&Nights]) -> Vec<Step> {
    let mut heard: BTreeSet<u32> = BTreeSet::new();
    let mut steps: Vec<Step> = Vec::new();
    for (night, cell) in together(sites.iter().copied()).iter().filter(|(_, cell)| cell.windows > 0) {
        let before = heard.len();
        heard.extend(cell.detected());
        let at_sites = sites.iter().filter(|nights| nights.get(night).is_some_and(|cell| cell.windows > 0)).count();
        let (nights, site_nights, effort_s) = steps.last().map_or((0, 0, 0.0), |s| (s.nights, s.site_nights, s.effort_s));
        steps.push(Step {
            night: *night,
            nights: nights + 1,
            site_nights: site_nights + at_sites as u32,
            effort_s: effort_s + cell.recorded_s(),
            classes: heard.len() as u32,
            new_classes: (heard.len() - before) as u32,
        });
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::cell::cell;
    use jiff::civil::date;

    fn day(day: i8) -> Date {
        date(2025, 4, day)
    }

    #[test]
    fn a_season_has_the_listening_on_both_sides() {
        // Nothing on the 3rd; the 5th has a recording too short for a window.
        let short = Cell { recorded_us: 1, ..Cell::default() };
        let nights: Nights = [
            (day(1), cell(60, &[])),
            (day(2), cell(60, &[])),
            (day(4), cell(60, &[7])),
            (day(5), short),
            (day(6), cell(60, &[7, 8])),
            (day(8), cell(120, &[])),
            (day(9), cell(60, &[])),
        ]
        .into();
        let before = Outside { nights: 2, effort_s: 120.0, nearest: Some(day(2)) };
        let after = Outside { nights: 2, effort_s: 180.0, nearest: Some(day(8)) };
        let span = Span { first: day(4), last: day(6), before, after };
        assert_eq!(season(&nights, 7), Season { nights: 6, nights_detected: 2, span: Some(span) });
        assert_eq!(season(&nights, 1), Season { nights: 6, nights_detected: 0, span: None });
        let always: Nights = [(day(1), cell(60, &[7]))].into();
        assert_eq!(season(&always, 7).span.unwrap().before, Outside::default());
    }

    #[test]
    fn classes_accumulate_over_nights_and_sites() {
        let a: Nights = [(day(1), cell(60, &[1])), (day(3), cell(60, &[1, 2]))].into();
        let b: Nights = [(day(1), cell(60, &[])), (day(2), cell(60, &[3]))].into();
        let steps = |sites: &[&Nights]| -> Vec<_> {
            accumulate(sites)
                .iter()
                .map(|s| (s.night.day(), s.nights, s.site_nights, s.effort_s, s.classes, s.new_classes))
                .collect()
        };
        assert_eq!(steps(&[&a]), [(1, 1, 1, 60.0, 1, 1), (3, 2, 2, 120.0, 2, 1)]);
        assert_eq!(steps(&[&a, &b]), [(1, 1, 2, 120.0, 1, 1), (2, 2, 3, 180.0, 2, 1), (3, 3, 4, 240.0, 3, 1)]);
    }
}
