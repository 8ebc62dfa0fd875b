//! The work of stage `embed`: a row of the table `embeddings` for each window of the run.
//!
//! Short recordings are in work side by side, long ones alone; either way all threads are in the backbone. Batches hold windows of one
//! recording and follow from its windows alone, so that neither threads nor other recordings change a value.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::FixedSizeBinaryBuilder;
use chorus_audio::extract::{Job, jobs};
use chorus_engine::graph::{BACKBONE, CONTRACT};
use chorus_engine::{EngineError, Scan, ScanContext, TableSink, Unit, UnitContext, Work, WorkError};
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::backbone::Runtime;
use crate::opened::Opened;
use crate::recording::{Source, embed};
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
        let embed_one = |job: &Job, each: &mut dyn FnMut(&[f32]) -> Result<(), WorkError>| {
            let (frames, rate_hz) = *facts.get(job.path.as_str()).ok_or("segments name a recording that recordings lacks")?;
            let Job { path, channels, start_frames, .. } = job;
            let source = Source { path, channels, segments: start_frames, segment_s, frames, rate_hz };
            embed(opened, &settings, archive, source, &|| cx.stopping(), each).map_err(|error| named(&error, path))
        };
        let mut rows = Rows { cx, model_id: opened.id(), sink: None };
        for group in groups(&jobs) {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            match group {
                [long] => {
                    let mut pending = Pending::default();
                    embed_one(long, &mut |embedding| {
                        pending.add(embedding);
                        if pending.rows == WINDOWS_IN_FLIGHT { rows.write(long, &mut pending) } else { Ok(()) }
                    })?;
                    rows.write(long, &mut pending)?;
                }
                several => {
                    let made: Result<Vec<Pending>, WorkError> = several
                        .par_iter()
                        .map(|job| {
                            let mut pending = Pending::default();
                            embed_one(job, &mut |embedding| {
                                pending.add(embedding);
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
        open(&self.0, &path, &contract, &cx.value::<String>("device")?, threads, cx.settings::<EmbedSettings>()?.memory_gib)
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
    limit_memory(memory_gib);
    Ok(Opened::open(runtime, path, contract, device, threads)?)
}

/// Bounds the memory of this process, so that a hostile backbone cannot take the machine's.
fn limit_memory(gib: f64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let bytes = (gib * f64::from(1u32 << 30)) as u64;
    let Rlimit { maximum, .. } = getrlimit(Resource::Data);
    // A limit that cannot be set leaves the process as it was; the system's own still holds.
    let _ = setrlimit(Resource::Data, Rlimit { current: Some(maximum.map_or(bytes, |most| most.min(bytes))), maximum });
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

/// Embeddings that wait to be written.
#[derive(Default)]
struct Pending {
    rows: usize,
    bytes: Vec<u8>,
    /// Values of an embedding.
    width: usize,
    /// Rows of the recording that were written before.
    written: usize,
}

impl Pending {
    fn add(&mut self, embedding: &[f32]) {
        let mut halves = vec![f16::ZERO; embedding.len()];
        halves.convert_from_f32_slice(embedding);
        self.bytes.extend(halves.iter().flat_map(|value| value.to_le_bytes()));
        self.width = embedding.len();
        self.rows += 1;
    }
}

/// The table on its way. It is begun with the first embedding, which says how long they are.
struct Rows<'a> {
    cx: &'a UnitContext<'a>,
    model_id: &'a str,
    sink: Option<TableSink<'a>>,
}

impl Rows<'_> {
    fn write(&mut self, job: &Job, pending: &mut Pending) -> Result<(), WorkError> {
        let Pending { rows, width, written, .. } = *pending;
        if rows == 0 {
            return Ok(());
        }
        if self.sink.is_none() {
            self.sink = Some(self.cx.sink("embeddings", &[width])?);
        }
        let sink = self.sink.as_mut().expect("it was just begun");
        let mut values = FixedSizeBinaryBuilder::with_capacity(rows, i32::try_from(2 * width)?);
        for value in pending.bytes.chunks_exact(2 * width) {
            values.append_value(value)?;
        }
        let ids = &job.segment_ids[written..written + rows];
        let starts = &job.start_s[written..written + rows];
        let batch = sink
            .builder()
            .column("segment_id", ids)
            .column("recording_id", ids.iter().map(|_| &job.recording_id))
            .column("start_s", starts.iter().copied())
            .array("embedding", Arc::new(values.finish()))
            .column("model_id", ids.iter().map(|_| self.model_id))
            .build()?;
        sink.write(&batch)?;
        *pending = Pending { written: written + rows, ..Pending::default() };
        Ok(())
    }

    fn finish(self) -> Result<(), WorkError> {
        let sink = match self.sink {
            Some(sink) => sink,
            // A unit without windows has a table without rows.
            None => self.cx.sink("embeddings", &[1])?,
        };
        Ok(sink.finish()?)
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
