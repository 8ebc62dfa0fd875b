//! From windows that somebody heard to the share of windows in which a class calls, at a site and in a night.
//!
//! Windows are told apart by bins of their score. Of each bin, the windows that were heard give the share with the class; a night has so
//! many windows of each bin; the sum over bins is the night's share (call density: Navine et al. 2024, "All thresholds barred: direct
//! estimation of call density in bioacoustic data"; as a stratified estimator: Cochran, Sampling Techniques, 1977, 5.4). It needs no
//! threshold, and the classifier may be bad: then bins differ little, and the interval is wide.
//!
//! The share of a bin at a site is between that of the site's own recordings and that of all sites. With [`HALF_WAY`] recordings of the
//! site in which somebody heard a window of that bin, both count the same; at a site without any it is that of all sites.
//!
//! The interval is Wilson's at the effective sample size `p (1 - p) / V` (Korn and Graubard, Survey Methodology 24, 1998). `V` is the
//! larger of two variances, for windows of one recording are alike: that of independent windows, whose shares are drawn half a window to
//! each side so that bins with only yes or only no do not count as certain, and that between recordings (Taylor linearisation; Cochran,
//! chapter 11). To either it adds that a night has only so many windows.

use std::collections::BTreeMap;

use crate::review::estimate::wilson;

/// Recordings of a site with which its own share of a bin counts as much as that of all sites.
const HALF_WAY: f64 = 5.0;

/// What was heard in one recording of one class, by bin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    /// The site.
    pub(super) site: String,
    /// Windows that were heard.
    pub(super) windows: Vec<u64>,
    /// Those with the class.
    pub(super) with: Vec<u64>,
}

/// An estimated share of windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The share.
    pub share: f64,
    /// Lower end of the interval of 95 %.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What was heard of one class.
#[derive(Debug)]
pub(super) struct Density<'a> {
    bins: usize,
    recordings: Vec<&'a Heard>,
    /// All of it.
    all: Sums,
}

/// Windows by bin.
#[derive(Debug, Clone)]
struct Sums {
    windows: Vec<f64>,
    with: Vec<f64>,
    /// Recordings with a window of the bin.
    recordings: Vec<f64>,
}

impl Sums {
    fn of<'a>(bins: usize, recordings: impl Iterator<Item = &'a Heard>) -> Self {
        let mut sums = Self { windows: vec![0.0; bins], with: vec![0.0; bins], recordings: vec![0.0; bins] };
        for heard in recordings {
            for bin in 0..bins {
                sums.windows[bin] += heard.windows[bin] as f64;
                sums.with[bin] += heard.with[bin] as f64;
                sums.recordings[bin] += f64::from(u8::from(heard.windows[bin] > 0));
            }
        }
        sums
    }

    /// The share of a bin; 0 where nothing was heard.
    fn share(&self, bin: usize) -> f64 {
        if self.windows[bin] > 0.0 { self.with[bin] / self.windows[bin] } else { 0.0 }
    }

    /// The same, drawn half a window to either side.
    fn smooth(&self, bin: usize) -> f64 {
        (self.with[bin] + 0.5) / (self.windows[bin] + 1.0)
    }
}

/// What holds at one site, by bin.
#[derive(Debug, Clone)]
pub(super) struct AtSite {
    /// Whether somebody heard a window of the bin, anywhere.
    is_heard: Vec<bool>,
    share: Vec<f64>,
    smooth: Vec<f64>,
    /// Variance of the share, were windows independent.
    variance: Vec<f64>,
    /// Covariance of the shares of two bins, between recordings.
    between: Vec<Vec<f64>>,
}

impl<'a> Density<'a> {
    /// What these recordings say, with so many bins each.
    pub(super) fn new(bins: usize, recordings: impl Iterator<Item = &'a Heard>) -> Self {
        let recordings: Vec<&Heard> = recordings.collect();
        let all = Sums::of(bins, recordings.iter().copied());
        Self { bins, recordings, all }
    }

