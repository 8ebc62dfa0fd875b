//! The folder that a person listens to: clips, their spectrograms, the sheet, and the page to judge them on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_archive::Archive;
use chorus_audio::container::channels;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rayon::prelude::*;

use crate::clip::{self, ClipError, Extent, Making, at_once};
use crate::export::ExportError;
use crate::export::destination::Destination;
use crate::export::detection::Detection;
use crate::export::run::Run;

use super::chosen::Chosen;
use super::page;
use super::sheet::{Clip, Lists};

/// What names of folders hold as they are.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Seconds of a detection that a clip holds at most: what a person still listens to. Of a longer one it holds the beginning.
const LONGEST_S: f64 = 30.0;

/// A run, and the recordings that clips are cut from.
pub(super) struct Source<'a> {
    run: &'a Run,
    archive: Arc<dyn Archive>,
    choice: channels::Choice,
}

impl<'a> Source<'a> {
    /// The run with its archive, which has to be there.
    ///
    /// # Errors
    /// [`ExportError::Nothing`].
    pub(super) fn of(run: &'a Run) -> Result<Self, ExportError> {
        let nothing = |what: &str| ExportError::Nothing { what: what.to_owned() };
        let archive = run.sound().map_err(|e| nothing(&e.to_string()))?;
        let archive = archive.ok_or_else(|| nothing("the run does not name its archive, and clips are cut from recordings"))?;
        match archive.kind_of("") {
            Ok(Some(_)) => Ok(Self { run, archive, choice: run.channels() }),
            Ok(None) => {
                let place = archive.location("");
                Err(nothing(&format!("{place}: the archive is not there, and clips are cut from its recordings")))
            }
            Err(error) => Err(nothing(&error.to_string())),
        }
    }

    /// Where the archive lies, where it is a folder of this machine.
    fn folder(&self) -> Option<PathBuf> {
        self.run.archive()
    }
}

/// The folder on its way.
pub(super) struct Folder<'a> {
    sources: Vec<Source<'a>>,
    destination: Destination,
}

impl<'a> Folder<'a> {
    /// Starts the folder at `path` for clips of some runs, at least one. It is new or empty unless `force` says that it need not be.
    ///
    /// # Errors
    /// Those of [`Destination::new`], for each run.
    pub(super) fn new(sources: Vec<Source<'a>>, path: &Path, force: bool) -> Result<Self, ExportError> {
        let [first, others @ ..] = &sources[..] else { return Err(ExportError::Nothing { what: "no run is named".into() }) };
        for source in others {
            Destination::outside(path, source.run.path(), source.folder().as_deref())?;
        }
        let destination = Destination::new(path, force, first.run.path(), first.folder().as_deref())?;
        Ok(Self { sources, destination })
    }

    /// Fills the folder with clips of what was chosen, in its order, with so many seconds of context. Gives how many clips there are,
    /// and of each that could not be made, why.
    ///
    /// # Errors
    /// Those of reading the run and of writing; nothing is written then.
    pub(super) fn fill(self, chosen: &[Chosen], context_s: f64) -> Result<(u64, Vec<String>), ExportError> {
        let files: Vec<String> = (chosen.iter().zip(numbers(chosen)))
            .map(|(chosen, number)| format!("clips/{}/{number:03}.wav", utf8_percent_encode(&chosen.folder, KEPT)))
            .collect();
        let cut = |some: &Vec<usize>| {
            let source = &self.sources[chosen[some[0]].source];
            let making = Making { choice: source.choice, context_s, extent: Extent::SHEET };
            self.cut(source, making, chosen, &files, some)
        };
        let made: Vec<_> = by_recording(chosen, LONGEST_S + 2.0 * context_s).par_iter().map(cut).collect::<Result<_, _>>()?;
        let made: BTreeMap<usize, Result<Heard, String>> = made.into_iter().flatten().collect();
        let (mut lists, mut lacks) = (Lists::new(&self.destination)?, Vec::new());
        for ((chosen, file), (_, made)) in chosen.iter().zip(&files).zip(made) {
            match made {
                Ok(heard) => lists.add(self.sources[chosen.source].run, listed(&heard, chosen, file))?,
                Err(reason) => lacks.push(reason),
            }
        }
        let sheet = lists.finish()?;
        let mut page = self.destination.file(page::FILE)?;
        page.text(&page::page(self.sources[0].run, &sheet)?)?;
        page.finish()?;
        self.destination.publish()?;
        Ok((sheet.clips.len() as u64, lacks))
    }

