//! The sentence that an AudioMoth writes into the comment of its recordings.
//!
//! Source: the firmware's function that writes the header (AudioMoth-Firmware-Basic, `src/main.c`), release by release:
//!
//! | firmware | wording |
//! |---|---|
//! | 1.0.0 | `Recorded at 19:17:30 12/06/2018 by AudioMoth 0FE081F80FE081F0 at gain setting 2 while battery state was 4.2V` |
//! | 1.0.1 | … `12/06/2018 (UTC) by` … |
//! | 1.2.0 | … `(UTC+2)` …, a full stop behind it; from 1.2.2 on also `(UTC-3:30)` |
//! | before 1.2.1 | `battery state was < 3.6V`, `> 5.0V`; later `less than`, `greater than` |
//! | 1.4.0 | `at medium gain setting while battery state was 4.2V and temperature was -3.5C.`, and sentences on filters and triggers |
//! | 1.5.0 | `during deployment 24F3190361CBE3FA` in place of `by AudioMoth …`, `using external microphone` |
//! | 1.6.0 | `at medium gain while battery was 4.2V` |
//! | GPS firmware | milliseconds: `19:17:30.003` |
//!
//! A sentence may follow on why the recording ended early.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use regex::{Captures, Regex};

use super::header::{Header, HeaderFormat, HeaderTime};
use super::values::{celsius, unread, volts};
use chorus_clock::reading::{from_hours_and_minutes, nanoseconds, number};

/// Date, time and zone.
static RECORDED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"Recorded at (?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))? ",
        r"(?<day>\d\d)/(?<month>\d\d)/(?<year>\d{4})(?<zone> \(UTC(?<offset>[^)]{0,8})\))?"
    ))
});
/// An offset within the zone's brackets.
static OFFSET: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?<sign>[+-])(?<hours>\d{1,2})(?::(?<minutes>\d\d))?$"));
static SERIAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"AudioMoth (?<serial>[0-9A-Fa-f]{16})\b"));
static GAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"at (?:gain setting (?<number>\d)|(?<word>[a-z-]{3,12}) gain\b)"));
/// A measured voltage: where it is only said to be less or greater than a bound, no figure is known.
static BATTERY: LazyLock<Regex> = LazyLock::new(|| pattern(r"battery (?:state )?was (?<volts>\d{1,2}\.\d{1,2})V"));
static TEMPERATURE: LazyLock<Regex> = LazyLock::new(|| pattern(r"temperature was (?<degrees>-?\d{1,3}\.\d)C"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a test uses every pattern")
}

/// Reads the comment; empty when it is not an AudioMoth's.
#[must_use]
pub fn parse(comment: &str) -> Header {
    let Some(recorded) = RECORDED.captures(comment) else { return Header::default() };
    let sentence = &comment[recorded.get_match().start()..];
    let gain =
        GAIN.captures(sentence).and_then(|found| found.name("number").or(found.name("word")).map(|m| m.as_str().to_owned()));
    let time = time(&recorded);
    let said = recorded.get_match().as_str();
    let doubt = time.is_none().then(|| unread(HeaderFormat::AudioMoth, "time", said, "a time of a day in the calendar"));
    Header {
        times: time.map(|time| HeaderTime::new(HeaderFormat::AudioMoth, time)).into_iter().collect(),
        notes: doubt.into_iter().collect(),
        gain,
        battery_v: found(&BATTERY, "volts", sentence).and_then(volts),
        temperature_c: found(&TEMPERATURE, "degrees", sentence).and_then(celsius),
        ..device(found(&SERIAL, "serial", sentence))
    }
}

/// Reads the artist (`IART`): `AudioMoth` and the serial number.
#[must_use]
pub fn parse_artist(artist: &str) -> Header {
    match found(&SERIAL, "serial", artist) {
        Some(serial) => device(Some(serial)),
        None => Header::default(),
    }
}

fn device(serial: Option<&str>) -> Header {
    Header {
        make: Some("Open Acoustic Devices".to_owned()),
        model: Some("AudioMoth".to_owned()),
        serial: serial.map(str::to_ascii_uppercase),
        ..Header::default()
    }
}

fn found<'t>(pattern: &Regex, group: &str, text: &'t str) -> Option<&'t str> {
    pattern.captures(text)?.name(group).map(|found| found.as_str())
}

