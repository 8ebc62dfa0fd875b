//! How far a window rises above the background of its recording: what tells a sound from noise, whatever makes it.

use std::collections::{BTreeMap, BTreeSet};

use chorus_archive::Archive;
use chorus_audio::dsp::logmel::{Level, MelConfig};
use chorus_audio::extract::{Extractor, Job, jobs};
use chorus_engine::{EngineError, UnitContext, WorkError};
use half::f16;
use rayon::prelude::*;

/// The share of a window's frames that may be louder than the level by which it is judged. So a call of 0.3 s counts in a window of 3 s,
/// and a click does not.
const LOUDEST: f64 = 0.1;
/// Levels of silence, where nothing was recorded: they are no background.
const SILENCE_DB: f32 = -99.0;

/// The rise in dB of each of the `wanted` windows of the unit. Their recordings are decoded once more, as spectrograms by the section
/// featurize, but in dB and with frames that overlap by half: more of them would tell no more.
///
/// # Errors
/// Those of reading recordings; [`EngineError::Stopped`].
pub(crate) fn of_windows(cx: &UnitContext<'_>, wanted: &BTreeSet<&str>) -> Result<BTreeMap<String, f32>, WorkError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let featurize = (*cx.settings::<MelConfig>()?).clone();
    let config = MelConfig { level: Level::Db, hop_length: featurize.win_length / 2, ..featurize };
    let extractor = Extractor::new(&config, cx.value("segment.window_s")?)?;
    let jobs = jobs(cx, cx.value("archive.channel")?)?;
    let archive = cx.archive()?;
    let has_wanted = |job: &&Job| job.segment_ids.iter().any(|id| wanted.contains(id.as_str()));
    let of_job = |job: &Job| {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        of_recording(&extractor, archive, job, wanted).map_err(|e| -> WorkError { format!("{}: {e}", job.path).into() })
    };
    let found: Vec<Vec<(String, f32)>> = jobs.par_iter().filter(has_wanted).map(of_job).collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn of_recording(
    extractor: &Extractor,
    archive: &dyn Archive,
    job: &Job,
    wanted: &BTreeSet<&str>,
) -> Result<Vec<(String, f32)>, WorkError> {
    let [bands, frames] = extractor.shape();
    let mut background = vec![Levels::default(); bands];
    let mut loudest: Vec<(&String, Vec<f32>)> = Vec::new();
    extractor.each(archive, job, |index, spectrogram| {
        for (levels, band) in background.iter_mut().zip(spectrogram.chunks_exact(frames)) {
            band.iter().for_each(|level| levels.add(level.to_f32()));
        }
        let id = &job.segment_ids[index];
        if wanted.contains(id.as_str()) {
            loudest.push((id, spectrogram.chunks_exact(frames).map(exceeded).collect()));
        }
        Ok::<_, WorkError>(())
    })?;
    let medians: Vec<Option<f32>> = background.iter().map(Levels::median).collect();
    Ok(loudest.into_iter().map(|(id, levels)| (id.clone(), rise(&levels, &medians))).collect())
}

/// The level that [`LOUDEST`] of the frames exceed.
fn exceeded(frames: &[f16]) -> f32 {
    let mut levels: Vec<f32> = frames.iter().map(|level| level.to_f32()).collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    let place = (LOUDEST * levels.len() as f64) as usize;
    levels.get(place).copied().unwrap_or(SILENCE_DB)
}

/// Over the bands, the highest difference. A band without sound has no background and counts for nothing.
fn rise(levels: &[f32], medians: &[Option<f32>]) -> f32 {
    let differences = levels.iter().zip(medians).filter_map(|(level, median)| Some(level - (*median)?));
    differences.fold(0.0, f32::max)
}

/// How often each level occurs in a band, in steps of half a decibel, so that memory does not grow with the recording.
#[derive(Debug, Clone)]
struct Levels {
    counts: Vec<u32>,
    all: u64,
}

impl Levels {
    /// The lowest level, and the number of steps up to the highest.
    const LOWEST_DB: f32 = -100.0;
    const STEPS: usize = 512;

    fn add(&mut self, level: f32) {
        if level > SILENCE_DB {
            let step = (2.0 * (level - Self::LOWEST_DB)).max(0.0) as usize;
            self.counts[step.min(Self::STEPS - 1)] += 1;
            self.all += 1;
        }
    }

    /// The middle of the step that holds the median.
    fn median(&self) -> Option<f32> {
        let mut before = 0;
        let step = self.counts.iter().position(|&count| {
            before += u64::from(count);
            2 * before >= self.all
        });
        step.filter(|_| self.all > 0).map(|step| Self::LOWEST_DB + (step as f32 + 0.5) / 2.0)
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self { counts: vec![0; Self::STEPS], all: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_rises_and_a_click_does_not() {
        let frames =
            |loud: usize| -> Vec<f16> { (0..100).map(|i| f16::from_f32(if i < loud { -20.0 } else { -60.0 })).collect() };
        assert_eq!((exceeded(&frames(11)), exceeded(&frames(9)), exceeded(&frames(0))), (-20.0, -60.0, -60.0));
        let medians = [Some(-60.0), Some(-70.0), None];
        assert_eq!(rise(&[-58.0, -45.0, 0.0], &medians), 25.0);
        assert_eq!(rise(&[-90.0, -90.0, -90.0], &medians), 0.0);
    }

    #[test]
    fn the_background_is_the_median_without_silence() {
        let mut levels = Levels::default();
        [-100.0, -100.0, -100.0, -60.0, -60.0, -20.0].into_iter().for_each(|level| levels.add(level));
        assert_eq!(levels.median(), Some(-59.75));
        assert_eq!(Levels::default().median(), None);
        let mut levels = Levels::default();
        levels.add(1e6);
        assert!(levels.median().is_some_and(|median| median > 100.0));
    }
}
