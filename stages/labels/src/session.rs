//! Where recordings begin in a session, for tables of several recordings whose times count from the start of the first.
//!
//! Raven opens several recordings one after the other and counts time through all of them. A table without the time within each
//! recording (`File Offset (s)`) can still be read when the lengths of the recordings leave one answer. Two orders are tried: the
//! recordings of the table one after the other, and all recordings of their folders by name, starting at any of them. In a valid
//! order every event begins in the recording that its line names.
//!
//! Tables that someone joined from tables of single recordings look the same, but their times count from the start of each
//! recording. They are recognised by times that no session can have. Where more than one order fits, none is used.

use std::collections::BTreeMap;

use chorus_engine::Exact;
use serde::{Deserialize, Serialize};

/// The recordings of the archive by path, with their lengths in seconds; `None` for recordings that cannot be read.
pub(crate) type Lengths<'a> = BTreeMap<&'a str, Option<f64>>;

/// Tolerance for rounded times and sums of lengths, seconds.
const ROUNDING_S: f64 = 1e-3;

/// The span of a session in which the events of a recording begin, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Span {
    first_s: Exact,
    last_s: Exact,
}

impl Span {
    /// The span of one event.
    pub(crate) fn at(start_s: f64) -> Self {
        Self { first_s: Exact(start_s), last_s: Exact(start_s) }
    }

    /// The span of the events of both.
    pub(crate) fn join(self, other: Self) -> Self {
        let (first_s, last_s) = (self.first_s.0.min(other.first_s.0), self.last_s.0.max(other.last_s.0));
        Self { first_s: Exact(first_s), last_s: Exact(last_s) }
    }

    /// Whether all events begin in a recording of `length_s` seconds that begins at `begins_s`.
    fn fits(self, begins_s: f64, length_s: f64) -> bool {
        self.first_s.0 >= begins_s - ROUNDING_S && self.last_s.0 <= begins_s + length_s + ROUNDING_S
    }
}

/// A recording that a table names.
struct Member<'a> {
    path: &'a str,
    span: Span,
    length_s: f64,
}

/// Where each recording begins in the session, seconds; 0 for all where times count from the start of each recording.
/// `is_whole` is whether all recordings of the table are in the archive.
///
/// # Errors
/// Why this cannot be known, and what to do.
pub(crate) fn begins<'a>(
    spans: &BTreeMap<&'a str, Span>,
    is_whole: bool,
    lengths: &Lengths<'a>,
) -> Result<BTreeMap<&'a str, f64>, String> {
    let from_zero = || spans.keys().map(|path| (*path, 0.0)).collect();
    if is_whole && spans.len() == 1 {
        return Ok(from_zero());
    }
    let member =
        |(path, span): (&&'a str, &Span)| Some(Member { path, span: *span, length_s: lengths.get(path).copied().flatten()? });
    let mut members: Vec<Member<'a>> = spans.iter().filter_map(member).collect();
    members.sort_by(|a, b| a.span.first_s.0.total_cmp(&b.span.first_s.0).then(a.path.cmp(b.path)));
    let are_own_times = members.iter().all(|member| member.span.fits(0.0, member.length_s));
    if !can_be_session(&members) {
        return if are_own_times { Ok(from_zero()) } else { Err(unknown("they fit no order of its recordings")) };
    }
    if !is_whole || members.len() < spans.len() {
        return Err(unknown("not all recordings that it names are there and can be read"));
    }
    let mut readings = vec![one_after_the_other(&members)];
    readings.extend(with_neighbours(&members, lengths));
    readings.retain(|begins| members.iter().zip(begins).all(|(member, begins_s)| member.span.fits(*begins_s, member.length_s)));
    if are_own_times {
        readings.push(vec![0.0; members.len()]);
    }
    match readings.split_first() {
        None => Err(unknown("they do not fit the lengths of its recordings")),
        Some((begins, others)) if others.iter().all(|other| is_same(begins, other)) => {
            Ok(members.iter().zip(begins).map(|(member, begins_s)| (member.path, *begins_s)).collect())
        }
        Some(_) => Err(unknown("they can be read in more than one way")),
    }
}

