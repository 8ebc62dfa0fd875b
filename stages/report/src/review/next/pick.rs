//! From candidates to the clips of one class: how many each strategy gives, how many come from new sites, and no hour too often.

use std::collections::{BTreeMap, BTreeSet};

use super::scored::{Candidate, Vectors};
use super::strategy::Strategy;

/// How the clips of a class are divided.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quota {
    /// Clips of each class, at most.
    pub(super) per_class: usize,
    /// Share of them from sites without labels, at least.
    pub(super) new_sites: f64,
    /// Clips of one hour at a site, at most.
    pub(super) per_hour: usize,
}

/// A strategy with its weight, and what it kept of a class.
pub(super) struct Choice<'a> {
    pub(super) strategy: &'a dyn Strategy,
    pub(super) weight: f64,
    pub(super) kept: Vec<Candidate>,
}

/// The clips of a class, each with the name of the strategy that chose it. What a strategy cannot give, the others that have a share give.
pub(super) fn pick(quota: &Quota, choices: Vec<Choice<'_>>, vectors: &Vectors) -> Vec<(&'static str, Candidate)> {
    let weights: Vec<f64> = choices.iter().map(|choice| choice.weight).collect();
    let counts = apportion(quota.per_class, &weights);
    let new_sites = (quota.per_class as f64 * quota.new_sites).round() as usize;
    let news = apportion(new_sites, &counts.iter().map(|&count| count as f64).collect::<Vec<_>>());
    let mut taken = Taken::new(quota.per_hour);
    let mut ordered: Vec<(&'static str, Vec<Candidate>)> = Vec::with_capacity(choices.len());
    for ((choice, count), new) in choices.into_iter().zip(counts).zip(news) {
        if choice.weight <= 0.0 {
            continue;
        }
        let (name, before) = (choice.strategy.name(), taken.picks.len());
        let candidates = choice.strategy.order(choice.kept, &taken.candidates(), vectors);
        taken.take(name, candidates.iter().filter(|candidate| candidate.is_new), before + new);
        taken.take(name, candidates.iter(), before + count);
        ordered.push((name, candidates));
    }
    loop {
        let before = taken.picks.len();
        for (name, candidates) in &ordered {
            let most = (taken.picks.len() + 1).min(quota.per_class);
            taken.take(name, candidates.iter(), most);
        }
        if taken.picks.len() == before {
            return taken.picks;
        }
    }
}

/// What was chosen so far.
struct Taken {
    per_hour: usize,
    picks: Vec<(&'static str, Candidate)>,
    windows: BTreeSet<String>,
    hours: BTreeMap<String, usize>,
}

impl Taken {
    fn new(per_hour: usize) -> Self {
        Self { per_hour, picks: Vec::new(), windows: BTreeSet::new(), hours: BTreeMap::new() }
    }

    fn candidates(&self) -> Vec<Candidate> {
        self.picks.iter().map(|(_, candidate)| candidate.clone()).collect()
    }

    /// Takes candidates in their order until there are `until` in all; passes over what was chosen, and over full hours.
    fn take<'a>(&mut self, name: &'static str, candidates: impl Iterator<Item = &'a Candidate>, until: usize) {
        for candidate in candidates {
            if self.picks.len() >= until {
                return;
            }
            let of_hour = self.hours.entry(candidate.hour.clone()).or_default();
            if *of_hour < self.per_hour && self.windows.insert(candidate.segment.clone()) {
                *of_hour += 1;
                self.picks.push((name, candidate.clone()));
            }
        }
    }
}

/// Divides `n` in proportion to weights: the whole parts, and then one more to the largest remainders (Hamilton's method), earlier ones
/// first. All zeros give nothing.
fn apportion(n: usize, weights: &[f64]) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return vec![0; weights.len()];
    }
    let exact: Vec<f64> = weights.iter().map(|weight| n as f64 * weight / total).collect();
    // A share that is whole but for its last digits counts as whole.
    let mut given: Vec<usize> = exact.iter().map(|share| (share + 1e-9) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0.0).collect();
    by_remainder.sort_by(|&a, &b| (exact[b] - given[b] as f64).total_cmp(&(exact[a] - given[a] as f64)));
    let left = n.saturating_sub(given.iter().sum());
    by_remainder.into_iter().take(left).for_each(|i| given[i] += 1);
    given
}

