//! Which windows are looked at.

use std::collections::BTreeSet;
use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use jiff::civil::Date;
use rayon::prelude::*;

use crate::embeddings::{Embeddings, Part};
use crate::facts::Facts;
use crate::{Place, SearchError};

/// Which windows are looked at: all, unless something is named.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub(crate) sites: Vec<GlobMatcher>,
    /// First local date of a recording's start.
    pub from: Option<Date>,
    /// Last local date of a recording's start.
    pub to: Option<Date>,
    /// Hours of the local clock in which windows start.
    pub hours: Option<Hours>,
}

/// Hours of the day, from 0 to 23, which may run over midnight: `20-5` are the hours from 20:00 to before 05:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: i8,
    to: i8,
}

impl Hours {
    /// Whether an hour is among them.
    pub fn holds(self, hour: i8) -> bool {
        if self.from < self.to { (self.from..self.to).contains(&hour) } else { hour >= self.from || hour < self.to }
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hour = |text: &str, most: i8| text.trim().parse().ok().filter(|hour| (0..=most).contains(hour));
        let both = text.split_once('-').and_then(|(from, to)| Some((hour(from, 23)?, hour(to, 24)?)));
        let (from, to) = both.filter(|(from, to)| from != to).ok_or_else(|| {
            format!("found `{text}`, expected two hours from 0 to 24 such as 20-5, which is from 20:00 to before 05:00")
        })?;
        Ok(Self { from, to })
    }
}

impl Filter {
    /// Only these sites: names, or patterns in which `*` stands for any text.
    ///
    /// # Errors
    /// [`SearchError::Filter`] when a pattern cannot be read.
    pub fn sites(self, patterns: &[String]) -> Result<Self, SearchError> {
        let matcher =
            |text: &String| Ok(Glob::new(text).map_err(|e| SearchError::Filter(format!("--site: {e}")))?.compile_matcher());
        Ok(Self { sites: patterns.iter().map(matcher).collect::<Result<_, SearchError>>()?, ..self })
    }

    fn takes(&self, part: &Part) -> bool {
        let site = part.partition.site().unwrap_or_default();
        let is_wanted = self.sites.is_empty() || self.sites.iter().any(|pattern| pattern.is_match(site));
        let bounds = self.from.is_some() || self.to.is_some();
        let is_within = |date: Date| self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to);
        is_wanted && part.partition.date().map_or(!bounds, is_within)
    }
}

/// Rows of one file that are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) part: u32,
    /// The rows, ascending; `None` for all.
    pub(crate) rows: Option<Vec<u32>>,
}

impl Chosen {
    /// The rows among these of the file.
    pub(crate) fn within(&self, rows: std::ops::Range<usize>) -> Vec<u32> {
        let (from, to) = (rows.start as u32, rows.end as u32);
        match &self.rows {
            None => (from..to).collect(),
            Some(chosen) => {
                let at = |row: u32| chosen.partition_point(|&other| other < row);
                chosen[at(from)..at(to)].to_vec()
            }
        }
    }
}

impl Embeddings {
    /// The rows that a filter takes.
    ///
    /// # Errors
    /// [`SearchError::Filter`] when a pattern fits no site; [`SearchError::Nothing`] when no row is left, and those of reading.
    pub(crate) fn choose(&self, filter: &Filter) -> Result<Vec<Chosen>, SearchError> {
        let sites: BTreeSet<&str> = self.parts.iter().filter_map(|part| part.partition.site()).collect();
        if let Some(pattern) = filter.sites.iter().find(|pattern| !sites.iter().any(|site| pattern.is_match(site))) {
            let known = sites.into_iter().collect::<Vec<_>>().join(", ");
            return Err(SearchError::Filter(format!("--site: no site is called `{}`; there are: {known}", pattern.glob())));
        }
        let numbered = self.parts.par_iter().enumerate().filter(|(_, part)| filter.takes(part));
        let chosen = numbered.map(|(i, part)| {
            let rows = filter.hours.map(|hours| rows_within(self, part, hours)).transpose()?;
            Ok(Chosen { part: i as u32, rows })
        });
        let mut chosen: Vec<Chosen> = chosen.collect::<Result<_, SearchError>>()?;
        chosen.retain(|chosen| chosen.rows.as_ref().is_none_or(|rows| !rows.is_empty()));
        if chosen.is_empty() {
            let next =
                "no window is left: name other sites, dates or hours. Windows without a known time are in no date and no hour";
            return Err(SearchError::Nothing(next.into()));
        }
        Ok(chosen)
    }

    /// Number of rows.
    pub(crate) fn rows_of(&self, chosen: &Chosen) -> usize {
        chosen.rows.as_ref().map_or(self.parts[chosen.part as usize].rows, Vec::len)
    }

    /// The place of a row.
    pub(crate) fn row_of(chosen: &Chosen, position: usize) -> Place {
        Place { part: chosen.part, row: chosen.rows.as_ref().map_or(position as u32, |rows| rows[position]) }
    }
}

/// The rows of windows that start within these hours.
fn rows_within(embeddings: &Embeddings, part: &Part, hours: Hours) -> Result<Vec<u32>, SearchError> {
    let facts = Facts::of(embeddings, part)?;
    let found = (0..part.rows).map(|row| Ok(facts.hour(row)?.is_some_and(|hour| hours.holds(hour)).then_some(row as u32)));
    found.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_run_over_midnight_and_others_are_refused() {
        let holds = |text: &str| (0..24).filter(|&hour| text.parse::<Hours>().unwrap().holds(hour)).collect::<Vec<i8>>();
        assert_eq!(holds("5-8"), [5, 6, 7]);
        assert_eq!(holds("22-2"), [0, 1, 22, 23]);
        assert_eq!(holds("20-24"), [20, 21, 22, 23]);
        assert_eq!(holds("0-24").len(), 24);
        for text in ["", "5", "5-5", "24-3", "3-25", "-1-3", "a-b"] {
            assert!(text.parse::<Hours>().unwrap_err().contains("20-5"), "{text}");
        }
    }
}
