//! The summary of one piece of the listing: the day of each recording, and a few hashes. Summaries are stored beside the
//! results of reading. So a piece without changes costs only its listing: no rows are made of its files, and the stored results
//! are not read.

use std::io::Write as _;

use chorus_archive::EntryState;
use chorus_engine::{ScanContext, WorkError, hash_bytes};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::beside::{Beside, Shown, stem};
use super::error::IngestError;
use super::found::Probe;
use super::listed::ListedFile;
use super::pieces::{Piece, number};
use super::probe::{Pending, Probed};
use super::rows::{Recording, Rules, row};
use super::sheet::Fits;

/// Version of the stored summaries. Raise it whenever the same recordings give another summary than before.
const FORMAT: u32 = 9;
/// The stored start of a recording whose start is not known.
const NO_START: i64 = i64::MIN;
/// Bytes of a recording in a summary: id, day, start, duration, hash of the row, whether the content has a hash, hash of the content, mark,
/// both tails, characters of the name, whether the start is assumed.
const RECORD: usize = 8 + 4 + 8 + 4 + 16 + 1 + 16 + 8 + 8 + 8 + 2 + 1;

/// Digits of a hash.
const HASH: usize = 32;

/// A hash of a row or of a file's content: the number that its digits write, the lowest byte first. As bytes it needs no padding beside
/// smaller values, and a million recordings have two million of them.
pub(super) type Hash = [u8; 16];

/// Where recordings are filed: site and local date.
pub(super) type Day = (String, Option<Date>);

/// The summary of one piece.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Looked {
    /// The days that its recordings are filed under.
    pub(super) days: Vec<Day>,
    pub(super) entries: Vec<Entry>,
    pub(super) pending: Pending,
    pub(super) tally: Tally,
    pub(super) unreadable: Vec<ListedFile>,
    /// What the headers of its files show of the clock of names.
    pub(super) own: Shown,
    /// What those of the whole folder, and of its site, showed when its rows were made.
    pub(super) beside: Beside,
}

/// A recording in a summary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    /// `recording_id` as a number.
    pub(super) id: u64,
    /// Position in the listing.
    pub(super) position: u32,
    /// Position in the summary's list of days.
    pub(super) day: u32,
    /// The start that a clock at the site would show, or else one in UTC: it orders a day.
    pub(super) start_us: Option<i64>,
    /// Seconds; 0 where the recording cannot be read.
    pub(super) duration_s: f32,
    /// Hashes of the row without `duplicate_of`, and of the file's content, where it has any.
    pub(super) row: Hash,
    pub(super) content: Option<Hash>,
    /// What copies have in common though their starts may differ: see [`Recording::mark`].
    pub(super) mark: u64,
    /// What their names have in common: see [`Recording::tails`].
    pub(super) tails: [u64; 2],
    /// Characters of the file's name without its extension.
    pub(super) name_chars: u16,
    /// The start depends on an assumption about the clock of names.
    pub(super) assumed: bool,
}

/// The order of recordings of equal content. The first is the original: one whose start is no assumption, then the plainest name, then
/// the first path.
pub(super) type Rank = (bool, u16, u32);

/// What is counted over all recordings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

    pub(super) fn join(mut self, other: Self) -> Self {
        self.recordings += other.recordings;
        self.rejected += other.rejected;
        self.own_names += other.own_names;
        self.first_rejected = self.first_rejected.into_iter().chain(other.first_rejected).min();
        self.first = self.first.into_iter().chain(other.first).min();
        self.fits.join(other.fits);
        self
    }

    /// A remark when the user's own pattern of names fits no name at all.
    pub(super) fn unfitting_pattern(&self, rules: &Rules) -> Option<String> {
        let pattern = rules.params.ingest.name_pattern.as_ref().filter(|_| self.own_names == 0)?;
        let (_, first) = self.first.as_ref()?;
        Some(format!("ingest.name_pattern: `{pattern}` fits none of {} names, such as that of {first}", self.recordings))
    }

    /// The same for the same files at other positions: `to` gives the new one.
    fn moved(mut self, to: impl Fn(u32) -> Option<u32>) -> Option<Self> {
        for first in [&mut self.first_rejected, &mut self.first].into_iter().flatten() {
            first.0 = to(first.0)?;
        }
        Some(self)
    }
}

