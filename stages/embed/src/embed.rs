//! The work of stage `embed`: a row of the table `embeddings` for each window of the run, and rows of `backbone_scores`.
//!
//! Short recordings are in work side by side, long ones alone; either way all threads are in the backbone. Batches hold windows of one
//! recording and follow from its windows alone, so that neither threads nor other recordings change a value.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::FixedSizeBinaryBuilder;
use chorus_audio::extract::{Job, jobs};
use chorus_engine::graph::{BACKBONE, BACKBONE_CLASSES, CONTRACT};
use chorus_engine::{EngineError, Scan, ScanContext, TableSink, Unit, UnitContext, Work, WorkError};
use chorus_platform::memory;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::backbone::Runtime;
use crate::opened::{Heard, Opened};
use crate::recording::{Source, hear};
use crate::settings::EmbedSettings;

/// Windows of recordings that are in work side by side; a recording with more is alone.
const WINDOWS_IN_FLIGHT: usize = 1024;

/// The stage, with the runtime that opens the backbone.
pub struct Embed<R>(pub R);

/// The backbone, opened with the first unit that is made; it serves all others.
#[derive(Default)]
pub struct Loaded(OnceLock<Result<Opened, String>>);

impl<R: Runtime> Work for Embed<R> {
    type Found = Loaded;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Loaded>, WorkError> {
        Ok(Scan::default())
    }

    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        let mut windows = 0;
        for partition in cx.partitions("segments")?.iter().filter(|p| units.contains(&&p.unit)) {
            windows += cx.open("segments", partition)?.rows() as u64;
        }
        // The length of an embedding is not known before the backbone is opened; those of birds have 1,024 to 1,536 values.
        Ok(windows * 2 * 1536)
    }

    fn run(&self, cx: &UnitContext<'_>, loaded: &Loaded) -> Result<(), WorkError> {
        let settings = *cx.settings::<EmbedSettings>()?;
        let opened = loaded.0.get_or_init(|| self.open(cx).map_err(|e| e.to_string()));
        let opened = opened.as_ref().map_err(String::clone)?;
        let jobs = jobs(cx, cx.value("archive.channel")?)?;
        let facts = facts(cx)?;
        let segment_s = cx.value("segment.window_s")?;
        let archive = cx.archive()?;
        let embed_one = |job: &Job, each: &mut dyn FnMut(&Heard) -> Result<(), WorkError>| {
            let (frames, rate_hz) = *facts.get(job.path.as_str()).ok_or("segments name a recording that recordings lacks")?;
            let Job { path, channels, start_frames, .. } = job;
            let source = Source { path, channels, segments: start_frames, segment_s, frames, rate_hz };
            hear(opened, &settings, archive, source, &|| cx.stopping(), each).map_err(|error| named(&error, path))
        };
        let scores = settings.min_score.map(|_| cx.sink("backbone_scores", &[])).transpose()?;
        let mut rows = Rows { cx, opened, sink: None, scores, has_map: settings.map, maps: None };
        for group in groups(&jobs) {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            match group {
                [long] => {
                    let mut pending = Pending::default();
                    embed_one(long, &mut |heard| {
                        pending.add(heard, settings.min_score);
                        if pending.rows == WINDOWS_IN_FLIGHT { rows.write(long, &mut pending) } else { Ok(()) }
                    })?;
                    rows.write(long, &mut pending)?;
                }
                several => {
                    let made: Result<Vec<Pending>, WorkError> = several
                        .par_iter()
                        .map(|job| {
                            let mut pending = Pending::default();
                            embed_one(job, &mut |heard| {
                                pending.add(heard, settings.min_score);
                                Ok(())
                            })?;
                            Ok(pending)
                        })
                        .collect();
                    for (job, mut pending) in several.iter().zip(made?) {
                        rows.write(job, &mut pending)?;
                    }
                }
            }
        }
        rows.finish()
    }
}