fn unknown(why: &str) -> String {
    format!(
        "the table names several recordings without File Offset (s), so its times count through a session, and {why}; \
         save it again with the column File Offset (s)"
    )
}

/// Whether the recordings, in the order of their events, can follow each other, with or without others between them.
fn can_be_session(members: &[Member<'_>]) -> bool {
    let (mut earliest_s, mut last_s) = (0.0_f64, f64::NEG_INFINITY);
    members.iter().all(|Member { span, length_s, .. }| {
        let begins_s = earliest_s.max(span.last_s.0 - length_s);
        let fits = span.first_s.0 >= last_s && span.first_s.0 >= begins_s - ROUNDING_S;
        (earliest_s, last_s) = (begins_s + length_s, span.last_s.0);
        fits
    })
}

/// Where recordings begin that follow each other without others between them.
fn one_after_the_other(members: &[Member<'_>]) -> Vec<f64> {
    let begins = members.iter().scan(0.0, |end_s, member| {
        let begins_s = *end_s;
        *end_s += member.length_s;
        Some(begins_s)
    });
    begins.collect()
}

/// Where recordings begin among all readable recordings of their folders, in the order of their paths. There is one answer for
/// each recording with which the session may start.
fn with_neighbours<'a>(members: &[Member<'a>], lengths: &Lengths<'a>) -> Vec<Vec<f64>> {
    let folder = |path: &'a str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folders: std::collections::BTreeSet<&str> = members.iter().map(|member| folder(member.path)).collect();
    let mut ends: Vec<(&str, f64)> = Vec::new();
    let mut end_s = 0.0;
    for (path, length_s) in lengths.iter().filter(|(path, _)| folders.contains(folder(path))) {
        end_s += length_s.unwrap_or_default();
        ends.push((path, end_s));
    }
    let end_of = |path: &str| ends.binary_search_by(|(other, _)| (*other).cmp(path)).ok().map(|at| ends[at].1);
    let begins: Option<Vec<f64>> = members.iter().map(|member| Some(end_of(member.path)? - member.length_s)).collect();
    let Some(begins) = begins else { return Vec::new() };
    let Some((first, first_begins_s)) = members.first().zip(begins.first().copied()) else { return Vec::new() };
    let starts = std::iter::once(0.0).chain(ends.iter().map(|(_, end_s)| *end_s));
    let starts = starts.take_while(|start_s| *start_s <= first_begins_s + ROUNDING_S);
    let fitting = starts.filter(|start_s| first.span.fits(first_begins_s - start_s, first.length_s));
    fitting.map(|start_s| begins.iter().map(|begins_s| begins_s - start_s).collect()).collect()
}

