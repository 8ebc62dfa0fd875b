//! What is heard in one recording: bouts (call groups) of individuals, placed in time.

use rand::{Rng, RngExt};

use crate::Options;
use crate::rng::{Stream, keyed};
use crate::species::{Species, Voice};
use crate::survey::{Recording, Subset};

/// Individuals of a species at a site in one subset.
const INDIVIDUALS: usize = 3;

/// How far individuals are off their species, and calls off their individual: pitch and times, relative.
const INDIVIDUAL_SPREAD: (f64, f64) = (0.025, 0.06);
const CALL_SPREAD: (f64, f64) = (0.006, 0.03);

/// Bouts that a calling species gives in 30 s: fewest and most.
const BOUTS_PER_30_S: (f64, f64) = (3.0, 6.0);

/// A bout stops before it is longer than this, in seconds.
pub(crate) const LONGEST_BOUT_S: f64 = 6.0;

/// Peak level of a near caller, and how much lower that of the farthest is, in dB.
const NEAR_DBFS: f64 = -14.0;
const FAR_DB: f64 = 20.0;

/// Places tried for a bout before it is dropped.
const TRIES: u32 = 40;

/// One note of a bout.
pub(crate) struct Note {
    /// First frame, from the start of the bout.
    pub start: usize,
    /// Length in frames.
    pub frames: usize,
    /// How it sounds.
    pub voice: Voice,
}

/// A call group of one individual: one line of a label file.
pub(crate) struct Bout {
    /// Position by frequency.
    pub species: usize,
    /// Which of the individuals of its species, site and subset.
    pub individual: usize,
    /// 0 (near) to 1 (far).
    pub distance: f64,
    /// First frame, from the start of the recording.
    pub start: usize,
    /// In order; at least one.
    pub notes: Vec<Note>,
}

impl Bout {
    /// The frame after the last note's last, from the start of the recording.
    pub(crate) fn end(&self) -> usize {
        self.start + self.notes.last().map_or(0, |note| note.start + note.frames)
    }

    /// Peak level at the recorder.
    pub(crate) fn level_dbfs(&self) -> f64 {
        NEAR_DBFS - FAR_DB * self.distance
    }

    /// AnuraSet's letter: high, medium or low.
    pub(crate) fn quality(&self) -> char {
        match self.distance {
            distance if distance < 0.4 => 'H',
            distance if distance < 0.8 => 'M',
            _ => 'L',
        }
    }

    /// Lowest and highest fundamental, in Hz.
    pub(crate) fn band_hz(&self) -> (f64, f64) {
        let bands = self.notes.iter().map(|note| note.voice.band_hz());
        bands.fold((f64::INFINITY, 0.0), |(low, high), band| (low.min(band.0), high.max(band.1)))
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }
}

/// The bouts of the recording at `index`, in which the species `present` call, by start.
pub(crate) fn bouts(options: &Options, species: &[Species], recording: &Recording, index: usize, present: &[usize]) -> Vec<Bout> {
    let mut rng = keyed(options.seed, Stream::Scene, index, 0);
    let frames = (options.recording_s * f64::from(options.sample_rate_hz)) as usize;
    let mut placed: Vec<Bout> = Vec::new();
    // The rarest first: where there is no room for all, it is the frequent ones that lose a bout.
    for &rank in present.iter().rev() {
        let callers = callers(options.seed, rank, &species[rank].voice, recording, &mut rng);
        let count = rng.random_range(BOUTS_PER_30_S.0..BOUTS_PER_30_S.1) * options.recording_s / 30.0;
        for _ in 0..count.ceil() as usize {
            let caller = &callers[rng.random_range(0..callers.len())];
            let notes = notes(&caller.voice, f64::from(options.sample_rate_hz), &mut rng);
            let Caller { individual, distance, .. } = *caller;
            let bout = Bout { species: rank, individual, distance, start: 0, notes };
            placed.extend(place(bout, &placed, frames, options.max_polyphony as usize, &mut rng));
        }
    }
    placed.sort_by_key(|bout| (bout.start, bout.species));
    placed
}

