//! The start of a recording. It is taken from the header, the name or the site sheet, in this order, and from the site's time
//! zone. A start that cannot be trusted is unknown. A contradiction is reported with both values.

use chorus_keys::Choices;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::headers::{Header, HeaderTime};
use crate::names::{NamePattern, NameTime};
use chorus_clock::reading::was_set;

/// Two clocks that are this close state the same start: names and headers are written seconds apart.
pub(super) const SAME_START: SignedDuration = SignedDuration::from_secs(5);

/// The clock of names that carry neither prefix nor zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clock {
    /// UTC, the default of AudioMoth recorders.
    Utc,
    /// The local time of the site.
    Local,
}

/// Where a start was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeSource {
    Header,
    Filename,
    Sheet,
    #[default]
    None,
}

/// The clock of names that carry neither prefix nor zone, as headers of files beside them show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameClock {
    /// All headers show this offset from UTC.
    Fixed(Offset),
    /// Headers show several offsets, and none of them is UTC: the recorder was set to the site's time, which changes.
    Local,
    /// Headers contradict each other: they show some names in UTC and others in local time.
    Unclear,
}

impl TimeSource {
    /// As it stands in the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Filename => "filename",
            Self::Sheet => "sheet",
            Self::None => "none",
        }
    }
}

/// A start as one source states it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    source: TimeSource,
    /// The source, for messages: "the name", "the GUANO header".
    told_by: String,
    local: DateTime,
    /// The offset from UTC, where it is stated or follows from the format.
    offset: Option<Offset>,
    /// The offset is an assumption about the recorder's settings and not written anywhere.
    assumed: bool,
    /// The source states `-00:00`: it may be in UTC or show the site's clock.
    open: bool,
}

impl Reading {
    /// All readings of a recording, the most trusted first: those of headers with an offset, other headers, the name. `shown` is
    /// the clock of names without prefix and zone, where the headers of other files show it; else `bare_clock` counts.
    pub(super) fn of(header: &Header, name: Option<&NameTime>, bare_clock: Clock, shown: Option<NameClock>) -> Vec<Self> {
        let (stated, bare): (Vec<_>, Vec<_>) = header.times.iter().partition(|time| time.offset_s.is_some());
        let headers = stated.into_iter().chain(bare).map(Self::of_header);
        headers.chain(name.map(|name| Self::of_name(name, bare_clock, shown))).collect()
    }

    fn of_header(time: &HeaderTime) -> Self {
        Self {
            source: TimeSource::Header,
            told_by: format!("the {}", time.format.name()),
            local: time.local,
            offset: time.offset(),
            assumed: false,
            open: time.offset_unknown,
        }
    }

    fn of_name(name: &NameTime, bare_clock: Clock, shown: Option<NameClock>) -> Self {
        let bare = match name.pattern {
            NamePattern::UnixHex => Some(Offset::UTC),
            NamePattern::AudioMoth => match shown {
                Some(NameClock::Fixed(offset)) => Some(offset),
                Some(NameClock::Local) => None,
                Some(NameClock::Unclear) | None => (bare_clock == Clock::Utc).then_some(Offset::UTC),
            },
            _ => None,
        };
        Self {
            source: TimeSource::Filename,
            told_by: "the name".to_owned(),
            local: name.local,
            offset: name.offset.or(bare),
            assumed: name.offset.is_none(),
            open: name.offset_unknown,
        }
    }

    /// The start that a line of the site sheet states, in the site's zone.
    pub(super) fn of_sheet(local: DateTime) -> Self {
        let told_by = "the site sheet".to_owned();
        Self { source: TimeSource::Sheet, told_by, local, offset: None, assumed: false, open: false }
    }

    /// The instant, where it can be known.
    fn instant(&self, zone: Option<&TimeZone>) -> Option<jiff::Timestamp> {
        match (self.offset, zone) {
            (Some(offset), _) => offset.to_timestamp(self.local).ok(),
            (None, Some(zone)) => zone.to_ambiguous_timestamp(self.local).compatible().ok(),
            (None, None) => None,
        }
    }