impl<R: Runtime> Embed<R> {
    fn open(&self, cx: &UnitContext<'_>) -> Result<Opened, WorkError> {
        let file = |key| -> Result<_, WorkError> { Ok(cx.file(key)?.ok_or_else(|| format!("{key} names no file"))?) };
        let (path, contract): (std::path::PathBuf, std::path::PathBuf) = (file(BACKBONE)?, file(CONTRACT)?);
        let threads = rayon::current_num_threads().max(1);
        let settings = cx.settings::<EmbedSettings>()?;
        let memory_gib = cx.budget().backbone_gib(settings.memory_gib);
        let opened = open(&self.0, &path, &contract, &cx.value::<String>("device")?, threads, memory_gib)?;
        let opened = if settings.map { opened.with_map()? } else { opened };
        if settings.min_score.is_none() {
            return Ok(opened);
        }
        let Some(classes) = cx.file(BACKBONE_CLASSES)? else {
            return Err(format!("embed.min_score asks for scores, and {BACKBONE_CLASSES} names no file of classes").into());
        };
        Ok(opened.with_classes(&classes)?)
    }
}

/// Opens a backbone that may take so much memory.
pub(crate) fn open(
    runtime: &dyn Runtime,
    path: &Path,
    contract: &Path,
    device: &str,
    threads: usize,
    memory_gib: f64,
) -> Result<Opened, WorkError> {
    // So that a hostile backbone cannot take the machine's.
    memory::limit((memory_gib * f64::from(1u32 << 30)) as u64);
    Ok(Opened::open(runtime, path, contract, device, threads)?)
}

/// An error with the recording that it is about, where it does not name it.
fn named(error: &WorkError, path: &str) -> WorkError {
    if let Some(EngineError::Stopped) = error.downcast_ref() {
        return EngineError::Stopped.into();
    }
    let text = chorus_engine::message(&**error);
    if text.contains(path) { text.into() } else { format!("{path}: {text}").into() }
}

/// Frames and rate of the unit's recordings, by path.
fn facts(cx: &UnitContext<'_>) -> Result<BTreeMap<String, (u64, u32)>, WorkError> {
    let recordings = cx.read("recordings", &["path", "frames", "sample_rate_hz"])?.ok_or("the unit has no recordings")?;
    let paths = recordings.texts("path")?.into_iter();
    let (frames, rates) = (recordings.u64("frames")?, recordings.u32("sample_rate_hz")?);
    let known = paths.zip(&frames).zip(&rates);
    Ok(known.filter_map(|((path, frames), rate)| Some((path?, (frames?, rate?)))).collect())
}

/// Recordings that are in work side by side, in order.
fn groups(jobs: &[Job]) -> impl Iterator<Item = &[Job]> {
    let mut rest = jobs;
    std::iter::from_fn(move || {
        let mut windows = 0;
        let most = rest.iter().take_while(|job| {
            windows += job.segment_ids.len();
            windows <= WINDOWS_IN_FLIGHT
        });
        let n = most.count().max(1).min(rest.len());
        let (group, others) = rest.split_at(n);
        rest = others;
        (!group.is_empty()).then_some(group)
    })
}

/// What waits to be written.
#[derive(Default)]
struct Pending {
    rows: usize,
    bytes: Vec<u8>,
    /// The maps' float16.
    maps: Vec<u8>,
    /// Positions of a map, and values of a position.
    map_shape: [usize; 2],
    /// Row, class and score, of those that are high enough.
    scores: Vec<(usize, usize, f32)>,
    /// Values of an embedding.
    width: usize,
    /// Rows of the recording that were written before.
    written: usize,
}

impl Pending {
    fn add(&mut self, heard: &Heard, min_score: Option<f32>) {
        add_halves(&heard.embedding, &mut self.bytes);
        self.width = heard.embedding.len();
        if let Some(positions) = heard.map.len().checked_div(heard.map_values) {
            add_halves(&heard.map, &mut self.maps);
            self.map_shape = [positions, heard.map_values];
        }
        let high = heard.scores.iter().enumerate().filter(|(_, score)| min_score.is_some_and(|least| **score >= least));
        self.scores.extend(high.map(|(class, &score)| (self.rows, class, score)));
        self.rows += 1;
    }
}

