//! From verdicts on a sample to the precision of all detections.
//!
//! Clips of the random sample count, each for as many detections as it stands for: those of its bin of scores, divided by the bin's clips
//! with a verdict. The precision is the weighted share of yes (the stratified estimator of a proportion: Cochran, Sampling Techniques, 1977, 5.4).
//! Its interval is Wilson's (1927; recommended by Brown, Cai and DasGupta, 2001) at Kish's effective sample size, `(Σw)² / Σw²` (Survey Sampling,
//! 1965): as wide as if all bins had the same precision, so rather too wide than too narrow; that a bin was heard in full does not make it
//! narrower. Clips of which a person is not sure count for nothing and are told.
//!
//! The threshold for a wanted precision is the lowest score of the sample from which on the estimate, of the detections with that score
//! or a higher one, reaches it.

use std::collections::BTreeMap;

use chorus_labels::layouts::review::{self, SheetRow};
use chorus_labels::verdicts::clips;

/// Standard deviations of a two-sided interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A clip and what a person said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The class that was detected.
    pub class: String,
    /// Its bin of scores.
    pub bin: String,
    /// Detections in the bin.
    pub bin_detections: u64,
    /// Its score.
    pub score: f64,
    /// Whether it is of the random sample.
    pub is_random: bool,
    /// The verdict.
    pub verdict: Verdict,
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The class calls.
    Yes,
    /// It does not.
    No,
    /// Nobody can tell.
    Unsure,
    /// Nothing yet.
    Open,
}

impl Verdict {
    /// The verdict of a row of a sheet.
    pub fn of(row: &SheetRow) -> Self {
        match row.verdict {
            Some(review::Verdict::Yes) => Self::Yes,
            Some(review::Verdict::No) => Self::No,
            Some(review::Verdict::Unsure) => Self::Unsure,
            None => Self::Open,
        }
    }
}

/// The clips of sheets, each once and with the verdict that counts ([`chorus_labels::verdicts`]). `rows` are in the order in which they
/// count. A clip that was drawn by chance stands for its bin, however often it was drawn or judged for another reason too.
pub fn judged(rows: &[&SheetRow]) -> Vec<Judged> {
    let found = clips(rows, |row| (row.recording.as_str(), row.class.as_str(), row.span_s()), |row| row.verdict.is_some());
    let of_clip = |clip: chorus_labels::verdicts::Clip| {
        let drawn = clip.rows.iter().find(|at| rows[**at].is_random()).unwrap_or(&clip.rows[0]);
        let row = rows[*drawn];
        Judged {
            class: row.class.clone(),
            bin: row.bin.clone(),
            bin_detections: row.bin_detections,
            score: row.score.unwrap_or(0.0),
            is_random: row.is_random(),
            verdict: clip.verdict.map_or(Verdict::Open, |at| Verdict::of(rows[at])),
        }
    };
    found.into_iter().map(of_clip).collect()
}

/// A precision with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The share of detections in which the class calls.
    pub precision: f64,
    /// Lower end of the interval of 95 %.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Kish's effective sample size.
    pub effective_n: f64,
}

/// What a sheet says of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct OfClass {
    /// The class.
    pub class: String,
    /// Clips of all strata by verdict: yes, no, unsure, open.
    pub clips: [u64; 4],
    /// Clips of the random sample with yes or no.
    pub sampled: u64,
    /// Detections in the bins that the sheet names.
    pub detections: u64,
    /// Share of them in bins with a verdict; what follows speaks of these.
    pub covered: f64,
    /// The precision of all of them; `None` without a verdict.
    pub all: Option<Estimate>,
    /// The lowest threshold with the wanted precision, what is estimated there, and how many detections it leaves.
    pub threshold: Option<(f64, Estimate, f64)>,
}

