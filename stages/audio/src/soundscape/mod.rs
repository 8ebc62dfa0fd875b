//! Stage `soundscape`: sound levels and acoustic indices, the table `soundscape`, one row per minute of a recording.
//!
//! A recording is read once from end to end at its own sample rate, mixed down as everywhere (`archive.channel`, without dead channels).
//! Minutes begin with the recording; the last one may be shorter. Its parts:
//!
//! - [`minute`]: samples to what is told of a minute. [`levels`]: levels of the minute and of pieces of 125 ms. [`bands`]: third-octave
//!   bands. [`weather`]: rain and wind. [`spectrogram`]: what the indices share.
//! - [`indices`]: the acoustic indices, an open set.
//!
//! The stage does not join the pass of `featurize`, see ARCHITECTURE.md.

mod bands;
mod indices;
mod levels;
mod minute;
mod settings;
mod spectrogram;
#[cfg(test)]
mod tests;
mod weather;

use std::collections::BTreeSet;
use std::sync::Mutex;

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Console, EngineError, Scan, ScanContext, UnitContext, Work, WorkError, locked};
use chorus_tables::UtcMicros;
use rayon::prelude::*;

use crate::container::channels::mix_to_mono;
use crate::container::levels::clip_level;
use crate::container::{self, READ_FRAMES, Reader};
use crate::recordings::{Recording, recordings};
use indices::INDICES;
use minute::{Measures, Meter};
pub(crate) use settings::{SoundscapeSettings, findings};

/// Seconds of a minute.
const MINUTE_S: u64 = 60;

/// The stage.
pub struct Soundscape;

impl Soundscape {
    /// What the stage declares of itself; a run that does not ask for it does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        config.is_on("soundscape.enabled").then(|| Pass {
            code_version: 2,
            inputs: vec![Input::Archive, Input::Table("recordings")],
            outputs: vec![Output::Table("soundscape")],
            keys: vec!["archive.channel", "soundscape.*"],
            hints: vec!["soundscape.enabled"],
            exploratory: true,
            ..Pass::new("soundscape", Per::SiteDay)
        })
    }
}

/// Sites with recordings that no calibration is configured for, although one is for others: their names may be written wrongly.
#[derive(Debug, Default)]
pub struct Uncalibrated(Mutex<BTreeSet<String>>);

/// Sites that are named in a warning.
const NAMED: usize = 5;

impl Work for Soundscape {
    type Found = Uncalibrated;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Uncalibrated>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, uncalibrated: &Uncalibrated) -> Result<(), WorkError> {
        let settings = cx.settings::<SoundscapeSettings>()?;
        let mut recordings = recordings(cx, cx.value("archive.channel")?)?;
        // A copy counts once, as the recording that it is a copy of.
        recordings.retain(|recording| !recording.is_copy);
        let archive = cx.archive()?;
        let measure = |recording: &Recording| -> Result<Vec<Measures>, WorkError> {
            let mut reader = container::open(archive, &recording.path)?;
            measure(&mut reader, &recording.channels, &settings, || cx.stopping())
        };
        let measured: Vec<Vec<Measures>> = recordings.par_iter().map(measure).collect::<Result<_, _>>()?;
        let rows: Vec<Row<'_>> = recordings
            .iter()
            .zip(&measured)
            .flat_map(|(recording, minutes)| (0..).zip(minutes).map(move |(minute, found)| Row { recording, minute, found }))
            .collect();
        let calibration = |row: &Row<'_>| settings.calibration(cx.unit().site(), row.recording.serial.as_deref());
        if settings.calibrates() && rows.iter().any(|row| calibration(row).is_none()) {
            locked(&uncalibrated.0).insert(cx.unit().site().to_owned());
        }
        let weather = |row: &Row<'_>| row.found.weather;
        let exceeded = |rank: usize| rows.iter().map(move |row| row.found.exceeded[rank]);
        cx.write("soundscape", |batch| {
            let batch = batch
                .column("recording_id", rows.iter().map(|row| &row.recording.id))
                .column("minute", rows.iter().map(|row| row.minute))
                .column("start_s", rows.iter().map(|row| (row.minute * MINUTE_S) as f64))
                .column("seconds", rows.iter().map(|row| row.found.frames as f64 / f64::from(row.recording.rate_hz)))
                .column("start_utc", rows.iter().map(Row::start_utc))
                .column("level_dbfs", rows.iter().map(|row| row.found.level))
                .column("l10_dbfs", exceeded(0))
                .column("l50_dbfs", exceeded(1))
                .column("l90_dbfs", exceeded(2))
                .column("peak_dbfs", rows.iter().map(|row| row.found.peak))
                .column("calibration_db", rows.iter().map(calibration))
                .column("level_db", rows.iter().map(|row| Some(row.found.level? + calibration(row)?)))
                .column("silent_fraction", rows.iter().map(|row| row.found.silent))
                .column("clipped_fraction", rows.iter().map(|row| row.found.clipped))
                .column("clipping", rows.iter().map(|row| row.found.clipped >= settings.clipping_fraction))
                .column("rain_level_dbfs", rows.iter().map(|row| weather(row).rain_level))
                .column("rain_flatness", rows.iter().map(|row| weather(row).rain_flatness))
                .column("rain", rows.iter().map(|row| weather(row).rain))
                .column("wind_level_dbfs", rows.iter().map(|row| weather(row).wind_level))
                .column("wind_excess_db", rows.iter().map(|row| weather(row).wind_excess))
                .column("wind", rows.iter().map(|row| weather(row).wind));
            let batch = INDICES
                .iter()
                .enumerate()
                .fold(batch, |batch, (i, index)| batch.column(index.name(), rows.iter().map(|row| row.found.indices[i])));
            bands::columns().enumerate().fold(batch, |batch, (i, name)| {
                batch.column(&name, rows.iter().map(|row| row.found.bands[i].map(|level| level as f32)))
            })
        })?;
        Ok(())
    }

    fn summarise(&self, console: &Console, uncalibrated: &Uncalibrated) {
        let sites = locked(&uncalibrated.0);
        if sites.is_empty() {
            return;
        }
        let named: Vec<&str> = sites.iter().take(NAMED).map(String::as_str).collect();
        let others = if sites.len() > NAMED { format!(" and {} other sites", sites.len() - NAMED) } else { String::new() };
        console.warn(&format!(
            "no calibration is configured for recordings of {}{others}, so level_db is null there; see soundscape.calibration_db",
            named.join(", ")
        ));
    }
}

