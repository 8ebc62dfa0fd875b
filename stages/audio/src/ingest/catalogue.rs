//! The recordings of an archive and their units, in a few bytes for each: details are remembered on disk, piece by piece, and read again
//! when a unit's rows are written.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chorus_engine::{External, ScanContext, Unit, UnitContext, WorkError, hash_bytes};
use jiff::civil::Date;
use rayon::prelude::*;

use super::error::IngestError;
use super::list::Listed;
use super::pieces::{self, Memory, Name, Piece, number};
use super::probe::{self, Pending, Probe, Probed, Reading};
use super::rows::{Recording, Rules, row};
use super::sheet::Fits;

/// Pieces whose details are held, from one unit to the next.
const HELD: usize = 32;

/// What a recording is known by.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// `recording_id` as a number.
    id: u64,
    /// Position in the listing.
    position: u32,
    /// Which piece holds its details.
    piece: u32,
    /// The start that a clock at the site would show, which orders a day.
    start_local_us: Option<i64>,
    /// Hashes of the row without `duplicate_of`, and of the file's content, where it has any.
    row: u128,
    content: Option<u128>,
    /// The first recording with the same content.
    duplicate_of: Option<u64>,
}

/// Where recordings are filed.
type Day = (String, Option<Date>);

/// What the look at one piece gives.
struct Looked {
    entries: Vec<(Day, Entry)>,
    pending: Pending,
    tally: Tally,
    unreadable: Vec<Listed>,
}

/// What is counted over all recordings.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) recordings: usize,
    pub(super) rejected: usize,
    /// The first rejected one by position: its path and why.
    pub(super) first_rejected: Option<(u32, String)>,
    /// Names that the user's own pattern fits.
    pub(super) own_names: usize,
    /// The first recording's path by position.
    pub(super) first: Option<(u32, String)>,
    pub(super) fits: Fits,
}

impl Tally {
    fn add(&mut self, position: u32, recording: &Recording) {
        self.recordings += 1;
        self.own_names += usize::from(recording.own_name);
        let earlier = |first: &Option<(u32, String)>| first.as_ref().is_none_or(|(other, _)| position < *other);
        if recording.status == "rejected" {
            self.rejected += 1;
            if earlier(&self.first_rejected) {
                let why = recording.reason.as_deref().unwrap_or_default();
                self.first_rejected = Some((position, format!("{}: {why}", recording.path)));
            }
        }
        if earlier(&self.first) {
            self.first = Some((position, recording.path.clone()));
        }
        self.fits.add(recording.place());
    }

    fn join(mut self, other: Self) -> Self {
        self.recordings += other.recordings;
        self.rejected += other.rejected;
        self.own_names += other.own_names;
        self.first_rejected = self.first_rejected.into_iter().chain(other.first_rejected).min();
        self.first = self.first.into_iter().chain(other.first).min();
        self.fits.join(other.fits);
        self
    }
}

/// The archive as the last scan saw it.
pub(super) struct Catalogue {
    rules: Rules,
    pieces: Vec<Name>,
    units: BTreeMap<Unit, Vec<Entry>>,
    /// Files that could not be read and are not remembered.
    unreadable: BTreeMap<String, Listed>,
    held: Mutex<VecDeque<(u32, Arc<Memory>)>>,
}

impl Catalogue {
    /// Looks through the archive. With `look_only` nothing is read: what is new or changed is told instead.
    pub(super) fn look(cx: &ScanContext<'_>, rules: Rules, files: Vec<Listed>) -> Result<(Self, Tally, Pending), WorkError> {
        let number_of_files = files.len() as u64;
        let pieces = pieces::cut(files)?;
        let names: Vec<Name> = pieces.iter().map(|piece| piece.name.clone()).collect();
        let numbered = || (0u32..).zip(pieces);
        let looked = if cx.look_only {
            let pieces: Vec<(u32, Piece)> = numbered().collect();
            let look = |(piece, cut): (u32, Piece)| {
                let (probed, pending) = probe::remembered(cx, cut);
                Looked::of(piece, probed, pending, &rules)
            };
            pieces.into_par_iter().map(look).collect::<Result<Vec<_>, IngestError>>()?
        } else {
            let progress = cx.console().progress("ingest: reading", number_of_files, "files");
            read_all(cx, &rules, numbered().collect(), &Reading::new(&progress))?
        };
        let mut catalogue =
            Self { rules, pieces: names, units: BTreeMap::new(), unreadable: BTreeMap::new(), held: Mutex::default() };
        let (mut tally, mut pending, mut entries) = (Tally::default(), Pending::default(), Vec::new());
        for looked in looked {
            tally = tally.join(looked.tally);
            pending.new += looked.pending.new;
            pending.changed += looked.pending.changed;
            entries.extend(looked.entries);
            catalogue.unreadable.extend(looked.unreadable.into_iter().map(|file| (file.path.clone(), file)));
        }
        mark_duplicates(&mut entries);
        catalogue.units = by_unit(entries, catalogue.rules.max_recordings());
        Ok((catalogue, tally, pending))
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The units, and what each depends on: a hash of its rows.
    pub(super) fn externals(&self) -> BTreeMap<Unit, External> {
        let external = |entries: &[Entry]| {
            let mut rows = Vec::with_capacity(entries.len() * 25);
            for entry in entries {
                rows.extend(entry.row.to_le_bytes());
                rows.push(u8::from(entry.duplicate_of.is_some()));
                rows.extend(entry.duplicate_of.unwrap_or_default().to_le_bytes());
            }
            External::from([("recordings in the archive".to_owned(), hash_bytes(&rows))])
        };
        self.units.iter().map(|(unit, entries)| (unit.clone(), external(entries))).collect()
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
            let by_id: HashMap<u64, &(Listed, Probe)> = memory.iter().map(|(path, known)| (number(path), known)).collect();
            for entry in entries {
                let mut recording = match by_id.get(&entry.id) {
                    Some((file, probe)) => row(file, probe, &self.rules)?,
                    None => {
                        let lost = || "what was read of a recording is gone from the run's state; run ingest again".to_owned();
                        let file = self.unreadable.values().find(|file| number(&file.path) == entry.id).ok_or_else(lost)?;
                        row(file, &Probe::unreadable(), &self.rules)?
                    }
                };
                recording.duplicate_of = entry.duplicate_of.map(|id| format!("{id:016x}"));
                rows.push(recording);
            }
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rows)
    }