    /// Writes some clips of one recording and their pictures; or says of each why there is none.
    fn cut(
        &self,
        source: &Source<'_>,
        making: Making,
        chosen: &[Chosen],
        files: &[String],
        some: &[usize],
    ) -> Result<Vec<(usize, Result<Heard, String>)>, ExportError> {
        let recording = &chosen[some[0]].recording;
        let lack = |error: &dyn std::fmt::Display| Err(format!("{}: {error}; its clip is left out", recording.path));
        let span = |i: usize| event(&chosen[i].detection);
        let heard = |&i: &usize| {
            let Range { start, end } = span(i);
            source.run.withholds(&recording.id, &(start - making.context_s..end + making.context_s))
        };
        let (spoken, some): (Vec<usize>, Vec<usize>) = some.iter().copied().partition(heard);
        let mut made: Vec<_> = spoken
            .into_iter()
            .map(|i| (i, lack(&"somebody speaks there, or it was not looked at (privacy.speech: withhold)")))
            .collect();
        if some.is_empty() {
            return Ok(made);
        }
        let events: Vec<Range<f64>> = some.iter().map(|&i| span(i)).collect();
        let clips = match clip::clips(&*source.archive, &recording.path, &events, recording.dead_channels.as_deref(), making) {
            Ok(clips) => clips,
            Err(error) => {
                made.extend(some.iter().map(|&i| (i, lack(&error))));
                return Ok(made);
            }
        };
        let write = |(&i, made): (&usize, Result<clip::Clip, ClipError>)| -> Result<(usize, Result<Heard, String>), ExportError> {
            let made = match made {
                Ok(made) => made,
                Err(error) => return Ok((i, lack(&error))),
            };
            for (file, bytes) in [(files[i].clone(), &made.wav), (files[i].replace(".wav", ".png"), &made.png)] {
                let mut output = self.destination.file(&file)?;
                output.bytes(bytes)?;
                output.finish()?;
            }
            Ok((i, Ok(Heard { begins_s: made.begins_s, length_s: made.length_s, rate_hz: made.rate_hz })))
        };
        for pair in some.iter().zip(clips) {
            made.push(write(pair)?);
        }
        Ok(made)
    }
}

/// The number of each clip within its folder, from 1.
fn numbers(chosen: &[Chosen]) -> Vec<usize> {
    let by_class = chosen.chunk_by(|a, b| a.folder == b.folder);
    by_class.flat_map(|class| 1..=class.len()).collect()
}

/// Positions of what was chosen of the same recording, as many at a time as fit into memory where clips have up to so many seconds.
fn by_recording(chosen: &[Chosen], longest_s: f64) -> Vec<Vec<usize>> {
    let mut recordings: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for (i, chosen) in chosen.iter().enumerate() {
        recordings.entry((chosen.source, &chosen.recording.path)).or_default().push(i);
    }
    let few = |all: &Vec<usize>| {
        let rate_hz = all.first().map_or(0, |&first| chosen[first].recording.sample_rate_hz);
        let some = at_once(rate_hz, longest_s, rayon::current_num_threads());
        all.chunks(some).map(<[usize]>::to_vec).collect::<Vec<_>>()
    };
    recordings.values().flat_map(few).collect()
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
        drawn: &chosen.drawn,
        heard_until_s: event(&chosen.detection).end,
        begins_s: heard.begins_s,
        length_s: heard.length_s,
        rate_hz: heard.rate_hz,
    }
}

/// What of a detection is heard, seconds of the recording. Where its last window is filled up behind the recording's end, the clip ends
/// with the recording, and the span is the detection's own.
fn event(detection: &Detection) -> Range<f64> {
    detection.start_s..detection.end_s.min(detection.start_s + LONGEST_S)
}