    /// What it says of a site.
    pub(super) fn at(&self, site: &str) -> AtSite {
        let (all, own) = (&self.all, Sums::of(self.bins, self.recordings.iter().copied().filter(|heard| heard.site == site)));
        let bins = || 0..self.bins;
        let weight = |bin: usize| own.recordings[bin] / (own.recordings[bin] + HALF_WAY);
        let between = |bin: usize, own: f64, all: f64| weight(bin) * own + (1.0 - weight(bin)) * all;
        let share: Vec<f64> = bins().map(|bin| between(bin, own.share(bin), all.share(bin))).collect();
        let smooth: Vec<f64> = bins().map(|bin| between(bin, own.smooth(bin), all.smooth(bin))).collect();
        // How much one window counts that was heard elsewhere, or here.
        let elsewhere = |bin: usize| if all.windows[bin] > 0.0 { (1.0 - weight(bin)) / all.windows[bin] } else { 0.0 };
        let here = |bin: usize| elsewhere(bin) + if own.windows[bin] > 0.0 { weight(bin) / own.windows[bin] } else { 0.0 };
        let variance = |bin: usize| {
            let others = all.windows[bin] - own.windows[bin];
            let of = |p: f64, windows: f64, counts: f64| p * (1.0 - p) * windows * counts * counts;
            of(smooth[bin], own.windows[bin], here(bin)) + of(all.smooth(bin), others, elsewhere(bin))
        };
        let mut covariance = vec![vec![0.0; self.bins]; self.bins];
        let recordings = self.recordings.len() as f64;
        if recordings > 1.0 {
            for heard in &self.recordings {
                let off = |bin: usize| {
                    let (expected, counts) =
                        if heard.site == site { (share[bin], here(bin)) } else { (all.share(bin), elsewhere(bin)) };
                    (heard.with[bin] as f64 - expected * heard.windows[bin] as f64) * counts
                };
                let off: Vec<f64> = bins().map(off).collect();
                for (row, one) in covariance.iter_mut().zip(&off) {
                    row.iter_mut().zip(&off).for_each(|(sum, other)| *sum += one * other * recordings / (recordings - 1.0));
                }
            }
        }
        AtSite {
            is_heard: bins().map(|bin| all.windows[bin] > 0.0).collect(),
            variance: bins().map(variance).collect(),
            share,
            smooth,
            between: covariance,
        }
    }
}

impl AtSite {
    /// The share of some windows, which are so many in each bin, and the share of them that it speaks of: those in bins of which somebody
    /// heard a window. No estimate where these are none.
    pub(super) fn of(&self, windows: &[u64]) -> (Option<Share>, f64) {
        let all: u64 = windows.iter().sum();
        let heard: Vec<f64> = windows.iter().zip(&self.is_heard).map(|(n, is)| if *is { *n as f64 } else { 0.0 }).collect();
        let total: f64 = heard.iter().sum();
        if total <= 0.0 {
            return (None, 0.0);
        }
        let weights: Vec<f64> = heard.iter().map(|n| n / total).collect();
        let sum = |of: &dyn Fn(usize) -> f64| weights.iter().enumerate().map(|(bin, weight)| weight * of(bin)).sum::<f64>();
        let independent = sum(&|bin| weights[bin] * self.variance[bin]);
        let between =
            sum(&|bin| self.between[bin].iter().zip(&weights).map(|(covariance, weight)| covariance * weight).sum::<f64>());
        let of_the_night = sum(&|bin| self.smooth[bin] * (1.0 - self.smooth[bin])) / total;
        let (share, smooth) = (sum(&|bin| self.share[bin]).clamp(0.0, 1.0), sum(&|bin| self.smooth[bin]));
        let (low, high) = wilson(share, smooth * (1.0 - smooth) / (independent.max(between) + of_the_night));
        (Some(Share { share, low, high }), total / all as f64)
    }
}

