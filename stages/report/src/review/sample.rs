//! Which detections, or which windows, a person is asked to listen to.
//!
//! Of detections, three strata for each class: the **top** scores, the **uncertain** ones (nearest to the threshold), and a **random**
//! sample that stands for all. The random sample is stratified: scores are cut into up to [`BINS`] bins of about as many detections each,
//! every bin gives as many as any other, and within a bin every `N/n`-th detection is taken from a start by chance (systematic sampling),
//! in the order of site, night and time: each has the same chance, and neighbours are not taken together. Top and uncertain give at most
//! one of an hour at a site (of a recording, where no time is known), lest one loud night be all that is heard.
//!
//! Windows ([`Of::Windows`]) are sampled by chance alone, from all of them, whatever they score. Nearly all are silent and score low, so
//! bins of as many each would hear nearly nothing: each bin holds half of the windows that score higher than the bin before, and gives as
//! many clips as any other (Navine et al. 2024, "All thresholds barred: direct estimation of call density in bioacoustic data", cut bins
//! alike).
//!
//! Two passes over the run, with memory for what is chosen and a histogram a class.
//!
//! Source: Cochran, Sampling Techniques (1977), chapters 5 and 8.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::export::ExportError;
use crate::export::detection::{Detection, Recording};

use super::chosen::{Drawn, chance};
use super::nearest::Nearest;

/// The stratum of the sample that stands for all detections, and of that which stands for all windows.
const DETECTIONS: &str = chorus_labels::layouts::review::DETECTIONS;
const WINDOWS: &str = chorus_labels::layouts::review::WINDOWS;

/// What is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Detections: some with the highest scores, some near the threshold, and a sample that stands for all.
    Detections,
    /// All windows, by a sample that stands for them.
    Windows,
}

/// Most bins of scores.
pub(super) const BINS: usize = 5;
/// Steps that scores from 0 to 1 are told apart by while bins are found.
pub(super) const STEPS: usize = 1000;
/// Top and uncertain each take this share of what a class gives, rounded down: three of five are the sample that figures rest on.
const SHARE: usize = 5;

/// What was chosen of a class.
#[derive(Debug)]
struct Plan {
    /// Scores by step.
    counts: Vec<u64>,
    /// Detections by how high they score, and by how near to the threshold.
    top: Nearest<()>,
    uncertain: Nearest<()>,
    bins: Vec<Bin>,
}

impl Plan {
    fn new(most: usize) -> Self {
        Self { counts: vec![0; STEPS], top: Nearest::new(most, 1), uncertain: Nearest::new(most, 1), bins: Vec::new() }
    }
}

/// Some scores, and which detections of theirs are sampled.
#[derive(Debug, Clone, PartialEq)]
struct Bin {
    /// Steps of the score.
    steps: Range<usize>,
    /// Detections in it.
    detections: u64,
    /// Positions of the sampled ones, ascending.
    positions: BTreeSet<u64>,
    /// Detections seen on the second pass.
    seen: u64,
}

impl Bin {
    /// Its scores, such as `0.250-0.613`.
    fn name(&self) -> String {
        let edge = |step: usize| step as f64 / STEPS as f64;
        format!("{:.3}-{:.3}", edge(self.steps.start), edge(self.steps.end))
    }
}

/// The first pass, and then the plan for the second.
pub(super) struct Sampler {
    of: Of,
    per_class: usize,
    seed: u64,
    plans: BTreeMap<Arc<str>, Plan>,
}

impl Sampler {
    pub(super) fn new(of: Of, per_class: usize, seed: u64) -> Self {
        Self { of, per_class, seed, plans: BTreeMap::new() }
    }

    /// How many clips of a class are of the top, and as many are uncertain.
    fn chosen(&self) -> usize {
        if self.of == Of::Windows { 0 } else { self.per_class / SHARE }
    }

