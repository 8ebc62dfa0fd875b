//! Labels of windows from reviews of recordings: the table `labels`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chorus_engine::graph::CHOSEN_LABELS;
use chorus_engine::{UnitContext, WorkError};

use crate::error::LabelsError;
use crate::judge::{AnnotatedRecording, Review, SpanVerdict};
use crate::overlap::{Interval, Rule, TIME_TOLERANCE_S, WindowLabel, label_windows};
use crate::verdicts::holds;

/// Windows whose labels are written at once: 170,000 rows with 42 classes.
const WINDOWS_PER_BATCH: usize = 4096;

/// The table of windows with classes that are held out.
pub(crate) const HELD_OUT: &str = "held_out_labels";

/// Writes the table `labels`: for each window, in the order of `segments`, a row for each class that is not held out. A window with a
/// class that is held out is unknown for all others, so that nothing learns it as a window without calls; it goes to [`HELD_OUT`].
/// Labels that rest on chosen clips are listed in [`CHOSEN_LABELS`] too.
/// Returns the number of events of each class that lie in no window.
pub(crate) fn write(
    cx: &UnitContext<'_>,
    recordings: &[AnnotatedRecording],
    reviews: &BTreeMap<String, Review>,
    classes: &[String],
    held_out: &[String],
    rule: Rule,
) -> Result<BTreeMap<String, u64>, WorkError> {
    let mut lost = BTreeMap::new();
    let mut with_windows: BTreeSet<String> = BTreeSet::new();
    let by_id: BTreeMap<&str, &AnnotatedRecording> = recordings.iter().map(|r| (r.id.as_str(), r)).collect();
    let mut sink = cx.sink("labels", &[])?;
    let (mut apart, mut picked) = (Vec::new(), Vec::new());
    let Some(segments) = cx.read("segments", &["segment_id", "recording_id", "start_s", "end_s"])? else {
        sink.finish()?;
        write_listed(cx, HELD_OUT, &apart)?;
        write_listed(cx, CHOSEN_LABELS, &picked)?;
        reviews.values().for_each(|review| count_lost(&[], review, classes, &mut lost));
        return Ok(lost);
    };
    let (ids, of) = (segments.utf8("segment_id")?, segments.utf8("recording_id")?);
    let (starts, ends) = (segments.f64("start_s")?, segments.f64("end_s")?);
    let mut first = 0;
    while first < segments.rows() {
        let same = |row: &usize| of.value(*row) == of.value(first);
        let end = (first..segments.rows()).take_while(same).last().map_or(first + 1, |last| last + 1);
        let recording = by_id.get(of.value(first)).ok_or("segments name a recording that recordings lacks")?;
        let heard = |row: usize| heard(starts.value(row), ends.value(row), recording.duration_s);
        let windows: Vec<Interval> = (first..end).map(heard).collect();
        let review = reviews.get(&recording.id).filter(|review| review.is_reviewed());
        if let Some(review) = reviews.get(&recording.id) {
            count_lost(&windows, review, classes, &mut lost);
        }
        with_windows.insert(recording.id.clone());
        let labels = labels(&windows, review, classes.len(), rule).map_err(|e| format!("{}: {e}", recording.path))?;
        let chosen = review.map(|review| chosen(&windows, review, &labels, classes.len())).unwrap_or_default();
        let (labels, found) = without(labels, classes, held_out);
        let is_known = |(window, class): &(usize, usize)| {
            !held_out.contains(&classes[*class]) && !found.iter().any(|(unknown, _)| unknown == window)
        };
        let listed = |window: usize, class| {
            let row = first + window;
            (ids.value(row).to_owned(), of.value(row).to_owned(), class)
        };
        picked.extend(chosen.into_iter().filter(is_known).map(|(window, class)| listed(window, &classes[class])));
        apart.extend(found.into_iter().map(|(window, class)| listed(window, class)));
        let classes: Vec<&String> = classes.iter().filter(|class| !held_out.contains(class)).collect();
        for from in (first..end).step_by(WINDOWS_PER_BATCH) {
            let rows = from..end.min(from + WINDOWS_PER_BATCH);
            let own = &labels[(rows.start - first) * classes.len()..(rows.end - first) * classes.len()];
            let pairs = || rows.clone().flat_map(|row| classes.iter().map(move |&class| (row, class)));
            let batch = sink
                .builder()
                .column("segment_id", pairs().map(|(row, _)| ids.value(row)))
                .column("recording_id", pairs().map(|(row, _)| of.value(row)))
                .column("class", pairs().map(|(_, class)| class))
                .column("value", own.iter().map(|label| label.map(|(positive, _)| i32::from(positive))))
                .column("overlap_s", own.iter().map(|label| label.map(|(_, overlap_s)| overlap_s)))
                .build()?;
            sink.write(&batch)?;
        }
        first = end;
    }
    sink.finish()?;
    let without = reviews.iter().filter(|(id, _)| !with_windows.contains(*id));
    without.for_each(|(_, review)| count_lost(&[], review, classes, &mut lost));
    write_listed(cx, HELD_OUT, &apart)?;
    write_listed(cx, CHOSEN_LABELS, &picked)?;
    Ok(lost)
}

