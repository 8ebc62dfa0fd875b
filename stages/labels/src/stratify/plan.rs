//! The steps by which groups are placed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::group::Group;

/// A subset or a fold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Side {
    /// Its name, for messages.
    pub(super) name: String,
    /// Its share of the recordings, 0 to 1; with 0 no group goes to it.
    pub(super) share: f64,
    /// Whether a class that it lacks counts less than one that another side lacks.
    pub(super) is_secondary: bool,
}

/// A class that a side lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lack<'a> {
    pub(super) class: &'a str,
    pub(super) side: usize,
    /// Number of groups with the class.
    pub(super) groups: u64,
}

/// An unfinished split. Classes are numbered by name; a last class stands for all recordings, and every group has it. Sides are
/// numbered as given, those first that should not lack a class. Groups are visited in a random order, so that their order in
/// the input does not matter.
pub(super) struct Plan<'a> {
    groups: &'a [Group],
    sides: &'a [Side],
    classes: Vec<&'a str>,
    /// By group: the classes with their counts, all recordings last.
    counts: Vec<Vec<(usize, u64)>>,
    /// By group: a random number.
    draws: Vec<u64>,
    /// By class: the groups, in random order.
    members: Vec<Vec<usize>>,
    wanted: Vec<usize>,
    placed: Vec<Option<(usize, String)>>,
    held: Vec<bool>,
    /// By class and side: positives that are still needed.
    desired: Vec<Vec<f64>>,
    /// By class and side: groups placed.
    placed_groups: Vec<Vec<u64>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(groups: &'a [Group], sides: &'a [Side], seed: u64) -> Self {
        let names: BTreeSet<&str> = groups.iter().flat_map(|group| group.positives.keys().map(String::as_str)).collect();
        let classes: Vec<&str> = names.into_iter().collect();
        let everything = classes.len();
        let number: BTreeMap<&str, usize> = classes.iter().copied().zip(0..).collect();
        let counts: Vec<Vec<(usize, u64)>> = groups
            .iter()
            .map(|group| {
                let positive = group.positives.iter().filter(|(_, count)| **count > 0);
                let own = positive.map(|(class, &count)| (number[class.as_str()], count));
                own.chain([(everything, group.recordings)]).collect()
            })
            .collect();
        let draws: Vec<u64> = groups.iter().map(|group| draw(seed, &group.id)).collect();
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|&group| (draws[group], &groups[group].id));
        let mut members = vec![Vec::new(); everything + 1];
        let mut totals = vec![0; everything + 1];
        for &group in &order {
            for &(class, count) in &counts[group] {
                members[class].push(group);
                totals[class] += count;
            }
        }
        Self {
            groups,
            sides,
            desired: totals.iter().map(|&total| sides.iter().map(|side| side.share * total as f64).collect()).collect(),
            placed_groups: vec![vec![0; sides.len()]; everything + 1],
            classes,
            counts,
            draws,
            members,
            wanted: (0..sides.len()).filter(|&side| sides[side].share > 0.0).collect(),
            placed: vec![None; groups.len()],
            held: vec![false; groups.len()],
        }
    }

    fn everything(&self) -> usize {
        self.classes.len()
    }

    fn place(&mut self, group: usize, side: usize, reason: String) {
        self.take_back(group);
        for &(class, count) in &self.counts[group] {
            self.desired[class][side] -= count as f64;
            self.placed_groups[class][side] += 1;
        }
        self.placed[group] = Some((side, reason));
    }

    fn take_back(&mut self, group: usize) {
        let Some((side, _)) = self.placed[group].take() else { return };
        for &(class, count) in &self.counts[group] {
            self.desired[class][side] += count as f64;
            self.placed_groups[class][side] -= 1;
        }
    }

    /// Puts the only group of each class on this side for good.
    pub(super) fn hold_sole_groups(&mut self, side: usize) {
        let mut sole: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (class, members) in self.classes.iter().zip(&self.members) {
            if let [group] = members[..] {
                sole.entry(group).or_default().push(class);
            }
        }
        for (group, classes) in sole {
            self.held[group] = true;
            self.place(group, side, format!("only group with {}", classes.join(", ")));
        }
    }

    pub(super) fn stratify(&mut self) {
        let mut open: Vec<usize> = (0..=self.everything()).collect();
        loop {
            open.retain(|&class| self.unplaced(class).next().is_some());
            let Some(&class) = open.iter().min_by_key(|&&class| self.unplaced(class).count()) else {
                return;
            };
            let mut groups: Vec<usize> = self.unplaced(class).collect();
            groups.sort_by_key(|&group| Reverse(self.count(group, class)));
            for (placed, &group) in groups.iter().enumerate() {
                let side = self.choose(group, class, groups.len() - placed);
                self.place(group, side, "stratified".to_owned());
            }
        }
    }

    fn unplaced(&self, class: usize) -> impl Iterator<Item = usize> + '_ {
        self.members[class].iter().copied().filter(|&group| self.placed[group].is_none())
    }

    fn count(&self, group: usize, class: usize) -> u64 {
        let found = self.counts[group].iter().find(|(of, _)| *of == class);
        found.map_or(0, |&(_, count)| count)
    }

    /// The side for a group of `class`, of which `left` groups have no side yet, this one included.
    fn choose(&self, group: usize, class: usize, left: usize) -> usize {
        let lacking: Vec<usize> = self.lacking(class).collect();
        let sides = if left <= lacking.len() { &lacking[..left] } else { &self.wanted[..] };
        let want = |side: usize| (self.desired[class][side], self.desired[self.everything()][side]);
        let most = sides.iter().map(|&side| want(side)).max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let equals: Vec<usize> = sides.iter().copied().filter(|&side| Some(want(side)) == most).collect();
        equals[self.draws[group] as usize % equals.len()]
    }

    /// The sides without a group of `class`, of those with a share.
    fn lacking(&self, class: usize) -> impl Iterator<Item = usize> + '_ {
        self.wanted.iter().copied().filter(move |&side| self.placed_groups[class][side] == 0)
    }

    /// Moves single groups as long as that lowers the number of absent classes.
    pub(super) fn mend(&mut self) {
        while let Some((group, side, class)) = self.best_move() {
            let what = self.classes.get(class).copied().unwrap_or("a group");
            self.place(group, side, format!("moved so that {} has {what}", self.sides[side].name));
        }
    }

    /// The best move, as (group, side, class that the side gains): the one that lowers the absences most, then the one after
    /// which the sizes fit best.
    fn best_move(&self) -> Option<(usize, usize, usize)> {
        let mut best: Option<((i64, i64), f64, (usize, usize, usize))> = None;
        for class in 0..=self.everything() {
            for side in self.lacking(class) {
                for &group in self.members[class].iter().filter(|&&group| !self.held[group]) {
                    let (change, skew) = self.effect(group, side);
                    let better = best.as_ref().is_none_or(|(least, least_skew, _)| (change, skew) < (*least, *least_skew));
                    if change < (0, 0) && better {
                        best = Some((change, skew, (group, side, class)));
                    }
                }
            }
        }
        best.map(|(_, _, step)| step)
    }

    /// The effect of moving a group to the side `to`: the change in absences (of primary sides, of secondary sides), and the
    /// change in the distance of the sizes from the shares.
    fn effect(&self, group: usize, to: usize) -> ((i64, i64), f64) {
        let from = self.placed[group].as_ref().map_or(to, |&(side, _)| side);
        let mut change = (0, 0);
        let mut count = |side: usize, by: i64| {
            *(if self.sides[side].is_secondary { &mut change.1 } else { &mut change.0 }) += by;
        };
        for &(class, _) in &self.counts[group] {
            if self.placed_groups[class][to] == 0 {
                count(to, -1);
            }
            if self.placed_groups[class][from] == 1 {
                count(from, 1);
            }
        }
        let recordings = self.groups[group].recordings as f64;
        let desired = &self.desired[self.everything()];
        let skew =
            (desired[from] + recordings).abs() - desired[from].abs() + (desired[to] - recordings).abs() - desired[to].abs();
        (change, skew)
    }

    /// The classes that sides lack, sorted by class.
    pub(super) fn lacks(&self) -> Vec<Lack<'a>> {
        let known = self.classes.iter().enumerate().filter(|(class, _)| !self.members[*class].is_empty());
        known
            .flat_map(|(class, &name)| {
                let groups = self.members[class].len() as u64;
                self.lacking(class).map(move |side| Lack { class: name, side, groups })
            })
            .collect()
    }

    /// The side of each group, and why.
    pub(super) fn into_places(self) -> impl Iterator<Item = (usize, String)> {
        self.placed.into_iter().map(|placed| placed.expect("stratify places every group: each has the class of all recordings"))
    }
}

/// A random number that depends on seed and id only.
fn draw(seed: u64, id: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(id.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
