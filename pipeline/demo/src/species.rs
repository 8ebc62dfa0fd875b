//! The invented species: a name and a voice each, set apart from one another in pitch and in kind of call.

use rand::{Rng, RngExt};

use crate::rng::{Stream, keyed};

/// Fewest and most species of a survey; the most is the number of `NAMES`.
pub(crate) const SPECIES: std::ops::RangeInclusive<u32> = 8..=24;

/// Carriers of the lowest and the highest species, in Hz; the others lie between, evenly on the mel scale.
const CARRIERS_HZ: (f64, f64) = (450.0, 6500.0);

/// No fundamental goes above this, in Hz: it leaves room under the 8 kHz Nyquist frequency of 16 kHz audio.
const CEILING_HZ: f64 = 7400.0;

/// Invented genus and epithet, most frequent species first.
const NAMES: [(&str, &str); 24] = [
    ("Fictirana", "prima"),
    ("Imaginyla", "sonora"),
    ("Simulobates", "crepans"),
    ("Phantasmyla", "ascendens"),
    ("Nullobatrachus", "pipiens"),
    ("Umbrarana", "cadens"),
    ("Nemohyla", "susurrans"),
    ("Mythobates", "tremulus"),
    ("Apocryphyla", "lacustris"),
    ("Fabulirana", "nocturna"),
    ("Chimaeryla", "palustris"),
    ("Utopibates", "silvarum"),
    ("Fictirana", "ultima"),
    ("Imaginyla", "brevis"),
    ("Simulobates", "grandis"),
    ("Phantasmyla", "obscura"),
    ("Nullobatrachus", "vagus"),
    ("Umbrarana", "tacita"),
    ("Nemohyla", "velox"),
    ("Mythobates", "gemmatus"),
    ("Apocryphyla", "pluvialis"),
    ("Fabulirana", "minuta"),
    ("Chimaeryla", "errans"),
    ("Utopibates", "rarus"),
];

/// The texture of a call, apart from its pitch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Long, flat, tonal notes.
    Whistle,
    /// Long notes of slow pulses.
    Trill,
    /// Short notes sweeping up.
    Rise,
    /// Very short notes in quick series.
    Peep,
    /// Short notes sweeping down.
    Fall,
    /// Notes of pulses so fast that they are heard as a rough tone with sidebands.
    Buzz,
}

const KINDS: [Kind; 6] = [Kind::Whistle, Kind::Trill, Kind::Rise, Kind::Peep, Kind::Fall, Kind::Buzz];

/// The parameters of a call: of a species (its means), of an individual or of one call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Voice {
    /// Fundamental at the middle of a note.
    pub carrier_hz: f64,
    /// Rise of the fundamental over a note (negative: fall).
    pub sweep_octaves: f64,
    /// Pulses per second within a note; 0 is a steady tone.
    pub pulse_hz: f64,
    /// Amplitude of each overtone relative to the one below it.
    pub overtone: f64,
    /// Length of a note.
    pub note_s: f64,
    /// Silence between notes.
    pub gap_s: f64,
    /// Notes in a bout, on average.
    pub notes: f64,
}

impl Voice {
    fn of_kind(kind: Kind, carrier_hz: f64, rng: &mut impl Rng) -> Self {
        // Ranges as (sweep in octaves, pulses in Hz, note in s, gap in s, notes).
        let (sweep, pulse, note, gap, notes) = match kind {
            Kind::Whistle => ((0.0, 0.0), (0.0, 0.0), (0.28, 0.45), (0.15, 0.35), (4.0, 6.0)),
            Kind::Trill => ((0.0, 0.0), (16.0, 30.0), (0.8, 1.2), (0.2, 0.4), (2.0, 4.0)),
            Kind::Rise => ((0.5, 0.8), (0.0, 0.0), (0.14, 0.22), (0.12, 0.25), (6.0, 10.0)),
            Kind::Peep => ((0.0, 0.0), (0.0, 0.0), (0.035, 0.05), (0.07, 0.13), (15.0, 25.0)),
            Kind::Fall => ((-0.8, -0.5), (0.0, 0.0), (0.18, 0.30), (0.15, 0.30), (5.0, 9.0)),
            Kind::Buzz => ((0.0, 0.0), (100.0, 150.0), (0.35, 0.6), (0.2, 0.4), (3.0, 5.0)),
        };
        let mut between = |(low, high): (f64, f64)| low + (high - low) * rng.random::<f64>();
        let widest = 2.0 * (CEILING_HZ / carrier_hz).log2();
        Self {
            carrier_hz,
            sweep_octaves: between(sweep).clamp(-widest, widest),
            pulse_hz: between(pulse),
            overtone: between((0.1, 0.35)),
            note_s: between(note),
            gap_s: between(gap),
            notes: between(notes),
        }
    }