    /// An open reading in UTC, where another source shows that it is: its clock and offset, or its clock in the site's zone, give
    /// the same instant.
    fn settled(&self, others: &[Self], zone: Option<&TimeZone>) -> Option<Self> {
        let in_utc = Self { offset: Some(Offset::UTC), open: false, ..self.clone() };
        let instant = in_utc.instant(zone).filter(|_| self.open)?;
        let is_guess = |other: &Self| other.open || (other.assumed && other.offset.is_some());
        let tells = |other: &&Self| !is_guess(other) && was_set(other.local);
        let mut instants = others.iter().filter(tells).filter_map(|other| other.instant(zone));
        instants.any(|other| other.duration_since(instant).abs() <= SAME_START).then_some(in_utc)
    }

    /// The time between two readings. Where one of them has no certain offset, two equal clocks count as equal: a recorder can
    /// write names in another zone than headers, and a name does not show its zone.
    fn apart(&self, other: &Self, zone: Option<&TimeZone>) -> SignedDuration {
        let clocks = self.local.duration_since(other.local).abs();
        let instants = self.instant(zone).zip(other.instant(zone)).map(|(a, b)| a.duration_since(b).abs());
        let both_stated = [self, other].iter().all(|reading| reading.offset.is_some() && !reading.assumed);
        match instants {
            Some(instants) if both_stated => instants,
            Some(instants) => instants.min(clocks),
            None => clocks,
        }
    }
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} says {}", self.told_by, self.local)?;
        match self.offset.filter(|_| !self.assumed) {
            None if self.open => f.write_str("-00:00"),
            Some(Offset::UTC) => f.write_str("Z"),
            Some(offset) => write!(f, "{offset}"),
            None => Ok(()),
        }
    }
}

/// What is known of a start.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Start {
    pub(super) utc_us: Option<i64>,
    pub(super) local: Option<DateTime>,
    pub(super) utc_offset_min: Option<i32>,
    /// The local date that the recording is filed under.
    pub(super) date: Option<Date>,
    pub(super) source: TimeSource,
    pub(super) note: Option<String>,
}

impl Start {
    /// The clock at the site, or in UTC where the site's is not known.
    pub(super) fn clock(&self) -> Option<DateTime> {
        self.local.or_else(|| Some(Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(self.utc_us?).ok()?)))
    }
}

/// The start by these readings, the most trusted first. `zone` is the site's time zone, where it is known. The first reading that
/// states an instant is believed, and the others are compared with it.
pub(super) fn decide(readings: &[Reading], zone: Option<&TimeZone>) -> Start {
    let readings: Vec<Reading> =
        readings.iter().map(|reading| reading.settled(readings, zone).unwrap_or_else(|| reading.clone())).collect();
    let (live, dead): (Vec<&Reading>, Vec<&Reading>) = readings.iter().partition(|reading| was_set(reading.local));
    let mut notes: Vec<String> = dead.iter().map(|reading| format!("{reading}: the clock was not set")).collect();
    let Some(believed) = live.iter().find(|reading| reading.instant(zone).is_some()).or(live.first()) else {
        if notes.is_empty() {
            notes.push("neither a header nor the name holds a time".to_owned());
        }
        return Start { note: Some(notes.join("; ")), ..Start::default() };
    };
    for other in live.iter().filter(|other| *other != believed) {
        let apart = believed.apart(other, zone);
        if apart > SAME_START {
            notes.push(format!("{believed} and {other}, {apart:#} apart: {} was believed", believed.told_by));
        }
    }
    if believed.open && believed.offset.is_none() {
        notes.push(format!("{believed}, which leaves the offset from UTC open: read as the site's clock"));
    }
    let mut start = resolve(believed, zone);
    notes.extend(start.note.take());
    Start { note: (!notes.is_empty()).then(|| notes.join("; ")), ..start }
}

