//! Reads files. Each file is read once, and again only when the listing shows that it may have changed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chorus_archive::{Archive, EntryState};
use chorus_engine::{EngineError, Progress, ScanContext, WorkError, counted, locked};
use rayon::prelude::*;

use super::found::{Found, Probe, Sound};
use super::listed::ListedFile;
use super::pieces::{self, Memory, Piece};
use crate::container::{self, Reader};
use crate::error::AudioError;

/// A run that is killed while it reads a large piece loses at most this much of the reading.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Files that were seen and not looked into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) new: usize,
    pub(super) changed: usize,
}

impl Pending {
    /// How many there are.
    pub(super) fn files(self) -> usize {
        self.new + self.changed
    }

    /// A sentence for people; `None` where there are no such files.
    pub(super) fn in_words(self) -> Option<String> {
        const SINCE: &str = "since the last run";
        let Self { new, changed } = self;
        let are_new = format!("{} {} new", counted(new, "file"), if new == 1 { "is" } else { "are" });
        match (new, changed) {
            (0, 0) => None,
            (0, _) => Some(format!("{} may have changed {SINCE}", counted(changed, "file"))),
            (_, 0) => Some(format!("{are_new} {SINCE}")),
            _ => Some(format!("{are_new} and {changed} may have changed {SINCE}")),
        }
    }
}

/// A piece's files, each with its position and with what it holds.
pub(super) type Probed = Vec<(u32, ListedFile, Probe)>;

/// The results of a piece without reading any file. New files are left out, and changed files have their former results.
pub(super) fn remembered(cx: &ScanContext<'_>, piece: &Piece) -> (Probed, Pending) {
    let mut memory = pieces::recall(cx, &piece.name);
    let (mut probed, mut pending) = (Vec::new(), Pending::default());
    for (position, file) in piece.files.listed() {
        match memory.remove(&file.path) {
            Some((before, probe)) => {
                pending.changed += usize::from(before != file);
                probed.push((position, file, probe));
            }
            None => pending.new += 1,
        }
    }
    (probed, pending)
}

/// The results of a piece that was read, once more from the store. Files that could not be read are not stored.
pub(super) fn stored(cx: &ScanContext<'_>, piece: &Piece) -> Probed {
    let mut memory = pieces::recall(cx, &piece.name);
    let probed = |(position, file): (u32, ListedFile)| {
        let known = memory.remove(&file.path).filter(|(before, _)| *before == file);
        (position, file, known.map_or_else(Probe::unreadable, |(_, probe)| probe))
    };
    piece.files.listed().into_iter().map(probed).collect()
}

/// How far the reading of an archive has come.
pub(super) struct Reading<'a> {
    /// Nothing is told where nothing is read.
    progress: Option<&'a Progress>,
    done: AtomicU64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(progress: Option<&'a Progress>) -> Self {
        Self { progress, done: AtomicU64::new(0) }
    }

    pub(super) fn add(&self, files: usize) {
        let done = self.done.fetch_add(files as u64, Ordering::Relaxed) + files as u64;
        self.progress.iter().for_each(|progress| progress.done(done, ""));
    }
}

/// The results of a piece. Files without a stored result are read, several at once, and their results are stored. `None`
/// when another process is reading this piece and `wait` is false.
pub(super) fn read_piece(
    cx: &ScanContext<'_>,
    archive: &dyn Archive,
    piece: &Piece,
    reading: &Reading<'_>,
    wait: bool,
) -> Result<Option<Probed>, WorkError> {
    let (mut memory, files) = (pieces::recall(cx, &piece.name), piece.files.listed());
    let mut claim = None;
    if !files.iter().all(|(_, file)| knows(&memory, file)) {
        let work = piece.name.to_string();
        claim = if wait { Some(cx.wait_for_claim(&work)?) } else { cx.claim(&work)? };
        if claim.is_none() {
            return Ok(None);
        }
        // The process that held the claim before may have read all files.
        memory = pieces::recall(cx, &piece.name);
    }
    let unknown: Vec<&ListedFile> = files.iter().map(|(_, file)| file).filter(|file| !knows(&memory, file)).collect();
    reading.add(files.len() - unknown.len());
    let saving = Saving { cx, piece, files: &files, memory: &memory };
    let fresh = read_files(archive, &saving, &unknown, reading)?;
    if !unknown.is_empty() || memory.len() != files.len() {
        saving.save(&fresh)?;
    }
    drop(claim);
    let probe = |file: &ListedFile| {
        let known = knows(&memory, file).then(|| memory[&file.path].1.clone());
        known.or_else(|| fresh.get(&file.path).cloned()).unwrap_or_else(Probe::unreadable)
    };
    let probes: Vec<Probe> = files.iter().map(|(_, file)| probe(file)).collect();
    Ok(Some(files.into_iter().zip(probes).map(|((position, file), probe)| (position, file, probe)).collect()))
}

