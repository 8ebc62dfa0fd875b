//! Detections for a person to listen to: `chorus clips`. What the folder holds, and what is made of the filled-in sheet: docs/review.md.
//!
//! - [`sample`]: which detections. [`crate::clip`]: a clip and its spectrogram. [`sheet`]: the list to fill in.
//! - [`estimate`]: what the verdicts say of all detections.

pub mod estimate;
mod sample;
mod sheet;

use std::ops::Range;
use std::path::{Path, PathBuf};

use chorus_audio::container::channels;
use chorus_engine::Config;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::clip::{self, Clip as Sound, Extent, Making};
use crate::export::destination::Destination;
use crate::export::run::{Detection, Recording, Run};
use crate::export::{ExportError, Filter, Summary};

use sample::{Choice, Sampler, chance};
use sheet::{Clip, Lists};

/// What names of folders hold as they are.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Seconds of a detection that a clip holds at most: what a person still listens to. Of a longer one it holds the beginning.
const LONGEST_S: f64 = 30.0;

/// Which clips, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder of the run.
    pub run: PathBuf,
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
pub fn clips(request: &Request) -> Result<Summary, ExportError> {
    let run = Run::open(&request.run)?;
    request.filter.check(&run)?;
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
    let mut lists = Lists::new(&destination)?;
    for (chosen, number) in chosen.iter().zip(numbers(&chosen)) {
        let file = format!("clips/{}/{number:03}.wav", utf8_percent_encode(&chosen.detection.class, KEPT));
        match write_clip(&destination, &archive, making, chosen, &file)? {
            Ok(clip) => lists.add(&run, &listed(&clip, chosen, &file))?,
            Err(reason) => summary.notes.push(reason),
        }
    }
    lists.finish()?;
    destination.publish()?;
    summary.detections = chosen.len() as u64 - summary.notes.len() as u64;
    Ok(summary)
}

/// Chooses detections: by class, and within a class in an order by chance, so that whoever stops early has judged a fair part.
fn choose(run: &Run, request: &Request) -> Result<(Vec<Chosen>, Summary), ExportError> {
    let (mut sampler, mut summary) = (Sampler::new(request.per_class, request.seed), Summary::default());
    run.each_recording(&request.filter, |recording, detections| {
        summary.recordings += 1;
        sampler.count(recording, detections);
        Ok(())
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
    let config = Config::load(&run.resolved_config(), &[]).ok();
    let named = config.and_then(|config| serde_yaml::from_value(config.get("archive.channel").clone()).ok());
    named.unwrap_or_default()
}

fn listed<'a>(clip: &Sound, chosen: &'a Chosen, file: &'a str) -> Clip<'a> {
    Clip {
        file,
        recording: &chosen.recording,
        detection: &chosen.detection,
        choice: &chosen.choice,
        heard_until_s: event(&chosen.detection).end,
        begins_s: clip.begins_s,
        length_s: clip.length_s,
        rate_hz: clip.rate_hz,
    }
}

/// Writes a clip and its picture; or says why there is none.
fn write_clip(
    destination: &Destination,
    archive: &Path,
    making: Making,
    chosen: &Chosen,
    file: &str,
) -> Result<Result<Sound, String>, ExportError> {
    let recording = &chosen.recording;
    let made = clip::one(&archive.join(&recording.path), event(&chosen.detection), recording.dead_channels.as_deref(), making);
    let made = match made {
        Ok(made) => made,
        Err(error) => return Ok(Err(format!("{}: {error}; its clip is left out", recording.path))),
    };
    let mut sound = destination.file(file)?;
    sound.bytes(&made.wav)?;
    sound.finish()?;
    let mut image = destination.file(&file.replace(".wav", ".png"))?;
    image.bytes(&made.png)?;
    image.finish()?;
    Ok(Ok(made))
}

/// What of a detection is heard, seconds of the recording. Where its last window is filled up behind the recording's end, the clip ends
/// with the recording, and the span is the detection's own.
fn event(detection: &Detection) -> Range<f64> {
    detection.start_s..detection.end_s.min(detection.start_s + LONGEST_S)
}
