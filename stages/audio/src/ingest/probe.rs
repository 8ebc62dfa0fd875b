//! What a file holds: found by reading it once, and remembered as long as the listing shows the same file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chorus_engine::{EngineError, Exact, ScanContext, WorkError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::list::Listed;
use crate::container;
use crate::error::{AudioError, RejectCode};

/// Name of the memory.
const CACHE: &str = "files.jsonl";
/// Raised when the readers read other files than before, or otherwise: what was remembered then is forgotten.
const READERS: u32 = 2;
/// A run that is killed while it reads a large archive loses at most this much of the reading.
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
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    readers: u32,
    file: Listed,
    probe: Probe,
}

/// The files with what they hold, and what was seen and not looked into.
pub(super) type Probed = (Vec<(Listed, Probe)>, Option<String>);

/// Reads what the memory does not hold. With `look_only` nothing is read; what is new or changed is told instead, and changed files
/// stand as they were.
pub(super) fn all(cx: &ScanContext<'_>, archive: &Path, files: Vec<Listed>) -> Result<Probed, WorkError> {
    let memory = recall(cx);
    let known = |file: &Listed| memory.get(&file.path).filter(|r| r.file == *file).map(|r| r.probe.clone());
    if cx.look_only {
        let new = files.iter().filter(|f| !memory.contains_key(&f.path)).count();
        let changed = files.iter().filter(|f| known(f).is_none()).count() - new;
        let pending =
            (new + changed > 0).then(|| format!("{new} files are new and {changed} may have changed since the last run"));
        let old = |f: Listed| memory.get(&f.path).map(|r| (f, r.probe.clone()));
        return Ok((files.into_iter().filter_map(old).collect(), pending));
    }
    let unknown: Vec<&Listed> = files.iter().filter(|f| known(f).is_none()).collect();
    let fresh: Mutex<BTreeMap<String, Probe>> = Mutex::default();
    if !unknown.is_empty() || memory.len() != files.len() {
        let progress = cx.console().progress("ingest: reading", unknown.len() as u64, "files");
        let (count, saved) = (AtomicU64::new(0), Mutex::new(Instant::now()));
        unknown.par_iter().try_for_each(|file| {
            if cx.stopping() {
                return Err(WorkError::from(EngineError::Stopped));
            }
            if let Some(probe) = read(&archive.join(&file.path)) {
                lock(&fresh).insert(file.path.clone(), probe);
            }
            progress.done(count.fetch_add(1, Ordering::Relaxed) + 1, "");
            if let Ok(mut saved) = saved.try_lock()
                && saved.elapsed() > SAVE_EVERY
            {
                remember(cx, &files, &known, &lock(&fresh))?;
                *saved = Instant::now();
            }
            Ok(())
        })?;
        remember(cx, &files, &known, &lock(&fresh))?;
    }
    let fresh = fresh.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let probed = files.into_iter().map(|file| {
        let probe = known(&file).or_else(|| fresh.get(&file.path).cloned());
        let unreadable = || Probe {
            content_hash: String::new(),
            found: Found::Rejected {
                code: RejectCode::Unreadable.to_string(),
                detail: "the system does not let it be read; check its permissions and the disk".into(),
            },
        };
        (file, probe.unwrap_or_else(unreadable))
    });
    Ok((probed.collect(), None))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn recall(cx: &ScanContext<'_>) -> BTreeMap<String, Remembered> {
    let bytes = cx.cached(CACHE).unwrap_or_default();
    let lines = bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Remembered>(line).ok());
    lines.filter(|r| r.readers == READERS).map(|r| (r.file.path.clone(), r)).collect()
}

fn remember(
    cx: &ScanContext<'_>,
    files: &[Listed],
    known: &impl Fn(&Listed) -> Option<Probe>,
    fresh: &BTreeMap<String, Probe>,
) -> Result<(), WorkError> {
    let mut bytes = Vec::new();
    for file in files {
        if let Some(probe) = known(file).or_else(|| fresh.get(&file.path).cloned()) {
            serde_json::to_writer(&mut bytes, &Remembered { readers: READERS, file: file.clone(), probe })?;
            bytes.push(b'\n');
        }
    }
    Ok(cx.cache(CACHE, &bytes)?)
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
            dead_channels: container::channels::listed(&levels.dead_channels),
            repair: facts.repair.map(|r| (r.code.to_string(), r.detail, r.lost_s.map(Exact))),
        }),
        Err(AudioError::Rejected { code, detail, .. }) => Found::Rejected { code: code.to_string(), detail },
        Err(_) => return None,
    };
    Some(Probe { content_hash, found })
}
