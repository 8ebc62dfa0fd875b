//! The recordings of an archive and their units. Each recording takes a few bytes of memory. Its details are stored on disk,
//! and read again when the rows of its unit are written.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem::take;
use std::sync::{Arc, Mutex};

use chorus_engine::{External, ScanContext, Share, Unit, UnitContext, WorkError, hash_bytes, locked};
use rayon::prelude::*;

use super::beside::{Beside, Shown};
use super::copies::{At, Copies, copies};
use super::error::IngestError;
use super::found::Probe;
use super::listed::ListedFile;
use super::listing::Listing;
use super::pieces::{self, Memory, Name, Piece, number};
use super::probe::{self, Pending, Reading};
use super::rows::{Recording, Rules, row};
use super::summary::{self, Day, Looked, Tally};
use super::twins::Twins;

/// Pieces whose details are kept in memory from one unit to the next.
const HELD: usize = 32;

/// A recording of a unit.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// `recording_id` as a number.
    id: u64,
    /// Which piece holds its details.
    piece: u32,
}

/// The archive as the last scan saw it.
pub struct Catalogue {
    rules: Rules,
    /// The pieces, each with what headers of other files show of the clock of its names.
    pieces: Vec<(Name, Beside)>,
    units: BTreeMap<Unit, Box<[Entry]>>,
    /// The recordings that are copies, by number.
    copies: HashMap<u64, Copies>,
    /// Files that could not be read. Their results are not stored, so that each run tries again.
    unreadable: BTreeMap<String, ListedFile>,
    held: Mutex<VecDeque<(u32, Arc<Memory>)>>,
    twins: Mutex<Twins>,
}

/// What a look through the archive found.
pub(super) struct Look {
    pub(super) catalogue: Catalogue,
    pub(super) tally: Tally,
    pub(super) pending: Pending,
    /// The units, and what each depends on: a hash of its rows.
    pub(super) units: BTreeMap<Unit, External>,
    /// The recorded hours of each unit.
    pub(super) hours: BTreeMap<Unit, f64>,
}

impl Catalogue {
    /// Looks through the archive. With `look_only` nothing is read; new and changed files are counted instead. So are those of other
    /// shares where the process reads its own part only.
    pub(super) fn look(cx: &ScanContext<'_>, rules: Rules, listing: Listing) -> Result<Look, WorkError> {
        let pieces = pieces::cut(listing);
        let digest = rules.digest(cx.code_version());
        let own = |share: Share| share.own(pieces.iter().map(|piece| (piece.name.clone(), piece.files.bytes())));
        let own = cx.only.map(own);
        let is_read = |piece: &Piece| !cx.look_only && own.as_ref().is_none_or(|own| own.contains(&piece.name));
        let number_of_files: usize = pieces.iter().filter(|piece| is_read(piece)).map(|piece| piece.files.len()).sum();
        let progress = (number_of_files > 0).then(|| cx.console().progress("ingest: reading", number_of_files as u64, "file"));
        let reading = Reading::new(progress.as_ref());
        let mut looked = look_at_all(cx, &rules, &digest, &pieces, is_read, &reading)?;
        drop(progress);
        refuse_equal_numbers(&pieces, &looked)?;
        // The names of files go here; the summaries are enough for what follows.
        let named = |(piece, looked): (Piece, &Looked)| (piece.name, looked.beside.clone());
        let pieces = pieces.into_iter().zip(&looked).map(named).collect();
        let (mut tally, mut pending, mut days) = (Tally::default(), Pending::default(), BTreeMap::new());
        let mut unreadable = BTreeMap::new();
        for (piece, looked) in (0..).zip(&mut looked) {
            file(&mut days, piece, looked);
            tally = tally.join(take(&mut looked.tally));
            pending.new += looked.pending.new;
            pending.changed += looked.pending.changed;
            unreadable.extend(take(&mut looked.unreadable).into_iter().map(|file| (file.path.clone(), file)));
        }
        let copies = copies(&days, &looked);
        let (mut units, mut externals, mut hours) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (unit, recordings) in by_unit(days, &looked, rules.max_recordings()) {
            let known = || recordings.iter().map(|at| at.of(&looked));
            externals.insert(unit.clone(), external(known(), &copies));
            hours.insert(unit.clone(), known().map(|known| f64::from(known.duration_s)).sum::<f64>() / 3600.0);
            let entry = |at: &At| Entry { id: at.of(&looked).id, piece: at.piece };
            units.insert(unit, recordings.iter().map(entry).collect());
        }
        let catalogue = Self { rules, pieces, units, copies, unreadable, held: Mutex::default(), twins: Mutex::default() };
        Ok(Look { catalogue, tally, pending, units: externals, hours })
    }

