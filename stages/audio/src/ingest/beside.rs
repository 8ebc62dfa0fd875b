//! What the headers of files show of the names beside them.
//!
//! A name such as `20200301_190000` does not say whether its clock is in UTC or local, and some of a recorder's files may have lost
//! their header, as where they were converted. The other files of the folder show it: their headers have the time with its offset.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::found::{Found, Probe};
use super::start::SAME_START;
use crate::names::{NamePattern, parse_start};

/// The offset from UTC of names without prefix and zone in a folder, where the headers of its files agree on one.
pub(super) fn offset_of_names<'a>(files: impl Iterator<Item = (&'a str, &'a Probe)>) -> Option<Offset> {
    let shown: BTreeSet<Offset> = files.filter_map(|(path, probe)| shown_by(path, probe)).collect();
    let mut shown = shown.into_iter();
    shown.next().filter(|_| shown.next().is_none())
}

/// The offset that a file's own header shows of its name.
fn shown_by(path: &str, probe: &Probe) -> Option<Offset> {
    let Found::Sound(sound) = &probe.found else { return None };
    let name = parse_start(stem(path)).filter(|name| name.pattern == NamePattern::AudioMoth && name.offset.is_none())?;
    let is_same = |clock: DateTime| clock.duration_since(name.local).abs() <= SAME_START;
    sound.header.times.iter().find_map(|time| {
        let offset = time.offset()?;
        let in_utc = offset.to_timestamp(time.local).ok().map(|instant| Offset::UTC.to_datetime(instant))?;
        is_same(time.local).then_some(offset).or_else(|| is_same(in_utc).then_some(Offset::UTC))
    })
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
        let shown = |files: &[(&str, &Probe)]| offset_of_names(files.iter().copied());
        let hours = |hours: i8| Some(Offset::constant(hours));
        assert_eq!(shown(&[("a/20200301_190000.WAV", &local), ("a/20200302_190000.flac", &probe(""))]), hours(-3));
        assert_eq!(shown(&[("a/20200301_190000.WAV", &utc)]), hours(0));
        assert_eq!(shown(&[("a/20200301_190000.WAV", &local), ("a/20200301_190000.wav", &utc)]), None, "they do not agree");
        for name in ["P_20200301_190000.WAV", "20200301_190000_-0300.WAV", "20200301_120000.WAV"] {
            assert_eq!(shown(&[(name, &local)]), None, "{name}");
        }
    }
}
