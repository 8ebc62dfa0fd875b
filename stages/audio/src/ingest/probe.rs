//! What files hold: each is read in full once, and not again as long as the listing shows the same file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chorus_engine::{EngineError, Exact, Progress, ScanContext, WorkError, locked};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::list::Listed;
use super::pieces::{self, Memory, Piece};
use crate::container;
use crate::error::{AudioError, RejectCode};
use crate::headers::Header;

/// A run that is killed while it reads a large piece loses at most this much of the reading.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// What reading a file found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Probe {
    pub(super) content_hash: String,
    pub(super) found: Found,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Found {
    Sound(Sound),
    Rejected { code: String, detail: String },
}

/// Facts and levels of a recording that can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sound {
    pub(super) codec: String,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
    pub(super) bits_per_sample: u16,
    pub(super) frames: u64,
    pub(super) duration_s: Exact,
    pub(super) level_dbfs: Option<Exact>,
    pub(super) peak_dbfs: Option<Exact>,
    pub(super) clipped_fraction: Exact,
    pub(super) dc_offset: Exact,
    /// Channels without any sound, as `1,3`.
    pub(super) dead_channels: Option<String>,
    /// Code, sentence and seconds lost, where they are known.
    pub(super) repair: Option<(String, String, Option<Exact>)>,
    pub(super) header: Box<Header>,
    /// By how much the rate is above the one that the file itself states.
    pub(super) time_expansion: Exact,
}

impl Probe {
    pub(super) fn rejected(code: &str, detail: &str) -> Self {
        Self { content_hash: String::new(), found: Found::Rejected { code: code.to_owned(), detail: detail.to_owned() } }
    }

    /// That of a file which the system does not let be read. It is not remembered.
    pub(super) fn unreadable() -> Self {
        Self::rejected(RejectCode::Unreadable.as_str(), "the system does not let it be read; check its permissions and the disk")
    }

    /// That of a file which cannot be named in a table, nor opened by such a name.
    fn nameless() -> Self {
        Self::rejected(
            RejectCode::NameNotUtf8.as_str(),
            "the name of the file or of one of its folders is not UTF-8 (bytes that are none are shown as \\x and two digits); rename it",
        )
    }
}

/// Files that were seen and not looked into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) new: usize,
    pub(super) changed: usize,
}

impl Pending {
    pub(super) fn in_words(self) -> Option<String> {
        let Self { new, changed } = self;
        (new + changed > 0).then(|| format!("{new} files are new and {changed} may have changed since the last run"))
    }
}

/// A piece's files, each with its position and with what it holds.
pub(super) type Probed = Vec<(u32, Listed, Probe)>;

/// Looks at a piece without reading: what is new is left out, and what changed stands as it was.
pub(super) fn remembered(cx: &ScanContext<'_>, piece: &Piece) -> (Probed, Pending) {
    let mut memory = pieces::recall(cx, &piece.name);
    let (mut probed, mut pending) = (Vec::new(), Pending::default());
    for (position, file) in &piece.files {
        match memory.remove(&file.path) {
            Some((before, probe)) => {
                pending.changed += usize::from(before != *file);
                probed.push((*position, file.clone(), probe));
            }
            None => pending.new += 1,
        }
    }
    (probed, pending)
}

/// How far the reading of an archive has come.
pub(super) struct Reading<'a> {
    progress: &'a Progress,
    done: AtomicU64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(progress: &'a Progress) -> Self {
        Self { progress, done: AtomicU64::new(0) }
    }

    pub(super) fn add(&self, files: usize) {
        let done = self.done.fetch_add(files as u64, Ordering::Relaxed) + files as u64;
        self.progress.done(done, "");
    }
}

