//! The choice between settings of a method, by predictions for windows of groups that the fit did not see.

use chorus_engine::hash_bytes;
use chorus_score::metrics::{MacroAverage, Ranking, macro_average};

use crate::HeadError;
use crate::examples::Examples;
use crate::methods::{Fit, Fitting, Head};

/// What a setting of a method is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trial {
    /// The setting.
    pub setting: f64,
    /// Mean average precision over the classes; none where no class has positives outside of a part.
    pub mean_ap: Option<f64>,
    /// How many classes it is the mean of.
    pub classes: u64,
}

/// Fits the method with each setting on all parts but one, and judges it on that one; all parts' predictions are ranked together, so that
/// rare classes count too. With one setting there is nothing to choose, and nothing is fitted.
///
/// # Errors
/// Those of the fit.
pub(crate) fn trials(
    method: &dyn Fit,
    fitting: &Fitting<'_>,
    examples: &Examples,
    folds: usize,
) -> Result<Vec<Trial>, HeadError> {
    let settings = method.settings(fitting.options);
    let untried = |setting| Trial { setting, mean_ap: None, classes: 0 };
    let parts = parts(&examples.groups, folds, fitting.seed);
    let used = parts.iter().copied().max().map_or(0, |last| last + 1);
    if settings.len() < 2 || used < 2 {
        return Ok(settings.into_iter().map(untried).collect());
    }
    let mut logits = vec![vec![f32::NAN; examples.labels.len()]; settings.len()];
    for part in 0..used {
        let (own, others): (Vec<usize>, Vec<usize>) = (0..examples.len()).partition(|&window| parts[window] == part);
        let learnt = examples.chosen(&others);
        if learnt.check().is_err() {
            continue;
        }
        let heads = method.heads(fitting, &learnt, &settings)?;
        for (head, logits) in heads.iter().zip(&mut logits) {
            for &window in &own {
                let at = window * examples.classes;
                head.logits(examples.embedding(window), &mut logits[at..at + examples.classes]);
            }
        }
    }
    Ok(settings.iter().zip(&logits).map(|(&setting, logits)| judged(setting, examples, logits)).collect())
}

fn judged(setting: f64, examples: &Examples, logits: &[f32]) -> Trial {
    let MacroAverage { value, classes, .. } = mean_ap(examples, logits);
    Trial { setting, mean_ap: value, classes }
}

/// Mean average precision of logits `[window, class]`; windows whose logits are not numbers are left out.
pub(crate) fn mean_ap(examples: &Examples, logits: &[f32]) -> MacroAverage {
    let of_class = |class: usize| {
        let pairs =
            logits.iter().zip(&examples.labels).skip(class).step_by(examples.classes).filter(|(logit, _)| !logit.is_nan());
        let (own, labels): (Vec<f32>, Vec<Option<bool>>) = pairs.map(|(&logit, &label)| (logit, label)).unzip();
        Ranking::new(&own, &labels).ok().and_then(|ranking| ranking.average_precision())
    };
    macro_average((0..examples.classes).map(of_class))
}

/// The part of each window: its group's. Groups are dealt out in an order by chance, the ones with the most windows first.
fn parts(groups: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let n = groups.iter().copied().max().map_or(0, |last| last + 1);
    let mut sizes = vec![0_usize; n];
    groups.iter().for_each(|&group| sizes[group] += 1);
    let mut order: Vec<usize> = (0..n).filter(|&group| sizes[group] > 0).collect();
    order.sort_by_key(|&group| (std::cmp::Reverse(sizes[group]), hash_bytes(format!("{seed} {group}").as_bytes())));
    let mut part_of = vec![0; n];
    for (i, &group) in order.iter().enumerate() {
        part_of[group] = i % folds;
    }
    groups.iter().map(|&group| part_of[group]).collect()
}

/// The setting to take: the best one; of several the first, which is the simplest.
pub(crate) fn best(trials: &[Trial]) -> Option<f64> {
    let mut best = trials.first()?;
    for trial in trials {
        if trial.mean_ap > best.mean_ap {
            best = trial;
        }
    }
    Some(best.setting)
}

/// Logits `[window, class]` of all windows.
pub(crate) fn all_logits(head: &dyn Head, examples: &Examples) -> Vec<f32> {
    let mut logits = vec![0.0; examples.labels.len()];
    for (window, logits) in logits.chunks_exact_mut(examples.classes).enumerate() {
        head.logits(examples.embedding(window), logits);
    }
    logits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_in_one_part_and_parts_are_even() {
        let groups: Vec<usize> = (0..100).map(|window| window / 5).collect();
        let parts = parts(&groups, 4, 7);
        for part in 0..4 {
            assert_eq!(parts.iter().filter(|&&own| own == part).count(), 25);
        }
        assert!((0..100).all(|window| parts[window] == parts[window / 5 * 5]));
        assert_ne!(parts, super::parts(&groups, 4, 8));
    }

    #[test]
    fn the_first_of_the_best_settings_is_taken() {
        let trial = |setting, mean_ap| Trial { setting, mean_ap, classes: 1 };
        assert_eq!(best(&[trial(1.0, None), trial(2.0, Some(0.5)), trial(3.0, Some(0.5)), trial(4.0, Some(0.4))]), Some(2.0));
        assert_eq!(best(&[trial(1.0, None), trial(2.0, None)]), Some(1.0));
        assert_eq!(best(&[]), None);
    }
}
