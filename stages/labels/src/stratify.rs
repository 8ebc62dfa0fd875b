//! Splits groups of recordings into train, validation and test, or into folds, with each class on each side where possible.
//!
//! A group (a recording, a night, a site) goes to one subset as a whole. Groups are placed by iterative stratification
//! (Sechidis, Tsoumakas, Vlahavas 2011), with whole groups in place of examples. The class with the fewest remaining groups is
//! placed first, and of its groups the one with most positives. A group goes to the subset that still needs most of the class,
//! then to the one that needs most recordings, then by a random draw. Two rules are added for rare classes:
//!
//! 1. The only group with some class goes to train, since a class without training data can't be learnt.
//! 2. When a class has only as many groups left as subsets lack it, those subsets get them (train first, then test, then
//!    validation). At the end single groups are moved where that brings a class to a subset without removing another class.
//!
//! For the subsets with a fraction above 0 this is guaranteed: every group is in exactly one of them. No single group outside
//! of rule 1 could be moved so that fewer pairs of (class, train or test) are absent. No such move would lower the absent pairs
//! of (class, validation) without raising the others. So where no group has two classes, each class with two groups is in train
//! and test, and each class with three is in all subsets. In general, a placement of all classes is a hard problem (set
//! splitting); [`Split::absent`] lists the classes that a subset lacks.
//!
//! Folds are made in the same way. All folds have one size and equal priority. The only group with some class goes where
//! iterative stratification puts it: it is test in one fold and train in the others.
//!
//! The result depends on the groups, the fractions and the seed. It does not depend on the order of the groups, since random
//! draws are hashes of the seed and the group's id.

mod group;
mod plan;

use std::collections::BTreeSet;

use crate::error::LabelsError;
use crate::subset::Subset;
use plan::{Plan, Side};

pub use group::Group;

/// The subsets, those first that should not lack a class.
const SUBSETS: [Subset; 3] = [Subset::Train, Subset::Test, Subset::Validation];
const TRAIN: usize = 0;

const FRACTION_TOLERANCE: f64 = 1e-6;

/// Shares of the recordings; their sum is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// Above 0.
    pub train: f64,
    /// 0 for no validation set.
    pub validation: f64,
    /// 0 for no test set.
    pub test: f64,
}

/// The subset of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The subset.
    pub subset: Subset,
    /// Why the group is there.
    pub reason: String,
}

/// A class that a subset lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// The class.
    pub class: String,
    /// The subset.
    pub subset: Subset,
    /// Number of groups with the class.
    pub groups: u64,
}

/// A split of all groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// One for each group, in the order of the groups.
    pub assignments: Vec<Assignment>,
    /// The classes that subsets lack, sorted by class.
    pub absent: Vec<Absence>,
}

/// Splits groups into subsets.
///
/// # Errors
/// The fractions do not add up to 1, or a group occurs twice.
pub fn split(groups: &[Group], fractions: Fractions, seed: u64) -> Result<Split, LabelsError> {
    check(groups, fractions)?;
    let shares = [fractions.train, fractions.test, fractions.validation];
    let side = |(subset, share): (Subset, f64)| Side {
        name: subset.as_str().to_owned(),
        share,
        is_secondary: subset == Subset::Validation,
    };
    let sides: Vec<Side> = SUBSETS.into_iter().zip(shares).map(side).collect();
    let mut plan = Plan::new(groups, &sides, seed);
    plan.hold_sole_groups(TRAIN);
    plan.stratify();
    plan.mend();
    let absence =
        |lack: plan::Lack<'_>| Absence { class: lack.class.to_owned(), subset: SUBSETS[lack.side], groups: lack.groups };
    let absent = plan.lacks().into_iter().map(absence).collect();
    let assignments = plan.into_places().map(|(side, reason)| Assignment { subset: SUBSETS[side], reason }).collect();
    Ok(Split { assignments, absent })
}

/// Divides groups into `count` folds of about the same size. Returns the number of the fold, from 0, for each group in order.
///
/// # Errors
/// There are fewer groups than folds, or a group occurs twice.
pub fn folds(groups: &[Group], count: usize, seed: u64) -> Result<Vec<usize>, LabelsError> {
    unique(groups)?;
    if groups.len() < count {
        return Err(LabelsError::TooManyFolds { folds: count, groups: groups.len() });
    }
    let side = |fold: usize| Side { name: format!("fold {}", fold + 1), share: 1.0 / count as f64, is_secondary: false };
    let sides: Vec<Side> = (0..count).map(side).collect();
    let mut plan = Plan::new(groups, &sides, seed);
    plan.stratify();
    plan.mend();
    Ok(plan.into_places().map(|(fold, _)| fold).collect())
}