    /// What is told of recordings in two forms among those whose rows were made.
    pub(super) fn twins(&self) -> Option<String> {
        locked(&self.twins).sentence()
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The rows of a unit, sorted by `recording_id`.
    pub(super) fn rows(&self, cx: &UnitContext<'_>) -> Result<Vec<Recording>, WorkError> {
        let entries = self.units.get(cx.unit()).ok_or("the unit was not found by the scan")?;
        let mut wanted: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
        for entry in entries.iter() {
            wanted.entry(entry.piece).or_default().push(entry);
        }
        let mut rows = Vec::with_capacity(entries.len());
        for (piece, entries) in wanted {
            let memory = self.memory(cx, piece);
            let beside = &self.pieces[piece as usize].1;
            let by_id: HashMap<u64, &(ListedFile, Probe)> = memory.iter().map(|(path, known)| (number(path), known)).collect();
            for entry in entries {
                let mut recording = match by_id.get(&entry.id) {
                    Some((file, probe)) => row(file, probe, &self.rules, beside)?,
                    None => {
                        let lost = || "what was read of a recording is gone from the run's state; run ingest again".to_owned();
                        let file = self.unreadable.values().find(|file| number(&file.path) == entry.id).ok_or_else(lost)?;
                        row(file, &Probe::unreadable(), &self.rules, beside)?
                    }
                };
                let id = |other: Option<u64>| other.map(|id| format!("{id:016x}"));
                let Copies { duplicate_of, copy_of } = self.copies.get(&entry.id).copied().unwrap_or_default();
                (recording.duplicate_of, recording.copy_of) = (id(duplicate_of), id(copy_of));
                rows.push(recording);
            }
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        locked(&self.twins).add(&rows);
        Ok(rows)
    }

    fn memory(&self, cx: &UnitContext<'_>, piece: u32) -> Arc<Memory> {
        let lock = || locked(&self.held);
        if let Some((_, memory)) = lock().iter().find(|(held, _)| *held == piece) {
            return Arc::clone(memory);
        }
        let memory = Arc::new(pieces::recall(cx, &self.pieces[piece as usize].0));
        let mut held = lock();
        held.push_front((piece, Arc::clone(&memory)));
        held.truncate(HELD);
        memory
    }
}

/// Looks at a piece without reading: what is new or changed is counted.
fn look_only(cx: &ScanContext<'_>, piece: &Piece, rules: &Rules, digest: &str) -> Result<Looked, IngestError> {
    if let Some(looked) = Looked::recall(cx, piece, digest) {
        return Ok(looked);
    }
    let (probed, pending) = probe::remembered(cx, piece);
    Looked::of(probed, pending, rules, &Beside::default())
}

/// Looks at all pieces, several at once. Those that are to be read are read: first those that no other process of a shared run is
/// reading, then what is left.
fn look_at_all(
    cx: &ScanContext<'_>,
    rules: &Rules,
    digest: &str,
    pieces: &[Piece],
    is_read: impl Fn(&Piece) -> bool + Sync,
    reading: &Reading<'_>,
) -> Result<Vec<Looked>, WorkError> {
    let archive = cx.archive()?;
    let look = |piece: &Piece, wait: bool| -> Result<Option<Looked>, WorkError> {
        if !is_read(piece) {
            return Ok(Some(look_only(cx, piece, rules, digest)?));
        }
        if let Some(looked) = Looked::recall(cx, piece, digest) {
            reading.add(piece.files.len());
            return Ok(Some(looked));
        }
        let Some(probed) = probe::read_piece(cx, archive, piece, reading, wait)? else { return Ok(None) };
        let looked = Looked::of(probed, Pending::default(), rules, &Beside::default())?;
        looked.remember(cx, piece, digest)?;
        Ok(Some(looked))
    };
    let mut looked: Vec<Option<Looked>> = pieces.par_iter().map(|piece| look(piece, false)).collect::<Result<_, _>>()?;
    for (looked, piece) in looked.iter_mut().zip(pieces).filter(|(looked, _)| looked.is_none()) {
        *looked = look(piece, true)?;
    }
    let mut looked: Vec<Looked> = looked.into_iter().flatten().collect();
    agree_by_folder(cx, rules, digest, pieces, &is_read, &mut looked)?;
    Ok(looked)
}

/// Makes the rows of all pieces of a folder with one clock of names: a header in one piece may show the clock of names in another.
/// Where a folder's headers show none, rows tell of one that those in other folders of the site show.
/// Pieces that were looked at with another clock are made anew from what is stored of them, without reading a file.
fn agree_by_folder(
    cx: &ScanContext<'_>,
    rules: &Rules,
    digest: &str,
    pieces: &[Piece],
    is_read: impl Fn(&Piece) -> bool + Sync,
    looked: &mut [Looked],
) -> Result<(), WorkError> {
    let (mut folders, mut sites): (BTreeMap<&str, Shown>, BTreeMap<String, Shown>) = (BTreeMap::new(), BTreeMap::new());
    for (piece, looked) in pieces.iter().zip(looked.iter()) {
        folders.entry(piece.name.folder()).or_default().join(&looked.own);
        for (site, _) in looked.days.iter().filter(|_| !looked.own.is_empty()) {
            sites.entry(site.clone()).or_default().join(&looked.own);
        }
    }
    pieces.par_iter().zip(looked.par_iter_mut()).try_for_each(|(piece, looked)| -> Result<(), WorkError> {
        let folder = folders.get(piece.name.folder()).cloned().unwrap_or_default();
        let of_site = |(site, _): &Day| sites.get(site).map(|shown| (site.clone(), shown.clone()));
        let of_sites = looked.days.iter().filter(|_| folder.is_empty()).filter_map(of_site).collect();
        let beside = Beside { sites: of_sites, folder };
        if beside.is_like(&looked.beside) {
            return Ok(());
        }
        let is_read = is_read(piece);
        let (probed, pending) =
            if is_read { (probe::stored(cx, piece), Pending::default()) } else { probe::remembered(cx, piece) };
        *looked = Looked::of(probed, pending, rules, &beside)?;
        if is_read { looked.remember(cx, piece, digest) } else { Ok(()) }
    })
}

/// Refuses two paths with the same number.
fn refuse_equal_numbers(pieces: &[Piece], looked: &[Looked]) -> Result<(), IngestError> {
    let mut numbers: Vec<u64> = Vec::with_capacity(looked.iter().map(|looked| looked.entries.len()).sum());
    looked.iter().for_each(|looked| numbers.extend(looked.entries.iter().map(|known| known.id)));
    numbers.par_sort_unstable();
    let Some(&[twice, _]) = numbers.array_windows::<2>().find(|[a, b]| a == b) else { return Ok(()) };
    let paths = pieces.iter().flat_map(|piece| piece.files.iter()).map(|file| file.path());
    let mut both = paths.filter(|path| number(path) == twice);
    let (a, b) = (both.next().unwrap_or_default(), both.next().unwrap_or_default());
    Err(IngestError::SameId { a, b })
}

/// Files a piece's recordings under their days.
pub(super) fn file(days: &mut BTreeMap<Day, Vec<At>>, piece: u32, looked: &mut Looked) {
    let mut filed: Vec<Vec<At>> = vec![Vec::new(); looked.days.len()];
    for (entry, known) in (0..).zip(&looked.entries) {
        // A day that is not there would be the fault of a damaged summary, which its hash shows.
        if let Some(day) = filed.get_mut(known.day as usize) {
            day.push(At { piece, entry });
        }
    }
    for (day, mut recordings) in take(&mut looked.days).into_iter().zip(filed) {
        days.entry(day).or_default().append(&mut recordings);
    }
}

/// What a unit depends on: a hash of its rows.
fn external<'a>(recordings: impl Iterator<Item = &'a summary::Entry>, copies: &HashMap<u64, Copies>) -> External {
    let mut rows = Vec::new();
    for known in recordings {
        rows.extend(known.row);
        let Copies { duplicate_of, copy_of } = copies.get(&known.id).copied().unwrap_or_default();
        for other in [duplicate_of, copy_of] {
            rows.push(u8::from(other.is_some()));
            rows.extend(other.unwrap_or_default().to_le_bytes());
        }
    }
    External::from([("recordings in the archive".to_owned(), hash_bytes(&rows))])
}

/// Cuts each day into parts of at most `max` recordings in the order of their start; each part is sorted by id.
fn by_unit(days: BTreeMap<Day, Vec<At>>, looked: &[Looked], max: usize) -> impl Iterator<Item = (Unit, Vec<At>)> {
    let parts = move |((site, date), mut day): (Day, Vec<At>)| {
        day.sort_unstable_by_key(|at| (at.of(looked).start_us, at.of(looked).position));
        let part = |(part, recordings): (u32, &[At])| {
            let mut recordings = recordings.to_vec();
            recordings.sort_unstable_by_key(|at| at.of(looked).id);
            (Unit::SiteDay { site: site.clone(), date, part }, recordings)
        };
        (0..).zip(day.chunks(max.max(1))).map(part).collect::<Vec<_>>()
    };
    days.into_iter().flat_map(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording of the only day of its piece.
    fn known(position: u32, start_us: i64) -> summary::Entry {
        summary::Entry {
            id: u64::from(100 - position),
            position,
            day: 0,
            start_us: Some(start_us),
            duration_s: 60.0,
            row: [position as u8; 16],
            content: None,
            mark: 0,
            tails: [0, 0],
            name_chars: 0,
            assumed: false,
        }
    }

    fn looked(entries: Vec<summary::Entry>) -> Looked {
        Looked { days: vec![("A".to_owned(), None)], entries, ..Looked::default() }
    }

    #[test]
    fn a_day_is_cut_by_time_and_its_parts_are_sorted_by_id() {
        let mut all = [looked(vec![known(0, 30), known(1, 10)]), looked(vec![known(2, 20)])];
        let mut days = BTreeMap::new();
        (0..).zip(&mut all).for_each(|(piece, looked)| file(&mut days, piece, looked));
        let units: Vec<(u32, Vec<u64>)> = by_unit(days, &all, 2)
            .map(|(unit, recordings)| {
                let Unit::SiteDay { part, .. } = unit else { panic!("a unit of a day") };
                (part, recordings.iter().map(|at| at.of(&all).id).collect())
            })
            .collect();
        assert_eq!(units, [(0, vec![98, 99]), (1, vec![100])]);
    }
}
