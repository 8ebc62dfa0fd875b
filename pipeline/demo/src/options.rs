//! How large a survey is, and which sizes are possible.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::DemoError;
use crate::species::SPECIES;

/// From the first recording of a night (18:30) to the start of its last (01:30), in seconds.
pub(crate) const NIGHT_S: i64 = 7 * 3600;

/// A survey's size. The same options give the same bytes, whatever the number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Seed of every random draw.
    pub seed: u64,
    /// Recorders, each with its own site; 1 to 99 (2 or more with `troubles`, which silence the last).
    pub sites: u32,
    /// Nights, 2 to 365: whole nights are for training or for testing.
    pub nights: u32,
    /// Recordings a night at each site, evenly from 18:30 to 01:30.
    pub recordings_per_night: u32,
    /// Length of a recording in seconds, 10 to 3600.
    pub recording_s: f64,
    /// Invented species, 8 to 24; the first is the most frequent.
    pub species: u32,
    /// Sampling rate in Hz, 16 000 to 192 000.
    pub sample_rate_hz: u32,
    /// Most species that call at the same instant, and about the mean number in a recording; 1 to 8.
    pub max_polyphony: u32,
    /// Adds what real archives have: damaged files, a stray file, and a site where nothing calls.
    pub troubles: bool,
}

impl Default for Options {
    /// 48 recordings of 30 s, on which a small network learns the frequent species in about a minute.
    fn default() -> Self {
        Self {
            seed: 1,
            sites: 4,
            nights: 3,
            recordings_per_night: 4,
            recording_s: 30.0,
            species: 10,
            sample_rate_hz: 22_050,
            max_polyphony: 3,
            troubles: true,
        }
    }
}

impl Options {
    /// 8 recordings of 12 s without troubles, for tests.
    pub fn tiny() -> Self {
        Self {
            sites: 2,
            nights: 2,
            recordings_per_night: 2,
            recording_s: 12.0,
            species: 8,
            sample_rate_hz: 16_000,
            troubles: false,
            ..Self::default()
        }
    }

    pub(crate) fn check(&self) -> Result<(), DemoError> {
        within("sites", self.sites, if self.troubles { 2..=99 } else { 1..=99 })?;
        within("nights", self.nights, 2..=365)?;
        within("recording_s", self.recording_s, 10.0..=3600.0)?;
        within("species", self.species, SPECIES)?;
        within("sample_rate_hz", self.sample_rate_hz, 16_000..=192_000)?;
        within("max_polyphony", self.max_polyphony, 1..=8)?;
        // Recordings of a night do not overlap.
        let most = NIGHT_S as f64 / self.recording_s.ceil();
        within("recordings_per_night", self.recordings_per_night, 1..=1 + most as u32)
    }
}

fn within<T: PartialOrd + Display>(name: &'static str, value: T, range: RangeInclusive<T>) -> Result<(), DemoError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(DemoError::Option { name, found: value.to_string(), expected })
}
