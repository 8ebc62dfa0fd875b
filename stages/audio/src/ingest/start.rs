//! When a recording starts: from its name, the clock that wrote the name, and the site's time zone. What cannot be trusted is
//! unknown, never made up.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::Deserialize;

use crate::names::{NamePattern, NameTime};

/// The clock of names that carry neither prefix nor zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clock {
    Utc,
    Local,
}

/// What is known of a start.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Start {
    pub(super) utc_us: Option<i64>,
    pub(super) local: Option<DateTime>,
    pub(super) utc_offset_min: Option<i32>,
    /// The local date that the recording is filed under.
    pub(super) date: Option<Date>,
    pub(super) from_name: bool,
    pub(super) note: Option<String>,
}

/// The start that a name tells. `zone` is the site's, where it is known.
pub(super) fn from_name(name: Option<&NameTime>, clock: Clock, zone: Option<&TimeZone>) -> Start {
    let Some(name) = name else {
        return Start { note: Some("the name holds no time".into()), ..Start::default() };
    };
    if name.suspicious {
        return Start { note: Some(format!("the name says {}: the clock was not set", name.local)), ..Start::default() };
    }
    let bare_utc = matches!(name.pattern, NamePattern::AudioMoth) && clock == Clock::Utc || name.pattern == NamePattern::UnixHex;
    let offset = name.offset.or(bare_utc.then_some(jiff::tz::Offset::UTC));
    match (offset, zone) {
        (Some(offset), _) => match offset.to_timestamp(name.local) {
            Ok(instant) => instant_in(instant, zone, name.offset.map(|o| (name.local, o))),
            Err(_) => Start {
                note: Some(format!("the name says {}, which is outside of the calendar", name.local)),
                ..Start::default()
            },
        },
        (None, Some(zone)) => local_in(name.local, zone),
        (None, None) => Start {
            local: Some(name.local),
            date: Some(name.local.date()),
            from_name: true,
            note: Some("the time zone is not known: set archive.timezone or the site sheet's".into()),
            ..Start::default()
        },
    }
}

/// An instant that is certain; the local clock comes from the zone, or else from the name where it names its own offset.
fn instant_in(instant: jiff::Timestamp, zone: Option<&TimeZone>, named: Option<(DateTime, jiff::tz::Offset)>) -> Start {
    let known = zone.map(|z| (z.to_datetime(instant), z.to_offset(instant))).or(named);
    let note = known.is_none().then(|| "the time zone is not known: filed under its date in UTC".to_owned());
    let date = known.map_or_else(|| TimeZone::UTC.to_datetime(instant).date(), |(local, _)| local.date());
    Start {
        utc_us: Some(instant.as_microsecond()),
        local: known.map(|(local, _)| local),
        utc_offset_min: known.map(|(_, offset)| offset.seconds() / 60),
        date: Some(date),
        from_name: true,
        note,
    }
}

/// A clock reading in a zone. Where daylight saving repeats or leaves out an hour, the instant cannot be known for certain: the
/// earlier of two is taken, an hour that was left out is read as if the clock had not been put forward, and the note says so.
fn local_in(local: DateTime, zone: &TimeZone) -> Start {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let note = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { .. } => {
            Some("daylight saving leaves this hour out: read as if the clock had not been put forward".to_owned())
        }
        AmbiguousOffset::Fold { .. } => Some("daylight saving repeats this hour: the earlier reading was taken".to_owned()),
    };
    let Ok(instant) = ambiguous.compatible() else {
        return Start { note: Some(format!("{local} is outside of the calendar")), ..Start::default() };
    };
    Start {
        utc_us: Some(instant.as_microsecond()),
        local: Some(local),
        utc_offset_min: Some(zone.to_offset(instant).seconds() / 60),
        date: Some(local.date()),
        from_name: true,
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::parse_start;

    fn start(name: &str, clock: Clock, zone: Option<&str>) -> Start {
        let zone = zone.map(|z| TimeZone::get(z).unwrap());
        from_name(parse_start(name).as_ref(), clock, zone.as_ref())
    }

    fn utc(start: &Start) -> Option<String> {
        start.utc_us.map(|us| jiff::Timestamp::from_microsecond(us).unwrap().to_string())
    }

    #[test]
    fn a_song_meter_name_is_local_time() {
        let known = start("P_20200301_190000", Clock::Utc, Some("America/Sao_Paulo"));
        assert_eq!(utc(&known).unwrap(), "2020-03-01T22:00:00Z");
        assert_eq!((known.utc_offset_min, known.note), (Some(-180), None));
        let unknown = start("P_20200301_190000", Clock::Utc, None);
        assert_eq!((unknown.utc_us, unknown.date), (None, Some(jiff::civil::date(2020, 3, 1))));
        assert!(unknown.note.unwrap().contains("archive.timezone"));
    }

    #[test]
    fn a_bare_name_is_utc_unless_the_clock_was_local_and_is_filed_under_its_local_date() {
        let moth = start("20200301_013000", Clock::Utc, Some("America/Sao_Paulo"));
        assert_eq!((utc(&moth).unwrap().as_str(), moth.date), ("2020-03-01T01:30:00Z", Some(jiff::civil::date(2020, 2, 29))));
        let local = start("20200301_013000", Clock::Local, Some("America/Sao_Paulo"));
        assert_eq!(utc(&local).unwrap(), "2020-03-01T04:30:00Z");
    }

    #[test]
    fn hours_that_daylight_saving_repeats_or_leaves_out_are_noted() {
        let fold = start("P_20191103_013000", Clock::Utc, Some("America/New_York"));
        assert_eq!(utc(&fold).unwrap(), "2019-11-03T05:30:00Z");
        assert!(fold.note.unwrap().contains("repeats"));
        let gap = start("P_20200308_023000", Clock::Utc, Some("America/New_York"));
        assert_eq!(utc(&gap).unwrap(), "2020-03-08T07:30:00Z");
        assert!(gap.note.unwrap().contains("leaves this hour out"));
    }

    #[test]
    fn a_dead_clock_and_a_name_without_time_give_no_date() {
        let dead = start("P_19700101_000000", Clock::Utc, Some("UTC"));
        assert_eq!((dead.utc_us, dead.date), (None, None));
        assert!(dead.note.unwrap().contains("not set"));
        assert_eq!(start("dawn", Clock::Utc, Some("UTC")).date, None);
    }
}
