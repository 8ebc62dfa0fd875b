//! Signs of rain and wind in one minute.
//!
//! - Rain is a steady noise at low and at high frequencies. Bedoya et al. (2017, Ecological Indicators 75, 95-100) judge the level and
//!   the flatness of the spectrum from 0.6 to 1.2 kHz; Metcalf et al. (2020, Ecological Indicators 109, 105793: hardRain) add the band
//!   from 4.4 to 5.6 kHz, since animals fill one of the two more often than both. The third-octave bands from 630 to 1000 Hz and at
//!   5 kHz are nearly these. That rain is steady over a minute is a rule of our own.
//! - Wind makes noise at the microphone itself, whose spectrum falls steeply from the lowest frequencies on (Nelke and Vary, DAGA 2016).
//!   The rule is ours: loud below 89 Hz, and much louder than from 0.45 to 1.78 kHz.
//!
//! Levels depend on the recorder and its gain, so the thresholds are keys, and what they are compared with is in the table.

use super::bands::{Spectrum, edges_hz};
use super::levels::{Found, decibels};
use super::settings::SoundscapeSettings;

/// First and last third-octave band, by the nominal middles in Hz.
const RAIN_LOW: (f64, f64) = (630.0, 1000.0);
const RAIN_HIGH: (f64, f64) = (5000.0, 5000.0);
const WIND_LOW: (f64, f64) = (25.0, 80.0);
const WIND_HIGH: (f64, f64) = (500.0, 1600.0);
/// Width of the cells whose powers show how flat a spectrum is, Hz.
const CELL_HZ: f64 = 50.0;

/// What is measured, and what follows from it. `None` where a band was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weather {
    /// The lower one of the levels of the two bands of rain, dBFS.
    pub(super) rain_level: Option<f64>,
    /// The lower one of their flatnesses: mean of the powers of cells, divided by their standard deviation.
    pub(super) rain_flatness: Option<f64>,
    /// Whether it probably rains.
    pub(super) rain: Option<bool>,
    /// Level of the band of wind, dBFS.
    pub(super) wind_level: Option<f64>,
    /// By how much it is above that of the band that it is compared with, dB.
    pub(super) wind_excess: Option<f64>,
    /// Whether it is probably windy.
    pub(super) wind: Option<bool>,
}

/// The signs in a minute of this spectrum and these levels.
pub(super) fn weather(spectrum: &Spectrum, levels: &Found, settings: &SoundscapeSettings) -> Weather {
    let both = |of: &dyn Fn((f64, f64)) -> Option<f64>| Some(of(RAIN_LOW)?.min(of(RAIN_HIGH)?));
    let level = |band| decibels(power(spectrum, band)?);
    let (rain_level, rain_flatness) = (both(&level), both(&|band| flatness(spectrum, band)));
    let range = || Some(levels.exceeded[0]? - levels.exceeded[2]?);
    let rain = || {
        let is_loud = rain_level? >= settings.rain_level_dbfs;
        let is_flat = rain_flatness? >= settings.rain_flatness;
        Some(is_loud && is_flat && range()? <= settings.rain_range_db)
    };
    let wind_level = level(WIND_LOW);
    let wind_excess = wind_level.zip(level(WIND_HIGH)).map(|(low, high)| low - high);
    let wind = || Some(wind_level? >= settings.wind_level_dbfs && wind_excess? >= settings.wind_excess_db);
    Weather { rain_level, rain_flatness, rain: rain(), wind_level, wind_excess, wind: wind() }
}

fn power(spectrum: &Spectrum, (first, last): (f64, f64)) -> Option<f64> {
    let (low_hz, high_hz) = edges_hz(first, last)?;
    spectrum.power(low_hz, high_hz)
}

