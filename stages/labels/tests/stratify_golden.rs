//! Folds beside those of an independent implementation, on label matrices with a long tail; `golden/stratify_golden.py` made them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chorus_labels::stratify::{Group, folds};

const SEEDS: u64 = 10;
/// The peer's figures are written with six decimals.
const ROUNDING: f64 = 1e-6;

/// A label matrix, and the peer's figures for it.
struct Case {
    folds: usize,
    classes: usize,
    deviation: f64,
    absent: f64,
    examples: Vec<Vec<usize>>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("golden/stratify.txt").lines() {
        if let Some(head) = line.strip_prefix("matrix ") {
            let [classes, folds, deviation, absent] = head.split(' ').collect::<Vec<_>>().try_into().unwrap();
            cases.push(Case {
                folds: folds.parse().unwrap(),
                classes: classes.parse().unwrap(),
                deviation: deviation.parse().unwrap(),
                absent: absent.parse().unwrap(),
                examples: Vec::new(),
            });
        } else {
            let own = line.split_whitespace().map(|class| class.parse().unwrap());
            cases.last_mut().unwrap().examples.push(own.collect());
        }
    }
    cases
}

/// Mean over classes and folds of the distance of a class's share from 1 / folds, and the share of such pairs without positives.
fn quality(case: &Case, fold_of: &[usize]) -> (f64, f64) {
    let mut counts = vec![vec![0_u32; case.folds]; case.classes];
    for (own, &fold) in case.examples.iter().zip(fold_of) {
        own.iter().for_each(|&class| counts[class][fold] += 1);
    }
    let pairs = (case.classes * case.folds) as f64;
    let far = |of: &Vec<u32>| {
        let all = f64::from(of.iter().sum::<u32>());
        of.iter().map(|&n| (f64::from(n) / all - 1.0 / case.folds as f64).abs()).sum::<f64>()
    };
    let deviation = counts.iter().map(far).sum::<f64>() / pairs;
    let absent = counts.iter().flatten().filter(|&&n| n == 0).count() as f64 / pairs;
    (deviation, absent)
}

#[test]
fn folds_are_at_least_as_even_as_those_of_the_peer() {
    let cases = cases();
    assert_eq!(cases.len(), 5);
    for case in &cases {
        let group = |(at, own): (usize, &Vec<usize>)| Group {
            id: format!("g{at}"),
            recordings: 1,
            positives: own.iter().map(|class| (format!("C{class:02}"), 1)).collect::<BTreeMap<_, _>>(),
        };
        let groups: Vec<Group> = case.examples.iter().enumerate().map(group).collect();
        let (mut deviation, mut absent, mut skew) = (0.0, 0.0, 0.0_f64);
        for seed in 0..SEEDS {
            let fold_of = folds(&groups, case.folds, seed).unwrap();
            let found = quality(case, &fold_of);
            deviation += found.0 / SEEDS as f64;
            absent += found.1 / SEEDS as f64;
            for fold in 0..case.folds {
                let size = fold_of.iter().filter(|&&of| of == fold).count() as f64;
                skew = skew.max((size * case.folds as f64 / groups.len() as f64 - 1.0).abs());
            }
        }
        eprintln!(
            "{} classes, {} folds, {} examples: deviation {deviation:.4} (peer {:.4}), absent {absent:.4} (peer {:.4}), largest skew of a size {skew:.3}",
            case.classes,
            case.folds,
            groups.len(),
            case.deviation,
            case.absent
        );
        assert!(deviation <= case.deviation + ROUNDING, "deviation {deviation}, the peer's {}", case.deviation);
        assert!(absent <= case.absent + ROUNDING, "absent {absent}, the peer's {}", case.absent);
        assert!(skew < 0.15, "a fold is {skew} off its size");
    }
}