    /// First pass: takes note of a recording's detections.
    ///
    /// # Errors
    /// [`ExportError::Time`] for a time outside of the calendar.
    pub(super) fn count(&mut self, recording: &Recording, detections: &[Detection]) -> Result<(), ExportError> {
        let most = self.chosen();
        for detection in detections {
            let plan = self.plans.entry(Arc::clone(&detection.class)).or_insert_with(|| Plan::new(most));
            plan.counts[step(detection.peak_score)] += 1;
            if most == 0 {
                continue;
            }
            let hour = || Ok::<_, ExportError>((recording.hour(detection.start_s)?, ()));
            let (score, id) = (f64::from(detection.peak_score), detection.id(recording));
            plan.top.add(-score, &id, hour)?;
            plan.uncertain.add((score - detection.threshold).abs(), &id, hour)?;
        }
        Ok(())
    }

    /// Between the passes: cuts bins and draws positions.
    pub(super) fn draw(&mut self) {
        let random = self.per_class - 2 * self.chosen();
        for (class, plan) in &mut self.plans {
            // No more bins than clips: each is heard, or what is said would be of some scores only.
            let bins = match self.of {
                Of::Detections => bins(&plan.counts, BINS.min(random)),
                Of::Windows => halves(&plan.counts, BINS.min(random)),
            };
            let sizes: Vec<u64> = bins.iter().map(|bin| plan.counts[bin.clone()].iter().sum()).collect();
            let shares = allocate(&sizes, random as u64);
            let drawn = bins.into_iter().zip(sizes).zip(shares).map(|((steps, detections), share)| {
                let start = chance(&format!("{} {class} {}", self.seed, steps.start));
                Bin { positions: positions(detections, share, start), steps, detections, seen: 0 }
            });
            plan.bins = drawn.collect();
        }
    }

    /// Second pass, in the order of the first: whether a detection is chosen.
    pub(super) fn choose(&mut self, recording: &Recording, detection: &Detection) -> Option<Drawn> {
        let plan = self.plans.get_mut(&detection.class)?;
        let at = step(detection.peak_score);
        let bin = plan.bins.iter_mut().find(|bin| bin.steps.contains(&at))?;
        let is_drawn = bin.positions.contains(&bin.seen);
        bin.seen += 1;
        let drawn = |strata: String| Drawn { strata, bin: bin.name(), bin_detections: bin.detections };
        if self.of == Of::Windows {
            return is_drawn.then(|| drawn(WINDOWS.to_owned()));
        }
        let id = detection.id(recording);
        let strata = [(DETECTIONS, is_drawn), ("top", plan.top.has(&id)), ("uncertain", plan.uncertain.has(&id))];
        let strata: Vec<&str> = strata.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        (!strata.is_empty()).then(|| drawn(strata.join("+")))
    }
}

/// The step of a score.
pub(super) fn step(score: f32) -> usize {
    ((f64::from(score) * STEPS as f64) as usize).min(STEPS - 1)
}

/// The steps of a bin by its name, such as `0.250-0.613`; `None` where it is no name of a bin.
pub(super) fn steps(name: &str) -> Option<Range<usize>> {
    let (from, to) = name.split_once('-')?;
    let edge = |text: &str| {
        let edge = text.trim().replace(',', ".").parse::<f64>().ok()?;
        (0.0..=1.0).contains(&edge).then(|| (edge * STEPS as f64).round() as usize)
    };
    Some(edge(from)?..edge(to)?).filter(|steps| !steps.is_empty())
}

/// Cuts steps into at most `most` runs with about as many detections each; none is empty.
fn bins(counts: &[u64], most: usize) -> Vec<Range<usize>> {
    let total: u64 = counts.iter().sum();
    let (mut bins, mut from, mut sum, mut before) = (Vec::new(), 0, 0, 0);
    for (step, count) in counts.iter().enumerate() {
        sum += count;
        let is_full = sum * most as u64 >= total * (bins.len() as u64 + 1);
        if *count > 0 && (is_full || sum == total) {
            bins.push(from..step + 1);
            (from, before) = (step + 1, sum);
        }
        if before == total {
            break;
        }
    }
    if let Some(last) = bins.last_mut() {
        last.end = counts.len();
    }
    bins
}

/// Cuts steps into at most `most` runs, each with half of what the runs before left, or more where that is of one step; the last two hold
/// what is left. None is empty.
pub(super) fn halves(counts: &[u64], most: usize) -> Vec<Range<usize>> {
    let total: u64 = counts.iter().sum();
    let (mut bins, mut from, mut sum, mut before) = (Vec::new(), 0, 0, 0);
    for (step, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        sum += count;
        let is_half = (sum - before) * 2 >= total - before && bins.len() + 1 < most;
        if is_half || sum == total {
            bins.push(from..step + 1);
            (from, before) = (step + 1, sum);
        }
    }
    if let Some(last) = bins.last_mut() {
        last.end = counts.len();
    }
    bins
}

