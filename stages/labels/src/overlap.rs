//! Which windows an event makes positive.
//!
//! The overlap of a window with a class is the time that at least one of the class's events covers: their union, so that two
//! observers' labels of the same call count once.

use std::collections::BTreeMap;

use crate::error::LabelsError;

/// Overlaps are compared with a tolerance of a microsecond, the resolution of label tracks.
pub(crate) const TIME_TOLERANCE_S: f64 = 1e-6;

/// A span of time within a recording, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Start.
    pub start_s: f64,
    /// End.
    pub end_s: f64,
}

/// When a window counts as positive for a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Window and events are half-open, `[start, end)`. A window is positive when the class's events cover at least `min_s`
    /// seconds of it, or when at least `min_fraction` of the length of one event lies in it. In both cases they have to
    /// overlap. A point label (start = end) lies completely in the windows that hold its instant.
    Overlap {
        /// Seconds of the window that suffice.
        min_s: f64,
        /// Fraction of an event, 0 to 1, that suffices; above 1 to switch this condition off.
        min_fraction: f64,
    },
    /// The rule behind AnuraSet's published labels: the event's start is floored and its end ceiled to whole seconds, and the
    /// window is positive when the closed intervals touch.
    AnuraSet,
}

/// A window and a class that has an event there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowLabel {
    /// Position among the windows.
    pub window: usize,
    /// The events' class.
    pub class: usize,
    /// Seconds of the window that the class's events cover; can be 0 for a positive window under [`Rule::AnuraSet`].
    pub overlap_s: f64,
    /// Whether the rule calls the window positive.
    pub positive: bool,
}

/// Labels the windows of one recording. `events` have a class each. Returns the pairs of window and class that overlap or are
/// positive, sorted by window, then class. All other pairs are negative with an overlap of 0.
///
/// # Errors
/// Windows are empty or not sorted; events end before they start or are not finite.
pub fn label_windows(windows: &[Interval], events: &[(usize, Interval)], rule: Rule) -> Result<Vec<WindowLabel>, LabelsError> {
    check_windows(windows)?;
    check_events(events)?;
    let mut near: BTreeMap<(usize, usize), Vec<Interval>> = BTreeMap::new();
    for &(class, event) in events {
        // Rounding outward to whole seconds finds every window that either rule can make positive.
        let (from_s, to_s) = (event.start_s.floor(), event.end_s.ceil());
        let first = windows.partition_point(|window| window.end_s < from_s);
        let last = windows.partition_point(|window| window.start_s <= to_s);
        for window in first..last {
            near.entry((window, class)).or_default().push(event);
        }
    }
    let labels = near.into_iter().map(|((window, class), mut events)| {
        let span = windows[window];
        let overlap_s = covered_s(span, &mut events);
        WindowLabel { window, class, overlap_s, positive: is_positive(span, &events, overlap_s, rule) }
    });
    Ok(labels.filter(|label| label.positive || label.overlap_s > 0.0).collect())
}

fn is_positive(window: Interval, events: &[Interval], overlap_s: f64, rule: Rule) -> bool {
    match rule {
        Rule::Overlap { min_s, min_fraction } => {
            let long_enough = overlap_s > 0.0 && overlap_s >= min_s - TIME_TOLERANCE_S;
            long_enough || events.iter().any(|&event| holds_fraction(window, event, min_fraction))
        }
        Rule::AnuraSet => {
            events.iter().any(|event| window.start_s <= event.end_s.ceil() && window.end_s >= event.start_s.floor())
        }
    }
}

fn holds_fraction(window: Interval, event: Interval, min_fraction: f64) -> bool {
    let length_s = event.end_s - event.start_s;
    if length_s == 0.0 {
        return min_fraction <= 1.0 && window.start_s <= event.start_s && event.start_s < window.end_s;
    }
    let overlap_s = overlap_s(window, event);
    overlap_s > 0.0 && overlap_s >= min_fraction * length_s - TIME_TOLERANCE_S
}

fn overlap_s(a: Interval, b: Interval) -> f64 {
    (a.end_s.min(b.end_s) - a.start_s.max(b.start_s)).max(0.0)
}