/// A single reading in a zone.
fn resolve(reading: &Reading, zone: Option<&TimeZone>) -> Start {
    let start = match (reading.offset, zone) {
        (Some(offset), _) => match offset.to_timestamp(reading.local) {
            Ok(instant) => instant_in(instant, zone, local_offset(reading)),
            Err(_) => Start { note: Some(format!("{reading}, which is outside of the calendar")), ..Start::default() },
        },
        (None, Some(zone)) => local_in(reading, zone),
        (None, None) => Start {
            local: Some(reading.local),
            date: Some(reading.local.date()),
            note: Some("the time zone is not known: set archive.timezone or the site sheet's".into()),
            ..Start::default()
        },
    };
    let source = if start.date.is_some() { reading.source } else { TimeSource::None };
    Start { source, ..start }
}

/// The offset of the site's own clock, where the reading shows it. The offset 0 shows nothing: a recorder that is set to UTC
/// can be anywhere.
fn local_offset(reading: &Reading) -> Option<(DateTime, Offset)> {
    reading.offset.filter(|offset| *offset != Offset::UTC).map(|offset| (reading.local, offset))
}

/// An instant that is certain; the local clock comes from the zone, or else from the reading where it names its own offset.
fn instant_in(instant: jiff::Timestamp, zone: Option<&TimeZone>, named: Option<(DateTime, Offset)>) -> Start {
    let known = zone.map(|z| (z.to_datetime(instant), z.to_offset(instant))).or(named);
    let note = known.is_none().then(|| "the time zone is not known: filed under its date in UTC".to_owned());
    let date = known.map_or_else(|| TimeZone::UTC.to_datetime(instant).date(), |(local, _)| local.date());
    Start {
        utc_us: Some(instant.as_microsecond()),
        local: known.map(|(local, _)| local),
        utc_offset_min: known.map(|(_, offset)| offset.seconds() / 60),
        date: Some(date),
        note,
        ..Start::default()
    }
}