impl Looked {
    /// Makes the rows of a piece's files and keeps what their units depend on. `beside` is what headers of other pieces show of the
    /// clock of names.
    pub(super) fn of(probed: Probed, pending: Pending, rules: &Rules, beside: &Beside) -> Result<Self, IngestError> {
        let own = Shown::of(probed.iter().map(|(_, file, probe)| (file.path.as_str(), probe)));
        let mut beside = beside.clone();
        beside.folder.join(&own);
        let mut looked = Self { entries: Vec::with_capacity(probed.len()), pending, own, ..Self::default() };
        for (position, file, probe) in probed {
            let recording = row(&file, &probe, rules, &beside)?;
            looked.tally.add(position, &recording);
            let day = looked.day(recording.day());
            looked.entries.push(Entry::of(position, day, &recording));
            if probe == Probe::unreadable() {
                looked.unreadable.push(file);
            }
        }
        looked.beside = beside;
        Ok(looked)
    }

    /// The number of a day. Neighbours in a listing mostly share it.
    fn day(&mut self, day: Day) -> u32 {
        let known = self.days.iter().rposition(|known| *known == day);
        let number = known.unwrap_or_else(|| {
            self.days.push(day);
            self.days.len() - 1
        });
        u32::try_from(number).expect("a piece has some thousand files")
    }

    /// The stored summary of a piece; `None` where it was made from another listing or by other rules.
    pub(super) fn recall(cx: &ScanContext<'_>, piece: &Piece, rules: &str) -> Option<Self> {
        let summary = cx.cached(&piece.name.summary())?;
        // Rows are written from the results of reading, so a summary without them is of no use.
        let memory_bytes = cx.cached_bytes(&piece.name.memory())?;
        Self::decode(&summary, piece, &Basis { listing: basis_hash(piece, rules), memory_bytes })
    }

    /// Stores the summary of a piece, if no file was left out of it.
    pub(super) fn remember(&self, cx: &ScanContext<'_>, piece: &Piece, rules: &str) -> Result<(), WorkError> {
        let is_whole = self.unreadable.is_empty() && self.pending == Pending::default();
        if let Some(memory_bytes) = cx.cached_bytes(&piece.name.memory()).filter(|_| is_whole) {
            let basis = Basis { listing: basis_hash(piece, rules), memory_bytes };
            cx.cache(&piece.name.summary(), &self.encode(piece, basis)?)?;
        }
        Ok(())
    }

    /// A hash of all that follows; a line of JSON; the records of the recordings in the order of the piece's files.
    fn encode(&self, piece: &Piece, basis: Basis) -> Result<Vec<u8>, WorkError> {
        let positions = piece.files.positions();
        let index = |position: u32| positions.binary_search(&position).ok().and_then(|i| u32::try_from(i).ok());
        let tally = self.tally.clone().moved(index).ok_or("a recording is not of its piece")?;
        let (own, beside) = (self.own.clone(), self.beside.clone());
        let mut told = serde_json::to_vec(&Head { basis, days: self.days.clone(), tally, own, beside })?;
        told.push(b'\n');
        told.extend(self.entries.iter().flat_map(Entry::record));
        Ok([hash_bytes(&told).as_bytes(), &told].concat())
    }

    /// `None` when the summary is of other files, or damaged.
    fn decode(bytes: &[u8], piece: &Piece, basis: &Basis) -> Option<Self> {
        let (hash, told) = bytes.split_at_checked(HASH)?;
        let end = told.iter().position(|byte| *byte == b'\n')?;
        let (head, records) = (&told[..end], &told[end + 1..]);
        let head: Head = serde_json::from_slice(head).ok()?;
        let positions = piece.files.positions();
        let fits = head.basis == *basis && records.len() == positions.len() * RECORD && hash == hash_bytes(told).as_bytes();
        if !fits {
            return None;
        }
        let mut entries = Vec::with_capacity(positions.len());
        for (record, position) in records.chunks_exact(RECORD).zip(&positions) {
            entries.push(Entry::from_record(record, *position)?);
        }
        let position = |index: u32| positions.get(index as usize).copied();
        Some(Self {
            entries,
            days: head.days,
            tally: head.tally.moved(position)?,
            own: head.own,
            beside: head.beside,
            ..Self::default()
        })
    }
}