/// Windows that were heard, by site.
pub(super) fn by_site<'a>(recordings: impl Iterator<Item = &'a Heard>) -> BTreeMap<&'a str, u64> {
    let mut sums = BTreeMap::new();
    for heard in recordings {
        *sums.entry(heard.site.as_str()).or_default() += heard.windows.iter().sum::<u64>();
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recordings of a site with one window each, of one bin; so many with the class.
    fn single(site: &str, bin: usize, windows: usize, with: usize) -> Vec<Heard> {
        let at = |n: u64| (0..2).map(|i| if i == bin { n } else { 0 }).collect::<Vec<u64>>();
        (0..windows).map(|i| Heard { site: site.into(), windows: at(1), with: at(u64::from(i < with)) }).collect()
    }

    fn of(heard: &[Heard], site: &str, windows: &[u64]) -> (Share, f64) {
        let (share, covered) = Density::new(2, heard.iter()).at(site).of(windows);
        (share.unwrap(), covered)
    }

    #[test]
    fn each_bin_counts_for_its_windows() {
        // 1 of 20 low windows, 15 of 20 high ones.
        let heard = [single("A", 0, 20, 1), single("A", 1, 20, 15)].concat();
        let (night, covered) = of(&heard, "B", &[900, 100]);
        assert!((night.share - (0.9 * 0.05 + 0.1 * 0.75)).abs() < 1e-12 && covered == 1.0);
        assert!(night.low < night.share && night.share < night.high && night.low > 0.0 && night.high < 0.3, "{night:?}");
        // A loud night of the same site.
        assert!((of(&heard, "B", &[100, 900]).0.share - (0.1 * 0.05 + 0.9 * 0.75)).abs() < 1e-12);
    }

    #[test]
    fn one_bin_of_many_windows_has_wilsons_interval() {
        let heard = single("A", 0, 10, 5);
        let (share, _) = of(&heard, "B", &[1_000_000_000, 0]);
        let (low, high) = wilson(0.5, 10.0);
        // Between recordings the variance is larger by 10 to 9.
        let (wide_low, wide_high) = wilson(0.5, 9.0);
        assert!(share.low < low && share.high > high, "{share:?}");
        assert!((share.low - wide_low).abs() < 1e-6 && (share.high - wide_high).abs() < 1e-6, "{share:?}");
    }

    #[test]
    fn what_was_never_heard_is_not_certain() {
        let (share, _) = of(&single("A", 0, 10, 0), "B", &[1_000_000_000, 0]);
        let (low, high) = wilson(0.0, 10.0);
        assert!(share.share == 0.0 && (share.low - low).abs() < 1e-6 && (share.high - high).abs() < 1e-6, "{share:?}");
    }

    #[test]
    fn a_site_is_between_its_own_windows_and_those_of_all() {
        let heard = [single("A", 0, 5, 5), single("B", 0, 15, 0)].concat();
        // 5 of 20 everywhere; all of its own 5 at A, and none of 15 at B.
        let share = |site| of(&heard, site, &[100, 0]).0.share;
        assert!((share("A") - (0.5 * 1.0 + 0.5 * 0.25)).abs() < 1e-12);
        assert!((share("B") - 0.25 * 0.25).abs() < 1e-12);
        assert!((share("C") - 0.25).abs() < 1e-12, "nobody listened there");
    }

    #[test]
    fn windows_of_one_recording_are_alike() {
        // 40 windows, 20 with the class: of 40 recordings, or of 2.
        let alone = single("A", 0, 40, 20);
        let two = [20, 0].map(|with| Heard { site: "A".into(), windows: vec![20, 0], with: vec![with, 0] });
        let width = |heard: &[Heard]| {
            let (share, _) = of(heard, "B", &[1000, 0]);
            share.high - share.low
        };
        assert!(width(&two) > 2.0 * width(&alone), "{} {}", width(&two), width(&alone));
    }

    #[test]
    fn what_no_bin_covers_is_told() {
        let heard = single("A", 1, 10, 5);
        let (share, covered) = of(&heard, "A", &[75, 25]);
        assert!((share.share - 0.5).abs() < 1e-12 && covered == 0.25);
        assert_eq!(Density::new(2, heard.iter()).at("A").of(&[75, 0]), (None, 0.0));
        assert_eq!(Density::new(2, std::iter::empty()).at("A").of(&[75, 3]), (None, 0.0));
    }
}
