//! From a recording to the log-mel spectrograms of its windows: what `featurize` writes and what `predict` reads
//! straight from audio are the same float16 values.

use std::collections::BTreeMap;

use chorus_archive::Archive;
use chorus_engine::{EngineError, UnitContext, WorkError};
use chorus_tables::add_halves;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::ahead::{Ended, Hand, ahead};
use crate::container::{self, channels};
use crate::dsp::logmel::{Earlier, LogMel, MelConfig};
use crate::dsp::windows::{Cut, for_each_window};
use crate::error::AudioError;

/// One recording and its windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Job {
    /// The recording.
    pub recording_id: String,
    /// Path relative to the archive.
    pub path: String,
    /// The channels that are mixed down, counted from 0.
    pub channels: Vec<usize>,
    /// The windows, in order.
    pub segment_ids: Vec<String>,
    /// Where they start, in frames of the recording.
    pub start_frames: Vec<u64>,
    /// Where they start, in seconds of the recording.
    pub start_s: Vec<f64>,
}

/// The unit's recordings with their windows, in the order of the table `segments`, and the channels that `choice`
/// makes of theirs. Reads `recordings` and `segments`.
///
/// # Errors
/// Those of reading the two tables.
pub fn jobs(cx: &UnitContext<'_>, choice: channels::Choice) -> Result<Vec<Job>, WorkError> {
    let columns = ["recording_id", "path", "channels", "dead_channels"];
    let recordings = cx.read("recordings", &columns)?.ok_or("the unit has no recordings")?;
    let segments =
        cx.read("segments", &["segment_id", "recording_id", "start_frame", "start_s"])?.ok_or("the unit has no segments")?;
    let (numbers, starts) = (recordings.u32("channels")?, segments.u64("start_frame")?);
    let starts = starts.iter().zip(segments.f64("start_s")?);
    let heard = numbers.iter().zip(recordings.utf8("dead_channels")?).map(|(number, dead)| {
        let number = u16::try_from(number.unwrap_or(1)).unwrap_or(u16::MAX);
        choice.of(number, &channels::numbers(dead))
    });
    let named = recordings.utf8("recording_id")?.iter().flatten().zip(recordings.utf8("path")?.iter().flatten());
    let known: BTreeMap<&str, (&str, Vec<usize>)> = named.zip(heard).map(|((id, path), heard)| (id, (path, heard))).collect();
    let mut jobs: Vec<Job> = Vec::new();
    let mut last = "";
    let columns = segments.utf8("segment_id")?.iter().zip(segments.utf8("recording_id")?).zip(starts);
    for ((segment, recording), start) in columns {
        let (Some(segment), Some(recording), (Some(start), Some(start_s))) = (segment, recording, start) else { continue };
        if recording != last {
            let (path, channels) =
                known.get(recording).ok_or_else(|| format!("segments name recording {recording}, which recordings lacks"))?;
            let (recording_id, path, channels) = (recording.to_owned(), (*path).to_owned(), channels.clone());
            jobs.push(Job { recording_id, path, channels, ..Job::default() });
            last = recording;
        }
        if let Some(job) = jobs.last_mut() {
            job.segment_ids.push(segment.to_owned());
            job.start_frames.push(start);
            job.start_s.push(start_s);
        }
    }
    Ok(jobs)
}

/// Hands the spectrograms of all windows to `consume`, in order, as `(segment_ids, bytes)` with [`Extractor::len`] little-endian
/// float16 a window.
///
/// Several recordings are in work at once while `consume` is busy with those before, or a part of a long one while it is busy with the part
/// before, but never more windows at a time than the run's memory allows
/// ([`Memory::windows_in_flight`](chorus_engine::Memory::windows_in_flight)): memory depends neither on the number of recordings, nor on their
/// length, nor on the size of a window.
///
/// # Errors
/// [`EngineError::Stopped`] when a stop was asked for, those of decoding, and those of `consume`.
pub fn for_each_group(
    cx: &UnitContext<'_>,
    extractor: &Extractor,
    jobs: &[Job],
    mut consume: impl FnMut(&[String], Vec<u8>) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let archive = cx.archive()?;
    let make = |group: Group<'_>| -> Result<Vec<Vec<u8>>, WorkError> {
        group.jobs.par_iter().map(|job| extractor.bytes(archive, job)).collect()
    };
    let most = cx.budget().windows_in_flight(2 * extractor.len(), rayon::current_num_threads());
    let groups = groups(jobs, most);
    let mut ready = groups.first().filter(|group| !group.is_long(most)).map(|&group| make(group));
    for (i, group) in groups.iter().enumerate() {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        let now = ready.take();
        rayon::in_place_scope(|scope| {
            if let Some(&next) = groups.get(i + 1).filter(|next| !next.is_long(most)) {
                let (make, ready) = (&make, &mut ready);
                scope.spawn(move |_| *ready = Some(make(next)));
            }
            match now {
                Some(made) => group.jobs.iter().zip(made?).try_for_each(|(job, bytes)| consume(&job.segment_ids, bytes)),
                None => extractor.stream(archive, &group.jobs[0], most, &mut consume),
            }
        })?;
    }
    Ok(())
}