/// What a summary was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Basis {
    /// A hash of the files as they are listed, and of the rules.
    listing: String,
    /// Size of the stored results of reading, bytes.
    memory_bytes: u64,
}

/// The first line of a summary.
#[derive(Serialize, Deserialize)]
struct Head {
    basis: Basis,
    days: Vec<Day>,
    /// Its positions are those within the piece, because positions in the listing change with other folders.
    tally: Tally,
    own: Shown,
    beside: Beside,
}

fn basis_hash(piece: &Piece, rules: &str) -> String {
    let mut text = format!("{FORMAT} {rules}\n").into_bytes();
    for file in piece.files.iter() {
        text.extend(file.prefix.as_bytes());
        text.extend(file.name.as_bytes());
        text.push(0);
        // Writing to a Vec does not fail.
        let _ = write!(text, "{}\0", file.version);
        text.extend(file.bytes.to_le_bytes());
        text.push(match file.state {
            EntryState::File => 0,
            EntryState::NotUtf8 => 1,
            EntryState::DanglingLink => 2,
            EntryState::LostLink => 3,
        });
    }
    hash_bytes(&text)
}

impl Entry {
    pub(super) fn rank(&self) -> Rank {
        (self.assumed, self.name_chars, self.position)
    }

    fn of(position: u32, day: u32, recording: &Recording) -> Self {
        let hash = |digits: &str| u128::from_str_radix(digits, 16).ok().map(u128::to_le_bytes);
        let row = serde_json::to_vec(recording).expect("a row is JSON");
        Self {
            id: number(&recording.path),
            position,
            day,
            start_us: recording.clock_us(),
            duration_s: recording.duration_s().unwrap_or(0.0) as f32,
            row: hash(&hash_bytes(&row)).unwrap_or_default(),
            // Empty files all have the same content, and an unreadable one has none.
            content: hash(&recording.content_hash).filter(|_| recording.file_bytes > 0),
            mark: number(&recording.mark()),
            tails: recording.tails().map(|tail| number(&tail)),
            name_chars: u16::try_from(stem(&recording.path).chars().count()).unwrap_or(u16::MAX),
            assumed: recording.is_assumed(),
        }
    }

    fn record(&self) -> [u8; RECORD] {
        let mut record = [0; RECORD];
        let mut rest = &mut record[..];
        for part in [
            &self.id.to_le_bytes()[..],
            &self.day.to_le_bytes(),
            &self.start_us.unwrap_or(NO_START).to_le_bytes(),
            &self.duration_s.to_le_bytes(),
            &self.row,
            &[u8::from(self.content.is_some())],
            &self.content.unwrap_or_default(),
            &self.mark.to_le_bytes(),
            &self.tails[0].to_le_bytes(),
            &self.tails[1].to_le_bytes(),
            &self.name_chars.to_le_bytes(),
            &[u8::from(self.assumed)],
        ] {
            let (own, others) = rest.split_at_mut(part.len());
            own.copy_from_slice(part);
            rest = others;
        }
        record
    }

