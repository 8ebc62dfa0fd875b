//! One event of an annotation file.

use chorus_clock::Clock;

use crate::moment::{EXAMPLE, Ends, Moments, Time};
use crate::text::{number, seconds};

/// The part of its recording that an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// A span of time.
    #[default]
    Span,
    /// The recording as a whole.
    Whole,
    /// The recording as a whole, and nothing was heard there.
    Nothing,
}

/// One label of one line of an annotation file. A line with several labels makes several events.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Line in the file, from 1.
    pub line: u32,
    /// Position of the label within the line, from 1.
    pub item: u32,
    /// The label text as written; of an unusable line, the whole line.
    pub label: String,
    /// The part of the recording that it is about.
    pub extent: Extent,
    /// Start within the recording, seconds.
    pub start_s: Option<f64>,
    /// End within the recording, seconds; equal to the start for a point label.
    pub end_s: Option<f64>,
    /// Lower bound of the frequency range, Hz.
    pub low_hz: Option<f64>,
    /// Upper bound of the frequency range, Hz.
    pub high_hz: Option<f64>,
    /// The annotator's quality mark, where the file has a field for it.
    pub quality: Option<String>,
    /// Its times where they are dates with a time of day. `start_s` and `end_s` follow from them once its recording is known.
    pub moments: Option<Moments>,
    /// The channel that it was marked in, from 1, where the file says so.
    pub channel: Option<u32>,
    /// Whether its times count from the start of a session of several recordings.
    pub in_session: bool,
    /// The verdict of a review sheet: whether the class calls in this span. `None` in files that hold everything that was heard.
    pub verdict: Option<bool>,
    /// Whether its review sheet says that the clip was chosen to listen to, and so stands for no others.
    pub is_chosen: bool,
    /// Why the event can't be used.
    pub problem: Option<String>,
}

impl Default for Event {
    fn default() -> Self {
        Self {
            line: 0,
            item: 1,
            label: String::new(),
            extent: Extent::Span,
            start_s: None,
            end_s: None,
            low_hz: None,
            high_hz: None,
            quality: None,
            moments: None,
            channel: None,
            in_session: false,
            verdict: None,
            is_chosen: false,
            problem: None,
        }
    }
}

impl Event {
    /// A label between two times as written.
    pub(crate) fn timed(line: u32, start: &str, end: &str, label: &str) -> Self {
        let (start_at, end_at) = (Time::read(start), Time::read(end));
        let moments = start_at.zip(end_at).and_then(|(start, end)| Moments::of(start, Ends::At(end)));
        let (start_s, end_s) = (start_at.and_then(Time::second), end_at.and_then(Time::second));
        let problem = match (start_at, end_at) {
            (None, _) => Some(unread("start", start)),
            (_, None) => Some(unread("end", end)),
            _ => start_s.zip(end_s).and_then(|(start_s, end_s)| ends_early(start_s, end_s)),
        };
        Self { line, label: label.to_owned(), start_s, end_s, moments, problem, ..Self::default() }
    }

    /// A label from a time on that lasts for another, as written.
    pub(crate) fn lasting(line: u32, start: &str, length: &str, label: &str) -> Self {
        let (start_at, length_s) = (Time::read(start), seconds(length));
        let event = Self { line, label: label.to_owned(), start_s: start_at.and_then(Time::second), ..Self::default() };
        match (start_at, length_s) {
            (None, _) => event.or_problem(Some(unread("start", start))),
            (_, None) => event.or_problem(Some(unread("length", length))),
            (_, Some(length_s)) if length_s < 0.0 => event.or_problem(Some(format!("lasts {length_s} s, expected 0 or more"))),
            (Some(Time::Second(start_s)), Some(length_s)) => event.moved(start_s, start_s + length_s),
            (Some(start), Some(length_s)) => Self { moments: Moments::of(start, Ends::After(length_s)), ..event },
        }
    }

    /// A label of an interval between two dates with a time of day, as written.
    pub(crate) fn spanning(line: u32, interval: &str, label: &str) -> Self {
        let moments = Moments::of_interval(interval);
        let unread = || {
            format!("the interval is `{interval}`, expected two dates with a time such as {EXAMPLE}, and a slash between them")
        };
        let problem = moments.is_none().then(unread);
        Self { line, label: label.to_owned(), moments, problem, ..Self::default() }
    }

    /// A line that can't be used.
    pub(crate) fn unusable(line: u32, text: &str, problem: impl Into<String>) -> Self {
        Self { line, label: text.to_owned(), problem: Some(problem.into()), ..Self::default() }
    }

    /// A label of the whole recording.
    pub(crate) fn whole(line: u32, label: &str) -> Self {
        Self { line, label: label.to_owned(), extent: Extent::Whole, ..Self::default() }
    }

    /// A line that says that nothing was heard in the recording.
    pub(crate) fn nothing(line: u32) -> Self {
        Self { line, extent: Extent::Nothing, ..Self::default() }
    }

    /// Adds a problem, unless the event has one.
    #[must_use]
    pub(crate) fn or_problem(mut self, problem: Option<String>) -> Self {
        self.problem = self.problem.or(problem);
        self
    }

    /// Moves the event to other times, seconds.
    #[must_use]
    pub(crate) fn moved(self, start_s: f64, end_s: f64) -> Self {
        if !end_s.is_finite() {
            return self.or_problem(Some("the times are too large".to_owned()));
        }
        Self { start_s: Some(start_s), end_s: Some(end_s), ..self }
    }

