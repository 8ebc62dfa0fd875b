//! Shares of a run: several processes, on one host or on many, make the units of one run at once (`--units 3/64`).
//!
//! A unit's share follows from the unit's name alone. So it is the same in every stage and does not change when
//! recordings are added. Nobody waits for another share: whoever starts the processes sees to their order, and a share refuses inputs that
//! are not fresh like any stage does. A process holds the lock of its share while it lives, so that no share has two. The operating
//! system drops it when the process ends, however it ends.

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
    /// Whether a unit belongs to this share. The run as a whole belongs to none.
    pub fn owns(self, unit: &Unit) -> bool {
        let digits = &hash_bytes(unit.to_string().as_bytes())[..16];
        let number = u64::from_str_radix(digits, 16).expect("a hash is written in hexadecimal digits");
        *unit != Unit::Run && number % self.of + 1 == self.index
    }

    /// Its name among files.
    pub(crate) fn name(self) -> String {
        format!("{}-of-{}", self.index, self.of)
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

    #[test]
    fn every_unit_belongs_to_one_share_and_shares_are_about_alike() {
        let units: Vec<Unit> = (0..50).flat_map(|site| (1..=20).map(move |day| unit(&format!("POND{site:02}"), day))).collect();
        let shares: Vec<Share> = (1..=8).map(|i| format!("{i}/8").parse().unwrap()).collect();
        for unit in &units {
            assert_eq!(shares.iter().filter(|share| share.owns(unit)).count(), 1, "{unit}");
        }
        for share in &shares {
            let own = units.iter().filter(|unit| share.owns(unit)).count();
            assert!((90..160).contains(&own), "{share}: {own} of {}", units.len());
        }
        assert!(shares.iter().all(|share| !share.owns(&Unit::Run)), "the whole run is nobody's share");
    }

    #[test]
    fn shares_are_read_as_they_are_written_in_job_arrays() {
        assert_eq!("3/64".parse(), Ok(Share { index: 3, of: 64 }));
        for text in ["0/4", "5/4", "1", "1/", "/4", "-1/4", "a/b", "1/0", ""] {
            assert!(text.parse::<Share>().unwrap_err().contains("3/64"), "{text}");
        }
    }
}
