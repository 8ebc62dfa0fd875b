//! Wildlife Acoustics' chunk `wamd`: entries of a 16-bit name, a 32-bit length and a value, little-endian.
//!
//! Source: the names and lengths as Wildlife Acoustics publishes them (`wa_meta.h`), checked byte by byte on a recording of an
//! Echo Meter.

use chorus_engine::Exact;

use super::header::{Header, HeaderFormat, HeaderTime};
use super::values::{celsius, decode, expansion, position, said, unread};

/// Names of the entries that are read.
mod name {
    pub(super) const MODEL: u16 = 0x01;
    pub(super) const SERIAL: u16 = 0x02;
    pub(super) const FIRMWARE: u16 = 0x03;
    pub(super) const TIMESTAMP: u16 = 0x05;
    pub(super) const GPS_FIRST: u16 = 0x06;
    pub(super) const TIME_EXPANSION: u16 = 0x0F;
    pub(super) const POSITION: u16 = 0x14;
    pub(super) const TEMPERATURE_INTERNAL: u16 = 0x15;
    pub(super) const TEMPERATURE_EXTERNAL: u16 = 0x16;
}

/// Reads a `wamd` chunk.
#[must_use]
pub fn parse(chunk: &[u8]) -> Header {
    let entries = entries(chunk);
    let value = |name: u16| entries.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let text = |name: u16| value(name).map(decode).filter(|text| !text.is_empty());
    if entries.is_empty() {
        return Header::default();
    }
    let stamp = text(name::TIMESTAMP);
    let time = stamp.as_deref().and_then(|text| HeaderTime::of_iso(HeaderFormat::Wamd, text));
    let doubt = stamp.filter(|_| time.is_none());
    Header {
        times: time.into_iter().collect(),
        notes: doubt
            .map(|text| unread(HeaderFormat::Wamd, "time", &text, "one such as 2020-03-01 19:00:00-03:00"))
            .into_iter()
            .collect(),
        make: Some("Wildlife Acoustics".to_owned()),
        model: text(name::MODEL).as_deref().and_then(said),
        serial: text(name::SERIAL).as_deref().and_then(said),
        firmware: text(name::FIRMWARE).as_deref().and_then(said),
        temperature_c: [name::TEMPERATURE_INTERNAL, name::TEMPERATURE_EXTERNAL].into_iter().find_map(|n| celsius(&text(n)?)),
        position: [name::GPS_FIRST, name::POSITION].into_iter().find_map(|n| gps(&text(n)?)),
        time_expansion: value(name::TIME_EXPANSION)
            .and_then(|bytes| bytes.first_chunk::<2>())
            .and_then(|bytes| expansion(f64::from(u16::from_le_bytes(*bytes)))),
        ..Header::default()
    }
}

/// The entries, as far as they are whole.
fn entries(chunk: &[u8]) -> Vec<(u16, &[u8])> {
    let (mut entries, mut rest) = (Vec::new(), chunk);
    while let Some(([n1, n2, l1, l2, l3, l4], after)) = rest.split_first_chunk::<6>() {
        let Some((value, after)) = after.split_at_checked(u32::from_le_bytes([*l1, *l2, *l3, *l4]) as usize) else { break };
        entries.push((u16::from_le_bytes([*n1, *n2]), value));
        rest = after;
    }
    entries
}