/// Adds numbers as little-endian float16.
fn add_halves(values: &[f32], bytes: &mut Vec<u8>) {
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(values);
    chorus_tables::add_halves(&halves, bytes);
}

/// The tables on their way. Those of embeddings and of maps are begun with the first one, which says how long they are.
struct Rows<'a> {
    cx: &'a UnitContext<'a>,
    opened: &'a Opened,
    sink: Option<TableSink<'a>>,
    scores: Option<TableSink<'a>>,
    has_map: bool,
    maps: Option<TableSink<'a>>,
}

impl Rows<'_> {
    fn write(&mut self, job: &Job, pending: &mut Pending) -> Result<(), WorkError> {
        let Pending { rows, width, written, map_shape, .. } = *pending;
        if rows == 0 {
            return Ok(());
        }
        if self.sink.is_none() {
            self.sink = Some(self.cx.sink("embeddings", &[width])?);
        }
        let ids = &job.segment_ids[written..written + rows];
        let starts = &job.start_s[written..written + rows];
        let by_window = |sink: &mut TableSink<'_>, column: &str, bytes: &[u8]| -> Result<(), WorkError> {
            let width = bytes.len() / rows;
            let mut values = FixedSizeBinaryBuilder::with_capacity(rows, i32::try_from(width)?);
            bytes.chunks_exact(width).try_for_each(|value| values.append_value(value))?;
            let batch = sink
                .builder()
                .column("segment_id", ids)
                .column("recording_id", ids.iter().map(|_| &job.recording_id))
                .column("start_s", starts.iter().copied())
                .array(column, Arc::new(values.finish()))
                .column("model_id", ids.iter().map(|_| self.opened.id()))
                .build()?;
            Ok(sink.write(&batch)?)
        };
        by_window(self.sink.as_mut().expect("it was just begun"), "embedding", &pending.bytes)?;
        if self.has_map {
            if self.maps.is_none() {
                self.maps = Some(self.cx.sink("embedding_maps", &map_shape)?);
            }
            by_window(self.maps.as_mut().expect("it was just begun"), "map", &pending.maps)?;
        }
        if let Some(sink) = &mut self.scores {
            let (scores, classes) = (&mut pending.scores, self.opened.classes());
            // Rows are in the order of the names, which that of the backbone's outputs need not be.
            scores.sort_by(|a, b| (a.0, &classes[a.1]).cmp(&(b.0, &classes[b.1])));
            let batch = sink
                .builder()
                .column("segment_id", scores.iter().map(|(row, ..)| &ids[*row]))
                .column("recording_id", scores.iter().map(|_| &job.recording_id))
                .column("start_s", scores.iter().map(|(row, ..)| starts[*row]))
                .column("class", scores.iter().map(|(_, class, _)| &classes[*class]))
                .column("score", scores.iter().map(|(.., score)| *score))
                .column("model_id", scores.iter().map(|_| self.opened.id()))
                .build()?;
            sink.write(&batch)?;
        }
        *pending = Pending { written: written + rows, ..Pending::default() };
        Ok(())
    }

    fn finish(self) -> Result<(), WorkError> {
        let sink = match self.sink {
            Some(sink) => sink,
            // A unit without windows has a table without rows.
            None => self.cx.sink("embeddings", &[1])?,
        };
        sink.finish()?;
        if self.has_map {
            self.maps.map_or_else(|| self.cx.sink("embedding_maps", &[1, 1]), Ok)?.finish()?;
        }
        Ok(self.scores.map_or(Ok(()), TableSink::finish)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_grouped_in_order_and_a_long_one_is_alone() {
        let job = |windows: usize| Job { segment_ids: vec![String::new(); windows], ..Job::default() };
        let jobs: Vec<Job> = [400, 600, 200, 5000, 1, 0].map(job).into();
        let sizes: Vec<Vec<usize>> = groups(&jobs).map(|g| g.iter().map(|job| job.segment_ids.len()).collect()).collect();
        assert_eq!(sizes, [vec![400, 600], vec![200], vec![5000], vec![1, 0]]);
        assert_eq!(groups(&[]).count(), 0);
    }
}
