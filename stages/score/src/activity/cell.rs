//! Counts of a span of time: how long was listened to, and what was found of each class.

use std::collections::BTreeMap;

/// What was found of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Windows that are part of an event.
    pub(super) windows: u64,
    /// Minutes with such a window.
    pub(super) minutes: u64,
    /// Events that begin.
    pub(super) events: u64,
}

/// Effort of some span of time, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    /// Recorded time, microseconds.
    pub(super) recorded_us: i64,
    /// Windows that begin.
    pub(super) windows: u64,
    /// Minutes of recordings that begin and hold a window.
    pub(super) minutes: u64,
    /// By number of the class.
    pub(super) found: BTreeMap<u32, Found>,
}

impl Cell {
    /// Recorded time, seconds.
    pub(super) fn recorded_s(&self) -> f64 {
        self.recorded_us as f64 / 1e6
    }

    /// What was found of a class.
    pub(super) fn found(&self, class: u32) -> Found {
        self.found.get(&class).copied().unwrap_or_default()
    }

    /// The numbers of the classes that were found.
    pub(super) fn detected(&self) -> impl Iterator<Item = u32> {
        self.found.iter().filter(|(_, found)| found.windows > 0).map(|(class, _)| *class)
    }

    /// Adds another span's.
    pub(super) fn add(&mut self, other: &Self) {
        self.recorded_us += other.recorded_us;
        self.windows += other.windows;
        self.minutes += other.minutes;
        for (class, found) in &other.found {
            let own = self.found.entry(*class).or_default();
            own.windows += found.windows;
            own.minutes += found.minutes;
            own.events += found.events;
        }
    }
}

/// A cell of so many seconds, with a window of each of these classes and one of none.
#[cfg(test)]
pub(super) fn cell(recorded_s: i64, classes: &[u32]) -> Cell {
    let found = Found { windows: 1, minutes: 1, events: 1 };
    let found = classes.iter().map(|class| (*class, found)).collect();
    Cell { recorded_us: recorded_s * 1_000_000, windows: 1 + classes.len() as u64, minutes: 1, found }
}