/// An individual where it sits during one recording.
struct Caller {
    individual: usize,
    voice: Voice,
    distance: f64,
}

/// One to three individuals of a species. Their voices belong to species, site and subset: nobody heard in a train
/// recording is heard in a test recording.
fn callers(seed: u64, species: usize, mean: &Voice, recording: &Recording, rng: &mut impl Rng) -> Vec<Caller> {
    let pool = 2 * recording.site + usize::from(recording.subset == Subset::Test);
    (0..rng.random_range(1..=INDIVIDUALS))
        .map(|individual| {
            let mut own = keyed(seed, Stream::Individual, species, INDIVIDUALS * pool + individual);
            let (pitch, time) = INDIVIDUAL_SPREAD;
            Caller { individual, voice: mean.varied(pitch, time, &mut own), distance: rng.random() }
        })
        .collect()
}

/// A series of notes from frame 0 on.
fn notes(voice: &Voice, rate_hz: f64, rng: &mut impl Rng) -> Vec<Note> {
    let count = (voice.notes * rng.random_range(0.6..1.4)).round().max(1.0) as usize;
    let (pitch, time) = CALL_SPREAD;
    let mut notes = Vec::with_capacity(count);
    let mut start_s = 0.0;
    for _ in 0..count {
        let voice = voice.varied(pitch, time, rng);
        if start_s + voice.note_s > LONGEST_BOUT_S {
            break;
        }
        let (start, frames) = ((start_s * rate_hz) as usize, (voice.note_s * rate_hz) as usize);
        start_s += voice.note_s + voice.gap_s;
        notes.push(Note { start, frames, voice });
    }
    notes
}

/// `bout` at a random place where its individual is not calling already and at most `most` species call at once;
/// `None` where no such place was found.
fn place(mut bout: Bout, placed: &[Bout], frames: usize, most: usize, rng: &mut impl Rng) -> Option<Bout> {
    let room = frames - bout.end();
    for _ in 0..TRIES {
        bout.start = rng.random_range(0..room);
        if fits(&bout, placed, most) {
            return Some(bout);
        }
    }
    None
}

fn fits(bout: &Bout, placed: &[Bout], most: usize) -> bool {
    let beside: Vec<&Bout> = placed.iter().filter(|other| bout.overlaps(other)).collect();
    let is_free = beside.iter().all(|other| (other.species, other.individual) != (bout.species, bout.individual));
    // The number of species rises only where a bout starts.
    let mut starts = beside.iter().map(|other| other.start).filter(|&start| start > bout.start).chain([bout.start]);
    is_free
        && starts.all(|frame| {
            let mut calling: Vec<usize> = beside
                .iter()
                .filter(|other| (other.start..other.end()).contains(&frame))
                .map(|other| other.species)
                .chain([bout.species])
                .collect();
            calling.sort_unstable();
            calling.dedup();
            calling.len() <= most
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::species::all;
    use crate::survey::{recordings, sites};

    #[test]
    fn every_individual_has_a_voice_of_its_own_and_keeps_to_its_site_and_subset() {
        let options = Options { nights: 30, ..Options::default() };
        let voice = &all(1, 8)[0].voice;
        let mut heard = BTreeSet::new();
        for (index, recording) in recordings(&options, &sites(&options)).iter().enumerate() {
            for caller in callers(1, 0, voice, recording, &mut keyed(1, Stream::Scene, index, 0)) {
                heard.insert((caller.voice.carrier_hz.to_bits(), recording.site, recording.subset.name(), caller.individual));
            }
        }
        let voices: BTreeSet<u64> = heard.iter().map(|&(carrier, ..)| carrier).collect();
        assert_eq!((voices.len(), heard.len()), (4 * 2 * INDIVIDUALS, 4 * 2 * INDIVIDUALS));
    }
}