    fn from_record(mut record: &[u8], position: u32) -> Option<Self> {
        let record = &mut record;
        Some(Self {
            position,
            id: u64::from_le_bytes(take(record)?),
            day: u32::from_le_bytes(take(record)?),
            start_us: Some(i64::from_le_bytes(take(record)?)).filter(|start| *start != NO_START),
            duration_s: f32::from_le_bytes(take(record)?),
            row: take(record)?,
            content: {
                let [is_there] = take(record)?;
                Some(take(record)?).filter(|_| is_there == 1)
            },
            mark: u64::from_le_bytes(take(record)?),
            tails: [u64::from_le_bytes(take(record)?), u64::from_le_bytes(take(record)?)],
            name_chars: u16::from_le_bytes(take(record)?),
            assumed: u8::from_le_bytes(take(record)?) == 1,
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::ingest::listing::Listing;
    use crate::ingest::pieces::cut;
    use proptest::prelude::*;

    fn listed(path: &str) -> ListedFile {
        ListedFile { path: path.to_owned(), bytes: 1, version: "v".into(), state: EntryState::File }
    }

    fn piece(paths: &[&str], first: u32) -> Piece {
        piece_of(paths.iter().map(|path| listed(path)).collect(), first)
    }

    /// A piece behind so many other files.
    fn piece_of(files: Vec<ListedFile>, first: u32) -> Piece {
        let before = (0..first).map(|number| listed(&format!("0/{number:03}.wav")));
        let Ok(listing) = Listing::of(before.chain(files).map(Ok::<_, Infallible>));
        cut(listing).pop().unwrap()
    }

    fn looked(first: u32) -> Looked {
        let entry = |i: u32, start_us, content| Entry {
            id: u64::MAX - 1,
            position: first + i,
            day: i,
            start_us,
            duration_s: 59.5,
            row: [7; 16],
            content,
            mark: 3,
            tails: [0, 0],
            name_chars: 9,
            assumed: i == 1,
        };
        Looked {
            days: vec![("A".into(), None), ("B \"é\"\n".into(), Some(jiff::civil::date(2020, 3, 1)))],
            entries: vec![entry(0, None, None), entry(1, Some(-5), Some([u8::MAX; 16]))],
            tally: Tally {
                recordings: 2,
                rejected: 1,
                first_rejected: Some((first + 1, "x".into())),
                first: Some((first, "y".into())),
                ..Tally::default()
            },
            own: Shown::default(),
            beside: Beside { folder: Shown::at(&[-3 * 3600, 0]), sites: [("A".into(), Shown::at(&[3600]))].into() },
            ..Looked::default()
        }
    }

    fn basis(piece: &Piece, rules: &str) -> Basis {
        Basis { listing: basis_hash(piece, rules), memory_bytes: 9 }
    }

    #[test]
    fn a_summary_comes_back_as_it_was_wherever_the_piece_stands_in_the_listing() {
        let before = piece(&["a/1.wav", "a/2.wav"], 3);
        let bytes = looked(3).encode(&before, basis(&before, "r")).unwrap();
        let now = piece(&["a/1.wav", "a/2.wav"], 70);
        assert_eq!(Looked::decode(&bytes, &now, &basis(&now, "r")), Some(looked(70)));
    }

    #[test]
    fn a_summary_of_anything_else_is_not_taken() {
        let before = piece(&["a/1.wav", "a/2.wav"], 0);
        let bytes = looked(0).encode(&before, basis(&before, "r")).unwrap();
        let changes: [fn(&mut ListedFile); 4] = [
            |file| file.path = "a/3.wav".into(),
            |file| file.bytes = 9,
            |file| file.version = "w".into(),
            |file| file.state = EntryState::NotUtf8,
        ];
        for change in changes {
            let mut files: Vec<ListedFile> = before.files.listed().into_iter().map(|(_, file)| file).collect();
            change(&mut files[1]);
            let now = piece_of(files, 0);
            assert_eq!(Looked::decode(&bytes, &now, &basis(&now, "r")), None);
        }
        for other in [piece(&["a/1.wav"], 0), piece(&["a/1.wav", "a/2.wav", "a/3.wav"], 0)] {
            assert_eq!(Looked::decode(&bytes, &other, &basis(&other, "r")), None);
        }
        assert_eq!(Looked::decode(&bytes, &before, &basis(&before, "s")), None, "other rules");
        assert_eq!(Looked::decode(&bytes, &before, &Basis { memory_bytes: 8, ..basis(&before, "r") }), None, "another memory");
    }

    proptest! {
        #[test]
        fn a_damaged_summary_is_not_taken(at in any::<prop::sample::Index>(), cut in any::<bool>(), bit in 0..8_u8) {
            let piece = piece(&["a/1.wav", "a/2.wav"], 0);
            let bytes = looked(0).encode(&piece, basis(&piece, "r")).unwrap();
            let at = at.index(bytes.len());
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            if cut {
                damaged.truncate(at);
            }
            let found = Looked::decode(&damaged, &piece, &basis(&piece, "r"));
            prop_assert_eq!(found, None);
        }
    }
}
