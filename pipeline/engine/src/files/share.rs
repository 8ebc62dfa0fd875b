//! Shares of a run: several processes, on one host or on many, make the units of one run at once (`--units 3/64`).
//!
//! The units are shared out by their recorded hours, so that all shares take about as long. Which units there are, and their hours, is
//! written down by whoever looks at the archive (see `roster.rs`), so all processes come to the same result. Nobody waits for another
//! share: whoever starts the processes sees to their order, and a share refuses inputs that are not fresh like any stage does. A process
//! holds the lock of its share while it lives, so that no share has two. The operating system drops it when the process ends, however it
//! ends.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt;
use std::str::FromStr;

use super::hash::hash_bytes;
use crate::Unit;

/// One share of a run's units, such as the third of 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Which, from 1.
    index: u64,
    /// Of how many.
    of: u64,
}

impl Share {
    /// The units of this share, given the recorded hours of all units.
    pub(crate) fn among(self, hours: &BTreeMap<Unit, f64>) -> Own {
        // Whole milliseconds add up to the same in any order.
        let work = |(unit, hours): (&Unit, &f64)| (unit.clone(), (hours.max(0.0) * 3_600_000.0) as u64);
        Own { share: self, share_of: self.deal(hours.iter().map(work)) }
    }

    /// Those of some things, each with how much work it is, that are this share's.
    pub fn own<K: Ord + Clone>(self, things: impl IntoIterator<Item = (K, u64)>) -> BTreeSet<K> {
        self.deal(things).into_iter().filter(|(_, index)| *index == self.index).map(|(thing, _)| thing).collect()
    }

    /// The number of the share of each thing: the largest first, each to the share that has least so far.
    fn deal<K: Ord + Clone>(self, things: impl IntoIterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
        let mut things: Vec<(Reverse<u64>, K)> = things.into_iter().map(|(thing, work)| (Reverse(work), thing)).collect();
        things.sort();
        let mut shares: BinaryHeap<Reverse<(u64, u64)>> = (1..=self.of).map(|index| Reverse((0, index))).collect();
        let mut share_of = BTreeMap::new();
        for (Reverse(work), thing) in things {
            let Some(mut least) = shares.peek_mut() else { break };
            share_of.insert(thing, least.0.1);
            // What seems to be no work is a little.
            least.0.0 += work + 1;
        }
        share_of
    }

    /// Its name among files.
    pub(crate) fn name(self) -> String {
        format!("{}-of-{}", self.index, self.of)
    }
}

/// The units of one share.
#[derive(Debug)]
pub(crate) struct Own {
    share: Share,
    /// The number of each unit's share.
    share_of: BTreeMap<Unit, u64>,
}

impl Own {
    /// Whether a unit belongs to the share. The run as a whole belongs to none. A unit without recordings, such as one of annotations
    /// whose recording is missing, goes by a hash of its name.
    pub(crate) fn has(&self, unit: &Unit) -> bool {
        let by_name = || {
            let digits = &hash_bytes(unit.to_string().as_bytes())[..16];
            u64::from_str_radix(digits, 16).expect("a hash is written in hexadecimal digits") % self.share.of + 1
        };
        *unit != Unit::Run && self.share_of.get(unit).copied().unwrap_or_else(by_name) == self.share.index
    }

    /// Its units among those whose hours are known.
    pub(crate) fn units(&self) -> impl Iterator<Item = &Unit> {
        self.share_of.iter().filter(|(_, index)| **index == self.share.index).map(|(unit, _)| unit)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    /// Reads `3/64`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err(format!("found `{text}`, expected a share such as 3/64: the third of 64")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(site: &str, day: i8) -> Unit {
        Unit::SiteDay { site: site.into(), date: Some(jiff::civil::date(2020, 3, day)), part: 0 }
    }

    fn shares(of: u64) -> Vec<Share> {
        (1..=of).map(|i| format!("{i}/{of}").parse().unwrap()).collect()
    }

    #[test]
    fn every_unit_belongs_to_one_share_and_shares_have_about_the_same_hours() {
        let units: Vec<Unit> = (0..50).flat_map(|site| (1..=20).map(move |day| unit(&format!("POND{site:02}"), day))).collect();
        // From a quarter of an hour to twelve hours.
        let hours: BTreeMap<Unit, f64> = (0..).zip(&units).map(|(i, unit)| (unit.clone(), f64::from(i % 48 + 1) / 4.0)).collect();
        let own: Vec<Own> = shares(64).into_iter().map(|share| share.among(&hours)).collect();
        for unit in &units {
            assert_eq!(own.iter().filter(|own| own.has(unit)).count(), 1, "{unit}");
        }
        let sums: Vec<f64> = own.iter().map(|own| own.units().map(|unit| hours[unit]).sum()).collect();
        let (least, most) = (sums.iter().copied().fold(f64::MAX, f64::min), sums.iter().copied().fold(0.0, f64::max));
        assert!(most - least <= 0.5, "{least} to {most} hours");
        assert!(own.iter().all(|own| !own.has(&Unit::Run)), "the whole run is nobody's share");
    }

    #[test]
    fn units_of_unknown_hours_belong_to_one_share_too() {
        let own: Vec<Own> = shares(8).into_iter().map(|share| share.among(&BTreeMap::new())).collect();
        for day in 1..=20 {
            assert_eq!(own.iter().filter(|own| own.has(&unit("POND01", day))).count(), 1);
        }
        // Nor do units without any recorded time all go to one share.
        let silent: BTreeMap<Unit, f64> = (1..=20).map(|day| (unit("POND01", day), 0.0)).collect();
        assert!(shares(4).into_iter().all(|share| share.among(&silent).units().count() == 5));
    }

    #[test]
    fn shares_are_read_as_they_are_written_in_job_arrays() {
        assert_eq!("3/64".parse(), Ok(Share { index: 3, of: 64 }));
        for text in ["0/4", "5/4", "1", "1/", "/4", "-1/4", "a/b", "1/0", ""] {
            assert!(text.parse::<Share>().unwrap_err().contains("3/64"), "{text}");
        }
    }
}
