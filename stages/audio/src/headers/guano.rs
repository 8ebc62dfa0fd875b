//! GUANO: `key: value` lines of UTF-8 in a chunk `guan`.
//!
//! Source: the GUANO specification 1.0 (<https://guano-md.org>), and what recorders make of it: an offset without a colon and a
//! space for the `T` in `Timestamp` (Echo Meter), vendors' keys such as `OAD|Battery Voltage` (AudioMoth) and `WA|Song
//! Meter|Audio settings`.

use serde_json::Value;

use super::header::{Header, HeaderFormat, HeaderTime};
use super::values::{celsius, expansion, is_factor, leading_number, position, said, unread, volts};

/// Reads the text of a `guan` chunk.
#[must_use]
pub fn parse(text: &str) -> Header {
    let fields: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.split_once(':')).map(|(k, v)| (k.trim(), v.trim())).collect();
    let value = |key: &str| fields.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
    // Vendors put their name before the key of a field that the specification does not know.
    let vendors =
        |key: &str| fields.iter().find(|(k, _)| k.rsplit('|').next().is_some_and(|k| k.eq_ignore_ascii_case(key))).map(|f| f.1);
    let text = |key: &str| value(key).and_then(said);
    let (time, factor) =
        (value("Timestamp").and_then(|text| HeaderTime::of_iso(HeaderFormat::Guano, text)), value("TE").and_then(leading_number));
    let notes = [
        text("Timestamp")
            .filter(|_| time.is_none())
            .map(|text| unread(HeaderFormat::Guano, "Timestamp", &text, "a time such as 2020-03-01T19:00:00Z")),
        text("TE")
            .filter(|_| !factor.is_some_and(is_factor))
            .map(|text| unread(HeaderFormat::Guano, "TE", &text, "a factor from 1 to 100")),
    ];
    Header {
        times: time.into_iter().collect(),
        notes: notes.into_iter().flatten().collect(),
        make: text("Make"),
        model: text("Model"),
        serial: text("Serial"),
        firmware: text("Firmware Version"),
        gain: vendors("Gain").and_then(said).or_else(|| vendors("Audio settings").and_then(gain_of_settings)),
        battery_v: vendors("Battery Voltage").and_then(volts),
        temperature_c: ["Temperature Int", "Temperature Ext"].into_iter().find_map(|key| value(key).and_then(celsius)),
        position: value("Loc Position").and_then(loc_position),
        time_expansion: factor.and_then(expansion),
        sample_rate_hz: value("Samplerate").and_then(|rate| rate.parse().ok()).filter(|rate| *rate > 0),
    }
}

/// `latitude longitude`; some writers put a comma between them.
fn loc_position(text: &str) -> Option<(chorus_engine::Exact, chorus_engine::Exact)> {
    let numbers: Option<Vec<f64>> = text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect();
    match numbers?.as_slice() {
        [latitude, longitude] => position(*latitude, *longitude),
        _ => None,
    }
}

/// The gain of the first channel in a Song Meter's list of settings, which is JSON.
fn gain_of_settings(json: &str) -> Option<String> {
    let settings: Value = serde_json::from_str(json).ok()?;
    said(settings.get(0)?.get("gain")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_engine::Exact;
    use proptest::prelude::*;

    #[test]
    fn an_audiomoth() {
        let header = parse(
            "GUANO|Version:1.0\nMake:Open Acoustic Devices\nModel:AudioMoth\nSerial:24E144055E080032\nFirmware Version:AudioMoth-Firmware-Basic (1.10.1)\n\
             Timestamp:2024-09-03T20:26:15+01:00\nOriginal Filename:20240903_202615T.WAV\nOAD|Battery Voltage:4.2\nTemperature Int:19.3",
        );
        assert_eq!(header.make.as_deref(), Some("Open Acoustic Devices"));
        assert_eq!(header.serial.as_deref(), Some("24E144055E080032"));
        assert_eq!(header.firmware.as_deref(), Some("AudioMoth-Firmware-Basic (1.10.1)"));
        assert_eq!((header.battery_v, header.temperature_c), (Some(Exact(4.2)), Some(Exact(19.3))));
        assert_eq!(header.times[0].offset_s, Some(3600));
        assert_eq!(header.times[0].local.to_string(), "2024-09-03T20:26:15");
    }

    #[test]
    fn an_echo_meter() {
        let header = parse(
            "GUANO|Version:  1.0\nLoc Position: 50.7 -1.7\nSamplerate: 256000\nSerial: \nTimestamp:  2022-08-15 21:34:14+0100\nTE: 10\n\
             WA|Song Meter|Audio settings: [{\"rate\":\"256000\",\"gain\":\"12.00\",\"prefix\":null}]\n",
        );
        assert_eq!(header.position, Some((Exact(50.7), Exact(-1.7))));
        assert_eq!((header.serial, header.gain.as_deref()), (None, Some("12.00")));
        assert_eq!((header.time_expansion, header.sample_rate_hz), (Some(Exact(10.0)), Some(256_000)));
    }

    #[test]
    fn values_that_cannot_be_are_left_out() {
        for position in ["", "0.0 0.0", "50.7", "91 0", "12 200", "50.7 N 1.7 W", "1 2 3", "NaN NaN", "inf 1"] {
            assert_eq!(parse(&format!("Loc Position: {position}")).position, None, "{position}");
        }
        assert_eq!(parse("Loc Position: 50.7,-1.7").position, Some((Exact(50.7), Exact(-1.7))));
        let odd = parse("TE: 1\nSamplerate: fast\nTimestamp: \nTemperature Int: 900\nOAD|Battery Voltage: -\nTE\n:\n|:|");
        assert_eq!(odd, Header::default());
        assert_eq!(parse("Temperature Ext: -3.5 C").temperature_c, Some(Exact(-3.5)));
    }

    #[test]
    fn a_time_and_a_factor_that_cannot_be_read_are_told() {
        for text in ["Timestamp: yesterday", "TE: ten", "TE: 0", "TE: 1000"] {
            let header = parse(text);
            let (key, value) = text.split_once(": ").unwrap();
            assert!(header.notes.len() == 1 && header.notes[0].contains(&format!("{key} is `{value}`")), "{header:?}");
        }
        assert_eq!(parse("Timestamp: 2024-09-03T20:26:15+01:00\nTE: 10").notes, [""; 0]);
        assert!(parse(&format!("TE: {}", "é".repeat(5000))).notes[0].len() < 300);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), value in any::<String>(), key in prop::sample::select(vec!["Timestamp", "Loc Position", "TE", "WA|Audio settings", "A|Gain"])) {
            let _ = parse(&text);
            let _ = parse(&format!("{key}:{value}"));
        }

        #[test]
        fn what_is_written_is_read_back(serial in "[A-Z0-9]{1,16}", latitude in -90.0..90.0f64, longitude in -180.0..180.0f64, volts in 0.0..10.0f64) {
            let header = parse(&format!("Serial: {serial}\nLoc Position: {latitude} {longitude}\nOAD|Battery Voltage: {volts}"));
            prop_assert_eq!(header.serial, Some(serial));
            prop_assert_eq!(header.position, Some((Exact(latitude), Exact(longitude))));
            prop_assert_eq!(header.battery_v, Some(Exact(volts)));
        }
    }
}
