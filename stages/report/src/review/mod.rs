//! Detections for a person to listen to: `chorus clips`. What the folder holds, and what is made of the filled-in sheet: docs/review.md.
//!
//! - [`sample`]: which detections. [`crate::clip`]: a clip and its spectrogram. [`sheet`]: the list to fill in.
//! - [`estimate`]: what the verdicts say of all detections.

pub mod estimate;
mod sample;
mod sheet;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use chorus_archive::{Archive, Local};
use chorus_audio::container::channels;
use chorus_engine::RunTables;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rayon::prelude::*;

use crate::clip::{self, AT_ONCE, ClipError, Extent, Making};
use crate::export::destination::Destination;
use crate::export::detection::{Detection, Recording};
use crate::export::run::{self, Run};
use crate::export::{ExportError, Filter, Summary};

use sample::{Choice, Sampler, chance};
use sheet::{Clip, Lists};

/// What names of folders hold as they are.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Seconds of a detection that a clip holds at most: what a person still listens to. Of a longer one it holds the beginning.
const LONGEST_S: f64 = 30.0;

/// Which clips, and where to.
#[derive(Debug)]
pub struct Request<'a> {
    /// The run.
    pub run: &'a RunTables,
    /// Which detections are sampled.
    pub filter: Filter,
    /// The folder to write.
    pub folder: PathBuf,
    /// Whether to put files over those that are in the folder.
    pub force: bool,
    /// Clips of each class, at most.
    pub per_class: usize,
    /// Seconds before and after the detection.
    pub context_s: f64,
    /// Seed of the draw.
    pub seed: u64,
}

impl Request<'_> {
    /// The tables that are read.
    pub fn tables(&self) -> Vec<&'static str> {
        run::tables(self.run, &self.filter, &[])
    }
}

/// A detection that was chosen.
struct Chosen {
    recording: Recording,
    detection: Detection,
    choice: Choice,
}

/// Writes clips of chosen detections, their spectrograms, and the sheet.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn clips(request: &Request<'_>) -> Result<Summary, ExportError> {
    let run = Run::open(request.run, request.tables())?;
    run.check(&request.filter)?;
    let nothing = |what: &str| ExportError::Nothing { what: what.to_owned() };
    let archive = run.archive().ok_or_else(|| nothing("the run does not name its archive, and clips are cut from recordings"))?;
    if !archive.is_dir() {
        return Err(nothing(&format!("{}: the archive is not there, and clips are cut from its recordings", archive.display())));
    }
    let destination = Destination::new(&request.folder, request.force, run.path(), Some(&archive))?;
    let (chosen, mut summary) = choose(&run, request)?;
    if chosen.is_empty() {
        return Err(nothing("there is no detection to listen to; lower detect.threshold, or choose other classes and sites"));
    }
    let making = Making { choice: channel(&run), context_s: request.context_s, extent: Extent::SHEET };
    let files: Vec<String> = (chosen.iter().zip(numbers(&chosen)))
        .map(|(chosen, number)| format!("clips/{}/{number:03}.wav", utf8_percent_encode(&chosen.detection.class, KEPT)))
        .collect();
    let recordings = Local::new(&archive);
    let cut = |some: &Vec<usize>| write_clips(&destination, &recordings, making, &chosen, &files, some);
    let made: Vec<_> = by_recording(&chosen).par_iter().map(cut).collect::<Result<_, _>>()?;
    let made: BTreeMap<usize, Result<Heard, String>> = made.into_iter().flatten().collect();
    let mut lists = Lists::new(&destination)?;
    for ((chosen, file), (_, made)) in chosen.iter().zip(&files).zip(made) {
        match made {
            Ok(heard) => lists.add(&run, &listed(&heard, chosen, file))?,
            Err(reason) => summary.notes.push(reason),
        }
    }
    lists.finish()?;
    destination.publish()?;
    summary.detections = chosen.len() as u64 - summary.notes.len() as u64;
    Ok(summary)
}

