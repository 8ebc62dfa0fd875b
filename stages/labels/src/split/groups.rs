//! Groups, which are never divided between subsets: recordings, sites, nights, the entries of a column; and copies of one file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::Offset;

use super::params::GroupBy;
use super::rows::{SplitRecording, SplitRow};
use crate::error::LabelsError;
use crate::recording_list::RecordingList;
use crate::stratify::Group;
use crate::subset::Subset;
use crate::text::some_of;

/// The group of a recording. A recording without a trustworthy time is a night of its own, and a recording that the column does
/// not name is a group of its own.
pub(super) fn group_of(group: GroupBy, id: &str, site: &str, local_us: Option<i64>) -> String {
    let night = || {
        let local = Offset::UTC.to_datetime(Timestamp::from_microsecond(local_us?).ok()?);
        if local.hour() < 12 { local.date().yesterday().ok() } else { Some(local.date()) }
    };
    match group {
        GroupBy::Recording | GroupBy::Column => id.to_owned(),
        GroupBy::Site => site.to_owned(),
        GroupBy::Night => night().map_or_else(|| id.to_owned(), |night| format!("{site} {night}")),
    }
}

/// Gives recordings the groups of a list. Returns sentences about names and recordings without a counterpart.
///
/// # Errors
/// Those of [`RecordingList::values`].
pub(super) fn from_list(
    recordings: &mut [SplitRecording],
    list: &RecordingList,
    column: &str,
) -> Result<Vec<String>, LabelsError> {
    let values = list.values(column, recordings)?;
    let mut notes: Vec<String> = values.note(&list.name()).into_iter().collect();
    let mut alone = Vec::new();
    for (recording, value) in recordings.iter_mut().zip(values.by_recording) {
        match value {
            Some((group, _)) => recording.group = group,
            None if recording.excuse.is_none() => alone.push(recording.path.clone()),
            None => {}
        }
    }
    if !alone.is_empty() {
        notes.push(format!("{} does not name {}: each of these recordings is a group by itself", list.name(), some_of(&alone)));
    }
    Ok(notes)
}

/// Joins the groups of recordings with the same content, among recordings without an excuse. Returns a sentence about them.
pub(super) fn join_copies(recordings: &mut [SplitRecording]) -> Option<String> {
    let mut first_of: BTreeMap<&str, &SplitRecording> = BTreeMap::new();
    let mut joined = JoinedGroups::default();
    let mut copies = Vec::new();
    for recording in recordings.iter().filter(|r| r.excuse.is_none() && !r.content.is_empty()) {
        let first = *first_of.entry(&recording.content).or_insert(recording);
        if first.id != recording.id {
            joined.join(&first.group, &recording.group);
            copies.push(format!("{} and {}", first.path, recording.path));
        }
    }
    for recording in recordings.iter_mut().filter(|r| r.excuse.is_none()) {
        recording.group = joined.of(&recording.group);
    }
    (!copies.is_empty()).then(|| format!("recordings with the same content, whose groups stay on one side: {}", some_of(&copies)))
}

/// Groups that count as one: each points to a group that is earlier by name.
#[derive(Debug, Default)]
struct JoinedGroups(BTreeMap<String, String>);

impl JoinedGroups {
    fn of(&mut self, group: &str) -> String {
        let mut root = group;
        while let Some(next) = self.0.get(root) {
            root = next;
        }
        let root = root.to_owned();
        if root != group {
            self.0.insert(group.to_owned(), root.clone());
        }
        root
    }

    fn join(&mut self, a: &str, b: &str) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.0.insert(a.clone().max(b.clone()), a.min(b));
        }
    }
}

/// The groups of these recordings.
pub(super) fn gather<'a>(recordings: impl Iterator<Item = &'a SplitRecording>) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for recording in recordings {
        let new = || Group { id: recording.group.clone(), recordings: 0, positives: BTreeMap::new() };
        let group = groups.entry(&recording.group).or_insert_with(new);
        group.recordings += 1;
        for (class, count) in &recording.positives {
            *group.positives.entry(class.clone()).or_default() += count;
        }
    }
    groups.into_values().collect()
}

/// The groups with recordings on more than one side.
pub(super) fn divided(rows: &[SplitRow]) -> Vec<&str> {
    let mut sides: BTreeMap<&str, BTreeSet<Subset>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.subset != Subset::Unused) {
        sides.entry(&row.group_id).or_default().insert(row.subset);
    }
    sides.into_iter().filter(|(_, sides)| sides.len() > 1).map(|(group, _)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_goes_from_noon_to_noon() {
        let at = |text: &str| {
            let local: jiff::civil::DateTime = text.parse().unwrap();
            Some(Offset::UTC.to_timestamp(local).unwrap().as_microsecond())
        };
        assert_eq!(group_of(GroupBy::Night, "r", "A", at("2020-03-02T05:00:00")), "A 2020-03-01");
        assert_eq!(group_of(GroupBy::Night, "r", "A", at("2020-03-01T12:00:00")), "A 2020-03-01");
        assert_eq!(group_of(GroupBy::Night, "r", "A", None), "r");
        assert_eq!(group_of(GroupBy::Site, "r", "A", None), "A");
    }

    fn recording(id: &str, group: &str, content: &str) -> SplitRecording {
        SplitRecording {
            id: id.into(),
            path: format!("{id}.wav"),
            group: group.into(),
            content: content.into(),
            ..SplitRecording::default()
        }
    }

    #[test]
    fn copies_join_groups_over_any_number_of_steps() {
        let mut recordings = [
            recording("1", "C", "x"),
            recording("2", "B", "x"),
            recording("3", "B", "y"),
            recording("4", "A", "y"),
            recording("5", "D", "z"),
            recording("6", "E", ""),
            recording("7", "F", ""),
            SplitRecording { excuse: Some("not reviewed".into()), ..recording("8", "D", "y") },
        ];
        let said = join_copies(&mut recordings).unwrap();
        assert_eq!(recordings.each_ref().map(|r| r.group.as_str()), ["A", "A", "A", "A", "D", "E", "F", "D"]);
        assert!(said.contains("1.wav and 2.wav, 3.wav and 4.wav"), "{said}");
        assert_eq!(join_copies(&mut recordings[4..]), None);
    }

    #[test]
    fn a_column_gives_groups_and_recordings_that_it_leaves_out_stand_alone() {
        let text = "sample_name,fname\n1,long\n2,long\n9,other\n";
        let list = RecordingList::read("m.csv", text.as_bytes()).unwrap();
        let mut recordings = [recording("1", "1", ""), recording("2", "2", ""), recording("3", "3", "")];
        let notes = from_list(&mut recordings, &list, "fname").unwrap();
        assert_eq!(recordings.each_ref().map(|r| r.group.as_str()), ["long", "long", "3"]);
        assert!(notes[0].contains("1 of 3 names in m.csv") && notes[0].contains(": 9"), "{notes:?}");
        assert!(notes[1].contains("does not name 3.wav"), "{notes:?}");
    }
}
