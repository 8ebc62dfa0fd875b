//! What the headers of files show of the names beside them.
//!
//! A name such as `20200301_190000` does not say whether its clock is in UTC or local, and some of a recorder's files may have lost
//! their header, as where they were converted. The other files of the folder show it: their headers have the time with its offset.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use super::found::{Found, Probe};
use super::start::{NameClock, SAME_START};
use crate::headers::Header;
use crate::names::{NamePattern, parse_start};

/// What the headers of other files show of the clock of a folder's names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beside {
    /// What those of the folder show.
    pub(super) folder: Shown,
    /// Where these show nothing: what those in other folders of a site show, by site.
    pub(super) sites: BTreeMap<String, Shown>,
}

impl Beside {
    /// Whether rows that are made by one are those that are made by the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.folder.clock() == other.folder.clock() && self.sites == other.sites
    }

    /// The clock that headers in other folders of the site show, where those of the folder show nothing.
    pub(super) fn elsewhere(&self, site: &str) -> Option<NameClock> {
        self.sites.get(site).and_then(Shown::clock)
    }
}

/// What headers show of the clock of names without prefix and zone. What several pieces of a folder show is added up in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// Offsets from UTC of names whose header has the time with its offset, seconds.
    offsets_s: BTreeSet<i32>,
    /// Whether the header of some name has the same time without an offset, or with `-00:00`: such headers are read as the site's
    /// clock.
    is_local: bool,
}

impl Shown {
    /// What the headers of these files show.
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a str, &'a Probe)>) -> Self {
        let mut shown = Self::default();
        for (path, probe) in files {
            if let Found::Sound(sound) = &probe.found {
                shown.add(path, &sound.header);
            }
        }
        shown
    }

    /// Adds what the header of one file shows.
    pub(super) fn add(&mut self, path: &str, header: &Header) {
        match shown_by(path, header) {
            Some(NameClock::Fixed(offset)) => {
                self.offsets_s.insert(offset.seconds());
            }
            Some(NameClock::Local) => self.is_local = true,
            // One header alone contradicts nothing.
            Some(NameClock::Unclear) | None => {}
        }
    }

    /// Adds what other files show.
    pub(super) fn join(&mut self, other: &Self) {
        self.offsets_s.extend(&other.offsets_s);
        self.is_local |= other.is_local;
    }

    /// Whether no header shows anything.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The clock of the names; `None` where headers show none.
    pub(super) fn clock(&self) -> Option<NameClock> {
        let offsets: Vec<i32> = self.offsets_s.iter().copied().collect();
        match offsets.as_slice() {
            [] => self.is_local.then_some(NameClock::Local),
            [0] if self.is_local => Some(NameClock::Unclear),
            [offset] => Offset::from_seconds(*offset).ok().map(NameClock::Fixed),
            several if several.contains(&0) => Some(NameClock::Unclear),
            _ => Some(NameClock::Local),
        }
    }

    /// Names with these offsets, seconds.
    #[cfg(test)]
    pub(super) fn at(offsets_s: &[i32]) -> Self {
        Self { offsets_s: offsets_s.iter().copied().collect(), is_local: false }
    }
}

/// The clock that a file's own header shows of its name.
fn shown_by(path: &str, header: &Header) -> Option<NameClock> {
    let name = parse_start(stem(path)).filter(|name| name.pattern == NamePattern::AudioMoth && name.offset.is_none())?;
    let is_same = |clock: DateTime| clock.duration_since(name.local).abs() <= SAME_START;
    let stated = header.times.iter().find_map(|time| {
        let offset = time.offset()?;
        let in_utc = offset.to_timestamp(time.local).ok().map(|instant| Offset::UTC.to_datetime(instant))?;
        let as_stated = is_same(time.local).then_some(offset).or_else(|| is_same(in_utc).then_some(Offset::UTC));
        // A header in UTC says nothing of the local clock, which a name may have all the same.
        as_stated.or_else(|| if offset == Offset::UTC { apart(name.local, in_utc) } else { None })
    });
    let bare = || header.times.iter().any(|time| time.offset_s.is_none() && is_same(time.local));
    stated.map(NameClock::Fixed).or_else(|| bare().then_some(NameClock::Local))
}

/// The offset from UTC of a clock that is some quarters of an hour from it, as all clocks of the world are.
fn apart(clock: DateTime, in_utc: DateTime) -> Option<Offset> {
    /// Seconds.
    const QUARTER: i64 = 15 * 60;
    let ahead = clock.duration_since(in_utc);
    let quarters = (ahead.as_secs_f64() / QUARTER as f64).round() as i64;
    let offset = SignedDuration::from_secs(quarters * QUARTER);
    let is_clock = (-12..=14).contains(&offset.as_hours()) && (ahead - offset).abs() <= SAME_START;
    is_clock.then(|| Offset::from_seconds(i32::try_from(offset.as_secs()).ok()?).ok()).flatten()
}