/// Counts the events of a recording that lie in none of its windows, by class.
fn count_lost(windows: &[Interval], review: &Review, classes: &[String], lost: &mut BTreeMap<String, u64>) {
    let is_lost = |span: &Interval| !windows.iter().any(|window| touch(*window, *span));
    let events = review.events.iter().chain(&review.whole);
    for (class, _) in events.filter(|(_, span)| is_lost(span)) {
        *lost.entry(classes[*class].clone()).or_default() += 1;
    }
}

/// The part of a window that lies in its recording. In the silence that pads it nobody can have heard anything.
fn heard(start_s: f64, end_s: f64, duration_s: Option<f64>) -> Interval {
    let is_padded = |duration_s: &f64| *duration_s > start_s && *duration_s < end_s - TIME_TOLERANCE_S;
    Interval { start_s, end_s: duration_s.filter(is_padded).unwrap_or(end_s) }
}

/// Labels `[window, class]` of the classes that are not held out, and the windows that hold one of the others.
#[allow(clippy::type_complexity, reason = "used once, just above")]
fn without<'a>(
    labels: Vec<Option<(bool, f64)>>,
    classes: &'a [String],
    held_out: &[String],
) -> (Vec<Option<(bool, f64)>>, Vec<(usize, &'a String)>) {
    if held_out.is_empty() {
        return (labels, Vec::new());
    }
    let (mut kept, mut apart) = (Vec::with_capacity(labels.len()), Vec::new());
    for (window, own) in labels.chunks_exact(classes.len()).enumerate() {
        let there = |label: &Option<(bool, f64)>| label.is_some_and(|(positive, _)| positive);
        let found = classes.iter().zip(own).filter(|(class, label)| held_out.contains(class) && there(label));
        let before = apart.len();
        apart.extend(found.map(|(class, _)| (window, class)));
        let is_known = apart.len() == before;
        let others = classes.iter().zip(own).filter(|(class, _)| !held_out.contains(class));
        kept.extend(others.map(|(_, label)| label.filter(|_| is_known)));
    }
    (kept, apart)
}

/// Writes a table of windows, each with its recording and a class, where the configuration asks for the table.
fn write_listed(cx: &UnitContext<'_>, table: &str, windows: &[(String, String, &String)]) -> Result<(), WorkError> {
    if !cx.writes(table) {
        return Ok(());
    }
    cx.write(table, |batch| {
        batch
            .column("segment_id", windows.iter().map(|(segment, ..)| segment))
            .column("recording_id", windows.iter().map(|(_, recording, _)| recording))
            .column("class", windows.iter().map(|(.., class)| class))
    })?;
    Ok(())
}

/// Labels of one recording, shape `[window, class]`: whether positive, and the overlap in seconds; `None` where nobody listened.
fn labels(
    windows: &[Interval],
    review: Option<&Review>,
    classes: usize,
    rule: Rule,
) -> Result<Vec<Option<(bool, f64)>>, LabelsError> {
    let Some(review) = review else { return Ok(vec![None; windows.len() * classes]) };
    let mut labels = vec![review.is_readable().then_some((false, 0.0)); windows.len() * classes];
    for label in label_windows(windows, &review.events, rule)? {
        labels[label.window * classes + label.class] = Some((label.positive, label.overlap_s));
    }
    // A label of a whole recording makes each of its windows positive, however short the recording is.
    for (class, own) in &review.whole {
        for (window, span) in windows.iter().enumerate() {
            labels[window * classes + class] = Some((true, (own.end_s.min(span.end_s) - span.start_s).max(0.0)));
        }
    }
    for span in &review.unidentified {
        for (window, _) in windows.iter().enumerate().filter(|(_, window)| touch(**window, *span)) {
            // What a window holds of something that nobody identified is unknown, unless it is known to be there.
            for label in &mut labels[window * classes..(window + 1) * classes] {
                *label = label.filter(|(positive, _)| *positive);
            }
        }
    }
    for (class, span) in &review.elsewhere {
        for (window, _) in windows.iter().enumerate().filter(|(_, window)| touch(**window, *span)) {
            // Whether the call is to be heard in the channel that is listened to, nobody said.
            let label = &mut labels[window * classes + class];
            *label = label.filter(|(positive, _)| *positive);
        }
    }
    let there: Vec<(usize, Interval)> =
        review.verdicts.iter().filter(|verdict| verdict.is_there).map(|verdict| (verdict.class, verdict.span)).collect();
    let refuted = refuted(windows, &review.verdicts);
    let is_there = |label: &WindowLabel| label.positive && !refuted.contains(&(label.window, label.class));
    for label in label_windows(windows, &there, rule)?.into_iter().filter(is_there) {
        let known = &mut labels[label.window * classes + label.class];
        *known = Some((true, label.overlap_s.max(known.map_or(0.0, |(_, overlap_s)| overlap_s))));
    }
    for (window, class) in refuted {
        // A verdict `no` never overrides a call that another file has.
        labels[window * classes + class].get_or_insert((false, 0.0));
    }
    Ok(labels)
}

/// The windows and classes of which the last verdict that holds all of the window is no.
fn refuted(windows: &[Interval], verdicts: &[SpanVerdict]) -> BTreeSet<(usize, usize)> {
    let mut refuted = BTreeSet::new();
    // A later verdict decides, so that it puts its windows in or takes them out.
    for SpanVerdict { class, span, is_there, .. } in verdicts {
        for (window, _) in windows.iter().enumerate().filter(|(_, window)| holds(&seconds(*span), &seconds(**window))) {
            if *is_there {
                refuted.remove(&(window, *class));
            } else {
                refuted.insert((window, *class));
            }
        }
    }
    refuted
}

/// The windows and classes whose `labels` (`[window, class]`) rest on clips that were chosen to listen to: nobody heard the recording from
/// end to end, and no verdict on another clip is about the window.
fn chosen(windows: &[Interval], review: &Review, labels: &[Option<(bool, f64)>], classes: usize) -> BTreeSet<(usize, usize)> {
    if review.is_readable() {
        return BTreeSet::new();
    }
    let about = |is_chosen: bool| {
        let own = review.verdicts.iter().filter(move |verdict| verdict.is_chosen == is_chosen);
        own.flat_map(move |verdict| {
            let touched = windows.iter().enumerate().filter(move |(_, window)| touch(**window, verdict.span));
            touched.map(move |(window, _)| (window, verdict.class))
        })
    };
    let others: BTreeSet<(usize, usize)> = about(false).collect();
    let is_labelled = |(window, class): &(usize, usize)| labels[window * classes + class].is_some();
    about(true).filter(|pair| is_labelled(pair) && !others.contains(pair)).collect()
}

fn seconds(span: Interval) -> Range<f64> {
    span.start_s..span.end_s
}

/// Whether a window and a span have time in common. A span may be an instant.
fn touch(window: Interval, span: Interval) -> bool {
    window.start_s < span.end_s.max(span.start_s + TIME_TOLERANCE_S) && span.start_s < window.end_s
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule::Overlap { min_s: 0.5, min_fraction: 0.5 };

    fn span(start_s: f64, end_s: f64) -> Interval {
        Interval { start_s, end_s }
    }

    #[test]
    fn nothing_heard_and_nobody_looked_are_not_the_same() {
        let windows = [span(0.0, 3.0), span(3.0, 6.0)];
        assert_eq!(labels(&windows, None, 2, RULE).unwrap(), [None; 4]);
        assert_eq!(labels(&windows, Some(&Review::of_silence()), 2, RULE).unwrap(), [Some((false, 0.0)); 4]);
        let review = Review { events: vec![(1, span(2.9, 5.0))], ..Review::of_silence() };
        let found = labels(&windows, Some(&review), 2, RULE).unwrap();
        assert_eq!(found.iter().map(|l| l.unwrap().0).collect::<Vec<_>>(), [false, false, false, true]);
        assert!((found[1].unwrap().1 - 0.1).abs() < 1e-9);
    }

    #[test]
    fn an_event_counts_as_far_as_it_lies_in_the_recording() {
        let windows = [heard(6.0, 9.0, Some(10.0)), heard(9.0, 12.0, Some(10.0))];
        assert_eq!(windows, [span(6.0, 9.0), span(9.0, 10.0)]);
        assert_eq!(heard(9.0, 12.0, Some(12.0 - 1e-9)), span(9.0, 12.0), "rounded");
        let of = |event: Interval| {
            let review = Review { events: vec![(0, event)], ..Review::of_silence() };
            labels(&windows, Some(&review), 1, RULE).unwrap()[1].unwrap()
        };
        let (positive, overlap_s) = of(span(9.8, 12.0));
        assert!(!positive && (overlap_s - 0.2).abs() < 1e-9, "only 0.2 s of it can have been heard: {overlap_s}");
        assert_eq!(of(span(9.25, 12.0)), (true, 0.75));
    }

    #[test]
    fn events_in_no_window_are_counted_by_class() {
        let classes = ["A", "B"].map(str::to_owned);
        // 12.5 s in windows of 3 s, without the rest.
        let windows = [span(0.0, 3.0), span(3.0, 6.0), span(6.0, 9.0), span(9.0, 12.0)];
        let review = Review {
            events: vec![(0, span(12.1, 12.4)), (0, span(11.9, 12.4)), (1, span(12.2, 12.2)), (1, span(4.0, 4.0))],
            whole: vec![(0, span(0.0, 12.5))],
            ..Review::of_silence()
        };
        let lost = |windows: &[Interval]| {
            let mut lost = BTreeMap::new();
            count_lost(windows, &review, &classes, &mut lost);
            lost.into_values().collect::<Vec<u64>>()
        };
        assert_eq!((lost(&windows), lost(&[])), (vec![1, 1], vec![3, 2]));
    }

    #[test]
    fn a_window_with_what_nobody_identified_is_unknown_unless_something_is_there() {
        let windows = [span(0.0, 3.0), span(3.0, 6.0), span(6.0, 9.0)];
        let review = Review {
            events: vec![(0, span(3.5, 4.5))],
            unidentified: vec![span(5.0, 6.0), span(6.0, 6.0)],
            ..Review::of_silence()
        };
        let found = labels(&windows, Some(&review), 2, RULE).unwrap();
        let found: Vec<Option<bool>> = found.iter().map(|label| label.map(|(positive, _)| positive)).collect();
        assert_eq!(found, [Some(false), Some(false), Some(true), None, None, None]);
    }

    #[test]
    fn a_window_with_an_event_of_another_channel_is_unknown_for_its_class() {
        let windows = [span(0.0, 3.0), span(3.0, 6.0)];
        let elsewhere = vec![(0, span(3.5, 4.5)), (1, span(1.0, 2.0))];
        let review = Review { events: vec![(0, span(3.5, 4.5))], elsewhere, ..Review::of_silence() };
        let found = labels(&windows, Some(&review), 2, RULE).unwrap();
        let found: Vec<Option<bool>> = found.iter().map(|label| label.map(|(positive, _)| positive)).collect();
        assert_eq!(found, [Some(false), None, Some(true), Some(false)]);
    }

    #[test]
    fn a_window_with_a_class_that_is_held_out_is_unknown_for_the_others() {
        let classes = ["A", "B", "C"].map(str::to_owned);
        let (yes, no) = (Some((true, 1.0)), Some((false, 0.0)));
        let all = vec![yes, no, no, no, yes, yes, None, no, None];
        let (kept, apart) = without(all.clone(), &classes, &["B".to_owned()]);
        assert_eq!(kept, [yes, no, None, None, None, None]);
        assert_eq!(apart, [(1, &classes[1])]);
        assert_eq!(without(all.clone(), &classes, &[]), (all, Vec::new()));
    }

    #[test]
    fn a_label_of_the_whole_recording_is_one_of_each_window() {
        let windows = [span(0.0, 3.0), span(3.0, 6.0)];
        let review = Review { whole: vec![(0, span(0.0, 3.2))], ..Review::of_silence() };
        let found = labels(&windows, Some(&review), 1, RULE).unwrap();
        assert_eq!(found[0], Some((true, 3.0)));
        assert!(found[1].is_some_and(|(positive, overlap_s)| positive && (overlap_s - 0.2).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn a_verdict_labels_its_class_in_its_span_and_nothing_else() {
        let windows = [span(0.0, 3.0), span(3.0, 6.0), span(6.0, 9.0)];
        let of = |review: &Review| -> Vec<Option<bool>> {
            labels(&windows, Some(review), 2, RULE).unwrap().iter().map(|label| label.map(|(positive, _)| positive)).collect()
        };
        let said = |class, span, is_there| SpanVerdict { class, span, is_there, is_chosen: false };
        let verdicts = vec![said(0, span(3.0, 6.0), false), said(1, span(0.0, 3.1), true)];
        let review = Review { verdicts: verdicts.clone(), ..Review::default() };
        assert_eq!(of(&review), [None, Some(true), Some(false), None, None, None]);
        // Part of the window was not listened to.
        let part = Review { verdicts: vec![said(0, span(3.0, 5.0), false)], ..Review::default() };
        assert_eq!(of(&part), [None; 6]);
        // What holds all of a window says more than a yes beside it, and the later one of two more than the earlier.
        let beside = vec![said(0, span(4.0, 7.0), true), said(0, span(3.0, 6.0), false)];
        let overlapping = Review { verdicts: beside, ..Review::default() };
        assert_eq!(of(&overlapping)[2..5], [Some(false), None, Some(true)]);
        let within = |verdicts: [SpanVerdict; 2]| of(&Review { verdicts: verdicts.into(), ..Review::default() })[2];
        assert_eq!(within([said(0, span(0.0, 9.0), true), said(0, span(3.02, 6.0), false)]), Some(false), "rounded times");
        assert_eq!(within([said(0, span(3.0, 6.0), false), said(0, span(0.0, 9.0), true)]), Some(true));
        // Beside a complete file, a yes adds a label and a no removes none.
        let beside = Review { verdicts, events: vec![(0, span(3.0, 6.0))], ..Review::of_silence() };
        assert_eq!(of(&beside), [Some(false), Some(true), Some(true), Some(false), Some(false), Some(false)]);
    }

    #[test]
    fn labels_that_rest_on_chosen_clips_alone_are_known() {
        let windows = [span(0.0, 3.0), span(3.0, 6.0), span(6.0, 9.0)];
        let said = |class, span, is_there, is_chosen| SpanVerdict { class, span, is_there, is_chosen };
        let of = |review: &Review| {
            let labels = labels(&windows, Some(review), 2, RULE).unwrap();
            chosen(&windows, review, &labels, 2).into_iter().collect::<Vec<_>>()
        };
        let verdicts = vec![
            said(0, span(0.0, 3.0), true, true),
            said(0, span(3.0, 6.0), false, false),
            said(1, span(3.0, 6.0), false, true),
            // A sampled clip of two windows, of which one was chosen too; and one that says nothing of a whole window.
            said(1, span(3.0, 9.0), true, false),
            said(0, span(6.0, 7.5), false, true),
        ];
        let review = Review { verdicts: verdicts.clone(), ..Review::default() };
        assert_eq!(of(&review), [(0, 0)]);
        let heard = Review { verdicts, ..Review::of_silence() };
        assert!(of(&heard).is_empty(), "somebody heard all of the recording");
    }
}
