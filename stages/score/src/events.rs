//! Windows over a threshold merged into events: one recording, one class.
//!
//! Windows and events are half-open, `[start_s, end_s)`: a window that ends where the next begins leaves a gap of 0,
//! and two such windows are one event when `max_gap_s` is 0. Overlapping windows (hop < window) leave a negative gap and
//! always merge. An event reaches from the start of its first window to the latest end of its windows; windows under
//! the threshold that lie inside it count neither in `n_windows` nor in the mean.
//!
//! With hysteresis there are two thresholds: an event begins with a window at the threshold, and goes on with windows that reach a
//! lower one, so that a call that wavers around the threshold is one event. It is onset and offset of voice activity detection (Gelly,
//! Gauvain 2015, "Minimum word error training of RNN-based voice activity detection", Interspeech), as in pyannote's `Binarize`. Events
//! that are shorter than a minimum are dropped last, as there.

use crate::error::ScoreError;

/// Gaps are compared up to a microsecond, the resolution of times in the tables, so that
/// 3 x 0.3 and 0.9 are the same instant.
const TIME_TOLERANCE_S: f64 = 1e-6;

/// A scored window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Start within the recording, seconds.
    pub start_s: f64,
    /// End within the recording, seconds, exclusive.
    pub end_s: f64,
    /// Score of the class.
    pub score: f64,
    /// Start, microseconds since 1970-01-01 UTC; `None` where the recording has no trustworthy time.
    pub start_utc_us: Option<i64>,
}

/// A run of windows, the first of them over the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Start within the recording, seconds.
    pub start_s: f64,
    /// End within the recording, seconds, exclusive.
    pub end_s: f64,
    /// Start, microseconds since 1970-01-01 UTC, as of the first window.
    pub start_utc_us: Option<i64>,
    /// Highest score of its windows.
    pub peak_score: f64,
    /// Start of the window with that score, seconds; the first of several.
    pub peak_start_s: f64,
    /// Mean score of its windows.
    pub mean_score: f64,
    /// Number of its windows.
    pub n_windows: u32,
}

/// What makes windows an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Score from which a window begins an event.
    pub threshold: f64,
    /// Score from which a window carries an event on, at most the threshold.
    pub hold: f64,
    /// Longest gap between two windows of an event, seconds.
    pub max_gap_s: f64,
    /// Shortest event, seconds from its start to its end.
    pub min_event_s: f64,
}

impl Rule {
    /// A rule with one threshold only, and events of any length.
    pub fn plain(threshold: f64, max_gap_s: f64) -> Self {
        Self { threshold, hold: threshold, max_gap_s, min_event_s: 0.0 }
    }
}

/// Merges windows into events.
///
/// # Errors
/// Windows that are empty, not finite or not sorted by start; a score that is not a number; a rule that contradicts itself.
pub fn merge(windows: &[Window], rule: &Rule) -> Result<Vec<Event>, ScoreError> {
    Ok(groups(windows, rule)?.iter().filter_map(|members| event(windows, members)).collect())
}

/// The windows of each event by their positions, in order of time.
///
/// # Errors
/// Those of [`merge`].
pub fn groups(windows: &[Window], rule: &Rule) -> Result<Vec<Vec<usize>>, ScoreError> {
    check(windows, rule)?;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut end_s = f64::NEG_INFINITY;
    for (index, window) in windows.iter().enumerate() {
        let is_near = window.start_s - end_s <= rule.max_gap_s + TIME_TOLERANCE_S;
        match groups.last_mut() {
            Some(group) if is_near && window.score >= rule.hold => {
                group.push(index);
                end_s = end_s.max(window.end_s);
            }
            _ if window.score >= rule.threshold => {
                groups.push(vec![index]);
                end_s = window.end_s;
            }
            _ => {}
        }
    }
    groups.retain(|group| length_s(windows, group) + TIME_TOLERANCE_S >= rule.min_event_s);
    Ok(groups)
}