/// Mean of the powers of cells of [`CELL_HZ`] within a band, divided by their standard deviation; `None` where nothing varies.
fn flatness(spectrum: &Spectrum, (first, last): (f64, f64)) -> Option<f64> {
    let (low_hz, high_hz) = edges_hz(first, last)?;
    let cells = ((high_hz - low_hz) / CELL_HZ).floor() as usize;
    let width = (high_hz - low_hz) / cells as f64;
    let cell = |i: usize| spectrum.power(low_hz + i as f64 * width, low_hz + (i + 1) as f64 * width);
    let powers: Vec<f64> = (0..cells).map(cell).collect::<Option<_>>()?;
    let mean = powers.iter().sum::<f64>() / cells as f64;
    let variance = powers.iter().map(|power| (power - mean) * (power - mean)).sum::<f64>() / cells as f64;
    (variance > 0.0).then(|| mean / variance.sqrt())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::bands::frame_length;
    use super::*;

    const RATE_HZ: u32 = 16_000;

    /// The signs in a spectrum whose bins have a power by frequency.
    fn judged(rate_hz: u32, steady_db: f64, power: impl Fn(f64) -> f64) -> Weather {
        let length = frame_length(rate_hz);
        let mut spectrum = Spectrum::new(length, rate_hz);
        let step = f64::from(rate_hz) / length as f64;
        let powers: Vec<f64> = (0..=length / 2).map(|bin| power(bin as f64 * step) * step).collect();
        spectrum.push(&powers);
        let levels = Found { exceeded: [Some(-20.0), Some(-22.0), Some(-20.0 - steady_db)], ..Found::default() };
        weather(&spectrum, &levels, &SoundscapeSettings::default())
    }

    /// A noise that is not quite flat, so that it has a spread; its level by Hz.
    fn noise(db: f64) -> impl Fn(f64) -> f64 {
        move |hz| 10f64.powf(db / 10.0) * (1.0 + 0.3 * (hz / 70.0).sin())
    }

    #[test]
    fn steady_noise_in_both_bands_is_rain_and_calls_or_hiss_are_none() {
        // 1 / Hz at -70 dB: 560 Hz have -42.5 dB, and 1157 Hz have -39.4 dB.
        let rain = judged(RATE_HZ, 4.0, noise(-70.0));
        assert!((rain.rain_level.unwrap() + 42.5).abs() < 0.3 && rain.rain_flatness.unwrap() > 2.0, "{rain:?}");
        assert_eq!((rain.rain, rain.wind), (Some(true), Some(false)));
        assert_eq!(judged(RATE_HZ, 12.0, noise(-70.0)).rain, Some(false), "not steady");
        assert_eq!(judged(RATE_HZ, 4.0, noise(-85.0)).rain, Some(false), "a recorder's own hiss");
        let frogs =
            judged(RATE_HZ, 4.0, |hz| if (800.0..850.0).contains(&hz) || (5000.0..5050.0).contains(&hz) { 1e-5 } else { 1e-12 });
        assert!(frogs.rain_level.unwrap() > -50.0 && frogs.rain_flatness.unwrap() < 1.0, "{frogs:?}");
        assert_eq!(frogs.rain, Some(false));
    }

    #[test]
    fn a_spectrum_that_falls_steeply_is_wind() {
        let wind = judged(RATE_HZ, 4.0, |hz| 1.0 / (1.0 + hz * hz * hz));
        assert_eq!((wind.rain, wind.wind), (Some(false), Some(true)), "{wind:?}");
        assert!(wind.wind_excess.unwrap() > 15.0);
        assert_eq!(judged(RATE_HZ, 4.0, |hz| 1e-4 / (1.0 + hz * hz * hz)).wind, Some(false), "too soft");
    }

    #[test]
    fn bands_that_were_not_recorded_leave_it_open() {
        let slow = judged(8000, 4.0, noise(-70.0));
        assert_eq!((slow.rain_level, slow.rain_flatness, slow.rain), (None, None, None));
        assert_eq!(slow.wind, Some(false));
        let empty = weather(&Spectrum::new(frame_length(RATE_HZ), RATE_HZ), &Found::default(), &SoundscapeSettings::default());
        assert_eq!(empty, Weather::default());
    }
}
