//! The recordings of an archive and their units. Each recording takes a few bytes of memory. Its details are stored on disk,
//! and read again when the rows of its unit are written.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use chorus_engine::{External, ScanContext, Share, Unit, UnitContext, WorkError, hash_bytes, locked};
use rayon::prelude::*;

use super::beside::Shown;
use super::error::IngestError;
use super::found::Probe;
use super::list::Listed;
use super::pieces::{self, Memory, Name, Piece, number};
use super::probe::{self, Pending, Reading};
use super::rows::{Recording, Rules, row};
use super::start::NameClock;
use super::summary::{self, Day, Looked, Tally};

/// Pieces whose details are kept in memory from one unit to the next.
const HELD: usize = 32;

/// A recording of the archive.
#[derive(Debug, Clone, Copy)]
struct Entry {
    known: summary::Entry,
    /// Which piece holds its details.
    piece: u32,
    /// The first recording with the same content.
    duplicate_of: Option<u64>,
    /// The first recording of the site with the same content and start.
    copy_of: Option<u64>,
}

/// The archive as the last scan saw it.
pub struct Catalogue {
    rules: Rules,
    /// The pieces, each with the clock of names that the headers of its folder show.
    pieces: Vec<(Name, Option<NameClock>)>,
    units: BTreeMap<Unit, Vec<Entry>>,
    /// Files that could not be read. Their results are not stored, so that each run tries again.
    unreadable: BTreeMap<String, Listed>,
    held: Mutex<VecDeque<(u32, Arc<Memory>)>>,
}