#[cfg(test)]
mod tests {
    use super::super::scored::tests::candidate;
    use super::super::strategies::STRATEGIES;
    use super::*;

    fn strategy(name: &str) -> &'static dyn Strategy {
        *STRATEGIES.iter().find(|strategy| strategy.name() == name).unwrap()
    }

    fn quota(per_class: usize, new_sites: f64) -> Quota {
        Quota { per_class, new_sites, per_hour: 1 }
    }

    /// A pool of candidates whose names begin with a letter, each of an hour of its own.
    fn kept(letter: &str, n: usize, is_new: bool) -> Vec<Candidate> {
        (0..n).map(|i| Candidate { is_new, ..candidate(&format!("{letter}{i}"), &format!("{letter}{i}"), 0) }).collect()
    }

    fn told(picks: &[(&str, Candidate)]) -> Vec<String> {
        picks.iter().map(|(name, candidate)| format!("{name} {}", candidate.segment)).collect()
    }

    #[test]
    fn shares_are_whole_and_add_up() {
        assert_eq!(apportion(10, &[0.2, 0.3, 0.2, 0.3]), [2, 3, 2, 3]);
        assert_eq!(apportion(10, &[0.2, 0.3, 0.2, 0.0]), [3, 4, 3, 0]);
        assert_eq!(apportion(1, &[1.0, 1.0]), [1, 0]);
        assert_eq!(apportion(7, &[0.0, 0.0]), [0, 0]);
        assert!((0..50).all(|n| apportion(n, &[0.2, 0.3, 0.2, 0.3]).iter().sum::<usize>() == n));
    }

    #[test]
    fn each_strategy_gives_its_share_and_the_others_what_it_lacks() {
        let choices = |uncertain| {
            vec![
                Choice { strategy: strategy("top"), weight: 0.5, kept: kept("t", 9, false) },
                Choice { strategy: strategy("uncertain"), weight: 0.5, kept: kept("u", uncertain, false) },
            ]
        };
        let vectors = Vectors::default();
        assert_eq!(told(&pick(&quota(4, 0.0), choices(9), &vectors)), ["top t0", "top t1", "uncertain u0", "uncertain u1"]);
        assert_eq!(told(&pick(&quota(4, 0.0), choices(1), &vectors)), ["top t0", "top t1", "uncertain u0", "top t2"]);
        assert_eq!(pick(&quota(40, 0.0), choices(1), &vectors).len(), 10);
    }

    #[test]
    fn a_strategy_without_a_share_gives_nothing() {
        let choices = vec![
            Choice { strategy: strategy("top"), weight: 0.0, kept: kept("t", 9, false) },
            Choice { strategy: strategy("uncertain"), weight: 1.0, kept: kept("u", 1, false) },
        ];
        assert_eq!(told(&pick(&quota(4, 0.0), choices, &Vectors::default())), ["uncertain u0"]);
    }

    #[test]
    fn a_window_is_chosen_once_and_an_hour_no_more_often_than_it_may() {
        let own = |hour: &str| vec![candidate("a", hour, 0), candidate("b", "1", 0), candidate("c", "2", 0)];
        let choices = |hour: &str| {
            vec![
                Choice { strategy: strategy("top"), weight: 1.0, kept: own(hour) },
                Choice { strategy: strategy("uncertain"), weight: 1.0, kept: own(hour) },
            ]
        };
        let of = |hour: &str, per_hour| told(&pick(&Quota { per_hour, ..quota(4, 0.0) }, choices(hour), &Vectors::default()));
        assert_eq!(of("1", 1), ["top a", "top c"]);
        assert_eq!(of("1", 2), ["top a", "top b", "uncertain c"]);
        assert_eq!(of("9", 1), ["top a", "top b", "uncertain c"]);
    }

    #[test]
    fn new_sites_get_their_share_where_they_have_windows() {
        let choices = |new| {
            let kept = [kept("k", 9, false), kept("n", new, true)].concat();
            vec![Choice { strategy: strategy("top"), weight: 1.0, kept }]
        };
        let new = |share, new| {
            let picks = pick(&quota(6, share), choices(new), &Vectors::default());
            (picks.len(), picks.iter().filter(|(_, candidate)| candidate.is_new).count())
        };
        assert_eq!((new(0.5, 9), new(0.0, 9), new(0.5, 1), new(1.0, 9)), ((6, 3), (6, 0), (6, 1), (6, 6)));
    }
}
