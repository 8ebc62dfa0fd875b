//! Which recordings are copies of others.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::summary::{Day, Entry, Hash, Looked, Rank};

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
    /// The first recording of the site with the same content and start, or the same content and name where no start is known.
    pub(super) copy_of: Option<u64>,
}

/// For every recording with the content of another: the first one with the same content, and the first of these of its site that starts
/// at the same time or shows the same clock reading, or has the same name where no start is known. What stands
/// behind the time in a name has to agree, but for marks such as ` (1)` and ` - Copy`: pieces of a silent recording are like each other.
/// A number behind an underscore is such a mark where the name without it is there too. Files of equal content that start at different times are no copies of each other:
/// silence is like silence.
pub(super) fn copies(days: &BTreeMap<Day, Vec<At>>, looked: &[Looked]) -> HashMap<u64, Copies> {
    let several = several(looked);
    if several.is_empty() {
        return HashMap::new();
    }
    let has_equals = |known: &&Entry| known.content.is_some_and(|hash| several.binary_search(&begin(hash)).is_ok());
    let mut sites: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for ((site, _), day) in days {
        sites.entry(site.as_str()).or_default().extend(day.iter().map(|at| at.of(looked)).filter(has_equals));
    }
    let first_of = firsts(sites.values().flatten().copied());
    let mut copies = HashMap::new();
    for mut site in sites.into_values() {
        site.sort_unstable_by_key(|known| known.rank());
        // Each recording joins the first one that it is a copy of, and what is like either of the two joins as well.
        let mut originals: HashMap<(Hash, Like, u64), u64> = HashMap::new();
        for known in site {
            let Some(content) = known.content else { continue };
            let likes = [known.start_us.map(Like::Start), Some(Like::Mark(known.mark))].into_iter().flatten();
            let likes: Vec<Like> = likes.collect();
            let [own, plain] = known.tails;
            let keys = |tail: u64| likes.iter().map(move |like| (content, *like, tail));
            let original = keys(own).chain(keys(plain)).find_map(|key| originals.get(&key).copied()).unwrap_or(known.id);
            keys(own).for_each(|key| {
                originals.entry(key).or_insert(original);
            });
            let other = |first: u64| Some(first).filter(|first| *first != known.id);
            let duplicate_of = first_of.get(&content).and_then(|(_, first)| other(*first));
            let copy_of = other(original);
            if duplicate_of.is_some() || copy_of.is_some() {
                copies.insert(known.id, Copies { duplicate_of, copy_of });
            }
        }
    }
    copies
}

/// By what recordings of one site and content are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Like {
    Start(i64),
    Mark(u64),
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

/// The first recording of each content.
fn firsts<'a>(entries: impl Iterator<Item = &'a Entry>) -> HashMap<Hash, (Rank, u64)> {
    let mut firsts: HashMap<Hash, (Rank, u64)> = HashMap::new();
    for known in entries {
        if let Some(content) = known.content {
            let first = firsts.entry(content).or_insert((known.rank(), known.id));
            *first = (*first).min((known.rank(), known.id));
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::catalogue::file;

    /// A recording of the only day of its piece.
    fn known(position: u32, content: u8, start_us: i64, mark: u64) -> Entry {
        Entry {
            id: u64::from(100 - position),
            position,
            day: 0,
            start_us: Some(start_us),
            duration_s: 60.0,
            row: [position as u8; 16],
            content: (content > 0).then_some([content; 16]),
            mark,
            tails: [0, 0],
            name_chars: 15,
            assumed: false,
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
            looked("B", vec![known(1, 1, 5, 7), known(2, 0, 5, 7), known(3, 1, 6, 8)]),
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

    /// What each of these recordings of a site with equal content is a copy of, by position.
    fn copied(entries: Vec<Entry>) -> Vec<Option<u32>> {
        let ids: Vec<u64> = entries.iter().map(|known| known.id).collect();
        let mut all = [looked("A", entries)];
        let days = filed(&mut all);
        let copies = copies(&days, &all);
        ids.iter().map(|id| copies.get(id)?.copy_of.map(|of| 100 - u32::try_from(of).unwrap())).collect()
    }

    #[test]
    fn a_copy_may_have_any_name_and_the_plain_name_is_the_original_s() {
        // `Copy of x`, `x (1)`, `x`, `x` in a later folder: each starts at the same time.
        let named = |position, chars| Entry { name_chars: chars, ..known(position, 1, 5, u64::from(position)) };
        let of = copied(vec![named(1, 23), named(2, 19), named(3, 15), named(4, 15)]);
        assert_eq!(of, [Some(3), Some(3), None, Some(3)]);
    }

    #[test]
    fn without_a_start_the_name_decides() {
        let untimed = |position, mark| Entry { start_us: None, ..known(position, 1, 0, mark) };
        assert_eq!(copied(vec![untimed(1, 7), untimed(2, 7), untimed(3, 8)]), [None, Some(1), None]);
    }

    #[test]
    fn one_reading_is_one_start_whatever_clock_it_was_read_in() {
        // The clock of the first was assumed, and headers beside the second showed it: they start five hours and a day apart.
        let (mut assumed, mut shown) = (known(1, 1, 5, 7), known(2, 1, 18_000_000_005, 7));
        (assumed.assumed, shown.day) = (true, 1);
        let mut all = [Looked {
            days: vec![("A".to_owned(), None), ("A".to_owned(), Some(jiff::civil::date(2020, 3, 1)))],
            entries: vec![assumed, shown],
            ..Looked::default()
        }];
        let days = filed(&mut all);
        let copies = copies(&days, &all);
        assert_eq!(copies.get(&99).and_then(|copies| copies.copy_of), Some(98), "the start that is shown counts");
        assert!(!copies.contains_key(&98));
    }
}
