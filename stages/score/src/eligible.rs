//! Which recordings may be learnt from without labels: those that are on no side of the split.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::{Unit, UnitContext, WorkError};

/// A recording as the tables have it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// The unit that holds it.
    pub unit: Unit,
    /// Hash of its content, which is equal for copies.
    pub content: String,
}

/// Where a recording is in the split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The subset.
    pub subset: String,
    /// The group, all of whose recordings with labels are in the same subset.
    pub group: String,
}

/// The recordings of a run, and where they are in the split.
#[derive(Debug, Clone)]
pub struct Recordings {
    /// All of them.
    pub all: Vec<Recording>,
    /// By recording.
    pub sides: BTreeMap<String, Side>,
}

impl Recordings {
    /// Reads the tables `recordings` and `splits`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let mut all = Vec::new();
        for (unit, batch) in cx.read_all("recordings", &["recording_id", "content_hash"])? {
            let (ids, contents) = (batch.utf8("recording_id")?, batch.utf8("content_hash")?);
            let recording = |row: usize| Recording {
                id: ids.value(row).to_owned(),
                unit: unit.clone(),
                content: contents.value(row).to_owned(),
            };
            all.extend((0..batch.rows()).map(recording));
        }
        let mut sides = BTreeMap::new();
        for (_, batch) in cx.read_all("splits", &["recording_id", "group_id", "subset"])? {
            let (ids, groups, subsets) = (batch.utf8("recording_id")?, batch.utf8("group_id")?, batch.utf8("subset")?);
            let side = |row: usize| Side { subset: subsets.value(row).to_owned(), group: groups.value(row).to_owned() };
            sides.extend((0..batch.rows()).map(|row| (ids.value(row).to_owned(), side(row))));
        }
        Ok(Self { all, sides })
    }

    /// The recordings that may be learnt from without labels, with their units. A copy of a recording that is on a side is none of them,
    /// and of copies the first one is. `judged_groups` says whether a recording may be one whose group has recordings in test or
    /// validation.
    pub fn eligible(&self, judged_groups: bool) -> BTreeMap<String, Unit> {
        let is_on_side = |recording: &Recording| self.sides.get(&recording.id).is_some_and(|side| side.subset != "unused");
        let judged: BTreeSet<&str> = self.sides.values().filter(|side| is_judged(side)).map(|side| side.group.as_str()).collect();
        let mut heard: BTreeSet<&str> = self.all.iter().filter(|r| is_on_side(r)).map(|r| r.content.as_str()).collect();
        let mut found = BTreeMap::new();
        for recording in self.all.iter().filter(|recording| !is_on_side(recording)) {
            let in_judged_group = self.sides.get(&recording.id).is_some_and(|side| judged.contains(side.group.as_str()));
            if (judged_groups || !in_judged_group) && heard.insert(&recording.content) {
                found.insert(recording.id.clone(), recording.unit.clone());
            }
        }
        found
    }

    /// The recordings of the train set, with their units.
    pub fn train(&self) -> BTreeMap<String, Unit> {
        let is_train = |recording: &&Recording| self.sides.get(&recording.id).is_some_and(|side| side.subset == "train");
        self.all.iter().filter(is_train).map(|recording| (recording.id.clone(), recording.unit.clone())).collect()
    }

    /// The content of the recordings of test and validation: copies of these in other runs are not learnt from either.
    pub fn judged_content(&self) -> BTreeSet<&str> {
        let is_judged = |recording: &&Recording| self.sides.get(&recording.id).is_some_and(is_judged);
        self.all.iter().filter(is_judged).map(|recording| recording.content.as_str()).collect()
    }
}

fn is_judged(side: &Side) -> bool {
    side.subset == "test" || side.subset == "validation"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_a_side_its_copies_and_its_judged_groups_do_not_teach() {
        let unit = |site: &str| Unit::SiteDay { site: site.into(), date: None, part: 0 };
        let recording = |(id, content): (&str, &str)| Recording { id: id.into(), unit: unit(id), content: content.into() };
        let all = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "2"), ("e", "4"), ("f", "4"), ("g", "5"), ("h", "6")]
            .map(recording)
            .into();
        let sides = [
            ("a", "train", "pond"),
            ("b", "test", "marsh"),
            ("c", "validation", "fen"),
            ("d", "unused", "pond"),
            ("e", "unused", "pond"),
            ("f", "unused", "pond"),
            ("g", "unused", "marsh"),
            ("h", "unused", "fen"),
        ];
        let sides = sides.map(|(id, subset, group)| (id.to_owned(), Side { subset: subset.into(), group: group.into() })).into();
        let recordings = Recordings { all, sides };
        let ids = |judged| recordings.eligible(judged).into_keys().collect::<Vec<_>>();
        assert_eq!(ids(false), ["e"], "d is a copy of a test recording, f one of e, and g and h are of judged groups");
        assert_eq!(ids(true), ["e", "g", "h"]);
        assert_eq!(recordings.eligible(true)["g"], unit("g"));
        assert_eq!(recordings.train().into_keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(recordings.judged_content().into_iter().collect::<Vec<_>>(), ["2", "3"]);
    }
}