/// Wilson's interval of a proportion `p` of `n` independent trials; `n` may be an effective one, above 0.
pub fn wilson(p: f64, n: f64) -> (f64, f64) {
    let z2n = Z * Z / n;
    let centre = (p + z2n / 2.0) / (1.0 + z2n);
    let half = Z / (1.0 + z2n) * (p * (1.0 - p) / n + z2n / (4.0 * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// What the verdicts say of each class, in the order of their names.
pub fn of_classes(clips: &[Judged], wanted: f64) -> Vec<OfClass> {
    let mut by_class: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for clip in clips {
        by_class.entry(&clip.class).or_default().push(clip);
    }
    by_class.into_iter().map(|(class, clips)| of_class(class, &clips, wanted)).collect()
}

fn of_class(class: &str, clips: &[&Judged], wanted: f64) -> OfClass {
    let of = |verdict| clips.iter().filter(|clip| clip.verdict == verdict).count() as u64;
    let bins: BTreeMap<&str, u64> = clips.iter().map(|clip| (clip.bin.as_str(), clip.bin_detections)).collect();
    let detections: u64 = bins.values().sum();
    let sample = weighted(clips);
    // From 0: the sum of nothing is -0 otherwise.
    let stood_for = sample.iter().fold(0.0, |sum, clip| sum + clip.weight);
    OfClass {
        class: class.to_owned(),
        clips: [Verdict::Yes, Verdict::No, Verdict::Unsure, Verdict::Open].map(of),
        sampled: sample.len() as u64,
        detections,
        covered: if detections > 0 { stood_for / detections as f64 } else { 0.0 },
        all: estimate(&sample),
        threshold: threshold(&sample, wanted),
    }
}

/// A judged clip of the random sample.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weighted {
    score: f64,
    is_yes: bool,
    /// How many detections it stands for.
    weight: f64,
}

/// The judged clips of the random sample, by falling score.
fn weighted(clips: &[&Judged]) -> Vec<Weighted> {
    let judged = || clips.iter().filter(|c| c.is_random && matches!(c.verdict, Verdict::Yes | Verdict::No));
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    judged().for_each(|clip| *sizes.entry(&clip.bin).or_default() += 1);
    let weigh = |clip: &&Judged| Weighted {
        score: clip.score,
        is_yes: clip.verdict == Verdict::Yes,
        weight: clip.bin_detections as f64 / sizes[clip.bin.as_str()] as f64,
    };
    let mut sample: Vec<Weighted> = judged().map(weigh).collect();
    sample.sort_by(|a, b| b.score.total_cmp(&a.score));
    sample
}

fn estimate(sample: &[Weighted]) -> Option<Estimate> {
    let sum = |of: &dyn Fn(&Weighted) -> f64| sample.iter().map(of).sum::<f64>();
    let total = sum(&|clip| clip.weight);
    if total <= 0.0 {
        return None;
    }
    let precision = (sum(&|clip| if clip.is_yes { clip.weight } else { 0.0 }) / total).clamp(0.0, 1.0);
    let effective_n = total * total / sum(&|clip| clip.weight * clip.weight);
    let (low, high) = wilson(precision, effective_n);
    Some(Estimate { precision, low, high, effective_n })
}

/// The lowest score from which on the wanted precision is reached. `sample` is by falling score.
fn threshold(sample: &[Weighted], wanted: f64) -> Option<(f64, Estimate, f64)> {
    let last_of_score = |n: &usize| *n == sample.len() || sample[n - 1].score > sample[*n].score;
    (1..=sample.len()).rev().filter(last_of_score).find_map(|n| {
        let above = &sample[..n];
        let estimate = estimate(above).filter(|estimate| estimate.precision >= wanted)?;
        Some((above[n - 1].score, estimate, above.iter().map(|clip| clip.weight).sum()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(bin: &str, bin_detections: u64, score: f64, verdict: Verdict) -> Judged {
        Judged { class: "FROG".into(), bin: bin.into(), bin_detections, score, is_random: true, verdict }
    }

    #[test]
    fn wilson_equals_statsmodels() {
        // tests/golden/wilson.py wrote the file: count, effective n, low, high.
        let golden = include_str!("../../tests/golden/wilson.csv");
        let mut seen = 0;
        for line in golden.lines().skip(1) {
            let values: Vec<f64> = line.split(',').map(|value| value.parse().unwrap()).collect();
            let (low, high) = wilson(values[0] / values[1], values[1]);
            assert!((low - values[2]).abs() < 1e-12 && (high - values[3]).abs() < 1e-12, "{line}: {low} {high}");
            seen += 1;
        }
        assert!(seen >= 8);
    }

    #[test]
    fn a_clip_counts_for_what_it_stands_for() {
        use Verdict::{No, Open, Unsure, Yes};
        let mut clips = vec![
            clip("low", 900, 0.3, No),
            clip("low", 900, 0.4, Yes),
            clip("high", 100, 0.9, Yes),
            clip("high", 100, 0.95, Yes),
            clip("high", 100, 0.97, Unsure),
            clip("high", 100, 0.98, Open),
        ];
        let top = Judged { is_random: false, ..clip("high", 100, 0.99, No) };
        clips.push(top);
        let found = &of_classes(&clips, 0.9)[0];
        assert_eq!((found.clips, found.sampled, found.detections, found.covered), ([3, 2, 1, 1], 4, 1000, 1.0));
        let all = found.all.unwrap();
        assert!((all.precision - (0.9 * 0.5 + 0.1)).abs() < 1e-12);
        // Weights 450, 450, 50, 50.
        assert!((all.effective_n - 1e6 / (2.0 * 450.0f64.powi(2) + 2.0 * 50.0f64.powi(2))).abs() < 1e-9);
        let (threshold, at, left) = found.threshold.unwrap();
        assert_eq!((threshold, at.precision, left), (0.4, 1.0, 550.0));
        assert_eq!(of_classes(&clips, 0.5)[0].threshold.map(|t| t.0), Some(0.3));
    }

    /// The rows of a sheet on five clips of one bin, of these strata and all with this verdict.
    fn sheet(strata: &str, verdict: Option<review::Verdict>) -> Vec<SheetRow> {
        let row = |at: u32| SheetRow {
            line: at + 2,
            recording: "A/1.wav".into(),
            class: "FROG".into(),
            start_s: f64::from(at) * 10.0,
            end_s: f64::from(at) * 10.0 + 3.0,
            verdict,
            listener: None,
            strata: strata.into(),
            bin: "0.5-1".into(),
            bin_detections: 50,
            score: Some(0.6),
            threshold: None,
        };
        (0..5).map(row).collect()
    }

    #[test]
    fn a_clip_that_was_judged_twice_counts_once_with_its_last_verdict() {
        use review::Verdict::{No, Unsure, Yes};
        let of = |sheets: &[Vec<SheetRow>]| {
            let rows: Vec<&SheetRow> = sheets.iter().flatten().collect();
            let found = of_classes(&judged(&rows), 0.9).remove(0);
            (found.clips, found.sampled, found.all.map(|all| (all.precision, all.effective_n)))
        };
        let (yes, no) = (|| sheet("random", Some(Yes)), || sheet("random", Some(No)));
        assert_eq!(of(&[yes()]), ([5, 0, 0, 0], 5, Some((1.0, 5.0))));
        assert_eq!(of(&[yes(), no()]), ([0, 5, 0, 0], 5, Some((0.0, 5.0))));
        assert_eq!(of(&[yes(), yes()]), of(&[yes()]), "the interval is as wide as before");
        assert_eq!(of(&[yes(), sheet("random", None)]), of(&[yes()]), "an empty row takes nothing back");
        assert_eq!(of(&[yes(), sheet("random", Some(Unsure))]), ([0, 0, 5, 0], 0, None), "taken back");
        assert_eq!(of(&[yes(), sheet("uncertain", Some(No))]), of(&[no()]), "judged again for another reason");
        assert_eq!(of(&[sheet("top", Some(Yes)), no()]), of(&[no()]));
    }

    #[test]
    fn without_a_verdict_nothing_is_told() {
        let found = &of_classes(&[clip("a", 10, 0.5, Verdict::Open), clip("b", 10, 0.6, Verdict::Unsure)], 0.9)[0];
        assert_eq!((found.all, found.threshold, found.covered), (None, None, 0.0));
        let found = &of_classes(&[clip("a", 10, 0.5, Verdict::No), clip("b", 30, 0.6, Verdict::Open)], 0.9)[0];
        assert_eq!((found.all.map(|all| all.precision), found.threshold, found.covered), (Some(0.0), None, 0.25));
    }

    #[test]
    fn equal_scores_stand_or_fall_together() {
        let clips = [clip("a", 3, 0.8, Verdict::Yes), clip("a", 3, 0.8, Verdict::No), clip("a", 3, 0.9, Verdict::Yes)];
        assert_eq!(of_classes(&clips, 0.9)[0].threshold.map(|t| t.0), Some(0.9));
    }
}