    fn memory(&self, cx: &UnitContext<'_>, piece: u32) -> Arc<Memory> {
        let lock = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, memory)) = lock().iter().find(|(held, _)| *held == piece) {
            return Arc::clone(memory);
        }
        let memory = Arc::new(pieces::recall(cx, &self.pieces[piece as usize]));
        let mut held = lock();
        held.push_front((piece, Arc::clone(&memory)));
        held.truncate(HELD);
        memory
    }
}

/// Reads all pieces, several at once: first those that no other process of a shared run is reading, then what is left.
fn read_all(
    cx: &ScanContext<'_>,
    rules: &Rules,
    pieces: Vec<(u32, Piece)>,
    reading: &Reading<'_>,
) -> Result<Vec<Looked>, WorkError> {
    let look = |(piece, cut): &(u32, Piece), wait: bool| -> Result<Option<Looked>, WorkError> {
        let Some(probed) = probe::read_piece(cx, &rules.archive, cut, reading, wait)? else { return Ok(None) };
        Ok(Some(Looked::of(*piece, probed, Pending::default(), rules)?))
    };
    let mut looked: Vec<Option<Looked>> = pieces.par_iter().map(|piece| look(piece, false)).collect::<Result<_, _>>()?;
    for (looked, piece) in looked.iter_mut().zip(&pieces).filter(|(looked, _)| looked.is_none()) {
        *looked = look(piece, true)?;
    }
    Ok(looked.into_iter().flatten().collect())
}

impl Looked {
    fn of(piece: u32, probed: Probed, pending: Pending, rules: &Rules) -> Result<Self, IngestError> {
        let mut looked =
            Self { entries: Vec::with_capacity(probed.len()), pending, tally: Tally::default(), unreadable: Vec::new() };
        for (position, file, probe) in probed {
            let recording = row(&file, &probe, rules)?;
            looked.tally.add(position, &recording);
            looked.entries.push((recording.day(), Entry::of(piece, position, &recording)));
            if probe == Probe::unreadable() {
                looked.unreadable.push(file);
            }
        }
        Ok(looked)
    }
}

impl Entry {
    fn of(piece: u32, position: u32, recording: &Recording) -> Self {
        let hash = |digits: &str| u128::from_str_radix(digits, 16).ok();
        let row = serde_json::to_vec(recording).expect("a row is JSON");
        // Empty files all have the same content, and an unreadable one has none.
        let content = hash(&recording.content_hash).filter(|_| recording.file_bytes > 0);
        Self {
            id: number(&recording.path),
            position,
            piece,
            start_local_us: recording.start_local_us(),
            row: hash(&hash_bytes(&row)).unwrap_or_default(),
            content,
            duplicate_of: None,
        }
    }
}

/// Says of every recording which is the first with the same content.
fn mark_duplicates(entries: &mut [(Day, Entry)]) {
    entries.sort_unstable_by_key(|(_, entry)| entry.position);
    let mut first_of: HashMap<u128, u64> = HashMap::new();
    for (_, entry) in entries {
        if let Some(content) = entry.content {
            let first = *first_of.entry(content).or_insert(entry.id);
            entry.duplicate_of = Some(first).filter(|first| *first != entry.id);
        }
    }
}

/// Groups recordings by site and date, in parts of at most `max` in the order of their start; each part is sorted by id.
fn by_unit(entries: Vec<(Day, Entry)>, max: usize) -> BTreeMap<Unit, Vec<Entry>> {
    let mut days: BTreeMap<Day, Vec<Entry>> = BTreeMap::new();
    for (day, entry) in entries {
        days.entry(day).or_default().push(entry);
    }
    let mut units = BTreeMap::new();
    for ((site, date), mut day) in days {
        day.sort_by_key(|entry| (entry.start_local_us, entry.position));
        for (part, entries) in (0..).zip(day.chunks(max.max(1))) {
            let mut entries = entries.to_vec();
            entries.sort_by_key(|entry| entry.id);
            units.insert(Unit::SiteDay { site: site.clone(), date, part }, entries);
        }
    }
    units
}
