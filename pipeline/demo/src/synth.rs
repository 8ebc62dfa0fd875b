//! Calls into sound.

use std::f64::consts::{PI, TAU};

use crate::scene::{Bout, Note};

/// Overtones above the fundamental.
const OVERTONES: u32 = 3;

/// Nothing is made above this fraction of the sampling rate, where it would alias.
const HIGHEST: f64 = 0.45;

/// Corner of the low-pass that air and leaves are, for a near and a far caller, in Hz.
const NEAR_CORNER_HZ: f64 = 12_000.0;
const FAR_CORNER_HZ: f64 = 4_000.0;

/// Length of a note's onset and of its fade, in seconds, where the note is long enough.
const FADE_S: f64 = 0.015;

/// Adds `bout` to `sound`, `[frame]` at `rate_hz`, full scale 1. Every frame outside the bout is left as it is.
pub(crate) fn add(sound: &mut [f32], bout: &Bout, rate_hz: f64) {
    let gain = 10f64.powf(bout.level_dbfs() / 20.0);
    let corner_hz = NEAR_CORNER_HZ + (FAR_CORNER_HZ - NEAR_CORNER_HZ) * bout.distance;
    for note in &bout.notes {
        let start = bout.start + note.start;
        add_note(&mut sound[start..start + note.frames], note, gain, corner_hz, rate_hz);
    }
}

fn add_note(sound: &mut [f32], note: &Note, gain: f64, corner_hz: f64, rate_hz: f64) {
    let voice = &note.voice;
    let fade = (FADE_S * rate_hz).min(note.frames as f64 / 3.0);
    let mut phase = 0.0;
    for (frame, sample) in sound.iter_mut().enumerate() {
        let (position, seconds) = (frame as f64 / note.frames as f64, frame as f64 / rate_hz);
        let hz = voice.carrier_hz * (voice.sweep_octaves * (position - 0.5)).exp2();
        phase += TAU * hz / rate_hz;
        let edge = (frame.min(note.frames - frame) as f64 / fade).min(1.0);
        let envelope = 0.5 - 0.5 * (PI * edge).cos();
        let pulses = if voice.pulse_hz > 0.0 { (0.5 - 0.5 * (TAU * voice.pulse_hz * seconds).cos()).powi(2) } else { 1.0 };
        let (mut tone, mut strength) = (0.0, 1.0);
        for harmonic in (1..=1 + OVERTONES).map(f64::from).take_while(|harmonic| harmonic * hz < HIGHEST * rate_hz) {
            let air = 1.0 / (1.0 + (harmonic * hz / corner_hz).powi(2)).sqrt();
            tone += strength * air * (harmonic * phase).sin();
            strength *= voice.overtone;
        }
        *sample += (gain * envelope * pulses * tone) as f32;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scene::bouts;
    use crate::survey::{recordings, sites};
    use crate::{Options, species};

    /// How far a label may be off its sound, in seconds.
    const TIGHT_S: f64 = 0.02;

    #[test]
    fn a_bout_sounds_from_its_first_frame_to_its_last_and_nowhere_else() {
        let options = Options::tiny();
        let rate_hz = f64::from(options.sample_rate_hz);
        let species = species::all(1, 8);
        let recording = &recordings(&options, &sites(&options))[0];
        let all: Vec<usize> = (0..8).collect();
        let bouts = bouts(&Options { max_polyphony: 8, ..options }, &species, recording, 0, &all);
        assert!(all.iter().all(|&rank| bouts.iter().any(|bout| bout.species == rank)));
        for bout in bouts {
            let mut sound = vec![0.0; (12.0 * rate_hz) as usize];
            add(&mut sound, &bout, rate_hz);
            let peak = sound.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
            let level_dbfs = 20.0 * f64::from(peak).log10();
            assert!((level_dbfs - bout.level_dbfs()).abs() < 8.0, "{level_dbfs} for {}", bout.level_dbfs());
            let audible = |sample: &f32| sample.abs() > 0.03 * peak;
            let (first, last) = (sound.iter().position(audible).unwrap(), sound.iter().rposition(audible).unwrap());
            assert!(((first - bout.start) as f64) < TIGHT_S * rate_hz, "species {}", bout.species);
            assert!(((bout.end() - last) as f64) < TIGHT_S * rate_hz, "species {}", bout.species);
            assert!(sound[..bout.start].iter().chain(&sound[bout.end()..]).all(|&sample| sample == 0.0));
        }
    }
}