fn knows(memory: &Memory, file: &ListedFile) -> bool {
    memory.get(&file.path).is_some_and(|(before, _)| before == file)
}

/// What is stored of a piece: what was known of its files, and what was read since.
struct Saving<'a> {
    cx: &'a ScanContext<'a>,
    piece: &'a Piece,
    files: &'a [(u32, ListedFile)],
    memory: &'a Memory,
}

impl Saving<'_> {
    fn save(&self, fresh: &BTreeMap<String, Probe>) -> Result<(), WorkError> {
        let known = |file: &ListedFile| self.memory.get(&file.path).filter(|(before, _)| before == file).map(|(_, probe)| probe);
        let probe = |file: &ListedFile| fresh.get(&file.path).or_else(|| known(file));
        let all = self.files.iter().filter_map(|(_, file)| Some((file, probe(file)?)));
        pieces::remember(self.cx, &self.piece.name, all)
    }
}

fn read_files(
    archive: &dyn Archive,
    saving: &Saving<'_>,
    unknown: &[&ListedFile],
    reading: &Reading<'_>,
) -> Result<BTreeMap<String, Probe>, WorkError> {
    let fresh: Mutex<BTreeMap<String, Probe>> = Mutex::default();
    let saved = Mutex::new(Instant::now());
    unknown.par_iter().try_for_each(|file| {
        if saving.cx.stopping() {
            return Err(WorkError::from(EngineError::Stopped));
        }
        if let Some(probe) = look_into(archive, file) {
            locked(&fresh).insert(file.path.clone(), probe);
        }
        reading.add(1);
        if let Ok(mut saved) = saved.try_lock()
            && saved.elapsed() > SAVE_EVERY
        {
            saving.save(&locked(&fresh))?;
            *saved = Instant::now();
        }
        Ok(())
    })?;
    Ok(fresh.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// What a listed file holds; `None` when it cannot be read, which is not remembered.
fn look_into(archive: &dyn Archive, file: &ListedFile) -> Option<Probe> {
    match file.state {
        EntryState::NotUtf8 => Some(Probe::nameless()),
        EntryState::DanglingLink | EntryState::LostLink => Some(Probe::missing()),
        EntryState::File => read(archive, &file.path),
    }
}

/// Reads a file; `None` when it cannot be read.
fn read(archive: &dyn Archive, path: &str) -> Option<Probe> {
    let (file, content_hash) = container::hashed(archive.open(path).ok()?);
    let measured = Reader::new(file, archive.location(path)).and_then(container::measure);
    let found = match measured {
        Ok((facts, levels)) => Found::Sound(Sound::new(facts, &levels)),
        Err(AudioError::Rejected { code, detail, .. }) => Found::Rejected { code: code.to_string(), detail },
        Err(_) => return None,
    };
    Some(Probe { content_hash: content_hash.finish().ok()?, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_archive::{ArchiveError, Entries, Kind, Local, ReadSeek, Selection};
    use std::io::{self, Read, Seek, SeekFrom};
    use std::sync::Arc;

    /// An archive that counts the bytes that are read of its files.
    #[derive(Debug)]
    struct Counting {
        archive: Local,
        read: Arc<AtomicU64>,
    }

    struct CountingFile {
        file: Box<dyn ReadSeek>,
        read: Arc<AtomicU64>,
    }

    impl Archive for Counting {
        fn name(&self) -> Option<String> {
            self.archive.name()
        }

        fn location(&self, path: &str) -> String {
            self.archive.location(path)
        }

        fn kind_of(&self, path: &str) -> Result<Option<Kind>, ArchiveError> {
            self.archive.kind_of(path)
        }

        fn list<'a>(&'a self, selection: Selection<'a>) -> Result<Entries<'a>, ArchiveError> {
            self.archive.list(selection)
        }

        fn open(&self, path: &str) -> Result<Box<dyn ReadSeek>, ArchiveError> {
            Ok(Box::new(CountingFile { file: self.archive.open(path)?, read: Arc::clone(&self.read) }))
        }
    }

    impl Read for CountingFile {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.file.read(buffer)?;
            self.read.fetch_add(read as u64, Ordering::Relaxed);
            Ok(read)
        }
    }

    impl Seek for CountingFile {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn files_that_were_not_looked_into_are_counted_in_the_singular_and_the_plural() {
        let words = |new, changed| Pending { new, changed }.in_words();
        assert_eq!(words(0, 0), None);
        for (new, changed, wanted) in [
            (1, 0, "1 file is new since the last run"),
            (2, 0, "2 files are new since the last run"),
            (0, 1, "1 file may have changed since the last run"),
            (1, 2, "1 file is new and 2 may have changed since the last run"),
        ] {
            assert_eq!(words(new, changed).as_deref(), Some(wanted));
        }
    }

    /// A WAV file of a minute with headers behind the samples, as AudioMoths and Song Meters write it.
    fn wav(data_size: Option<u32>) -> Vec<u8> {
        let samples: Vec<u8> = (0..60 * 16_000_u32).flat_map(|i| ((i * 37 % 60_000) as i16).to_le_bytes()).collect();
        let size = data_size.unwrap_or(samples.len() as u32).to_le_bytes();
        let fmt = b"fmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\x00\x7D\0\0\x02\0\x10\0";
        let list = [b"LIST\xE8\x03\0\0".as_slice(), &[b'x'; 1000]].concat();
        let guano = b"guan\x0A\0\0\0GUANO|Vers";
        let body = [b"WAVE".as_slice(), fmt, &list, b"data", &size, &samples, guano].concat();
        [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
    }

    #[test]
    fn every_byte_of_a_recording_is_read_once_but_for_headers_and_the_hash_is_that_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = vec![
            ("whole.wav".to_owned(), wav(None), true),
            ("unfinished.wav".to_owned(), wav(Some(0)), true),
            ("empty.wav".to_owned(), Vec::new(), false),
            ("text.wav".to_owned(), b"no sound at all\n".repeat(10_000), false),
            ("cut.wav".to_owned(), wav(None)[..30].to_vec(), false),
        ];
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/codecs");
        for name in ["tones.mp3", "tones.ogg", "tones.aiff", "tones.caf", "alac.caf", "aac.m4a", "flac.mp4", "adts.aac"] {
            files.push((name.to_owned(), std::fs::read(format!("{golden}/{name}")).unwrap(), true));
        }
        for (name, bytes, is_sound) in &files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            let archive = Counting { archive: Local::new(dir.path()), read: Arc::default() };
            let probe = read(&archive, name).unwrap();
            assert_eq!(probe.content_hash, blake3::hash(bytes).to_hex()[..32], "{name}");
            assert_eq!(matches!(probe.found, Found::Sound(_)), *is_sound, "{name}: {:?}", probe.found);
            // What is looked at ahead is read again in its turn: the tail of a WAV file, at most 128 KiB; an index;
            // tags at the end.
            let again = archive.read.load(Ordering::Relaxed) as i64 - bytes.len() as i64;
            assert!((0..160 * 1024).contains(&again), "{name}: {again} of {} bytes were read again", bytes.len());
            if name == "whole.wav" {
                assert!(again < 4096, "{again}");
            }
        }
    }
}