/// What the files of a piece hold. Reads those that are not remembered, several at once, and remembers them. `None` when another process
/// is reading this piece and `wait` is false.
pub(super) fn read_piece(
    cx: &ScanContext<'_>,
    archive: &Path,
    piece: &Piece,
    reading: &Reading<'_>,
    wait: bool,
) -> Result<Option<Probed>, WorkError> {
    let mut memory = pieces::recall(cx, &piece.name);
    let mut claim = None;
    if !knows_all(&memory, piece) {
        let work = piece.name.to_string();
        claim = if wait { Some(cx.wait_for_claim(&work)?) } else { cx.claim(&work)? };
        if claim.is_none() {
            return Ok(None);
        }
        // Whoever had it before may have read it all.
        memory = pieces::recall(cx, &piece.name);
    }
    let unknown: Vec<&Listed> = piece.files.iter().map(|(_, file)| file).filter(|file| !knows(&memory, file)).collect();
    reading.add(piece.files.len() - unknown.len());
    let fresh = read_files(cx, archive, piece, &memory, &unknown, reading)?;
    if !unknown.is_empty() || memory.len() != piece.files.len() {
        save(cx, piece, &memory, &fresh)?;
    }
    drop(claim);
    let probe = |file: &Listed| {
        let known = knows(&memory, file).then(|| memory[&file.path].1.clone());
        known.or_else(|| fresh.get(&file.path).cloned()).unwrap_or_else(Probe::unreadable)
    };
    Ok(Some(piece.files.iter().map(|(position, file)| (*position, file.clone(), probe(file))).collect()))
}

fn knows(memory: &Memory, file: &Listed) -> bool {
    memory.get(&file.path).is_some_and(|(before, _)| before == file)
}

fn knows_all(memory: &Memory, piece: &Piece) -> bool {
    piece.files.iter().all(|(_, file)| knows(memory, file))
}

fn read_files(
    cx: &ScanContext<'_>,
    archive: &Path,
    piece: &Piece,
    memory: &Memory,
    unknown: &[&Listed],
    reading: &Reading<'_>,
) -> Result<BTreeMap<String, Probe>, WorkError> {
    let fresh: Mutex<BTreeMap<String, Probe>> = Mutex::default();
    let saved = Mutex::new(Instant::now());
    unknown.par_iter().try_for_each(|file| {
        if cx.stopping() {
            return Err(WorkError::from(EngineError::Stopped));
        }
        let probe = if file.is_named_in_utf8() { read(&archive.join(&file.path)) } else { Some(Probe::nameless()) };
        if let Some(probe) = probe {
            locked(&fresh).insert(file.path.clone(), probe);
        }
        reading.add(1);
        if let Ok(mut saved) = saved.try_lock()
            && saved.elapsed() > SAVE_EVERY
        {
            save(cx, piece, memory, &locked(&fresh))?;
            *saved = Instant::now();
        }
        Ok(())
    })?;
    Ok(fresh.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn save(cx: &ScanContext<'_>, piece: &Piece, memory: &Memory, fresh: &BTreeMap<String, Probe>) -> Result<(), WorkError> {
    let probe = |file: &Listed| fresh.get(&file.path).or_else(|| memory.get(&file.path).filter(|(b, _)| b == file).map(|m| &m.1));
    let known = piece.files.iter().filter_map(|(_, file)| Some((file, probe(file)?)));
    pieces::remember(cx, &piece.name, known)
}

/// Reads a file; `None` when the system does not let it, which is not remembered.
fn read(path: &Path) -> Option<Probe> {
    let content_hash = {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path).ok()?).ok()?;
        hasher.finalize().to_hex()[..32].to_owned()
    };
    let found = match container::measure(path) {
        Ok((facts, levels)) => Found::Sound(Sound {
            duration_s: Exact(facts.duration_s()),
            codec: facts.codec,
            sample_rate_hz: facts.sample_rate_hz,
            channels: facts.channels,
            bits_per_sample: facts.bits_per_sample,
            frames: facts.frames,
            level_dbfs: levels.level_dbfs.map(Exact),
            peak_dbfs: levels.peak_dbfs.map(Exact),
            clipped_fraction: Exact(levels.clipped_fraction),
            dc_offset: Exact(levels.dc_offset),
            time_expansion: Exact(facts.time_expansion),
            header: facts.header,
            dead_channels: container::channels::listed(&levels.dead_channels),
            repair: facts.repair.map(|r| (r.code.to_string(), r.detail, r.lost_s.map(Exact))),
        }),
        Err(AudioError::Rejected { code, detail, .. }) => Found::Rejected { code: code.to_string(), detail },
        Err(_) => return None,
    };
    Some(Probe { content_hash, found })
}