impl Catalogue {
    /// Looks through the archive. With `look_only` nothing is read; new and changed files are counted instead. So are those of other
    /// shares where the process reads its own part only.
    pub(super) fn look(cx: &ScanContext<'_>, rules: Rules, files: Vec<Listed>) -> Result<(Self, Tally, Pending), WorkError> {
        let pieces = pieces::cut(files);
        let digest = rules.digest(cx.code_version());
        let own = |share: Share| share.own(pieces.iter().map(|piece| (piece.name.clone(), piece.bytes())));
        let own = cx.only.map(own);
        let is_read = |piece: &Piece| !cx.look_only && own.as_ref().is_none_or(|own| own.contains(&piece.name));
        let number_of_files: usize = pieces.iter().filter(|piece| is_read(piece)).map(|piece| piece.files.len()).sum();
        let progress = (number_of_files > 0).then(|| cx.console().progress("ingest: reading", number_of_files as u64, "files"));
        let reading = Reading::new(progress.as_ref());
        let looked = look_at_all(cx, &rules, &digest, &pieces, is_read, &reading)?;
        drop(progress);
        refuse_equal_numbers(&pieces, &looked)?;
        let named = |(piece, looked): (Piece, &Looked)| (piece.name, looked.folder.clock());
        let pieces = pieces.into_iter().zip(&looked).map(named).collect();
        let mut catalogue = Self { rules, pieces, units: BTreeMap::new(), unreadable: BTreeMap::new(), held: Mutex::default() };
        let (mut tally, mut pending, mut days) = (Tally::default(), Pending::default(), BTreeMap::new());
        for (piece, looked) in (0..).zip(looked) {
            file(&mut days, piece, looked.days, &looked.entries);
            tally = tally.join(looked.tally);
            pending.new += looked.pending.new;
            pending.changed += looked.pending.changed;
            catalogue.unreadable.extend(looked.unreadable.into_iter().map(|file| (file.path.clone(), file)));
        }
        mark_duplicates(&mut days);
        catalogue.units = by_unit(days, catalogue.rules.max_recordings());
        Ok((catalogue, tally, pending))
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The units, and what each depends on: a hash of its rows.
    pub(super) fn externals(&self) -> BTreeMap<Unit, External> {
        let external = |entries: &[Entry]| {
            let mut rows = Vec::with_capacity(entries.len() * 34);
            for entry in entries {
                rows.extend(entry.known.row.to_le_bytes());
                for other in [entry.duplicate_of, entry.copy_of] {
                    rows.push(u8::from(other.is_some()));
                    rows.extend(other.unwrap_or_default().to_le_bytes());
                }
            }
            External::from([("recordings in the archive".to_owned(), hash_bytes(&rows))])
        };
        self.units.iter().map(|(unit, entries)| (unit.clone(), external(entries))).collect()
    }

    /// The recorded hours of each unit.
    pub(super) fn hours(&self) -> BTreeMap<Unit, f64> {
        let hours = |entries: &[Entry]| entries.iter().map(|entry| f64::from(entry.known.duration_s)).sum::<f64>() / 3600.0;
        self.units.iter().map(|(unit, entries)| (unit.clone(), hours(entries))).collect()
    }

    /// The rows of a unit, sorted by `recording_id`.
    pub(super) fn rows(&self, cx: &UnitContext<'_>) -> Result<Vec<Recording>, WorkError> {
        let entries = self.units.get(cx.unit()).ok_or("the unit was not found by the scan")?;
        let mut wanted: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            wanted.entry(entry.piece).or_default().push(entry);
        }
        let mut rows = Vec::with_capacity(entries.len());
        for (piece, entries) in wanted {
            let memory = self.memory(cx, piece);
            let shown = self.pieces[piece as usize].1;
            let by_id: HashMap<u64, &(Listed, Probe)> = memory.iter().map(|(path, known)| (number(path), known)).collect();
            for entry in entries {
                let mut recording = match by_id.get(&entry.known.id) {
                    Some((file, probe)) => row(file, probe, &self.rules, shown)?,
                    None => {
                        let lost = || "what was read of a recording is gone from the run's state; run ingest again".to_owned();
                        let file = self.unreadable.values().find(|file| number(&file.path) == entry.known.id).ok_or_else(lost)?;
                        row(file, &Probe::unreadable(), &self.rules, shown)?
                    }
                };
                let id = |other: Option<u64>| other.map(|id| format!("{id:016x}"));
                (recording.duplicate_of, recording.copy_of) = (id(entry.duplicate_of), id(entry.copy_of));
                rows.push(recording);
            }
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
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
    Looked::of(probed, pending, rules, &Shown::default())
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
        let looked = Looked::of(probed, Pending::default(), rules, &Shown::default())?;
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
/// Pieces that were looked at with another clock are made anew from what is stored of them, without reading a file.
fn agree_by_folder(
    cx: &ScanContext<'_>,
    rules: &Rules,
    digest: &str,
    pieces: &[Piece],
    is_read: impl Fn(&Piece) -> bool + Sync,
    looked: &mut [Looked],
) -> Result<(), WorkError> {
    let mut folders: BTreeMap<&str, Shown> = BTreeMap::new();
    for (piece, looked) in pieces.iter().zip(looked.iter()) {
        folders.entry(piece.name.folder()).or_default().join(&looked.own);
    }
    pieces.par_iter().zip(looked.par_iter_mut()).try_for_each(|(piece, looked)| -> Result<(), WorkError> {
        let Some(folder) = folders.get(piece.name.folder()).filter(|folder| folder.clock() != looked.folder.clock()) else {
            return Ok(());
        };
        if is_read(piece) {
            *looked = Looked::of(probe::stored(cx, piece), Pending::default(), rules, folder)?;
            return looked.remember(cx, piece, digest);
        }
        let (probed, pending) = probe::remembered(cx, piece);
        *looked = Looked::of(probed, pending, rules, folder)?;
        Ok(())
    })
}

/// Refuses two paths with the same number.
fn refuse_equal_numbers(pieces: &[Piece], looked: &[Looked]) -> Result<(), IngestError> {
    let of_piece =
        |(piece, looked): (usize, &Looked)| looked.entries.iter().map(|e| (e.id, e.position, piece)).collect::<Vec<_>>();
    let mut numbers: Vec<(u64, u32, usize)> = looked.iter().enumerate().flat_map(of_piece).collect();
    numbers.par_sort_unstable();
    let path = |(_, position, piece): (u64, u32, usize)| {
        let files = &pieces[piece].files;
        files.iter().find(|(p, _)| *p == position).map(|(_, file)| file.path.clone()).unwrap_or_default()
    };
    match numbers.array_windows().find(|[a, b]| a.0 == b.0) {
        Some(&[a, b]) => Err(IngestError::SameId { a: path(a), b: path(b) }),
        None => Ok(()),
    }
}

/// Files a piece's recordings under their days.
fn file(days: &mut BTreeMap<Day, Vec<Entry>>, piece: u32, of_piece: Vec<Day>, entries: &[summary::Entry]) {
    let mut filed: Vec<Vec<Entry>> = vec![Vec::new(); of_piece.len()];
    for &known in entries {
        // A day that is not there would be the fault of a damaged summary, which its hash shows.
        if let Some(day) = filed.get_mut(known.day as usize) {
            day.push(Entry { known, piece, duplicate_of: None, copy_of: None });
        }
    }
    for (day, mut entries) in of_piece.into_iter().zip(filed) {
        days.entry(day).or_default().append(&mut entries);
    }
}

/// Notes for every recording the first one with the same content, and the first of these that the site has at the same time under the same
/// name. Files of equal content that start at different times, or are pieces with names of their own, are no copies of each other: silence
/// is like silence.
fn mark_duplicates(days: &mut BTreeMap<Day, Vec<Entry>>) {
    let first_of = firsts(days.values().flatten(), |known| known.content);
    for day in days.values_mut() {
        let of_time = |known: &summary::Entry| known.content.zip(known.start_us).map(|key| (key, known.name));
        let first_of_time = firsts(day.iter(), of_time);
        for entry in day {
            let other = |first: Option<&(u32, u64)>| first.map(|(_, id)| *id).filter(|first| *first != entry.known.id);
            let duplicate_of = other(entry.known.content.and_then(|content| first_of.get(&content)));
            let copy_of = other(of_time(&entry.known).and_then(|key| first_of_time.get(&key)));
            (entry.duplicate_of, entry.copy_of) = (duplicate_of, copy_of);
        }
    }
}

/// Position and id of the first recording of each key.
fn firsts<'a, K: Eq + std::hash::Hash>(
    entries: impl Iterator<Item = &'a Entry>,
    key: impl Fn(&summary::Entry) -> Option<K>,
) -> HashMap<K, (u32, u64)> {
    let mut firsts: HashMap<K, (u32, u64)> = HashMap::new();
    for known in entries.map(|entry| entry.known) {
        if let Some(key) = key(&known) {
            let first = firsts.entry(key).or_insert((known.position, known.id));
            *first = (*first).min((known.position, known.id));
        }
    }
    firsts
}

/// Cuts each day into parts of at most `max` recordings in the order of their start; each part is sorted by id.
fn by_unit(days: BTreeMap<Day, Vec<Entry>>, max: usize) -> BTreeMap<Unit, Vec<Entry>> {
    let parts = |((site, date), mut day): (Day, Vec<Entry>)| {
        day.sort_by_key(|entry| (entry.known.start_us, entry.known.position));
        let part = |(part, entries): (u32, &[Entry])| {
            let mut entries = entries.to_vec();
            entries.sort_by_key(|entry| entry.known.id);
            (Unit::SiteDay { site: site.clone(), date, part }, entries)
        };
        (0..).zip(day.chunks(max.max(1))).map(part).collect::<Vec<_>>()
    };
    days.into_iter().flat_map(parts).collect()
}