/// Takes a validation set from a training set, as [`split`] without a test set does.
///
/// # Errors
/// `fraction` is not from 0 to below 1, or a group occurs twice.
pub fn carve_validation(train: &[Group], fraction: f64, seed: u64) -> Result<Split, LabelsError> {
    let fractions = Fractions { train: 1.0 - fraction, validation: fraction, test: 0.0 };
    split(train, fractions, seed)
}

fn check(groups: &[Group], fractions: Fractions) -> Result<(), LabelsError> {
    let Fractions { train, validation, test } = fractions;
    let shares = [train, validation, test].iter().all(|share| (0.0..=1.0).contains(share));
    let whole = (train + validation + test - 1.0).abs() <= FRACTION_TOLERANCE;
    if !(shares && whole && train > 0.0) {
        return Err(LabelsError::Fractions { train, validation, test });
    }
    unique(groups)
}

fn unique(groups: &[Group]) -> Result<(), LabelsError> {
    let mut ids = BTreeSet::new();
    match groups.iter().find(|group| !ids.insert(&group.id)) {
        None => Ok(()),
        Some(group) => Err(LabelsError::DuplicateGroup { id: group.id.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THREE: Fractions = Fractions { train: 0.7, validation: 0.1, test: 0.2 };

    fn group(id: &str, recordings: u64, positives: &[(&str, u64)]) -> Group {
        let positives = positives.iter().map(|&(class, count)| (class.to_owned(), count)).collect();
        Group { id: id.to_owned(), recordings, positives }
    }

    /// A group of one recording for each list of classes.
    fn recordings(classes: &[Vec<usize>]) -> Vec<Group> {
        let names: Vec<Vec<String>> = classes.iter().map(|own| own.iter().map(|class| format!("C{class}")).collect()).collect();
        (0..)
            .zip(&names)
            .map(|(k, own): (u32, _)| {
                let positives: Vec<_> = own.iter().map(|class| (class.as_str(), 1)).collect();
                group(&format!("g{k}"), 1, &positives)
            })
            .collect()
    }

    fn subsets(split: &Split) -> Vec<Subset> {
        split.assignments.iter().map(|assignment| assignment.subset).collect()
    }

    /// Counted anew: the pairs of (class, train or test) and of (class, validation) that are absent; the empty name is any group.
    fn absences(groups: &[Group], subsets: &[Subset], wanted: &[Subset]) -> (usize, usize) {
        let classes: BTreeSet<&str> = groups.iter().flat_map(|g| g.positives.keys().map(String::as_str)).chain([""]).collect();
        let lacks = |side: Subset| {
            classes
                .iter()
                .filter(|&&class| {
                    let has = |group: &Group| class.is_empty() || group.positives.contains_key(class);
                    !groups.iter().zip(subsets).any(|(group, subset)| *subset == side && has(group))
                })
                .count()
        };
        let count = |side: Subset| if wanted.contains(&side) { lacks(side) } else { 0 };
        (count(Subset::Train) + count(Subset::Test), count(Subset::Validation))
    }

    #[test]
    fn a_sole_group_goes_to_train_and_says_why() {
        let groups = [group("a", 5, &[("X", 3), ("Y", 1)]), group("b", 1, &[]), group("c", 1, &[("Z", 0)])];
        for seed in 0..20 {
            let split = split(&groups, THREE, seed).unwrap();
            assert_eq!(split.assignments[0], Assignment { subset: Subset::Train, reason: "only group with X, Y".into() });
            let absent: Vec<_> = split.absent.iter().map(|a| (a.class.as_str(), a.subset.as_str(), a.groups)).collect();
            assert_eq!(absent, [("X", "test", 1), ("X", "validation", 1), ("Y", "test", 1), ("Y", "validation", 1)]);
            // The other two fill the sides that are empty.
            assert_eq!(BTreeSet::from_iter(subsets(&split)).len(), 3);
        }
    }

    #[test]
    fn rare_classes_are_on_each_side() {
        // A common class in all forty groups, and ten rare ones in two or three.
        let classes: Vec<Vec<usize>> = (0..40).map(|k| if k < 25 { vec![0, 1 + k % 10] } else { vec![0] }).collect();
        let groups = recordings(&classes);
        for seed in 0..20 {
            let split = split(&groups, THREE, seed).unwrap();
            assert!(split.absent.iter().all(|a| a.subset == Subset::Validation && a.groups == 2), "{:?}", split.absent);
        }
    }

    #[test]
    fn a_class_keeps_its_proportions() {
        let classes: Vec<Vec<usize>> = (0..200).map(|k| if k % 4 == 0 { vec![0] } else { vec![] }).collect();
        let groups = recordings(&classes);
        let split = split(&groups, THREE, 7).unwrap();
        let of = |subset, class: &str| {
            let own = groups.iter().zip(&split.assignments).filter(|(_, a)| a.subset == subset);
            own.filter(|(g, _)| class.is_empty() || g.positives.contains_key(class)).count()
        };
        assert_eq!([Subset::Train, Subset::Validation, Subset::Test].map(|s| of(s, "C0")), [35, 5, 10]);
        assert_eq!([Subset::Train, Subset::Validation, Subset::Test].map(|s| of(s, "")), [140, 20, 40]);
    }

    #[test]
    fn large_groups_count_by_their_recordings() {
        let recordings = |k| if k == 3 { 90 } else { 10 };
        let site = |k| group(&format!("site{k}"), recordings(k), &[("A", recordings(k) / 2)]);
        let groups: Vec<Group> = (0..10).map(site).collect();
        let fractions = Fractions { train: 0.5, validation: 0.0, test: 0.5 };
        let split = split(&groups, fractions, 1).unwrap();
        let test: u64 =
            groups.iter().zip(&split.assignments).filter(|(_, a)| a.subset == Subset::Test).map(|(g, _)| g.recordings).sum();
        assert!((80..=100).contains(&test), "{test} of 180 recordings");
    }

    #[test]
    fn the_seed_changes_the_split() {
        let groups = recordings(&vec![vec![0]; 30]);
        let splits: Vec<_> = (0..5).map(|seed| subsets(&split(&groups, THREE, seed).unwrap())).collect();
        assert!(splits.iter().any(|split| split != &splits[0]));
    }

    #[test]
    fn validation_is_carved_out_of_train() {
        let groups = recordings(&(0..20).map(|k| vec![k % 2]).collect::<Vec<_>>());
        let split = carve_validation(&groups, 0.2, 3).unwrap();
        let sides = subsets(&split);
        assert_eq!(sides.iter().filter(|s| **s == Subset::Validation).count(), 4);
        assert_eq!(sides.iter().filter(|s| **s == Subset::Train).count(), 16);
        assert_eq!(split.absent, []);
        let none = carve_validation(&groups, 0.0, 3).unwrap();
        assert!(subsets(&none).iter().all(|side| *side == Subset::Train));
    }

    #[test]
    fn impossible_splits_are_refused() {
        for (train, validation, test) in [(0.8, 0.1, 0.2), (0.0, 0.5, 0.5), (1.2, -0.2, 0.0), (f64::NAN, 0.5, 0.5)] {
            let fractions = Fractions { train, validation, test };
            assert!(matches!(split(&[], fractions, 0), Err(LabelsError::Fractions { .. })), "{fractions:?}");
        }
        let twice = [group("a", 1, &[]), group("a", 1, &[])];
        assert!(matches!(split(&twice, THREE, 0), Err(LabelsError::DuplicateGroup { id }) if id == "a"));
        assert_eq!(split(&[], THREE, 0).unwrap(), Split { assignments: vec![], absent: vec![] });
    }

    #[test]
    fn more_folds_than_groups_are_refused() {
        let groups = recordings(&vec![vec![0]; 4]);
        let error = folds(&groups, 5, 0).unwrap_err().to_string();
        assert!(error.contains("5 folds") && error.contains("4 groups"), "{error}");
        let mut each = folds(&groups, 4, 0).unwrap();
        each.sort_unstable();
        assert_eq!(each, [0, 1, 2, 3]);
    }

    fn several_classes() -> impl Strategy<Value = Vec<Vec<usize>>> {
        let own = prop::collection::btree_set(0_usize..6, 0..4).prop_map(|own| own.into_iter().collect());
        prop::collection::vec(own, 1..25)
    }

    fn fractions() -> impl Strategy<Value = (Fractions, Vec<Subset>)> {
        prop::sample::select(vec![
            (THREE, vec![Subset::Train, Subset::Validation, Subset::Test]),
            (Fractions { train: 0.8, validation: 0.0, test: 0.2 }, vec![Subset::Train, Subset::Test]),
            (Fractions { train: 0.8, validation: 0.2, test: 0.0 }, vec![Subset::Train, Subset::Validation]),
        ])
    }

    proptest! {
        #[test]
        fn no_single_move_brings_a_class_to_more_sides(
            classes in several_classes(), (fractions, wanted) in fractions(), seed in any::<u64>(),
        ) {
            let groups = recordings(&classes);
            let split = split(&groups, fractions, seed).unwrap();
            let sides = subsets(&split);
            prop_assert_eq!(sides.len(), groups.len());
            prop_assert!(sides.iter().all(|side| wanted.contains(side)));
            let reached = absences(&groups, &sides, &wanted);
            for at in 0..groups.len() {
                let sole = groups[at].positives.keys().any(|c| groups.iter().filter(|g| g.positives.contains_key(c)).count() == 1);
                if sole || groups.len() == 1 {
                    prop_assert_eq!(sides[at], Subset::Train);
                    continue;
                }
                for &side in &wanted {
                    let mut moved = sides.clone();
                    moved[at] = side;
                    prop_assert!(absences(&groups, &moved, &wanted) >= reached, "{at} to {side:?}");
                }
            }
            let named: Vec<_> = split.absent.iter().filter(|a| a.subset == Subset::Validation).collect();
            let any_validation = sides.contains(&Subset::Validation) || !wanted.contains(&Subset::Validation);
            prop_assert_eq!(named.len() + usize::from(!any_validation), reached.1);
        }

        #[test]
        fn with_one_class_per_group_every_class_is_on_every_side(
            classes in prop::collection::vec(prop::option::of(0_usize..8).prop_map(Vec::from_iter), 3..60), seed in any::<u64>(),
        ) {
            let groups = recordings(&classes);
            let split = split(&groups, THREE, seed).unwrap();
            for absence in split.absent {
                let enough = if absence.subset == Subset::Validation { 3 } else { 2 };
                prop_assert!(absence.groups < enough, "{absence:?}");
            }
        }

        #[test]
        fn sizes_are_near_the_fractions(
            classes in prop::collection::vec(prop::collection::btree_set(0_usize..5, 0..3).prop_map(Vec::from_iter), 100..200),
            seed in any::<u64>(),
        ) {
            let groups = recordings(&classes);
            let sides = subsets(&split(&groups, THREE, seed).unwrap());
            for (side, share) in [(Subset::Train, 0.7), (Subset::Validation, 0.1), (Subset::Test, 0.2)] {
                let found = sides.iter().filter(|s| **s == side).count() as f64 / sides.len() as f64;
                prop_assert!((found - share).abs() < 0.05, "{side:?}: {found}");
            }
        }

        #[test]
        fn folds_take_every_group_once_and_a_class_reaches_as_many_as_it_can(
            classes in prop::collection::vec(prop::option::of(0_usize..8).prop_map(Vec::from_iter), 5..60),
            count in 2_usize..6, seed in any::<u64>(),
        ) {
            let groups = recordings(&classes);
            let found = folds(&groups, count, seed).unwrap();
            prop_assert_eq!(found.len(), groups.len());
            prop_assert!((0..count).all(|fold| found.contains(&fold)), "an empty fold");
            for class in 0..8 {
                let own: Vec<usize> = found.iter().zip(&classes).filter(|(_, c)| c.contains(&class)).map(|(f, _)| *f).collect();
                let reached = BTreeSet::from_iter(&own).len();
                prop_assert_eq!(reached, own.len().min(count), "class {}", class);
            }
            let mut backwards = groups.clone();
            backwards.reverse();
            let mut again = folds(&backwards, count, seed).unwrap();
            again.reverse();
            prop_assert_eq!(again, found);
        }

        #[test]
        fn the_order_of_groups_is_of_no_account(
            (classes, order) in several_classes().prop_flat_map(|c| {
                let order: Vec<usize> = (0..c.len()).collect();
                (Just(c), Just(order).prop_shuffle())
            }),
            seed in any::<u64>(),
        ) {
            let groups = recordings(&classes);
            let shuffled: Vec<Group> = order.iter().map(|&at| groups[at].clone()).collect();
            let (split_one, split_two) = (split(&groups, THREE, seed).unwrap(), split(&shuffled, THREE, seed).unwrap());
            for (new, &old) in order.iter().enumerate() {
                prop_assert_eq!(&split_two.assignments[new], &split_one.assignments[old]);
            }
            prop_assert_eq!(split_one.absent, split_two.absent);
        }
    }
}