/// Recordings that are worked on together: with at most so many windows, or a single longer one.
#[derive(Debug, Clone, Copy)]
struct Group<'a> {
    jobs: &'a [Job],
}

impl Group<'_> {
    fn is_long(&self, most: usize) -> bool {
        self.jobs.iter().map(|job| job.segment_ids.len()).sum::<usize>() > most
    }
}

fn groups(jobs: &[Job], most: usize) -> Vec<Group<'_>> {
    let (mut groups, mut start, mut windows) = (Vec::new(), 0, 0);
    for (i, job) in jobs.iter().enumerate() {
        if i > start && windows + job.segment_ids.len() > most {
            groups.push(Group { jobs: &jobs[start..i] });
            (start, windows) = (i, 0);
        }
        windows += job.segment_ids.len();
    }
    if start < jobs.len() {
        groups.push(Group { jobs: &jobs[start..] });
    }
    groups
}

/// Makes the log-mel spectrograms of windows of one length.
pub struct Extractor {
    logmel: LogMel,
    window_s: f64,
    frames: usize,
}

impl Extractor {
    /// An extractor for windows of `window_s` seconds.
    ///
    /// # Errors
    /// [`AudioError::MelConfig`] when the settings make no sense.
    pub fn new(config: &MelConfig, window_s: f64) -> Result<Self, AudioError> {
        let logmel = LogMel::new(config)?;
        let frames = logmel.frames((window_s * f64::from(config.sample_rate_hz)).round() as usize);
        Ok(Self { logmel, window_s, frames })
    }

    /// `[mel, frame]`.
    pub fn shape(&self) -> [usize; 2] {
        [self.logmel.config().n_mels, self.frames]
    }

    /// Values of one window.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether a window has no values, which no valid configuration gives.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The spectrograms of all windows of a recording as bytes.
    fn bytes(&self, archive: &dyn Archive, job: &Job) -> Result<Vec<u8>, WorkError> {
        let mut bytes = Vec::with_capacity(job.segment_ids.len() * 2 * self.len());
        self.each(archive, job, |_, logmel| {
            add_halves(logmel, &mut bytes);
            Ok::<_, WorkError>(())
        })?;
        Ok(bytes)
    }

    /// Hands on a long recording in parts of so many windows. While a part is taken, a thread makes the next one.
    fn stream(
        &self,
        archive: &dyn Archive,
        job: &Job,
        windows: usize,
        consume: &mut impl FnMut(&[String], Vec<u8>) -> Result<(), WorkError>,
    ) -> Result<(), WorkError> {
        let width = 2 * self.len();
        let make = |hand: &Hand<Vec<u8>>| -> Result<(), Ended> {
            let mut part = Vec::with_capacity(windows * width);
            self.each(archive, job, |_, logmel| {
                add_halves(logmel, &mut part);
                if part.len() < windows * width {
                    return Ok(());
                }
                hand.over(std::mem::replace(&mut part, Vec::with_capacity(windows * width)))
            })?;
            if part.is_empty() { Ok(()) } else { hand.over(part) }
        };
        let mut first = 0;
        // None waits, so that memory holds the part that is taken and the one in the making.
        ahead(&job.path, 0, make, |part: Vec<u8>| {
            let ids = &job.segment_ids[first..first + part.len() / width];
            first += ids.len();
            consume(ids, part)
        })
    }