    /// Converts dates with a time of day to times within the recording, which lasts `duration_s` seconds. `clock` is that of the recording,
    /// `None` where its start is not known.
    #[must_use]
    pub(crate) fn by_clock(self, clock: Option<&Clock>, duration_s: Option<f64>) -> Self {
        match self.moments.map(|moments| moments.within(clock, duration_s)) {
            None => self,
            Some(Ok((start_s, end_s))) => self.moved(start_s, end_s).or_problem(ends_early(start_s, end_s)),
            Some(Err(reason)) => self.or_problem(Some(reason)),
        }
    }

    /// Converts times of a session to times within the recording, which begins `begins_s` seconds after the session. The error
    /// says why that is not known.
    #[must_use]
    pub(crate) fn in_recording(self, begins_s: &Result<f64, String>) -> Self {
        match (begins_s, self.start_s, self.end_s) {
            _ if !self.in_session => self,
            (Err(reason), ..) => self.or_problem(Some(reason.clone())),
            // Sums of lengths and times in tables are rounded, which may put an event slightly before the recording's start.
            (Ok(begins_s), Some(start_s), Some(end_s)) => self.moved((start_s - begins_s).max(0.0), (end_s - begins_s).max(0.0)),
            _ => self,
        }
    }

    /// Adds a frequency range as written, each bound with the hertz in its unit. An empty field is a bound that was not drawn.
    #[must_use]
    pub(crate) fn between(mut self, low: (&str, f64), high: (&str, f64)) -> Self {
        let hertz = |(text, hz): (&str, f64)| number(text).map(|bound| bound * hz).filter(|bound| bound.is_finite());
        let bound = |written: (&str, f64)| hertz(written).filter(|bound| *bound >= 0.0);
        (self.low_hz, self.high_hz) = (bound(low), bound(high));
        let unread = |written: &&(&str, f64)| !written.0.is_empty() && hertz(**written).is_none();
        let problem = match (self.low_hz, self.high_hz) {
            (Some(low), Some(high)) if low > high => Some(format!("low frequency {low} Hz is above the high one, {high} Hz")),
            _ => [low, high].iter().find(unread).map(|(text, _)| format!("frequency is `{text}`, expected a number")),
        };
        self.or_problem(problem)
    }
}

/// Why a time cannot be read.
fn unread(what: &str, text: &str) -> String {
    format!("{what} is `{text}`, expected seconds, minutes or hours with colons, or a date with a time such as {EXAMPLE}")
}

/// Why an event cannot be used that ends before it starts.
fn ends_early(start_s: f64, end_s: f64) -> Option<String> {
    (start_s > end_s).then(|| format!("starts at {start_s} s, after its end at {end_s} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_any_notation() {
        for (text, wanted) in [
            ("12.5", Some(12.5)),
            ("12,5", Some(12.5)),
            ("12.5 s", Some(12.5)),
            ("1e2", Some(100.0)),
            ("-1", Some(-1.0)),
            ("02:03", Some(123.0)),
            ("PT2M3.25S", Some(123.25)),
            ("P", None),
            ("PT", None),
            ("P1M", None),
            ("2:03,25", Some(123.25)),
            ("1:02:03.5", Some(3723.5)),
            ("90:00", Some(5400.0)),
            ("1:60:00", None),
            ("1:75", None),
            ("1:-5", None),
            (":05", None),
            ("1:2:3:4", None),
            ("nan", None),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
        let event = Event::lasting(2, "1:00", "1,5", "A");
        assert_eq!((event.start_s, event.end_s, event.problem), (Some(60.0), Some(61.5), None));
        let event = Event::timed(2, "1:00", "dusk", "A");
        let expected = "expected seconds, minutes or hours with colons, or a date with a time such as 2026-03-03T20:00:05";
        assert_eq!(event.problem, Some(format!("end is `dusk`, {expected}")));
    }

    #[test]
    fn a_date_with_a_time_of_day_counts_from_the_start_of_the_recording() {
        let start_us = 1_772_568_000_000_000; // 2026-03-03T20:00:00Z
        let clock = Clock::new(Some(start_us), None, None, Some("UTC"));
        let placed = |event: Event| {
            let event = event.by_clock(clock.as_ref(), Some(60.0));
            (event.start_s, event.end_s, event.problem)
        };
        let five_to_eight = (Some(5.0), Some(8.0), None);
        assert_eq!(placed(Event::timed(2, "2026-03-03T20:00:05", "2026-03-03 20:00:08", "A")), five_to_eight);
        assert_eq!(
            placed(Event::timed(2, "2026-03-03T17:00:05-03:00", "8", "A")),
            five_to_eight,
            "each time by its own notation"
        );
        assert_eq!(placed(Event::timed(2, "PT5S", "0:08", "A")), five_to_eight);
        assert_eq!(placed(Event::lasting(2, "2026-03-03T20:00:05", "3", "A")), five_to_eight);
        assert_eq!(placed(Event::spanning(2, "2026-03-03T20:00:05/2026-03-03T20:00:08", "A")), five_to_eight);
        let (.., early) = placed(Event::timed(2, "2026-03-03T20:00:08", "2026-03-03T20:00:05", "A"));
        assert_eq!(early.as_deref(), Some("starts at 8 s, after its end at 5 s"));
        let (start_s, _, problem) = placed(Event::spanning(2, "2026-03-03", "A"));
        assert!(start_s.is_none() && problem.is_some_and(|problem| problem.starts_with("the interval is `2026-03-03`")));
        let unknown = Event::timed(2, "2026-03-03T20:00:05", "2026-03-03T20:00:08", "A").by_clock(None, Some(60.0));
        assert!(unknown.start_s.is_none() && unknown.problem.is_some_and(|problem| problem.contains("is not known")));
    }
}