/// A row of the table.
struct Row<'a> {
    recording: &'a Recording,
    minute: u64,
    found: &'a Measures,
}

impl Row<'_> {
    fn start_utc(&self) -> Option<UtcMicros> {
        let after_us = i64::try_from(self.minute * MINUTE_S * 1_000_000).ok()?;
        self.recording.start_utc.map(|start| UtcMicros(start + after_us))
    }
}

/// What is told of each minute of a recording, of which `channels` (counted from 0) are mixed down.
///
/// # Errors
/// Those of decoding; [`EngineError::Stopped`] when a stop was asked for.
fn measure(
    reader: &mut Reader,
    channels: &[usize],
    settings: &SoundscapeSettings,
    stopping: impl Fn() -> bool,
) -> Result<Vec<Measures>, WorkError> {
    let facts = reader.facts();
    let (rate_hz, all) = (facts.sample_rate_hz, facts.channels);
    let clip_at = clip_level(&facts.codec, facts.bits_per_sample);
    let width = usize::from(all.max(1));
    let minute = MINUTE_S * u64::from(rate_hz);
    let mut meter = Meter::new(settings, rate_hz);
    let (mut frames, mut mono, mut minutes) = (Vec::new(), Vec::new(), Vec::new());
    while reader.read(READ_FRAMES, &mut frames)? > 0 {
        if stopping() {
            return Err(EngineError::Stopped.into());
        }
        let mut rest = frames.as_slice();
        while !rest.is_empty() {
            let left = (minute - meter.frames()) as usize;
            let (now, later) = rest.split_at(rest.len().min(left.saturating_mul(width)));
            mix_to_mono(now, all, channels, &mut mono);
            meter.push(&mono, clipped(now, width, channels, clip_at));
            if meter.frames() == minute {
                minutes.push(meter.finish());
            }
            rest = later;
        }
    }
    if meter.frames() > 0 {
        minutes.push(meter.finish());
    }
    Ok(minutes)
}

/// How many samples of `chosen` channels of `interleaved` `[frame, channel]` are at full scale, divided by the number of these channels.
/// A channel that clips would hide in the mix of several.
fn clipped(interleaved: &[f32], channels: usize, chosen: &[usize], clip_at: f32) -> f64 {
    let at_full_scale = |frame: &[f32]| chosen.iter().filter(|&&channel| frame[channel].abs() >= clip_at).count();
    let count: usize = interleaved.chunks_exact(channels).map(at_full_scale).sum();
    count as f64 / chosen.len().max(1) as f64
}