/// Chooses detections: by class, and within a class in an order by chance, so that whoever stops early has judged a fair part.
fn choose(run: &Run, request: &Request<'_>) -> Result<(Vec<Chosen>, Summary), ExportError> {
    let (mut sampler, mut summary) = (Sampler::new(request.per_class, request.seed), Summary::default());
    run.each_recording(&request.filter, |recording, detections| {
        summary.recordings += 1;
        sampler.count(recording, detections)
    })?;
    sampler.draw();
    let mut chosen = Vec::new();
    run.each_recording(&request.filter, |recording, detections| {
        for detection in detections {
            if let Some(choice) = sampler.choose(recording, detection) {
                chosen.push(Chosen { recording: recording.clone(), detection: detection.clone(), choice });
            }
        }
        Ok(())
    })?;
    let order = |chosen: &Chosen| chance(&format!("{} {}", request.seed, chosen.detection.id(&chosen.recording)));
    chosen.sort_by(|a, b| a.detection.class.cmp(&b.detection.class).then(order(a).total_cmp(&order(b))));
    Ok((chosen, summary))
}

/// The number of each clip within its class, from 1.
fn numbers(chosen: &[Chosen]) -> Vec<usize> {
    let by_class = chosen.chunk_by(|a, b| a.detection.class == b.detection.class);
    by_class.flat_map(|class| 1..=class.len()).collect()
}

/// The channels that the model heard.
fn channel(run: &Run) -> channels::Choice {
    let named = run.configured("archive.channel").and_then(|channel| serde_yaml::from_value(channel.clone()).ok());
    named.unwrap_or_default()
}

/// Positions of detections of the same recording, a few at a time.
fn by_recording(chosen: &[Chosen]) -> Vec<Vec<usize>> {
    let mut recordings: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, chosen) in chosen.iter().enumerate() {
        recordings.entry(&chosen.recording.path).or_default().push(i);
    }
    recordings.values().flat_map(|all| all.chunks(AT_ONCE).map(<[usize]>::to_vec)).collect()
}

/// What a clip holds of its recording.
struct Heard {
    begins_s: f64,
    length_s: f64,
    rate_hz: u32,
}

fn listed<'a>(heard: &Heard, chosen: &'a Chosen, file: &'a str) -> Clip<'a> {
    Clip {
        file,
        recording: &chosen.recording,
        detection: &chosen.detection,
        choice: &chosen.choice,
        heard_until_s: event(&chosen.detection).end,
        begins_s: heard.begins_s,
        length_s: heard.length_s,
        rate_hz: heard.rate_hz,
    }
}

/// Writes some clips of one recording and their pictures; or says of each why there is none.
fn write_clips(
    destination: &Destination,
    archive: &dyn Archive,
    making: Making,
    chosen: &[Chosen],
    files: &[String],
    some: &[usize],
) -> Result<Vec<(usize, Result<Heard, String>)>, ExportError> {
    let recording = &chosen[some[0]].recording;
    let lack = |error: &dyn std::fmt::Display| Err(format!("{}: {error}; its clip is left out", recording.path));
    let events: Vec<Range<f64>> = some.iter().map(|&i| event(&chosen[i].detection)).collect();
    let clips = match clip::clips(archive, &recording.path, &events, recording.dead_channels.as_deref(), making) {
        Ok(clips) => clips,
        Err(error) => return Ok(some.iter().map(|&i| (i, lack(&error))).collect()),
    };
    let write = |(&i, made): (&usize, Result<clip::Clip, ClipError>)| {
        let made = match made {
            Ok(made) => made,
            Err(error) => return Ok((i, lack(&error))),
        };
        for (file, bytes) in [(files[i].clone(), &made.wav), (files[i].replace(".wav", ".png"), &made.png)] {
            let mut output = destination.file(&file)?;
            output.bytes(bytes)?;
            output.finish()?;
        }
        Ok((i, Ok(Heard { begins_s: made.begins_s, length_s: made.length_s, rate_hz: made.rate_hz })))
    };
    some.iter().zip(clips).map(write).collect()
}

/// What of a detection is heard, seconds of the recording. Where its last window is filled up behind the recording's end, the clip ends
/// with the recording, and the span is the detection's own.
fn event(detection: &Detection) -> Range<f64> {
    detection.start_s..detection.end_s.min(detection.start_s + LONGEST_S)
}