/// `WGS84, 46.83631, N, 92.01620, W, 200`: datum, degrees with their directions, and in some files the height. Echo Meters
/// leave out the directions, so that a western longitude has no sign. A position without directions is not believed; the GUANO
/// header of these files has the right one.
fn gps(text: &str) -> Option<(Exact, Exact)> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [_datum, latitude, north @ ("N" | "S"), longitude, east @ ("E" | "W"), ..] = parts.as_slice() else { return None };
    let degrees = |text: &str, negative: bool| text.parse::<f64>().ok().map(|degrees| if negative { -degrees } else { degrees });
    position(degrees(latitude, *north == "S")?, degrees(longitude, *east == "W")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(name: u16, value: &[u8]) -> Vec<u8> {
        [&name.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value].concat()
    }

    #[test]
    fn a_song_meter() {
        let chunk = [
            entry(0, &[1, 0]),
            entry(1, b"SM4"),
            entry(2, b"S4A02641"),
            entry(3, b"2.4.9"),
            entry(4, b"POND01"),
            entry(5, b"2025-02-20 17:00:00-06:00"),
            entry(6, b"WGS84, 46.83631, N, 92.01620, W, 200"),
            entry(0x15, b"-2.50C"),
            entry(0xFFFF, b"\0"),
        ]
        .concat();
        let header = parse(&chunk);
        assert_eq!(
            (header.model.as_deref(), header.serial.as_deref(), header.firmware.as_deref()),
            (Some("SM4"), Some("S4A02641"), Some("2.4.9"))
        );
        assert_eq!(header.position, Some((Exact(46.83631), Exact(-92.0162))));
        assert_eq!(header.temperature_c, Some(Exact(-2.5)));
        assert_eq!(
            (header.times[0].local.to_string().as_str(), header.times[0].offset_s),
            ("2025-02-20T17:00:00", Some(-6 * 3600))
        );
    }

    #[test]
    fn fractions_entries_of_any_name_and_an_offset_that_is_not_known() {
        let time = |text: &str| {
            let chunk = [entry(0, &[1, 0]), entry(0x1234, b"??"), entry(5, text.as_bytes()), entry(0xFE, b""), entry(2, b"S4A1")];
            let header = parse(&chunk.concat());
            assert_eq!(header.serial.as_deref(), Some("S4A1"));
            let time = header.times[0].clone();
            (time.local.to_string(), time.offset_s, time.offset_unknown)
        };
        assert_eq!(time("2023-02-28 05:00:00.340+10:00"), ("2023-02-28T05:00:00.34".to_owned(), Some(36_000), false));
        assert_eq!(time("2016-05-17 16:00:00-00:00"), ("2016-05-17T16:00:00".to_owned(), None, true));
        assert_eq!(time("2016-05-17 16:00:00"), ("2016-05-17T16:00:00".to_owned(), None, false));
        let odd = parse(&entry(5, b"17/05/2016 16:00:00"));
        assert!(odd.times.is_empty() && odd.notes.len() == 1, "{odd:?}");
        assert!(odd.notes[0].starts_with("the wamd header's time is `17/05/2016 16:00:00`, expected one such as"), "{odd:?}");
        assert!(parse(&entry(5, b"")).notes.is_empty());
    }

    #[test]
    fn positions_without_directions_have_lost_their_sign() {
        assert_eq!(gps("WGS84,50.7179417,1.76111,51.2"), None);
        assert_eq!(gps("WGS84,10.5,S,20.25,E"), Some((Exact(-10.5), Exact(20.25))));
        assert_eq!(gps("WGS84,95,S,20.25,E"), None);
    }

    #[test]
    fn time_expansion_is_a_number_and_cut_entries_are_left_out() {
        assert_eq!(parse(&entry(0x0F, &[10, 0])).time_expansion, Some(Exact(10.0)));
        let cut = [entry(1, b"SM4"), entry(2, b"S4A02641")].concat();
        let header = parse(&cut[..cut.len() - 1]);
        assert_eq!((header.model.as_deref(), header.serial), (Some("SM4"), None));
        assert_eq!(parse(b"\0\0\xFF\xFF\xFF\xFF"), Header::default());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), name in 0u16..0x20) {
            let _ = parse(&bytes);
            let _ = parse(&entry(name, &bytes));
        }

        #[test]
        fn what_is_written_is_read_back(values in prop::collection::vec(("[ -~]{0,20}", 0u16..0x20), 0..8)) {
            let chunk: Vec<u8> = values.iter().flat_map(|(text, name)| entry(*name, text.as_bytes())).collect();
            let read: Vec<(u16, Vec<u8>)> = entries(&chunk).into_iter().map(|(name, value)| (name, value.to_vec())).collect();
            let written: Vec<(u16, Vec<u8>)> = values.into_iter().map(|(text, name)| (name, text.into_bytes())).collect();
            prop_assert_eq!(read, written);
        }
    }
}