/// The name of a file without its extension.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::levels::LevelMeter;
    use crate::container::{Reader, measure};
    use crate::ingest::found::Sound;

    /// A recording with an AudioMoth's comment.
    fn probe(comment: &str) -> Probe {
        let list = [b"INFOICMT".as_slice(), &(comment.len() as u32).to_le_bytes(), comment.as_bytes()].concat();
        let pad = vec![0; list.len() % 2];
        let fmt = b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0";
        let list = [b"LIST".as_slice(), &(list.len() as u32).to_le_bytes(), &list, &pad].concat();
        let body = [b"WAVE".as_slice(), fmt, &list, b"data\x04\0\0\0\x01\0\x02\0"].concat();
        let wav = [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat();
        let (facts, _) = measure(Reader::new(Box::new(std::io::Cursor::new(wav)), "x".to_owned()).unwrap()).unwrap();
        let levels = LevelMeter::new(&facts).levels();
        Probe { content_hash: String::new(), found: Found::Sound(Sound::new(facts, &levels)) }
    }

    #[test]
    fn headers_that_agree_show_the_clock_of_names() {
        let moth =
            |time: &str, zone: &str| probe(&format!("Recorded at {time} 01/03/2020 (UTC{zone}) by AudioMoth 24E144055E080032"));
        let (local, utc) = (moth("19:00:00", "-3"), moth("16:00:00", "-3"));
        let shown = |files: &[(&str, &Probe)]| Shown::of(files.iter().copied()).clock();
        let hours = |hours: i8| Some(NameClock::Fixed(Offset::constant(hours)));
        assert_eq!(shown(&[("a/20200301_190000.WAV", &local), ("a/20200302_190000.flac", &probe(""))]), hours(-3));
        assert_eq!(shown(&[("a/20200301_190000.WAV", &utc)]), hours(0));
        assert_eq!(
            shown(&[("a/20200301_190000.WAV", &local), ("a/20200301_190000.wav", &utc)]),
            Some(NameClock::Unclear),
            "they do not agree"
        );
        let summer = moth("19:00:00", "-2");
        let both = [("a/20200301_190000.WAV", &local), ("b/20200301_190000.WAV", &summer)];
        assert_eq!(shown(&both), Some(NameClock::Local), "a recorder that was set to local time in two seasons");
        for name in ["P_20200301_190000.WAV", "20200301_190000_-0300.WAV", "20200301_120000.WAV"] {
            assert_eq!(shown(&[(name, &local)]), None, "{name}");
        }
    }

    #[test]
    fn a_header_without_an_offset_shows_the_site_s_clock() {
        let guano = |stamp: &str| crate::headers::guano::parse(&format!("Timestamp: {stamp}"));
        let shown = |stamps: &[&str]| {
            let mut shown = Shown::default();
            stamps.iter().for_each(|stamp| shown.add("20200301_190000.wav", &guano(stamp)));
            shown.clock()
        };
        assert_eq!(shown(&["2020-03-01T19:00:00"]), Some(NameClock::Local));
        assert_eq!(shown(&["2020-03-01T19:00:00", "2020-03-01T19:00:00-03:00"]), Some(NameClock::Fixed(Offset::constant(-3))));
        assert_eq!(shown(&["2020-03-01T19:00:00", "2020-03-01T19:00:00Z"]), Some(NameClock::Unclear), "they do not agree");
        assert_eq!(
            shown(&["2020-03-01T19:00:00-00:00"]),
            Some(NameClock::Local),
            "the header itself is read as the site's clock"
        );
        assert_eq!(shown(&["2020-03-01T12:00:00"]), None);
    }

    #[test]
    fn a_header_in_utc_shows_a_local_name_too() {
        let shown = |stamp: &str| {
            let mut shown = Shown::default();
            shown.add("20200301_190000.wav", &crate::headers::guano::parse(&format!("Timestamp: {stamp}")));
            shown.clock()
        };
        let offset = |minutes: i32| Some(NameClock::Fixed(Offset::from_seconds(minutes * 60).unwrap()));
        assert_eq!(shown("2020-03-01T23:00:00Z"), offset(-4 * 60));
        assert_eq!(shown("2020-03-01T13:15:01Z"), offset(5 * 60 + 45), "Nepal, and a second that recorders take to start");
        assert_eq!(shown("2020-03-01T05:00:00Z"), offset(14 * 60));
        for stamp in ["2020-03-01T23:07:00Z", "2020-03-02T19:00:00Z", "2020-03-01T23:00:00-01:00"] {
            assert_eq!(shown(stamp), None, "{stamp}");
        }
    }

    #[test]
    fn pieces_add_up_in_any_order() {
        let parts = [Shown::at(&[-10_800]), Shown::default(), Shown { is_local: true, ..Shown::default() }];
        let sum = |order: [usize; 3]| {
            let mut sum = Shown::default();
            order.iter().for_each(|part| sum.join(&parts[*part]));
            sum
        };
        assert_eq!(sum([0, 1, 2]), sum([2, 1, 0]));
        assert_eq!(sum([1, 2, 0]).clock(), Some(NameClock::Fixed(Offset::constant(-3))));
        assert!(parts[1].is_empty() && !parts[2].is_empty());
    }
}