/// How many each bin gives of `n`: the same as any other, or all that it has.
fn allocate(sizes: &[u64], n: u64) -> Vec<u64> {
    let mut given = vec![0; sizes.len()];
    let mut left = n.min(sizes.iter().sum());
    while left > 0 {
        for (given, size) in given.iter_mut().zip(sizes).filter(|(given, size)| **given < **size) {
            if left > 0 && *given < *size {
                *given += 1;
                left -= 1;
            }
        }
    }
    given
}

/// Every `size / n`-th position from a start by chance.
fn positions(size: u64, n: u64, start: f64) -> BTreeSet<u64> {
    let step = size as f64 / n.max(1) as f64;
    (0..n).map(|k| (((start + k as f64) * step) as u64).min(size.saturating_sub(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::clock::Start;
    use crate::export::detection::tests::{detection_at, recording};

    #[test]
    fn bins_hold_about_as_many_each_and_ties_stay_together() {
        let mut counts = vec![0; STEPS];
        (counts[300], counts[400], counts[500], counts[999]) = (10, 10, 10, 30);
        assert_eq!(bins(&counts, 5), [0..401, 401..501, 501..1000]);
        assert_eq!(bins(&counts, 2), [0..501, 501..1000]);
        assert_eq!(bins(&[0, 3, 0], 5).first(), Some(&(0..3)));
        assert_eq!(bins(&[0; 4], 5), Vec::<Range<usize>>::new());
    }

    #[test]
    fn bins_of_windows_halve_what_is_left() {
        let mut counts = vec![0; STEPS];
        // Half, a quarter, an eighth, two sixteenths.
        (counts[0], counts[10], counts[100], counts[500], counts[900]) = (80, 40, 20, 10, 10);
        assert_eq!(halves(&counts, 5), [0..1, 1..11, 11..101, 101..501, 501..1000]);
        assert_eq!(halves(&counts, 3), [0..1, 1..11, 11..1000]);
        // Where nearly all score nearly nothing, the others are still told apart.
        (counts[0], counts[1]) = (100_000, 3);
        assert_eq!(halves(&counts, 4), [0..1, 1..11, 11..101, 101..1000]);
        assert_eq!(halves(&[0, 7, 0], 5).first(), Some(&(0..3)));
        assert_eq!(halves(&[0; 4], 5), Vec::<Range<usize>>::new());
    }

    #[test]
    fn a_bin_is_known_by_its_name() {
        let bin = Bin { steps: 250..613, detections: 1, positions: BTreeSet::new(), seen: 0 };
        assert_eq!(steps(&bin.name()), Some(250..613));
        assert_eq!(steps("0,250-1,000"), Some(250..1000), "as a spreadsheet of another locale saves it");
        for name in ["", "0.5", "0.5-0.5", "0.6-0.5", "a-b", "0.5-2"] {
            assert_eq!(steps(name), None, "{name}");
        }
    }

    #[test]
    fn windows_of_all_scores_are_heard_and_few_of_the_silent_ones() {
        let recordings: Vec<Recording> = (0..100).map(|i| recording(&format!("r{i:02}"))).collect();
        let score = |i: usize| if i < 84 { 0.001 } else { i as f32 / 100.0 };
        let mut sampler = Sampler::new(Of::Windows, 15, 3);
        let windows: Vec<Detection> = (0..100).map(|i| detection_at("FROG", 0.0, score(i))).collect();
        recordings.iter().zip(&windows).for_each(|(r, w)| sampler.count(r, std::slice::from_ref(w)).unwrap());
        sampler.draw();
        let chosen: Vec<Drawn> = recordings.iter().zip(&windows).filter_map(|(r, w)| sampler.choose(r, w)).collect();
        let of = |bin: &str| chosen.iter().filter(|drawn| drawn.bin == bin && drawn.strata == "window").count();
        // 84, then of 16: 8, 4, 2 and 2.
        assert_eq!(chosen.len(), 15);
        assert_eq!([of("0.000-0.002"), of("0.002-0.911"), of("0.911-0.950")], [4, 4, 3]);
    }

    #[test]
    fn bins_give_alike_and_no_more_than_they_have() {
        assert_eq!(allocate(&[100, 2, 100], 12), [5, 2, 5]);
        assert_eq!(allocate(&[1, 1], 12), [1, 1]);
        assert_eq!(allocate(&[], 12), Vec::<u64>::new());
    }

    #[test]
    fn positions_are_even_and_each_has_the_same_chance() {
        let mut hits = [0; 10];
        for start in (0..1000).map(|i| f64::from(i) / 1000.0) {
            let drawn = positions(10, 4, start);
            assert_eq!(drawn.len(), 4);
            drawn.iter().for_each(|&at| hits[at as usize] += 1);
        }
        assert!(hits.iter().all(|hits| (395..=405).contains(hits)), "{hits:?}");
        assert_eq!(positions(3, 3, 0.999), [0, 1, 2].into());
        assert!((0..100).all(|i| (0.0..1.0).contains(&chance(&i.to_string()))));
    }

    #[test]
    fn an_hour_at_a_site_gives_one_of_the_top() {
        // Two recordings of one hour, and one of the next.
        let at = |id: &str, minute: i64| Recording { start: Start::Local(minute * 60_000_000), ..recording(id) };
        let mut sampler = Sampler::new(Of::Detections, 10, 0);
        for (recording, score) in [(at("r1", 0), 0.9), (at("r2", 30), 0.8), (at("r3", 60), 0.7)] {
            sampler.count(&recording, &[detection_at("FROG", 0.0, score)]).unwrap();
        }
        let top = sampler.plans.remove("FROG").unwrap().top.into_members();
        assert_eq!(top.iter().map(|near| near.id.as_str()).collect::<Vec<_>>(), ["r1:FROG:0", "r3:FROG:0"]);
    }

    #[test]
    fn few_clips_are_of_all_scores() {
        let mut sampler = Sampler::new(Of::Detections, 2, 0);
        let detections: Vec<Detection> = (0..40).map(|i| detection_at("FROG", 3.0 * f64::from(i), i as f32 / 40.0)).collect();
        sampler.count(&recording("r"), &detections).unwrap();
        sampler.draw();
        let bins = &sampler.plans["FROG"].bins;
        assert!(bins.iter().all(|bin| !bin.positions.is_empty()), "{bins:?}");
        assert_eq!(bins.iter().map(|bin| bin.detections).sum::<u64>(), 40);
    }

    #[test]
    fn a_class_gives_its_top_its_uncertain_and_a_sample_of_all() {
        let recordings: Vec<Recording> = (0..40).map(|i| recording(&format!("r{i:02}"))).collect();
        let detections = |i: usize| vec![detection_at("FROG", 0.0, 0.3 + i as f32 / 100.0), detection_at("FROG", 9.0, 0.3)];
        let sample = |seed| {
            let mut sampler = Sampler::new(Of::Detections, 20, seed);
            recordings.iter().enumerate().for_each(|(i, r)| sampler.count(r, &detections(i)).unwrap());
            sampler.draw();
            let mut chosen = Vec::new();
            for (i, recording) in recordings.iter().enumerate() {
                for detection in detections(i) {
                    chosen.extend(sampler.choose(recording, &detection).map(|choice| (detection.id(recording), choice)));
                }
            }
            chosen
        };
        let chosen = sample(1);
        let of = |stratum: &str| -> Vec<&str> {
            chosen.iter().filter(|(_, drawn)| drawn.strata.contains(stratum)).map(|(id, _)| id.as_str()).collect()
        };
        assert_eq!((of("top").len(), of("uncertain").len(), of("random").len()), (4, 4, 12));
        let top = of("top");
        assert_eq!(top, ["r36:FROG:0", "r37:FROG:0", "r38:FROG:0", "r39:FROG:0"]);
        // Weights of the sample add up to all detections.
        let bins: BTreeMap<&str, u64> = chosen.iter().map(|(_, drawn)| (drawn.bin.as_str(), drawn.bin_detections)).collect();
        assert_eq!(bins.values().sum::<u64>(), 80);
        assert_eq!(chosen, sample(1));
        assert_ne!(chosen, sample(2));
    }
}
