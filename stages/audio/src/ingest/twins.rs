//! Recordings that seem to be one in two forms, such as a WAV file and the FLAC file that was made from it. Their bytes differ, so they are
//! no copies, and both count. Whether one was made from the other, only a person can tell.

use std::collections::BTreeMap;

use chorus_archive::composed;
use chorus_engine::counted;

use super::beside::stem;
use super::rows::{Recording, unmarked};

/// The share of the length by which two forms of a recording may differ: encoders add frames.
const APART: f64 = 0.01;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Twins {
    count: usize,
    /// The first pair by path.
    first: Option<[String; 2]>,
}

impl Twins {
    /// Adds those among the recordings of a unit.
    pub(super) fn add(&mut self, rows: &[Recording]) {
        let originals = rows.iter().filter(|row| row.copy_of.is_none());
        let all = originals.filter_map(|row| {
            Some(Known { path: &row.path, start_us: row.clock_us()?, duration_s: row.duration_s()?, serial: row.stated_serial() })
        });
        for pair in pairs(all.collect()) {
            self.count += 1;
            let pair = pair.map(str::to_owned);
            if self.first.as_ref().is_none_or(|first| pair < *first) {
                self.first = Some(pair);
            }
        }
    }

    /// What is told of them.
    pub(super) fn sentence(&self) -> Option<String> {
        let [one, other] = self.first.as_ref()?;
        Some(format!(
            "{} with the name, start and length of another one and other bytes, such as {other} and {one}: both count, also in effort; if \
             one was made from the other, leave it out with archive.exclude",
            counted(self.count, "recording")
        ))
    }
}

/// What is compared of a recording.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    path: &'a str,
    start_us: i64,
    duration_s: f64,
    /// The serial number in its header.
    serial: Option<&'a str>,
}

impl Known<'_> {
    /// Whether two recordings of one name and start are one in two forms: they have one length, and are those of one recorder. Two recorders
    /// at a site may write equal names into folders of their own.
    fn is_like(&self, other: &Known<'_>) -> bool {
        let is_near = folder(self.path) == folder(other.path) || (self.serial.is_some() && self.serial == other.serial);
        is_near && (self.duration_s - other.duration_s).abs() <= APART * self.duration_s.max(other.duration_s)
    }
}

/// Each recording that is like an earlier one, behind that one.
fn pairs(mut all: Vec<Known<'_>>) -> Vec<[&str; 2]> {
    all.sort_by(|a, b| a.path.cmp(b.path));
    let mut by_name: BTreeMap<(String, i64), Vec<Known<'_>>> = BTreeMap::new();
    let mut pairs = Vec::new();
    for own in all {
        let name = composed(stem(own.path)).to_lowercase();
        let others = by_name.entry((unmarked(&name).to_owned(), own.start_us)).or_default();
        let twin = others.iter().find(|other| own.is_like(other)).map(|other| other.path);
        match twin {
            Some(other) => pairs.push([other, own.path]),
            None => others.push(own),
        }
    }
    pairs
}

/// The folder of a path.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(path: &str) -> Known<'_> {
        Known { path, start_us: 5, duration_s: 60.0, serial: None }
    }

    #[test]
    fn a_recording_in_two_forms_is_found() {
        let found = pairs(vec![known("A/x.wav"), known("A/x.flac"), known("A/X (1).WAV"), known("A/y.wav"), known("B/x.wav")]);
        assert_eq!(found, [["A/X (1).WAV", "A/x.flac"], ["A/X (1).WAV", "A/x.wav"]]);
        let told = Twins { count: 2, first: Some(["A/x.flac".to_owned(), "A/x.wav".to_owned()]) }.sentence().unwrap();
        assert!(told.starts_with("2 recordings with the name") && told.contains("A/x.wav and A/x.flac"), "{told}");
        assert_eq!(Twins::default().sentence(), None);
    }

    #[test]
    fn other_times_lengths_and_recorders_are_others() {
        let own = known("A/x.wav");
        for other in [
            Known { start_us: 6, ..known("A/x.flac") },
            Known { duration_s: 50.0, ..known("A/x.flac") },
            known("A/2/x.wav"),
            Known { serial: Some("1"), ..known("A/2/x.wav") },
        ] {
            assert_eq!(pairs(vec![own, other]), [[""; 2]; 0], "{other:?}");
        }
        let of = |path, serial| Known { serial: Some(serial), ..known(path) };
        assert_eq!(pairs(vec![of("A/1/x.wav", "1"), of("A/2/x.flac", "1")]).len(), 1);
        assert_eq!(pairs(vec![of("A/1/x.wav", "1"), of("A/2/x.flac", "2")]).len(), 0);
    }
}
