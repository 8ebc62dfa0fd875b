//! Groups of classes and of windows, over which metrics are told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::scored::Side;

/// Classes with positive windows in train and in test.
pub(crate) const SUPPORTED: &str = "supported";
/// Classes with at least `evaluate.min_support` positive windows on the side that is told of.
pub(crate) const WELL_SUPPORTED: &str = "well_supported";
/// The groups by training positives, where the configuration names none.
const BY_FREQUENCY: [&str; 3] = ["frequent", "common", "rare"];
/// In a group of the configuration, stands for the classes that no group names.
const OTHERS: &str = "*";
/// Number of classes in a window from which windows are one group.
const MANY: usize = 4;

/// Starts of the names of groups of windows.
const POLYPHONY: &str = "polyphony_";
const NIGHT: &str = "night_";

/// Whether the stage gives such a name to groups that it makes itself.
pub(crate) fn is_taken(group: &str) -> bool {
    [SUPPORTED, WELL_SUPPORTED].contains(&group) || [POLYPHONY, NIGHT].iter().any(|start| group.starts_with(start))
}

/// Classes by their places, by the name of the group.
pub(crate) type ClassGroups = BTreeMap<String, Vec<usize>>;

/// The groups that the configuration names, or else [`by_frequency`].
pub(crate) fn class_groups(named: &BTreeMap<String, Vec<String>>, classes: &[String], positives: &[u64]) -> ClassGroups {
    if named.is_empty() {
        return by_frequency(classes, positives);
    }
    let is_other = |class: &String| !named.values().flatten().any(|named| named == class);
    let is_in =
        |group: &[String], class: &String| group.contains(class) || (group.iter().any(|name| name == OTHERS) && is_other(class));
    let places = |group: &[String]| (0..classes.len()).filter(|&class| is_in(group, &classes[class])).collect();
    named.iter().map(|(name, group)| (name.clone(), places(group))).collect()
}

/// The names in the groups that are no class of this run, each once.
pub(crate) fn unknown<'a>(named: &'a BTreeMap<String, Vec<String>>, classes: &[String]) -> BTreeSet<&'a str> {
    let names = named.values().flatten().filter(|name| *name != OTHERS);
    names.filter(|class| !classes.contains(class)).map(String::as_str).collect()
}

/// Three groups of equal size: classes by falling number of positive training windows, ties by name; of n classes the one in place i (from 0) is in
/// group 3i / n, rounded down.
fn by_frequency(classes: &[String], positives: &[u64]) -> ClassGroups {
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|&class| (std::cmp::Reverse(positives[class]), &classes[class]));
    let mut groups: ClassGroups = BY_FREQUENCY.map(|name| (name.to_owned(), Vec::new())).into();
    for (place, &class) in order.iter().enumerate() {
        if let Some(group) = groups.get_mut(BY_FREQUENCY[place * BY_FREQUENCY.len() / order.len()]) {
            group.push(class);
        }
    }
    groups.values_mut().for_each(|group| group.sort_unstable());
    groups
}

/// The classes that have at least so many positive windows in each of these.
pub(crate) fn supported(sides: &[&[u64]], least: u64) -> Vec<usize> {
    let classes = sides.first().map_or(0, |side| side.len());
    (0..classes).filter(|&class| sides.iter().all(|side| side[class] >= least)).collect()
}

/// The windows of a side by night.
pub(crate) fn by_night(side: &Side) -> impl Iterator<Item = (String, &[usize])> {
    side.nights().iter().map(|(night, windows)| (format!("{NIGHT}{night}"), windows.as_slice()))
}

/// The windows of a side by how many classes they hold; windows in which not every class was looked for are in none.
pub(crate) fn by_polyphony(side: &Side) -> BTreeMap<String, Vec<usize>> {
    let name = |level: usize| if level == MANY { format!("{POLYPHONY}{MANY}_or_more") } else { format!("{POLYPHONY}{level}") };
    let mut levels = vec![Vec::new(); MANY + 1];
    for window in 0..side.windows() {
        if let Some(classes) = side.polyphony(window) {
            levels[classes.min(MANY)].push(window);
        }
    }
    levels.into_iter().enumerate().map(|(level, windows)| (name(level), windows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn thirds_of_the_classes_by_training_positives() {
        let groups = by_frequency(&names(&["A", "B", "C", "D", "E"]), &[0, 7, 7, 100, 1]);
        assert_eq!(
            groups,
            [("common", vec![2, 4]), ("frequent", vec![1, 3]), ("rare", vec![0])].map(|(n, g)| (n.to_owned(), g)).into()
        );
        let one = by_frequency(&names(&["A"]), &[0]);
        assert_eq!((one["frequent"].len(), one["common"].len(), one["rare"].len()), (1, 0, 0));
    }

    #[test]
    fn named_groups_are_taken_as_they_are() {
        let named = [("few".to_owned(), names(&["B", "X"])), ("none".to_owned(), names(&["X"]))].into();
        let classes = names(&["A", "B"]);
        let groups = class_groups(&named, &classes, &[0, 0]);
        assert_eq!(unknown(&named, &classes).into_iter().collect::<Vec<_>>(), ["X"]);
        assert_eq!(groups, [("few".to_owned(), vec![1]), ("none".to_owned(), vec![])].into());
        let named = [("few".to_owned(), names(&["B"])), ("rest".to_owned(), names(&["*"]))].into();
        assert_eq!(class_groups(&named, &classes, &[0, 0])["rest"], [0]);
        assert!(unknown(&named, &classes).is_empty());
    }

    #[test]
    fn supported_is_what_every_side_has() {
        assert_eq!(supported(&[&[1, 0, 2], &[1, 1, 5]], 1), [0, 2]);
        assert_eq!(supported(&[&[1, 0, 2]], 2), [2]);
    }

    #[test]
    fn windows_by_the_number_of_their_classes() {
        let mut side = Side::of(6);
        let recording = side.open_recording("A");
        for positives in [0, 1, 3, 4, 6] {
            side.push(recording, 3.0, None, &[0.5; 6], &std::array::from_fn::<_, 6, _>(|class| Some(class < positives)));
        }
        side.push(recording, 3.0, None, &[0.5; 6], &[Some(true), None, None, None, None, None]);
        let levels: Vec<_> = by_polyphony(&side).into_iter().collect();
        let wanted: [(&str, &[usize]); 5] = [
            ("polyphony_0", &[0]),
            ("polyphony_1", &[1]),
            ("polyphony_2", &[]),
            ("polyphony_3", &[2]),
            ("polyphony_4_or_more", &[3, 4]),
        ];
        assert_eq!(levels, wanted.map(|(name, windows)| (name.to_owned(), windows.to_vec())));
    }
}