/// A clock reading in a zone. Where daylight saving repeats or leaves out an hour, the instant cannot be known for certain: the
/// earlier of two is taken, an hour that was left out is read as if the clock had not been put forward, and the note says so.
/// The local time is that of the instant: no clock at the site shows an hour that was left out.
fn local_in(reading: &Reading, zone: &TimeZone) -> Start {
    let ambiguous = zone.to_ambiguous_timestamp(reading.local);
    let note = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { .. } => {
            Some(format!("{reading}, and daylight saving leaves this hour out: read as if the clock had not been put forward"))
        }
        AmbiguousOffset::Fold { .. } => {
            Some(format!("{reading}, and daylight saving repeats this hour: the earlier reading was taken"))
        }
    };
    let Ok(instant) = ambiguous.compatible() else {
        return Start { note: Some(format!("{reading}, which is outside of the calendar")), ..Start::default() };
    };
    let local = zone.to_datetime(instant);
    Start {
        utc_us: Some(instant.as_microsecond()),
        local: Some(local),
        utc_offset_min: Some(zone.to_offset(instant).seconds() / 60),
        date: Some(local.date()),
        note,
        ..Start::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::{audiomoth, guano};
    use crate::names::parse_start;

    const SAO_PAULO: Option<&str> = Some("America/Sao_Paulo");

    fn start_of(header: &Header, name: &str, clock: Clock, zone: Option<&str>) -> Start {
        let zone = zone.map(|z| TimeZone::get(z).unwrap());
        decide(&Reading::of(header, parse_start(name).as_ref(), clock, None), zone.as_ref())
    }

    fn start(name: &str, clock: Clock, zone: Option<&str>) -> Start {
        start_of(&Header::default(), name, clock, zone)
    }

    fn stamped(timestamp: &str) -> Header {
        guano::parse(&format!("Timestamp: {timestamp}"))
    }

    fn utc(start: &Start) -> Option<String> {
        start.utc_us.map(|us| jiff::Timestamp::from_microsecond(us).unwrap().to_string())
    }

    #[test]
    fn a_song_meter_name_is_local_time() {
        let known = start("P_20200301_190000", Clock::Utc, SAO_PAULO);
        assert_eq!(utc(&known).unwrap(), "2020-03-01T22:00:00Z");
        assert_eq!((known.utc_offset_min, known.source, known.note), (Some(-180), TimeSource::Filename, None));
        let unknown = start("P_20200301_190000", Clock::Utc, None);
        assert_eq!((unknown.utc_us, unknown.date), (None, Some(jiff::civil::date(2020, 3, 1))));
        assert!(unknown.note.unwrap().contains("archive.timezone"));
    }

    #[test]
    fn a_bare_name_is_utc_unless_the_clock_was_local_and_is_filed_under_its_local_date() {
        let moth = start("20200301_013000", Clock::Utc, SAO_PAULO);
        assert_eq!((utc(&moth).unwrap().as_str(), moth.date), ("2020-03-01T01:30:00Z", Some(jiff::civil::date(2020, 2, 29))));
        let local = start("20200301_013000", Clock::Local, SAO_PAULO);
        assert_eq!(utc(&local).unwrap(), "2020-03-01T04:30:00Z");
    }

    #[test]
    fn a_bare_name_is_read_as_other_headers_show() {
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let read = |name: &str, clock, hours: i8| {
            let shown = Some(NameClock::Fixed(Offset::constant(hours)));
            utc(&decide(&Reading::of(&Header::default(), parse_start(name).as_ref(), clock, shown), Some(&zone))).unwrap()
        };
        assert_eq!(read("20200301_193000", Clock::Utc, -4), "2020-03-01T23:30:00Z");
        assert_eq!(read("20200301_193000", Clock::Local, 0), "2020-03-01T19:30:00Z");
        assert_eq!(
            read("P_20200301_193000", Clock::Utc, -4),
            "2020-03-01T22:30:00Z",
            "a prefix says that it is another recorder's"
        );
        let local = Reading::of(&Header::default(), parse_start("20200301_193000").as_ref(), Clock::Utc, Some(NameClock::Local));
        assert_eq!(utc(&decide(&local, Some(&zone))).unwrap(), "2020-03-01T22:30:00Z", "the site's clock");
        assert_eq!(decide(&local, None).utc_us, None, "which nobody knows without a zone");
    }

    #[test]
    fn hours_that_daylight_saving_repeats_or_leaves_out_are_noted() {
        let fold = start("P_20191103_013000", Clock::Utc, Some("America/New_York"));
        assert_eq!(utc(&fold).unwrap(), "2019-11-03T05:30:00Z");
        assert!(fold.note.unwrap().contains("repeats"));
        let gap = start("P_20200308_023000", Clock::Utc, Some("America/New_York"));
        assert_eq!(utc(&gap).unwrap(), "2020-03-08T07:30:00Z");
        assert_eq!((gap.local.unwrap().to_string().as_str(), gap.utc_offset_min), ("2020-03-08T03:30:00", Some(-240)));
        assert_eq!(
            gap.note.as_deref(),
            Some(
                "the name says 2020-03-08T02:30:00, and daylight saving leaves this hour out: read as if the clock had not been put forward"
            )
        );
        // A header's offset says which of the two hours it was.
        let told = start_of(&stamped("2019-11-03T01:30:00-05:00"), "P_20191103_013000", Clock::Utc, Some("America/New_York"));
        assert_eq!((utc(&told).unwrap().as_str(), told.note), ("2019-11-03T06:30:00Z", None));
    }

    #[test]
    fn local_time_is_utc_plus_offset_in_the_south_too() {
        for (name, instant, local, offset_min, is_doubtful) in [
            ("V_20210115_210000", "2021-01-15T10:00:00Z", "2021-01-15T21:00:00", 660, false),
            ("V_20210715_210000", "2021-07-15T11:00:00Z", "2021-07-15T21:00:00", 600, false),
            ("V_20210404_023000", "2021-04-03T15:30:00Z", "2021-04-04T02:30:00", 660, true),
            ("V_20211003_023000", "2021-10-02T16:30:00Z", "2021-10-03T03:30:00", 660, true),
            ("V_20200229_235958_500", "2020-02-29T12:59:58.5Z", "2020-02-29T23:59:58.5", 660, false),
        ] {
            let start = start(name, Clock::Utc, Some("Australia/Melbourne"));
            assert_eq!((utc(&start).unwrap().as_str(), start.note.is_some()), (instant, is_doubtful), "{name}");
            assert_eq!((start.local.unwrap().to_string().as_str(), start.utc_offset_min), (local, Some(offset_min)), "{name}");
        }
        let moth = "20210403_163000";
        let header = audiomoth::parse(
            "Recorded at 16:30:00 03/04/2021 (UTC) by AudioMoth 249BC3055C0300C4 at medium gain while battery was 4.2V.",
        );
        let second = start_of(&header, moth, Clock::Utc, Some("Australia/Melbourne"));
        assert_eq!((second.local.unwrap().to_string().as_str(), second.utc_offset_min), ("2021-04-04T02:30:00", Some(600)));
        assert_eq!(second.note, None);
    }

    #[test]
    fn an_offset_of_minus_zero_is_read_as_another_source_shows_and_else_told() {
        let brisbane = Some("Australia/Brisbane");
        let read = |header: &str, name: &str, clock| {
            let start = start_of(&stamped(header), name, clock, brisbane);
            (utc(&start).unwrap(), start.note)
        };
        let (local, note) = read("2016-05-17 16:00:00-00:00", "AVA__20160517_160000", Clock::Utc);
        assert_eq!(local, "2016-05-17T06:00:00Z");
        assert_eq!(
            note.as_deref(),
            Some(
                "the GUANO header says 2016-05-17T16:00:00-00:00, which leaves the offset from UTC open: read as the site's clock"
            )
        );
        // The name's clock in the site's zone shows that the header is in UTC.
        assert_eq!(
            read("2016-05-17 06:00:00-00:00", "AVA__20160517_160000", Clock::Utc),
            ("2016-05-17T06:00:00Z".to_owned(), None)
        );
        // An assumption about a recorder's names shows nothing.
        let (assumed, note) = read("2016-05-17 16:00:00-00:00", "20160517_160000", Clock::Utc);
        assert_eq!((assumed.as_str(), note.unwrap().contains("open")), ("2016-05-17T06:00:00Z", true));
        let (name, note) = read("", "AVA_20160517_160000_-0000", Clock::Utc);
        assert_eq!(
            (name.as_str(), note.unwrap().contains("the name says 2016-05-17T16:00:00-00:00")),
            ("2016-05-17T06:00:00Z", true)
        );
        let nowhere = start_of(&stamped("2016-05-17 16:00:00-00:00"), "dawn", Clock::Utc, None);
        assert_eq!((nowhere.utc_us, nowhere.local.is_some()), (None, true));
    }

    #[test]
    fn a_dead_clock_and_a_name_without_time_give_no_date() {
        for name in ["P_19700101_000000", "P_20000101_000512"] {
            let dead = start(name, Clock::Utc, Some("UTC"));
            assert_eq!((dead.utc_us, dead.date, dead.source), (None, None, TimeSource::None));
            assert!(dead.note.unwrap().contains("not set"));
        }
        assert_eq!(start("dawn", Clock::Utc, Some("UTC")).date, None);
        let header = start_of(&stamped("1970-01-01T00:00:05Z"), "dawn", Clock::Utc, Some("UTC"));
        assert_eq!((header.date, header.source), (None, TimeSource::None));
        assert_eq!(header.note.as_deref(), Some("the GUANO header says 1970-01-01T00:00:05Z: the clock was not set"));
    }

    #[test]
    fn a_dead_header_leaves_the_name_to_be_believed() {
        let start = start_of(&stamped("2000-01-01T00:00:05"), "P_20200301_190000", Clock::Utc, SAO_PAULO);
        assert_eq!((utc(&start).unwrap().as_str(), start.source), ("2020-03-01T22:00:00Z", TimeSource::Filename));
        assert!(start.note.unwrap().contains("2000-01-01T00:00:05: the clock was not set"));
    }

    #[test]
    fn the_order_of_trust() {
        // A header with its offset, whatever the zone.
        let offset = start_of(&stamped("2020-03-01T19:00:00-04:00"), "P_20200301_120000", Clock::Utc, SAO_PAULO);
        assert_eq!((utc(&offset).unwrap().as_str(), offset.source), ("2020-03-01T23:00:00Z", TimeSource::Header));
        assert_eq!(offset.local.unwrap().to_string(), "2020-03-01T20:00:00", "the site's clock");
        // Then a header's clock in the configured zone.
        let local = start_of(&stamped("2020-03-01T19:00:00"), "P_20200301_120000", Clock::Utc, SAO_PAULO);
        assert_eq!((utc(&local).unwrap().as_str(), local.source), ("2020-03-01T22:00:00Z", TimeSource::Header));
        // Without a zone, a name that says its offset tells more.
        let name = start_of(&stamped("2020-03-01T19:00:00"), "P_20200301_190000_-0400", Clock::Utc, None);
        assert_eq!((utc(&name).unwrap().as_str(), name.source, name.note), ("2020-03-01T23:00:00Z", TimeSource::Filename, None));
        let neither = start_of(&stamped("2020-03-01T19:00:00"), "P_20200301_190000", Clock::Utc, None);
        assert_eq!((neither.utc_us, neither.source), (None, TimeSource::Header));
        // The sheet speaks last.
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let sheet = decide(&[Reading::of_sheet("2020-03-01T19:00:00".parse().unwrap())], Some(&zone));
        assert_eq!((utc(&sheet).unwrap().as_str(), sheet.source), ("2020-03-01T22:00:00Z", TimeSource::Sheet));
    }

    #[test]
    fn a_header_with_an_offset_goes_before_a_more_trusted_one_without() {
        let header = stamped("2020-03-01T19:00:00").or(audiomoth::parse("Recorded at 22:00:00 01/03/2020 (UTC)"));
        let start = start_of(&header, "dawn", Clock::Utc, None);
        assert_eq!(utc(&start).unwrap(), "2020-03-01T22:00:00Z");
        assert!(start.note.unwrap().contains("3h apart"));
    }

    #[test]
    fn sources_that_disagree_are_told_with_both_values() {
        let start = start_of(&stamped("2020-03-01T19:00:00-03:00"), "P_20200301_180000", Clock::Utc, SAO_PAULO);
        let note = start.note.unwrap();
        assert_eq!(
            note,
            "the GUANO header says 2020-03-01T19:00:00-03 and the name says 2020-03-01T18:00:00, 1h apart: the GUANO header was believed"
        );
        let stated = start_of(&stamped("2020-03-01T19:00:00-03:00"), "P_20200301_190000_-0400", Clock::Utc, SAO_PAULO);
        assert!(stated.note.unwrap().contains("1h apart"), "both state their offset");
    }

    #[test]
    fn sources_that_agree_are_not_flagged() {
        for (header, name) in [
            ("2020-03-01T19:00:00-03:00", "P_20200301_190000"),
            ("2020-03-01T19:00:00-03:00", "P_20200301_190003"),
            ("2020-03-01T22:00:00Z", "P_20200301_190000"),
            ("2020-03-01T22:00:00Z", "P_20200301_190000_-0300"),
            ("2020-03-01T19:00:00", "P_20200301_190000"),
            // The name in the recorder's zone though names without a prefix are said to be in UTC.
            ("2020-03-01T19:00:00-03:00", "20200301_190000"),
            ("2020-03-01T19:00:00-03:00", "20200301_220000"),
            // A recorder that stays on its own time while the site's clock changes.
            ("2020-03-01T18:00:00-04:00", "P_20200301_180000"),
        ] {
            assert_eq!(start_of(&stamped(header), name, Clock::Utc, SAO_PAULO).note, None, "{header} and {name}");
        }
    }

    #[test]
    fn a_clock_on_utc_says_nothing_of_the_site_s() {
        let start = start_of(&stamped("2020-03-01T22:00:00Z"), "dawn", Clock::Utc, None);
        assert_eq!((start.local, start.utc_offset_min), (None, None));
        assert!(start.note.unwrap().contains("date in UTC"));
        let other = start_of(&stamped("2020-03-01T22:00:00+01:00"), "dawn", Clock::Utc, None);
        assert_eq!((other.utc_offset_min, other.note), (Some(60), None));
    }
}