    /// Calls `each(index, logmel)` for every window of a recording, with `[mel, frame]` in dB.
    ///
    /// # Errors
    /// Those of decoding, and those of `each`.
    pub fn each<E: From<AudioError>>(
        &self,
        archive: &dyn Archive,
        job: &Job,
        mut each: impl FnMut(usize, &[f16]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = container::open(archive, &job.path)?;
        let mut logmel = self.logmel.clone();
        let (mut values, mut halves) = (vec![0.0f32; self.len()], vec![f16::ZERO; self.len()]);
        let (mut earlier, mut earlier_start) = (vec![0.0f32; self.len()], None::<u64>);
        let MelConfig { sample_rate_hz: rate_hz, high_pass_hz, .. } = *logmel.config();
        let cut = Cut { rate_hz, high_pass_hz, window_s: self.window_s, channels: &job.channels, starts: &job.start_frames };
        for_each_window(&mut reader, cut, |window| {
            let known = earlier_start.map(|start| Earlier { values: &earlier, samples: window.start - start });
            logmel.compute_after(known, window.samples, &mut values)?;
            halves.convert_from_f32_slice(&values);
            each(window.index, &halves)?;
            std::mem::swap(&mut values, &mut earlier);
            earlier_start = Some(window.start);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use chorus_archive::Local;

    use super::*;

    #[test]
    fn a_long_recording_in_parts_is_the_same_as_in_one_piece() {
        let dir = tempfile::tempdir().unwrap();
        let spec =
            hound::WavSpec { channels: 1, sample_rate: 4000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut file = hound::WavWriter::create(dir.path().join("a.wav"), spec).unwrap();
        (0..40_000_i32).for_each(|i| file.write_sample(((i * i / 7) % 20_000 - 10_000) as i16).unwrap());
        file.finalize().unwrap();
        let config = MelConfig {
            sample_rate_hz: 4000,
            n_fft: 64,
            win_length: 64,
            hop_length: 32,
            n_mels: 8,
            f_max_hz: 2000.0,
            ..MelConfig::default()
        };
        let extractor = Extractor::new(&config, 0.1).unwrap();
        let starts: Vec<u64> = (0..99).map(|i| i * 400).collect();
        let segment_ids: Vec<String> = starts.iter().map(|start| format!("a-{start:05}")).collect();
        let job = Job { path: "a.wav".into(), channels: vec![0], segment_ids, start_frames: starts, ..Job::default() };
        let archive = Local::new(dir.path());
        let whole = extractor.bytes(&archive, &job).unwrap();
        assert_eq!(whole.len(), 99 * 2 * extractor.len());
        for windows in [1, 7, 33, 99, 500] {
            let (mut ids, mut bytes) = (Vec::new(), Vec::new());
            let take = |own: &[String], part: Vec<u8>| {
                assert!(own.len() <= windows && !own.is_empty());
                ids.extend_from_slice(own);
                bytes.extend(part);
                Ok(())
            };
            extractor.stream(&archive, &job, windows, &mut { take }).unwrap();
            assert!(ids == job.segment_ids && bytes == whole, "{windows}");
        }
        // Whoever takes no more is not kept waiting, and a recording that is not there is an error.
        let refuse = |_: &[String], _: Vec<u8>| Err("enough".into());
        assert_eq!(extractor.stream(&archive, &job, 2, &mut { refuse }).unwrap_err().to_string(), "enough");
        let gone = Job { path: "b.wav".into(), ..job };
        assert!(extractor.stream(&archive, &gone, 2, &mut |_: &[String], _| Ok(())).is_err());
    }

    #[test]
    fn groups_hold_every_recording_in_order_and_a_long_one_is_alone() {
        let job = |windows: usize| Job { segment_ids: vec![String::new(); windows], ..Job::default() };
        let jobs: Vec<Job> = [200, 200, 200, 600, 1, 511, 1].map(job).into();
        let sizes = |group: &Group<'_>| group.jobs.iter().map(|job| job.segment_ids.len()).collect::<Vec<_>>();
        let groups = groups(&jobs, 512);
        assert_eq!(groups.iter().map(sizes).collect::<Vec<_>>(), [vec![200, 200], vec![200], vec![600], vec![1, 511], vec![1]]);
        assert_eq!(groups.iter().map(|group| group.is_long(512)).collect::<Vec<_>>(), [false, false, true, false, false]);
        assert!(super::groups(&[], 512).is_empty());
    }
}
