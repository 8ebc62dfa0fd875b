//! What the windows of a single site decide, drawn towards what those of all sites decide, or towards what was decided of a given model
//! where that stands for all sites: thresholds between the two in logits, and probabilities between the two. With [`HALF_WAY`] recordings
//! of the site that hold the class, both count the same; with fewer, all sites count more. Recordings are counted because windows of one
//! recording are alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::evidence::{Beside, Evidence};
use super::rules::Rules;
use super::scored::Side;
use crate::calibration::platt::{logistic, logit};
use crate::calibration::{self, Calibration, Curve, Shrunk};
use crate::error::ScoreError;
use crate::metrics::Ranking;
use crate::thresholds::{self, Source, Threshold};

const HALF_WAY: f64 = 5.0;

/// What is decided of a class at a site.
#[derive(Debug, Clone)]
pub(crate) struct Here {
    pub(crate) threshold: Threshold,
    pub(crate) calibration: Option<Calibration>,
}

/// What is decided at sites, by the class's place.
pub(crate) type AtSites = BTreeMap<String, BTreeMap<usize, Here>>;

/// Decides for each class that has enough positive windows at a site. `thresholds` and `calibrations` are those for all sites.
///
/// # Errors
/// Those of [`Side::ranking`].
pub(crate) fn at_sites(
    validation: &Side,
    rules: &Rules,
    thresholds: &[Threshold],
    calibrations: &[Option<Calibration>],
) -> Result<AtSites, ScoreError> {
    let mut sites = BTreeMap::new();
    for (site, windows) in validation.sites().iter().zip(validation.by_site()) {
        let of = |class: usize| {
            let ranking = validation.ranking(class, &windows)?;
            let own = thresholds::own(&ranking, validation.hours(class, &windows), &rules.threshold);
            Ok(own.map(|own| {
                let weight = weight(validation.recordings_with(class, &windows));
                let everywhere = &thresholds[class];
                let threshold = thresholds::at(&ranking, between(own.threshold, everywhere.threshold, weight), own.source);
                let shown = Evidence::of(validation, class, &windows, Some(site), threshold.threshold, rules);
                let threshold = shown.judged_beside(threshold, Beside::Sites(everywhere), &rules.demand);
                (class, Here { threshold, calibration: calibration(&ranking, rules, weight, calibrations[class].as_ref()) })
            }))
        };
        let classes: Vec<Option<(usize, Here)>> =
            (0..validation.classes()).into_par_iter().map(of).collect::<Result<_, ScoreError>>()?;
        let classes: BTreeMap<usize, Here> = classes.into_iter().flatten().collect();
        if !classes.is_empty() {
            sites.insert(site.clone(), classes);
        }
    }
    Ok(sites)
}

/// The share of the site in what is decided there.
fn weight(recordings: usize) -> f64 {
    recordings as f64 / (recordings as f64 + HALF_WAY)
}

/// A threshold between that of the site and that of all sites.
fn between(own: f64, everywhere: f64, weight: f64) -> f64 {
    // Scores of 0 and 1 have no logit of their own.
    if own == everywhere { own } else { logistic(weight * logit(own) + (1.0 - weight) * logit(everywhere)) }
}

/// The calibration of a site, where its windows have one.
fn calibration(ranking: &Ranking, rules: &Rules, weight: f64, everywhere: Option<&Calibration>) -> Option<Calibration> {
    let own = calibration::fit(ranking, rules.calibration, rules.threshold.min_positives)?;
    let everywhere = everywhere.map(|calibration| Arc::clone(&calibration.curve));
    let curve: Arc<dyn Curve> = Arc::new(Shrunk { own, weight, everywhere });
    let (source, positives, method) = (Source::Own, ranking.positives(), rules.calibration.name());
    Some(Calibration { source, positives, method, weight: Some(weight), curve })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_recordings_of_a_site_move_a_threshold_little_and_many_move_it_all_the_way() {
        let at = |recordings| between(0.8, 0.4, weight(recordings));
        // Logits 1.386294 and -0.405465: a sixth of the way, half of it, and nearly all.
        assert!((at(1) - 0.473_316).abs() < 1e-6 && (at(5) - 0.620_204).abs() < 1e-6 && at(2000) > 0.799);
        assert_eq!((between(1.0, 1.0, 0.5), between(0.0, 0.0, 0.5)), (1.0, 0.0));
    }
}