    /// This voice with its pitch off by about `pitch` and its times by about `time` (relative standard deviations).
    pub(crate) fn varied(&self, pitch: f64, time: f64, rng: &mut impl Rng) -> Self {
        // Evenly spread, so that nobody is far off and no two are exactly alike: the deviation is the range over sqrt(12).
        let mut factor = |deviation: f64| (deviation * 12f64.sqrt() * (rng.random::<f64>() - 0.5)).exp();
        Self {
            carrier_hz: self.carrier_hz * factor(pitch),
            pulse_hz: self.pulse_hz * factor(time),
            note_s: self.note_s * factor(time),
            gap_s: self.gap_s * factor(time),
            ..self.clone()
        }
    }

    /// Lowest and highest fundamental of a note, in Hz.
    pub(crate) fn band_hz(&self) -> (f64, f64) {
        let half = (self.sweep_octaves.abs() / 2.0).exp2();
        (self.carrier_hz / half, self.carrier_hz * half)
    }
}

/// An invented species.
pub(crate) struct Species {
    pub code: String,
    pub scientific_name: String,
    pub voice: Voice,
}

/// The species of a survey, most frequent first.
///
/// Neighbours in frequency of occurrence are far apart in pitch, and species of the same [`Kind`] are six steps of
/// pitch apart.
pub(crate) fn all(seed: u64, count: u32) -> Vec<Species> {
    (0..count as usize)
        .map(|rank| {
            let (genus, epithet) = NAMES[rank];
            let band = band(rank, count as usize);
            let carrier_hz = carrier_hz(band, count as usize);
            let mut rng = keyed(seed, Stream::Species, rank, 0);
            Species {
                code: format!("{}{}", &genus[..3], &epithet[..3]).to_uppercase(),
                scientific_name: format!("{genus} {epithet}"),
                voice: Voice::of_kind(KINDS[band % KINDS.len()], carrier_hz, &mut rng),
            }
        })
        .collect()
}

/// Position on the pitch scale of the species of frequency rank `rank`: steps near the golden section spread
/// successive ranks, and a step without a common divisor with `count` reaches every position once.
fn band(rank: usize, count: usize) -> usize {
    let golden = (count as f64 * 0.618) as usize;
    let step = (golden..count).find(|&step| gcd(step, count) == 1).unwrap_or(1);
    rank * step % count
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn carrier_hz(band: usize, count: usize) -> f64 {
    let (low, high) = (mel(CARRIERS_HZ.0), mel(CARRIERS_HZ.1));
    let mel = low + (high - low) * band as f64 / (count - 1) as f64;
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// The HTK mel scale.
fn mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_pitch_is_taken_once_and_frequent_species_are_far_apart() {
        for count in SPECIES.map(|count| count as usize) {
            let bands: Vec<usize> = (0..count).map(|rank| band(rank, count)).collect();
            assert_eq!(bands.iter().collect::<BTreeSet<_>>().len(), count, "{count} species: {bands:?}");
            assert!(bands.windows(2).all(|pair| pair[0].abs_diff(pair[1]) >= count / 4), "{count} species: {bands:?}");
        }
    }

    #[test]
    fn codes_are_unique() {
        let codes: BTreeSet<_> = all(1, *SPECIES.end()).into_iter().map(|species| species.code).collect();
        assert_eq!(codes.len(), NAMES.len());
    }

    #[test]
    fn voices_stay_between_the_carriers_and_the_ceiling() {
        for species in all(1, *SPECIES.end()) {
            let (low, high) = species.voice.band_hz();
            assert!(low > 300.0 && high <= CEILING_HZ * 1.000001, "{}: {low} to {high} Hz", species.code);
        }
    }
}
