//! Which recordings are copies of others.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::summary::{Day, Entry, Hash, Looked};

/// Where a recording is among the summaries of all pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) piece: u32,
    pub(super) entry: u32,
}

impl At {
    pub(super) fn of(self, looked: &[Looked]) -> &Entry {
        &looked[self.piece as usize].entries[self.entry as usize]
    }
}

/// What a recording is a copy of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Copies {
    /// The first recording with the same content.
    pub(super) duplicate_of: Option<u64>,
    /// The first recording of the site with the same content and start.
    pub(super) copy_of: Option<u64>,
}

/// For every recording with the content of another: the first one with the same content, and the first of these that the site has at the
/// same time under the same name. Files of equal content that start at different times, or are pieces with names of their own, are no
/// copies of each other: silence is like silence.
pub(super) fn copies(days: &BTreeMap<Day, Vec<At>>, looked: &[Looked]) -> HashMap<u64, Copies> {
    let several = several(looked);
    let has_equals = |known: &&Entry| known.content.is_some_and(|hash| several.binary_search(&begin(hash)).is_ok());
    let of_day = |day: &Vec<At>| day.iter().map(|at| at.of(looked)).filter(has_equals).collect();
    let days: Vec<Vec<&Entry>> = if several.is_empty() { Vec::new() } else { days.values().map(of_day).collect() };
    let first_of = firsts(days.iter().flatten().copied(), |known| known.content);
    let mut copies = HashMap::new();
    for day in days {
        let of_time = |known: &Entry| known.content.zip(known.start_us).map(|key| (key, known.name));
        let first_of_time = firsts(day.iter().copied(), of_time);
        for known in day {
            let other = |first: Option<&(u32, u64)>| first.map(|(_, id)| *id).filter(|first| *first != known.id);
            let duplicate_of = other(known.content.and_then(|content| first_of.get(&content)));
            let copy_of = other(of_time(known).and_then(|key| first_of_time.get(&key)));
            if duplicate_of.is_some() || copy_of.is_some() {
                copies.insert(known.id, Copies { duplicate_of, copy_of });
            }
        }
    }
    copies
}

/// The beginnings of those contents that more than one recording seems to have, sorted. Most recordings have a content of their own, and
/// to sort numbers takes less time and memory than a table of all of them.
fn several(looked: &[Looked]) -> Vec<u64> {
    let mut begins: Vec<u64> = Vec::with_capacity(looked.iter().map(|looked| looked.entries.len()).sum());
    looked.iter().for_each(|looked| begins.extend(looked.entries.iter().filter_map(|known| known.content).map(begin)));
    begins.par_sort_unstable();
    let mut several: Vec<u64> = begins.array_windows::<2>().filter(|[a, b]| a == b).map(|[a, _]| *a).collect();
    several.dedup();
    several
}

fn begin(hash: Hash) -> u64 {
    u64::from_le_bytes(*hash.first_chunk::<8>().expect("a hash has 16 bytes"))
}

/// Position and id of the first recording of each key.
fn firsts<'a, K: Eq + std::hash::Hash>(
    entries: impl Iterator<Item = &'a Entry>,
    key: impl Fn(&Entry) -> Option<K>,
) -> HashMap<K, (u32, u64)> {
    let mut firsts: HashMap<K, (u32, u64)> = HashMap::new();
    for known in entries {
        if let Some(key) = key(known) {
            let first = firsts.entry(key).or_insert((known.position, known.id));
            *first = (*first).min((known.position, known.id));
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::catalogue::file;

    /// A recording of the only day of its piece.
    fn known(position: u32, content: u8, start_us: i64, name: u64) -> Entry {
        Entry {
            id: u64::from(100 - position),
            position,
            day: 0,
            start_us: Some(start_us),
            duration_s: 60.0,
            row: [position as u8; 16],
            content: (content > 0).then_some([content; 16]),
            name,
        }
    }

    fn looked(site: &str, entries: Vec<Entry>) -> Looked {
        Looked { days: vec![(site.to_owned(), None)], entries, ..Looked::default() }
    }

    fn filed(looked: &mut [Looked]) -> BTreeMap<Day, Vec<At>> {
        let mut days = BTreeMap::new();
        (0..).zip(looked).for_each(|(piece, looked)| file(&mut days, piece, looked));
        days
    }

    #[test]
    fn the_first_of_equal_contents_is_the_one_of_the_others() {
        let mut all = [
            looked("A", vec![known(4, 1, 5, 7), known(5, 1, 5, 7), known(6, 2, 5, 7), known(7, 0, 5, 7)]),
            looked("B", vec![known(1, 1, 5, 7), known(2, 0, 5, 7), known(3, 1, 6, 7)]),
        ];
        let days = filed(&mut all);
        let copies = copies(&days, &all);
        let of = |position: u32| copies.get(&u64::from(100 - position)).map(|copies| (copies.duplicate_of, copies.copy_of));
        assert_eq!(of(1), None, "the first one");
        assert_eq!(of(4), Some((Some(99), None)), "at another site");
        assert_eq!(of(5), Some((Some(99), Some(96))), "at one site and time");
        assert_eq!(of(3), Some((Some(99), None)), "at another time");
        assert!([2, 6, 7].into_iter().all(|position| of(position).is_none()), "no content, or one of its own");
    }
}
