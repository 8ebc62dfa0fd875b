//! How loud it was, and in what weather: the table `soundscape`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;

/// The table. A run makes it on request.
pub(crate) const TABLE: &str = "soundscape";

pub(super) const COLUMNS: &[&str] = &["seconds", "level_dbfs", "level_db", "l90_dbfs", "rain", "wind", "clipping"];

/// What one site sounded like.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct SoundLevels {
    /// Minutes that were measured, whole or not.
    pub(crate) minutes: u64,
    /// Level of all of it.
    pub(crate) level_dbfs: Energy,
    /// The same as sound pressure level, of the minutes with a calibration.
    pub(crate) level_db: Energy,
    /// Levels that are exceeded in 90 % of a minute.
    pub(crate) background_dbfs: Mean,
    /// Shares of the minutes in which it can be told.
    pub(crate) rain: Mean,
    /// The same.
    pub(crate) wind: Mean,
    /// The same.
    pub(crate) clipping: Mean,
}

/// Decibels, averaged by their energy over time.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Energy {
    sum: f64,
    seconds: f64,
}

impl Energy {
    /// Adds some seconds of a level.
    pub(crate) fn add(&mut self, db: Option<f64>, seconds: f64) {
        if let Some(db) = db {
            self.sum += 10f64.powf(db / 10.0) * seconds;
            self.seconds += seconds;
        }
    }

    /// The mean in dB; `None` without any.
    pub(crate) fn db(self) -> Option<f64> {
        (self.seconds > 0.0).then(|| 10.0 * (self.sum / self.seconds).log10())
    }
}

/// A mean of what is known.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    /// Adds a value, if it is one.
    pub(crate) fn add(&mut self, value: Option<f64>) {
        self.sum += value.unwrap_or(0.0);
        self.count += f64::from(u8::from(value.is_some()));
    }

    /// The mean; `None` without any value.
    pub(crate) fn value(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

/// Adds minutes of one site.
pub(super) fn add(sounds: &mut BTreeMap<String, SoundLevels>, site: &str, batch: &Batch) -> Result<(), TableError> {
    let (seconds, levels, pressures) = (batch.f64("seconds")?, batch.f64("level_dbfs")?, batch.f64("level_db")?);
    let (backgrounds, clipping) = (batch.f64("l90_dbfs")?, batch.bool("clipping")?);
    let (rain, wind) = (batch.bool("rain")?, batch.bool("wind")?);
    let share = |is: bool| f64::from(u8::from(is));
    let sound = sounds.entry(site.to_owned()).or_default();
    for i in 0..batch.rows() {
        sound.minutes += 1;
        sound.level_dbfs.add(cell(levels, i), seconds.value(i));
        sound.level_db.add(cell(pressures, i), seconds.value(i));
        sound.background_dbfs.add(cell(backgrounds, i));
        sound.rain.add(cell(rain, i).map(share));
        sound.wind.add(cell(wind, i).map(share));
        sound.clipping.add(cell(clipping, i).map(share));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rows::{bool, f64, read_back};
    use super::*;

    #[test]
    fn levels_are_means_of_energy_and_shares_are_of_what_can_be_told() {
        let batch = read_back(
            TABLE,
            [
                f64("seconds", [60.0, 60.0, 30.0]),
                f64("level_dbfs", [Some(-20.0), Some(-30.0), None]),
                f64("level_db", [None, Some(64.0), None]),
                f64("l90_dbfs", [Some(-40.0), Some(-50.0), None]),
                bool("rain", [Some(true), Some(false), None]),
                bool("wind", [None::<bool>; 3]),
                bool("clipping", [true, false, false]),
            ],
        );
        let mut sounds = BTreeMap::new();
        add(&mut sounds, "A", &batch).unwrap();
        let sound = &sounds["A"];
        // The mean of 0.01 and 0.001 is 0.0055.
        let level = sound.level_dbfs.db().unwrap();
        assert!((level + 22.596).abs() < 1e-3, "{level}");
        assert!((sound.level_db.db().unwrap() - 64.0).abs() < 1e-9);
        assert_eq!((sound.minutes, sound.background_dbfs.value(), sound.rain.value()), (3, Some(-45.0), Some(0.5)));
        assert_eq!((sound.wind.value(), sound.clipping.value()), (None, Some(1.0 / 3.0)));
    }
}
