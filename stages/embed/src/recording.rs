//! From a recording to what the backbone makes of its windows. A thread decodes while others are in the backbone, and memory holds a few
//! batches, whatever the recording's length.

use std::collections::VecDeque;

use chorus_archive::Archive;
use chorus_audio::ahead::{Ended, Hand, ahead};
use chorus_audio::container;
use chorus_audio::dsp::windows::{Cut, for_each_window};
use chorus_engine::{EngineError, WorkError};
use rayon::prelude::*;

use crate::opened::{Heard, Opened};
use crate::places::{Lengths, Places};
use crate::settings::{EmbedSettings, Together};

/// A recording and the windows of the run in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Path relative to the archive.
    pub path: &'a str,
    /// The channels that are mixed down, counted from 0.
    pub channels: &'a [usize],
    /// Where windows of the run start, frames of the recording.
    pub segments: &'a [u64],
    /// Length of a window of the run, s.
    pub segment_s: f64,
    /// Frames of the recording.
    pub frames: u64,
    /// Its rate, Hz.
    pub rate_hz: u32,
}

/// Calls `each` with what the backbone makes of every window of the run, in order.
///
/// # Errors
/// Those of decoding, of the backbone and of `each`; [`EngineError::Stopped`] when a stop was asked for.
pub(crate) fn hear(
    opened: &Opened,
    settings: &EmbedSettings,
    archive: &dyn Archive,
    source: Source<'_>,
    stopping: &(dyn Fn() -> bool + Sync),
    mut each: impl FnMut(&Heard) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let contract = opened.contract();
    let (samples, batch) = (contract.samples(), settings.batch_size);
    let lengths = Lengths {
        segment_s: source.segment_s,
        backbone_s: contract.window_s,
        hop_s: settings.hop_s.unwrap_or(contract.window_s),
    };
    let places = Places::new(source.segments, lengths, source.frames, source.rate_hz);
    // As many batches as can be in work at once.
    let most = batch * rayon::current_num_threads().max(1);
    let decode = |hand: &Hand<Vec<f32>>| -> Result<(), Ended> {
        let mut reader = container::open(archive, source.path)?;
        let cut = Cut {
            rate_hz: contract.sample_rate_hz,
            high_pass_hz: contract.input.high_pass_hz,
            window_s: contract.window_s,
            channels: source.channels,
            starts: &places.starts,
        };
        let mut held: Vec<f32> = Vec::with_capacity(samples * most.min(places.starts.len()));
        for_each_window(&mut reader, cut, |window| {
            held.extend_from_slice(window.samples);
            if held.len() < samples * most {
                return Ok(());
            }
            hand.over(std::mem::replace(&mut held, Vec::with_capacity(samples * most)))
        })?;
        if held.is_empty() { Ok(()) } else { hand.over(held) }
    };
    let mut together = Meeting { of_segment: &places.of_segment, next: 0, first: 0, held: VecDeque::new(), pool: settings.pool };
    ahead(source.path, 1, decode, |sound: Vec<f32>| {
        if stopping() {
            return Err(EngineError::Stopped.into());
        }
        let made: Result<Vec<_>, _> = sound.par_chunks(samples * batch).map(|some| opened.hear(some)).collect();
        for heard in made?.into_iter().flatten() {
            together.add(heard, &mut each)?;
        }
        Ok(())
    })
}

/// Brings together what belongs to one window of the run.
struct Meeting<'a> {
    of_segment: &'a [Vec<usize>],
    /// The next window of the run to hand out.
    next: usize,
    /// Which window of the backbone the first one held is.
    first: usize,
    held: VecDeque<Heard>,
    pool: Together,
}

impl Meeting<'_> {
    fn add(&mut self, heard: Heard, each: &mut impl FnMut(&Heard) -> Result<(), WorkError>) -> Result<(), WorkError> {
        self.held.push_back(heard);
        while let Some(own) = self.of_segment.get(self.next) {
            let (Some(&first), Some(&last)) = (own.first(), own.last()) else { break };
            if last >= self.first + self.held.len() {
                break;
            }
            let own: Vec<&Heard> = own.iter().map(|&at| &self.held[at - self.first]).collect();
            match own.as_slice() {
                [one] => each(one)?,
                several => {
                    let embeddings: Vec<&[f32]> = several.iter().map(|heard| heard.embedding.as_slice()).collect();
                    let scores: Vec<&[f32]> = several.iter().map(|heard| heard.scores.as_slice()).collect();
                    // Positions of all windows, one after the other.
                    let map = several.iter().flat_map(|heard| &heard.map).copied().collect();
                    let (embedding, map_values) = (pooled(&embeddings, self.pool), several[0].map_values);
                    each(&Heard { embedding, scores: pooled(&scores, Together::Max), map, map_values })?;
                }
            }
            self.next += 1;
            // Windows of the run are in order, so no later one needs what lies before this one's first.
            while self.first < first {
                self.held.pop_front();
                self.first += 1;
            }
        }
        Ok(())
    }
}

fn pooled(several: &[&[f32]], pool: Together) -> Vec<f32> {
    (0..several[0].len())
        .map(|i| {
            let values = several.iter().map(|one| one[i]);
            match pool {
                Together::Max => values.fold(f32::NEG_INFINITY, f32::max),
                Together::Mean => (values.map(f64::from).sum::<f64>() / several.len() as f64) as f32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_the_run_are_handed_out_in_order_as_soon_as_they_are_complete() {
        let of_segment = [vec![0, 1], vec![1, 2], vec![2]];
        for (pool, expected) in [(Together::Mean, [1.5, 2.5, 3.0]), (Together::Max, [2.0, 3.0, 3.0])] {
            let mut meeting = Meeting { of_segment: &of_segment, next: 0, first: 0, held: VecDeque::new(), pool };
            let (mut handed, mut best) = (Vec::new(), Vec::new());
            let mut counts = Vec::new();
            for value in [1.0, 2.0, 3.0] {
                meeting
                    .add(
                        Heard { embedding: vec![value], scores: vec![value / 4.0], map: vec![value], map_values: 1 },
                        &mut |heard| {
                            handed.push(heard.embedding[0]);
                            best.push(heard.scores[0]);
                            Ok(())
                        },
                    )
                    .unwrap();
                counts.push((handed.len(), meeting.held.len()));
            }
            assert_eq!(handed, expected, "{pool:?}");
            assert_eq!(best, [0.5, 0.75, 0.75], "the highest score counts");
            assert_eq!(counts, [(0, 1), (1, 2), (3, 1)]);
        }
    }
}