/// Seconds of `window` that at least one of `events` covers; sorts `events` by start.
fn covered_s(window: Interval, events: &mut [Interval]) -> f64 {
    events.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let mut covered_s = 0.0;
    let mut uncovered = window;
    for &event in &*events {
        covered_s += overlap_s(uncovered, event);
        uncovered.start_s = uncovered.start_s.max(event.end_s);
    }
    covered_s
}

fn check_windows(windows: &[Interval]) -> Result<(), LabelsError> {
    let mut before = Interval { start_s: f64::NEG_INFINITY, end_s: f64::NEG_INFINITY };
    for (index, &window) in windows.iter().enumerate() {
        let Interval { start_s, end_s } = window;
        let sound = start_s.is_finite() && end_s.is_finite() && start_s < end_s;
        if !sound || start_s < before.start_s || end_s < before.end_s {
            return Err(LabelsError::Interval {
                what: "window",
                index,
                start_s,
                end_s,
                expected: "a window longer than 0 s, and windows sorted by start and end",
                next: "run segment again",
            });
        }
        before = window;
    }
    Ok(())
}

fn check_events(events: &[(usize, Interval)]) -> Result<(), LabelsError> {
    let unsound = |event: &Interval| !(event.start_s.is_finite() && event.end_s.is_finite() && event.start_s <= event.end_s);
    match events.iter().position(|(_, event)| unsound(event)) {
        None => Ok(()),
        Some(index) => Err(LabelsError::Interval {
            what: "event",
            index,
            start_s: events[index].1.start_s,
            end_s: events[index].1.end_s,
            expected: "a start that is not after the end",
            next: "correct the label file",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF_SECOND: Rule = Rule::Overlap { min_s: 0.5, min_fraction: 2.0 };
    const HALF_EVENT: Rule = Rule::Overlap { min_s: f64::INFINITY, min_fraction: 0.5 };

    fn interval(start_s: f64, end_s: f64) -> Interval {
        Interval { start_s, end_s }
    }

    /// Windows of 3 s with a hop of 1 s.
    fn windows(count: usize) -> Vec<Interval> {
        (0..count).map(|k| interval(k as f64, k as f64 + 3.0)).collect()
    }

    fn positives(events: &[(f64, f64)], rule: Rule) -> Vec<usize> {
        let events: Vec<_> = events.iter().map(|&(start, end)| (0, interval(start, end))).collect();
        let labels = label_windows(&windows(10), &events, rule).unwrap();
        labels.iter().filter(|label| label.positive).map(|label| label.window).collect()
    }

    #[test]
    fn seconds_are_those_of_the_union() {
        let events = [(0, interval(2.5, 2.8)), (0, interval(2.6, 2.9)), (1, interval(2.9, 10.0)), (0, interval(2.95, 3.5))];
        let labels = label_windows(&windows(1), &events, HALF_SECOND).unwrap();
        assert_eq!(labels.iter().map(|l| (l.class, l.positive)).collect::<Vec<_>>(), [(0, false), (1, false)]);
        assert!((labels[0].overlap_s - 0.45).abs() < 1e-9, "{labels:?}");
        assert!((labels[1].overlap_s - 0.1).abs() < 1e-9);
    }

    #[test]
    fn seconds_of_several_events_add_up() {
        assert_eq!(positives(&[(0.1, 0.4), (1.0, 1.2)], HALF_SECOND), [0]);
        assert!(positives(&[(14.2, 14.7)], HALF_SECOND).is_empty());
        // 4.7 - 4.2 is a little less than 0.5 in floating point.
        assert_eq!(positives(&[(4.2, 4.7)], HALF_SECOND), [2, 3, 4]);
    }

    #[test]
    fn a_fraction_is_of_one_event() {
        assert_eq!(positives(&[(4.0, 8.0)], HALF_EVENT), [3, 4, 5, 6]);
        assert_eq!(positives(&[(4.5, 4.6)], HALF_EVENT), [2, 3, 4]);
    }

    #[test]
    fn touching_is_no_overlap_and_a_point_is_within() {
        let any = Rule::Overlap { min_s: 0.0, min_fraction: 0.0 };
        assert_eq!(positives(&[(3.0, 4.0)], any), [1, 2, 3]);
        assert_eq!(positives(&[(3.0, 3.0)], any), [1, 2, 3]);
        assert!(positives(&[(3.0, 3.0)], HALF_SECOND).is_empty());
    }

    #[test]
    fn anuraset_rounds_outward_and_touches() {
        // 4.2 to 4.9 becomes 4 to 5: windows from [1, 4] to [5, 8].
        assert_eq!(positives(&[(4.2, 4.9)], Rule::AnuraSet), [1, 2, 3, 4, 5]);
        assert_eq!(positives(&[(4.0, 5.0)], Rule::AnuraSet), [1, 2, 3, 4, 5]);
        let touching = label_windows(&windows(2), &[(0, interval(4.2, 4.9))], Rule::AnuraSet).unwrap();
        assert_eq!(touching, [WindowLabel { window: 1, class: 0, overlap_s: 0.0, positive: true }]);
    }

    #[test]
    fn bad_intervals_are_refused() {
        let refused = |windows: &[Interval], event| label_windows(windows, &[(0, event)], HALF_SECOND).unwrap_err().to_string();
        let event = interval(0.0, 1.0);
        assert!(refused(&[interval(1.0, 2.0), interval(0.0, 3.0)], event).starts_with("window 1 is 0 to 3 s"));
        assert!(refused(&[interval(1.0, 1.0)], event).starts_with("window 0"));
        assert!(refused(&windows(2), interval(2.0, 1.0)).starts_with("event 0 is 2 to 1 s"));
        assert!(refused(&windows(2), interval(f64::NAN, 1.0)).starts_with("event 0"));
    }

    proptest! {
        #[test]
        fn overlaps_equal_a_count_of_tenths_and_rules_a_search(
            hop in 1_u32..30,
            length in 1_u32..40,
            events in prop::collection::vec((0_usize..3, 0_u32..300, 0_u32..60), 0..15),
            min_tenths in 0_u32..12,
            min_fraction in prop::sample::select(vec![0.0, 0.25, 0.5, 1.0, 2.0]),
        ) {
            // Times in tenths of a second, so that counting is exact.
            let span = |from: u32, length: u32| interval(f64::from(from) / 10.0, f64::from(from + length) / 10.0);
            let windows: Vec<_> = (0..300 / hop).map(|k| span(k * hop, length)).collect();
            let spans: Vec<_> = events.iter().map(|&(class, from, length)| (class, span(from, length))).collect();
            let overlap = Rule::Overlap { min_s: f64::from(min_tenths) / 10.0, min_fraction };
            for rule in [overlap, Rule::AnuraSet] {
                let labels = label_windows(&windows, &spans, rule).unwrap();
                prop_assert!(labels.windows(2).all(|w| (w[0].window, w[0].class) < (w[1].window, w[1].class)));
                for (window, class) in (0..windows.len()).flat_map(|w| (0..3).map(move |c| (w, c))) {
                    let (from, to) = (window as u32 * hop, window as u32 * hop + length);
                    let own = || events.iter().filter(|e| e.0 == class).map(|e| (e.1, e.1 + e.2));
                    let covered = (from..to).filter(|t| own().any(|(a, b)| a <= *t && *t < b)).count();
                    let positive = match rule {
                        Rule::Overlap { .. } => {
                            let fraction = own().any(|(a, b)| {
                                let shared = b.min(to).saturating_sub(a.max(from));
                                let point = a == b && (from..to).contains(&a) && min_fraction <= 1.0;
                                point || shared > 0 && f64::from(shared) >= min_fraction * f64::from(b - a)
                            });
                            covered > 0 && covered >= min_tenths as usize || fraction
                        }
                        Rule::AnuraSet => own().any(|(a, b)| from <= b.div_ceil(10) * 10 && to >= a / 10 * 10),
                    };
                    let label = labels.iter().find(|l| (l.window, l.class) == (window, class));
                    prop_assert_eq!(label.is_some_and(|l| l.positive), positive);
                    let found = label.map_or(0.0, |l| l.overlap_s);
                    prop_assert!((found - covered as f64 / 10.0).abs() < 1e-9);
                }
            }
        }
    }
}