fn is_same(one: &[f64], other: &[f64]) -> bool {
    one.iter().zip(other).all(|(a, b)| (a - b).abs() <= ROUNDING_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where recordings with events at these times begin, in an archive of recordings with these lengths.
    fn found(events: &[(&'static str, &[f64])], archive: &[(&'static str, f64)]) -> Result<Vec<f64>, String> {
        let span = |starts: &[f64]| starts.iter().copied().map(Span::at).reduce(Span::join).unwrap();
        let spans: BTreeMap<&str, Span> = events.iter().map(|(path, starts)| (*path, span(starts))).collect();
        let lengths: Lengths<'_> = archive.iter().map(|(path, length_s)| (*path, Some(*length_s).filter(|s| *s > 0.0))).collect();
        let is_whole = spans.keys().all(|path| lengths.contains_key(path));
        begins(&spans, is_whole, &lengths).map(|begins| begins.into_values().collect())
    }

    const MINUTES: [(&str, f64); 4] = [("r/a.wav", 60.0), ("r/b.wav", 60.0), ("r/c.wav", 60.0), ("r/d.wav", 60.0)];

    #[test]
    fn lengths_tell_where_recordings_begin() {
        assert_eq!(found(&[("r/a.wav", &[3.0, 59.0]), ("r/b.wav", &[60.0, 119.0])], &MINUTES), Ok(vec![0.0, 60.0]));
        assert_eq!(
            found(&[("r/a.wav", &[3.0]), ("r/c.wav", &[125.0])], &MINUTES),
            Ok(vec![0.0, 120.0]),
            "over one without events"
        );
        assert_eq!(found(&[("r/c.wav", &[125.0]), ("r/d.wav", &[199.0])], &MINUTES), Ok(vec![120.0, 180.0]), "from the first on");
        assert_eq!(
            found(&[("r/b.wav", &[3.0]), ("r/a.wav", &[65.0])], &MINUTES),
            Ok(vec![60.0, 0.0]),
            "in an order of one's own"
        );
    }

    #[test]
    fn joined_tables_keep_the_times_of_each_recording() {
        assert_eq!(found(&[("r/a.wav", &[3.0]), ("r/b.wav", &[5.0])], &MINUTES), Ok(vec![0.0, 0.0]));
        assert_eq!(found(&[("r/a.wav", &[3.0, 50.0]), ("r/b.wav", &[40.0])], &MINUTES), Ok(vec![0.0, 0.0]));
        assert_eq!(found(&[("r/a.wav", &[70.0])], &MINUTES), Ok(vec![0.0]), "one recording by two names");
    }

    #[test]
    fn what_can_be_read_in_several_ways_is_not_guessed() {
        let uneven = [("r/a.wav", 60.0), ("r/b.wav", 5.0), ("r/c.wav", 60.0)];
        for (events, archive, why) in [
            ([("r/a.wav", [3.0]), ("r/c.wav", [70.0])], &uneven[..], "more than one way"),
            ([("r/b.wav", [3.0]), ("r/c.wav", [20.0])], &uneven[..], "more than one way"),
            ([("r/a.wav", [3.0]), ("r/z.wav", [70.0])], &MINUTES[..], "not all recordings"),
            ([("r/a.wav", [3.0]), ("r/d.wav", [700.0])], &MINUTES[..], "do not fit the lengths"),
            ([("r/a.wav", [3.0]), ("r/b.wav", [-70.0])], &MINUTES[..], "fit no order"),
        ] {
            let events: Vec<(&str, &[f64])> = events.iter().map(|(path, starts)| (*path, starts.as_slice())).collect();
            let error = found(&events, archive).unwrap_err();
            assert!(error.contains(why) && error.contains("File Offset (s)"), "{error}");
        }
        assert!(found(&[("r/a.wav", &[3.0]), ("r/b.wav", &[70.0])], &[("r/a.wav", 60.0), ("r/b.wav", 0.0)]).is_err());
    }

    proptest! {
        #[test]
        fn a_session_is_read_as_it_was_or_not_at_all(
            lengths in prop::collection::vec(1..20_u32, 2..6),
            events in prop::collection::vec((0..6_usize, 0.0..1.0_f64), 1..8),
        ) {
            const PATHS: [&str; 6] = ["r/a", "r/b", "r/c", "r/d", "r/e", "r/f"];
            let begins: Vec<f64> = lengths.iter().scan(0.0, |end, s| { let own = *end; *end += f64::from(*s); Some(own) }).collect();
            let mut starts: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for (recording, at) in events {
                let recording = recording % lengths.len();
                starts.entry(recording).or_default().push(begins[recording] + at * (f64::from(lengths[recording]) - 0.01));
            }
            let archive: Vec<(&str, f64)> = PATHS.into_iter().zip(lengths.iter().map(|s| f64::from(*s))).collect();
            let events: Vec<(&str, &[f64])> = starts.iter().map(|(at, starts)| (PATHS[*at], starts.as_slice())).collect();
            prop_assume!(events.len() > 1);
            if let Ok(found) = found(&events, &archive) {
                let wanted: Vec<f64> = starts.keys().map(|at| begins[*at]).collect();
                prop_assert!(is_same(&found, &wanted), "{found:?} {wanted:?}");
            }
        }
    }
}
