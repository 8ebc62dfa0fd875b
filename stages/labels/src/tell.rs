//! The messages about annotations that are not used, and about those that lie in no window.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::counted;

use crate::judge::AnnotationRow;
use crate::text::some_of;

/// Number of reasons that the message names; the table `annotations` holds all of them.
const NAMED: usize = 3;

/// Counts of annotations, used and unused, of the units that were made.
#[derive(Debug, Default)]
pub(crate) struct UnusedCounts {
    lines: u64,
    unused: u64,
    files: BTreeSet<String>,
    kinds: BTreeMap<String, u64>,
    /// Events that are not used since they are in a channel that nobody listens to, by class and channel.
    elsewhere: BTreeMap<(String, u32), u64>,
    /// Events in no window, by class.
    lost: BTreeMap<String, u64>,
}

impl UnusedCounts {
    /// Counts the annotations of a unit. `classes` are those of the run.
    pub(crate) fn add(&mut self, lines: &[AnnotationRow], classes: &[String]) {
        self.lines += lines.len() as u64;
        for line in lines {
            let Some(unused) = &line.unused else { continue };
            self.unused += 1;
            self.files.insert(line.file.clone());
            *self.kinds.entry(unused.kind.clone()).or_default() += 1;
            if let Some((class, channel)) = line.class.zip(unused.elsewhere) {
                *self.elsewhere.entry((classes[class].clone(), channel)).or_default() += 1;
            }
        }
    }

    /// Counts the events of a unit that lie in no window, by class.
    pub(crate) fn add_lost(&mut self, lost: BTreeMap<String, u64>) {
        for (class, count) in lost {
            *self.lost.entry(class).or_default() += count;
        }
    }

    /// How many events lie in no window, of which classes, and what to set; `None` where there are none.
    pub(crate) fn lost_sentence(&self) -> Option<String> {
        let count: u64 = self.lost.values().sum();
        let classes: Vec<String> = self.lost.iter().map(|(class, count)| format!("{class} ({count})")).collect();
        (count > 0).then(|| {
            format!(
                "{} in no window, since what is left of a recording after its last whole window is dropped, or segment.hop_s leaves gaps: \
                 {}; set segment.tail to pad and segment.min_tail_s to 0, or make segment.window_s shorter",
                if count == 1 { "1 event lies".to_owned() } else { format!("{count} events lie") },
                some_of(&classes)
            )
        })
    }

    /// How many events are in a channel that nobody listens to, of which classes, and what to set; `None` where there are none.
    pub(crate) fn elsewhere_sentence(&self) -> Option<String> {
        let count: u64 = self.elsewhere.values().sum();
        let classes = self.elsewhere.iter().map(|((class, channel), count)| format!("{class} ({count} in channel {channel})"));
        (count > 0).then(|| {
            format!(
                "{} in a channel that archive.channel does not take: {}; windows with them are unknown for their class; set archive.channel \
                 to mix to use the events of all channels",
                if count == 1 { "1 event is".to_owned() } else { format!("{count} events are") },
                some_of(&classes.collect::<Vec<_>>())
            )
        })
    }

    /// How many annotations of how many files are not used, and the most frequent reasons; `None` where all are used.
    pub(crate) fn sentence(&self) -> Option<String> {
        if self.unused == 0 {
            return None;
        }
        let mut kinds: Vec<(&String, u64)> = self.kinds.iter().map(|(kind, count)| (kind, *count)).collect();
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut named: Vec<String> = kinds.iter().take(NAMED).map(|(kind, count)| format!("{kind} ({count})")).collect();
        let more = kinds.iter().skip(NAMED).map(|(_, count)| count).sum::<u64>();
        if more > 0 {
            named.push(format!("other reasons ({more})"));
        }
        Some(format!(
            "{} of {} annotations are not used, in {}: {}; \
             `SELECT file, line, reason FROM annotations WHERE NOT used` lists them",
            self.unused,
            self.lines,
            counted(self.files.len(), "file"),
            named.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::judge::Unused;

    #[test]
    fn the_commonest_reasons_come_first() {
        let line = |file: &str, kind: Option<&str>| AnnotationRow {
            file: file.into(),
            recording_id: None,
            event: Event::default(),
            code: None,
            class: None,
            quality: None,
            unused: kind.map(|kind| Unused { reason: String::new(), kind: kind.into(), elsewhere: None }),
        };
        let mut tally = UnusedCounts::default();
        tally.add(&[line("a", None)], &[]);
        assert_eq!(tally.sentence(), None);
        tally.add(
            &[line("a", Some("x")), line("b", Some("y")), line("b", Some("y")), line("b", Some("z")), line("b", Some("zz"))],
            &[],
        );
        let said = tally.sentence().unwrap();
        assert!(
            said.starts_with("5 of 6 annotations are not used, in 2 files: y (2), x (1), z (1), other reasons (1);"),
            "{said}"
        );
    }

    #[test]
    fn events_in_no_window_are_told_with_their_classes() {
        let mut tally = UnusedCounts::default();
        assert_eq!(tally.lost_sentence(), None);
        tally.add_lost([("A".to_owned(), 2)].into());
        tally.add_lost([("A".to_owned(), 1), ("B".to_owned(), 1)].into());
        let said = tally.lost_sentence().unwrap();
        assert!(said.starts_with("4 events lie in no window") && said.contains("A (3), B (1)"), "{said}");
        assert!(said.contains("segment.tail"), "{said}");
    }
}
