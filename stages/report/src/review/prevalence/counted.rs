//! The windows of a run by bin of their score, and what was heard of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;

use super::density::Heard;
use crate::export::ExportError;
use crate::export::scores::Window;
use crate::review::sample::step;

/// The bins of a class: steps of the score, ascending, none in two bins.
pub(super) type Bins = Vec<Range<usize>>;

/// A site and a night; no night where the time is not known, or where nights are not told apart.
pub(super) type Place = (String, Option<Date>);

/// What is counted of a class.
#[derive(Debug)]
pub(super) struct OfClass {
    bins: Bins,
    /// Windows by bin; the last number is of windows in no bin.
    pub(super) windows: BTreeMap<Place, Vec<u64>>,
    /// What was heard, by recording.
    pub(super) heard: BTreeMap<String, Heard>,
}

impl OfClass {
    /// How many numbers a count has: one for each bin, and one for windows in none.
    pub(super) fn numbers(&self) -> usize {
        self.bins.len() + 1
    }
}

/// All that is counted.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) classes: BTreeMap<Arc<str>, OfClass>,
    /// Windows, also those of which a class has no score (predict.min_score).
    pub(super) windows: BTreeMap<Place, u64>,
    by_night: bool,
    /// The recording and the start of the window that was counted last, and its place: all classes of a window follow each other.
    last: Option<(String, f64, Place)>,
}

impl Counted {
    /// Nothing yet, of classes with these bins.
    pub(super) fn new(bins: BTreeMap<Arc<str>, Bins>, by_night: bool) -> Self {
        let of_class = |bins| OfClass { bins, windows: BTreeMap::new(), heard: BTreeMap::new() };
        let classes = bins.into_iter().map(|(class, bins)| (class, of_class(bins))).collect();
        Self { classes, windows: BTreeMap::new(), by_night, last: None }
    }

    /// Counts a window, and whether somebody heard the class in it. All windows have to be counted, of any class; one without bins has no
    /// count of its own.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub(super) fn add(&mut self, window: &Window<'_>, verdict: Option<bool>) -> Result<(), ExportError> {
        let recording = window.recording;
        let is_next = |(id, start_s, _): &(String, f64, Place)| *id == recording.id && *start_s == window.start_s;
        if !self.last.as_ref().is_some_and(is_next) {
            let night = if self.by_night { recording.start.night(window.start_s)? } else { None };
            let place = (recording.site.clone(), night);
            *self.windows.entry(place.clone()).or_default() += 1;
            self.last = Some((recording.id.clone(), window.start_s, place));
        }
        let Some((.., place)) = &self.last else { return Ok(()) };
        let Some(class) = self.classes.get_mut(&window.class) else { return Ok(()) };
        let (at, numbers) = (step(window.score), class.numbers());
        let bin = class.bins.iter().position(|bin| bin.contains(&at)).unwrap_or(class.bins.len());
        match class.windows.get_mut(place) {
            Some(windows) => windows[bin] += 1,
            None => {
                let mut windows = vec![0; numbers];
                windows[bin] = 1;
                class.windows.insert(place.clone(), windows);
            }
        }
        if let Some(is_yes) = verdict {
            let none = || Heard { site: recording.site.clone(), windows: vec![0; numbers], with: vec![0; numbers] };
            let heard = class.heard.entry(recording.id.clone()).or_insert_with(none);
            heard.windows[bin] += 1;
            heard.with[bin] += u64::from(is_yes);
        }
        Ok(())
    }
}
