//! One thing that an annotation file says.

use crate::text::number;

/// What of its recording an event speaks of.
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

/// What one line of an annotation file says; a line with several labels makes several events.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Line in the file, from 1.
    pub line: u32,
    /// Position of the label within the line, from 1.
    pub item: u32,
    /// The label text as it stands; of an unusable line, what there is instead.
    pub label: String,
    /// What it speaks of.
    pub extent: Extent,
    /// Start within the recording, seconds.
    pub start_s: Option<f64>,
    /// End within the recording, seconds; equal to the start for a point label.
    pub end_s: Option<f64>,
    /// Lower bound of the frequency range, Hz.
    pub low_hz: Option<f64>,
    /// Upper bound of the frequency range, Hz.
    pub high_hz: Option<f64>,
    /// The annotator's quality mark, where the file has it apart from the label.
    pub quality: Option<String>,
    /// Whether its times are those of a session of several recordings, and not of its own.
    pub in_session: bool,
    /// What somebody said who was asked for the label in this span alone: that it is there, or that it is not. `None` of files that say all
    /// that was heard.
    pub verdict: Option<bool>,
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
            in_session: false,
            verdict: None,
            problem: None,
        }
    }
}

impl Event {
    /// A label between two times as they are written, seconds.
    pub(crate) fn timed(line: u32, start: &str, end: &str, label: &str) -> Self {
        let (start_s, end_s) = (number(start), number(end));
        let problem = match (start_s, end_s) {
            (None, _) => Some(format!("start is `{start}`, expected seconds")),
            (_, None) => Some(format!("end is `{end}`, expected seconds")),
            (Some(start_s), Some(end_s)) => {
                (start_s > end_s).then(|| format!("starts at {start_s} s, after its end at {end_s} s"))
            }
        };
        Self { line, label: label.to_owned(), start_s, end_s, problem, ..Self::default() }
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

    /// The same with this problem, unless it has one.
    #[must_use]
    pub(crate) fn or_problem(mut self, problem: Option<String>) -> Self {
        self.problem = self.problem.or(problem);
        self
    }

    /// The same at other times, seconds.
    #[must_use]
    pub(crate) fn moved(self, start_s: f64, end_s: f64) -> Self {
        if !end_s.is_finite() {
            return self.or_problem(Some("the times are beyond all measure".to_owned()));
        }
        Self { start_s: Some(start_s), end_s: Some(end_s), ..self }
    }

    /// The same with the times of its recording, which begins so many seconds after the session, or cannot be placed in it and why.
    #[must_use]
    pub(crate) fn in_recording(self, begins_s: &Result<f64, String>) -> Self {
        match (begins_s, self.start_s, self.end_s) {
            _ if !self.in_session => self,
            (Err(reason), ..) => self.or_problem(Some(reason.clone())),
            // Sums of lengths and times in tables are rounded: what begins with the recording does not begin before it.
            (Ok(begins_s), Some(start_s), Some(end_s)) => self.moved((start_s - begins_s).max(0.0), (end_s - begins_s).max(0.0)),
            _ => self,
        }
    }

    /// The same with a frequency range as written, in units of `hz`; an empty field is a bound that was not drawn.
    #[must_use]
    pub(crate) fn between(mut self, low: &str, high: &str, hz: f64) -> Self {
        let hertz = |text: &str| number(text).map(|bound| bound * hz).filter(|bound| bound.is_finite());
        let bound = |text: &str| hertz(text).filter(|bound| *bound >= 0.0);
        (self.low_hz, self.high_hz) = (bound(low), bound(high));
        let unread = |text: &&str| !text.is_empty() && hertz(text).is_none();
        let problem = match (self.low_hz, self.high_hz) {
            (Some(low), Some(high)) if low > high => Some(format!("low frequency {low} Hz is above the high one, {high} Hz")),
            _ => [low, high].iter().find(|text| unread(text)).map(|text| format!("frequency is `{text}`, expected a number")),
        };
        self.or_problem(problem)
    }
}