fn time(recorded: &Captures<'_>) -> Option<(DateTime, Option<Offset>)> {
    let part = |name: &str| recorded.name(name).and_then(|digits| number(digits.as_str().as_bytes()));
    let fraction = nanoseconds(recorded.name("fraction").map_or("", |m| m.as_str()).as_bytes())?;
    let date = Date::new(part("year")? as i16, part("month")? as i8, part("day")? as i8).ok()?;
    let time = Time::new(part("hour")? as i8, part("minute")? as i8, part("second")? as i8, fraction).ok()?;
    let offset = match recorded.name("offset") {
        Some(offset) => zone(offset.as_str()),
        // Firmware 1.0.0 had no zones: its clock was set to UTC.
        None => Some(Offset::UTC),
    };
    Some((date.to_datetime(time), offset))
}

/// What stands behind `UTC` in the brackets.
fn zone(text: &str) -> Option<Offset> {
    if text.is_empty() {
        return Some(Offset::UTC);
    }
    let offset = OFFSET.captures(text)?;
    let sign = if &offset["sign"] == "-" { -1 } else { 1 };
    let part = |name: &str| offset.name(name).map_or(Some(0), |digits| number(digits.as_str().as_bytes()));
    from_hours_and_minutes(sign, part("hours")?, part("minutes")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_engine::Exact;
    use proptest::prelude::*;

    /// Local time, offset in minutes, serial, gain, battery and temperature.
    type Said<'a> = (&'a str, Option<i32>, Option<&'a str>, Option<&'a str>, Option<f64>, Option<f64>);

    #[test]
    fn every_firmware() {
        const ID: &str = "0FE081F80FE081F0";
        let cases: [(&str, Said<'_>); 12] = [
            (
                "Recorded at 19:17:30 12/06/2018 by AudioMoth 0fe081f80fe081f0 at gain setting 2 while battery state was 4.2V",
                ("2018-06-12T19:17:30", Some(0), Some(ID), Some("2"), Some(4.2), None),
            ),
            (
                "Recorded at 09:32:00 04/05/2018 (UTC) by AudioMoth 0FE081F80FE081F0 at gain setting 2 while battery state was 4.3V",
                ("2018-05-04T09:32:00", Some(0), Some(ID), Some("2"), Some(4.3), None),
            ),
            (
                "Recorded at 09:32:00 04/05/2018 (UTC-3) by AudioMoth 0FE081F80FE081F0 at gain setting 4 while battery state was < 3.6V.",
                ("2018-05-04T09:32:00", Some(-180), Some(ID), Some("4"), None, None),
            ),
            (
                "Recorded at 09:32:00 04/05/2018 (UTC+10) by AudioMoth 0FE081F80FE081F0 at gain setting 4 while battery state was > 5.0V.",
                ("2018-05-04T09:32:00", Some(600), Some(ID), Some("4"), None, None),
            ),
            (
                "Recorded at 09:32:00 04/05/2018 (UTC-3:30) by AudioMoth 0FE081F80FE081F0 at gain setting 0 while battery state was less than 3.6V. Recording cancelled before completion due to low battery voltage.",
                ("2018-05-04T09:32:00", Some(-210), Some(ID), Some("0"), None, None),
            ),
            (
                "Recorded at 09:32:00 04/05/2018 (UTC+5:45) by AudioMoth 0FE081F80FE081F0 at low-medium gain setting while battery state was greater than 4.9V and temperature was -3.5C. Amplitude threshold was 64.",
                ("2018-05-04T09:32:00", Some(345), Some(ID), Some("low-medium"), None, Some(-3.5)),
            ),
            (
                "Recorded at 09:32:00 04/05/2018 (UTC-0:30) by AudioMoth 0FE081F80FE081F0 at high gain setting while battery state was 3.0V and temperature was 0.0C. Band-pass filter applied with cut-off frequencies of 1.0kHz and 8.0kHz.",
                ("2018-05-04T09:32:00", Some(-30), Some(ID), Some("high"), Some(3.0), Some(0.0)),
            ),
            (
                "Recorded at 10:06:19 06/12/2020 (UTC) during deployment EEC909D42565A5F0 at medium gain setting while battery state was 4.2V and temperature was 19.6C.",
                ("2020-12-06T10:06:19", Some(0), None, Some("medium"), Some(4.2), Some(19.6)),
            ),
            (
                "Recorded at 10:06:19 06/12/2020 (UTC) by AudioMoth 0FE081F80FE081F0 using external microphone at medium-high gain setting while battery state was 4.2V and temperature was 119.6C. Recording cancelled before completion due to change of switch position.",
                ("2020-12-06T10:06:19", Some(0), Some(ID), Some("medium-high"), Some(4.2), Some(119.6)),
            ),
            (
                "Recorded at 20:26:15 03/09/2024 (UTC+1) by AudioMoth 0FE081F80FE081F0 at medium gain while battery was 4.2V and temperature was 19.3C. High-pass filter with frequency of 15.0kHz applied. Amplitude threshold was 4% with 5s minimum trigger duration.",
                ("2024-09-03T20:26:15", Some(60), Some(ID), Some("medium"), Some(4.2), Some(19.3)),
            ),
            (
                "Recorded at 20:26:15.003 03/09/2024 (UTC) by AudioMoth 0FE081F80FE081F0 at low gain while battery was less than 2.5V and temperature was 19.3C. Recording stopped by magnetic switch.",
                ("2024-09-03T20:26:15.003", Some(0), Some(ID), Some("low"), None, Some(19.3)),
            ),
            (
                "A note. Recorded at 20:26:15 03/09/2024 (UTC:30) by AudioMoth 0FE081F80FE081F0 at low gain while",
                ("2024-09-03T20:26:15", None, Some(ID), Some("low"), None, None),
            ),
        ];
        for (comment, (local, offset, serial, gain, battery_v, temperature_c)) in cases {
            let header = parse(comment);
            let time = &header.times[0];
            assert_eq!((time.local.to_string().as_str(), time.offset_s.map(|s| s / 60)), (local, offset), "{comment}");
            assert_eq!((header.serial.as_deref(), header.gain.as_deref()), (serial, gain), "{comment}");
            assert_eq!((header.battery_v, header.temperature_c), (battery_v.map(Exact), temperature_c.map(Exact)), "{comment}");
            assert_eq!((header.make.as_deref(), header.model.as_deref()), (Some("Open Acoustic Devices"), Some("AudioMoth")));
        }
    }

    #[test]
    fn other_comments_say_nothing() {
        for comment in ["", "AudioMoth", "Recorded at dawn", "Recorded at 09:32 04/05/2018 (UTC)"] {
            assert_eq!(parse(comment), Header::default(), "{comment}");
        }
        for impossible in ["Recorded at 25:32:00 04/05/2018 (UTC)", "Recorded at 09:32:00 31/02/2018 (UTC)"] {
            let header = parse(impossible);
            assert!(header.times.is_empty() && header.notes[0].contains(impossible), "{header:?}");
        }
    }

    #[test]
    fn an_artist() {
        assert_eq!(parse_artist("AudioMoth 24E144055E080032").serial.as_deref(), Some("24E144055E080032"));
        assert_eq!(parse_artist("The Beatles"), Header::default());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), tail in "[ 0-9:/()UTC+a-zA-Z.<>-]{0,80}") {
            let _ = (parse(&text), parse_artist(&text), zone(&text));
            let _ = parse(&format!("Recorded at {tail}"));
            let _ = parse(&format!("Recorded at 09:32:00 04/05/2018 {tail}"));
        }

        #[test]
        fn what_is_written_is_read_back(
            second in 0_i64..4_000_000_000, quarters in -56_i32..=56, id in any::<u64>(),
            gain in prop::sample::select(vec!["low", "low-medium", "medium", "medium-high", "high"]), tenths in 25u32..50, degrees in -400i32..1000,
        ) {
            let offset = Offset::from_seconds(quarters * 900).unwrap();
            let local = offset.to_datetime(jiff::Timestamp::from_second(second).unwrap());
            let (hours, minutes) = (quarters.abs() / 4, quarters.abs() % 4 * 15);
            let sign = if quarters < 0 { "-" } else { "+" };
            let zone = match (hours, minutes) {
                (0, 0) => String::new(),
                (hours, 0) => format!("{sign}{hours}"),
                (hours, minutes) => format!("{sign}{hours}:{minutes:02}"),
            };
            let comment = format!(
                "Recorded at {} {} (UTC{zone}) by AudioMoth {id:016X} at {gain} gain while battery was {}.{}V and temperature was {:.1}C.",
                local.strftime("%H:%M:%S"), local.strftime("%d/%m/%Y"), tenths / 10, tenths % 10, f64::from(degrees) / 10.0,
            );
            let header = parse(&comment);
            prop_assert_eq!(&header.times, &[HeaderTime::new(HeaderFormat::AudioMoth, (local, Some(offset)))], "{}", comment);
            prop_assert_eq!(header.serial, Some(format!("{id:016X}")));
            prop_assert_eq!(header.gain.as_deref(), Some(gain));
            prop_assert_eq!(header.battery_v, Some(Exact(f64::from(tenths) / 10.0)));
            let degrees: f64 = format!("{:.1}", f64::from(degrees) / 10.0).parse().unwrap();
            prop_assert_eq!(header.temperature_c, Some(Exact(degrees)));
        }
    }
}