/// From the start of the first of these windows to the latest end.
fn length_s(windows: &[Window], members: &[usize]) -> f64 {
    let end_s = members.iter().map(|&i| windows[i].end_s).fold(f64::NEG_INFINITY, f64::max);
    members.first().map_or(0.0, |&first| end_s - windows[first].start_s)
}

/// The event of these windows; `None` without any.
pub fn event(windows: &[Window], members: &[usize]) -> Option<Event> {
    let (first, others) = members.split_first()?;
    let first = windows[*first];
    let begun = Event {
        start_s: first.start_s,
        end_s: first.end_s,
        start_utc_us: first.start_utc_us,
        peak_score: first.score,
        peak_start_s: first.start_s,
        mean_score: first.score,
        n_windows: 1,
    };
    Some(others.iter().fold(begun, |event, &i| extend(event, &windows[i])))
}

fn extend(mut event: Event, window: &Window) -> Event {
    event.end_s = event.end_s.max(window.end_s);
    if window.score > event.peak_score {
        (event.peak_score, event.peak_start_s) = (window.score, window.start_s);
    }
    event.n_windows += 1;
    event.mean_score += (window.score - event.mean_score) / f64::from(event.n_windows);
    event
}

fn check(windows: &[Window], rule: &Rule) -> Result<(), ScoreError> {
    let Rule { threshold, hold, max_gap_s, min_event_s } = *rule;
    for (name, found, expected, right) in [
        ("threshold", threshold, "a number", !threshold.is_nan()),
        ("hysteresis", hold, "a second threshold that is at most the first", hold <= threshold),
        ("max_gap_s", max_gap_s, "0 or more seconds", max_gap_s >= 0.0),
        ("min_event_s", min_event_s, "0 or more seconds", min_event_s >= 0.0),
    ] {
        if !right {
            return Err(ScoreError::Parameter { name, found, expected });
        }
    }
    let mut previous_s = f64::NEG_INFINITY;
    for (index, window) in windows.iter().enumerate() {
        let &Window { start_s, end_s, score, .. } = window;
        if score.is_nan() {
            return Err(ScoreError::Score { index, found: score });
        }
        let sound = start_s.is_finite() && end_s.is_finite() && start_s < end_s;
        if !sound || start_s < previous_s {
            return Err(ScoreError::Window { index, start_s, end_s, expected: "windows of some length, sorted by start" });
        }
        previous_s = start_s;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(start_s: f64, end_s: f64, score: f64) -> Window {
        let start_utc_us = Some((start_s * 1e6) as i64);
        Window { start_s, end_s, score, start_utc_us }
    }

    fn spans(windows: &[Window], threshold: f64, max_gap_s: f64) -> Vec<(f64, f64, u32)> {
        let events = merge(windows, &Rule::plain(threshold, max_gap_s)).unwrap();
        events.iter().map(|e| (e.start_s, e.end_s, e.n_windows)).collect()
    }

    #[test]
    fn touching_windows_are_one_event() {
        let windows = [window(3.0, 6.0, 0.9), window(6.0, 9.0, 0.6), window(12.0, 15.0, 0.7)];
        assert_eq!(spans(&windows, 0.6, 0.0), [(3.0, 9.0, 2), (12.0, 15.0, 1)]);
        assert_eq!(spans(&windows, 0.6, 3.0), [(3.0, 15.0, 3)]);
        assert_eq!(spans(&windows, 0.6, 2.9), [(3.0, 9.0, 2), (12.0, 15.0, 1)]);
        let event = merge(&windows, &Rule::plain(0.6, 0.0)).unwrap()[0];
        assert_eq!((event.peak_score, event.start_utc_us), (0.9, Some(3_000_000)));
        assert!((event.mean_score - 0.75).abs() < 1e-12);
    }

    #[test]
    fn overlapping_windows_merge_and_the_latest_end_counts() {
        let windows = [window(0.0, 3.0, 0.8), window(1.0, 4.0, 0.1), window(2.0, 5.0, 0.7)];
        assert_eq!(spans(&windows, 0.5, 0.0), [(0.0, 5.0, 2)]);
        let nested = [window(0.0, 9.0, 0.8), window(1.0, 2.0, 0.9), window(9.0, 10.0, 0.9)];
        assert_eq!(spans(&nested, 0.5, 0.0), [(0.0, 10.0, 3)]);
        let event = merge(&nested, &Rule::plain(0.5, 0.0)).unwrap()[0];
        assert_eq!((event.peak_score, event.peak_start_s), (0.9, 1.0), "the first of equally high windows");
    }

    #[test]
    fn rounding_of_times_makes_no_gap() {
        let windows = [window(0.6, 0.9, 1.0), window(0.3 + 0.6 + 1e-9, 1.2, 1.0)];
        assert_eq!(spans(&windows, 0.5, 0.0).len(), 1);
    }

    #[test]
    fn nothing_over_the_threshold_is_no_event() {
        assert_eq!(spans(&[window(0.0, 3.0, 0.4)], 0.5, 0.0), []);
        assert_eq!(spans(&[], 0.5, 0.0), []);
    }

    #[test]
    fn bad_input_is_refused() {
        let unsorted = [window(3.0, 6.0, 0.1), window(0.0, 3.0, 0.1)];
        let merge = |windows: &[Window], threshold, max_gap_s| merge(windows, &Rule::plain(threshold, max_gap_s));
        assert!(matches!(merge(&unsorted, 0.5, 0.0), Err(ScoreError::Window { index: 1, .. })));
        assert!(matches!(merge(&[window(3.0, 3.0, 0.1)], 0.5, 0.0), Err(ScoreError::Window { index: 0, .. })));
        assert!(matches!(merge(&[], 0.5, -1.0), Err(ScoreError::Parameter { name: "max_gap_s", .. })));
        assert!(matches!(merge(&[], f64::NAN, 0.0), Err(ScoreError::Parameter { name: "threshold", .. })));
        assert!(matches!(merge(&[window(0.0, 1.0, f64::NAN)], 0.5, 0.0), Err(ScoreError::Score { index: 0, .. })));
        let above = Rule { hold: 0.6, ..Rule::plain(0.5, 0.0) };
        assert!(matches!(groups(&[], &above), Err(ScoreError::Parameter { name: "hysteresis", .. })));
        let endless = Rule { min_event_s: f64::NAN, ..Rule::plain(0.5, 0.0) };
        assert!(matches!(groups(&[], &endless), Err(ScoreError::Parameter { name: "min_event_s", .. })));
    }

    /// Windows of 3 s one after the other.
    fn touching(scores: &[f64]) -> Vec<Window> {
        scores.iter().enumerate().map(|(i, &score)| window(3.0 * i as f64, 3.0 * i as f64 + 3.0, score)).collect()
    }

    #[test]
    fn an_event_begins_at_the_threshold_and_goes_on_above_the_lower_one() {
        let windows = touching(&[0.4, 0.6, 0.4, 0.3, 0.4, 0.6]);
        let wavering = Rule { hold: 0.4, ..Rule::plain(0.5, 0.0) };
        // The first window is above the lower threshold only: nothing has begun there. 0.3 ends it, and 0.4 does not begin another.
        assert_eq!(groups(&windows, &wavering).unwrap(), [vec![1, 2], vec![5]]);
        // A gap that may lie between windows may lie behind one that carries the event on.
        assert_eq!(groups(&windows, &Rule { max_gap_s: 3.0, ..wavering }).unwrap(), [vec![1, 2, 4, 5]]);
        let event = merge(&windows, &wavering).unwrap()[0];
        assert_eq!((event.start_s, event.end_s, event.peak_score, event.mean_score), (3.0, 9.0, 0.6, 0.5));
    }

    #[test]
    fn short_events_are_dropped_once_they_are_merged() {
        let windows = touching(&[0.9, 0.1, 0.9, 0.9, 0.1, 0.9]);
        let long = Rule { min_event_s: 6.0, ..Rule::plain(0.5, 0.0) };
        assert_eq!(groups(&windows, &long).unwrap(), [vec![2, 3]]);
        assert_eq!(groups(&windows, &Rule { max_gap_s: 3.0, ..long }).unwrap(), [vec![0, 2, 3, 5]]);
    }

    proptest! {
        #[test]
        fn events_hold_every_window_over_the_threshold_and_no_more(
            steps in prop::collection::vec((0_u32..6, 1_u32..5, 0_u32..10), 0..60),
            max_gap_s in 0_u32..4,
        ) {
            let mut start = 0.0;
            let windows: Vec<Window> = steps.iter().map(|&(hop, length, score)| {
                start += f64::from(hop);
                window(start, start + f64::from(length), f64::from(score) / 10.0)
            }).collect();
            let (threshold, max_gap_s) = (0.5, f64::from(max_gap_s));
            let events = merge(&windows, &Rule::plain(threshold, max_gap_s)).unwrap();

            let taken: Vec<_> = windows.iter().filter(|w| w.score >= threshold).collect();
            for window in &taken {
                let holding = events.iter().filter(|e| e.start_s <= window.start_s && window.end_s <= e.end_s);
                prop_assert_eq!(holding.count(), 1);
            }
            prop_assert_eq!(events.iter().map(|e| e.n_windows as usize).sum::<usize>(), taken.len());
            for pair in events.windows(2) {
                prop_assert!(pair[1].start_s - pair[0].end_s > max_gap_s);
            }
            for event in &events {
                let own = || taken.iter().filter(|w| w.start_s >= event.start_s && w.end_s <= event.end_s);
                prop_assert!(own().any(|w| w.start_s == event.start_s) && own().any(|w| w.end_s == event.end_s));
                // No instant within the event is further than the gap from a window.
                let mut reached = event.start_s;
                for window in own() {
                    prop_assert!(window.start_s - reached <= max_gap_s);
                    reached = reached.max(window.end_s);
                }
                let mean = own().map(|w| w.score).sum::<f64>() / own().count() as f64;
                prop_assert!((mean - event.mean_score).abs() < 1e-12);
                prop_assert_eq!(own().map(|w| w.score).fold(0.0, f64::max), event.peak_score);
            }
        }

        #[test]
        fn hysteresis_and_gaps_only_add_windows_and_a_minimum_only_drops_events(
            steps in prop::collection::vec((1_u32..6, 1_u32..5, 0_u32..10), 0..60),
            hold in 0_u32..6,
            max_gap_s in 0_u32..4,
            min_event_s in 0_u32..9,
        ) {
            let mut start = 0.0;
            let windows: Vec<Window> = steps.iter().map(|&(hop, length, score)| {
                start += f64::from(hop);
                window(start, start + f64::from(length), f64::from(score) / 10.0)
            }).collect();
            let plain = Rule::plain(0.5, f64::from(max_gap_s));
            let holding = Rule { hold: f64::from(hold) / 10.0, ..plain };
            let least = Rule { min_event_s: f64::from(min_event_s), ..holding };
            let all = groups(&windows, &holding).unwrap();
            let members: Vec<usize> = all.iter().flatten().copied().collect();
            prop_assert!(members.is_sorted() && members.windows(2).all(|pair| pair[0] < pair[1]));
            for group in &all {
                prop_assert!(windows[group[0]].score >= 0.5 && group.iter().all(|&i| windows[i].score >= holding.hold));
            }
            for index in groups(&windows, &plain).unwrap().iter().flatten() {
                prop_assert!(members.contains(index));
            }
            let kept = groups(&windows, &least).unwrap();
            let long: Vec<_> = all.into_iter().filter(|g| length_s(&windows, g) >= least.min_event_s).collect();
            prop_assert_eq!(kept, long);
        }
    }
}
